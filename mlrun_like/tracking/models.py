"""Model versions, aliases, stages and their audit trail in SQL."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from typing import Any

from sqlalchemy import ColumnElement, case, delete, func, insert, select, update

from mlrun_like.errors import ConflictError, NotFoundError, StateError
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.abilities import (
    AliasMove,
    ModelChange,
    ModelEvent,
    ModelStore,
    ModelVersion,
    StageMove,
)
from mlrun_like.tracking.documents import encode
from mlrun_like.tracking.part import SqlPart, chunks
from mlrun_like.tracking.schema_models import model_events, model_versions
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.types import Document

__all__ = ["SqlModels"]

_FIRST_STAGE = "none"


class SqlModels(SqlPart, ModelStore):
    """See ModelStore."""

    def model_versions(self, project: str = "", key: str = "") -> list[ModelVersion]:
        self.writer.settle()
        rows = self._rows(project, key)
        new = {(row.project, row.key) for row in rows if row.number is None}
        if new:
            self.writer.transact(lambda tx: _number(tx, sorted(new)))
            rows = self._rows(project, key)
        tags = self._tags([row.artifact_id for row in rows])
        found = [
            ModelVersion(
                row.project, row.key, row.number, row.uid, row.stage,
                tuple(tags[row.artifact_id]), row.updated,
            )
            for row in rows
            if row.number is not None
        ]  # fmt: skip
        return sorted(found, key=lambda one: one[:3])

    def _rows(self, project: str, key: str) -> list[Any]:
        a, v = t.artifacts.c, model_versions.c
        same = (v.project == a.project) & (v.key == a.key) & (v.uid == a.uid)
        statement = (
            select(a.artifact_id, a.project, a.key, a.uid, a.updated, v.number, v.stage)
            .select_from(t.artifacts.outerjoin(model_versions, same))
            .where(*_live_models())
        )
        if project not in ("", "*"):
            statement = statement.where(a.project == project)
        if key:
            statement = statement.where(a.key == key)
        with self.database.read() as connection:
            return list(connection.execute(statement))

    def _tags(self, ids: list[int]) -> dict[int, list[str]]:
        g = t.artifact_tags.c
        found: dict[int, list[str]] = defaultdict(list)
        with self.database.read() as connection:
            for part in chunks(ids):
                statement = select(g.artifact_id, g.tag).where(g.artifact_id.in_(part))
                for artifact_id, tag in connection.execute(statement.order_by(g.tag)):
                    found[artifact_id].append(tag)
        return found

    def change_model(self, project: str, key: str, change: ModelChange) -> None:
        def act(tx: Transaction) -> None:
            _lock(tx, project, key)
            one = _Model(tx, project, key, self.database.shown)
            for alias in change.aliases:
                one.move_alias(alias)
            for stage in change.stages:
                one.move_stage(stage)
            for uid, status in change.status.items():
                one.add_status(uid, status)
            for event in change.events:
                row = {"project": project, "key": key, **event._asdict()}
                row["body"] = encode(event.body, f"the audit trail of {key!r}")
                tx.execute(insert(model_events).values(row))

        self.writer.transact(act)

    def model_events(self, project: str, key: str = "", limit: int = 0) -> list[ModelEvent]:
        self.writer.settle()
        e = model_events.c
        statement = select(e.number, e.uid, e.action, e.time, e.body).where(e.project == project)
        if key:
            statement = statement.where(e.key == key)
        statement = statement.order_by(e.event_id.desc())
        if limit > 0:
            statement = statement.limit(limit)
        with self.database.read() as connection:
            rows = connection.execute(statement)
            return [ModelEvent(*row[:4], json.loads(row[4])) for row in rows]


class _Model:
    """One key of a project inside a transaction."""

    def __init__(self, tx: Transaction, project: str, key: str, shown: str) -> None:
        self.tx, self.project, self.key = tx, project, key
        self.where = f"model {project}/{key} in {shown}"

    def move_alias(self, move: AliasMove) -> None:
        g, a = t.artifact_tags.c, t.artifacts.c
        mine = (g.project == self.project, g.key == self.key, g.tag == move.alias)
        held = (
            select(a.uid, g.moved)
            .select_from(t.artifact_tags.join(t.artifacts))
            .where(*mine, a.deleted_at.is_(None))
            .order_by(case((a.iter == 0, 0), else_=1), g.moved.desc())
        )
        rows = self.tx.execute(held)
        holder = rows[0][0] if rows else ""
        if move.expected is not None and move.expected != holder:
            raise ConflictError(
                f"alias {move.alias!r} is held by {self._name(holder)} now, not by "
                f"{self._name(move.expected)}",
                where=self.where,
                fix="somebody else moved it: look again and decide anew",
            )
        self.tx.execute(delete(t.artifact_tags).where(*mine))
        if not move.uid:
            return
        found = self._artifact(move.uid)
        moment = self.tx.execute(select(func.max(g.moved)))[0][0] or 0.0
        self.tx.run(
            "move_artifact_tag",
            project=self.project, key=self.key, iter=found[1], tag=move.alias,
            artifact_id=found[0], tree=found[2], moved=max(moment, time.time()),
        )  # fmt: skip

    def move_stage(self, move: StageMove) -> None:
        v = model_versions.c
        mine = (v.project == self.project, v.key == self.key, v.uid == move.uid)
        changed = update(model_versions).where(*mine, v.stage == move.before)
        if self.tx.execute(changed.values(stage=move.after).returning(v.number)):
            return
        found = self.tx.execute(select(v.stage).where(*mine))
        if not found:
            raise NotFoundError(f"there is no version {move.uid!r}", where=self.where)
        raise StateError(
            f"{self._name(move.uid)} is in stage {found[0][0]!r} now, not in {move.before!r}",
            where=self.where,
            fix="somebody else moved it: look again and decide anew",
        )

    def add_status(self, uid: str, status: Document) -> None:
        a = t.artifacts.c
        artifact_id = self._artifact(uid)[0]
        body = self.tx.execute(select(a.body).where(a.artifact_id == artifact_id))[0][0]
        document = json.loads(body)
        document["status"] = {**(document.get("status") or {}), **status}
        # not stored anew: that would make an old version the latest one
        self.tx.execute(
            update(t.artifacts)
            .where(a.artifact_id == artifact_id)
            .values(body=encode(document, f"model {self.key!r}"))
        )

    def _artifact(self, uid: str) -> Any:
        found = self.tx.row("find_artifact", _project=self.project, _key=self.key, _uid=uid)
        if found is None:
            raise NotFoundError(f"there is no version {uid!r}", where=self.where)
        return found

    def _name(self, uid: str) -> str:
        v = model_versions.c
        mine = (v.project == self.project, v.key == self.key, v.uid == uid)
        rows = self.tx.execute(select(v.number).where(*mine)) if uid else []
        return f"version {rows[0][0]}" if rows else uid or "nobody"


def _live_models() -> tuple[ColumnElement[bool], ...]:
    a = t.artifacts.c
    return (a.category == "model", a.kind == "model", a.deleted_at.is_(None))


def _number(tx: Transaction, keys: list[tuple[str, str]]) -> None:
    """Give the next numbers to versions that have none, in the order in which they came."""
    a, v = t.artifacts.c, model_versions.c
    for project, key in keys:
        _lock(tx, project, key)
        mine = (v.project == project, v.key == key)
        known = {row[0] for row in tx.execute(select(v.uid).where(*mine))}
        last = tx.execute(select(func.max(v.number)).where(*mine))[0][0] or 0
        logged = select(a.uid).where(a.project == project, a.key == key, *_live_models())
        for (uid,) in tx.execute(logged.order_by(a.artifact_id)):
            if uid not in known:
                last += 1
                row = {"project": project, "key": key, "number": last, "uid": uid}
                tx.execute(insert(model_versions).values(**row, stage=_FIRST_STAGE))


def _lock(tx: Transaction, project: str, key: str) -> None:
    if tx.postgresql:  # SQLite has one writer anyway
        tx.row("lock_log", _name=f"model {project}/{key}")
