"""The store's seam: three small interfaces and one door; `abilities` has what not every store can.

All records are plain documents (`specs.run.RunDoc.to_dict()` and so on), so a store needs no
knowledge of the models. A store that cannot be reached raises StoreUnavailableError from reads;
writes never raise for that reason: they are spooled to disk and delivered later.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mlrun_like.types import Document

__all__ = [
    "ArtifactQuery",
    "LogStore",
    "MetricPoint",
    "ObjectStore",
    "RunQuery",
    "RunStore",
    "Store",
]


class MetricPoint(NamedTuple):
    """One value of one metric; `time` is seconds since 1970."""

    key: str
    value: float
    step: int
    time: float


@dataclass(frozen=True)
class RunQuery:
    """Which runs; empty fields do not restrict.

    Args:
        project: The project; `"*"`: all.
        name: Exact name, or `"~part"` for any name that contains `part`, case ignored.
        uid: One id or several.
        labels: Label values that must match; value None: the label must exist.
        states: Any of these.
        iterations: Whether child iterations are listed too.
        iteration: Exactly this iteration.
        since: Started at or after this ISO time.
        until: Started at or before this ISO time.
        limit: At most this many, newest first; 0: all.
        deleted: List soft-deleted runs instead.
        projects: Of any of these projects too; empty: as `project` says. For those who may see
            some projects only.
        sort: For pages: `started`, `updated`, `duration`, `name` or `state`, with `-` in front:
            descending.
        after: For pages: the position of the last row of the page before.
    """

    project: str = ""
    name: str = ""
    uid: str | tuple[str, ...] = ""
    labels: Mapping[str, str | None] = field(default_factory=dict)
    states: tuple[str, ...] = ()
    iterations: bool = False
    iteration: int | None = None
    since: str = ""
    until: str = ""
    limit: int = 0
    deleted: bool = False
    projects: tuple[str, ...] = ()
    sort: str = "-started"
    after: tuple[Any, ...] = ()


@dataclass(frozen=True)
class ArtifactQuery:
    """Which artifacts; empty fields do not restrict.

    Args:
        project: The project; `"*"`: all.
        key: Exact database key, or `"~part"`.
        tag: Artifacts that carry this tag; `"*"`: every version.
        tree: Produced by this run or workflow.
        kind: Exactly this kind; empty or `artifact`: plain files; None: any.
        category: `model`, `dataset` or `other`.
        iteration: Exactly this iteration.
        labels: Label values that must match; value None: the label must exist.
        since: Updated at or after this ISO time.
        until: Updated at or before this ISO time.
        limit: At most this many, newest first; 0: all.
        projects: Of any of these projects too; empty: as `project` says.
        sort: For pages: `updated` or `key`, with `-` in front: descending.
        after: For pages: the position of the last row of the page before.
    """

    project: str = ""
    key: str = ""
    tag: str = ""
    tree: str = ""
    kind: str | None = None
    category: str = ""
    iteration: int | None = None
    labels: Mapping[str, str | None] = field(default_factory=dict)
    since: str = ""
    until: str = ""
    limit: int = 0
    projects: tuple[str, ...] = ()
    sort: str = "-updated"
    after: tuple[Any, ...] = ()


class RunStore(ABC):
    """Runs and their metrics."""

    @abstractmethod
    def store_run(self, run: Document, *, wait: bool = True) -> None:
        """Insert or replace a run by project, uid and iteration.

        A terminal state already recorded stays (results and artifacts are still merged); the
        sticky rule makes late writers harmless. With `wait`, return when it is on disk.
        """

    @abstractmethod
    def read_run(self, project: str, uid: str, iteration: int = 0) -> Document:
        """The run. Raises NotFoundError."""

    @abstractmethod
    def list_runs(self, query: RunQuery) -> list[Document]:
        """Runs, newest first."""

    @abstractmethod
    def delete_runs(self, query: RunQuery, *, hard: bool = False) -> int:
        """Delete (softly: hidden until gc) and return how many; refuses running ones."""

    @abstractmethod
    def set_run_state(self, project: str, uid: str, iteration: int, state: str, error: str) -> None:
        """Move a run to a legal next state. Raises NotFoundError or StateError."""

    @abstractmethod
    def log_metrics(
        self, project: str, uid: str, iteration: int, points: Sequence[MetricPoint]
    ) -> None:
        """Queue points; returns at once. On disk within `flush_interval`."""

    @abstractmethod
    def read_metrics(
        self, project: str, uid: str, iteration: int = 0, keys: Sequence[str] = ()
    ) -> dict[str, list[MetricPoint]]:
        """Series by key, ordered by step and time."""

    @abstractmethod
    def heartbeat(self, project: str, uid: str, iteration: int = 0) -> str:
        """Record a sign of life and return the run's recorded state (`aborting` asks to stop)."""


