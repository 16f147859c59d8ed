"""The rows that wait for a batched call on one event loop: when a batch starts."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from mlrun_like.errors import ConflictError
from mlrun_like.serving.batching.calls import Failure, Request
from mlrun_like.serving.batching.options import BATCHES, BatchInfo, BatchOptions
from mlrun_like.serving.batching.queue import Waiting, refusal
from mlrun_like.serving.batching.run import Runner

__all__ = ["Lane"]

_LONE = 8  # batches of one request in a row after which a caller counts as alone
_MOST_DIRECT = 0.005  # seconds for which a lone caller may keep the loop to itself
_FINEST_TIMER = 0.0015  # seconds; timers of event loops are not finer than a millisecond


class Lane:
    """What a `Batcher` knows on one event loop; see there.

    Args:
        loop: The event loop.
        runner: Runs the batches.
        options: The limits.
        name: For errors.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, runner: Runner, options: BatchOptions, name: str
    ) -> None:
        self.loop = loop
        self.name = name
        self.options = options
        self.waiting = Waiting()
        self.in_flight = 0
        self._runner = runner
        self._times = runner.times
        self._key_of = options.key_function()
        self._max_wait = options.max_wait_ms / 1e3
        self._context = contextvars.Context()
        self._closed = False
        self._running = 0
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._alone = 0
        self._direct_since = 0.0  # when a lone caller was first served in this iteration
        self._direct_task: Any = None
        self._last_arrival = 0.0
        self._counted_from = 0.0
        self._arrivals = 0

    # Callers ---------------------------------------------------------------------------------

    async def submit(self, rows: Sequence[Any]) -> list[Any]:
        """The results of these rows, in their order."""
        size = len(rows)
        if self._alone >= _LONE:
            now = self._alone_now(size)
            if now:
                return self._direct(rows, size, now)
        if not size:
            return []
        if self._key_of is not None:
            return await self._by_key(rows, self._key_of)
        request = self._enqueue(rows, size, None)
        try:
            found: list[Any] = await request.future
        except asyncio.CancelledError:
            self.waiting.leave(request)
            raise
        told = BATCHES.get()
        if told is not None:
            told.append(self._info(request))
        return found

    def close(self) -> None:
        """Refuse new rows and give an error to those that wait."""
        self._closed = True
        for request in self.waiting.clear():
            if not request.future.done():
                error = ConflictError(f"the batched call of {self.name!r} was closed")
                request.future.set_exception(error)

    def _enqueue(self, rows: Sequence[Any], size: int, key: Hashable) -> Request:
        now = time.perf_counter()
        waiting = self.waiting
        if waiting.rows >= self.options.max_rows or self._closed:
            self._admit(now)
        request = Request(rows, size, self.loop.create_future(), now)
        waiting.add(request, key)
        self._arrivals += size
        self._last_arrival = now
        if not self._scheduled:
            if self._running < self.options.max_in_flight:
                self._schedule()
        elif self._timer is not None and waiting.next_rows() >= self.options.max_rows:
            self._timer.cancel()
            self._schedule()
        return request

    async def _by_key(
        self,
        rows: Sequence[Any],
        key_of: Callable[[Any], Hashable],
    ) -> list[Any]:
        places: dict[Hashable, list[int]] = {}
        for place, row in enumerate(rows):
            places.setdefault(key_of(row), []).append(place)
        requests: list[Request] = []
        results: list[Any] = [None] * len(rows)
        try:
            for key, held in places.items():
                mine = rows if len(places) == 1 else [rows[place] for place in held]
                requests.append(self._enqueue(mine, len(held), key))
            for request, held in zip(requests, places.values(), strict=True):
                for place, result in zip(held, await request.future, strict=True):
                    results[place] = result
        except BaseException:
            for request in requests:
                self.waiting.leave(request)
                if not request.future.cancel() and not request.future.cancelled():
                    request.future.exception()  # it is known that this one failed too
            raise
        told = BATCHES.get()
        if told is not None:
            told += [self._info(request) for request in requests]
        return results

    def _info(self, request: Request) -> BatchInfo:
        wait = (request.started - request.arrived) * 1e3
        return BatchInfo(self.name, request.batch_size, wait)

    def _alone_now(self, size: int) -> float:
        """The time if the caller's own task may do the call at once, because it is alone; else 0.

        A call in this iteration of the loop is remembered, so that a second caller is noticed.
        """
        if self._running or self.waiting.rows or self._closed or not self._runner.lone(size):
            return 0.0
        now = time.perf_counter()
        task = asyncio.current_task(self.loop)
        if self._direct_task is None:
            self._direct_task = task
            self._direct_since = now
            self.loop.call_soon(self._end_direct)
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
        results: list[Any] = found
        return results

    def _admit(self, now: float) -> None:
        if self._closed:
            raise ConflictError(f"the batched call of {self.name!r} is closed")
        options = self.options
        ahead = self.waiting.rows
        target = options.target_queue_ms / 1e3
        calls = ahead / options.max_rows / options.max_in_flight
        delay = max(calls * self._times.expected(options.max_rows), now - self.waiting.oldest())
        if delay <= target and ahead < options.max_queue_rows:
            return
        self._runner.numbers.rejected += 1
        raise refusal(self.name, f"{ahead} rows", delay, options)

    # Batches ---------------------------------------------------------------------------------

    def _schedule(self, wait: float = 0.0) -> None:
        self._scheduled = True
        if wait > _FINEST_TIMER:
            self._timer = self.loop.call_later(wait, self._turn, context=self._context)
        else:
            self._timer = None
            self.loop.call_soon(self._turn, context=self._context)

    def _turn(self) -> None:
        """Start the next batch, or look again soon if waiting for more rows pays."""
        self._scheduled = False
        self._timer = None
        waiting = self.waiting
        options = self.options
        while waiting.rows and self._running < options.max_in_flight:
            now = time.perf_counter()
            rows = waiting.next_rows()
            if rows < options.max_rows:
                longest = self._times.patience(rows)
                if longest:
                    wait = min(
                        longest - (now - self._last_arrival),
                        self._max_wait - (now - waiting.oldest()),
                    )
                    if wait > 0.0:
                        self._schedule(wait)
                        return
            self._times.arrived(self._arrivals, now - self._counted_from)
            self._arrivals = 0
            self._counted_from = now
            parts = waiting.take(options.max_rows)
            if not parts:
                return
            self._alone = self._alone + 1 if len(parts) == 1 and not waiting.rows else 0
            self._running += 1
            count = sum(end - begin for _, begin, end in parts)
            self.in_flight += count
            if not self._runner.start(parts, count, self.loop, self._done):
                return

    def _done(self, rows: int) -> None:
        self._running -= 1
        self.in_flight -= rows
        if self.waiting.rows and not self._scheduled:
            self._schedule()
