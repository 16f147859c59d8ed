"""What changed in the store: runs, steps, alerts, functions, tasks, whoever wrote it.

The store is asked, because other services and workers with a connection of their own write too.
Times in it come from many clocks, and what was queued or spooled is there later than its time
says; so each look reaches some seconds back, and what was told already is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, text

from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.schema_alerts import alert_lines
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["OVERLAP", "Change", "Watch"]

OVERLAP = 10.0
"""Seconds that each look reaches back."""
_MOST = 2000
_LINES = 200
_BUSY = 1000
_EVERY = 5


class Change(NamedTuple):
    """One change: `kind` is `run`, `step`, `alert`, `function` or `task`."""

    kind: str
    project: str
    data: Document


class Watch:
    """Looks again and again, and gives what is new since the look before.

    Args:
        store: Where.
        since: What is as old as this is known.
    """

    def __init__(self, store: SqlStore, since: float) -> None:
        self._store = store
        self._since = since
        self._told: dict[tuple[Any, ...], float] = {}
        self._busy: set[int] = set()
        self._newest = self._last_line = -1
        self._looks = 0

    def look(self, now: float) -> list[Change] | None:
        """What is new; None: too much to be told.

        Args:
            now: The time of this look.

        Raises:
            StoreUnavailableError: if the store cannot be read now.
        """
        self._store.writer.settle()
        since = self._since - OVERLAP
        with self._store.database.read() as connection:
            rows = list(self._runs(connection, since))
            seen = [*rows, *self._steps(connection, since), *self._alerts(connection)]
            if self._looks % _EVERY == 0:
                seen += self._functions(connection, since)
        seen += self._tasks(since)
        self._looks += 1
        self._since = now
        # a row may be found in two ways
        found = {key: change for key, change in seen if key not in self._told}
        self._told.update(dict.fromkeys(found, now))
        self._forget(now)
        return None if len(rows) >= _MOST else list(found.values())

    def _forget(self, now: float) -> None:
        if len(self._told) > 4 * _MOST:
            kept = {key: at for key, at in self._told.items() if at > now - 3 * OVERLAP}
            self._told = kept if len(kept) <= 16 * _MOST else {}

    def _runs(
        self, connection: Connection, since: float
    ) -> Iterator[tuple[tuple[Any, ...], Change]]:
        r = t.runs.c
        columns = (
            *(r.run_id, r.project, r.uid, r.name, r.kind, r.state, r.started, r.ended, r.updated),
            r.deleted_at,
        )
        statement = select(*columns).where(r.iter == 0, r.state != "")
        changed = statement.where(r.updated > since).order_by(r.updated).limit(_MOST)
        rows = list(connection.execute(changed))
        if self._newest < 0:
            self._newest = int(connection.execute(select(func.max(r.run_id))).scalar() or 0)
        # what was kept in a spool comes with an old time, but with a new number
        late = statement.where(r.run_id > self._newest).order_by(r.run_id).limit(_MOST)
        rows += connection.execute(late)
        if self._busy and self._looks % _EVERY == 0:
            # so may the end of a run that is known to go on
            ids = ",".join(str(number) for number in sorted(self._busy)[-_BUSY:])
            rows += connection.execute(statement.where(text(f"runs.run_id IN ({ids})")))
        for row in rows:
            number, project, uid, name, kind, state, started, ended, updated, deleted = row
            self._newest = max(self._newest, number)
            if state in TERMINAL or deleted is not None:
                self._busy.discard(number)
            elif len(self._busy) < 4 * _BUSY:
                self._busy.add(number)
            shown = "deleted" if deleted is not None else state
            data = {
                "project": project, "uid": uid, "name": name, "kind": kind, "state": shown,
                "started": started, "ended": ended, "updated": updated,
            }  # fmt: skip
            yield ("run", number, updated, shown), Change("run", project, data)

    def _steps(
        self, connection: Connection, since: float
    ) -> Iterator[tuple[tuple[Any, ...], Change]]:
        s = t.workflow_steps.c
        statement = (
            select(s.project, s.workflow, s.step, s.state, s.uid, s.started, s.ended, s.updated)
            .where(s.updated > since)
            .order_by(s.updated)
            .limit(_MOST)
        )
        for row in connection.execute(statement).mappings():
            data = dict(row)
            key = ("step", row["project"], row["workflow"], row["step"], row["updated"])
            yield key, Change("step", row["project"], data)

    def _alerts(self, connection: Connection) -> Iterator[tuple[tuple[Any, ...], Change]]:
        line = alert_lines.c
        first = self._last_line < 0
        if first:
            newest = connection.execute(select(func.max(line.line_id))).scalar()
            self._last_line = int(newest or 0)
        # numbers of two transactions may become visible in the other order
        statement = (
            select(line.line_id, line.project, line.number, line.kind, line.time)
            .where(line.line_id > self._last_line - _LINES)
            .order_by(line.line_id)
            .limit(_MOST)
        )
        for number, project, incident, kind, moment in connection.execute(statement):
            self._last_line = max(self._last_line, number)
            key = ("alert", number)
            if first and moment < self._since - OVERLAP:
                self._told[key] = self._since
                continue
            data = {"project": project, "number": incident, "event": kind, "time": moment}
            yield key, Change("alert", project, data)

    def _functions(
        self, connection: Connection, since: float
    ) -> Iterator[tuple[tuple[Any, ...], Change]]:
        f = t.functions.c
        # this is looked for less often, so it reaches back further
        statement = select(f.project, f.name, f.hash, f.kind, f.updated).where(
            f.updated > since - _EVERY * OVERLAP
        )
        for row in connection.execute(statement.limit(_MOST)).mappings():
            key = ("function", row["project"], row["name"], row["hash"], row["updated"])
            if self._looks == 0 and row["updated"] < since:
                self._told[key] = self._since
                continue
            yield key, Change("function", row["project"], dict(row))

    def _tasks(self, since: float) -> Iterable[tuple[tuple[Any, ...], Change]]:
        for task in self._store.list_tasks(limit=100):
            if task.updated > since:
                data = {
                    "project": task.project, "uid": task.uid, "kind": task.kind,
                    "state": task.state, "done": task.done, "total": task.total,
                    "message": task.message,
                }  # fmt: skip
                key = ("task", task.uid, task.state, task.done, task.message)
                yield key, Change("task", task.project, data)
