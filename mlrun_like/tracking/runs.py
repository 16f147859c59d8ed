"""Runs and metrics in SQL."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, delete, exists, select, tuple_, update

from mlrun_like.errors import ConflictError, NotFoundError, StoreUnavailableError
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.base import MetricPoint, RunQuery, RunStore
from mlrun_like.tracking.documents import epoch, run_row
from mlrun_like.tracking.operations import move_state
from mlrun_like.tracking.part import SqlPart, chunks, label_items, matches, prepared
from mlrun_like.tracking.reaper import reap_now_and_then
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.types import Document

__all__ = ["SqlRuns", "purge_runs"]

_BUSY = ("pending", "running", "aborting")


class SqlRuns(SqlPart, RunStore):
    """The part of the store that holds runs."""

    def store_run(self, run: Document, *, wait: bool = True) -> None:
        operation = ("run", run_row(run))
        if wait:
            # Only what ended is worth a disk sync; any other state survives the process all the
            # same, and a power cut ends the run anyway.
            self.writer.write(operation, durable=run.get("status", {}).get("state") in TERMINAL)
        else:
            self.writer.put(operation)

    def read_run(self, project: str, uid: str, iteration: int = 0) -> Document:
        self.writer.settle()
        reap_now_and_then(self)
        with self.database.read() as connection:
            found = prepared(connection, "read_run", _project=project, _uid=uid, _iter=iteration)
        if not found:
            raise NotFoundError(
                f"there is no run {uid!r}",
                where=f"project {project!r}, iteration {iteration}, in {self.database.shown}",
                fix="mlrun-like get runs   shows those that exist",
            )
        return _document(found[0][0])

    def list_runs(self, query: RunQuery) -> list[Document]:
        self.writer.settle()
        reap_now_and_then(self)
        statement, started = _select_runs(query, t.runs.c.body)
        statement = statement.order_by(started.desc(), _newest_id(query).desc())
        if query.limit > 0:
            statement = statement.limit(query.limit)
        with self.database.read() as connection:
            return [_document(row[0]) for row in connection.execute(statement)]

    def delete_runs(self, query: RunQuery, *, hard: bool = False) -> int:
        def act(tx: Transaction) -> int:
            statement, started = _select_runs(
                query, t.runs.c.run_id, t.runs.c.project, t.runs.c.uid, t.runs.c.state
            )
            if query.limit > 0:
                statement = statement.order_by(started.desc()).limit(query.limit)
            rows = tx.execute(statement)
            if query.iteration is None and not query.iterations:
                rows = _with_children(tx, rows, query.deleted)
            busy = [row for row in rows if row[3] in _BUSY]
            if busy:
                shown = ", ".join(f"{row[1]}@{row[2]} ({row[3]})" for row in busy[:3])
                raise ConflictError(
                    f"{len(busy)} of {len(rows)} runs have not ended and cannot be deleted: "
                    f"{shown}",
                    fix="abort them first, or restrict the states",
                )
            if hard:
                purge_runs(tx, [row[0] for row in rows])
            else:
                for part in chunks([row[0] for row in rows]):
                    tx.execute(
                        update(t.runs)
                        .where(t.runs.c.run_id.in_(part))
                        .values(deleted_at=time.time(), updated=time.time())
                    )
            return len(rows)

        return self.writer.transact(act)

    def set_run_state(self, project: str, uid: str, iteration: int, state: str, error: str) -> None:
        try:
            self.writer.transact(lambda tx: move_state(tx, project, uid, iteration, state, error))
        except StoreUnavailableError:
            self.writer.write(
                (
                    "state",
                    {
                        "project": project,
                        "uid": uid,
                        "iteration": iteration,
                        "state": state,
                        "error": error,
                    },
                )
            )

    def log_metrics(
        self, project: str, uid: str, iteration: int, points: Sequence[MetricPoint]
    ) -> None:
        self.writer.put(("metrics", (project, uid, iteration, points)))

    def read_metrics(
        self, project: str, uid: str, iteration: int = 0, keys: Sequence[str] = ()
    ) -> dict[str, list[MetricPoint]]:
        self.writer.settle()
        m, k, r = t.metrics.c, t.metric_keys.c, t.runs.c
        statement = (
            select(k.name, m.value, m.step, m.time, m.nan)
            .select_from(t.runs.join(t.metrics).join(t.metric_keys))
            .where(r.project == project, r.uid == uid, r.iter == iteration)
            .order_by(m.key_id, m.step, m.time)
        )
        if keys:
            statement = statement.where(k.name.in_(keys))
        series: dict[str, list[MetricPoint]] = {}
        with self.database.read() as connection:
            for name, value, step, moment, nan in connection.execute(statement):
                point = MetricPoint(name, math.nan if nan else value, step, moment)
                series.setdefault(name, []).append(point)
        return series

    def heartbeat(self, project: str, uid: str, iteration: int = 0) -> str:
        self.writer.put(
            ("beat", {"project": project, "uid": uid, "iter": iteration, "time": time.time()})
        )
        try:
            with self.database.read() as connection:
                found = prepared(
                    connection, "read_state", _project=project, _uid=uid, _iter=iteration
                )
        except StoreUnavailableError:
            return ""
        return str(found[0][0]) if found else ""


def _document(body: str) -> Document:
    document: Document = json.loads(body)
    return document


def _newest_id(query: RunQuery) -> Any:
    return t.run_labels.c.run_id if query.labels else t.runs.c.run_id


def _select_runs(query: RunQuery, *columns: Any) -> tuple[Select[Any], Any]:
    """The runs that match, and the column by which they are sorted.

    A label leads the way if there is one: its index holds the start time, so the newest few of very
    many are found without sorting.
    """
    r = t.runs.c
    everywhere = query.project in ("", "*")
    started: Any = r.started
    statement = select(*columns)
    if query.projects:
        statement = statement.where(r.project.in_(query.projects))
    labels = label_items(query.labels)
    if labels:
        first, (name, value) = t.run_labels.c, labels[0]
        # the unary plus of a left join to oneself is not portable; an inner join with all
        # conditions on the label's side leaves the planner one sensible way
        statement = statement.select_from(t.run_labels.join(t.runs)).where(first.name == name)
        if value is not None:
            statement = statement.where(first.value == value)
        if not everywhere:
            statement = statement.where(first.project == query.project)
        started = first.started
    elif not everywhere:
        statement = statement.where(r.project == query.project)
    for name, value in labels[1:]:
        other = t.run_labels.alias()
        wanted = [other.c.run_id == r.run_id, other.c.name == name]
        if value is not None:
            wanted.append(other.c.value == value)
        statement = statement.where(exists().where(*wanted))
    statement = statement.where(
        r.deleted_at.is_not(None) if query.deleted else r.deleted_at.is_(None), r.state != ""
    )
    if query.name:
        statement = statement.where(matches(r.name, query.name))
    if query.uid:
        uids = (query.uid,) if isinstance(query.uid, str) else query.uid
        statement = statement.where(r.uid.in_(uids))
    if query.states:
        statement = statement.where(r.state.in_(query.states))
    if query.iteration is not None:
        statement = statement.where(r.iter == query.iteration)
    elif not query.iterations:
        statement = statement.where(r.iter == 0)
    since, until = epoch(query.since, "since"), epoch(query.until, "until")
    if since is not None:
        statement = statement.where(started >= since)
    if until is not None:
        statement = statement.where(started <= until)
    return statement, started


def _with_children(tx: Transaction, parents: list[Any], deleted: bool) -> list[Any]:
    """The rows with the child iterations of the same runs."""
    r = t.runs.c
    rows = {row[0]: row for row in parents}
    for part in chunks([(row[1], row[2]) for row in parents], 200):
        statement = select(r.run_id, r.project, r.uid, r.state).where(
            tuple_(r.project, r.uid).in_(part),
            r.deleted_at.is_not(None) if deleted else r.deleted_at.is_(None),
        )
        rows.update((row[0], row) for row in tx.execute(statement))
    return list(rows.values())


def purge_runs(tx: Transaction, run_ids: Sequence[int]) -> None:
    """Remove runs with their metrics, labels, logs and edges, the steps of those that were
    pipelines, and what could be used again of them."""
    r = t.runs.c
    for part in chunks(run_ids, 200):
        runs = [
            tuple(row)
            for row in tx.execute(select(r.project, r.uid).distinct().where(r.run_id.in_(part)))
        ]
        tx.execute(delete(t.runs).where(r.run_id.in_(part)))
        left = {
            tuple(row)
            for row in tx.execute(
                select(r.project, r.uid).distinct().where(tuple_(r.project, r.uid).in_(runs))
            )
        }
        gone = [run for run in runs if run not in left]
        for table in (t.logs, t.lineage):
            tx.execute(delete(table).where(tuple_(table.c.project, table.c.uid).in_(gone)))
        s, c = t.workflow_steps.c, t.step_cache.c
        tx.execute(delete(t.workflow_steps).where(tuple_(s.project, s.workflow).in_(gone)))
        for column in (c.workflow, c.uid):
            tx.execute(delete(t.step_cache).where(tuple_(c.project, column).in_(gone)))
