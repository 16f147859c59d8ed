"""Statements of the write path, compiled once per dialect.

SQLAlchemy writes the SQL; the driver's cursor runs it with positional values. That is what makes a
waiting write cost little more than the disk: no statement is built or compiled on the hot path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    Double,
    Table,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement

from mlrun_like.tracking import schema as t

__all__ = ["Prepared", "Statements", "statements"]


class Prepared(NamedTuple):
    """SQL text and the order of its values."""

    sql: str
    names: tuple[str, ...]
    pick: Callable[[Mapping[str, Any]], Any]

    def values(self, params: Mapping[str, Any]) -> tuple[Any, ...]:
        """The values of `params` in the statement's order."""
        picked = self.pick(params)
        return picked if len(self.names) > 1 else (picked,)


def _b(name: str) -> Any:
    # a prefix, because a plain column name is reserved for the SET part of an update
    return bindparam(f"_{name}")


def _run_where() -> Any:
    return and_(
        t.runs.c.project == _b("project"), t.runs.c.uid == _b("uid"), t.runs.c.iter == _b("iter")
    )


_RUN_COLUMNS = (
    "name",
    "state",
    "function",
    "kind",
    "host",
    "pid",
    "pid_started",
    "started",
    "updated",
    "ended",
    "labels",
    "body",
)
_DURATION: Any = bindparam("ended", type_=Double) - bindparam("started", type_=Double)
_ARTIFACT_COLUMNS = ("iter", "tree", "kind", "category", "target_path", "updated", "labels", "body")


def _set(names: tuple[str, ...]) -> dict[str, Any]:
    return {name: bindparam(name) for name in names}


class Statements:
    """All statements of one dialect; each is compiled when first asked for.

    Args:
        dialect_name: `sqlite` or `postgresql`.
    """

    def __init__(self, dialect_name: str) -> None:
        self.postgresql = dialect_name == "postgresql"
        make: Any = psycopg.dialect if self.postgresql else sqlite.dialect
        style = "format" if self.postgresql else "qmark"
        self.dialect: Dialect = make(paramstyle=style)
        self._ready: dict[str, Prepared] = {}
        self._several: dict[tuple[str, int], str] = {}

    def __getitem__(self, name: str) -> Prepared:
        ready = self._ready.get(name)
        if ready is None:
            ready = self._ready[name] = self._compile(_BUILD[name](self))
        return ready

    def several(self, name: str, rows: int) -> str:
        """The text of an insert of one row, for so many rows."""
        text = self._several.get((name, rows))
        if text is None:
            ready = self[name]
            row = f"({', '.join('?' * len(ready.names))})"
            many = ", ".join([row] * rows)
            text = self._several[name, rows] = ready.sql.replace(row, many, 1)
        return text

    def insert(self, table: Table) -> Any:
        """The dialect's insert, which knows `ON CONFLICT`."""
        return postgresql.insert(table) if self.postgresql else sqlite.insert(table)

    def insert_new(self, table: Table) -> Any:
        """An insert that leaves an existing row alone."""
        return self.insert(table).on_conflict_do_nothing()

    def _compile(self, statement: ClauseElement) -> Prepared:
        compiled: Any = statement.compile(dialect=self.dialect)
        names = tuple(compiled.positiontup or ())
        return Prepared(str(compiled), names, itemgetter(*names) if names else dict)


def _insert_artifact(s: Statements) -> Any:
    insert = s.insert(t.artifacts).values(**_set(("project", "key", "uid", *_ARTIFACT_COLUMNS)))
    changed = {name: insert.excluded[name] for name in _ARTIFACT_COLUMNS}
    # a late delivery neither brings back what was deleted since nor replaces what is newer
    changed["deleted_at"] = case(
        (t.artifacts.c.deleted_at > insert.excluded.updated, t.artifacts.c.deleted_at)
    )
    return insert.on_conflict_do_update(
        index_elements=["project", "key", "uid"],
        set_=changed,
        where=t.artifacts.c.updated <= insert.excluded.updated,
    )


def _move_artifact_tag(s: Statements) -> Any:
    insert = s.insert(t.artifact_tags)
    return insert.on_conflict_do_update(
        index_elements=["project", "key", "iter", "tag"],
        set_={name: insert.excluded[name] for name in ("artifact_id", "tree", "moved")},
        where=t.artifact_tags.c.moved <= insert.excluded.moved,
    )


def _move_function_tag(s: Statements) -> Any:
    insert = s.insert(t.function_tags)
    return insert.on_conflict_do_update(
        index_elements=["project", "name", "tag"],
        set_={name: insert.excluded[name] for name in ("hash", "moved")},
        where=t.function_tags.c.moved <= insert.excluded.moved,
    )


