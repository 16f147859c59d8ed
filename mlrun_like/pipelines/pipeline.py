"""@pipeline: a Python function that becomes a plan when it is first needed."""

from __future__ import annotations

import copy
import functools
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError, PipelineError, nearest
from mlrun_like.functions.tracing import TRACER
from mlrun_like.names import normalize_name
from mlrun_like.pipelines.check import check_plan
from mlrun_like.pipelines.handles import PartHandle
from mlrun_like.pipelines.parameters import parameters_of
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.refs import ParamRef
from mlrun_like.pipelines.returned import returned_outputs
from mlrun_like.pipelines.tracing import Group, PlanTracer
from mlrun_like.registry import load, resolve
from mlrun_like.specs.notification import Notification, read_notifications

__all__ = ["Pipeline", "pipeline"]


class Pipeline:
    """What `@pipeline` gives; calling it runs the plain body, `.run()` runs the plan.

    Called in the body of another pipeline it becomes a part of that one.
    """

    def __init__(self, body: Callable[..., Any], name: str, options: Mapping[str, Any]) -> None:
        self._body = body
        self.name = name
        self.options = dict(options)
        self._engine: dict[str, Any] = {}
        functools.update_wrapper(self, body)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        tracer = TRACER.get()
        if not isinstance(tracer, PlanTracer):
            return self._body(*args, **kwargs)
        first = len(tracer.steps)
        with tracer.group(Group("part", tracer.free_name(self.name))) as part:
            returned = self._body(*args, **kwargs)
        outputs = returned_outputs(returned, tracer, self.name) or {}
        return PartHandle(tracer, part.name, outputs, range(first, len(tracer.steps)))

    def __repr__(self) -> str:
        return f"<pipeline {self.name!r}>"

    @property
    def description(self) -> str:
        """One line about it, by default the first of the body's docstring."""
        given = str(self.options.get("description") or "")
        return given or (inspect.getdoc(self._body) or "").partition("\n\n")[0]

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
        positional, named = [], {}
        for name, item in signature.parameters.items():
            if item.kind is item.KEYWORD_ONLY:
                named[name] = ParamRef(name)
            else:
                positional.append(ParamRef(name))
        with PlanTracer().at_work() as tracer:
            returned = self._body(*positional, **named)
            outputs = returned_outputs(returned, tracer, self.name)
        found = Plan(
            self.name,
            tracer.body(),
            parameters_of(self._body, signature),
            outputs,
            cache=bool(self.options.get("cache", False)),
            description=self.description,
        )
        return check_plan(found, tracer.lines, tracer.problems)

    def run(self, /, **arguments: Any) -> Any:
        """Run the plan here and record every step's run.

        Args:
            arguments: Values of the pipeline's parameters; besides, if no parameter is named so,
                `notifications=[...]` says who is told about this run, and `schedule=` (a cron
                expression or `Trigger(...)`) lets it run by itself instead of now.

        Returns:
            What happened, step by step: a `PipelineRun`.

        Raises:
            PipelineError: naming every mistake of the plan or the arguments; nothing has run then.
            RunError: if a step failed; independent steps have run to their end.
        """
        if "schedule" in arguments and "schedule" not in inspect.signature(self._body).parameters:
            return resolve("mlrun_like.pipelines.scheduled:scheduled")(self, arguments)
        told = {"notifications": self._notifications(arguments)}
        if self.options.get("dynamic"):
            told |= {"secrets": self._engine["secrets"]} if "secrets" in self._engine else {}
            eager = resolve("mlrun_like.pipelines.eager:EagerEngine")(**told)
            return eager.run(self, arguments).check()
        options = {**self._engine, **told}
        engine = resolve("mlrun_like.pipelines.engine.local:LocalEngine")(**options)
        return engine.run(self.plan, arguments, origin=self.origin).check()

    def start(self, /, **arguments: Any) -> dict[str, Any]:
        """Run it as `run` does, in the project of the run around it, and give its outputs: the
        handler of a scheduled pipeline."""
        around = resolve("mlrun_like.runs.context:current_context")()
        place = {"default_project": around.project} if around is not None else {}
        with config.override(**place):
            return dict(self.run(**arguments).outputs)

    def _notifications(self, arguments: dict[str, Any]) -> list[Notification]:
        """Who is told: those of the pipeline, or of the run; of equal names the run's."""
        given = self._engine.get("notifications", ())
        if "notifications" not in inspect.signature(self._body).parameters:
            given = arguments.pop("notifications", given)
        found = {one.name: one for one in self.options.get("notifications", ())}
        found.update({one.name: one for one in read_notifications(list(given or ()))})
        return list(found.values())

    def resume(self, uid: str, project: str = "") -> Any:
        """Let a run of it go on that failed, was stopped or killed, with the code as it is now.

        Args:
            uid: The run.
            project: Its project; by default the default project.

        Returns:
            The run, with what finished before: a `PipelineRun`.

        Raises:
            NotFoundError: if there is no such run.
            StateError: if it has not ended.
            RunError: if a step failed again.
        """
        engine = resolve("mlrun_like.pipelines.engine.local:LocalEngine")(**self._engine)
        return resolve("mlrun_like.pipelines.resume:resume")(uid, project, self, engine).check()

    @property
    def origin(self) -> str:
        """`file.py:name`, by which it is found again; empty if it was not read from a file."""
        code = getattr(inspect.unwrap(self._body), "__code__", None)
        file = getattr(code, "co_filename", "")
        return f"{os.path.abspath(file)}:{self.name}" if os.path.isfile(file) else ""

    def with_options(self, **options: Any) -> Pipeline:
        """The same pipeline with options for its runs, which its parameters cannot clash with.

        Args:
            options: What `LocalEngine` takes: `cache=True`, `False` or `"refresh"`,
                `refresh=["train"]`, `workers=8`, `report=None`.

        Raises:
            InvalidArgumentError: if a value cannot be used.
            PipelineError: if there is no such option.

        >>> flow = Pipeline(lambda: None, "flow", {})
        >>> flow.with_options(cache=True, workers=2)
        <pipeline 'flow'>
        """
        engine = resolve("mlrun_like.pipelines.engine.local:LocalEngine")
        known = list(inspect.signature(engine).parameters)
        for name in options:
            if name not in known:
                raise PipelineError(
                    f"a run of a pipeline has no option {name!r}.{nearest(name, known)}",
                    where=f"pipeline {self.name!r}",
                    fix=f"options: {', '.join(known)}",
                )
        found = copy.copy(self)
        found._engine = {**self._engine, **options}
        engine(**found._engine)
        return found

    def explain(self, /, **arguments: Any) -> Any:
        """Say of each step whether it would run or be reused, and why; nothing runs.

        Args:
            arguments: Values of the pipeline's parameters.

        Returns:
            What was printed: an `Explanation`, rows of (step, action, reason).

        Raises:
            PipelineError: naming every mistake of the plan or the arguments.
        """
        chosen = {name: self._engine[name] for name in ("cache", "refresh") if name in self._engine}
        found = resolve("mlrun_like.pipelines.explain:explain")(self.plan, arguments, **chosen)
        sys.stdout.write(f"{found}\n")
        return found

    def export(self, engine: str, target: str = "", **options: Any) -> str:
        """The plan in the form of another engine.

        Args:
            engine: `kubeflow`, `airflow`, `github`, `gitlab`, `argo`, or the name of a plug-in.
            target: Path of the file to write; empty: none.
            options: Of that engine; see `mlrun_like.pipelines.exports`.

        Returns:
            The text of the file; the same pipeline gives the same text.

        Raises:
            UnknownNameError: if there is no such engine.
            PipelineError: if the engine cannot do what the plan says.
        """
        return str(load("exporters", engine)(self.plan, target, **options))

    def plot(self) -> str:
        """The plan as Mermaid text."""
        return self.plan.plot()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        del include, exclude
        if self.options.get("dynamic"):
            return {"text/plain": repr(self)}
        try:
            return self.plan._repr_mimebundle_()
        except MLRunLikeError as exc:  # a notebook would show nothing at all
            return {"text/plain": f"{self!r}: {exc}"}


