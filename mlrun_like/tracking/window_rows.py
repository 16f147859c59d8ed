"""From windows and their numbers to rows, and the statements that write them."""

from __future__ import annotations

import json
import math
import time
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, select

from mlrun_like.tracking.documents import encode
from mlrun_like.tracking.schema_windows import monitor_cursors, monitor_results
from mlrun_like.tracking.statements import Statements, statements
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.tracking.window_abilities import ResultRow, WindowCommit

__all__ = [
    "SERVER_CLOCK",
    "matching",
    "move_cursor",
    "put_rows",
    "result_values",
    "select_results",
    "stats_values",
    "store_clock",
    "to_result",
]

_R = monitor_results.c
SERVER_CLOCK = "SELECT extract(epoch FROM clock_timestamp())"
"""PostgreSQL's own time, in seconds since 1970."""


def store_clock(tx: Transaction) -> float:
    """The store's own time: machines that share a store need not agree on theirs."""
    if not tx.postgresql:
        return time.time()
    tx.cursor.execute(SERVER_CLOCK)
    return float(tx.cursor.fetchone()[0])


def move_cursor(tx: Transaction, commit: WindowCommit) -> bool:
    """Set the cursor if nobody has moved it since it was read."""
    cursor = commit.cursor
    name = "insert" if commit.before is None else "update"
    row = cursor._asdict() | {"_before": commit.before}
    sql, order = _cursor_sql(tx.postgresql)[name]
    tx.cursor.execute(sql, tuple(row[key] for key in order))
    return bool(tx.cursor.rowcount == 1)


@lru_cache(maxsize=2)
def _cursor_sql(postgresql: bool) -> dict[str, tuple[str, tuple[str, ...]]]:
    mark = "%s" if postgresql else "?"
    names = [column.name for column in monitor_cursors.columns]
    keys, rest = names[:3], names[3:]
    changes = ", ".join(f"{name} = {mark}" for name in rest)
    found = " AND ".join(f"{name} = {mark}" for name in [*keys, "done"])
    marks = ", ".join(mark for _ in names)
    insert = f"INSERT INTO monitor_cursors ({', '.join(names)}) VALUES ({marks})"
    return {
        "insert": (f"{insert} ON CONFLICT DO NOTHING", tuple(names)),
        "update": (
            f"UPDATE monitor_cursors SET {changes} WHERE {found}",
            (*rest, *keys, "_before"),
        ),
    }


def put_rows(tx: Transaction, table: Table, rows: list[tuple[Any, ...]]) -> None:
    """Insert or replace rows; values stand in the order of the table's columns."""
    if rows:
        tx.cursor.executemany(_upsert(tx.postgresql, table), rows)


@lru_cache(maxsize=16)
def _upsert(postgresql: bool, table: Table) -> str:
    prepared: Statements = statements("postgresql" if postgresql else "sqlite")
    names = [column.name for column in table.columns]
    insert = prepared.insert(table)
    keys = [column.name for column in table.primary_key]
    insert = insert.on_conflict_do_update(
        index_elements=keys, set_={n: insert.excluded[n] for n in names if n not in keys}
    )
    return str(insert.compile(dialect=prepared.dialect))


def result_values(row: ResultRow) -> tuple[Any, ...]:
    """A number as a row; made before the transaction, which then is short."""
    value = float(row.value)
    return (
        row.project, row.endpoint, row.application, row.name, row.end, row.start, row.type,
        None if math.isnan(value) else value, row.kind, row.status,
        encode(row.extra, f"extra data of {row.name!r}") if row.extra else "{}",
    )  # fmt: skip


def stats_values(commit: WindowCommit) -> list[tuple[Any, ...]]:
    """Rows of the newest statistics."""
    first = commit.cursor[:3]
    return [
        (*first, name, commit.cursor.done, encode(body, f"statistics {name!r}"))
        for name, body in commit.stats.items()
    ]


def select_results() -> Select[Any]:
    """The query of numbers, to be narrowed."""
    return select(
        _R.project, _R.endpoint, _R.application, _R.name, _R.type, _R.start, _R.end, _R.value,
        _R.kind, _R.status, _R.extra,
    )  # fmt: skip


def to_result(row: Any) -> ResultRow:
    """A row of that query as a number."""
    value = math.nan if row.value is None else row.value
    extra = {} if row.extra == "{}" else json.loads(row.extra)
    place = (row.project, row.endpoint, row.application, row.name, row.type)
    return ResultRow(*place, row.start, row.end, value, row.kind, row.status, extra)


def matching(table: Table, project: str, *names: str) -> list[ColumnElement[bool]]:
    """Conditions on the first columns; an empty word, or `*` for the project, matches all."""
    found: list[ColumnElement[bool]] = []
    if project not in ("", "*"):
        found.append(table.c.project == project)
    for column, name in zip(("endpoint", "application", "name"), names, strict=False):
        if name:
            found.append(table.c[column] == name)
    return found
