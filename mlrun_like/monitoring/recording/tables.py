"""Batches as Arrow tables: read, joined, each row once."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from mlrun_like.tracking.monitoring_abilities import SeriesBatch

__all__ = ["EVENT_COLUMNS", "empty_table", "join_tables", "once", "table_of", "tell_damaged"]

_log = logging.getLogger("mlrun_like.monitoring")
_NEEDED = {
    "events": {"event_id", "row", "time", "status"},
    "labels": {"event_id", "row", "time", "label"},
}
_told: set[str] = set()
_MOST_TOLD = 1000

EVENT_COLUMNS = (
    "event_id", "row", "time", "latency_us", "operation", "status", "error_kind", "error", "extra",
)  # fmt: skip
"""Columns that every event has; then come features and predictions by their names."""


def table_of(batch: SeriesBatch) -> pa.Table:
    """The rows of a batch; none, and a line in the log, if what the store holds is damaged."""
    if not batch.rows:
        return empty_table()
    try:
        with pa.ipc.open_stream(io.BytesIO(batch.body)) as reader:
            table = reader.read_all()
        if _NEEDED.get(batch.kind, set()) <= set(table.column_names):
            return table
        reason = f"its columns are {', '.join(table.column_names)[:100]}"
    except (pa.ArrowException, ValueError, OSError, EOFError) as exc:
        reason = str(exc)
    tell_damaged(batch, reason)
    return empty_table()


def tell_damaged(batch: SeriesBatch, reason: object) -> None:
    """Log, once in a process, that a batch cannot be read: the others still count."""
    if batch.batch_id not in _told and len(_told) < _MOST_TOLD:
        _told.add(batch.batch_id)
        place = f"{batch.kind} {batch.batch_id} of {batch.project}/{batch.endpoint}"
        _log.error("%s cannot be read, its %s rows are left out: %s", place, batch.rows, reason)


def join_tables(tables: Sequence[pa.Table]) -> pa.Table | None:
    """Tables below each other; columns that differ in type become texts."""
    if not tables:
        return None
    if all(table.schema.equals(tables[0].schema) for table in tables):
        return pa.concat_tables(tables)
    return pa.concat_tables(_alike(tables), promote_options="permissive")


def _alike(tables: Sequence[pa.Table]) -> list[pa.Table]:
    """The tables with one type for each column: that of most of its values."""
    counts: dict[str, dict[str, int]] = {}
    for table in tables:
        for column in table.schema:
            found = counts.setdefault(column.name, {})
            kind = _kind(column.type)
            values = table.num_rows - table.column(column.name).null_count
            found[kind] = found.get(kind, 0) + values
    wanted = {}
    for name, found in counts.items():
        found.pop("null", None)
        if len(found) > 1:
            wanted[name] = max(found, key=lambda kind: (found[kind], kind))
    alike = []
    for table in tables:
        for name in wanted.keys() & set(table.column_names):
            place = table.column_names.index(name)
            table = table.set_column(place, name, _cast(table.column(name), wanted[name]))
        alike.append(table)
    return alike


def _cast(column: pa.ChunkedArray, kind: str) -> Any:
    """A column as another kind; what does not fit is missing."""
    if _kind(column.type) == kind or pa.types.is_null(column.type):
        return column
    if kind == "string":
        return column.cast(pa.string())
    if kind == "number" and pa.types.is_boolean(column.type):
        return column.cast(pa.int8()).cast(pa.float64())
    return pa.nulls(len(column), pa.float64() if kind == "number" else pa.bool_())


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_null(kind):
        return "null"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return "number"
    return str(kind)


def once(table: pa.Table) -> pa.Table:
    """Rows that a stream delivered twice, once."""
    numbered = table.append_column("#", pa.array(range(table.num_rows), pa.int64()))
    keys = numbered.group_by(["event_id", "row", "time"]).aggregate([("#", "min")])
    return table.take(keys.column("#_min").sort())


def empty_table() -> pa.Table:
    """A table of events without rows."""
    kinds = {"row": pa.int32(), "time": pa.float64(), "latency_us": pa.int64()}
    return pa.table({name: pa.array([], kinds.get(name, pa.string())) for name in EVENT_COLUMNS})
