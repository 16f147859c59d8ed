"""What is recorded of a pipeline's run that goes on: which of its steps have finished."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from mlrun_like.errors import NotFoundError
from mlrun_like.pipelines.engine.calls import STEP
from mlrun_like.pipelines.run import StepRun
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.abilities import WorkflowStore
from mlrun_like.tracking.base import RunQuery, Store

__all__ = ["Earlier"]


class Earlier:
    """The runs of a pipeline's steps, as the store has them.

    The engine's own notes are not asked: the record of a step's run is written before them, so it
    alone tells whether the step has happened.

    Args:
        store: Where they are recorded.
        project: Of the pipeline's run.
        workflow: Its id; empty: a new run, which has none.
    """

    def __init__(self, store: Store, project: str, workflow: str = "") -> None:
        self._done: dict[str, Mapping[str, Any]] = {}
        self._lent: set[str] = set()
        self._count: dict[str, int] = {}
        if not workflow:
            return
        for row in store.list_runs(RunQuery(project=project, labels={"workflow": workflow})):
            path = row["metadata"].get("annotations", {}).get(STEP, "")
            state = row.get("status", {}).get("state", "")
            self._count[path] = self._count.get(path, 0) + 1
            if state == "completed":
                self._done[path] = row
            elif state not in TERMINAL:  # its engine is gone, but it goes on elsewhere
                uid = row["metadata"]["uid"]
                store.set_run_state(project, uid, 0, "aborting", "its pipeline was resumed")
        for step in store.list_steps(project, workflow) if isinstance(store, WorkflowStore) else ():
            lent = step.state == "completed" and step.body.get("reused") and step.uid
            if lent and step.step not in self._done:  # an equal step stood in for it
                with suppress(NotFoundError):
                    self._done[step.step] = store.read_run(project, step.uid)
                    self._lent.add(step.step)

    def finished(self, path: str) -> StepRun | None:
        """The step as it was completed before; None: it was not."""
        row = self._done.get(path)
        if row is None:
            return None
        status = row["status"]
        outputs = {**status.get("results", {}), **status.get("artifact_uris", {})}
        uid = row["metadata"]["uid"]
        return StepRun("completed", uid, "finished before", outputs, reused=True)

    def times(self, path: str) -> tuple[float, float] | None:
        """When a step of this very run began and ended, in seconds since 1970."""
        own = path in self._done and path not in self._lent
        status = self._done[path]["status"] if own else {}
        texts = status.get("start_time"), status.get("end_time")
        try:
            began, ended = (datetime.fromisoformat(str(text)).timestamp() for text in texts)
        except ValueError:
            return None
        return began, ended

    def attempt(self, path: str) -> int:
        """The number of the next run of a step, from 1."""
        return self._count.get(path, 0) + 1
