"""What generated code calls where an event goes several ways: branches, choices, streams."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from mlrun_like.errors import StepTimeoutError
from mlrun_like.serving.engine.failures import error_text
from mlrun_like.serving.event import DROP, Event, Response, copy_body

__all__ = [
    "Several",
    "Way",
    "answer_of",
    "copies",
    "fan_async",
    "fan_sync",
    "first_of",
    "gather_async",
    "gather_sync",
    "in_time",
    "stream_async",
    "stream_sync",
    "telling_async",
    "telling_sync",
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
        raise first_of(errors)
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
    if any(isinstance(found, _Failure) for found in results):
        failures = [found.error for found in results if isinstance(found, _Failure)]
        results.clear()
        raise first_of(failures)
    return next((found for found in results if found is not DROP), DROP)


class _Failure(NamedTuple):
    error: BaseException


async def _tried(block: Block, event: Any) -> Any:
    """What a branch gives, or why it failed; no exit of a step may end the loop of all."""
    try:
        return await block(event)
    except (Exception, SystemExit) as exc:  # noqa: BLE001  raised where all branches end
        return _Failure(exc)


def first_of(errors: list[Any]) -> Any:
    """The first of several errors, with notes about the others; empties the list.

    An error knows the frames it came through; a frame that still knew the error would be a circle.
    """
    first, *others = errors
    errors.clear()
    for other in others:
        note = getattr(first, "add_note", None)  # from Python 3.11
        if note is not None:
            note(f"another branch failed too: {type(other).__name__}: {other}")
    return first


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


class Several(NamedTuple):
    """The answers to one value of a stream, when a step made several events of it."""

    answers: list[Any]


def answer_of(answers: list[Any]) -> Any:
    """One answer for the events that a step made of one value of a stream."""
    flat: list[Any] = []
    for found in answers:
        flat += found.answers if isinstance(found, Several) else [found]
    return DROP if not flat else flat[0] if len(flat) == 1 else Several(flat)


def _bodies(found: Any, whole: bool) -> Iterator[Any]:
    """The values that a stream goes on with after an answer."""
    for each in found.answers if isinstance(found, Several) else (found,):
        if each is not DROP:
            body = each.body if whole and isinstance(each, Event) else each
            yield body.body if isinstance(body, Response) else body


def stream_sync(
    values: Iterable[Any], tail: Block | None, event: Any, whole: bool
) -> Iterator[Any]:
    """The values of a stream, each taken through the following steps."""
    try:
        for value in values:
            if tail is None:
                yield value
            else:
                yield from _bodies(tail(event.with_body(value) if whole else value), whole)
    finally:
        close = getattr(values, "close", None)
        if close is not None:
            close()


async def stream_async(
    values: Any, tail: Way | None, event: Any, whole: bool
) -> AsyncIterator[Any]:
    """The same for an event loop; the source may be a plain or an `async` generator."""
    source = values if hasattr(values, "__aiter__") else _politely(values)
    try:
        async for value in source:
            if tail is None:
                yield value
                continue
            found = tail.block(event.with_body(value) if whole else value)
            if tail.is_async:
                found = await found
            for body in _bodies(found, whole):
                yield body
    finally:
        aclose = getattr(source, "aclose", None)
        if aclose is not None:
            await aclose()


async def _politely(values: Iterable[Any]) -> AsyncIterator[Any]:
    try:
        for value in values:
            yield value
            await asyncio.sleep(0)  # a plain generator must not keep the loop to itself
    finally:
        close = getattr(values, "close", None)
        if close is not None:
            close()


def gather_sync(values: Iterable[Any], tail: Block | None, event: Any, whole: bool) -> list[Any]:
    """All values of a stream, each taken through the steps before the one that gathers."""
    return list(stream_sync(values, tail, event, whole))


async def gather_async(values: Any, tail: Way | None, event: Any, whole: bool) -> list[Any]:
    """The same for an event loop."""
    return [value async for value in stream_async(values, tail, event, whole)]


def telling_sync(values: Iterable[Any], tail: Block | None, event: Any, whole: bool) -> list[Any]:
    """As `gather_sync`, but with MLRun a stream that breaks gives its error instead of values."""
    broken: list[Exception] = []
    found = list(stream_sync(_until_broken(values, broken), tail, event, whole))
    return [{"error": error_text(broken[0])}] if broken else found


async def telling_async(values: Any, tail: Way | None, event: Any, whole: bool) -> list[Any]:
    """The same for an event loop."""
    broken: list[Exception] = []
    source = values if hasattr(values, "__aiter__") else _politely(values)
    kept = _until_broken_async(source, broken)
    found = [value async for value in stream_async(kept, tail, event, whole)]
    return [{"error": error_text(broken[0])}] if broken else found


def _until_broken(values: Iterable[Any], broken: list[Exception]) -> Iterator[Any]:
    try:
        yield from values
    except Exception as exc:  # noqa: BLE001  the boundary to a user's generator
        broken.append(exc)


async def _until_broken_async(values: Any, broken: list[Exception]) -> AsyncIterator[Any]:
    try:
        async for value in values:
            yield value
    except Exception as exc:  # noqa: BLE001  the boundary to a user's generator
        broken.append(exc)
