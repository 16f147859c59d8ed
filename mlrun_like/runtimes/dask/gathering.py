"""A store whose records travel back with a trial's result; reading goes to what can be reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import NotFoundError, StoreUnavailableError
from mlrun_like.tracking.base import ArtifactQuery, MetricPoint, RunQuery, Store
from mlrun_like.types import Document

__all__ = ["GatheringStore"]


class GatheringStore(Store):
    """Keeps what a trial records until the parent writes it.

    Args:
        reader: The real store, if it can be reached from here: for reading only.
        objects: Artifacts that the run is known to need (`tracking.relay.needed_objects`).
    """

    url = "gathering:"

    def __init__(
        self, reader: Store | None = None, objects: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self._reader = reader
        self._objects = objects
        self.log: list[bytes] = []
        self.metrics: list[tuple[str, str, int, list[MetricPoint]]] = []
        self.artifacts: list[tuple[Document, str]] = []
        self.tags: list[tuple[str, str, str, str]] = []
        self.uses: list[tuple[str, str, str, str]] = []
        self.functions: list[tuple[Document, str]] = []

    def _read(self) -> Store:
        if self._reader is None:
            raise StoreUnavailableError(
                "the tracking store cannot be reached from this worker",
                where="a trial on a Dask worker of another machine",
                fix="give it as an input of the run, or use a PostgreSQL store",
            )
        return self._reader

    # -- runs -----------------------------------------------------------------------------

    def store_run(self, run: Document, *, wait: bool = True) -> None:
        """Not kept: the trial's result holds the last state."""

    def read_run(self, project: str, uid: str, iteration: int = 0) -> Document:
        return self._read().read_run(project, uid, iteration)

    def list_runs(self, query: RunQuery) -> list[Document]:
        return self._read().list_runs(query)

    def delete_runs(self, query: RunQuery, *, hard: bool = False) -> int:
        return self._read().delete_runs(query, hard=hard)

    def set_run_state(self, project: str, uid: str, iteration: int, state: str, error: str) -> None:
        self._read().set_run_state(project, uid, iteration, state, error)

    def log_metrics(
        self, project: str, uid: str, iteration: int, points: Sequence[MetricPoint]
    ) -> None:
        self.metrics.append((project, uid, iteration, list(points)))

    def read_metrics(
        self, project: str, uid: str, iteration: int = 0, keys: Sequence[str] = ()
    ) -> dict[str, list[MetricPoint]]:
        return self._read().read_metrics(project, uid, iteration, keys)

    def heartbeat(self, project: str, uid: str, iteration: int = 0) -> str:
        return "running"

    # -- objects --------------------------------------------------------------------------

    def store_artifact(self, artifact: Document, *, tag: str = "", wait: bool = True) -> None:
        self.artifacts.append((artifact, tag))

    def read_artifact(
        self, project: str, key: str, *, tag: str = "", iteration: int | None = None, tree: str = ""
    ) -> Document:
        for document, own_tag in [*self.artifacts, *self._given()]:
            meta = document["metadata"]
            if (meta.get("project", ""), document["spec"].get("db_key")) != (project, key):
                continue
            fits = meta.get("tree") == tree if tree else tag in ("", own_tag, "latest")
            if fits and (iteration is None or meta.get("iter", 0) == iteration):
                return document
        if self._reader is None and not self._objects:
            raise NotFoundError(f"no artifact {key!r} is known here", where=f"project {project!r}")
        return self._read().read_artifact(project, key, tag=tag, iteration=iteration, tree=tree)

    def _given(self) -> list[tuple[Document, str]]:
        return [(item["document"], item.get("tag", "")) for item in self._objects]

    def list_artifacts(self, query: ArtifactQuery) -> list[Document]:
        return self._read().list_artifacts(query)

    def delete_artifacts(self, query: ArtifactQuery, *, hard: bool = False) -> int:
        return self._read().delete_artifacts(query, hard=hard)

    def tag_artifact(self, project: str, key: str, uid: str, tag: str) -> None:
        self.tags.append((project, key, uid, tag))

    def store_function(self, function: Document, *, tag: str = "") -> str:
        self.functions.append((function, tag))
        return str(function.get("metadata", {}).get("hash", ""))

    def read_function(self, project: str, name: str, *, tag: str = "", hash: str = "") -> Document:
        return self._read().read_function(project, name, tag=tag, hash=hash)

    def list_functions(self, project: str = "", name: str = "", tag: str = "") -> list[Document]:
        return self._read().list_functions(project, name, tag)

    # -- the rest -------------------------------------------------------------------------

    def append_log(self, project: str, uid: str, data: bytes) -> None:
        self.log.append(data)

    def read_log(self, project: str, uid: str, offset: int = 0, size: int = -1) -> bytes:
        return b"".join(self.log)[offset : None if size < 0 else offset + size]

    def log_size(self, project: str, uid: str) -> int:
        return sum(map(len, self.log))

    def record_use(self, project: str, uid: str, artifact_uri: str, direction: str) -> None:
        self.uses.append((project, uid, artifact_uri, direction))

    def lineage(self, project: str, uid: str = "", artifact_uri: str = "") -> list[dict[str, Any]]:
        return self._read().lineage(project, uid, artifact_uri)

    def flush(self, timeout: float | None = None) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is open."""

    # -- the journey ----------------------------------------------------------------------

    def records(self) -> dict[str, Any]:
        """All that was recorded, as plain data."""
        return {
            "log": b"".join(self.log),
            "metrics": [(*place, [tuple(p) for p in rows]) for *place, rows in self.metrics],
            "artifacts": self.artifacts,
            "functions": self.functions,
            "tags": self.tags,
            "uses": self.uses,
        }

    @staticmethod
    def deliver(records: Mapping[str, Any], store: Store) -> None:
        """Write another process's records into a store, without waiting for the disk."""
        for project, uid, iteration, rows in records["metrics"]:
            store.log_metrics(project, uid, iteration, [MetricPoint(*row) for row in rows])
        for function, tag in records["functions"]:
            store.store_function(function, tag=tag)
        for artifact, tag in records["artifacts"]:
            store.store_artifact(artifact, tag=tag, wait=False)
        for row in records["tags"]:
            store.tag_artifact(*row)
        for use in records["uses"]:
            store.record_use(*use)
