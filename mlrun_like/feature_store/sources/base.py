"""Source: where rows come from, in chunks that can be gone on with.

A position is a short JSON text. A reader that is given one yields exactly the rows behind it, so
that an ingestion which died goes on, and the next one reads only what is new.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import orjson
import pandas as pd

from mlrun_like.artifacts.stores import redact
from mlrun_like.errors import InvalidArgumentError, InvalidTypeError, nearest
from mlrun_like.feature_store.sources.converting import Converting
from mlrun_like.feature_store.sources.filters import Filter, check_filters, keep_rows
from mlrun_like.feature_store.sources.times import (
    MISSING,
    TimeRange,
    column_micros,
    iso,
    to_micros,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Source", "SourceChunk", "read_position", "write_position"]

_FIELDS = (
    "name", "path", "attributes", "key_field", "time_field", "schedule", "start_time", "end_time",
)  # fmt: skip


@dataclass(frozen=True)
class SourceChunk:
    """Some rows of a source, in its order.

    Args:
        frame: The rows that passed the filters.
        position: Enough to go on behind this chunk.
        rows: How many rows of the source these are, before the filters.
    """

    frame: pd.DataFrame
    position: str
    rows: int


class Source(Converting):
    """Rows of a feature set; the base of all sources (MLRun's BaseSourceDriver).

    Args:
        name: Its name.
        path: A path or URL.
        attributes: Further arguments of its kind.
        key_field: The column, or columns, of the entity.
        time_field: The column of the event time; the feature set's timestamp key by default.
        schedule: When to ingest again, as cron: each time only what is new.
        start_time: Only rows after this time (ISO text or datetime; without a zone: UTC).
        end_time: Only rows up to this time.
    """

    kind: ClassVar[str] = ""
    support_storey: ClassVar[bool] = True
    support_spark: ClassVar[bool] = True
    online: bool = False

    def __init__(
        self,
        name: str = "",
        path: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        key_field: str | Sequence[str] | None = None,
        time_field: str | None = None,
        schedule: str | None = None,
        start_time: Any = None,
        end_time: Any = None,
    ) -> None:
        self.name = name or ""
        self.path = None if path is None else str(path)
        self.attributes: dict[str, Any] = dict(attributes or {})
        self.key_field = key_field
        self.time_field = time_field
        self.schedule = schedule
        self.start_time = start_time
        self.end_time = end_time
        self._check_times()

    def _check_times(self) -> None:
        span = self.time_range
        if span.start is not None and span.end is not None and span.start > span.end:
            raise InvalidArgumentError(
                f"start_time {self.start_time!s} is after end_time {self.end_time!s}",
                where=self.describe(),
            )

    @property
    def time_range(self) -> TimeRange:
        """`start_time` and `end_time` as instants."""
        return TimeRange(
            None if self.start_time is None else to_micros(self.start_time, "start_time"),
            None if self.end_time is None else to_micros(self.end_time, "end_time"),
        )

    @property
    def additional_filters(self) -> tuple[Filter, ...]:
        """Conditions that rows must meet besides the time range."""
        return check_filters(self.attributes.get("additional_filters"))

    def describe(self) -> str:
        """The source in messages; never shows passwords."""
        shown = redact(self.path) if self.path else self.name
        return f"{type(self).__name__} {shown!r}" if shown else type(self).__name__

    def is_iterator(self) -> bool:
        """Whether MLRun would read it in chunks; here every source comes in chunks."""
        return bool(self.attributes.get("chunksize"))

    def _read(self, size: int, position: dict[str, Any]) -> Iterator[SourceChunk]:
        """Chunks behind a position, not filtered by what `chunks` filters."""
        raise InvalidTypeError(f"{type(self).__name__} has no rows to read")

    def chunks(self, size: int = 100_000, *, after: str = "") -> Iterator[SourceChunk]:
        """The rows, in the source's order; one chunk is in memory at a time.

        Args:
            size: The most rows of a chunk.
            after: A position: only what comes behind it.

        Raises:
            InvalidArgumentError: if the source cannot be read, or a column is missing.
            MissingFileError: if a file is not there.
            ConflictError: if the source is not the one any more that the position is from.
        """
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise InvalidArgumentError(f"size={size!r} of chunks must be 1 or more")
        position = read_position(after, self.kind, self.describe())
        for chunk in self._read(size, position):
            frame = self._narrow(chunk.frame)
            if len(frame):
                yield SourceChunk(frame, chunk.position, chunk.rows)

    def _narrow(self, frame: pd.DataFrame) -> pd.DataFrame:
        span, filters = self.time_range, self.additional_filters
        if not span and not filters:
            return frame
        keep = keep_rows(frame, filters)
        if span:
            keep &= span.mask(column_micros(frame[self._time_column(frame)], self.time_field or ""))
        return frame if keep.all() else frame[keep].reset_index(drop=True)

    def _time_column(self, frame: pd.DataFrame) -> str:
        if not self.time_field:
            raise InvalidArgumentError(
                "start_time and end_time need the column of the event time",
                where=self.describe(),
                fix='time_field="timestamp", or timestamp_key of the feature set',
            )
        if self.time_field not in frame.columns:
            names = [str(name) for name in frame.columns]
            raise InvalidArgumentError(
                f"there is no column {self.time_field!r} (time_field)"
                f".{nearest(self.time_field, names)}",
                where=self.describe(),
                fix=f"columns: {', '.join(names[:20])}",
            )
        return self.time_field

    def watermark_of(self, chunk: SourceChunk) -> str:
        """The latest event time of a chunk as ISO text; "" without a time field."""
        if not self.time_field or self.time_field not in chunk.frame.columns:
            return ""
        micros = column_micros(chunk.frame[self.time_field], self.time_field)
        known = micros[micros != MISSING]
        return iso(int(known.max())) if len(known) else ""

    def since(self, watermark: str) -> Self:
        """The same source, only rows after this time; what a schedule reads next."""
        return self._with(start_time=watermark) if watermark else self

    def with_defaults(self, *, time_field: str | None = None, key_field: Any = None) -> Self:
        """The same source; columns that it does not name itself are these."""
        return self._with(
            time_field=self.time_field or time_field, key_field=self.key_field or key_field
        )

    def _with(self, **changes: Any) -> Self:
        other = copy.copy(self)
        other.attributes = dict(self.attributes)
        for name, value in changes.items():
            setattr(other, name, value)
        other._check_times()
        return other

    def to_dict(self) -> dict[str, Any]:
        """The document of the source, as MLRun's."""
        found: dict[str, Any] = {"kind": self.kind}
        for name in _FIELDS:
            value = getattr(self, name)
            if value is None or value in ("", {}):
                continue
            timed = name in ("start_time", "end_time") and not isinstance(value, str)
            found[name] = iso(to_micros(value)) if timed else copy.deepcopy(value)
        if self.online:
            found["online"] = True
        return found

    @classmethod
    def from_dict(cls, struct: Mapping[str, Any]) -> Self:
        """The source that a document describes; its kind must be this class's."""
        made = cls.__new__(cls)
        fields: dict[str, Any] = {name: struct.get(name) for name in _FIELDS}
        Source.__init__(made, **fields)
        made._loaded(struct)
        return made

    def _loaded(self, struct: Mapping[str, Any]) -> None:
        """What a class reads besides from its document."""

    def __repr__(self) -> str:
        return f"<{self.describe()}>"


def write_position(kind: str, **fields: Any) -> str:
    """A position as text.

    >>> write_position("csv", rows=3)
    '{"kind":"csv","rows":3}'
    """
    return orjson.dumps({"kind": kind, **fields}).decode()


def read_position(text: str, kind: str, where: str = "") -> dict[str, Any]:
    """What a position says; empty text: the beginning.

    Raises:
        InvalidArgumentError: if it is none, or that of another kind of source.
    """
    if not text:
        return {}
    try:
        found = orjson.loads(text)
        if not isinstance(found, dict):
            raise ValueError("it is no JSON object")
    except ValueError as exc:
        raise InvalidArgumentError(
            f"position {text!r:.100} cannot be read: {exc!s:.100}",
            where=where,
            fix="ingest again without resuming",
        ) from exc
    if found.get("kind") != kind:
        raise InvalidArgumentError(
            f"a position of source kind {found.get('kind')!r:.40} was given to kind {kind!r}",
            where=where,
            fix="the source has changed since; ingest again without resuming",
        )
    return found
