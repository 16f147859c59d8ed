"""A checked step as callables: one for plain callers, one for event loops."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import GraphError
from mlrun_like.registry import resolve
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.definition.step import RouterStep
from mlrun_like.serving.engine.blocking import blocking_call
from mlrun_like.serving.engine.check import Target, added_values, injected
from mlrun_like.serving.engine.gate import Gate
from mlrun_like.serving.engine.guards import guarded, in_thread
from mlrun_like.serving.engine.route import Route
from mlrun_like.serving.event import DROP, Event, Response
from mlrun_like.serving.paths import get_path, set_path
from mlrun_like.serving.protocol import Kind, Step
from mlrun_like.serving.steps.base import FlowStep

if TYPE_CHECKING:
    from mlrun_like.serving.definition.step import GraphStep

__all__ = ["BoundStep", "bind"]

_BATCHED = "mlrun_like.serving.batching:batched"

Sync = Callable[[Any], Any]
Async = Callable[[Any], Awaitable[Any]]


@dataclass(frozen=True)
class BoundStep:
    """What code is generated for.

    Args:
        name: The step's name.
        kind: What the call's result means; see `Step`.
        call: For plain callers; None if the step only has an `async` form.
        acall: For event loops; None if the plain call does.
        whole: Whether the calls take and give events instead of bodies.
        streams: Whether the call gives a generator.
        gathers: Whether it takes all values of a stream as a list.
        made: The step's object, or None for a function.
        selects: Gives, for the body after the call, the names of the steps where it goes on; None:
            to all of them.
    """

    name: str
    kind: Kind
    call: Sync | None
    acall: Async | None
    whole: bool
    streams: bool
    gathers: bool
    made: Any
    selects: Callable[[Any], Any] | None = None


def bind(
    step: GraphStep,
    targets: Mapping[str, Target],
    context: GraphContext,
    executor: Callable[[], Any],
    owner: str = "",
) -> BoundStep:
    """Create the step's object, if it has a class, and choose what is called for an event.

    Args:
        step: The definition, already checked.
        targets: What every step stands for.
        context: Given to those that have an argument for it.
        executor: Gives the threads for steps that block.
        owner: The path of the router that this step is a route of.
    """
    path = f"{owner}/{step.name}" if owner else step.name
    target = targets[path]
    routes: dict[str, Route] = {}
    if isinstance(step, RouterStep):
        for key, route in step.routes.items():
            bound = bind(route, targets, context, executor, path)
            routes[key] = Route(key, bound.made, bound.call, bound.acall, bound.whole)
            routes[key].definition = (route, targets[f"{path}/{route.name}"])
    made = None if not target.method else _create(step, target, context, routes)
    function, twin = _functions(step, target, made, context)
    batching = False if hasattr(made, "batching") else step.call_options.batching
    kind: Kind = type(made).kind if isinstance(made, Step) else "map"
    yields = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
    streams = yields and kind != "many"  # those may also write their events with `yield`
    whole = step.full_event or target.method in ("do_event", "process")
    wrap = _wrapper(step, "many" if streams else kind, whole)
    spread = context.spread if kind == "map" else None
    if batching:
        function, twin = resolve(_BATCHED)(twin or function, batching, name=step.name), None
        context.closing.append(function.close)
    is_async = bool(batching) or _is_async(function)
    given = spread(function) if spread else function
    call: Sync | None = None if is_async or _only_async(routes) else wrap(given, False)
    acall: Async | None = wrap(given, True) if is_async else None
    if twin is not None:
        acall = wrap(spread(twin) if spread else twin, True)
    if not streams:  # the call of a stream only makes its generator
        blocks = _blocks(step, target, made, function)
        if acall is None and call is not None and (blocks or step.call_options.waits):
            acall = in_thread(call, executor)
        if kind == "many":
            call, acall = _one_at_a_time(made, call, acall)
        call, acall = guarded(call, acall, step.call_options, step.name)
    gathers = bool(getattr(made, "gathers", False))
    return BoundStep(
        step.name, kind, call, acall, whole, streams, gathers, made, _selector(kind, made)
    )


def _create(
    step: GraphStep, target: Target, context: GraphContext, routes: Mapping[str, Route]
) -> Any:
    made = target.found
    if isinstance(made, type):
        added = {**added_values(step, context), "routes": routes}
        made = made(**{**injected(made, added), **target.arguments})
    if step.call_options.batching and hasattr(made, "batching"):
        made.batching = step.call_options.batching  # models batch their predictions themselves
    post_init = getattr(made, "post_init", None)
    if callable(post_init):
        post_init(**injected(post_init, {"mode": context.load_mode}))
    return made


def _selector(kind: Kind, made: Any) -> Callable[[Any], Any] | None:
    """What a class that also says where its events go on calls for it."""
    if kind not in ("map", "maybe", "many"):
        return None
    given = getattr(made, "select_outlets", None)
    if isinstance(made, FlowStep):
        if made.outlets:
            return None  # in a flow of storey's steps they are its own
        given = getattr(made, "outlets_selector", None) or given
    if not callable(given):
        return None
    if inspect.iscoroutinefunction(given):
        raise GraphError(
            "select_outlets is async",
            fix="do what needs awaiting in the step's own method, and choose by the body it gives",
        )
    return lambda body: given(body) or None  # storey's: nothing named is all that follow


def _functions(
    step: GraphStep, target: Target, made: Any, context: GraphContext
) -> tuple[Callable[..., Any], Callable[..., Any] | None]:
    """What is called, and the `async` twin that the step's class has beside it."""
    if made is None:
        extra = {**injected(target.found, added_values(step, context)), **target.arguments}
        return functools.partial(target.found, **extra) if extra else target.found, None
    function = getattr(made, target.method)
    twin = getattr(made, f"{target.method}_async", None)
    return function, twin if callable(twin) else None


