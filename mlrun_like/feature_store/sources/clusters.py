"""Frames of Dask and Spark as sources: one partition, or a few rows, are here at a time."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Sequence
from datetime import timezone
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa

from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.feature_store.sources.arrow import plain_type, to_frame
from mlrun_like.feature_store.sources.base import Source, SourceChunk, write_position
from mlrun_like.feature_store.sources.filters import OPERATORS
from mlrun_like.feature_store.sources.frames import as_frame
from mlrun_like.feature_store.sources.times import as_datetime
from mlrun_like.registry import require

__all__ = ["DaskSource", "SparkSource", "narrowed"]


class DaskSource(Source):
    """Rows of a Dask frame, partition by partition.

    Args:
        frame: The Dask frame.
        time_field: The column of the event time.
    """

    kind: ClassVar[str] = "dask"

    def __init__(self, frame: Any, time_field: str | None = None) -> None:
        super().__init__("dask frame", time_field=time_field)
        self._frame = frame

    def _read(self, size: int, position: dict[str, Any]) -> Iterator[SourceChunk]:
        first, skip = int(position.get("partition", 0)), int(position.get("rows", 0))
        count = self._frame.npartitions
        if first >= count and position:
            raise ConflictError(
                f"the position is in partition {first}, but the frame has {count}",
                where=self.describe(),
                fix="give the same frame again, or ingest without resuming",
            )
        for number in range(first, count):
            frame = as_frame(self._frame.get_partition(number).compute())
            for begin in range(skip, len(frame), size):
                part = frame.iloc[begin : begin + size].reset_index(drop=True)
                place = write_position(self.kind, partition=number, rows=begin + len(part))
                yield SourceChunk(part, place, len(part))
            skip = 0

    def to_dask(self) -> Any:
        return self._frame


class SparkSource(Source):
    """Rows of a Spark frame; a plan that sorts gives the same order when it is read again.

    Args:
        frame: The Spark frame.
        time_field: The column of the event time.
    """

    kind: ClassVar[str] = "spark"

    def __init__(self, frame: Any, time_field: str | None = None) -> None:
        super().__init__("spark frame", time_field=time_field)
        self._frame = frame

    def _read(self, size: int, position: dict[str, Any]) -> Iterator[SourceChunk]:
        types = require("pyspark.sql.pandas.types", feature="a Spark frame", extra="spark")
        convert = types.to_arrow_schema
        zoned = "timezone" in inspect.signature(convert).parameters
        schema = convert(self._frame.schema, **({"timezone": "UTC"} if zoned else {}))
        local = [f.name for f in self._frame.schema if type(f.dataType).__name__ == "TimestampType"]
        nullable = {field.name for field in schema if field.nullable}
        done = int(position.get("rows", 0))
        rows = itertools.islice(self._frame.toLocalIterator(), done, None)
        while some := list(itertools.islice(rows, size)):
            values = [_instants(row.asDict(), local) for row in some]
            table = pa.Table.from_pylist(values, schema=_inner(schema))
            done += len(some)
            place = write_position(self.kind, rows=done)
            yield SourceChunk(_in_utc(to_frame(table, nullable)), place, len(some))

    def _spark_frame(self, session: Any) -> Any:
        return self._frame


def _instants(row: dict[str, Any], local: Sequence[str]) -> dict[str, Any]:
    """Spark gives moments as local times of this process without a zone."""
    for name in local:
        if row[name] is not None:
            row[name] = row[name].astimezone(timezone.utc)
    return row


def _inner(schema: pa.Schema) -> pa.Schema:
    """Types that Spark's row values can be put into."""
    return pa.schema([pa.field(field.name, plain_type(field.type)) for field in schema])


def _in_utc(frame: pd.DataFrame) -> pd.DataFrame:
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            frame[name] = frame[name].dt.tz_convert("UTC")
    return frame


def narrowed(frame: Any, source: Source) -> Any:
    """A Spark frame with only the rows that a source's time range and filters keep.

    Args:
        frame: All rows.
        source: Its range and filters.
    """
    sql: Any = require("pyspark.sql.functions", feature="a Spark frame", extra="spark")
    span = source.time_range
    if span:
        name = source.time_field or ""
        if name not in frame.columns:
            raise InvalidArgumentError(
                f"there is no column {name!r} (time_field)", where=source.describe()
            )
        naive = dict(frame.dtypes)[name] == "timestamp_ntz"
        for micros, mark in ((span.start, ">"), (span.end, "<=")):
            if micros is not None:
                moment = as_datetime(micros)
                text = moment.replace(tzinfo=None).isoformat(" ") if naive else str(moment)
                kind = "TIMESTAMP_NTZ" if naive else "TIMESTAMP"
                frame = frame.filter(sql.expr(f"`{name}` {mark} {kind}'{text}'"))
    for column, word, value in source.additional_filters:
        frame = frame.filter(_passes(sql, sql.col(f"`{column}`"), word, value))
    return frame


def _passes(sql: Any, column: Any, word: str, value: Any) -> Any:
    compare = OPERATORS[word]
    if compare is None:
        given = [one for one in value if one is not None]
        held = sql.coalesce(column.isin(given), sql.lit(False))
        if len(given) < len(value):
            held = held | column.isNull()
        return held if word == "in" else ~held
    if value is None:
        return column.isNull() if word in ("=", "==") else column.isNotNull()
    return sql.coalesce(compare(column, sql.lit(value)), sql.lit(False))
