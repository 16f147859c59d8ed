"""The artifacts of a project: declared in its document, logged, imported."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlrun_like.artifacts.artifact import Artifact, DatasetArtifact, ModelArtifact
from mlrun_like.artifacts.digests import digest_of_file
from mlrun_like.artifacts.exporting import unpack_artifact
from mlrun_like.artifacts.item import get_artifact, get_dataitem
from mlrun_like.artifacts.language import LogsLanguage
from mlrun_like.artifacts.manager import ArtifactManager, Producer
from mlrun_like.artifacts.paths import generate_target_path, resolve_artifact_path
from mlrun_like.artifacts.stores import join_url, scheme_of
from mlrun_like.configuration import environment
from mlrun_like.errors import (
    IntegrityError,
    InvalidArgumentError,
    MissingFileError,
    NotFoundError,
    SpecError,
)
from mlrun_like.names import check_key, new_uid
from mlrun_like.projects.documents import read_bytes
from mlrun_like.projects.positional import LOGGED, MODEL, TABLE, by_name
from mlrun_like.projects.profiles import ProjectProfiles
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.meant import meant_session
from mlrun_like.types import Document

__all__ = ["ProjectArtifacts"]

_MAX_DOCUMENT = 16 * 2**20
_CATEGORIES = {"": "artifacts", "artifact": "artifacts", "dataset": "datasets", "model": "models"}


class ProjectArtifacts(LogsLanguage, ProjectProfiles):
    """The part of a project that logs artifacts."""

    # -- declared in project.yaml --------------------------------------------------------------

    def set_artifact(
        self, key: str, artifact: Any = None, target_path: str | None = None, tag: str | None = None
    ) -> None:
        """Declare an artifact that belongs to the project; `register_artifacts` records it.

        Args:
            key: Its name.
            artifact: An Artifact, or the path of an artifact's document.
            target_path: Where its bytes are, instead of `artifact`.
            tag: Its tag.

        Raises:
            InvalidArgumentError: if there is neither an artifact nor a path.
        """
        check_key(key)
        row: dict[str, Any] = {"key": key}
        if isinstance(artifact, (str, os.PathLike)):
            written = os.fspath(artifact)
            path = row["import_from"] = self._place(written)
            if not scheme_of(path) and not os.path.isfile(path):
                raise MissingFileError(
                    f"there is no artifact document {written!r}",
                    where=f"project {self.name!r}: {path}",
                )
        elif isinstance(artifact, Artifact):
            document = artifact.to_dict()
            row.update(
                kind=document.get("kind") or "artifact",
                metadata={**(document.get("metadata") or {}), "key": key},
                spec=document.get("spec") or {},
            )
        elif target_path:
            spec = {"target_path": os.fspath(target_path)}
            row.update(kind="artifact", metadata={"key": key}, spec=spec)
        else:
            raise InvalidArgumentError(
                f"artifact {key!r} needs an artifact or a target_path",
                where=f"project {self.name!r}",
                fix=f'project.set_artifact("{key}", target_path="data/train.csv")',
            )
        if tag:
            row["tag"] = tag
        kept = [each for each in self.spec.artifacts if each.get("key") != key]
        self.spec.artifacts = [*kept, row]

    def register_artifacts(self) -> None:
        """Record the declared artifacts; what is recorded as it is stays."""
        for row in self.spec.artifacts:
            key, tag = str(row.get("key") or ""), str(row.get("tag") or "")
            metadata = row.get("metadata") or {}
            key = key or str(metadata.get("key") or "")
            if row.get("import_from"):
                self.import_artifact(self._place(row["import_from"]), key, tag=tag)
                continue
            spec = dict(row.get("spec") or {})
            kind = str(row.get("kind") or "")
            document = {
                "kind": kind or "artifact",
                "metadata": {"key": key, "labels": metadata.get("labels") or {}},
                "spec": spec,
            }
            artifact = Artifact.from_dict(document)
            target = self._place(artifact.target_path) if artifact.target_path else ""
            if self._is_recorded(key, target):
                continue
            self._manager(artifact.producer).log_artifact(
                artifact, target_path=target, upload=False, tag=tag, db_key=key
            )

    def _is_recorded(self, key: str, target: str) -> bool:
        try:
            found = open_store().read_artifact(self.name, key)
        except NotFoundError:
            return False
        return bool(target) and (found.get("spec") or {}).get("target_path") == target

    def _place(self, path: str) -> str:
        """A path relative to the project's folder as an absolute one; URLs stay."""
        if scheme_of(path) or Path(path).is_absolute():
            return path
        return self.get_item_absolute_path(path)[0]

    # -- logging -------------------------------------------------------------------------------

    def log_artifact(
        self, item: Any, body: Any = None, tag: str = "", *arguments: Any, **options: Any
    ) -> Artifact:
        """Record a file, text, bytes or Artifact; see `ArtifactManager.log_artifact`."""
        options = by_name("log_artifact", LOGGED, arguments, options)
        known = (item.spec.db_key or item.key) if isinstance(item, Artifact) else item
        options.setdefault("db_key", known)
        return self._manager().log_artifact(item, body, tag=tag, **options)

    def log_dataset(
        self, key: str, df: Any, tag: str = "", *arguments: Any, **options: Any
    ) -> DatasetArtifact:
        """Record a table; see `ArtifactManager.log_dataset`."""
        options = by_name("log_dataset", TABLE, arguments, options)
        options.setdefault("db_key", key)
        return self._manager().log_dataset(key, df, tag=tag, **options)

    def log_model(
        self,
        key: str,
        body: Any = None,
        framework: str = "",
        tag: str = "",
        *arguments: Any,
        **options: Any,
    ) -> ModelArtifact:
        """Record a model; see `ArtifactManager.log_model`."""
        options = by_name("log_model", MODEL, arguments, options)
        options.setdefault("db_key", key)
        return self._manager().log_model(key, body, framework, tag=tag, **options)

    def _resolve_artifact_owner(self) -> str | None:
        # the variable names the user of this process, and not a session's
        own = environment("V3IO_USERNAME") if meant_session() is None else None
        return own or self.spec.owner

    def _manager(self, origin: Mapping[str, Any] | None = None) -> ArtifactManager:
        return ArtifactManager(
            open_store(),
            Producer(
                kind="project",
                name=self.name,
                uri=self.name,
                project=self.name,
                tree=new_uid(),
                owner=self._resolve_artifact_owner() or "",
                artifact_path=self.artifact_path,
                origin=_origin(origin or {}),
            ),
        )

    def import_artifact(
        self,
        item_path: str | Path,
        new_key: str | None = None,
        artifact_path: str | None = None,
        tag: str | None = None,
    ) -> Artifact:
        """Record an artifact that another project exported.

        Args:
            item_path: An artifact's document (`.yaml`, `.json`), an archive of it (`.zip`), or a
                `store://` URI.
            new_key: Its key here.
            artifact_path: Where the content of an archive goes.
            tag: Its tag here.

        Raises:
            SpecError: if the document is damaged.
        """
        path = os.fspath(item_path)
        if path.lower().endswith(".zip"):
            with tempfile.TemporaryDirectory() as folder:
                document, body, extra = unpack_artifact(self._place(path), folder)
                return self._import(document, new_key, body, extra, artifact_path, tag)
        if path.startswith("store://"):
            document = get_artifact(path).to_dict()
        else:
            document = _read_artifact(self._place(path))
        return self._import(document, new_key, "", {}, artifact_path, tag)

    def _import(
        self,
        document: Document,
        new_key: str | None,
        body: str,
        extra: Mapping[str, str],
        artifact_path: str | None,
        tag: str | None,
    ) -> Artifact:
        metadata, given = document.get("metadata") or {}, document.get("spec") or {}
        key = new_key or str(given.get("db_key") or metadata.get("key"))
        plain = {name: metadata[name] for name in ("labels", "description") if name in metadata}
        spec = {k: v for k, v in given.items() if k not in (*_OWN, *(_PLACE if body else ()))}
        files = (document.get("status") or {}).get("files")
        artifact = Artifact.from_dict(
            {
                "kind": document.get("kind") or "",
                "metadata": {**plain, "key": key},
                "spec": spec,
                "status": {"files": files} if files else {},
            }
        )
        target = artifact.target_path
        manager = self._manager(given.get("producer"))
        if body or extra:
            # what was unpacked is copied to where artifacts of this project go
            _check_body(body, str(given.get("digest") or ""), key)
            top = resolve_artifact_path(manager.producer, artifact_path)
            base = generate_target_path(artifact, top, manager.producer)
            files = {name: join_url(f"{base.rstrip('/')}-files", name) for name in extra}
            for name, place in extra.items():
                get_dataitem(files[name]).upload(place)
            if files:
                artifact.spec.extra_data = {**artifact.spec.extra_data, **files}
            if body:
                target = base
                get_dataitem(base).upload(body)
        return manager.log_artifact(
            artifact,
            target_path=target,
            artifact_path=artifact_path,
            upload=False,
            tag=tag or "",
            db_key=key,
        )


