"""Schedules in SQL."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from mlrun_like.errors import NotFoundError
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.abilities import Firing, ScheduleStore
from mlrun_like.tracking.documents import encode
from mlrun_like.tracking.part import SqlPart, matches
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.types import Document

__all__ = ["SqlSchedules"]

_KEEP = 1000
"""Firings of one schedule that are kept."""


class SqlSchedules(SqlPart, ScheduleStore):
    """See ScheduleStore."""

    def store_schedule(self, schedule: Document, next_time: float | None) -> None:
        values = {
            "next_time": next_time,
            "updated": time.time(),
            "body": encode(schedule, f"schedule {schedule['name']!r}"),
        }
        row = {"project": schedule["project"], "name": schedule["name"], **values}

        def act(tx: Transaction) -> None:
            dialect = postgresql if tx.postgresql else sqlite
            statement = dialect.insert(t.schedules).values(row)
            keys = ["project", "name"]
            tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=values))

        self.writer.transact(act)

    def read_schedule(self, project: str, name: str) -> Document:
        self.writer.settle()
        s = t.schedules.c
        statement = select(s.body).where(s.project == project, s.name == name)
        with self.database.read() as connection:
            body = connection.execute(statement).scalar()
        if body is None:
            raise NotFoundError(
                f"there is no schedule {name!r}",
                where=f"project {project!r} in {self.database.shown}",
                fix="mlrun-like schedules list   shows those that exist",
            )
        document: Document = json.loads(body)
        return document

    def list_schedules(self, project: str = "", name: str = "") -> list[Document]:
        self.writer.settle()
        s = t.schedules.c
        statement = select(s.body).order_by(s.project, s.name)
        if project not in ("", "*"):
            statement = statement.where(s.project == project)
        if name:
            statement = statement.where(matches(s.name, name))
        with self.database.read() as connection:
            return [json.loads(row[0]) for row in connection.execute(statement)]

    def delete_schedule(self, project: str, name: str) -> bool:
        s, f = t.schedules.c, t.firings.c

        def act(tx: Transaction) -> bool:
            tx.execute(delete(t.firings).where(f.project == project, f.name == name))
            gone = delete(t.schedules).where(s.project == project, s.name == name)
            return bool(tx.execute(gone.returning(s.name)))

        return self.writer.transact(act)

    def due_schedules(self, now: float) -> tuple[list[tuple[Document, float]], float | None]:
        self.writer.settle()
        s = t.schedules.c
        due = select(s.body, s.next_time).where(s.next_time <= now).order_by(s.next_time)
        later = select(func.min(s.next_time)).where(s.next_time > now)
        with self.database.read() as connection:
            rows = [(json.loads(body), when) for body, when in connection.execute(due)]
            return rows, connection.execute(later).scalar()

    def claim_firings(
        self, schedule: Document, due: float, next_time: float | None, firings: Sequence[Firing]
    ) -> list[Firing]:
        project, name = schedule["project"], schedule["name"]
        s, f = t.schedules.c, t.firings.c

        def act(tx: Transaction) -> list[Firing]:
            moved = (
                update(t.schedules)
                .where(s.project == project, s.name == name, s.next_time == due)
                .values(next_time=next_time, body=encode(schedule, f"schedule {name!r}"))
            )
            if not tx.execute(moved.returning(s.name)):
                return []
            taken = select(f.due).where(
                f.project == project, f.name == name, f.due.in_([item.due for item in firings])
            )
            known = {row[0] for row in tx.execute(taken)}
            mine = [item for item in firings if item.due not in known]
            for item in mine:
                row: dict[str, Any] = {"project": project, "name": name, **item._asdict()}
                tx.execute(insert(t.firings).values(row))
            oldest = (
                select(f.firing_id)
                .where(f.project == project, f.name == name)
                .order_by(f.firing_id.desc())
                .offset(_KEEP)
                .limit(1)
            )
            for (last,) in tx.execute(oldest):
                old = delete(t.firings).where(
                    f.project == project, f.name == name, f.firing_id <= last
                )
                tx.execute(old)
            return mine

        return self.writer.transact(act)

    def record_firing(self, project: str, name: str, firing: Firing) -> None:
        f = t.firings.c
        change = (
            update(t.firings)
            .where(f.project == project, f.name == name, f.due == firing.due)
            .values(outcome=firing.outcome, uid=firing.uid, text=firing.text)
            .returning(f.due)
        )
        row: dict[str, Any] = {"project": project, "name": name, **firing._asdict()}

        def act(tx: Transaction) -> None:
            if not tx.execute(change):
                tx.execute(insert(t.firings).values(row))

        self.writer.transact(act)

    def list_firings(self, project: str, name: str, limit: int = 100) -> list[Firing]:
        self.writer.settle()
        f = t.firings.c
        statement = (
            select(f.due, f.fired, f.outcome, f.uid, f.text)
            .where(f.project == project, f.name == name)
            .order_by(f.due.desc())
        )
        if limit > 0:
            statement = statement.limit(limit)
        with self.database.read() as connection:
            return [Firing(*row) for row in connection.execute(statement)]
