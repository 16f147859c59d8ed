"""Counts over many records in SQL."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Double,
    Integer,
    Table,
    Text,
    and_,
    case,
    cast,
    func,
    select,
    true,
)

from mlrun_like.tracking.part import SqlPart
from mlrun_like.tracking.schema import runs
from mlrun_like.tracking.schema_alerts import alert_activations
from mlrun_like.tracking.schema_monitoring import model_endpoints, series_batches
from mlrun_like.tracking.survey_abilities import (
    ActivationCount,
    BatchNumbers,
    EndpointRow,
    RequestCount,
    RunCount,
    SurveyStore,
)

__all__ = ["SqlSurveys"]

_A, _E, _R, _S = alert_activations.c, model_endpoints.c, runs.c, series_batches.c


class SqlSurveys(SqlPart, SurveyStore):
    """See SurveyStore."""

    def survey_endpoints(self, project: str = "") -> list[EndpointRow]:
        self.writer.settle()
        with self.database.read() as connection:
            statement = (
                select(
                    *(_E.project, _E.uid, _E.name, _E.function, _E.model, _E.mode, _E.type),
                    *(_E.created, _E.requests, _E.errors, _E.dropped),
                    *(_E.first_request, _E.last_request),
                    _inside(connection, _E.body, "status", "state"),
                    _inside(connection, _E.body, "spec", "active"),
                )
                .where(_of(model_endpoints, project))
                .order_by(_E.project, _E.name, _E.uid)
            )
            # one database says false, the other 0
            return [
                EndpointRow._make((*row[:13], row[13] or "", row[14] not in ("false", "0")))
                for row in connection.execute(statement)
            ]

    def count_runs(self, project: str = "", since: float | None = None) -> list[RunCount]:
        self.writer.settle()
        took = case((_R.ended.is_not(None), _R.ended - _R.started), else_=0.0)
        statement = select(
            _R.project, _R.kind, _R.state, func.count(), func.count(_R.ended), func.sum(took)
        ).where(_of(runs, project), _R.iter == 0, _R.deleted_at.is_(None), _R.state != "")
        if since is not None:
            statement = statement.where(_R.started >= since)
        keys = (_R.project, _R.kind, _R.state)
        with self.database.read() as connection:
            rows = connection.execute(statement.group_by(*keys).order_by(*keys)).all()
        return [RunCount._make((*row[:5], float(row[5] or 0.0))) for row in rows]

    def count_activations(self, project: str = "") -> list[ActivationCount]:
        self.writer.settle()
        keys = (_A.project, _A.severity, _A.state)
        statement = select(*keys, func.count()).where(_of(alert_activations, project))
        with self.database.read() as connection:
            rows = connection.execute(statement.group_by(*keys).order_by(*keys)).all()
        return [ActivationCount(*row) for row in rows]

    def count_requests(
        self, project: str, start: float, end: float, step: float, endpoint: str = ""
    ) -> list[RequestCount]:
        self.writer.settle()
        steps: Any = (_S.last - start) / step
        if not self.database.sqlite:
            steps = func.floor(steps)  # a cast would round there
        place = cast(steps, Integer).label("place")
        where = [_of(series_batches, project), _S.kind == "events", _S.last >= start, _S.last < end]
        if endpoint:
            where.append(_S.endpoint == endpoint)
        with self.database.read() as connection:
            told = [
                func.sum(cast(_inside(connection, _S.summary, name), Double))
                for name in ("requests", "errors")
            ]
            statement = select(_S.endpoint, place, func.coalesce(told[0], 0.0), told[1])
            statement = statement.where(*where).group_by(_S.endpoint, place)
            rows = connection.execute(statement.order_by(_S.endpoint, place)).all()
        return [RequestCount(row[0], start + row[1] * step, row[2], row[3] or 0.0) for row in rows]

    def batch_numbers(self, project: str, since: float, limit: int) -> list[BatchNumbers]:
        self.writer.settle()
        statement = (
            select(_S.project, _S.endpoint, _S.first, _S.last, _S.summary)
            .where(_of(series_batches, project), _S.kind == "events", _S.last >= since)
            .order_by(_S.last.desc())
            .limit(limit)
        )
        with self.database.read() as connection:
            rows = connection.execute(statement).all()
        return [BatchNumbers(*row[:4], json.loads(row[4])) for row in rows]


def _of(table: Table, project: str) -> ColumnElement[bool]:
    return true() if project in ("", "*") else and_(table.c.project == project)


def _inside(connection: Connection, column: Any, *path: str) -> Any:
    """A value inside a column of JSON, as text; names in the path are ours."""
    if connection.dialect.name == "postgresql":
        return func.json_extract_path_text(cast(column, JSON), *path)
    return cast(func.json_extract(column, "$." + ".".join(path)), Text)
