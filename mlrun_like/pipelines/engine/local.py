"""LocalEngine: runs a plan here, steps side by side as soon as what they need is there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, PipelineError, nearest
from mlrun_like.functions.notifying import announced
from mlrun_like.pipelines.cache import Cache, CacheMode, check_mode
from mlrun_like.pipelines.engine.earlier import Earlier
from mlrun_like.pipelines.engine.execution import Execution
from mlrun_like.pipelines.engine.recording import Recorder, draft, reopened
from mlrun_like.pipelines.engine.values import Values
from mlrun_like.pipelines.nodes import REQUIRED
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.progress import Lines, Listener, watching
from mlrun_like.pipelines.run import PipelineRun
from mlrun_like.registry import resolve
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.ends import error_of
from mlrun_like.runs.execute import execute
from mlrun_like.runs.job import Job
from mlrun_like.specs.notification import Notification
from mlrun_like.tracking.connect import open_store

__all__ = ["LocalEngine", "check_arguments"]


class LocalEngine:
    """The reference engine.

    Args:
        workers: Steps at a time.
        report: Receives a line of progress at each start and end; None: silent; `auto`: a picture
            in a notebook, a table in a terminal, else lines on stderr.
        notifications: Who is told when a run starts and ends.
        secrets: Values of the secrets that they name.
        cache: Whether equal earlier steps stand in: True, False, `"refresh"` (all run, and are
            remembered), or None: as the pipeline says.
        refresh: Steps that run in any case.

    Raises:
        InvalidArgumentError: if workers is not 1 or more.
    """

    def __init__(
        self,
        workers: int = 4,
        report: Callable[[str], None] | Literal["auto"] | None = "auto",
        notifications: Sequence[Notification] = (),
        secrets: Mapping[str, str] | None = None,
        cache: CacheMode = None,
        refresh: Collection[str] = (),
    ) -> None:
        if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
            raise InvalidArgumentError(f"workers {workers!r} must be a whole number, 1 or more")
        self.workers = workers
        self.report = report
        self.notifications = list(notifications)
        self.secrets = dict(secrets or {})
        self.cache = check_mode(cache)
        self.refresh = refresh

    def run(
        self,
        plan: Plan,
        arguments: Mapping[str, Any] | None = None,
        project: str = "",
        *,
        origin: str = "",
    ) -> PipelineRun:
        """Run all steps whose gates are open; a failed step skips only what needs it.

        The run is recorded as one of its own, of kind `pipeline`; its id is label `workflow` of the
        runs of its steps.

        Args:
            plan: The pipeline.
            arguments: Values of its parameters.
            project: Where it is recorded; by default the default project.
            origin: `file.py:name` of the pipeline, by which it is found again with newer code.

        Returns:
            The finished run, also when steps failed; `.check()` raises then.

        Raises:
            PipelineError: if arguments are missing or unknown; nothing has run then.
        """
        given = check_arguments(plan, arguments or {})
        store = open_store()
        job = draft(plan, given, store, project, origin)
        return self._execute(plan, job, given, Earlier(store, job.run.metadata.project))

    def resume(self, plan: Plan, uid: str, project: str = "") -> PipelineRun:
        """Let a run that failed, was stopped or killed go on: steps that finished are kept.

        Args:
            plan: The pipeline, maybe mended since.
            uid: The run.
            project: Its project; by default the default project.

        Raises:
            NotFoundError: if there is no such run.
            StateError: if it has not ended.
            PipelineError: if the plan no longer takes its arguments.
        """
        store = open_store()
        name = project or config.default_project
        job = reopened(plan, store, name, uid)
        given = check_arguments(plan, job.run.spec.parameters)
        return self._execute(plan, job, given, Earlier(store, name, uid))

    def _listener(self, plan: Plan) -> Listener:
        if self.report is None:
            return Listener()
        return watching(plan) if self.report == "auto" else Lines(plan.name, self.report)

    def _execute(
        self, plan: Plan, job: Job, arguments: Mapping[str, Any], earlier: Earlier
    ) -> PipelineRun:
        listener = self._listener(plan)
        recorder = Recorder(job, listener, earlier)
        project = job.run.metadata.project
        recorder.cache = Cache(job.store, project, plan, self.cache, self.refresh)
        values = Values(plan, arguments)

        def handler(context: MLClientCtx) -> None:
            Execution(plan, values, recorder, self.workers).run()
            recorder.finish(context, plan, values)

        job.handler = handler
        listener.begin(job.run.metadata.uid)
        try:
            with announced(job, self.notifications, self.secrets):
                execute(job)
        finally:
            if any(getattr(step.function, "kind", "") == "process" for step in plan.steps):
                resolve("mlrun_like.runtimes.zygote_client:release")(job.run.metadata.uid)
            listener.end()
        run = recorder.result(plan, values)
        if run.state == "completed" and job.run.status.state != "completed":
            return replace(run, failure=error_of(job.run))
        return run


def check_arguments(plan: Plan, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of all parameters.

    Raises:
        PipelineError: naming all that are missing, unknown or of a wrong type.
    """
    known = plan.parameters
    problems = [
        f"it has no parameter {name!r}.{nearest(name, known)}".removesuffix(".")
        for name in given
        if name not in known
    ]
    values = {**{name: item.default for name, item in known.items()}, **given}
    problems += [f"it needs {name!r}" for name, value in values.items() if value is REQUIRED]
    problems += [
        f"parameter {name!r} must be of type {known[name].type.__name__}, not {value!r:.80}"  # type: ignore[union-attr]
        for name, value in given.items()
        if name in known and not _fits(value, known[name].type)
    ]
    if problems:
        raise PipelineError(
            "; ".join(problems),
            where=f"pipeline {plan.name!r}",
            fix=f"parameters: {', '.join(known) or 'none'}",
        )
    return values


def _fits(value: Any, wanted: type | None) -> bool:
    if wanted is None or value is None:
        return True
    if isinstance(value, bool):
        return wanted is bool
    if wanted is float:
        return isinstance(value, (int, float))
    return isinstance(value, (list, tuple) if wanted is list else wanted)