class ObjectStore(ABC):
    """Functions, artifacts, tags and lineage."""

    @abstractmethod
    def store_artifact(self, artifact: Document, *, tag: str = "", wait: bool = True) -> None:
        """Insert a version (`metadata.uid`) and point `latest` and `tag` at it."""

    @abstractmethod
    def read_artifact(
        self, project: str, key: str, *, tag: str = "", iteration: int | None = None, tree: str = ""
    ) -> Document:
        """One version by database key: by tree, else by tag (default latest). NotFoundError.

        If the newest run made no such `iteration`, it is the newest of that iteration that there
        is, of another run; not with a `tree` or another tag.
        """

    @abstractmethod
    def list_artifacts(self, query: ArtifactQuery) -> list[Document]:
        """Versions, newest first; `metadata.tag` is filled for tagged ones."""

    @abstractmethod
    def delete_artifacts(self, query: ArtifactQuery, *, hard: bool = False) -> int:
        """Delete records (softly: hidden until gc) and return how many."""

    @abstractmethod
    def tag_artifact(self, project: str, key: str, uid: str, tag: str) -> None:
        """Move a tag to one version: exactly one version of a key holds a tag."""

    @abstractmethod
    def store_function(self, function: Document, *, tag: str = "") -> str:
        """Insert a version by its hash, point `latest` and `tag` at it, return the hash."""

    @abstractmethod
    def read_function(self, project: str, name: str, *, tag: str = "", hash: str = "") -> Document:
        """One version by hash, else by tag (default latest). Raises NotFoundError."""

    @abstractmethod
    def list_functions(self, project: str = "", name: str = "", tag: str = "") -> list[Document]:
        """Versions, newest first."""


class LogStore(ABC):
    """Text logs addressed by byte offset."""

    @abstractmethod
    def append_log(self, project: str, uid: str, data: bytes) -> None:
        """Queue bytes at the end of the run's log; returns at once."""

    @abstractmethod
    def read_log(self, project: str, uid: str, offset: int = 0, size: int = -1) -> bytes:
        """Bytes from `offset`; size -1: to the end. Empty if there are none."""

    @abstractmethod
    def log_size(self, project: str, uid: str) -> int:
        """Bytes so far."""


class Store(RunStore, ObjectStore, LogStore):
    """All three behind one connection, with lineage and an orderly end."""

    url: str
    """What `open_store` takes to reach the same records from another process."""

    @abstractmethod
    def record_use(self, project: str, uid: str, artifact_uri: str, direction: str) -> None:
        """Lineage: run `uid` did `read` or `write` the artifact. Queued; returns at once."""

    @abstractmethod
    def lineage(self, project: str, uid: str = "", artifact_uri: str = "") -> list[dict[str, Any]]:
        """Edges `{project, uid, artifact_uri, direction, time}` of a run or of an artifact."""

    @abstractmethod
    def flush(self, timeout: float | None = None) -> None:
        """Return when everything queued is on disk (in the store, or in the spool)."""

    def token(self) -> str:
        """What another process needs besides `url`, if it has not this one's settings; secret."""
        return ""

    def connect(self) -> None:
        """Connect now, not at first use, and deliver what dead processes of here have left.

        Raises:
            StoreUnavailableError: if it cannot be reached.
            ConflictError: if it is of a newer version.
            IncompatibleVersionError: if it is a service of another release.
        """

    def check(self) -> None:
        """See cheaply whether what was opened is still there.

        Raises:
            StoreUnavailableError: if it is not.
        """

    def unwritten(self) -> str:
        """Flush, and say why records are nowhere but in memory; empty if all are on disk."""
        self.flush()
        return ""

    @abstractmethod
    def close(self) -> None:
        """Flush and release; calling it twice is harmless."""
