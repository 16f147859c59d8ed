"""A step definition as one callable from event to event."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlrun_like.serving.check import constructor_values, injected, method_of
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.paths import get_path, set_path

if TYPE_CHECKING:
    from mlrun_like.serving.graph import GraphStep

__all__ = ["BoundStep", "Call", "bind"]

Call = Callable[[Event], Event | Awaitable[Event]]


@dataclass(frozen=True)
class BoundStep:
    """What `compile` arranges: a name, a callable, and how it may be called."""

    name: str
    call: Call
    is_async: bool
    blocking: bool


def bind(step: GraphStep, target: Any, context: GraphContext, objects: dict[str, Any]) -> BoundStep:
    """Create the step's object, if it has a class, and choose what is called for an event.

    Args:
        step: The definition, already checked.
        target: The class, object or function it names.
        context: Given to those that have an argument for it.
        objects: Filled with the object of a class step.
    """
    method = ""
    if not step.class_name or inspect.isfunction(target):
        extra = {**injected(target, {"context": context}), **step.class_args}
        function = functools.partial(target, **extra) if extra else target
    else:
        made = target
        if isinstance(target, type):
            made = target(**constructor_values(step, target, context))
        post_init = getattr(made, "post_init", None)
        if callable(post_init):
            post_init()
        objects[step.name] = made
        method = method_of(step, target)
        function = getattr(made, method)
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
        getattr(function, "__call__", None)  # noqa: B004  an object with an async __call__
    )
    blocking = step.blocking
    if blocking is None:
        blocking = bool(getattr(target, "blocking", False))
    whole = step.full_event or (method == "do_event")
    call = _wrap(function, step, whole=whole, is_async=is_async)
    return BoundStep(step.name, call, is_async, blocking and not is_async)


def _wrap(function: Callable[..., Any], step: GraphStep, *, whole: bool, is_async: bool) -> Call:
    source, place = step.input_path, step.result_path

    def whole_result(event: Event, result: Any) -> Event:
        if isinstance(result, Event):
            return result
        if isinstance(result, Response):
            event.body = result
        elif result is not None:
            raise TypeError(
                f"a step that receives the event must return it, not {type(result).__name__}"
            )
        return event

    if whole:
        if is_async:

            async def call_whole_async(event: Event) -> Event:
                return whole_result(event, await function(event))

            return call_whole_async
        return lambda event: whole_result(event, function(event))

    def finish(event: Event, result: Any) -> Event:
        plain = not place or isinstance(result, Response)
        event.body = result if plain else set_path(event.body, place, result)
        return event

    if is_async:

        async def call_async(event: Event) -> Event:
            return finish(event, await function(get_path(event.body, source)))

        return call_async
    if source or place:
        return lambda event: finish(event, function(get_path(event.body, source)))

    def call(event: Event) -> Event:
        event.body = function(event.body)
        return event

    return call
