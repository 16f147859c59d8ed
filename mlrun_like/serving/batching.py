"""Adaptive micro-batching: callers that come at the same time share one call of a model.

Batching is natural: an idle call starts at the end of the event loop's current iteration with all
rows that came in it, and while a call runs the next batch gathers. Beyond that, rows wait only
while measured call times and arrival rates say that it pays (`CallTimes.patience`). A caller that
is alone is served at once, in its own task.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading
import time
import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from mlrun_like.errors import ConflictError, OverloadedError
from mlrun_like.serving.batching_calls import Failure, Request
from mlrun_like.serving.batching_options import BATCHES, BatchInfo, BatchOptions
from mlrun_like.serving.batching_queue import Waiting
from mlrun_like.serving.batching_run import Runner

__all__ = ["Batcher", "live_batchers"]

_LONE = 8  # batches of one request in a row after which a caller counts as alone
_MOST_DIRECT = 0.005  # seconds for which a lone caller may keep the loop to itself
_FINEST_TIMER = 0.0015  # seconds; timers of event loops are not finer than a millisecond
_LIVE: weakref.WeakSet[Batcher] = weakref.WeakSet()


def live_batchers() -> list[Batcher]:
    """The batchers of this process that are in use, for metrics."""
    return list(_LIVE)


class Batcher:
    """Merges concurrent requests into calls of `call(list of rows) -> one result per row`.

    A plain call runs on the event loop while it takes about a millisecond or less, else in a
    thread of the batcher's own; an `async` one is awaited. It does not see the callers' context
    variables, since its rows belong to several. Instead of a result it may put an exception: the
    caller of that row gets it.

    Args:
        call: The function; a list (or the caller's sequence) in, a list or array out.
        options: The limits: `BatchOptions`, a mapping of them, or True for the defaults.
        name: Shown in errors and metrics.

    Attributes:
        numbers: Counts for metrics (`BatchNumbers`).
        times: Measured costs and arrival rate (`CallTimes`).

    >>> async def main():
    ...     batcher = Batcher(lambda rows: [row * 2 for row in rows])
    ...     return await asyncio.gather(batcher.submit([1]), batcher.submit([2, 3]))
    >>> asyncio.run(main())
    [[2], [4, 6]]
    """

    def __init__(
        self,
        call: Callable[[Any], Any],
        options: BatchOptions | Mapping[str, Any] | bool = True,
        *,
        name: str = "",
    ) -> None:
        self.options = BatchOptions.of(options)
        self.name = name or getattr(call, "__name__", "") or type(call).__name__
        self._runner = Runner(call, self.options, self.name)
        self.numbers = self._runner.numbers
        self.times = self._runner.times
        self._key_of = self.options.key_function()
        self._max_wait = self.options.max_wait_ms / 1e3
        self._context = contextvars.Context()
        self._lock = threading.Lock()
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._reset()
        _LIVE.add(self)

    def _reset(self) -> None:
        self._waiting = Waiting()
        self._running = 0
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._alone = 0
        self._direct_since = 0.0  # when a lone caller was served in this iteration of the loop
        self._direct_task: Any = None
        self._last_arrival = 0.0
        self._counted_from = 0.0
        self._arrivals = 0
        self.numbers.in_flight = 0

    @property
    def queue_depth(self) -> int:
        """Rows that wait for a call."""
        return self._waiting.rows

    # Callers ---------------------------------------------------------------------------------

    async def submit(self, rows: Sequence[Any]) -> list[Any]:
        """The results of these rows, in their order.

        Args:
            rows: One caller's rows; more than `max_rows` take several calls.

        Raises:
            OverloadedError: if they would wait longer than the target, or too many wait.
            ConflictError: if the batcher is closed.
            Exception: what the call raised for one of these rows.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop and not self._adopt(loop):
            owner: Any = self._loop
            there = asyncio.run_coroutine_threadsafe(self.submit(rows), owner)
            return await asyncio.wrap_future(there)
        size = len(rows)
        if self._alone >= _LONE:
            now = self._alone_now(size, loop)
            if now:
                return self._direct(rows, size, now)
        if not size:
            return []
        if self._key_of is None:
            return await self._queued(rows, size, None, loop)
        return await self._by_key(rows, self._key_of, loop)

    async def _queued(
        self, rows: Sequence[Any], size: int, key: Hashable, loop: asyncio.AbstractEventLoop
    ) -> list[Any]:
        now = time.perf_counter()
        waiting = self._waiting
        if waiting.rows >= self.options.max_rows or self._closed:
            self._admit(now)
        request = Request(rows, size, loop.create_future(), now)
        waiting.add(request, key)
        self._arrivals += size
        self._last_arrival = now
        if not self._scheduled:
            if self._running < self.options.max_in_flight:
                self._schedule(loop)
        elif self._timer is not None and waiting.next_rows() >= self.options.max_rows:
            self._timer.cancel()
            self._schedule(loop)
        try:
            found: list[Any] = await request.future
        except asyncio.CancelledError:
            waiting.leave(request)
            raise
        told = BATCHES.get()
        if told is not None:
            wait = (request.started - request.arrived) * 1e3
            told.append(BatchInfo(self.name, request.batch_size, wait))
        return found

    async def _by_key(
        self,
        rows: Sequence[Any],
        key_of: Callable[[Any], Hashable],
        loop: asyncio.AbstractEventLoop,
    ) -> list[Any]:
        places: dict[Hashable, list[int]] = {}
        for place, row in enumerate(rows):
            places.setdefault(key_of(row), []).append(place)
        if len(places) == 1:
            return await self._queued(rows, len(rows), next(iter(places)), loop)
        parts = await asyncio.gather(
            *[
                self._queued([rows[place] for place in held], len(held), key, loop)
                for key, held in places.items()
            ]
        )
        results: list[Any] = [None] * len(rows)
        for held, part in zip(places.values(), parts, strict=True):
            for place, result in zip(held, part, strict=True):
                results[place] = result
        return results

    def _alone_now(self, size: int, loop: asyncio.AbstractEventLoop) -> float:
        """The time if the caller's own task may do the call at once, because it is alone; else 0.

        A call in this iteration of the loop is remembered, so that a second caller is noticed.
        """
        if self._running or self._waiting.rows or self._closed or not self._runner.lone(size):
            return 0.0
        now = time.perf_counter()
        task = asyncio.current_task()
        if self._direct_task is None:
            self._direct_task = task
            self._direct_since = now
            loop.call_soon(self._end_direct)
        elif task is not self._direct_task:
            self._alone = 0
            return 0.0
        elif now - self._direct_since > _MOST_DIRECT:
            return 0.0
        return now

    def _end_direct(self) -> None:
        self._direct_task = None

    def _direct(self, rows: Sequence[Any], size: int, now: float) -> list[Any]:
        found = self._context.run(self._runner.alone, rows, size, now)
        told = BATCHES.get()
        if told is not None:
            told.append(BatchInfo(self.name, size, 0.0))
        if type(found) is Failure:
            raise found.error
        return found

    def _admit(self, now: float) -> None:
        if self._closed:
            raise ConflictError(f"the batched call of {self.name!r} is closed")
        options = self.options
        ahead = self._waiting.rows
        target = options.target_queue_ms / 1e3
        calls = ahead / options.max_rows / options.max_in_flight
        delay = max(calls * self.times.expected(options.max_rows), now - self._waiting.oldest())
        if delay <= target and ahead < options.max_queue_rows:
            return
        self.numbers.rejected += 1
        raise OverloadedError(
            f"{ahead} rows wait for {self.name!r}, a new one would wait about {delay:.1f} s",
            where=f"step {self.name!r}",
            fix="try again later, or serve it with more workers; its limits are target_queue_ms="
            f"{options.target_queue_ms:g} and max_queue_rows={options.max_queue_rows}",
            retry_after=max(1.0, math.ceil(delay - target)),
        )

    # Batches ---------------------------------------------------------------------------------

    def _schedule(self, loop: asyncio.AbstractEventLoop, wait: float = 0.0) -> None:
        self._scheduled = True
        if wait > _FINEST_TIMER:
            self._timer = loop.call_later(wait, self._turn, context=self._context)
        else:
            self._timer = None
            loop.call_soon(self._turn, context=self._context)

    def _turn(self) -> None:
        """Start the next batch, or look again soon if waiting for more rows pays."""
        loop = self._loop
        self._scheduled = False
        self._timer = None
        waiting = self._waiting
        options = self.options
        while waiting.rows and self._running < options.max_in_flight and loop is not None:
            now = time.perf_counter()
            rows = waiting.next_rows()
            if rows < options.max_rows:
                longest = self.times.patience(rows)
                if longest:
                    wait = min(
                        longest - (now - self._last_arrival),
                        self._max_wait - (now - waiting.oldest()),
                    )
                    if wait > 0.0:
                        self._schedule(loop, wait)
                        return
            self.times.arrived(self._arrivals, now - self._counted_from)
            self._arrivals = 0
            self._counted_from = now
            parts = waiting.take(options.max_rows)
            if not parts:
                return
            self._alone = self._alone + 1 if len(parts) == 1 and not waiting.rows else 0
            self._running += 1
            if not self._runner.start(parts, loop, self._done):
                return

    def _done(self) -> None:
        self._running -= 1
        if self._waiting.rows and not self._scheduled and self._loop is not None:
            self._schedule(self._loop)

    # Life ------------------------------------------------------------------------------------

    def _adopt(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Belong to this loop from now on, unless another one that runs has us already."""
        with self._lock:
            if self._loop is not None and self._loop is not loop and self._loop.is_running():
                return False
            if self._loop is not loop:
                self._loop = loop
                self._reset()
            return True

    def close(self) -> None:
        """Refuse new rows, give an error to those that wait, and end the threads."""
        self._closed = True
        _LIVE.discard(self)
        loop = self._loop
        if loop is not None and loop.is_running():
            loop.call_soon_threadsafe(self._refuse_waiting)
        self._runner.close()

    def _refuse_waiting(self) -> None:
        for request in self._waiting.clear():
            if not request.future.done():
                error = ConflictError(f"the batched call of {self.name!r} was closed")
                request.future.set_exception(error)
