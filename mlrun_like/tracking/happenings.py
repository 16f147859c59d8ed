"""The event log, and incidents with their time lines, in SQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select

from mlrun_like.tracking.alert_abilities import (
    Activation,
    ActivationFilter,
    AlertLine,
    Happening,
    HappeningStore,
)
from mlrun_like.tracking.run_signs import SqlRunSigns
from mlrun_like.tracking.schema_alerts import (
    alert_activations,
    alert_lines,
    alert_outbox,
    happenings,
    insert_happenings,
)
from mlrun_like.tracking.transaction import Transaction

__all__ = ["SqlHappenings"]


class SqlHappenings(SqlRunSigns, HappeningStore):
    """See HappeningStore; also reads incidents, see AlertStore."""

    def append_happenings(self, rows: Sequence[Happening]) -> None:
        def act(tx: Transaction) -> None:
            insert_happenings(tx, rows)

        if rows:
            self.writer.transact(act)

    def list_happenings(
        self, project: str, after: int = 0, limit: int = 0, *, kinds: Sequence[str] = (),
        entity_id: str = "", start: float | None = None, end: float | None = None,
    ) -> list[Happening]:  # fmt: skip
        self.writer.settle()
        h = happenings.c
        statement = select(
            h.id, h.project, h.kind, h.entity_kind, h.entity_id, h.time, h.value, h.body, h.seq
        ).where(h.project == project, h.seq > after)
        if kinds:
            statement = statement.where(h.kind.in_([kind.replace("_", "-") for kind in kinds]))
        if entity_id:
            statement = statement.where(h.entity_id == entity_id)
        if start is not None:
            statement = statement.where(h.time >= start)
        if end is not None:
            statement = statement.where(h.time <= end)
        statement = statement.order_by(h.seq)
        if limit:
            statement = statement.limit(limit)
        with self.database.read() as connection:
            return [
                Happening(*row[:7], json.loads(row[7]), row[8])
                for row in connection.execute(statement)
            ]

    def delete_happenings(self, project: str, before: float) -> int:
        h, a = happenings.c, alert_activations.c

        def act(tx: Transaction) -> int:
            gone = delete(happenings).where(h.project == project, h.time < before)
            count = len(tx.execute(gone.returning(h.seq)))
            old = delete(alert_activations).where(
                a.project == project, a.state == "resolved", a.resolved < before
            )
            numbers = [row[0] for row in tx.execute(old.returning(a.number))]
            for number in numbers:
                for table in (alert_lines, alert_outbox):
                    c = table.c
                    tx.execute(delete(table).where(c.project == project, c.number == number))
            return count + len(numbers)

        return self.writer.transact(act)

    def list_activations(self, project: str, chosen: ActivationFilter) -> list[Activation]:
        self.writer.settle()
        a = alert_activations.c
        statement = select(
            *(a.project, a.number, a.name, a.entity_kind, a.entity_id, a.severity, a.state),
            *(a.opened, a.updated, a.resolved, a.body),
        )
        if project not in ("", "*"):
            statement = statement.where(a.project == project)
        conditions: list[tuple[Any, Any]] = [
            (chosen.name, a.name == chosen.name),
            (chosen.number, a.number == chosen.number),
            (chosen.entity_id, a.entity_id == chosen.entity_id),
            (chosen.states, a.state.in_(chosen.states)),
            (chosen.severities, a.severity.in_(chosen.severities)),
        ]
        for wanted, condition in conditions:
            if wanted:
                statement = statement.where(condition)
        if chosen.since is not None:
            statement = statement.where(a.opened >= chosen.since)
        if chosen.until is not None:
            statement = statement.where(a.opened <= chosen.until)
        statement = statement.order_by(a.opened.desc(), a.number.desc())
        if chosen.limit:
            statement = statement.limit(chosen.limit)
        with self.database.read() as connection:
            return [
                Activation(*row[:10], json.loads(row[10])) for row in connection.execute(statement)
            ]

    def alert_lines(self, project: str, number: int) -> list[AlertLine]:
        self.writer.settle()
        c = alert_lines.c
        statement = (
            select(c.number, c.time, c.kind, c.body)
            .where(c.project == project, c.number == number)
            .order_by(c.line_id)
        )
        with self.database.read() as connection:
            return [
                AlertLine(*row[:3], json.loads(row[3])) for row in connection.execute(statement)
            ]
