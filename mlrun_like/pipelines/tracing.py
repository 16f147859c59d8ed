"""How the body of a pipeline becomes steps: each call of a function is recorded, not made."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mlrun_like.artifacts.hints import parse_log_hints
from mlrun_like.errors import PipelineError
from mlrun_like.functions.tracing import TRACER
from mlrun_like.pipelines.plan import Step
from mlrun_like.pipelines.refs import Condition, OutputRef

__all__ = ["Outputs", "PlanTracer", "StepHandle", "otherwise", "when"]

_SWEEP_OUTPUTS = ("best_iteration", "iteration_results")


class Outputs:
    """`step.outputs["key"]`: a reference to an output of the run to come."""

    def __init__(self, step: StepHandle) -> None:
        self._step = step

    def __getitem__(self, key: str) -> OutputRef:
        return OutputRef(self._step.name, key)


class StepHandle:
    """A step while its pipeline is built; passed as a value, it is its only output."""

    def __init__(self, tracer: PlanTracer, index: int) -> None:
        self._tracer = tracer
        self._index = index

    @property
    def name(self) -> str:
        """The step's name."""
        return self._tracer.steps[self._index].name

    @property
    def outputs(self) -> Outputs:
        """References to its outputs, by key."""
        return Outputs(self)

    def output(self, key: str) -> OutputRef:
        """A reference to one output."""
        return OutputRef(self.name, key)

    def value(self) -> OutputRef:
        """A reference to its only output, by default `return`."""
        step = self._tracer.steps[self._index]
        keys = step.outputs or step.returns
        own = [key for key in keys if key not in _SWEEP_OUTPUTS]
        return OutputRef(self.name, own[0] if len(own) == 1 else "return")

    def all_outputs(self) -> dict[str, OutputRef]:
        """References to the outputs its function declares, else to its only one."""
        keys = self._tracer.steps[self._index].outputs
        return {key: self.output(key) for key in keys} if keys else {"return": self.value()}

    def __lt__(self, other: Any) -> Any:
        return self.value() < other

    def __le__(self, other: Any) -> Any:
        return self.value() <= other

    def __gt__(self, other: Any) -> Any:
        return self.value() > other

    def __ge__(self, other: Any) -> Any:
        return self.value() >= other

    def __bool__(self) -> bool:
        return bool(self.value())  # raises: it is not known yet

    def after(self, *steps: StepHandle | str) -> StepHandle:
        """Start only when these steps have ended; returns this step."""
        names = [step.name if isinstance(step, StepHandle) else step for step in steps]
        step = self._tracer.steps[self._index]
        self._tracer.steps[self._index] = replace(step, after=(*step.after, *names))
        return self


class PlanTracer:
    """Collects steps; set as `functions.tracing.TRACER` while a pipeline's body runs."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.gates: list[Condition] = []
        self.closed: dict[int, Condition] = {}

    def record(
        self,
        function: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> StepHandle:
        """Add a step for a call and return its handle."""
        given = dict(options)
        named = str(given.pop("name", "") or "")
        params, inputs = given.pop("params", None) or {}, given.pop("inputs", None) or {}
        for what, value in (("params", params), ("inputs", inputs)):
            if not isinstance(value, Mapping):
                raise PipelineError(
                    f"{what} must map names to values, not {type(value).__name__}",
                    where=f"{function.name}.step({what}=...)",
                )
        if not options:
            params = self._bind(function, args, kwargs)
        self.steps.append(
            Step(
                name=named or self._free_name(function.name),
                function=function,
                params=self._values(dict(params)),
                inputs=self._values(dict(inputs)),
                outputs=_known_outputs(function, given),
                returns=_returned(function, given),
                conditions=tuple(self.gates),
                options=self._values(given),
                plain_call=not options,
            )
        )
        return StepHandle(self, len(self.steps) - 1)

    def _bind(
        self, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Names for positional arguments; what is missing is found by the check of the plan."""
        if not args:
            return kwargs
        signature = inspect.signature(function)
        kept = [p for p in signature.parameters.values() if p.name != "context"]
        try:
            bound = signature.replace(parameters=kept).bind_partial(*args, **kwargs)
        except TypeError as exc:
            raise PipelineError(
                f"{function.name}{signature} cannot be called so: {exc}",
                where=f"step of {function.name!r}",
            ) from exc
        return bound.arguments

    def _free_name(self, name: str) -> str:
        taken = {step.name for step in self.steps}
        count = 2
        free = name
        while free in taken:
            free = f"{name}-{count}"
            count += 1
        return free

    def _values(self, value: Any) -> Any:
        if isinstance(value, StepHandle):
            return value.value()
        if isinstance(value, Outputs):
            raise PipelineError(
                "'outputs' was passed without a key", fix='write step.outputs["key"]'
            )
        if isinstance(value, dict):
            return {key: self._values(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._values(item) for item in value]
        return value


def _returned(function: Any, options: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of the declared returned values; empty if they are not all known."""
    declared = options.get("returns")
    if declared is None and "runspec" not in options:
        declared = function.spec.returns
    hints = [hint for hint in parse_log_hints(declared or ()) if hint is not None]
    return () if any(hint.levels for hint in hints) else tuple(hint.key for hint in hints)


def _known_outputs(function: Any, options: Mapping[str, Any]) -> tuple[str, ...] | None:
    """All output keys, if they can be known: returned values are declared, and no context logs."""
    keys = _returned(function, options)
    if not keys:
        return None
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    for item in parameters:
        if item.name == "context" or "MLClientCtx" in str(item.annotation):
            return None
        if item.kind is item.VAR_POSITIONAL:
            return None
    return (*keys, *_SWEEP_OUTPUTS) if options.get("hyperparams") else keys


def _tracer(word: str) -> PlanTracer:
    tracer = TRACER.get()
    if not isinstance(tracer, PlanTracer):
        raise PipelineError(
            f"{word}() is for the body of a pipeline", fix="decorate the function with @pipeline"
        )
    return tracer


@contextlib.contextmanager
def _gate(tracer: PlanTracer, condition: Condition) -> Iterator[None]:
    tracer.gates.append(condition)
    tracer.closed.pop(len(tracer.gates), None)
    try:
        yield
    finally:
        tracer.gates.pop()
        tracer.closed[len(tracer.gates)] = condition


def when(condition: Condition | bool) -> contextlib.AbstractContextManager[None]:
    """`with when(step.outputs["auc"] >= 0.95):` the steps in the block run only if it holds.

    Args:
        condition: A comparison of an output or parameter.

    Raises:
        PipelineError: outside a pipeline, or if it is not such a comparison.
    """
    tracer = _tracer("when")
    if not isinstance(condition, Condition):
        raise PipelineError(
            f"when() was given {condition!r:.80}, not a comparison of an output",
            fix='with when(step.outputs["auc"] >= 0.95):',
        )
    return _gate(tracer, condition)


def otherwise() -> contextlib.AbstractContextManager[None]:
    """`with otherwise():` right after a `when` block: the steps run only if it did not hold.

    Raises:
        PipelineError: if there is no `when` block before it.
    """
    tracer = _tracer("otherwise")
    condition = tracer.closed.get(len(tracer.gates))
    if condition is None:
        raise PipelineError("otherwise() has no when() block before it")
    return _gate(tracer, ~condition)
