"""Steps of pipelines in SQL."""

from __future__ import annotations

import json
import time
from typing import Any

from sqlalchemy import ColumnElement, delete, select

from mlrun_like.errors import NotFoundError, StateError
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.abilities import CachedStep, StepRow, WorkflowStore
from mlrun_like.tracking.documents import encode, now_iso
from mlrun_like.tracking.part import SqlPart
from mlrun_like.tracking.transaction import Transaction

__all__ = ["SqlWorkflows"]


class SqlWorkflows(SqlPart, WorkflowStore):
    """See WorkflowStore."""

    def store_step(self, project: str, workflow: str, row: StepRow) -> None:
        payload: dict[str, Any] = {"project": project, "workflow": workflow, **vars(row)}
        payload |= {"updated": time.time(), "body": encode(row.body, f"step {row.step!r}")}
        self.writer.put(("step", payload))

    def list_steps(self, project: str, workflow: str) -> list[StepRow]:
        self.writer.settle()
        s = t.workflow_steps.c
        statement = (
            select(s.step, s.state, s.uid, s.started, s.ended, s.body)
            .where(s.project == project, s.workflow == workflow)
            .order_by(s.started, s.step)
        )
        with self.database.read() as connection:
            return [StepRow(*row[:5], json.loads(row[5])) for row in connection.execute(statement)]

    def reopen_run(self, project: str, uid: str) -> None:
        def act(tx: Transaction) -> None:
            where = f"{project}@{uid}"
            found = tx.row("find_run", _project=project, _uid=uid, _iter=0)
            if found is None:
                raise NotFoundError("there is no such run", where=where)
            if found[1] not in TERMINAL:
                raise StateError(f"the run is {found[1]}, it has not ended", where=where)
            document = json.loads(tx.row("run_body", _run_id=found[0])[0])
            status = document.setdefault("status", {})
            for name in ("error", "traceback", "end_time", "status_text"):
                status.pop(name, None)
            status.update(state="pending", last_update=now_iso())
            tx.run(
                "change_state",
                _run_id=found[0],
                state="pending",
                updated=time.time(),
                ended=None,
                body=json.dumps(document, separators=(",", ":")),
            )

        self.writer.transact(act)

    def store_cached(self, project: str, name: str, key: str, step: CachedStep) -> None:
        payload: dict[str, Any] = {"project": project, "key": key, "name": name, **step._asdict()}
        payload["body"] = encode(step.body, f"step {step.step!r}")
        self.writer.put(("cached", payload))

    def find_cached(self, project: str, key: str) -> CachedStep | None:
        c = t.step_cache.c
        return self._newest(c.project == project, c.key == key)

    def last_cached(self, project: str, name: str) -> CachedStep | None:
        c = t.step_cache.c
        return self._newest(c.project == project, c.name == name)

    def _newest(self, *conditions: ColumnElement[bool]) -> CachedStep | None:
        self.writer.settle()
        c = t.step_cache.c
        statement = (
            select(c.workflow, c.step, c.uid, c.made, c.body)
            .where(*conditions)
            .order_by(c.made.desc())
            .limit(1)
        )
        with self.database.read() as connection:
            row = connection.execute(statement).first()
        return None if row is None else CachedStep(*row[:4], json.loads(row[4]))

    def forget_cached(self, project: str, name: str = "") -> int:
        c = t.step_cache.c

        def act(tx: Transaction) -> int:
            statement = delete(t.step_cache).where(c.project == project)
            if name:
                statement = statement.where(c.name == name)
            return len(tx.execute(statement.returning(c.key)))

        return self.writer.transact(act)
