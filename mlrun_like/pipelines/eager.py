"""Pipelines that run as their body goes: each call is made when Python comes to it.

For bodies that ask for values in the middle: `@pipeline(dynamic=True)`, and MLRun's workflow files
that look at the outputs of a run. Every call is a recorded step of the pipeline's run. A resumed
run goes through the body again; a call that is equal to a completed one of the same name takes its
run instead of being made.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import PipelineError, nearest
from mlrun_like.functions.arguments import parse_parameters
from mlrun_like.functions.notifying import announced
from mlrun_like.functions.tracing import TRACER
from mlrun_like.names import check_project, new_uid
from mlrun_like.pipelines.eager_calls import EagerTracer
from mlrun_like.pipelines.engine.recording import KIND, ORIGIN, reopen
from mlrun_like.pipelines.known import EagerStep, plain
from mlrun_like.pipelines.ordered import take_order
from mlrun_like.pipelines.pipeline import Pipeline
from mlrun_like.pipelines.run import PipelineRun
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.ends import error_of
from mlrun_like.runs.execute import execute
from mlrun_like.runs.job import Job
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata
from mlrun_like.specs.notification import Notification
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec, RunStatus
from mlrun_like.tracking.connect import open_store

__all__ = ["EagerEngine", "EagerRun"]


@dataclass(frozen=True)
class EagerRun(PipelineRun):
    """A finished run whose body decided what becomes of a step's failure.

    Args:
        document: The pipeline's run as it ended.
    """

    document: RunDoc

    @property
    def state(self) -> str:
        """How the body ended."""
        return self.document.status.state

    def check(self) -> PipelineRun:
        """See PipelineRun.check."""
        if self.state != "completed":
            raise error_of(self.document)
        return self


class EagerEngine:
    """Runs the body of a pipeline.

    Args:
        report: Receives a line of progress at each start and end; None: silent.
        notifications: Who is told when it starts and ends.
        secrets: Values of the secrets that they name.
    """

    def __init__(
        self,
        report: Callable[[str], None] | None = None,
        notifications: Sequence[Notification] = (),
        secrets: Mapping[str, str] | None = None,
    ) -> None:
        self._notifications = list(notifications)
        self._secrets = dict(secrets or {})
        self._report = report or (lambda line: None)

    def run(
        self,
        flow: Pipeline,
        arguments: Mapping[str, Any] | None = None,
        project: str = "",
        resume: str = "",
    ) -> EagerRun:
        """Call the body once, with real values.

        Args:
            flow: The pipeline.
            arguments: Values of its parameters.
            project: Where it is recorded; by default the default project.
            resume: The id of an earlier run: completed calls are not made again.

        Returns:
            The finished run, also when it failed; `.check()` raises then.

        Raises:
            PipelineError: if arguments are missing or unknown; nothing has run then.
            NotFoundError: if there is no run to resume.
        """
        given = _bound(flow, arguments or {})
        job = _draft(flow, given, check_project(project or config.default_project), resume)
        tracer = EagerTracer(job, lambda line: self._report(f"{flow.name}: {line}"))
        outputs: dict[str, Any] = {}

        def handler(context: MLClientCtx) -> None:
            mark = TRACER.set(tracer)
            try:
                returned = flow._body(**given)
            finally:
                TRACER.reset(mark)
            outputs.update(_outputs(returned))
            for key, value in outputs.items():
                context.log_result(key, value)

        job.handler = handler
        with announced(job, self._notifications, self._secrets):
            document = execute(job)
        found = outputs or tracer.outputs()
        return EagerRun(flow.name, document.metadata.uid, tracer.steps, found, document)


def _bound(flow: Pipeline, arguments: Mapping[str, Any]) -> dict[str, Any]:
    signature = inspect.signature(flow._body)
    known = signature.parameters
    problems = []
    if not any(item.kind is item.VAR_KEYWORD for item in known.values()):
        problems = [
            f"it has no parameter {name!r}.{nearest(name, known)}"
            for name in arguments
            if name not in known
        ]
    problems += [
        f"it needs {name!r}"
        for name, item in known.items()
        if item.default is item.empty
        and item.kind not in (item.VAR_KEYWORD, item.VAR_POSITIONAL)
        and name not in arguments
    ]
    if problems:
        raise PipelineError(
            "; ".join(problems),
            where=f"pipeline {flow.name!r}",
            fix=f"parameters: {', '.join(known) or 'none'}",
        )
    defaults = {
        name: item.default for name, item in known.items() if item.default is not item.empty
    }
    return {**defaults, **arguments}


def _draft(flow: Pipeline, given: Mapping[str, Any], project: str, resume: str) -> Job:
    store = open_store()
    function = FunctionDoc(kind=KIND, metadata=FunctionMetadata(name=flow.name, project=project))
    function.spec.description = flow.description
    function.spec.default_handler = flow._body.__name__
    params, live = parse_parameters(given)
    if resume:
        run = reopen(store, project, resume)
        run.spec.parameters = params
        return Job(function, run, store, live_parameters=live, watch=True, attempt=2)
    digest = store.store_function(function.to_dict())
    notes = {ORIGIN: flow.origin} if flow.origin else {}
    run = RunDoc(
        metadata=RunMetadata(
            name=flow.name,
            uid=new_uid(),
            project=project,
            labels={"kind": KIND},
            annotations=notes,
        ),
        spec=RunSpec(function=f"{project}/{flow.name}@{digest}", parameters=params),
        status=RunStatus(state="created", start_time=utc_now()),
    )
    take_order(run.metadata)
    return Job(function, run, store, live_parameters=live, watch=True)


def _outputs(returned: Any) -> dict[str, Any]:
    if returned is None:
        return {}
    if isinstance(returned, EagerStep):
        return dict(returned.outputs)
    value = plain(returned)
    return {str(k): v for k, v in value.items()} if isinstance(value, dict) else {"return": value}
