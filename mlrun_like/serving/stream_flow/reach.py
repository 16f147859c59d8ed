"""Which steps of a flow events can get to, and by what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mlrun_like.serving.steps.base import FlowStep
from mlrun_like.serving.steps.recovering import Recover

__all__ = [
    "below",
    "everywhere",
    "is_guarded",
    "ordered",
    "reachable",
    "recoveries_of",
    "selector_of",
]


def reachable(source: FlowStep) -> list[FlowStep]:
    """All steps that events can get to, the source first."""
    found: dict[int, FlowStep] = {}
    stack = [source]
    while stack:
        step = stack.pop()
        if id(step) not in found:
            found[id(step)] = step
            stack += reversed(list(below(step)))
    return list(found.values())


def ordered(step: FlowStep) -> list[FlowStep]:
    """The steps whose ends make the value of a flow at this step: its followers, then recovery."""
    return [*step.outlets, *step.recovery_steps()]


def below(step: FlowStep) -> Iterator[FlowStep]:
    """The steps that a step can send events to."""
    yield from ordered(step)
    if isinstance(step, Recover):
        yield from step.exception_to_downstream.values()


def is_guarded(step: FlowStep) -> bool:
    """Whether errors of the step go somewhere instead of stopping the flow."""
    return step.recovery_step is not None or hasattr(step.context, "push_error")


def recoveries_of(step: FlowStep) -> list[tuple[type, FlowStep]]:
    """The steps that events get to by failing in a step, by the class of the error."""
    found = step.recovery_step
    if found is None:
        return []
    return list(found.items()) if isinstance(found, Mapping) else [(Exception, found)]


def selector_of(step: FlowStep) -> Callable[[Any], Any] | None:
    """What gives the names of the steps where an event goes on, if it is not all of them."""
    given = getattr(step, "outlets_selector", None) or getattr(step, "select_outlets", None)
    return given if callable(given) else None


def everywhere(body: Any) -> None:
    """Selects every following step."""
