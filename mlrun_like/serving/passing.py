"""What generated code calls where an event goes several ways: branches, choices, streams."""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Any, NamedTuple

from mlrun_like.errors import GraphError, StepTimeoutError, nearest
from mlrun_like.serving.event import DROP, Event, Response, copy_body

__all__ = [
    "Way",
    "chooser",
    "copies",
    "fan_async",
    "fan_sync",
    "gather_async",
    "gather_sync",
    "in_time",
    "matching",
    "stream_async",
    "stream_sync",
]

Block = Callable[..., Any]


class Way(NamedTuple):
    """A block of generated code that an event may go to."""

    block: Block
    is_async: bool


def copies(event: Any, count: int, whole: bool) -> list[Any]:
    """`count` independent events (or bodies), the original among them as the last."""
    if whole:
        return [*(event.branch() for _ in range(count - 1)), event]
    return [*(copy_body(event) for _ in range(count - 1)), event]


def fan_sync(ways: Sequence[Way], event: Any, whole: bool) -> Any:
    """Send a copy each way, one after the other; all are tried before an error is raised."""
    answer: Any = DROP
    errors: list[Exception] = []
    for way, twin in zip(ways, copies(event, len(ways), whole), strict=True):
        try:
            found = way.block(twin)
        except Exception as exc:  # noqa: BLE001  raised below, once the other branches are through
            errors.append(exc)
            continue
        if answer is DROP:
            answer = found
    if errors:
        raise _first(errors)
    return answer


async def fan_async(ways: Sequence[Way], event: Any, whole: bool) -> Any:
    """Send a copy each way at the same time; all end before an error is raised."""
    twins = copies(event, len(ways), whole)
    results: list[Any] = [DROP] * len(ways)
    waiting = [number for number, way in enumerate(ways) if way.is_async]
    own, others = waiting[:1], waiting[1:]  # the first of them needs no task of its own
    tasks = [asyncio.ensure_future(_tried(ways[at].block, twins[at])) for at in others]
    try:
        for number, (way, twin) in enumerate(zip(ways, twins, strict=True)):
            if not way.is_async:
                try:
                    results[number] = way.block(twin)
                except Exception as exc:  # noqa: BLE001  raised below, once all are through
                    results[number] = _Failure(exc)
        for number in own:
            try:
                results[number] = await ways[number].block(twins[number])
            except Exception as exc:  # noqa: BLE001  raised below, once all are through
                results[number] = _Failure(exc)
        if tasks:
            await asyncio.wait(tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)  # they must have ended, not only be told to
        raise
    for number, task in zip(others, tasks, strict=True):
        results[number] = task.result()
    failures = [found.error for found in results if isinstance(found, _Failure)]
    if failures:
        raise _first(failures)
    return next((found for found in results if found is not DROP), DROP)


class _Failure(NamedTuple):
    error: BaseException


async def _tried(block: Block, event: Any) -> Any:
    """What a branch gives, or why it failed; no exit of a step may end the loop of all."""
    try:
        return await block(event)
    except (Exception, SystemExit) as exc:  # noqa: BLE001  raised where all branches end
        return _Failure(exc)


def _first(errors: Sequence[BaseException]) -> BaseException:
    first, *others = errors
    for other in others:
        note = getattr(first, "add_note", None)  # from Python 3.11
        if note is not None:
            note(f"another branch failed too: {type(other).__name__}: {other}")
    return first


def chooser(step: str, ways: Mapping[str, Way]) -> Callable[[Any], list[Way]]:
    """Turns what a choice answers (a name or several) into the ways to go."""

    def choose(names: Any) -> list[Way]:
        if isinstance(names, str):
            names = (names,)
        try:
            return [ways[name] for name in names or ()]
        except (KeyError, TypeError) as exc:
            raise GraphError(
                f"the choice {step!r} named {names!r:.120}.{nearest(str(names), ways)}",
                fix=f"answer one or several of the steps after it: {', '.join(ways)}",
            ) from exc

    return choose


def matching(handlers: Mapping[Any, Way]) -> Callable[[BaseException], Way | None]:
    """Finds the way for an exception by the classes that were given, most specific first."""

    def match(error: BaseException) -> Way | None:
        for owner in type(error).__mro__:
            if owner in handlers:
                return handlers[owner]
        return None

    return match


def in_time(event: Event, step: str) -> None:
    """Refuse to start a step for a caller that has stopped waiting.

    Raises:
        StepTimeoutError: if the event's deadline has passed.
    """
    if event.deadline is not None and time.monotonic() > event.deadline:
        raise StepTimeoutError(
            f"the time for this event was over before step {step!r}",
            where=f"event {event.id}",
            fix="give it more time, or find the slow step in the metrics",
            step=step,
            event_id=str(event.id),
        )


def _answer_body(found: Any, whole: bool) -> Any:
    body = found.body if whole and isinstance(found, Event) else found
    return body.body if isinstance(body, Response) else body


def stream_sync(
    values: Iterable[Any], tail: Block | None, event: Any, whole: bool
) -> Iterator[Any]:
    """The values of a stream, each taken through the following steps."""
    try:
        for value in values:
            if tail is None:
                yield value
                continue
            found = tail(event.with_body(value) if whole else value)
            if found is not DROP:
                yield _answer_body(found, whole)
    finally:
        close = getattr(values, "close", None)
        if close is not None:
            close()


async def stream_async(
    values: Any, tail: Way | None, event: Any, whole: bool
) -> AsyncIterator[Any]:
    """The same for an event loop; the source may be a plain or an `async` generator."""
    try:
        async for value in _each(values):
            if tail is None:
                yield value
                continue
            found = tail.block(event.with_body(value) if whole else value)
            if tail.is_async:
                found = await found
            if found is not DROP:
                yield _answer_body(found, whole)
    finally:
        await _close(values)


async def _each(values: Any) -> AsyncIterator[Any]:
    if hasattr(values, "__aiter__"):
        async for value in values:
            yield value
        return
    for value in values:
        yield value
        await asyncio.sleep(0)  # a plain generator must not keep the loop to itself


async def _close(values: Any) -> None:
    aclose = getattr(values, "aclose", None)
    if aclose is not None:
        closing: Awaitable[None] = aclose()
        await closing
        return
    close = getattr(values, "close", None)
    if close is not None:
        close()


def gather_sync(values: Iterable[Any], tail: Block | None, event: Any, whole: bool) -> list[Any]:
    """All values of a stream, each taken through the steps before the one that gathers."""
    return list(stream_sync(values, tail, event, whole))


async def gather_async(values: Any, tail: Way | None, event: Any, whole: bool) -> list[Any]:
    """The same for an event loop."""
    return [value async for value in stream_async(values, tail, event, whole)]
