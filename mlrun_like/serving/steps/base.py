"""What storey's steps have in common: their shared arguments, `.to()`, their form as data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from operator import attrgetter
from typing import Any, ClassVar, TypeVar

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.paths import get_path, set_path
from mlrun_like.serving.protocol import Emit, Step
from mlrun_like.serving.steps.checks import check_callable, refuse_unknown
from mlrun_like.signatures import signature_of

__all__ = ["FlowStep", "first_result", "key_reader", "reader", "writer"]

Recovery = Any  # a step, or a mapping of exception classes to steps
_Outlet = TypeVar("_Outlet", bound="FlowStep")

_PATHS = ("input_path", "result_path", "full_event")
_NOT_WRITTEN = ("context", "name", *_PATHS, "recovery_step")
_SHARED = (*_NOT_WRITTEN, "termination_result_fn", "max_iterations")


def first_result(kept: Any, found: Any) -> Any:
    """Which of two ends gives the value of the flow: the first that has one."""
    return kept if kept is not None else found


class FlowStep(Step):
    """Base of storey's steps: usable in graphs by name, and as objects chained with `.to()`.

    Args:
        name: Name of the step; by default that of its class.
        full_event: Whether the step's functions receive and return events instead of bodies.
        input_path: Dotted path of the part of the body that they receive.
        result_path: Dotted path in the body where their result is put.
        context: What the step may ask of its server; with a method `push_error`, errors go there
            and the flow continues.
        recovery_step: The step that receives events that fail here, or a mapping of exception
            classes to such steps.
        termination_result_fn: Which value the flow has if two ends after this step give one each.
        max_iterations: How often one event may come to the step in a flow with a cycle.

    Raises:
        InvalidTypeError: if the step has no such argument.

    >>> FlowStep(name="a").to(FlowStep(name="b")).name
    'b'
    """

    legal_first_step: ClassVar[bool] = False
    """True: a source, where a flow begins."""

    _given: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Keep the arguments, so that every subclass can be written as data and as code."""
        made = super().__new__(cls)
        made._given = (args, kwargs)
        return made

    def __init__(
        self,
        name: str | None = None,
        full_event: bool | None = None,
        input_path: str | None = None,
        result_path: str | None = None,
        context: Any = None,
        recovery_step: Recovery = None,
        termination_result_fn: Callable[[Any, Any], Any] = first_result,
        max_iterations: int | None = None,
        **unknown: Any,
    ) -> None:
        step = type(self).__name__
        refuse_unknown(unknown, [*signature_of(type(self)).parameters, *_SHARED], step)
        self.name = name or step
        self.full_event = bool(full_event)
        self.input_path = input_path or ""
        self.result_path = result_path or ""
        self.context = context
        self.recovery_step = _checked_recovery(recovery_step, step)
        self.termination_result_fn = check_callable(
            termination_result_fn, "termination_result_fn", step
        )
        self.max_iterations = max_iterations
        self.outlets: list[FlowStep] = []
        self.emit: Emit | None = None
        self.turn: AbstractContextManager[Any] = nullcontext()  # held while the clock emits

    def to(self, outlet: _Outlet) -> _Outlet:
        """Let `outlet` receive what this step gives; returns `outlet`.

        Raises:
            InvalidArgumentError: if nothing can follow this step, or `outlet` is a source.
        """
        if self.ends:
            raise InvalidArgumentError(
                f"{type(self).__name__} is a terminal step. It cannot be piped further.",
                fix=f"put {outlet.name} before it, or on a branch of its own",
            )
        if outlet.legal_first_step:
            raise InvalidArgumentError(f"{outlet.name} can only appear as the first step of a flow")
        self.outlets.append(outlet)
        return outlet

    def set_recovery_step(self: _Outlet, outlet: Recovery) -> _Outlet:
        """Send events that fail here to this step; returns the step itself."""
        self.recovery_step = _checked_recovery(outlet, type(self).__name__)
        return self

    def recovery_steps(self) -> list[FlowStep]:
        """The steps that events can reach by failing here."""
        found = self.recovery_step
        if found is None:
            return []
        return list(found.values()) if isinstance(found, Mapping) else [found]

    def begin(self) -> None:
        """Forget what an earlier run of the flow left; called before each run."""

    def connect(self, emit: Emit) -> None:
        self.emit = emit

    def run(self) -> Any:
        """Start the flow: only sources can.

        Raises:
            InvalidArgumentError: always, for a step that is not a source.
        """
        raise InvalidArgumentError(
            "Flow must start with a source",
            where=f"step {self.name!r}",
            fix="build_flow([SyncEmitSource(), ...]).run()",
        )

    def arguments(self) -> dict[str, Any]:
        """The arguments that the step was made with, by name."""
        args, kwargs = self._given
        bound = inspect.signature(self.__init__).bind_partial(*args, **kwargs)  # type: ignore[misc]
        values: dict[str, Any] = {}
        for key, value in bound.arguments.items():
            kind = bound.signature.parameters[key].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                values |= value
            elif kind is not inspect.Parameter.VAR_POSITIONAL:
                values[key] = value
        return values

    def as_step(self) -> tuple[type, str, dict[str, Any], dict[str, Any]]:
        """What a served graph makes its own object of: class, name, paths, arguments.

        Raises:
            InvalidArgumentError: if it has a recovery step, which only flows know.
        """
        if self.recovery_step is not None:
            raise InvalidArgumentError(
                "recovery_step= works in flows (build_flow), not in served graphs",
                where=f"step {self.name!r}",
                fix="graph.to(...).error_handler(...)",
            )
        paths = {key: getattr(self, key) for key in _PATHS if getattr(self, key)}
        given = {k: v for k, v in self.arguments().items() if k not in _NOT_WRITTEN}
        return type(self), self.name, paths, given

    def to_dict(self) -> dict[str, Any]:
        """The step as plain data: class name, arguments other than functions, name, paths.

        >>> FlowStep(name="a", full_event=True).to_dict()["full_event"]
        True
        """
        kind = type(self)
        document: dict[str, Any] = {
            "class_name": f"{kind.__module__}.{kind.__qualname__}",
            "name": self.name,
            "class_args": {
                key: value
                for key, value in self.arguments().items()
                if key not in _NOT_WRITTEN and value is not None and not callable(value)
            },
        }
        for key in _PATHS:
            if getattr(self, key):
                document[key] = getattr(self, key)
        return document

    def code_arguments(self) -> dict[str, Any]:
        """The arguments that its code has."""
        return {k: value for k, value in self.arguments().items() if not callable(value)}

    def to_code(self) -> str:
        """Python code that makes this step and all that follow it; functions are left out.

        >>> print(FlowStep(name="a").to_code())
        flow_step0 = FlowStep(name='a')
        <BLANKLINE>
        <BLANKLINE>
        """
        names: dict[int, str] = {}
        made: list[str] = []
        joined: list[str] = []
        _write_code(self, names, made, joined)
        return "\n".join([*made, "", *joined, ""])


