"""Alerts in SQL: decisions made once, deliveries claimed by leases."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, bindparam, delete, or_, select, union, update

from mlrun_like.errors import ConflictError
from mlrun_like.tracking.alert_abilities import (
    AlertChange,
    AlertCursor,
    AlertLine,
    AlertStore,
    Letter,
)
from mlrun_like.tracking.documents import encode
from mlrun_like.tracking.happenings import SqlHappenings
from mlrun_like.tracking.schema_alerts import (
    alert_activations,
    alert_cursors,
    alert_documents,
    alert_lines,
    alert_outbox,
    insert_happenings,
)
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.types import Document

__all__ = ["SqlAlerts"]

_WAITING = "waiting"
_ABSURD = 3000.0
"""Seconds: a delivery that would be held for longer is free."""


class SqlAlerts(SqlHappenings, AlertStore):
    """See AlertStore and HappeningStore."""

    def alert_cursor(self, project: str) -> AlertCursor:
        self.writer.settle()
        c = alert_cursors.c
        statement = select(c.position, c.version, c.body).where(c.project == project)
        with self.database.read() as connection:
            row = connection.execute(statement).first()
        return AlertCursor(row[0], row[1], json.loads(row[2])) if row else AlertCursor(0, 0, {})

    def alert_projects(self) -> list[str]:
        self.writer.settle()
        o, d = alert_outbox.c, alert_documents.c
        statement = union(
            select(d.project).where(d.kind == "config"),
            select(o.project).where(o.state == _WAITING),
        )
        with self.database.read() as connection:
            return sorted(row[0] for row in connection.execute(statement))

    def alert_documents(self, project: str, kind: str, name: str = "") -> dict[str, Document]:
        self.writer.settle()
        c = alert_documents.c
        everywhere = project in ("", "*")
        statement = select(c.project, c.name, c.body).where(c.kind == kind)
        if not everywhere:
            statement = statement.where(c.project == project)
        if name:
            statement = statement.where(c.name == name)
        with self.database.read() as connection:
            rows = connection.execute(statement.order_by(c.project, c.name)).all()
        return {
            f"{place}/{key}" if everywhere else str(key): json.loads(body)
            for place, key, body in rows
        }

    def commit_alerts(self, project: str, change: AlertChange) -> None:
        def act(tx: Transaction) -> None:
            _move(tx, project, change)
            for (kind, name), body in change.documents.items():
                key = {"project": project, "kind": kind, "name": name}
                if body is None:
                    c = alert_documents.c
                    mine = (c.project == project, c.kind == kind, c.name == name)
                    tx.execute(delete(alert_documents).where(*mine))
                    continue
                values = {"updated": time.time(), "body": encode(body, f"{kind} {name!r}")}
                _put(tx, alert_documents, key, values)
            rows = []
            for item in change.activations:
                text = encode(item.body, f"incident {item.number}")
                rows.append({**vars(item), "body": text})
            _many(tx, alert_activations, rows, ("project", "number"))
            _add_lines(tx, project, change.lines)
            rows = []
            for letter in change.letters:
                text = encode(letter.body, f"delivery {letter.id!r}")
                rows.append({**vars(letter), "leased": 0.0, "owner": "", "body": text})
            _many(tx, alert_outbox, rows)
            insert_happenings(tx, change.happenings)

        self.writer.transact(act)

    def alert_letters(self, project: str, number: int = 0, state: str = "") -> list[Letter]:
        self.writer.settle()
        c = alert_outbox.c
        statement = select(
            c.id, c.project, c.number, c.kind, c.state, c.due, c.attempts, c.body
        ).where(c.project == project)
        if number:
            statement = statement.where(c.number == number)
        if state:
            statement = statement.where(c.state == state)
        with self.database.read() as connection:
            rows = connection.execute(statement.order_by(c.due, c.id)).all()
        return [_letter(row) for row in rows]

    def claim_letters(
        self, project: str, now: float, until: float, owner: str, limit: int
    ) -> list[Letter]:
        c = alert_outbox.c
        # nobody claims for that long: the clock was set back since
        open_now = or_(c.leased <= now, c.leased > now + max(_ABSURD, 10 * (until - now)))

        def act(tx: Transaction) -> list[Letter]:
            free = (
                select(c.id)
                .where(c.project == project, c.state == _WAITING, c.due <= now, open_now)
                .order_by(c.due, c.id)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
            ids = [row[0] for row in tx.execute(free)]
            if not ids:
                return []
            taken = (
                update(alert_outbox)
                .where(c.id.in_(ids), c.state == _WAITING, open_now)
                .values(leased=until, owner=owner, attempts=c.attempts + 1)
                .returning(c.id, c.project, c.number, c.kind, c.state, c.due, c.attempts, c.body)
            )
            return sorted(map(_letter, tx.execute(taken)), key=lambda item: (item.due, item.id))

        return self.writer.transact(act)

    def settle_letter(self, letter: Letter, owner: str, lines: Sequence[AlertLine]) -> bool:
        c = alert_outbox.c

        def act(tx: Transaction) -> bool:
            done = (
                update(alert_outbox)
                .where(c.id == letter.id, c.project == letter.project)
                .where(c.owner == owner, c.state == _WAITING)
                .values(
                    state=letter.state,
                    due=letter.due,
                    leased=0.0,
                    owner="",
                    body=encode(letter.body, f"delivery {letter.id!r}"),
                )
            )
            if not tx.execute(done.returning(c.id)):
                return False
            _add_lines(tx, letter.project, lines)
            return True

        return self.writer.transact(act)


def _letter(row: Any) -> Letter:
    key, project, number, kind, state, due, attempts, body = row
    return Letter(key, project, number, kind, state, due, attempts, json.loads(body))


def _move(tx: Transaction, project: str, change: AlertChange) -> None:
    """Count the version up, if it is the one that was read."""
    c = alert_cursors.c
    start = {"project": project, "position": 0, "version": 0, "body": "{}"}
    tx.execute(tx.prepared.insert(alert_cursors).values(start).on_conflict_do_nothing())
    values: dict[str, Any] = {"version": c.version + 1}
    if change.position is not None:
        values["position"] = change.position
    if change.body is not None:
        values["body"] = encode(change.body, f"cursor of {project!r}")
    moved = update(alert_cursors).where(c.project == project).values(values)
    if change.expected is not None:
        moved = moved.where(c.version == change.expected)
    if not tx.execute(moved.returning(c.version)):
        raise ConflictError(f"alerts of project {project!r} were changed by somebody else")


def _put(tx: Transaction, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    new = tx.prepared.insert(table).values({**key, **values})
    tx.execute(new.on_conflict_do_update(index_elements=[*key], set_=dict(values)))


def _add_lines(tx: Transaction, project: str, lines: Sequence[AlertLine]) -> None:
    rows = []
    for line in lines:
        text = encode(line.body, f"a line of incident {line.number}")
        rows.append({**line._asdict(), "project": project, "body": text})
    _many(tx, alert_lines, rows)


def _many(
    tx: Transaction, table: Table, rows: Sequence[Mapping[str, Any]], key: Sequence[str] = ()
) -> None:
    """Insert rows, compiled once: a storm has thousands; with a key, replace those that exist."""
    if not rows:
        return
    new = tx.prepared.insert(table).values({name: bindparam(name) for name in rows[0]})
    if key:
        changed = {name: new.excluded[name] for name in rows[0] if name not in key}
        statement = new.on_conflict_do_update(index_elements=[*key], set_=changed)
    else:
        statement = new.on_conflict_do_nothing()
    compiled: Any = statement.compile(dialect=tx.prepared.dialect)
    order = compiled.positiontup
    tx.cursor.executemany(str(compiled), [tuple(row[name] for name in order) for row in rows])
