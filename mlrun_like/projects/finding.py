"""What a project has in the store: artifacts, runs, functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.artifacts.item import DataItem, get_dataitem
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.functions.documents import from_document
from mlrun_like.names import ArtifactURI
from mlrun_like.projects.artifacts import ProjectArtifacts
from mlrun_like.projects.found import ArtifactList, RunList
from mlrun_like.runs.object import RunObject
from mlrun_like.runs.session import write_sessions
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.base import ArtifactQuery, RunQuery
from mlrun_like.tracking.connect import open_store
from mlrun_like.types import Document

__all__ = ["ProjectFinding"]

_DELETION = ("metadata-only", "data-optional", "data-force")


class ProjectFinding(ProjectArtifacts):
    """The part of a project that finds what is recorded."""

    def get_artifact_uri(
        self,
        key: str,
        category: str = "artifact",
        tag: str | None = None,
        iter: int | None = None,
        tree: str = "",
    ) -> str:
        """The `store://` URI of an artifact.

        Args:
            key: Its key in the store.
            category: `artifact`, `dataset`, `model`, `feature-set` or `feature-vector`.
            tag: Its tag.
            iter: The child run that made it.
            tree: The run or workflow that made it.
        """
        kind = category if category.endswith("s") else f"{category or 'artifact'}s"
        return str(ArtifactURI(kind, self.name, key, iter, tag or "", tree))

    def get_artifact(
        self, key: str, tag: str | None = None, iter: int | None = None, tree: str | None = None
    ) -> Artifact:
        """An artifact by its key in the store.

        Args:
            key: Its key.
            tag: Its tag; empty: `latest`.
            iter: The iteration that made it; without `tag` and `tree`, if the newest run made no
                such iteration: the newest artifact of that iteration, which is another run's.
            tree: The run or workflow that made it.

        Raises:
            NotFoundError: if there is none.
        """
        found = open_store().read_artifact(
            self.name, key, tag=tag or "", iteration=iter, tree=tree or ""
        )
        return Artifact.from_dict(found)

    def get_dataitem(self, url: str) -> DataItem:
        """The file or folder at a URL; `store://` URIs without a project mean this one."""
        return get_dataitem(url, project=self.name)

    def list_artifacts(
        self, name: str | None = None, tag: str | None = None, **filters: Any
    ) -> ArtifactList:
        """Artifacts, newest first.

        Args:
            name: Exact key, or `~part`.
            tag: Only with this tag; by default every version.
            filters: `labels`, `since`, `until`, `iter`, `kind`, `category`, `tree`, `limit`.
        """
        return ArtifactList(
            Artifact.from_dict(item) for item in self._artifacts(name, tag, filters)
        )

    def list_models(self, name: str | None = None, tag: str | None = None) -> ArtifactList:
        """Models, newest first."""
        return self.list_artifacts(name, tag, category="model")

    def delete_artifact(self, item: Artifact, deletion_strategy: str = "metadata-only") -> None:
        """Delete an artifact's record; `mlrun-like gc` removes files that no record names.

        Args:
            item: The artifact.
            deletion_strategy: `metadata-only`; `data-force`: its bytes now, too; `data-optional`:
                its bytes if they can be deleted.

        Raises:
            InvalidArgumentError: if the strategy is unknown.
            MLRunLikeError: if its bytes cannot be deleted; its record stays.
        """
        if deletion_strategy not in _DELETION:
            raise InvalidArgumentError(
                f"deletion strategy {deletion_strategy!r} is unknown",
                fix=f"use one of: {', '.join(_DELETION)}",
            )
        if deletion_strategy != "metadata-only" and item.target_path:
            try:
                item.to_dataitem().delete(recursive=True)
            except MLRunLikeError:
                if deletion_strategy == "data-force":
                    raise
        meta = item.metadata
        key = item.spec.db_key or item.key
        query = ArtifactQuery(
            project=self.name, key=key, tag="*", tree=meta.tree, iteration=meta.iter
        )
        open_store().delete_artifacts(query)

    def _artifacts(
        self, name: str | None, tag: str | None, filters: Mapping[str, Any]
    ) -> list[Document]:
        given = {k: v for k, v in filters.items() if v not in (None, "")}
        labels = _labels(given.pop("labels", None))
        query = ArtifactQuery(
            project=self.name,
            key=name or "",
            tag=tag or "*",
            labels=labels,
            iteration=given.pop("iter", None),
            since=_time(given.pop("since", "")),
            until=_time(given.pop("until", "")),
            **{k: given.pop(k) for k in ("kind", "category", "tree", "limit") if k in given},
        )
        _refuse_unknown(given, "list_artifacts")
        return open_store().list_artifacts(query)

    def list_runs(
        self, name: str | None = None, uid: str | list[str] | None = None, **filters: Any
    ) -> RunList:
        """Runs, newest first.

        Args:
            name: Exact name, or `~part`.
            uid: One id or several.
            filters: `labels`, `state`, `states`, `iter` (children too), `start_time_from`,
                `start_time_to`, `limit`.
        """
        given = {k: v for k, v in filters.items() if v not in (None, "")}
        states = [*([given.pop("state")] if "state" in given else []), *given.pop("states", [])]
        given.pop("sort", None)
        query = RunQuery(
            project=self.name,
            name=name or "",
            uid=tuple(uid) if isinstance(uid, (list, tuple)) else uid or "",
            labels=_labels(given.pop("labels", None)),
            states=tuple(states),
            iterations=bool(given.pop("iter", False)),
            since=_time(given.pop("start_time_from", "")),
            until=_time(given.pop("start_time_to", "")),
            limit=given.pop("limit", 0),
        )
        _refuse_unknown(given, "list_runs")
        write_sessions()
        store = open_store()
        found = store.list_runs(query)
        return RunList(RunObject(parse(RunDoc, run, "run"), store) for run in found)

    def list_functions(
        self, name: str | None = None, tag: str | None = None, labels: Any = None
    ) -> list[Any]:
        """Versions of functions in the store, newest first."""
        wanted = _labels(labels)
        found = []
        for document in open_store().list_functions(self.name, name or "", tag or ""):
            own = (document.get("metadata") or {}).get("labels") or {}
            if all(key in own and value in (None, own[key]) for key, value in wanted.items()):
                found.append(from_document(document))
        return found


def _labels(labels: Any) -> dict[str, str | None]:
    """Labels as MLRun takes them: a mapping, or texts `name` and `name=value`."""
    if isinstance(labels, Mapping):
        return {str(k): None if v is None else str(v) for k, v in labels.items()}
    found: dict[str, str | None] = {}
    for text in [labels] if isinstance(labels, str) else labels or ():
        name, mark, value = str(text).partition("=")
        found[name] = value if mark else None
    return found


def _time(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value or "")


def _refuse_unknown(given: Mapping[str, Any], call: str) -> None:
    if given:
        raise InvalidArgumentError(
            f"{call} has no filter {', '.join(map(repr, given))}", fix=f"help(project.{call})"
        )
