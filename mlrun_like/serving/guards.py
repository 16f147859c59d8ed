"""The options of a step as wrappers around its call; a step without options has none."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

from mlrun_like.errors import StepTimeoutError
from mlrun_like.serving.options import StepOptions

__all__ = ["guard_async", "guard_sync", "in_thread"]

Sync = Callable[[Any], Any]
Async = Callable[[Any], Awaitable[Any]]

_LONGEST_WAIT = 120.0


def guard_sync(call: Sync, options: StepOptions, name: str) -> Sync:
    """The call with its options, for a caller without an event loop."""
    if options.timeout is not None:
        call = _limited_time(call, options.timeout, options.max_in_flight or 32, name)
    if options.max_in_flight is not None:
        call = _limited_number(call, options.max_in_flight)
    if options.retries:
        call = _repeated(call, options.retries, options.backoff)
    return call


def guard_async(call: Async, options: StepOptions, name: str) -> Async:
    """The same for an event loop."""
    if options.timeout is not None:
        call = _limited_time_async(call, options.timeout, name)
    if options.max_in_flight is not None:
        call = _limited_number_async(call, options.max_in_flight)
    if options.retries:
        call = _repeated_async(call, options.retries, options.backoff)
    return call


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
    pool = ThreadPoolExecutor(threads, thread_name_prefix=f"graph-{name}")

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


def _limited_number(call: Sync, most: int) -> Sync:
    free = threading.BoundedSemaphore(most)

    def limited(value: Any) -> Any:
        with free:
            return call(value)

    return limited


def _repeated(call: Sync, retries: int, backoff: float) -> Sync:
    def repeated(value: Any) -> Any:
        for attempt in range(retries):
            try:
                return call(value)
            except Exception as exc:  # the last attempt is below
                if not _worth_repeating(exc):
                    raise
                time.sleep(_pause(backoff, attempt))
        return call(value)

    return repeated


def _limited_time_async(call: Async, seconds: float, name: str) -> Async:
    async def limited(value: Any) -> Any:
        task = asyncio.ensure_future(call(value))
        try:
            done, _ = await asyncio.wait((task,), timeout=seconds)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not done:
            task.cancel()
            raise _too_long(seconds, name)
        return task.result()

    return limited


def _limited_number_async(call: Async, most: int) -> Async:
    gates: dict[int, asyncio.Semaphore] = {}  # one per loop: a plan may serve several

    async def limited(value: Any) -> Any:
        loop = id(asyncio.get_running_loop())
        gate = gates.get(loop) or gates.setdefault(loop, asyncio.Semaphore(most))
        async with gate:
            return await call(value)

    return limited


def _repeated_async(call: Async, retries: int, backoff: float) -> Async:
    async def repeated(value: Any) -> Any:
        for attempt in range(retries):
            try:
                return await call(value)
            except Exception as exc:  # the last attempt is below
                if not _worth_repeating(exc):
                    raise
                await asyncio.sleep(_pause(backoff, attempt))
        return await call(value)

    return repeated


def _pause(backoff: float, attempt: int) -> float:
    return float(min(_LONGEST_WAIT, backoff * 2**attempt))


def _worth_repeating(exc: Exception) -> bool:
    """Errors of the caller's data stay what they are, however often one tries."""
    status = getattr(exc, "status", None) or getattr(exc, "status_code", None)
    return not (isinstance(status, int) and status < 500)
