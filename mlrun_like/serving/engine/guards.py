"""The options of a step as wrappers around its call; a step without options has none."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from mlrun_like.errors import StepTimeoutError
from mlrun_like.serving.definition.options import StepOptions
from mlrun_like.serving.engine.deadline import time_left
from mlrun_like.serving.engine.gate import Gate
from mlrun_like.serving.engine.workers import Workers

__all__ = ["guarded", "in_thread"]

Sync = Callable[[Any], Any]
Async = Callable[[Any], Awaitable[Any]]

_LONGEST_WAIT = 120.0
_THREADS = 32


def guarded(
    call: Sync | None, acall: Async | None, options: StepOptions, name: str
) -> tuple[Sync | None, Async | None]:
    """The two forms of a step's call, for plain callers and for event loops, with its options."""
    gate = None if options.max_in_flight is None else Gate(options.max_in_flight)
    if call is not None:
        if options.timeout is not None:
            call = _limited_time(call, options.timeout, options.max_in_flight or _THREADS, name)
        if gate is not None:
            call = _limited_number(call, gate)
        if options.retries:
            call = _repeated(call, options.retries, options.backoff, name)
    if acall is not None:
        if options.timeout is not None:
            acall = _limited_time_async(acall, options.timeout, name)
        if gate is not None:
            acall = _limited_number_async(acall, gate)
        if options.retries:
            acall = _repeated_async(acall, options.retries, options.backoff, name)
    return call, acall


def in_thread(call: Sync, executor: Callable[[], Any]) -> Async:
    """A plain call that an event loop awaits while a thread of `executor()` does it."""

    async def hop(value: Any) -> Any:
        copied = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(executor(), copied.run, call, value)

    return hop


def _too_long(seconds: float, name: str) -> StepTimeoutError:
    return StepTimeoutError(
        f"step {name!r} took longer than {seconds:g} s",
        fix="raise its timeout with step.options(timeout=...), or find out what it waits for",
        step=name,
    )


def _limited_time(call: Sync, seconds: float, threads: int, name: str) -> Sync:
    pool = Workers(threads, f"graph-{name}")

    def limited(value: Any) -> Any:
        future = pool.submit(contextvars.copy_context().run, call, value)
        try:
            return future.result(seconds)
        except FutureTimeoutError as exc:
            if future.done():  # the step itself raised a TimeoutError
                raise
            future.cancel()
            raise _too_long(seconds, name) from exc

    return limited


def _limited_number(call: Sync, gate: Gate) -> Sync:
    def limited(value: Any) -> Any:
        with gate:
            return call(value)

    return limited


def _repeated(call: Sync, retries: int, backoff: float, name: str) -> Sync:
    def repeated(value: Any) -> Any:
        for attempt in range(retries):
            try:
                return call(value)
            except Exception as exc:  # the last attempt is below
                if not _worth_repeating(exc):
                    raise
                time.sleep(_pause(exc, backoff, attempt, name))
        return call(value)

    return repeated


def _limited_time_async(call: Async, seconds: float, name: str) -> Async:
    async def limited(value: Any) -> Any:
        task = asyncio.ensure_future(call(value))
        task.add_done_callback(_looked_at)
        try:
            done, _ = await asyncio.wait((task,), timeout=seconds)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait((task,))  # it must have ended, not only be told to
            raise
        if not done:
            task.cancel()  # not waited for: it may not listen
            raise _too_long(seconds, name)
        return task.result()

    return limited


def _looked_at(task: asyncio.Future[Any]) -> None:
    """What a call raises after its time is over is nobody's concern."""
    if not task.cancelled():
        task.exception()


def _limited_number_async(call: Async, gate: Gate) -> Async:
    async def limited(value: Any) -> Any:
        async with gate:
            return await call(value)

    return limited


def _repeated_async(call: Async, retries: int, backoff: float, name: str) -> Async:
    async def repeated(value: Any) -> Any:
        for attempt in range(retries):
            try:
                return await call(value)
            except Exception as exc:  # the last attempt is below
                if not _worth_repeating(exc):
                    raise
                await asyncio.sleep(_pause(exc, backoff, attempt, name))
        return await call(value)

    return repeated


def _pause(exc: Exception, backoff: float, attempt: int, name: str) -> float:
    """Seconds before the next attempt.

    Raises:
        StepTimeoutError: if the caller does not wait for it.
    """
    seconds = float(min(_LONGEST_WAIT, backoff * 2**attempt))
    left = time_left()
    if left is None or left > seconds:
        return seconds
    raise StepTimeoutError(
        f"step {name!r} failed {attempt + 1} times, and the caller does not wait for another "
        f"attempt: {type(exc).__name__}: {exc!s:.200}",
        fix="give it more time, fewer retries or a shorter backoff",
        step=name,
    ) from exc


def _worth_repeating(exc: Exception) -> bool:
    """Errors of the caller's data stay what they are, however often one tries."""
    status = getattr(exc, "status", None) or getattr(exc, "status_code", None)
    return not (isinstance(status, int) and status < 500)
