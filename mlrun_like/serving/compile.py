"""A checked graph as plain callables: all questions are answered here, none per event.

Consecutive steps without `async` become one callable. One that holds a blocking step runs in a
thread when the caller is an event loop, so that other callers are not held up; everything else
runs where it is called. A step with several followers gives each its own copy of the event.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import GraphError, MLRunLikeError, StepError
from mlrun_like.serving.binding import BoundStep, bind
from mlrun_like.serving.check import check
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.event import Event

if TYPE_CHECKING:
    from mlrun_like.serving.graph import Graph

__all__ = ["Plan", "compile_graph"]

Run = Callable[[Event], Event]
AsyncRun = Callable[[Event, Executor], Awaitable[Event]]


@dataclass(frozen=True)
class Plan:
    """A graph ready for events.

    Args:
        run: Takes an event through the graph; None if a step is `async`.
        run_async: The same for an event loop; blocking steps use the given executor.
        blocking: Whether `run` may hold up its thread for long.
        responds: Whether a step's result is the answer.
        objects: The created object of each class step, by step name.
    """

    run: Run | None
    run_async: AsyncRun
    blocking: bool
    responds: bool
    objects: Mapping[str, Any]


@dataclass(frozen=True)
class _Segment:
    run: Run
    run_async: Callable[[Event], Awaitable[Event]] | None
    blocking: bool


@dataclass(frozen=True)
class _Block:
    """Segments in a row, then where the event goes; `answer` is the follower that answers."""

    segments: tuple[_Segment, ...]
    followers: tuple[_Block, ...]
    responds: bool
    answer: int


def compile_graph(
    graph: Graph, namespaces: Sequence[Mapping[str, Any]], context: GraphContext
) -> Plan:
    """Check the graph, create its objects, and turn it into callables.

    Raises:
        GraphError: naming every mistake, or every step whose object could not be created.
    """
    targets = check(graph, namespaces)
    steps: dict[str, BoundStep] = {}
    objects: dict[str, Any] = {}
    failures: list[tuple[str, Exception]] = []
    for step in graph.steps:
        try:
            steps[step.name] = bind(step, targets[step.name], context, objects)
        except Exception as exc:  # noqa: BLE001  users' constructors may raise anything
            failures.append((step.name, exc))
    if failures:
        texts = [f"step {name!r}: {type(exc).__name__}: {exc}" for name, exc in failures]
        raise GraphError("steps could not be created:\n  - " + "\n  - ".join(texts)) from failures[
            0
        ][1]
    children: dict[str, list[str]] = {step.name: [] for step in graph.steps}
    for step in graph.steps:
        for parent in step.after:
            children[parent].append(step.name)
    responder = next((step.name for step in graph.steps if step.responder), "")
    starts = [step.name for step in graph.steps if not step.after]
    if not responder and graph.engine == "sync":
        last = [name for name, below in children.items() if not below]
        responder = last[0] if len(last) == 1 and all(len(c) < 2 for c in children.values()) else ""
    block = _arrange(starts, children, steps, responder)
    return Plan(
        run=None if any(step.is_async for step in steps.values()) else _sync(block),
        run_async=_async(block),
        blocking=any(step.blocking for step in steps.values()),
        responds=bool(responder),
        objects=objects,
    )


def _failed(name: str, event: Event, exc: Exception) -> StepError:
    event.origin_state = name
    event.error = {name: f"{type(exc).__name__}: {exc}"}
    what = exc.what if isinstance(exc, MLRunLikeError) else f"{type(exc).__name__}: {exc}"
    return StepError(
        what,
        where=f"step {name!r}, event {event.id}",
        fix=exc.fix if isinstance(exc, MLRunLikeError) else "",
        step=name,
        event_id=event.id,
    )


def _segments(chain: Sequence[BoundStep]) -> tuple[_Segment, ...]:
    """The steps of a chain, neighbours without `async` fused."""
    found: list[_Segment] = []
    row: list[BoundStep] = []
    for step in (*chain, None):
        if step is not None and not step.is_async:
            row.append(step)
            continue
        if row:
            found.append(_Segment(_fuse(tuple(row)), None, any(s.blocking for s in row)))
            row = []
        if step is not None:
            found.append(_Segment(_fuse(()), _guard(step), False))
    return tuple(found)


def _fuse(steps: tuple[BoundStep, ...]) -> Run:
    calls: Any = tuple((step.name, step.call) for step in steps)

    def run(event: Event) -> Event:
        name = ""
        try:
            for name, call in calls:  # noqa: B007  the name is needed when a call fails
                event = call(event)
                if event.terminated:
                    break
        except Exception as exc:  # the boundary between the framework and a user's step
            raise _failed(name, event, exc) from exc
        return event

    return run


def _guard(step: BoundStep) -> Callable[[Event], Awaitable[Event]]:
    call: Any = step.call

    async def run(event: Event) -> Event:
        try:
            result: Event = await call(event)
        except Exception as exc:  # the boundary between the framework and a user's step
            raise _failed(step.name, event, exc) from exc
        return result

    return run


def _arrange(
    starts: Sequence[str],
    children: Mapping[str, Sequence[str]],
    steps: Mapping[str, BoundStep],
    responder: str,
) -> _Block:
    made: dict[str, tuple[_Block, bool]] = {}

    def build(names: Sequence[str], chain: list[BoundStep], responds: bool) -> tuple[_Block, bool]:
        followers = [block(name) for name in names]
        answer = next((i for i, (_, holds) in enumerate(followers) if holds), -1)
        parts = tuple(follower for follower, _ in followers)
        return _Block(_segments(chain), parts, responds, answer), responds or answer >= 0

    def block(name: str) -> tuple[_Block, bool]:
        if name not in made:
            chain = [steps[name]]
            at = name
            while at != responder and len(children[at]) == 1:
                at = children[at][0]
                chain.append(steps[at])
            made[name] = build(children[at], chain, at == responder)
        return made[name]

    return block(starts[0])[0] if len(starts) == 1 else build(starts, [], False)[0]


def _sync(block: _Block) -> Run:
    runs = tuple(segment.run for segment in block.segments)
    followers = tuple(_sync(follower) for follower in block.followers)
    if len(runs) == 1 and not followers:
        return runs[0]

    def walk(event: Event) -> Event:
        for run in runs:
            event = run(event)
        if event.terminated:
            return event
        results = [follower(event.branch()) for follower in followers]
        return results[block.answer] if block.answer >= 0 else event

    return walk


def _async(block: _Block) -> AsyncRun:
    followers = tuple(_async(follower) for follower in block.followers)

    async def walk(event: Event, executor: Executor) -> Event:
        for segment in block.segments:
            if segment.run_async is not None:
                event = await segment.run_async(event)
            elif segment.blocking:
                copied = contextvars.copy_context()
                loop = asyncio.get_running_loop()
                event = await loop.run_in_executor(executor, copied.run, segment.run, event)
            else:
                event = segment.run(event)
            if event.terminated:
                return event
        results = await asyncio.gather(
            *[follower(event.branch(), executor) for follower in followers]
        )
        return results[block.answer] if block.answer >= 0 else event

    return walk
