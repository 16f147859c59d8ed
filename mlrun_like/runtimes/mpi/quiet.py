"""Stores of ranks: one rank's records arrive, but its end is left to the submitter; the others'
records are dropped, while all may read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.base import ArtifactQuery, MetricPoint, RunQuery, Store
from mlrun_like.types import Document

__all__ = ["HeldStore", "QuietStore"]


class HeldStore(Store):
    """Passes everything on, except how the run ended: other ranks may still fail.

    Args:
        store: The real one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.url = store.url

    def store_run(self, run: Document, *, wait: bool = True) -> None:
        status = run.get("status") or {}
        if not run["metadata"].get("iteration") and status.get("state") in {*TERMINAL, "pending"}:
            run = {**run, "status": {**status, "state": "running"}}
        self._store.store_run(run, wait=wait)

    def read_run(self, project: str, uid: str, iteration: int = 0) -> Document:
        return self._store.read_run(project, uid, iteration)

    def list_runs(self, query: RunQuery) -> list[Document]:
        return self._store.list_runs(query)

    def delete_runs(self, query: RunQuery, *, hard: bool = False) -> int:
        return self._store.delete_runs(query, hard=hard)

    def set_run_state(self, project: str, uid: str, iteration: int, state: str, error: str) -> None:
        self._store.set_run_state(project, uid, iteration, state, error)

    def log_metrics(
        self, project: str, uid: str, iteration: int, points: Sequence[MetricPoint]
    ) -> None:
        self._store.log_metrics(project, uid, iteration, points)

    def read_metrics(
        self, project: str, uid: str, iteration: int = 0, keys: Sequence[str] = ()
    ) -> dict[str, list[MetricPoint]]:
        return self._store.read_metrics(project, uid, iteration, keys)

    def heartbeat(self, project: str, uid: str, iteration: int = 0) -> str:
        # An abort comes from the submitter, who tells all ranks at the same time.
        self._store.heartbeat(project, uid, iteration)
        return ""

    def store_artifact(self, artifact: Document, *, tag: str = "", wait: bool = True) -> None:
        self._store.store_artifact(artifact, tag=tag, wait=wait)

    def read_artifact(
        self, project: str, key: str, *, tag: str = "", iteration: int | None = None, tree: str = ""
    ) -> Document:
        return self._store.read_artifact(project, key, tag=tag, iteration=iteration, tree=tree)

    def list_artifacts(self, query: ArtifactQuery) -> list[Document]:
        return self._store.list_artifacts(query)

    def delete_artifacts(self, query: ArtifactQuery, *, hard: bool = False) -> int:
        return self._store.delete_artifacts(query, hard=hard)

    def tag_artifact(self, project: str, key: str, uid: str, tag: str) -> None:
        self._store.tag_artifact(project, key, uid, tag)

    def store_function(self, function: Document, *, tag: str = "") -> str:
        return self._store.store_function(function, tag=tag)

    def read_function(self, project: str, name: str, *, tag: str = "", hash: str = "") -> Document:
        return self._store.read_function(project, name, tag=tag, hash=hash)

    def list_functions(self, project: str = "", name: str = "", tag: str = "") -> list[Document]:
        return self._store.list_functions(project, name, tag)

    def append_log(self, project: str, uid: str, data: bytes) -> None:
        self._store.append_log(project, uid, data)

    def read_log(self, project: str, uid: str, offset: int = 0, size: int = -1) -> bytes:
        return self._store.read_log(project, uid, offset, size)

    def log_size(self, project: str, uid: str) -> int:
        return self._store.log_size(project, uid)

    def record_use(self, project: str, uid: str, artifact_uri: str, direction: str) -> None:
        self._store.record_use(project, uid, artifact_uri, direction)

    def lineage(self, project: str, uid: str = "", artifact_uri: str = "") -> list[dict[str, Any]]:
        return self._store.lineage(project, uid, artifact_uri)

    def flush(self, timeout: float | None = None) -> None:
        self._store.flush(timeout)

    def close(self) -> None:
        self._store.close()


class QuietStore(HeldStore):
    """Reads are answered; what is written goes nowhere.

    Args:
        store: The real one.
    """

    def store_run(self, run: Document, *, wait: bool = True) -> None:
        del run, wait

    def delete_runs(self, query: RunQuery, *, hard: bool = False) -> int:
        del query, hard
        return 0

    def set_run_state(self, project: str, uid: str, iteration: int, state: str, error: str) -> None:
        del project, uid, iteration, state, error

    def log_metrics(
        self, project: str, uid: str, iteration: int, points: Sequence[MetricPoint]
    ) -> None:
        del project, uid, iteration, points

    def heartbeat(self, project: str, uid: str, iteration: int = 0) -> str:
        del project, uid, iteration
        return ""

    def store_artifact(self, artifact: Document, *, tag: str = "", wait: bool = True) -> None:
        del artifact, tag, wait

    def delete_artifacts(self, query: ArtifactQuery, *, hard: bool = False) -> int:
        del query, hard
        return 0

    def tag_artifact(self, project: str, key: str, uid: str, tag: str) -> None:
        del project, key, uid, tag

    def store_function(self, function: Document, *, tag: str = "") -> str:
        del tag
        return str(function.get("metadata", {}).get("hash", ""))

    def append_log(self, project: str, uid: str, data: bytes) -> None:
        del project, uid, data

    def record_use(self, project: str, uid: str, artifact_uri: str, direction: str) -> None:
        del project, uid, artifact_uri, direction

    def flush(self, timeout: float | None = None) -> None:
        del timeout
