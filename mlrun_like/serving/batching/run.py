"""Runs batched calls: on the event loop, in a thread or awaited, as their measured time says."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mlrun_like.serving.batching.calls import (
    Failure,
    Part,
    attempts,
    deliver,
    failure_of,
    results_of,
    rows_of,
)
from mlrun_like.serving.batching.options import BatchOptions
from mlrun_like.serving.batching.queue import BatchNumbers
from mlrun_like.serving.batching.times import CallTimes

__all__ = ["Runner", "is_async"]

Done = Callable[[int], None]
Finish = Callable[[], None]


def is_async(call: Any) -> bool:
    """Whether a function, a partial of one or an object with `__call__` is awaited."""
    while isinstance(call, functools.partial):
        call = call.func
    call_method = getattr(call, "__call__", None)  # noqa: B004  an object with an async __call__
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(call_method)


class Runner:
    """Runs batches of one function and gives their callers what came of it.

    Args:
        call: The function of rows.
        options: The limits.
        name: For errors and threads.
    """

    def __init__(self, call: Callable[[Any], Any], options: BatchOptions, name: str) -> None:
        self.numbers = BatchNumbers(options.max_rows)
        self.times = CallTimes()
        self.awaited = is_async(call)
        self._call = call
        self._options = options
        self._most = options.max_rows
        self._name = name
        # several event loops may use one function
        most = options.max_in_flight
        self._turns: Any = threading.Lock() if most == 1 else threading.BoundedSemaphore(most)
        self._pool: ThreadPoolExecutor | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def start(
        self, parts: list[Part], rows: int, loop: asyncio.AbstractEventLoop, done: Done
    ) -> bool:
        """Run a batch, and call `done(rows)` on the loop after it; False if it is over already."""
        now = time.perf_counter()
        numbers = self.numbers
        for request, begin, _ in parts:
            if not begin:
                request.started = now
                numbers.started(now - request.arrived)
            if rows > request.batch_size:
                request.batch_size = rows
        numbers.batch(rows)
        finish = functools.partial(done, rows)
        if self.awaited:
            task = loop.create_task(self._awaited(parts, finish))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return True
        if self.times.in_thread(rows):
            if self._pool is None:
                self._pool = ThreadPoolExecutor(
                    self._options.max_in_flight, thread_name_prefix=f"batch-{self._name}"
                )
            self._pool.submit(self._threaded, parts, loop, finish)
            return True
        try:
            self._here(parts)
        finally:
            finish()
        return False

    def once(self, rows: Sequence[Any], count: int) -> Any:
        """The results of one plain call, or its Failure."""
        begin = time.perf_counter()
        try:
            with self._turns:
                found = self._call(rows)
        except BaseException as exc:  # noqa: BLE001  the boundary to users' code
            return failure_of(exc, self._name)
        self.times.record(count, time.perf_counter() - begin)
        return results_of(found, count, self._name)

    def lone(self, size: int) -> bool:
        """Whether so many rows may be called by `alone`."""
        return not self.awaited and 0 < size <= self._most and not self.times.in_thread(size)

    def alone(self, rows: Sequence[Any], count: int, begin: float) -> Any:
        """The results of a lone caller's rows, or its Failure; `begin` is the time now."""
        try:
            with self._turns:
                found = self._call(rows)
        except BaseException as exc:  # the boundary to users' code
            found = failure_of(exc, self._name)
            if _interrupt(found) is not None:
                raise
        else:
            self.times.glance(count, time.perf_counter() - begin)
            found = results_of(found, count, self._name)
            if type(found) is list:
                for result in found:
                    if isinstance(result, BaseException):
                        found = failure_of(result, self._name)
                        break
        self.numbers.lone(count, type(found) is Failure)
        return found

    def close(self) -> None:
        """End threads and tasks; running calls are not waited for."""
        for task in list(self._tasks):
            loop = task.get_loop()
            if loop.is_running():
                loop.call_soon_threadsafe(task.cancel)
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    def _settle(self, parts: list[Part], found: Any) -> None:
        self.numbers.failed += deliver(parts, found, self._name)

    def _attempts(self, parts: list[Part], settle: Callable[[list[Part], Any], None]) -> Any:
        return attempts(parts, settle, self._options.isolate)

    def _here(self, parts: list[Part]) -> None:
        tries = self._attempts(parts, self._settle)
        interrupt: BaseException | None = None
        with contextlib.suppress(StopIteration):
            group = next(tries)
            while True:
                rows = rows_of(group)
                found = self.once(rows, len(rows))
                if isinstance(found, Failure):
                    interrupt = interrupt or _interrupt(found)
                group = tries.send(found)
                self.numbers.repeated += 1
        if interrupt is not None:  # Ctrl-C must still end the program
            raise interrupt

    def _threaded(self, parts: list[Part], loop: asyncio.AbstractEventLoop, finish: Finish) -> None:
        ready: list[tuple[list[Part], Any]] = []

        def hand_over(last: bool) -> None:
            settled = ready[:]
            ready.clear()
            if settled or last:
                with contextlib.suppress(RuntimeError):  # the loop ended: nobody waits any more
                    loop.call_soon_threadsafe(self._settle_all, settled, finish if last else None)

        tries = self._attempts(parts, lambda group, found: ready.append((group, found)))
        with contextlib.suppress(StopIteration):
            group = next(tries)
            while True:
                rows = rows_of(group)
                found = self.once(rows, len(rows))
                group = tries.send(found)
                self.numbers.repeated += 1
                hand_over(last=False)
        hand_over(last=True)

    def _settle_all(self, settled: list[tuple[list[Part], Any]], finish: Finish | None) -> None:
        for group, found in settled:
            self._settle(group, found)
        if finish is not None:
            finish()

    async def _awaited(self, parts: list[Part], finish: Finish) -> None:
        tries = self._attempts(parts, self._settle)
        try:
            group = next(tries, None)
            while group is not None:
                rows = rows_of(group)
                found = await self._once_awaited(rows, len(rows))
                try:
                    group = tries.send(found)
                except StopIteration:
                    break
                self.numbers.repeated += 1
        finally:
            finish()

    async def _once_awaited(self, rows: Sequence[Any], count: int) -> Any:
        begin = time.perf_counter()
        try:
            found = await self._call(rows)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as exc:  # noqa: BLE001  a cancelled call is an error to its callers
            return failure_of(exc, self._name)
        self.times.record(count, time.perf_counter() - begin)
        return results_of(found, count, self._name)


def _interrupt(found: Failure) -> BaseException | None:
    cause = found.error.__cause__
    return cause if isinstance(cause, (KeyboardInterrupt, SystemExit)) else None
