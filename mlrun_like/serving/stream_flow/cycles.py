"""Flows with cycles: which ways lead back, and how often an event may take them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Emit
from mlrun_like.serving.rounds import count_round, most_rounds
from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.stream_flow.nodes import Passage

__all__ = ["Back", "Cycles", "counting"]

Below = Callable[[FlowStep], Iterable[FlowStep]]


class Cycles:
    """The cycles of a flow.

    Args:
        source: The first step.
        below: The steps that a step can send events to.

    >>> a, b = FlowStep(name="a"), FlowStep(name="b")
    >>> _ = a.to(b).to(a)
    >>> cycles = Cycles(a, lambda step: step.outlets)
    >>> cycles.is_back(b, a), cycles.is_back(a, b), cycles.holds(b)
    (True, False, True)
    """

    def __init__(self, source: FlowStep, below: Below) -> None:
        self._back: set[tuple[int, int]] = set()
        self._inside: set[int] = set()
        path: list[FlowStep] = [source]
        on_path = {id(source): 0}
        seen = {id(source)}
        stack = [iter(list(below(source)))]
        while stack:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
                del on_path[id(path.pop())]
            elif id(step) in on_path:
                self._back.add((id(path[-1]), id(step)))
                self._inside |= {id(item) for item in path[on_path[id(step)] :]}
            elif id(step) not in seen:
                seen.add(id(step))
                on_path[id(step)] = len(path)
                path.append(step)
                stack.append(iter(list(below(step))))

    def is_back(self, step: FlowStep, outlet: FlowStep) -> bool:
        """Whether the way from one step to another leads back."""
        return (id(step), id(outlet)) in self._back

    def starts_back(self, step: FlowStep) -> bool:
        """Whether a way leads back from a step."""
        return any(start == id(step) for start, _ in self._back)

    def holds(self, step: FlowStep) -> bool:
        """Whether an event can come to the step again."""
        return id(step) in self._inside


class Back(Passage):
    """A way back: events wait there until the way that they come has ended."""

    def __init__(self) -> None:
        self._emit: Emit | None = None

    def connect(self, emit: Emit) -> None:
        self._emit = emit

    def take(self, event: Event) -> None:
        """Send the event back, without waiting for it."""
        if self._emit is not None:
            self._emit(event)

    async def take_async(self, event: Event) -> None:
        """The same for an event loop."""
        self.take(event)


def counting(step: FlowStep, call: Callable[[Event], Any], is_async: bool) -> Any:
    """The call of a step of a cycle, which counts how often an event has come.

    Raises:
        RunError: on the call, if that is more often than the step allows.
    """
    most = step.max_iterations or most_rounds()
    given = step.max_iterations is not None
    name = step.name

    def called(event: Event) -> Any:
        count_round(event, name, most, given)
        return call(event)

    async def called_async(event: Event) -> Any:
        count_round(event, name, most, given)
        return await call(event)

    return called_async if is_async else called
