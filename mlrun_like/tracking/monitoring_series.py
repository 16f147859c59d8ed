"""Batches of what endpoints saw, in SQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from mlrun_like.registry import resolve
from mlrun_like.tracking.documents import encode
from mlrun_like.tracking.monitoring_abilities import (
    QualityRow,
    SeriesBatch,
    SeriesSpan,
    SeriesStore,
)
from mlrun_like.tracking.part import SqlPart
from mlrun_like.tracking.schema_monitoring import (
    endpoint_quality,
    model_endpoints,
    series_batches,
)
from mlrun_like.tracking.transaction import Transaction

__all__ = ["SqlSeries"]

_S, _E, _Q = series_batches.c, model_endpoints.c, endpoint_quality.c


class SqlSeries(SqlPart, SeriesStore):
    """See SeriesStore."""

    def append_batches(self, batches: Sequence[SeriesBatch]) -> int:
        now = float(resolve("mlrun_like.monitoring.clock:now")())
        rows = [_row(batch, now) for batch in batches]

        def act(tx: Transaction) -> int:
            dialect = postgresql if tx.postgresql else sqlite
            new = 0
            for batch, row in zip(batches, rows, strict=True):
                statement = dialect.insert(series_batches).values(row)
                statement = statement.on_conflict_do_nothing(index_elements=["batch_id"])
                if tx.execute(statement.returning(_S.batch_id)):
                    new += 1
                    _count(tx, batch)
            return new

        return self.writer.transact(act)

    def read_batches(
        self, project: str, endpoint: str, kind: str, start: float | None = None,
        end: float | None = None, *, added_since: float | None = None, bodies: bool = True,
    ) -> list[SeriesBatch]:  # fmt: skip
        self.writer.settle()
        columns: list[Any] = [
            *(_S.project, _S.endpoint, _S.kind, _S.batch_id, _S.first, _S.last, _S.rows),
            _S.body if bodies else literal(b""),
            *(_S.summary, _S.added),
        ]
        statement = select(*columns).where(_of(project, endpoint, kind))
        if start is not None:
            statement = statement.where(_S.last >= start)
        if end is not None:
            statement = statement.where(_S.first < end)
        if added_since is not None:
            statement = statement.where(_S.added >= added_since)
        statement = statement.order_by(_S.last, _S.first, _S.batch_id)
        with self.database.read() as connection:
            return [_batch(row) for row in connection.execute(statement)]

    def series_span(self, project: str, endpoint: str, kind: str) -> SeriesSpan | None:
        self.writer.settle()
        statement = select(func.min(_S.first), func.max(_S.last), func.sum(_S.rows)).where(
            _of(project, endpoint, kind)
        )
        with self.database.read() as connection:
            first, last, rows = connection.execute(statement).one()
        return None if first is None else SeriesSpan(float(first), float(last), int(rows))

    def series_endpoints(self, project: str, kind: str) -> set[str]:
        self.writer.settle()
        held = exists().where(_S.project == project, _S.endpoint == _E.uid, _S.kind == kind)
        statement = select(_E.uid).where(_E.project == project, held)
        with self.database.read() as connection:
            return {str(uid) for uid in connection.execute(statement).scalars()}

    def delete_batches(self, project: str, endpoint: str, before: float, kind: str = "") -> int:
        statement = delete(series_batches).where(_S.last < before)
        if project != "*":
            statement = statement.where(_S.project == project)
        if endpoint != "*":
            statement = statement.where(_S.endpoint == endpoint)
        if kind:
            statement = statement.where(_S.kind == kind)

        def act(tx: Transaction) -> int:
            return len(tx.execute(statement.returning(_S.batch_id)))

        return self.writer.transact(act)

    def store_quality(self, project: str, endpoint: str, rows: Sequence[QualityRow]) -> None:
        values = [
            {
                "project": project,
                "endpoint": endpoint,
                "first": row.first,
                "last": row.last,
                "computed": row.computed,
                "body": encode(row.body, "the quality of a window"),
            }
            for row in rows
        ]
        keys = ["project", "endpoint", "first", "last"]

        def act(tx: Transaction) -> None:
            dialect = postgresql if tx.postgresql else sqlite
            for value in values:
                statement = dialect.insert(endpoint_quality).values(value)
                changed = {name: value[name] for name in ("computed", "body")}
                tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))

        self.writer.transact(act)

    def list_quality(
        self, project: str, endpoint: str, start: float | None = None, end: float | None = None
    ) -> list[QualityRow]:
        self.writer.settle()
        statement = select(_Q.first, _Q.last, _Q.computed, _Q.body)
        statement = statement.where(_Q.project == project, _Q.endpoint == endpoint)
        if start is not None:
            statement = statement.where(_Q.first >= start)
        if end is not None:
            statement = statement.where(_Q.first < end)
        with self.database.read() as connection:
            rows = connection.execute(statement.order_by(_Q.first, _Q.last)).all()
        return [QualityRow(*row[:3], json.loads(row[3])) for row in rows]


def _batch(row: Any) -> SeriesBatch:
    project, endpoint, kind, batch_id, first, last, rows, body, summary, added = row
    return SeriesBatch(
        project,
        endpoint,
        kind,
        batch_id,
        first,
        last,
        rows,
        bytes(body),
        json.loads(summary),
        added,
    )


def _of(project: str, endpoint: str, kind: str) -> ColumnElement[bool]:
    return and_(_S.project == project, _S.endpoint == endpoint, _S.kind == kind)


def _row(batch: SeriesBatch, now: float) -> dict[str, Any]:
    return {
        "batch_id": batch.batch_id,
        "project": batch.project,
        "endpoint": batch.endpoint,
        "kind": batch.kind,
        "first": batch.first,
        "last": batch.last,
        "added": now,
        "rows": batch.rows,
        "summary": encode(batch.summary, "the summary of a batch"),
        "body": batch.body,
    }


def _count(tx: Transaction, batch: SeriesBatch) -> None:
    """Let the endpoint's counters follow a batch of events."""
    if batch.kind != "events":
        return
    told = batch.summary
    values: dict[str, Any] = {
        "requests": _E.requests + int(told.get("requests", batch.rows)),
        "errors": _E.errors + int(told.get("errors", 0)),
        "dropped": _E.dropped + int(told.get("dropped", 0)),
    }
    if int(told.get("requests", batch.rows)) > int(told.get("dropped", 0)):
        least, most = (func.least, func.greatest) if tx.postgresql else (func.min, func.max)
        values["first_request"] = least(func.coalesce(_E.first_request, batch.first), batch.first)
        values["last_request"] = most(func.coalesce(_E.last_request, batch.last), batch.last)
    mine = and_(_E.project == batch.project, _E.uid == batch.endpoint)
    tx.execute(model_endpoints.update().where(mine).values(values))
