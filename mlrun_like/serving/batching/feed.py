"""Feeds streams from generators: which rows each one gets, its ticks, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from mlrun_like.errors import ConflictError, OverloadedError
from mlrun_like.serving.batching.calls import Failure, failure_of, results_of, twin
from mlrun_like.serving.batching.options import BatchOptions
from mlrun_like.serving.batching.queue import BatchNumbers
from mlrun_like.serving.batching.reader import (
    END,
    MOST_UNREAD,
    OVER,
    SKIP,
    Reader,
    Source,
    advance,
    advance_async,
)
from mlrun_like.serving.batching.times import CallTimes

__all__ = ["Feed", "Model"]

_LONGEST_STALL = 1.0  # seconds that a batch waits for a reader that is so far behind
_SMOOTH = 0.2  # weight of the newest stream's duration


class Model:
    """A generator function with its limits and measurements, shared by all event loops."""

    def __init__(self, call: Callable[[Any], Any], options: BatchOptions, name: str) -> None:
        self.call = call
        self.options = options
        self.name = name
        self.numbers = BatchNumbers(options.max_rows)
        self.times = CallTimes()
        self.seconds = 0.0
        """How long a stream takes, on average."""
        self._pool: ThreadPoolExecutor | None = None

    def pool(self) -> ThreadPoolExecutor:
        """The one thread for plain generators whose ticks are long."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix=f"batch-{self.name}")
        return self._pool

    def close(self) -> None:
        """End the thread; a running tick is not waited for."""
        if self._pool is not None:
            self._pool.shutdown(wait=False)


