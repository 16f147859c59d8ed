"""A step as one call from event to events, whatever its kind: for nodes that wrap a step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from mlrun_like.serving.engine.binding import BoundStep
from mlrun_like.serving.event import DROP, Event

__all__ = ["call_of", "call_of_async"]

Events = Iterable[Event]


def call_of(bound: BoundStep, call: Callable[[Any], Any]) -> Callable[[Event], Events]:
    """The step's plain call, from event to events."""
    if bound.kind == "many":
        return call
    give = _giver(bound)
    if bound.whole:
        return lambda event: give(event, call(event))
    return lambda event: give(event, call(event.body))


def call_of_async(
    bound: BoundStep, call: Callable[[Any], Awaitable[Any]]
) -> Callable[[Event], Awaitable[Events]]:
    """The same for the call that an event loop uses."""
    if bound.kind == "many":
        return call
    give = _giver(bound)
    whole = bound.whole

    async def called(event: Event) -> Events:
        return give(event, await call(event if whole else event.body))

    return called


def _giver(bound: BoundStep) -> Callable[[Event, Any], Events]:
    if bound.kind == "filter":
        return lambda event, kept: (event,) if kept else ()
    if bound.kind == "choice":
        return _choosing
    return _given if bound.whole else _with_body


def _given(event: Event, result: Any) -> Events:
    return () if result is DROP else (result,)


def _with_body(event: Event, result: Any) -> Events:
    if result is DROP:
        return ()
    event.body = result
    return (event,)


def _choosing(event: Event, names: Any) -> Events:
    event.chosen = names  # type: ignore[attr-defined]
    return (event,)
