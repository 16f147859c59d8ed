"""ArtifactManager and ArtifactProducer, where the producer is told at each call."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlrun_like.artifacts import manager
from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.artifacts.item import get_artifact
from mlrun_like.artifacts.paths import Producer
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.names import new_uid, parse_run_uri
from mlrun_like.tracking.base import ArtifactQuery, Store
from mlrun_like.tracking.connect import open_store

__all__ = ["ArtifactManager", "ArtifactProducer"]

_URI = re.compile(r"(?:(?P<project>[^/]+)/)?(?P<uid>[^/-]*)(?:-(?P<iter>[0-9]+))?")


class ArtifactProducer:
    """Who makes artifacts.

    Args:
        kind: `run` or `project`.
        project: The project.
        name: The run's or project's name.
        tag: The tree that its artifacts belong to.
        owner: The user.

    >>> ArtifactProducer("project", "demo", "demo").get_meta()["kind"]
    'project'
    """

    def __init__(
        self, kind: str, project: str, name: str, tag: str | None = None, owner: str | None = None
    ) -> None:
        self.kind = kind
        self.project = project
        self.name = name
        self.tag = tag
        self.owner = owner
        self.uri = "/"
        self.iteration = 0
        self.inputs: dict[str, Any] = {}

    def get_meta(self) -> dict[str, Any]:
        """What an artifact's record says of it."""
        return {"kind": self.kind, "name": self.name, "tag": self.tag, "owner": self.owner}

    @property
    def uid(self) -> str | None:
        """The run's id; a producer of this class has none."""
        return None

    @staticmethod
    def parse_uri(uri: str) -> tuple[str, str, str]:
        """Project, uid and iteration of `<project>/<uid>[-<iteration>]`; empty: it is another form.

        >>> ArtifactProducer.parse_uri("demo/abc-2")
        ('demo', 'abc', '2')
        """
        match = _URI.fullmatch(uri)
        found = match.groups() if match else ("", "", "")
        return found[0] or "", found[1] or "", found[2] or ""


class ArtifactManager:
    """Logs artifacts.

    Args:
        db: The store; None: the configured one.
        calc_hash: MLRun's argument; the setting `calculate_digest` decides here.
    """

    def __init__(self, db: Any = None, calc_hash: bool = True) -> None:
        self.calc_hash = calc_hash
        self.artifact_db = db
        self.artifact_uris: dict[str, str] = {}

    def _store(self) -> Store:
        return self.artifact_db if isinstance(self.artifact_db, Store) else open_store()

    def artifact_list(self, full: bool = False) -> list[dict[str, Any]]:
        """The records of what was logged."""
        return [get_artifact(uri).to_dict() for uri in self.artifact_uris.values()]

    def log_artifact(  # noqa: PLR0913 - MLRun's signature
        self,
        producer: Any,
        item: str | Artifact,
        body: Any = None,
        target_path: str = "",
        tag: str = "",
        viewer: str = "",
        local_path: str = "",
        artifact_path: str | None = None,
        format: str | None = None,
        upload: bool | None = None,
        labels: Mapping[str, Any] | None = None,
        db_key: str | bool | None = None,
        project: str | None = None,
        is_retained_producer: bool | None = None,
        **kwargs: Any,
    ) -> Artifact:
        """Record something; see `mlrun_like.artifacts.manager.ArtifactManager.log_artifact`.

        Args:
            producer: An ArtifactProducer or a context.
            item: Its key, or an Artifact object.
            body: Its content.
            target_path: Where it goes or is.
            tag: A tag.
            viewer: How a UI shows it.
            local_path: A file or folder of this machine.
            artifact_path: The folder where it goes.
            format: Its format.
            upload: Whether to copy.
            labels: Labels.
            db_key: Its name in the store.
            project: Another project than the producer's.
            is_retained_producer: The record keeps the producer that it names.
            kwargs: Fields of the record.
        """
        key = item if isinstance(item, str) else item.key
        if is_retained_producer and db_key is None:
            db_key = key
        origin = item.producer if is_retained_producer and isinstance(item, Artifact) else {}
        made = manager.ArtifactManager(self._store(), _producer(producer, project, origin))
        found = made.log_artifact(
            item, body, local_path, artifact_path, tag, viewer, target_path, None, upload, labels,
            format, db_key, **kwargs,
        )  # fmt: skip
        self.artifact_uris[key] = found.uri
        return found

    def update_artifact(self, producer: Any, item: Artifact) -> None:
        """Record a changed artifact again."""
        self.artifact_uris[item.key] = item.uri
        self._store().store_artifact(item.to_dict(), tag=item.metadata.tag)

    def delete_artifact(
        self,
        item: Artifact,
        deletion_strategy: str = "metadata-only",
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        """Delete an artifact's record.

        Args:
            item: The artifact.
            deletion_strategy: `metadata-only`; its bytes are deleted by `project.delete_artifact`.
            secrets: Not needed for a record.

        Raises:
            InvalidArgumentError: if bytes shall be deleted too.
        """
        strategy = str(getattr(deletion_strategy, "value", deletion_strategy))
        if strategy != "metadata-only":
            raise InvalidArgumentError(
                f"deletion_strategy={strategy!r} deletes bytes, which a manager does not",
                fix="project.delete_artifact(item, deletion_strategy=...)",
            )
        meta = item.metadata
        query = ArtifactQuery(
            project=meta.project, key=item.spec.db_key or item.key, tag="*", tree=meta.tree
        )
        self._store().delete_artifacts(query)


def _producer(given: Any, project: str | None, origin: Mapping[str, str]) -> Producer:
    uri = str(getattr(given, "uri", "") or "")
    kind = str(getattr(given, "kind", "") or "run")
    run = parse_run_uri(uri) if kind == "run" and uri.strip("/") else None
    sources = [{"key": name, "path": str(value)} for name, value in (given.inputs or {}).items()]
    return Producer(
        kind=kind,
        name=str(given.name),
        uri=uri if run else str(given.name),
        project=project or str(given.project),
        tree=str(getattr(given, "tag", "") or (run.uid if run else "") or new_uid()),
        iteration=int(given.iteration or 0),
        owner=str(getattr(given, "owner", "") or ""),
        sources=sources,
        origin=dict(origin),
    )