def _write_code(step: FlowStep, names: dict[int, str], made: list[str], joined: list[str]) -> str:
    kind = type(step).__name__
    base = "".join("_" + c.lower() if c.isupper() else c for c in kind).lstrip("_")
    taken = set(names.values())
    name = names[id(step)] = next(
        n for i in range(len(taken) + 1) if (n := f"{base}{i}") not in taken
    )
    arguments = ", ".join(f"{key}={value!r}" for key, value in step.code_arguments().items())
    made.append(f"{name} = {kind}({arguments})")
    for outlet in step.outlets:
        known = names.get(id(outlet))
        at = len(joined)
        below = known or _write_code(outlet, names, made, joined)
        joined.insert(at, f"{name}.to({below})")
    return name


def _checked_recovery(found: Recovery, step: str) -> Recovery:
    steps = found.values() if isinstance(found, Mapping) else [] if found is None else [found]
    for item in steps:
        if not isinstance(item, FlowStep):
            raise InvalidArgumentError(
                f"recovery_step={found!r:.80} is not a step, nor a mapping of exceptions to steps",
                where=f"step class {step}",
                fix="recovery_step=Reduce(...), or recovery_step={ValueError: Reduce(...)}",
            )
    return found


def reader(full_event: bool, input_path: str) -> Callable[[Event], Any]:
    """What a step's function receives of an event.

    >>> reader(False, "a.b")(Event({"a": {"b": 1}}))
    1
    """
    if full_event:
        return _same
    if input_path:
        return lambda event: get_path(event.body, input_path)
    return attrgetter("body")


def writer(full_event: bool, result_path: str) -> Callable[[Event, Any], Event]:
    """A new event from what a step's function gave; the received event stays as it is.

    >>> writer(False, "out")(Event({"x": 1}), 2).body
    {'x': 1, 'out': 2}
    """
    if full_event:
        return _given_event
    if result_path:
        return lambda event, result: event.with_body(
            set_path(_shallow(event.body), result_path, result)
        )
    return Event.with_body


def key_reader(key: Any, argument: str, step: str) -> Callable[[Event], Any] | None:
    """What groups events: None, a field of the body, `"$attribute"` of the event, or a function.

    >>> key_reader("$path", "key_field", "Batch")(Event(path="/a"))
    '/a'

    Raises:
        InvalidArgumentError: if it is something else.
    """
    if key is None:
        return None
    if callable(key):
        found: Callable[[Event], Any] = key
        return found
    if isinstance(key, str):
        return attrgetter(key[1:]) if key.startswith("$") else lambda event: event.body[key]
    raise InvalidArgumentError(
        f"Unsupported {argument} type {type(key)}",
        where=f"step class {step}",
        fix=f'{argument}="field", {argument}="$key", or a function of the event',
    )


def _same(event: Event) -> Event:
    return event


def _given_event(event: Event, result: Any) -> Any:
    return result


def _shallow(body: Any) -> Any:
    return body.copy() if isinstance(body, dict) else body
