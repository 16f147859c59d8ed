"""What is recorded of a pipeline's run: a run of its own, and a row for each step."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import PipelineError
from mlrun_like.functions.arguments import parse_parameters
from mlrun_like.names import check_project, new_uid
from mlrun_like.pipelines.document import to_document
from mlrun_like.pipelines.engine.calls import StepCaller
from mlrun_like.pipelines.engine.earlier import Earlier
from mlrun_like.pipelines.engine.instances import Index
from mlrun_like.pipelines.engine.values import Values
from mlrun_like.pipelines.nodes import Step
from mlrun_like.pipelines.ordered import take_order
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.progress import Listener
from mlrun_like.pipelines.run import PipelineRun, StepRun, StepRuns
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.job import Job
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec, RunStatus
from mlrun_like.tracking.abilities import StepRow, WorkflowStore
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.reaper import mark_lost

__all__ = ["KIND", "ORIGIN", "Recorder", "draft", "reopen", "reopened"]

KIND = "pipeline"
"""The kind of a pipeline's function and run."""
ORIGIN = "mlrun-like/pipeline"
"""Annotation of a run: the file and name of its pipeline."""


def draft(
    plan: Plan, arguments: Mapping[str, Any], store: Store, project: str, origin: str = ""
) -> Job:
    """A pipeline's run that is ready to start.

    Args:
        plan: What runs.
        arguments: Values of its parameters.
        store: Where it is recorded.
        project: By default the default project.
        origin: `file.py:name` of the pipeline, by which it is found again with newer code.
    """
    name = check_project(project or config.default_project)
    params, live = parse_parameters(arguments)
    function = FunctionDoc(kind=KIND, metadata=FunctionMetadata(name=plan.name, project=name))
    function.spec.plan = to_document(plan)
    function.spec.description = plan.description
    digest = store.store_function(function.to_dict())
    notes = {ORIGIN: origin} if origin else {}
    run = RunDoc(
        metadata=RunMetadata(
            name=plan.name, uid=new_uid(), project=name, labels={"kind": KIND}, annotations=notes
        ),
        spec=RunSpec(function=f"{name}/{plan.name}@{digest}", parameters=params),
        status=RunStatus(state="created", start_time=utc_now()),
    )
    take_order(run.metadata)
    return Job(function=function, run=run, store=store, live_parameters=live, watch=True)


def reopen(store: Store, project: str, uid: str) -> RunDoc:
    """A run that has ended, no longer so in the record.

    Raises:
        NotFoundError: if there is no such run.
        StateError: if it has not ended.
        PipelineError: if the store cannot let a run go on.
    """
    if not isinstance(store, WorkflowStore):
        raise PipelineError(
            "this store keeps no steps of pipelines", where=getattr(store, "url", "")
        )
    mark_lost(store, project)
    store.reopen_run(project, uid)
    return parse(RunDoc, store.read_run(project, uid), f"{project}@{uid}")


def reopened(plan: Plan, store: Store, project: str, uid: str) -> Job:
    """A pipeline's run that has ended, ready to go on; raises what `reopen` does."""
    run = reopen(store, project, uid)
    function = FunctionDoc(kind=KIND, metadata=FunctionMetadata(name=plan.name, project=project))
    function.spec.plan = to_document(plan)
    digest = store.store_function(function.to_dict())
    run.spec.function = f"{project}/{plan.name}@{digest}"
    return Job(function=function, run=run, store=store, watch=True, attempt=2)


class Recorder(StepCaller):
    """Makes the runs of steps and records what becomes of them.

    Args:
        job: The pipeline's run.
        listener: Is told what happens.
        earlier: What has finished, if the run goes on.
    """

    def __init__(self, job: Job, listener: Listener, earlier: Earlier) -> None:
        meta = job.run.metadata
        super().__init__(meta.uid, meta.project, job.store, listener)
        self._job = job
        self._steps = StepRuns(self._outputs_of)
        self._rows = job.store if isinstance(job.store, WorkflowStore) else None
        self._began: dict[str, float] = {}
        self._earlier = earlier

    def finished(self, path: str) -> StepRun | None:
        """See StepCaller.finished."""
        return self._earlier.finished(path)

    def attempt(self, path: str) -> int:
        """See StepCaller.attempt."""
        return self._earlier.attempt(path)

    def started(self, path: str, step: Step) -> None:
        """See Worker."""
        self._began[path] = time.time()
        if self._earlier.finished(path) is None:
            self._put(StepRow(path, "running", started=self._began[path]))
        super().started(path, step)

    def ended(self, path: str, index: Index, run: StepRun) -> None:
        """See Worker."""
        now = time.time()
        times = self._earlier.times(path) if run.reused else None  # it has happened then
        body = {"reason": run.reason, "blocked": run.blocked, "reused": run.reused}
        kept = {key: value for key, value in body.items() if value and not times}
        began, ended = times or (self._began.pop(path, now), now)
        self._put(StepRow(path, run.state, run.uid, began, ended, kept))
        self._steps.put(path, run, light=bool(index))
        super().ended(path, index, run)

    def finish(self, context: MLClientCtx, plan: Plan, values: Values) -> None:
        """Give the pipeline's outputs to its run.

        Raises:
            RunError: if a step failed.
        """
        run = self.result(plan, values)
        if plan.outputs is not None:
            for key, value in run.outputs.items():
                context.log_result(key, value)
        run.check()

    def result(self, plan: Plan, values: Values) -> PipelineRun:
        """What happened."""
        steps = self._steps.in_order([step.name for step in plan.steps])
        uid = self._job.run.metadata.uid
        return PipelineRun(plan.name, uid, steps, values.outputs(plan.outputs), plan=plan)

    def _put(self, row: StepRow) -> None:
        meta = self._job.run.metadata
        if self._rows is not None:
            self._rows.store_step(meta.project, meta.uid, row)

    def _outputs_of(self, uid: str) -> Mapping[str, Any]:
        project = self._job.run.metadata.project
        status = self._job.store.read_run(project, uid).get("status", {})
        return {**status.get("results", {}), **status.get("artifact_uris", {})}