def _is_async(function: Any) -> bool:
    call = getattr(function, "__call__", None)  # noqa: B004  an object with an async __call__
    return (
        inspect.iscoroutinefunction(function)
        or inspect.isasyncgenfunction(function)
        or inspect.iscoroutinefunction(call)
    )


def _only_async(routes: Mapping[str, Route]) -> bool:
    return any(route.only_async for route in routes.values())


def _blocks(step: GraphStep, target: Target, made: Any, function: Any) -> bool:
    if step.call_options.blocking is not None:
        return step.call_options.blocking
    if made is not None and getattr(made, "blocking", False):
        return True
    return bool(getattr(target.found, "blocking", False)) or bool(blocking_call(function))


def _one_at_a_time(
    made: Any, call: Sync | None, acall: Async | None
) -> tuple[Sync | None, Async | None]:
    """Steps that keep state see one event at a time, from whichever thread it comes."""
    lock: threading.RLock = made.lock
    one: Sync | None = None
    if call is not None:
        process = call

        def one(event: Any) -> Any:
            with lock:
                found = process(event)
                return found if isinstance(found, (list, tuple)) else list(found)

    if acall is None:
        return one, None
    gate = Gate(1)
    aprocess: Any = acall

    async def one_async(event: Any) -> Any:
        async with gate:
            found = aprocess(event)
            if hasattr(found, "__aiter__"):
                return [each async for each in found]
            found = await found
            return found if isinstance(found, (list, tuple)) else list(found)

    return one, one_async


def _wrapper(step: GraphStep, kind: Kind, whole: bool) -> Callable[[Any, bool], Any]:
    source, place = step.input_path, step.result_path

    def wrap(function: Any, is_async: bool) -> Any:
        if kind in ("filter", "choice", "many"):  # also streams: what they give is no body
            return _reading(function, source) if source and not whole else function
        if whole:
            return _whole_async(function) if is_async else _whole(function)
        if source or place:
            return _placing_async(function, step) if is_async else _placing(function, step)
        return function

    return wrap


def _event_of(event: Event, result: Any) -> Any:
    if isinstance(result, Event) or result is DROP:
        return result
    if isinstance(result, Response):
        event.body = result
    elif result is not None:
        raise TypeError(
            f"a step that receives the event must return it, not {type(result).__name__}"
        )
    return event


def _whole(function: Sync) -> Sync:
    return lambda event: _event_of(event, function(event))


def _whole_async(function: Async) -> Async:
    async def call(event: Event) -> Any:
        return _event_of(event, await function(event))

    return call


def _placed(body: Any, place: str, result: Any) -> Any:
    return result if not place or isinstance(result, Response) else set_path(body, place, result)


def _placing(function: Sync, step: GraphStep) -> Sync:
    source, place = step.input_path, step.result_path
    return lambda body: _placed(body, place, function(get_path(body, source)))


def _placing_async(function: Async, step: GraphStep) -> Async:
    source, place = step.input_path, step.result_path

    async def call(body: Any) -> Any:
        return _placed(body, place, await function(get_path(body, source)))

    return call


def _reading(function: Any, source: str) -> Any:
    # an async function gives its awaitable through a plain call
    return lambda body: function(get_path(body, source))
