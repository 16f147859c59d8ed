"""What the footers of Parquet files say: columns, rows, what is missing, which values there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.sources.arrow import plain_type
from mlrun_like.feature_store.sources.files import File
from mlrun_like.feature_store.sources.filters import Filter
from mlrun_like.feature_store.sources.times import TimeRange, to_micros

__all__ = ["Part", "part_of", "together"]

_INDEX = "__index_level_"


@dataclass(frozen=True)
class Part:
    """One file.

    Args:
        file: Where it is.
        schema: Its columns, with those of its folders' names.
        rows: How many rows it has.
        given: Column -> whether some row group has, or may have, missing values.
    """

    file: File
    schema: pa.Schema
    rows: int
    missing: frozenset[str]

    @contextmanager
    def open(self) -> Iterator[Any]:
        """The opened file.

        Raises:
            InvalidArgumentError: if it is no Parquet file, or is cut off.
        """
        try:
            with self.file.open_anywhere() as stream, pq.ParquetFile(stream) as opened:
                yield opened
        except (pa.ArrowException, OSError) as exc:
            raise _broken(self.file, exc) from exc

    def read(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Batches; a page that cannot be read is an error that names the file."""
        try:
            yield from batches
        except (pa.ArrowException, OSError) as exc:
            raise _broken(self.file, exc) from exc

    def nullable(self, schema: pa.Schema) -> set[str]:
        """Columns that have missing values here, or are not here."""
        return {name for name in schema.names if name not in self.schema.names} | self.missing

    def placed(self, table: pa.Table, schema: pa.Schema) -> pa.Table:
        """A table of this file with the columns of all files."""
        columns = []
        values = self.file.partitions
        for field in schema:
            if field.name in table.schema.names:
                column = table.column(field.name)
                columns.append(column if column.type == field.type else column.cast(field.type))
            elif field.name in values:
                value = values[field.name]
                scalar = pa.scalar(value, pa.string()).cast(field.type)
                columns.append(pa.chunked_array([pa.repeat(scalar, table.num_rows)]))
            else:
                columns.append(pa.chunked_array([pa.nulls(table.num_rows, field.type)]))
        return pa.table(columns, schema=schema) if columns else table

    def may_pass(
        self, group: Any, time_field: str | None, span: TimeRange, filters: Sequence[Filter]
    ) -> bool:
        """Whether the statistics of a row group allow rows that pass."""
        timed = time_field if span else None
        asked = {column for column, _, _ in filters} | ({timed} if timed else set())
        for place in range(group.num_columns if asked else 0):
            column = group.column(place)
            if column.path_in_schema not in asked or not column.is_stats_set:
                continue
            found = column.statistics
            if not found.has_min_max:
                continue
            low, high = found.min, found.max
            if (
                column.path_in_schema == timed
                and isinstance(low, datetime)
                and not span.overlaps(to_micros(low), to_micros(high))
            ):
                return False
            mine = [one for one in filters if one[0] == column.path_in_schema]
            if not all(_can(low, high, word, value) for _, word, value in mine):
                return False
        return True


def _can(low: Any, high: Any, word: str, value: Any) -> bool:
    """Whether a value between two others can pass; when they cannot be compared it can."""
    if isinstance(low, datetime) or value is None:
        return True
    try:
        if word in ("=", "=="):
            return bool(low <= value <= high)
        if word == "in":
            return any(one is None or low <= one <= high for one in value)
        if word in (">", ">="):
            return bool(high > value or (word == ">=" and high == value))
        if word in ("<", "<="):
            return bool(low < value or (word == "<=" and low == value))
    except TypeError:
        return True
    return True


def part_of(file: File) -> Part:
    """What the footer of a file says.

    Raises:
        InvalidArgumentError: if it is no Parquet file, or is cut off.
    """
    try:
        with file.open_anywhere() as stream, pq.ParquetFile(stream) as opened:
            schema, metadata = opened.schema_arrow, opened.metadata
            missing = {
                column.path_in_schema.partition(".")[0]
                for number in range(metadata.num_row_groups)
                for column in _columns(metadata.row_group(number))
                if _may_miss(column)
            }
            rows = int(metadata.num_rows)
    except (pa.ArrowException, OSError) as exc:
        raise _broken(file, exc) from exc
    fields = [
        pa.field(field.name, plain_type(field.type))
        for field in schema
        if not field.name.startswith(_INDEX)
    ]
    names = [field.name for field in fields]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidArgumentError(f"the file has two columns {twice!r}", where=file.shown)
    for name, value in file.partitions.items():
        if name not in names:
            fields.append(pa.field(name, _partition_type(value)))
    return Part(file, pa.schema(fields), rows, frozenset(missing))


def _columns(group: Any) -> Iterator[Any]:
    for place in range(group.num_columns):
        yield group.column(place)


def _may_miss(column: Any) -> bool:
    found = column.statistics if column.is_stats_set else None
    return found is None or not found.has_null_count or found.null_count > 0


def _partition_type(value: str | None) -> pa.DataType:
    if value is None:
        return pa.null()
    return pa.int64() if value.isascii() and value.isdigit() and len(value) < 19 else pa.string()


def together(parts: Sequence[Part]) -> pa.Schema:
    """The columns of all files: of the first first; numbers are widened, else types must agree.

    Raises:
        InvalidArgumentError: naming the first column whose types do not fit together.
    """
    fields: dict[str, pa.Field] = {}
    for part in parts:
        for field in part.schema:
            known = fields.get(field.name)
            if known is None or pa.types.is_null(known.type):
                fields[field.name] = field
            elif known.type != field.type and not pa.types.is_null(field.type):
                fields[field.name] = pa.field(field.name, _wider(known, field, part))
    return pa.schema(fields.values())


def _wider(known: pa.Field, field: pa.Field, part: Part) -> pa.DataType:
    folders = field.name in part.file.partitions
    if folders and pa.string() in (known.type, field.type):
        return pa.string()
    try:
        merged = pa.unify_schemas(
            [pa.schema([known]), pa.schema([field])], promote_options="permissive"
        )
        return merged.field(0).type
    except (pa.ArrowInvalid, pa.ArrowTypeError) as exc:
        raise InvalidArgumentError(
            f"column {field.name!r} is {field.type} here and {known.type} in files before",
            where=part.file.shown,
            fix="write the files with one type, or ingest them apart",
        ) from exc


def _broken(file: File, exc: Exception) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"the Parquet file cannot be read: {exc!s:.200}",
        where=file.shown,
        fix="it may be cut off or still being written; write it again",
    )
