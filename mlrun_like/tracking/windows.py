"""Leases, cursors and results of monitoring applications in SQL.

The cursor is what makes a window's numbers exist exactly once: a commit moves it only if it still
stands where the controller found it, and the numbers are written in the same transaction. Leases
only save work; a wrong one can make two controllers compute a window, never write it twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from sqlalchemy import Table, and_, delete, func, select, text

from mlrun_like.tracking.part import SqlPart, chunks
from mlrun_like.tracking.schema_alerts import insert_happenings
from mlrun_like.tracking.schema_windows import (
    monitor_cursors,
    monitor_leases,
    monitor_results,
    monitor_stats,
    monitor_windows,
)
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.tracking.window_abilities import (
    ResultRow,
    WindowCommit,
    WindowCursor,
    WindowRow,
    WindowStore,
)
from mlrun_like.tracking.window_rows import (
    SERVER_CLOCK,
    matching,
    move_cursor,
    put_rows,
    result_values,
    select_results,
    stats_values,
    store_clock,
    to_result,
)
from mlrun_like.types import Document

__all__ = ["SqlWindows"]

_ABSURD = 3000.0
"""Seconds: a lease that would hold for longer is none."""
_R, _C, _W, _S = monitor_results.c, monitor_cursors.c, monitor_windows.c, monitor_stats.c


class SqlWindows(SqlPart, WindowStore):
    """See WindowStore."""

    def claim_leases(self, names: Sequence[str], owner: str, seconds: float) -> set[str]:
        if not names:
            return set()

        def act(tx: Transaction) -> set[str]:
            now = store_clock(tx)
            mine: set[str] = set()
            # in one order, or two controllers would wait for each other
            for part in chunks(sorted(set(names)), 200):
                rows = [{"name": name, "owner": owner, "until": now + seconds} for name in part]
                insert = tx.prepared.insert(monitor_leases).values(rows)
                held = monitor_leases.c
                statement = insert.on_conflict_do_update(
                    index_elements=["name"],
                    set_={"owner": insert.excluded.owner, "until": insert.excluded.until},
                    where=(held.until <= now)
                    | (held.owner == insert.excluded.owner)
                    # nobody claims for that long: the clock was set back since
                    | (held.until > now + max(_ABSURD, 20 * seconds)),
                ).returning(held.name)
                mine.update(row[0] for row in tx.execute(statement))
            return mine

        return self.writer.transact(act)

    def release_leases(self, names: Sequence[str], owner: str) -> None:
        if not names:
            return
        held = monitor_leases.c

        def act(tx: Transaction) -> None:
            for part in chunks(sorted(set(names)), 200):
                tx.execute(delete(monitor_leases).where(held.name.in_(part), held.owner == owner))

        self.writer.transact(act)

    def read_leases(self, prefix: str = "") -> dict[str, tuple[str, float]]:
        held = monitor_leases.c
        statement = select(held.name, held.owner, held.until)
        if prefix:
            statement = statement.where(held.name.startswith(prefix, autoescape=True))
        with self.database.read() as connection:
            rows = connection.execute(statement).all()
            now = time.time()
            if not self.database.sqlite:
                now = float(connection.execute(text(SERVER_CLOCK)).scalar_one())
        return {name: (owner, until - now) for name, owner, until in rows if until > now}

    def read_cursors(
        self, project: str = "", endpoints: Sequence[str] | None = None
    ) -> list[WindowCursor]:
        statement = select(*monitor_cursors.columns)
        if project not in ("", "*"):
            statement = statement.where(_C.project == project)
        found: list[WindowCursor] = []
        with self.database.read() as connection:
            for part in [None] if endpoints is None else chunks(list(endpoints)):
                narrowed = statement if part is None else statement.where(_C.endpoint.in_(part))
                found += [WindowCursor(*row) for row in connection.execute(narrowed)]
        return found

    def commit_windows(self, commits: Sequence[WindowCommit]) -> list[bool]:
        if not commits:
            return []
        bodies = [[result_values(row) for row in one.results] for one in commits]

        def act(tx: Transaction) -> list[bool]:
            ours = [move_cursor(tx, one) for one in commits]
            kept = [one for one, mine in zip(commits, ours, strict=True) if mine]
            windows = [
                (c.project, c.endpoint, c.application, *row)
                for c, rows in ((one.cursor, one.windows) for one in kept)
                for row in rows
            ]
            results = [row for rows, mine in zip(bodies, ours, strict=True) if mine for row in rows]
            put_rows(tx, monitor_windows, windows)
            put_rows(tx, monitor_results, results)
            put_rows(tx, monitor_stats, [row for one in kept for row in stats_values(one)])
            insert_happenings(tx, [row for one in kept for row in one.happenings])
            return ours

        return self.writer.transact(act)

    def replace_results(self, project: str, rows: Sequence[ResultRow]) -> None:
        values = [result_values(row) for row in rows if row.project == project]
        self.writer.transact(lambda tx: put_rows(tx, monitor_results, values))

    def list_windows(
        self, project: str, endpoint: str = "", application: str = "", state: str = "",
        limit: int = 0,
    ) -> list[tuple[str, str, WindowRow]]:  # fmt: skip
        statement = select(
            _W.endpoint,
            _W.application,
            _W.start,
            _W.end,
            _W.state,
            _W.events,
            _W.attempts,
            _W.error,
        ).where(*matching(monitor_windows, project, endpoint, application))
        if state:
            statement = statement.where(_W.state == state)
        statement = statement.order_by(_W.end.desc(), _W.endpoint, _W.application)
        if limit > 0:
            statement = statement.limit(limit)
        with self.database.read() as connection:
            return [(row[0], row[1], WindowRow(*row[2:])) for row in connection.execute(statement)]

    def list_results(  # noqa: PLR0913 - filters
        self, project: str, endpoint: str = "", application: str = "", name: str = "",
        start: float | None = None, end: float | None = None, *, type: str = "",
        min_status: int | None = None, limit: int = 0,
    ) -> list[ResultRow]:  # fmt: skip
        where = matching(monitor_results, project, endpoint, application, name)
        if start is not None:
            where.append(_R.end > start)
        if end is not None:
            where.append(_R.end <= end)
        if type:
            where.append(_R.type == type)
        if min_status is not None:
            where.append(_R.status >= min_status)
        statement = select_results().where(*where)
        order = (_R.end, _R.endpoint, _R.application, _R.name)
        if limit > 0:
            statement = statement.order_by(*(one.desc() for one in order)).limit(limit)
        else:
            statement = statement.order_by(*order)
        with self.database.read() as connection:
            rows = [to_result(row) for row in connection.execute(statement)]
        return rows[::-1] if limit > 0 else rows

    def latest_results(self, project: str, endpoint: str = "") -> list[ResultRow]:
        keys = (_R.project, _R.endpoint, _R.application, _R.name)
        newest = (
            select(*keys, func.max(_R.end).label("end"))
            .where(*matching(monitor_results, project, endpoint))
            .group_by(*keys)
            .subquery()
        )
        same = (_R.end == newest.c.end, *(key == newest.c[key.name] for key in keys))
        statement = select_results().join_from(monitor_results, newest, and_(*same)).order_by(*keys)
        with self.database.read() as connection:
            return [to_result(row) for row in connection.execute(statement)]

    def read_window_stats(
        self, project: str, endpoint: str, application: str = ""
    ) -> dict[str, tuple[float, Document]]:
        statement = select(_S.name, _S.time, _S.body).where(
            *matching(monitor_stats, project, endpoint, application)
        )
        with self.database.read() as connection:
            rows = connection.execute(statement.order_by(_S.time))
            return {name: (when, json.loads(body)) for name, when, body in rows}

    def delete_results(self, project: str, endpoint: str = "", before: float | None = None) -> int:
        tables = [monitor_results, monitor_windows]
        if before is None:
            tables += [monitor_cursors, monitor_stats]
        return self._delete(tables, before, project, endpoint)

    def forget_application(self, project: str, application: str) -> int:
        tables = [monitor_results, monitor_windows, monitor_cursors, monitor_stats]
        return self._delete(tables, None, project, "", application)

    def _delete(self, tables: list[Table], before: float | None, *place: str) -> int:
        def act(tx: Transaction) -> int:
            where = matching(monitor_results, *place)
            if before is not None:
                where.append(_R.end < before)
            count = tx.execute(select(func.count()).select_from(monitor_results).where(*where))
            for table in tables:
                narrowed = matching(table, *place)
                if before is not None:
                    narrowed.append(table.c.end < before)
                tx.execute(delete(table).where(*narrowed))
            return int(count[0][0])

        return self.writer.transact(act)