_OWN = ("db_key", "src_path", "producer", "sources")
"""What an artifact's record says of where it was made."""
_PLACE = ("target_path",)


def _check_body(body: str, digest: str, key: str) -> None:
    found = digest_of_file(body)
    if digest and found and not found.startswith("size:") and found != digest:
        raise IntegrityError(
            f"the bytes of artifact {key!r} in the archive differ from its digest",
            fix="export it again",
        )


def _origin(producer: Mapping[str, Any]) -> dict[str, str]:
    """Who made an artifact that comes from elsewhere, if a run did: its id is kept as `tag`."""
    if producer.get("kind") != "run":
        return {}
    uri = str(producer.get("uri") or "")
    uid = uri.partition("#")[0].replace("@", "/").rpartition("/")[2]
    tag = str(producer.get("tag") or uid)
    found = {"kind": "run", "name": producer.get("name"), "tag": tag.partition(":")[0]}
    return {k: str(v) for k, v in {**found, "owner": producer.get("owner")}.items() if v}


def _read_artifact(path: str) -> Document:
    data = read_bytes(path, _MAX_DOCUMENT, "artifact document")
    try:
        text = data.decode()
        found = json.loads(text) if path.endswith(".json") else yaml.safe_load(text)
        document = json.loads(json.dumps(found, default=str))
    except (ValueError, RecursionError, yaml.YAMLError) as exc:
        raise SpecError(f"the artifact document cannot be read: {exc}", where=path) from exc
    if not isinstance(document, dict):
        raise SpecError("an artifact document is a mapping", where=path)
    return document
