"""Runs as alerts see them: which changed, which go on, and whether they show signs of work."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import func, select

from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.alert_abilities import RunSign
from mlrun_like.tracking.part import SqlPart

__all__ = ["SqlRunSigns"]


class SqlRunSigns(SqlPart):
    """See HappeningStore."""

    def changed_runs(self, project: str, after: float, limit: int) -> list[RunSign]:
        self.writer.settle()
        r = t.runs.c
        statement = _signs(project).where(r.updated > after).order_by(r.updated, r.run_id)
        with self.database.read() as connection:
            rows = connection.execute(statement.limit(limit)).all()
        return [_sign(row) for row in rows]

    def busy_runs(self, project: str) -> list[RunSign]:
        self.writer.settle()
        r, m, g = t.runs.c, t.metrics.c, t.logs.c
        metric = select(func.max(m.time)).where(m.run_id == r.run_id).scalar_subquery()
        log = (
            select(func.max(g.offset))
            .where(g.project == r.project, g.uid == r.uid)
            .scalar_subquery()
        )
        statement = _signs(project).where(r.state.not_in((*TERMINAL, "")))
        with self.database.read() as connection:
            rows = connection.execute(statement.add_columns(metric, log)).all()
        return [_sign(row)._replace(work=f"{row[6]} {row[9]} {row[10]}") for row in rows]

    def newest_run_change(self, project: str) -> float:
        self.writer.settle()
        r = t.runs.c
        statement = select(func.max(r.updated)).where(r.project == project, r.iter == 0)
        with self.database.read() as connection:
            return float(connection.execute(statement).scalar() or 0.0)


def _signs(project: str) -> Any:
    r = t.runs.c
    return select(
        *(r.project, r.uid, r.name, r.kind, r.state, r.started, r.updated, r.ended, r.body)
    ).where(r.project == project, r.iter == 0, r.deleted_at.is_(None), r.state != "")


def _sign(row: Any) -> RunSign:
    # only a failed run's document is worth being read
    error = ""
    if row[4] in ("error", "aborted"):
        error = str(json.loads(row[8]).get("status", {}).get("error") or "")[:1000]
    return RunSign(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], error)