@overload
def pipeline(body: Callable[..., Any]) -> Pipeline: ...
@overload
def pipeline(
    *,
    name: str = "",
    cache: bool = False,
    dynamic: bool = False,
    notifications: Sequence[Any] = (),
) -> Callable[[Callable[..., Any]], Pipeline]: ...


def pipeline(
    body: Callable[..., Any] | None = None,
    *,
    name: str = "",
    cache: bool = False,
    dynamic: bool = False,
    notifications: Sequence[Any] = (),
) -> Pipeline | Callable[[Callable[..., Any]], Pipeline]:
    """Make a pipeline of a function whose body calls functions.

    The body runs once, when the plan is needed; calls of functions are recorded as steps. Its
    arguments are the pipeline's parameters.

    Args:
        body: The function.
        name: By default the function's name.
        cache: Whether a step whose code, inputs and parameters are those of an earlier one takes
            its outputs instead of running again.
        dynamic: Run the body anew each time, and each call as it comes, so that Python's own `if`
            and `for` see real values; there is no plan then that could be checked or exported.
        notifications: Who is told when a run starts or ends: `Notification("slack",
            when=["error"])` or its fields.

    Raises:
        InvalidArgumentError: if the name or a notification is not usable.

    >>> @pipeline
    ... def nothing_yet(rows: int = 3):
    ...     pass
    >>> nothing_yet.name
    'nothing-yet'
    """

    told = read_notifications(notifications)

    def decorate(function: Callable[..., Any]) -> Pipeline:
        options = {"cache": cache, "dynamic": dynamic, "notifications": told}
        return Pipeline(function, normalize_name(name or function.__name__), options)

    return decorate if body is None else decorate(body)
