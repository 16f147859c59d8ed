"""Tables of what happened (the event log), and of alerts: definitions, incidents, deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    Index,
    Integer,
    String,
    Table,
    Text,
    bindparam,
    func,
    select,
)

from mlrun_like.tracking.alert_abilities import Happening
from mlrun_like.tracking.documents import encode
from mlrun_like.tracking.schema import metadata
from mlrun_like.tracking.statements import statements
from mlrun_like.tracking.transaction import Transaction

__all__ = [
    "alert_activations",
    "alert_cursors",
    "alert_documents",
    "alert_lines",
    "alert_outbox",
    "happenings",
    "insert_happenings",
]

_ID = BigInteger().with_variant(Integer(), "sqlite")

happenings = Table(
    "happenings",
    metadata,
    # the order in which they became visible, which is what readers' cursors hold
    Column("seq", _ID, primary_key=True),
    # made from what happened: telling it twice changes nothing
    Column("id", String, nullable=False, unique=True),
    Column("project", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("entity_kind", String, nullable=False),
    Column("entity_id", String, nullable=False),
    Column("time", Double, nullable=False),
    Column("value", Double),
    Column("body", Text, nullable=False),
    Index("happenings_by_project", "project", "seq"),
    Index("happenings_by_entity", "project", "entity_id", "time"),
    sqlite_autoincrement=True,
)

alert_documents = Table(  # definitions, their states, silences, templates, cursors of sources
    "alert_documents",
    metadata,
    Column("project", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("updated", Double, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

alert_cursors = Table(
    "alert_cursors",
    metadata,
    Column("project", String, primary_key=True),
    # the last happening that was judged
    Column("position", BigInteger, nullable=False),
    # of all that decisions are made from: a decision made from an older one is not taken
    Column("version", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

alert_activations = Table(
    "alert_activations",
    metadata,
    Column("project", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("name", String, nullable=False),
    Column("entity_kind", String, nullable=False),
    Column("entity_id", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("state", String, nullable=False),
    Column("opened", Double, nullable=False),
    Column("updated", Double, nullable=False),
    Column("resolved", Double),
    Column("body", Text, nullable=False),
    Index("alert_activations_by_state", "project", "state", "opened"),
    Index("alert_activations_by_name", "project", "name", "opened"),
    sqlite_with_rowid=False,
)

alert_lines = Table(
    "alert_lines",
    metadata,
    Column("line_id", _ID, primary_key=True),
    Column("project", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("time", Double, nullable=False),
    Column("kind", String, nullable=False),
    Column("body", Text, nullable=False),
    Index("alert_lines_by_incident", "project", "number", "line_id"),
    sqlite_autoincrement=True,
)

alert_outbox = Table(
    "alert_outbox",
    metadata,
    # made from the decision: receivers can tell a second delivery by it
    Column("id", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("due", Double, nullable=False),
    Column("leased", Double, nullable=False),
    Column("owner", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Index("alert_outbox_by_due", "state", "project", "due"),
    Index("alert_outbox_by_incident", "project", "number"),
    sqlite_with_rowid=False,
)

_COLUMNS = ("id", "project", "kind", "entity_kind", "entity_id", "time", "value", "body")
_LOCK = 0x6861


def insert_happenings(tx: Transaction, rows: Sequence[Happening]) -> None:
    """Add to the event log inside a transaction; what is there already stays as it is.

    Args:
        tx: The transaction; other changes in it and these are made together.
        rows: What happened.
    """
    if not rows:
        return
    if tx.postgresql:
        # numbers must become visible in their order, or a reader's cursor would pass one by
        for project in sorted({row.project for row in rows}):
            tx.execute(select(func.pg_advisory_xact_lock(_LOCK, func.hashtext(project))))
    sql, order = _insert(tx.postgresql)
    values = []
    for row in rows:
        found: dict[str, Any] = {
            "id": row.id,
            "project": row.project,
            "kind": row.kind.replace("_", "-"),
            "entity_kind": row.entity_kind.replace("_", "-"),
            "entity_id": row.entity_id,
            "time": float(row.time),
            "value": _number(row.value),
            "body": encode(row.body, f"happening {row.id!r}"),
        }
        values.append(tuple(found[name] for name in order))
    tx.cursor.executemany(sql, values)


def _number(value: float | None) -> float | None:
    """NaN is no value: one of the databases cannot hold it."""
    return None if value is None or value != value else float(value)


@lru_cache(maxsize=2)
def _insert(server: bool) -> tuple[str, tuple[str, ...]]:
    """The insert and the order of its values."""
    ready = statements("postgresql" if server else "sqlite")
    statement = ready.insert(happenings).values(**{name: bindparam(name) for name in _COLUMNS})
    compiled: Any = statement.on_conflict_do_nothing().compile(dialect=ready.dialect)
    return str(compiled), tuple(compiled.positiontup)
