"""What a store can do for windows of monitoring: leases, cursors, results, all in one commit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mlrun_like.tracking.alert_abilities import Happening
from mlrun_like.types import Document

__all__ = [
    "LeaseStore",
    "ResultRow",
    "ResultStore",
    "WindowCommit",
    "WindowCursor",
    "WindowRow",
    "WindowStore",
]


class WindowCursor(NamedTuple):
    """How far an application has come on an endpoint.

    `done` is the end of the last finished window, in seconds since 1970. `attempts` counts how
    often the next window has failed, `retry_at` is when it may be tried again, `skipped` counts
    the windows given up since the last good one, and `error` is the last failure's text.
    """

    project: str
    endpoint: str
    application: str
    done: float
    attempts: int = 0
    retry_at: float = 0.0
    skipped: int = 0
    error: str = ""
    updated: float = 0.0


class WindowRow(NamedTuple):
    """What became of one window.

    States: `done`, `failed` (it will be tried again), `skipped` (given up), `missed` (older than
    the limit of catching up; one row for the whole span).
    """

    start: float
    end: float
    state: str
    events: int = 0
    attempts: int = 0
    error: str = ""


class ResultRow(NamedTuple):
    """A number that an application gave for a window.

    `type` is `result` or `metric`; only a result has a `kind` (such as `data_drift`) and a
    `status` (-1 irrelevant, 0 none, 1 potential, 2 detected). `extra` is a document.
    """

    project: str
    endpoint: str
    application: str
    name: str
    type: str
    start: float
    end: float
    value: float
    kind: str = ""
    status: int = -1
    extra: Document = {}  # noqa: RUF012 - a default of a tuple; nobody changes it


@dataclass(frozen=True)
class WindowCommit:
    """Windows of one endpoint and application that are finished together, or not at all.

    Args:
        cursor: Where the application is afterwards.
        before: `done` of the cursor as it was read; None: there was none. If the store's cursor
            has moved on since, nothing of this commit is written.
        windows: What became of each window.
        results: Their numbers.
        stats: Name -> the newest document of statistics.
        happenings: Rows for the event log, each with a deterministic id.
    """

    cursor: WindowCursor
    before: float | None
    windows: Sequence[WindowRow] = ()
    results: Sequence[ResultRow] = ()
    stats: Mapping[str, Document] = field(default_factory=dict)
    happenings: Sequence[Happening] = ()


class LeaseStore(ABC):
    """Who may do something alone, for a while."""

    @abstractmethod
    def claim_leases(self, names: Sequence[str], owner: str, seconds: float) -> set[str]:
        """Take or prolong leases; those that are this owner's now. The store's clock decides."""

    @abstractmethod
    def release_leases(self, names: Sequence[str], owner: str) -> None:
        """Give back those that are still this owner's."""

    @abstractmethod
    def read_leases(self, prefix: str = "") -> dict[str, tuple[str, float]]:
        """Name -> owner and seconds that are left, of the leases that hold now."""


class ResultStore(ABC):
    """What monitoring applications found."""

    @abstractmethod
    def replace_results(self, project: str, rows: Sequence[ResultRow]) -> None:
        """Write numbers of finished windows anew, as late labels make them: one row each."""

    @abstractmethod
    def list_results(  # noqa: PLR0913 - filters
        self, project: str, endpoint: str = "", application: str = "", name: str = "",
        start: float | None = None, end: float | None = None, *, type: str = "",
        min_status: int | None = None, limit: int = 0,
    ) -> list[ResultRow]:  # fmt: skip
        """Numbers by the end of their windows (`start` < end <= `end`), oldest first.

        Args:
            project: Its project.
            endpoint: Only this endpoint's uid; empty: all. So for application and name.
            application: The application's name.
            name: The result's or metric's name.
            start: Seconds since 1970; None: from the first.
            end: Seconds since 1970; None: to the last.
            type: `result` or `metric`; empty: both.
            min_status: Only results with at least this status.
            limit: Only the newest so many; 0: all.
        """

    @abstractmethod
    def latest_results(self, project: str, endpoint: str = "") -> list[ResultRow]:
        """The newest number of each endpoint, application and name."""

    @abstractmethod
    def read_window_stats(
        self, project: str, endpoint: str, application: str = ""
    ) -> dict[str, tuple[float, Document]]:
        """Name -> time and document of the newest statistics that applications gave."""

    @abstractmethod
    def delete_results(self, project: str, endpoint: str = "", before: float | None = None) -> int:
        """Delete numbers and windows that ended before a time; how many numbers there were.

        Without a time also cursors and statistics go: the endpoint or project is forgotten.
        """


class WindowStore(LeaseStore, ResultStore):
    """Windows of monitoring applications: how far they are, and what was found in them."""

    @abstractmethod
    def read_cursors(
        self, project: str = "", endpoints: Sequence[str] | None = None
    ) -> list[WindowCursor]:
        """Cursors by project (`"*"` or empty: all) and endpoints (None: all)."""

    @abstractmethod
    def commit_windows(self, commits: Sequence[WindowCommit]) -> list[bool]:
        """Write all in one transaction; False for each whose cursor somebody else moved."""

    @abstractmethod
    def list_windows(
        self, project: str, endpoint: str = "", application: str = "", state: str = "",
        limit: int = 0,
    ) -> list[tuple[str, str, WindowRow]]:  # fmt: skip
        """Endpoint, application and window, newest first; limit 0: all."""

    @abstractmethod
    def forget_application(self, project: str, application: str) -> int:
        """Delete an application's cursors, windows, numbers and statistics; how many numbers."""