class Feed:
    """The streams of one event loop.

    Args:
        model: What feeds them.
        loop: The event loop.
    """

    def __init__(self, model: Model, loop: asyncio.AbstractEventLoop) -> None:
        self.model = model
        self.loop = loop
        self.waiting: deque[Reader] = deque()
        self.active = 0
        self._scheduled = False
        self._tasks: set[asyncio.Task[None]] = set()

    def join(self, reader: Reader) -> None:
        """Let a reader wait for its place."""
        self.waiting.append(reader)
        self._schedule()

    def leave(self, reader: Reader) -> None:
        """The reader has gone: its place is free; without readers, the generator is closed."""
        source = reader.source
        if source is None:
            with contextlib.suppress(ValueError):
                self.waiting.remove(reader)
            return
        self._end(reader)
        source.room.set()
        if source.task is not None and not any(other.open for other in source.readers):
            source.task.cancel()

    def close(self) -> None:
        """Close the generators; those who wait get an error."""
        while self.waiting:
            reader = self.waiting.popleft()
            reader.error = ConflictError(f"the batched call of {self.model.name!r} was closed")
            reader.open = False
            reader.wake()
        for task in self._tasks:
            task.cancel()

    # Places ----------------------------------------------------------------------------------

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self.loop.call_soon(self._turn)

    def _turn(self) -> None:
        """Start generators for those who wait, as far as there are places."""
        self._scheduled = False
        most = self.model.options.max_rows
        while self.waiting and self.active < most:
            free = most - self.active
            key = self.waiting[0].key
            readers: list[Reader] = []
            others: deque[Reader] = deque()
            while self.waiting and len(readers) < free:
                reader = self.waiting.popleft()
                (readers if reader.key == key else others).append(reader)
            self.waiting.extendleft(reversed(others))
            now = time.perf_counter()
            for reader in readers:
                reader.started = now
                reader.size = len(readers)
                self.model.numbers.started(now - reader.arrived)
            self.active += len(readers)
            self.model.numbers.batch(len(readers))
            self._start(readers)

    def _start(self, readers: list[Reader]) -> None:
        # for its whole life: generators may keep things that belong to their thread
        source = Source(readers, self.model.times.in_thread(len(readers)))
        for reader in readers:
            reader.source = source
        source.task = self.loop.create_task(self._drive(source))
        self._tasks.add(source.task)
        source.task.add_done_callback(self._tasks.discard)

    def _end(self, reader: Reader, error: Exception | None = None) -> None:
        if not reader.open:
            return
        reader.open = False
        reader.error = error
        model = self.model
        if error is not None:
            model.numbers.failed += 1
        else:
            seconds = time.perf_counter() - reader.started
            model.seconds += (_SMOOTH if model.seconds else 1.0) * (seconds - model.seconds)
        self.active -= 1
        reader.wake()
        if self.waiting:
            self._schedule()

    # Ticks -----------------------------------------------------------------------------------

    async def _drive(self, source: Source) -> None:
        """Feed the readers until the generator or all streams end."""
        readers = source.readers
        failure: Failure | None = None
        first = True
        try:
            while any(reader.open for reader in readers):
                try:
                    tick = await self._tick(source, first)
                except Exception as exc:  # noqa: BLE001  the boundary to users' code
                    failure = failure_of(exc, self.model.name)
                    break
                if tick is OVER:
                    break
                values = results_of(tick, len(readers), self.model.name)
                if isinstance(values, Failure):
                    failure = values
                    break
                first = False
                self._distribute(readers, values)
                if not source.threaded:
                    await asyncio.sleep(0)  # readers and others come before the next tick
                if any(len(reader.values) >= MOST_UNREAD for reader in readers):
                    await self._wait_for_readers(source)
        except asyncio.CancelledError:
            failure = Failure(ConflictError(f"the batched call of {self.model.name!r} was closed"))
        finally:
            await self._close_generator(source)
            self._finish(readers, failure, first)

    def _finish(self, readers: list[Reader], failure: Failure | None, first: bool) -> None:
        left = [reader for reader in readers if reader.open]
        isolate = self.model.options.isolate and first and len(left) > 1
        if failure is not None and isolate and failure.divisible:
            middle = len(left) // 2
            self.model.numbers.repeated += 2
            self._start(left[:middle])
            self._start(left[middle:])
            return
        for number, reader in enumerate(left):
            error = failure.error if failure is not None else None
            self._end(reader, twin(error) if error is not None and number else error)

    async def _tick(self, source: Source, first: bool) -> Any:
        """The generator's next list, or that it is over."""
        model = self.model
        begin = time.perf_counter()
        if first:
            source.generator = model.call([reader.row for reader in source.readers])
        sent = None if first else source.wanted()
        generator = source.generator
        if hasattr(generator, "__anext__"):
            tick = await advance_async(generator, sent)
        elif source.threaded:
            tick = await self.loop.run_in_executor(model.pool(), advance, generator, sent)
        else:
            tick = advance(generator, sent)
        if tick is not OVER:
            model.times.record(len(source.readers), time.perf_counter() - begin)
        return tick

    def _distribute(self, readers: list[Reader], values: list[Any]) -> None:
        for reader, value in zip(readers, values, strict=True):
            if not reader.open or value is SKIP:
                continue
            if value is None or value is END:
                self._end(reader)
            elif isinstance(value, BaseException):
                self._end(reader, failure_of(value, self.model.name).error)
            else:
                reader.values.append(value)
                reader.wake()

    async def _wait_for_readers(self, source: Source) -> None:
        """Let readers that are far behind catch up; those that do not lose their stream."""
        limit = time.monotonic() + _LONGEST_STALL
        while True:
            behind = [r for r in source.readers if r.open and len(r.values) >= MOST_UNREAD]
            left = limit - time.monotonic()
            if not behind or left <= 0:
                break
            source.room.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(source.room.wait(), left)
        for reader in behind:
            reader.values.clear()
            self._end(
                reader,
                OverloadedError(
                    f"the reader of a stream of {self.model.name!r} was {MOST_UNREAD} values "
                    f"behind for {_LONGEST_STALL:g} s",
                    fix="read faster, or let the step yield fewer, larger values",
                ),
            )

    async def _close_generator(self, source: Source) -> None:
        generator = source.generator
        with contextlib.suppress(Exception):  # the readers are gone: nobody could be told
            if hasattr(generator, "aclose"):
                await generator.aclose()
            elif hasattr(generator, "close"):
                if source.threaded:  # a cancelled tick may still run there
                    self.model.pool().submit(generator.close)
                else:
                    generator.close()
