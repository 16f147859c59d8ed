"""Background tasks in SQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import delete, func, or_, select, update

from mlrun_like.errors import NotFoundError
from mlrun_like.tracking.documents import encode
from mlrun_like.tracking.part import SqlPart
from mlrun_like.tracking.schema_tasks import background_tasks
from mlrun_like.tracking.task_abilities import BackgroundTask, TaskStore
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.tracking.window_rows import store_clock

__all__ = ["SqlTasks"]

_T = background_tasks.c
_BODY = ("arguments", "done", "total", "message", "result", "error")
_OVER = ("succeeded", "failed", "cancelled")


class SqlTasks(SqlPart, TaskStore):
    """See TaskStore."""

    def store_task(
        self, task: BackgroundTask, owner: str = "", seconds: float = 0.0
    ) -> BackgroundTask:
        def act(tx: Transaction) -> BackgroundTask:
            now = store_clock(tx)
            made = replace(task, created=now, updated=now)
            tx.execute(
                tx.prepared.insert(background_tasks).values(
                    _row(made, owner, now + seconds if owner else 0.0)
                )
            )
            return made

        return self.writer.transact(act)

    def read_task(self, uid: str) -> BackgroundTask:
        with self.database.read() as connection:
            row = connection.execute(select(*_COLUMNS).where(_T.uid == uid)).first()
        if row is None:
            raise NotFoundError(f"there is no background task {uid!r}")
        return _task(row)

    def list_tasks(
        self, project: str = "", states: tuple[str, ...] = (), limit: int = 0
    ) -> list[BackgroundTask]:
        statement = select(*_COLUMNS).order_by(_T.created.desc(), _T.uid)
        if project not in ("", "*"):
            statement = statement.where(_T.project == project)
        if states:
            statement = statement.where(_T.state.in_(states))
        if limit:
            statement = statement.limit(limit)
        with self.database.read() as connection:
            return [_task(row) for row in connection.execute(statement)]

    def claim_task(
        self, kinds: tuple[str, ...], owner: str, seconds: float
    ) -> BackgroundTask | None:
        def act(tx: Transaction) -> BackgroundTask | None:
            now = store_clock(tx)
            free = (_T.state == "running") & (_T.until < now)
            if kinds:
                free = _T.kind.in_(kinds) & or_(_T.state == "pending", free)
            oldest = select(_T.uid).where(free).order_by(_T.created).limit(1)
            if tx.postgresql:
                oldest = oldest.with_for_update(skip_locked=True)
            found = tx.execute(oldest)
            if not found:
                return None
            statement = (
                update(background_tasks)
                .where(_T.uid == found[0][0])
                .values(
                    state="running",
                    owner=owner,
                    until=now + seconds,
                    updated=now,
                    attempts=_T.attempts + 1,
                )
                .returning(*_COLUMNS)
            )
            return _task(tx.execute(statement)[0])

        return self.writer.transact(act)

    def move_task(self, task: BackgroundTask, owner: str, seconds: float) -> bool:
        def act(tx: Transaction) -> bool:
            now = store_clock(tx)
            statement = (
                update(background_tasks)
                .where(_T.uid == task.uid, _T.owner == owner, _T.state == "running")
                .values(
                    state=task.state,
                    updated=now,
                    owner=owner if seconds else "",
                    until=now + seconds if seconds else 0.0,
                    body=_body(task),
                )
                .returning(_T.uid)
            )
            return bool(tx.execute(statement))

        return self.writer.transact(act)

    def cancel_task(self, uid: str) -> BackgroundTask:
        def act(tx: Transaction) -> None:
            now = store_clock(tx)
            one = update(background_tasks).where(_T.uid == uid)
            waits = one.where(_T.state == "pending")
            tx.execute(waits.values(state="cancelled", cancel=1, updated=now))
            tx.execute(one.where(_T.state == "running").values(cancel=1))

        self.read_task(uid)
        self.writer.transact(act)
        return self.read_task(uid)

    def delete_tasks(self, before: float) -> int:
        def act(tx: Transaction) -> int:
            old = delete(background_tasks).where(_T.state.in_(_OVER), _T.updated < before)
            return len(tx.execute(old.returning(_T.uid)))

        return self.writer.transact(act)

    def count_tasks(self) -> dict[str, int]:
        statement = select(_T.state, func.count()).group_by(_T.state)
        with self.database.read() as connection:
            return {state: int(count) for state, count in connection.execute(statement)}


_COLUMNS = (
    _T.uid,
    _T.kind,
    _T.project,
    _T.state,
    _T.asked_by,
    _T.created,
    _T.updated,
    _T.attempts,
    _T.cancel,
    _T.body,
)


def _body(task: BackgroundTask) -> str:
    return encode({name: getattr(task, name) for name in _BODY}, f"task {task.uid}")


def _row(task: BackgroundTask, owner: str, until: float) -> dict[str, Any]:
    return {
        "uid": task.uid,
        "project": task.project,
        "kind": task.kind,
        "state": task.state,
        "asked_by": task.asked_by,
        "created": task.created,
        "updated": task.updated,
        "owner": owner,
        "until": until,
        "attempts": task.attempts,
        "cancel": int(task.cancel),
        "body": _body(task),
    }


def _task(row: Any) -> BackgroundTask:
    uid, kind, project, state, asked_by, created, updated, attempts, cancel, body = row
    return BackgroundTask(
        uid=uid,
        kind=kind,
        project=project,
        state=state,
        asked_by=asked_by,
        created=created,
        updated=updated,
        attempts=attempts,
        cancel=bool(cancel),
        **{name: value for name, value in orjson.loads(body).items() if name in _BODY},
    )
