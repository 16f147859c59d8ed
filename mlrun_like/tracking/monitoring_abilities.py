"""What a store of monitoring can do: endpoints, and series of batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mlrun_like.types import Document

__all__ = [
    "EndpointQuery",
    "EndpointStore",
    "QualityRow",
    "SeriesBatch",
    "SeriesSpan",
    "SeriesStore",
]


@dataclass(frozen=True)
class EndpointQuery:
    """Which endpoints; empty fields do not restrict.

    Args:
        project: The project; `"*"` or empty: all.
        name: Exact name, or `"~part"`: contains.
        model: The model's name, with or without its `:version`.
        function: The function's name.
        labels: Label values that must match; value None: the label must exist.
        uids: Any of these.
        top_level: Only nodes and routers, no leaves of routers.
        since: Requested at or after this time (seconds since 1970).
        until: First requested before this time.
        limit: At most this many; 0: all.
        offset: Leave out this many first.
    """

    project: str = ""
    name: str = ""
    model: str = ""
    function: str = ""
    labels: Mapping[str, str | None] = field(default_factory=dict)
    uids: Sequence[str] = ()
    top_level: bool = False
    since: float | None = None
    until: float | None = None
    limit: int = 0
    offset: int = 0


class EndpointStore(ABC):
    """Model endpoints: documents by project and uid, with counters of their requests.

    Counters (`status.requests`, `error_count`, `dropped`, `first_request`, `last_request`) are the
    store's: they follow the batches that are appended, whatever documents say.
    """

    @abstractmethod
    def store_endpoint(self, document: Document) -> None:
        """Insert or replace an endpoint by metadata.project and metadata.uid."""

    @abstractmethod
    def read_endpoint(self, project: str, uid: str) -> Document:
        """The endpoint with its counters. Raises NotFoundError."""

    @abstractmethod
    def list_endpoints(self, query: EndpointQuery) -> list[Document]:
        """Endpoints by project and name."""

    @abstractmethod
    def patch_endpoint(self, project: str, uid: str, changes: Mapping[str, Any]) -> Document:
        """Set values by dotted path (`status.drift_status`), None: remove; the new document.

        Raises NotFoundError.
        """

    @abstractmethod
    def delete_endpoint(self, project: str, uid: str) -> bool:
        """Delete it with its batches; False if there is none."""

    @abstractmethod
    def endpoint_modes(self, project: str, uids: Sequence[str]) -> dict[str, str]:
        """`enabled` or `disabled` by uid, of those that exist: one cheap query."""


@dataclass(frozen=True)
class SeriesBatch:
    """Rows of one endpoint, written at once.

    Args:
        project: The project.
        endpoint: The endpoint's uid.
        kind: `events`, `labels` or `sketches`.
        batch_id: Unique for ever; a batch that is delivered twice counts once.
        first: Time of the first row, in seconds since 1970.
        last: Time of the last row.
        rows: How many rows.
        body: The rows: an Arrow IPC stream; of `sketches`: their own bytes.
        summary: Small numbers that readers need without the rows, as JSON: `requests`, `errors`,
            `dropped`, `latency` ...
        added: When the store got it; the store says.
    """

    project: str
    endpoint: str
    kind: str
    batch_id: str
    first: float
    last: float
    rows: int
    body: bytes = b""
    summary: Mapping[str, Any] = field(default_factory=dict)
    added: float = 0.0


class SeriesSpan(NamedTuple):
    """What a series covers; times are seconds since 1970."""

    first: float
    last: float
    rows: int


class QualityRow(NamedTuple):
    """How good the predictions of one window were, by what is known now."""

    first: float
    last: float
    computed: float
    body: Document


class SeriesStore(ABC):
    """Batches of rows by endpoint, kind and time."""

    @abstractmethod
    def append_batches(self, batches: Sequence[SeriesBatch]) -> int:
        """Add them in one transaction, and count them at their endpoints; how many were new.

        Raises StoreUnavailableError: nothing is kept for later, the caller does that.
        """

    @abstractmethod
    def read_batches(
        self, project: str, endpoint: str, kind: str, start: float | None = None,
        end: float | None = None, *, added_since: float | None = None, bodies: bool = True,
    ) -> list[SeriesBatch]:  # fmt: skip
        """Batches with rows in [start, end), in the order of time; they may have others, too.

        `added_since`: only those that came at or after it; `bodies=False`: without the rows.
        """

    @abstractmethod
    def series_span(self, project: str, endpoint: str, kind: str) -> SeriesSpan | None:
        """From when to when there are rows, and how many; None: there are none."""

    @abstractmethod
    def series_endpoints(self, project: str, kind: str) -> set[str]:
        """The uids of a project's endpoints that have rows of a kind."""

    @abstractmethod
    def delete_batches(self, project: str, endpoint: str, before: float, kind: str = "") -> int:
        """Delete batches that ended before a time; project or endpoint `"*"`: all."""

    @abstractmethod
    def store_quality(self, project: str, endpoint: str, rows: Sequence[QualityRow]) -> None:
        """Insert or replace the quality of windows."""

    @abstractmethod
    def list_quality(
        self, project: str, endpoint: str, start: float | None = None, end: float | None = None
    ) -> list[QualityRow]:
        """The quality of windows that begin in [start, end), in the order of time."""
