"""The pipeline's run in tracking that the jobs of another engine make together.

No job sees the whole, so each does its part: the first one records the run, each one notes its
step, and the one after which nothing is left ends it. Whether something is left is found as an
engine would: the plan is gone through with what is recorded. This needs a store that all jobs
share; without one each job's store has its own part.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mlrun_like.errors import MLRunLikeError, NotFoundError, StateError
from mlrun_like.pipelines.engine.calls import STEP
from mlrun_like.pipelines.engine.execution import Execution
from mlrun_like.pipelines.engine.instances import Index, shown_path
from mlrun_like.pipelines.engine.recording import draft
from mlrun_like.pipelines.engine.values import Values
from mlrun_like.pipelines.nodes import Step
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.run import PipelineRun, StepRun, StepRuns
from mlrun_like.runs.context_base import utc_now
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.abilities import StepRow, WorkflowStore
from mlrun_like.tracking.base import RunQuery, Store
from mlrun_like.types import Document

__all__ = ["ENGINE_RUN", "JointRun"]

ENGINE_RUN = "mlrun-like/engine-run"
"""Annotation of a pipeline's run: what the other engine calls it."""
_STOPPED = "the run was aborted"


class JointRun:
    """See the module.

    Args:
        plan: The pipeline.
        arguments: Values of its parameters.
        store: Where it is recorded.
        project: Its project.
        uid: Its id, the same in all jobs.
        engine_run: What the other engine calls it.
    """

    def __init__(
        self,
        plan: Plan,
        arguments: Mapping[str, Any],
        store: Store,
        project: str,
        uid: str,
        engine_run: str = "",
    ) -> None:
        self._plan = plan
        self._arguments = dict(arguments)
        self._store = store
        self._project = project
        self._uid = uid
        self._engine_run = engine_run
        self._rows = store if isinstance(store, WorkflowStore) else None
        self._began: dict[str, float] = {}
        self._attempts: dict[str, int] | None = None

    def begin(self) -> str:
        """Record the run if this is its first job; gives why nothing may run, or an empty text."""
        try:
            run = self._store.read_run(self._project, self._uid)
        except NotFoundError:
            job = draft(self._plan, self._arguments, self._store, self._project)
            job.run.metadata.uid = self._uid
            job.run.metadata.annotations[ENGINE_RUN] = self._engine_run
            job.run.status.state = "running"
            self._store.store_run(job.run.to_dict())
            return ""
        state = run["status"].get("state", "")
        if state == "aborting":
            self._move("aborted", _STOPPED)
        return _STOPPED if state in ("aborting", "aborted") else ""

    def attempt(self, path: str) -> int:
        """The number of the next run of a step, from 1: the engine may try again."""
        if self._attempts is None:
            self._attempts = {}
            for row in self._runs():
                known = row["metadata"].get("annotations", {}).get(STEP, "")
                self._attempts[known] = self._attempts.get(known, 0) + 1
        return self._attempts.get(path, 0) + 1

    def started(self, path: str) -> None:
        """A step begins, maybe once more after the run was over."""
        if self._rows is None:
            return
        if self._store.read_run(self._project, self._uid)["status"].get("state") in TERMINAL:
            with suppress(StateError):  # another job has done it in this moment
                self._rows.reopen_run(self._project, self._uid)
            self._move("running", "")
        self._began[path] = time.time()
        self._put(StepRow(path, "running", started=self._began[path]))

    def ended(self, path: str, run: StepRun) -> None:
        """A step is over, or will not run."""
        now = time.time()
        body = {"reason": run.reason, "blocked": run.blocked}
        kept = {key: value for key, value in body.items() if value}
        self._put(StepRow(path, run.state, run.uid, self._began.pop(path, now), now, kept))

    def finish(self) -> None:
        """End the run, if no step is left."""
        if self._rows is None:
            return
        runs = {row["metadata"]["uid"]: row["status"] for row in self._runs()}
        known = {
            row.step: _step_run(row, runs.get(row.uid, {}))
            for row in self._rows.list_steps(self._project, self._uid)
        }
        values = Values(self._plan, self._arguments)
        seen = _Replay(known)
        Execution(self._plan, values, seen, workers=1).run()
        if seen.left:
            return
        steps = StepRuns(lambda uid: {})
        for path, run in seen.found.items():
            steps.put(path, run)
        whole = PipelineRun(self._plan.name, self._uid, steps, values.outputs(self._plan.outputs))
        document = self._store.read_run(self._project, self._uid)
        if document["status"].get("state") in TERMINAL:
            return
        status = document["status"]
        status.update(state=whole.state, end_time=utc_now())
        try:
            whole.check()
        except MLRunLikeError as exc:
            status["error"] = exc.what
        if self._plan.outputs is not None:
            status["results"] = dict(whole.outputs)
        self._store.store_run(document)

    def _runs(self) -> list[Document]:
        labels: dict[str, str | None] = {"workflow": self._uid}
        return self._store.list_runs(RunQuery(project=self._project, labels=labels))

    def _put(self, row: StepRow) -> None:
        if self._rows is not None:
            self._rows.store_step(self._project, self._uid, row)

    def _move(self, state: str, why: str) -> None:
        with suppress(StateError):  # another job has done it in this moment
            self._store.set_run_state(self._project, self._uid, 0, state, why)


class _Replay:
    """A worker that only gives what is recorded."""

    def __init__(self, known: Mapping[str, StepRun]) -> None:
        self._known = known
        self.found: dict[str, StepRun] = {}
        self.left = False

    def execute(self, step: Step, index: Index, values: Values) -> StepRun:
        """See Worker of the engine."""
        del values
        run = self._known.get(shown_path(step.name, index))
        if run is None or run.state == "running":
            self.left = True
            return StepRun("skipped", blocked=True)
        return run

    def started(self, path: str, step: Step) -> None:
        """See Worker of the engine."""

    def ended(self, path: str, index: Index, run: StepRun) -> None:
        """See Worker of the engine."""
        del index
        self.found[path] = run

    def rounds(self, loop: str, count: int) -> None:
        """See Worker of the engine."""

    def stop(self) -> None:
        """See Worker of the engine."""


def _step_run(row: StepRow, status: Mapping[str, Any]) -> StepRun:
    outputs = {**status.get("results", {}), **status.get("artifact_uris", {})}
    reason, blocked = str(row.body.get("reason", "")), bool(row.body.get("blocked"))
    return StepRun(row.state, row.uid, reason, outputs, blocked=blocked)
