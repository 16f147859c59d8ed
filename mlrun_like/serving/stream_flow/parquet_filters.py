"""The rows of Parquet folders between two times, without reading partitions that have none."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.dataset as ds

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError

__all__ = ["Filters", "filters_of"]

Terms = list[tuple[str, str, Any]]

_TIME_PARTS = ("year", "month", "day", "hour", "minute", "second")


@dataclass(frozen=True)
class Filters:
    """Which rows are wanted.

    Args:
        column: The column of times.
        start: Rows later than this.
        end: Rows not later than this.
        more: Further terms that must hold.

    Raises:
        InvalidTypeError: if there is a time but no column.
        InvalidArgumentError: if only one time has a time zone.

    >>> Filters("t", start=datetime.datetime(2024, 1, 1)).terms(None)
    [('t', '>', datetime.datetime(2024, 1, 1, 0, 0))]
    """

    column: str | None = None
    start: datetime.datetime | None = None
    end: datetime.datetime | None = None
    more: tuple[tuple[str, str, Any], ...] = ()

    def __post_init__(self) -> None:
        if (self.start or self.end) and self.column is None:
            raise InvalidTypeError(
                "Filter column is required when passing start/end filters",
                fix="ParquetSource(..., filter_column=...)",
            )
        if self.start and self.end and (self.start.tzinfo is None) != (self.end.tzinfo is None):
            raise InvalidArgumentError(
                "Start and end filters must either both have a time zone or both be naive "
                "timestamps"
            )

    def terms(self, zone: str | None) -> Terms:
        """The terms, for a column whose times have a zone or not."""
        found: Terms = []
        if self.start is not None:
            found.append((str(self.column), ">", _in_zone(self.start, zone)))
        if self.end is not None:
            found.append((str(self.column), "<=", _in_zone(self.end, zone)))
        return [*found, *self.more]

    def partition_terms(self, partitions: list[str]) -> Terms:
        """Terms that all wanted rows of a folder partitioned by time fulfil."""
        if self.start is None or self.end is None:
            return []
        first, last = _in_utc(self.start), _in_utc(self.end)
        found: Terms = []
        for part in _TIME_PARTS:
            if part not in partitions:
                break
            low, high = getattr(first, part), getattr(last, part)
            if low != high:
                return [*found, (part, ">=", low), (part, "<=", high)]
            found.append((part, "=", low))
        return found


def filters_of(path: str, filters: Filters, options: Mapping[str, Any]) -> Terms | None:
    """What to give `read_parquet` as `filters` for a path; None: all rows are wanted."""
    if filters == Filters():
        return None
    system, place = fsspec.core.url_to_fs(path, **options)
    found = ds.dataset(place, filesystem=system, format="parquet", partitioning="hive")
    zone: str | None = None
    if filters.column is not None and filters.column in found.schema.names:
        kind = found.schema.field(filters.column).type
        zone = kind.tz if pa.types.is_timestamp(kind) else None
    scheme = found.partitioning.schema
    partitions = [name for name in scheme.names if pa.types.is_integer(scheme.field(name).type)]
    return [*filters.partition_terms(partitions), *filters.terms(zone)]


def _in_utc(moment: datetime.datetime) -> datetime.datetime:
    return moment.astimezone(datetime.timezone.utc) if moment.tzinfo else moment


def _in_zone(moment: datetime.datetime, zone: str | None) -> datetime.datetime:
    """The time as the column has it: times without a zone are taken as UTC."""
    if zone is None:
        return _in_utc(moment).replace(tzinfo=None)
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