def _insert_function(s: Statements) -> Any:
    insert = s.insert(t.functions)
    return insert.on_conflict_do_update(
        index_elements=["project", "name", "hash"],
        set_={name: insert.excluded[name] for name in ("kind", "updated", "body")},
    )


def _newest(s: Statements, table: Table, keys: tuple[str, ...], age: str) -> Any:
    """Insert or replace by keys; what is older than what is there changes nothing."""
    names = [column.name for column in table.columns]
    insert = s.insert(table).values(**_set(tuple(names)))
    return insert.on_conflict_do_update(
        index_elements=list(keys),
        set_={name: insert.excluded[name] for name in names if name not in keys},
        where=table.c[age] <= insert.excluded[age],
    )


_BUILD: dict[str, Callable[[Statements], Any]] = {
    "find_run": lambda s: (
        select(t.runs.c.run_id, t.runs.c.state, t.runs.c.labels, t.runs.c.started)
        .where(_run_where())
        .with_for_update()
    ),
    "run_body": lambda s: select(t.runs.c.body).where(t.runs.c.run_id == _b("run_id")),
    "read_run": lambda s: select(t.runs.c.body).where(
        _run_where(), t.runs.c.deleted_at.is_(None), t.runs.c.state != literal_column("''")
    ),
    "read_state": lambda s: select(t.runs.c.state).where(_run_where()),
    "insert_run": lambda s: s.insert_new(t.runs).values(
        **_set(("project", "uid", "iter", *_RUN_COLUMNS)),
        duration=_DURATION,
    ),
    "update_run": lambda s: (
        update(t.runs)
        .where(t.runs.c.run_id == _b("run_id"))
        .values(**_set(_RUN_COLUMNS), duration=_DURATION)
    ),
    "change_state": lambda s: (
        update(t.runs)
        .where(t.runs.c.run_id == _b("run_id"))
        .values(
            **_set(("state", "updated", "ended", "body")),
            duration=bindparam("ended", type_=Double) - t.runs.c.started,
        )
    ),
    "beat": lambda s: update(t.runs).where(_run_where()).values(**_set(("heartbeat",))),
    "drop_run_labels": lambda s: delete(t.run_labels).where(t.run_labels.c.run_id == _b("run_id")),
    "insert_run_label": lambda s: s.insert_new(t.run_labels),
    "find_key": lambda s: select(t.metric_keys.c.key_id).where(t.metric_keys.c.name == _b("name")),
    "insert_key": lambda s: s.insert_new(t.metric_keys).values(name=bindparam("name")),
    "insert_metric": lambda s: s.insert_new(t.metrics),
    "insert_artifact": _insert_artifact,
    "find_artifact": lambda s: select(
        t.artifacts.c.artifact_id, t.artifacts.c.iter, t.artifacts.c.tree, t.artifacts.c.labels
    ).where(
        t.artifacts.c.project == _b("project"),
        t.artifacts.c.key == _b("key"),
        t.artifacts.c.uid == _b("uid"),
        t.artifacts.c.deleted_at.is_(None),
    ),
    "drop_artifact_labels": lambda s: delete(t.artifact_labels).where(
        t.artifact_labels.c.artifact_id == _b("artifact_id")
    ),
    "insert_artifact_label": lambda s: s.insert_new(t.artifact_labels),
    "move_artifact_tag": _move_artifact_tag,
    # iterations of one run may hold a tag together; those of an older run lose it
    "drop_older_tags": lambda s: delete(t.artifact_tags).where(
        t.artifact_tags.c.project == _b("project"),
        t.artifact_tags.c.key == _b("key"),
        t.artifact_tags.c.tag == _b("tag"),
        t.artifact_tags.c.tree != _b("tree"),
        t.artifact_tags.c.moved <= _b("moved"),
    ),
    "insert_function": _insert_function,
    "move_function_tag": _move_function_tag,
    "find_log_piece": lambda s: select(t.logs.c.offset).where(t.logs.c.token == _b("token")),
    "log_size": lambda s: select(
        func.coalesce(func.max(t.logs.c.offset + t.logs.c.size), literal_column("0"))
    ).where(t.logs.c.project == _b("project"), t.logs.c.uid == _b("uid")),
    "lock_log": lambda s: select(func.pg_advisory_xact_lock(func.hashtext(_b("name")))),
    "insert_log": lambda s: s.insert_new(t.logs),
    "put_step": lambda s: _newest(s, t.workflow_steps, ("project", "workflow", "step"), "updated"),
    "put_cached": lambda s: _newest(s, t.step_cache, ("project", "key"), "made"),
    "insert_edge": lambda s: s.insert_new(t.lineage),
}


@lru_cache(maxsize=2)
def statements(dialect_name: str) -> Statements:
    """The statements of a dialect, shared by all stores of the process."""
    return Statements(dialect_name)
