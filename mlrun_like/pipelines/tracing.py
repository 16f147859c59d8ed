"""How the body of a pipeline becomes a plan: each call of a function is recorded, not made."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from mlrun_like.errors import PipelineError, UnknownValueError
from mlrun_like.functions.tracing import TRACER
from mlrun_like.pipelines.acting import OUTPUTS
from mlrun_like.pipelines.declared import known_outputs, returned_keys
from mlrun_like.pipelines.handles import Outputs, StepHandle
from mlrun_like.pipelines.lines import here
from mlrun_like.pipelines.nodes import Arm, Branch, Guard, Loop, Node, Part, Policy, Step
from mlrun_like.pipelines.refs import StatusRef, from_text
from mlrun_like.pipelines.texts import TEXTS, is_marked
from mlrun_like.pipelines.values import Condition, Ref, Stand

__all__ = ["Group", "PlanTracer", "current"]

_DEEPEST = 50
"""Groups in each other; Python itself allows few more."""
_POLICY = ("cache", "max_age", "even_after_failure", "display_name")


@dataclass(eq=False)
class Group:
    """A part of the plan that is being written; the arms of a branch are groups beside it."""

    kind: str
    name: str = ""
    body: list[int | Group] = field(default_factory=list)
    condition: Condition | None = None
    items: Any = None
    parallelism: int = 0
    handler: int | None = None


class PlanTracer:
    """Collects steps; set as `functions.tracing.TRACER` while a pipeline's body runs."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.open: list[Group] = [Group("pipeline")]
        self.lines: dict[str, str] = {}
        """Where steps and groups were written, `flow.py:12`, by name."""
        self.problems: list[str] = []
        """Calls that cannot be made so."""
        self._names: set[str] = set()
        self._own: set[int] = set()

    @contextmanager
    def at_work(self) -> Iterator[PlanTracer]:
        """Record what is called in the block."""
        marks = TRACER.set(self), TEXTS.set([])
        try:
            yield self
        finally:
            TRACER.reset(marks[0])
            TEXTS.reset(marks[1])

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
        policy = {name: given.pop(name) for name in _POLICY if name in given}
        after = given.pop("after", ())
        action = given.pop("action", "run")
        self.steps.append(
            Step(
                name=named or self.free_name(function.name),
                function=function,
                params=self.values(dict(params)),
                inputs=self.values(dict(inputs)),
                outputs=OUTPUTS.get(action) or known_outputs(function, given),
                returns=returned_keys(function, given) if action == "run" else (),
                options=self.values(given),
                policy=Policy(**policy),
                plain_call=not options,
                action=action,
            )
        )
        self._names.add(self.steps[-1].name)
        self.lines.setdefault(self.steps[-1].name, here())
        index = len(self.steps) - 1
        self.open[-1].body.append(index)
        handle = StepHandle(self, index)
        return handle.after(*([after] if isinstance(after, (str, Stand)) else after))

    def change(self, index: int, changes: Mapping[str, Any]) -> None:
        """Replace fields of a step."""
        self.steps[index] = replace(self.steps[index], **self.values(dict(changes)))

    def change_policy(self, index: int, changes: Mapping[str, Any]) -> None:
        """Replace fields of a step's policy."""
        self.change(index, {"policy": replace(self.steps[index].policy, **changes)})

    def own_function(self, index: int) -> Any:
        """A copy of a step's function that no other step has."""
        if index not in self._own:
            self.change(index, {"function": self.steps[index].function.copy()})  # type: ignore[attr-defined]
            self._own.add(index)
        return self.steps[index].function

    @contextmanager
    def group(self, group: Group) -> Iterator[Group]:
        """Put the steps of the block into a group."""
        if len(self.open) > _DEEPEST:
            raise PipelineError(
                f"pipelines and blocks are more than {_DEEPEST} deep in each other",
                where=here(),
                fix="a pipeline cannot call itself: repeat by dsl.ParallelFor, or make it dynamic",
            )
        self.open[-1].body.append(group)
        self.open.append(group)
        self.lines.setdefault(group.name, here())
        try:
            yield group
        finally:
            self.open.pop()

    def guard(self, handler: int, name: str) -> Group:
        """A group whose handler is a step that was written before it."""
        body = self.open[-1].body
        if handler not in body:
            raise PipelineError(
                f"exit handler {self.steps[handler].name!r} is not a step of the part around it",
                fix="call its function right before: with dsl.ExitHandler(notify()):",
            )
        body.remove(handler)
        return Group("guard", self.free_name(name or "exit-handler"), handler=handler)

    def free_name(self, name: str) -> str:
        """This name, or with a number behind it."""
        taken = self._names | {step.name for step in self.steps}
        count = 2
        free = name
        while free in taken:
            free = f"{name}-{count}"
            count += 1
        self._names.add(free)
        return free

    def values(self, value: Any) -> Any:
        """A value, with handles replaced by the references they stand for."""
        if isinstance(value, Stand):
            return value.value()
        if isinstance(value, Ref):
            return value._settled()
        if isinstance(value, Outputs):
            raise PipelineError(
                "'outputs' was passed without a key", fix='write step.outputs["key"]'
            )
        if isinstance(value, str):
            return from_text(value)
        if isinstance(value, dict):
            if any(isinstance(self.values(key), Ref) for key in value):
                raise _out_of_place("a key of a dict")
            return {key: self.values(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.values(item) for item in value]
        if isinstance(value, (set, frozenset)):
            if any(isinstance(self.values(item), Ref) for item in value):
                raise _out_of_place("in a set")
            return value
        if type(value) is tuple:
            return tuple(self.values(item) for item in value)
        return value

    def body(self) -> tuple[Node, ...]:
        """The tree of what was recorded.

        Raises:
            UnknownValueError: if a value that only the run knows is where one is needed now.
        """
        for step in self.steps:
            changed = vars(step.policy), step.name, step.after
            document = getattr(step.function, "_document", None)
            spec = document.spec.model_dump() if document is not None else {}
            if any(map(is_marked, _texts([changed, spec]))):
                raise UnknownValueError(
                    "its name, image, resources or variables hold a value that only the run knows",
                    where=f"step {from_text(step.name)!r}",
                    fix="pass the value as an argument of the function",
                )
        return self._nodes(self.open[0].body)

    def _nodes(self, body: list[int | Group]) -> tuple[Node, ...]:
        nodes: list[Node] = []
        for item in body:
            if isinstance(item, int):
                nodes.append(self.steps[item])
                continue
            inside = self._nodes(item.body)
            if item.kind == "arm":
                arm = Arm(item.condition, inside)
                last = nodes[-1] if nodes else None
                if item.name or not isinstance(last, Branch):
                    nodes.append(Branch(item.name, (arm,)))
                else:
                    nodes[-1] = replace(last, arms=(*last.arms, arm))
            elif item.kind == "loop":
                nodes.append(Loop(item.name, item.items, inside, item.parallelism))
            elif item.kind == "guard" and item.handler is not None:
                nodes.append(Guard(item.name, inside, self._handler(item)))
            else:
                nodes.append(Part(item.name, inside))
        return tuple(nodes)

    def _handler(self, guard: Group) -> Step:
        """The step of an exit handler; an argument for the status is filled."""
        step = self.steps[guard.handler or 0]
        try:
            parameters = inspect.signature(step.function).parameters.values()  # type: ignore[arg-type]
        except (TypeError, ValueError):
            return step
        wanted = {
            item.name: StatusRef(guard.name)
            for item in parameters
            if (item.name == "status" or "PipelineTaskFinalStatus" in str(item.annotation))
            and item.name not in {**step.params, **step.inputs}
        }
        return replace(step, params={**step.params, **wanted})

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
            text = f"{function.name}{signature} cannot be called so: {exc}"
            self.problems.append(f"step {function.name!r}: {text} ({here()})")
            return {**dict(zip([p.name for p in kept], args, strict=False)), **kwargs}
        return bound.arguments


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from (str(key), *_texts(item))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _out_of_place(where: str) -> PipelineError:
    return PipelineError(
        f"a value that only the run knows cannot be {where}", fix="put it into a list"
    )


def current(word: str) -> PlanTracer:
    """The tracer of the pipeline whose body runs now.

    Raises:
        PipelineError: outside a pipeline.
    """
    tracer = TRACER.get()
    if not isinstance(tracer, PlanTracer):
        raise PipelineError(
            f"{word}() is for the body of a pipeline", fix="decorate the function with @pipeline"
        )
    return tracer
