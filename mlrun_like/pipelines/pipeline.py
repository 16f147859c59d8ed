"""@pipeline: a Python function that becomes a plan when it is first needed."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, overload

from mlrun_like.errors import PipelineError
from mlrun_like.functions.tracing import TRACER
from mlrun_like.names import normalize_name
from mlrun_like.pipelines.check import check_plan
from mlrun_like.pipelines.engine import LocalEngine
from mlrun_like.pipelines.plan import REQUIRED, Plan
from mlrun_like.pipelines.refs import OutputRef, ParamRef
from mlrun_like.pipelines.run import PipelineRun
from mlrun_like.pipelines.tracing import PlanTracer, StepHandle

__all__ = ["Pipeline", "pipeline"]


class Pipeline:
    """What `@pipeline` gives; calling it runs the plain body, `.run()` runs the plan."""

    def __init__(self, body: Callable[..., Any], name: str) -> None:
        self._body = body
        self.name = name
        functools.update_wrapper(self, body)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._body(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<pipeline {self.name!r}>"

    @functools.cached_property
    def plan(self) -> Plan:
        """The checked plan.

        Raises:
            PipelineError: naming every mistake.
        """
        signature = inspect.signature(self._body)
        for item in signature.parameters.values():
            if item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD):
                raise PipelineError(
                    f"parameter {str(item)!r} has no fixed name",
                    where=f"pipeline {self.name!r}",
                    fix="name each parameter of the pipeline",
                )
        defaults = {
            name: REQUIRED if item.default is item.empty else item.default
            for name, item in signature.parameters.items()
        }
        positional = [
            name
            for name, item in signature.parameters.items()
            if item.kind is not item.KEYWORD_ONLY
        ]
        named = [name for name in signature.parameters if name not in positional]
        tracer = PlanTracer()
        token = TRACER.set(tracer)
        try:
            returned = self._body(
                *[ParamRef(name) for name in positional],
                **{name: ParamRef(name) for name in named},
            )
        finally:
            TRACER.reset(token)
        return check_plan(Plan(self.name, tuple(tracer.steps), defaults, self._returned(returned)))

    def run(self, /, **arguments: Any) -> PipelineRun:
        """Run the plan here and record every step's run.

        Args:
            arguments: Values of the pipeline's parameters.

        Returns:
            What happened, step by step.

        Raises:
            PipelineError: naming every mistake of the plan or the arguments; nothing has run then.
            RunError: if a step failed; independent steps have run to their end.
        """
        return LocalEngine().run(self.plan, arguments).check()

    def plot(self) -> str:
        """The plan as Mermaid text."""
        return self.plan.plot()

    def _returned(self, value: Any) -> dict[str, Any] | None:
        if value is None:
            return None
        if isinstance(value, StepHandle):
            value = value.all_outputs()
        found = value if isinstance(value, Mapping) else {"return": value}
        result = {
            str(key): item.value() if isinstance(item, StepHandle) else item
            for key, item in found.items()
        }
        for key, item in result.items():
            if not isinstance(item, (OutputRef, ParamRef)):
                raise PipelineError(
                    f"returned output {key!r} is {item!r:.80}, not an output of a step",
                    where=f"pipeline {self.name!r}",
                    fix='return {"model": train.outputs["model"]}',
                )
        return result


@overload
def pipeline(body: Callable[..., Any]) -> Pipeline: ...
@overload
def pipeline(*, name: str = "") -> Callable[[Callable[..., Any]], Pipeline]: ...


def pipeline(
    body: Callable[..., Any] | None = None, *, name: str = ""
) -> Pipeline | Callable[[Callable[..., Any]], Pipeline]:
    """Make a pipeline of a function whose body calls functions.

    The body runs once, when the plan is needed; calls of functions are recorded as steps. Its
    arguments are the pipeline's parameters.

    Args:
        body: The function.
        name: By default the function's name.

    Raises:
        InvalidArgumentError: if the name is not usable.

    >>> @pipeline
    ... def nothing_yet(rows: int = 3):
    ...     pass
    >>> nothing_yet.name
    'nothing-yet'
    """

    def decorate(function: Callable[..., Any]) -> Pipeline:
        return Pipeline(function, normalize_name(name or function.__name__))

    return decorate if body is None else decorate(body)
