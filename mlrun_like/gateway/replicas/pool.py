"""The replicas and the queue of one version: each request goes to the replica that has least.

On the way of a request there are no tasks, futures or timers. One timer for all, and only while
there is something to watch, looks each 0.1 s at what became late.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable

from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Version
from mlrun_like.gateway.replicas.dispatching import (
    MOST_TRIES,
    Delays,
    PoolNumbers,
    refusal,
    refuse,
    retryable,
)
from mlrun_like.gateway.replicas.lateness import overdue
from mlrun_like.gateway.replicas.numbering import numbers_of
from mlrun_like.gateway.replicas.orders import Nurse
from mlrun_like.gateway.replicas.replicas import Replicas
from mlrun_like.gateway.replicas.workers import Worker

__all__ = ["Pool"]

_AHEAD, _FAR_AHEAD = 4, 16
_QUICK, _VERY_QUICK, _STEADY = 0.002, 0.00025, 0.02
"""Requests are sent ahead if the mean takes less than the first, many if less than the second, and
none if one of late took more than the third: they must not wait behind a slow one while another
replica is free."""
_QUEUED_BYTES = 1 << 29
"""Bytes of bodies that may wait: a queue of large requests is full before it fills the memory."""
_GONE = 499  # the client closed the request: nginx's number for its log
_now = time.monotonic


class Pool(Replicas):
    """One version of a function at work.

    Args:
        key: `<project>/<name>` of the function.
        version: What runs.
        nursery: Who starts replicas.
        on_finished: Called once for each request that is over, with its `status`; 499: its client
            went away.
        log: Where starts, ends and crashes are told.
    """

    def __init__(
        self,
        key: str,
        version: Version,
        nursery: Nurse,
        on_finished: Callable[[Call], None],
        log: logging.Logger,
    ) -> None:
        super().__init__(key, version, nursery, log)
        self.queue: deque[Call] = deque()
        self.service = self.peak = 0.0
        self.served = self.refused = self.timeouts = self.retried = 0
        self.last_call = _now()
        self.delays = Delays()
        self.finished = on_finished
        self._bytes = 0
        self._depth = 1
        self._recycle = self.options.max_requests

    def submit(self, call: Call) -> None:
        """Answer it, sooner or later; never raises."""
        self.last_call = now = _now()
        if not self.queue:
            worker = self._free()
            if worker is not None:
                self._give(worker, call, now)
                return
        if self.closed:
            self.refuse(call, 503, "this version was stopped", "stopped", 1.0)
            return
        if self.backoff.fault and not self.workers and not self._spawning:
            left = self.backoff.left(now)
            if left:
                self.refuse_broken(call, left)
                return
        size = len(call.body)
        if len(self.queue) >= self.options.queue or (
            self._bytes and self._bytes + size > _QUEUED_BYTES
        ):
            rest = len(self.queue) * (self.service or 0.1) / max(1, len(self.workers))
            text = f"{len(self.queue)} requests wait for this function already"
            self.refuse(call, 429, text, "queue_full", min(60.0, rest or 1.0))
            return
        self.queue.append(call)
        self._bytes += size
        if self._timer is None:
            self.arm()
        if not self.workers and not self._spawning:
            self.wanted = max(1, self.wanted)
            self.check()

    def cancel(self, call: Call) -> None:
        """Its client went away."""
        if call.finished:
            return
        if call.worker is not None:
            call.worker.cancel(call)
        else:
            try:
                self.queue.remove(call)
            except ValueError:
                return
            self._bytes -= len(call.body)
        call.cancelled = call.finished = True
        call.status = _GONE
        self.finished(call)

    def withdraw(self) -> list[Call]:
        """Take out the requests that no replica was given: another version answers them."""
        calls = list(self.queue)
        self.queue.clear()
        self._bytes = 0
        return calls

    async def drain(self, grace: float) -> None:
        """Finish what waits and what is under way, within `grace` seconds; then end all replicas.

        Nothing may be submitted any more; what is, is refused.
        """
        until = _now() + grace
        while (self.queue or any(w.busy for w in (*self.workers, *self.leaving))) and (
            _now() < until
        ):
            await asyncio.sleep(0.02)
        await self.end(max(0.0, until - _now()))
        while self.queue:
            self.refuse(self._pop(), 503, "this version was stopped", "stopped", 1.0)

    def numbers(self) -> PoolNumbers:
        """How it does."""
        return numbers_of(self)

    def demand(self) -> bool:
        """See Replicas."""
        return bool(self.queue)

    def feed(self) -> None:
        """See Replicas."""
        queue = self.queue
        while queue:
            worker = self._free()
            if worker is None:
                return
            self._give(worker, self._pop(), _now())

    def worker_ready(self, worker: Worker) -> None:
        """See Owner."""
        self._set_room(worker)
        super().worker_ready(worker)

    def worker_done(self, worker: Worker, call: Call) -> None:
        """See Owner."""
        took = worker.took
        service = self.service
        self.service = service = service + (took - service) * 0.05 if service else took
        peak = self.peak * 0.99
        self.peak = peak = took if took > peak else peak
        if service >= _QUICK or peak >= _STEADY:
            depth = 1
        else:
            depth = _FAR_AHEAD if service < _VERY_QUICK else _AHEAD
        if depth != self._depth:
            self._depth = depth
            for other in self.workers:
                self._set_room(other)
        self.served += 1
        if self.backoff.failures:
            self.backoff.worked()
        if not call.cancelled:
            call.finished = True
            self.finished(call)
        if self._recycle:
            self._set_room(worker)
        if self.queue:
            self.feed()

    def left_over(self, worker: Worker, calls: list[Call], why: str) -> None:
        """See Replicas."""
        again = []
        for call in calls:
            begun = worker.begun(call)
            if call.cancelled or call.finished:
                continue
            if not begun and worker.ready_at:
                call.attempts -= 1
            may = not begun and not call.started and call.attempts < MOST_TRIES
            if may or retryable(call):
                again.append(call)
                continue
            text = f"the worker of this request ended: {why}"
            call.worker = None
            refuse(call, 502, refusal(text, "worker_lost"))
            self.finished(call)
        for call in reversed(again):
            self.retried += 1
            call.worker, call.sent, call.deadline = None, 0.0, 0.0
            self.queue.appendleft(call)
            self._bytes += len(call.body)
        if again:
            self.arm()
            if self.backoff.fault and not self.workers and not self._spawning:
                self.hopeless(why)
            else:
                self.feed()

    def hopeless(self, why: str) -> None:
        """See Replicas."""
        left = self.backoff.left(_now())
        while self.queue:
            self.refuse_broken(self._pop(), left)

    def sweep(self, now: float) -> bool:
        """See Replicas."""
        again = super().sweep(now)
        limit = self.options.queue_timeout
        queue = self.queue
        while limit and queue and now - queue[0].received > limit:
            self.refuse_late(self._pop(), limit)
        for worker in (*self.workers, *self.leaving):
            if worker.busy:
                again = True
                overdue(self, worker, now)
        return again or bool(queue)

    def _free(self) -> Worker | None:
        best, least = None, 1 << 30
        starting = None
        for worker in self.workers:
            load = len(worker.busy)
            if load >= worker.room:
                continue
            if not worker.ready_at:
                starting = starting or worker
            elif load < least:
                if not load:
                    return worker
                best, least = worker, load
        if best is None and starting is not None and not any(w.ready_at for w in self.workers):
            return starting
        return best

    def _give(self, worker: Worker, call: Call, now: float) -> None:
        call.attempts += 1
        self.delays.add((now, now - call.received))
        worker.send(call)
        if self._timer is None:
            self.arm()

    def _pop(self) -> Call:
        call = self.queue.popleft()
        self._bytes -= len(call.body)
        return call

    def _set_room(self, worker: Worker) -> None:
        if not worker.open or not worker.ready_at:
            return
        room = worker.slots if worker.slots > 1 else self._depth
        if self._recycle:
            left = self._recycle - worker.served
            if left <= 0:
                self.leave(worker, f"it has answered max_requests, {self._recycle}")
                self.check()
                return
            room = min(room, left)
        worker.room = room

    def refuse(self, call: Call, status: int, text: str, code: str, after: float) -> None:
        """Answer without a worker."""
        self.refused += 1
        refuse(call, status, refusal(text, code, after))
        self.finished(call)

    def refuse_late(self, call: Call, limit: float) -> None:
        """It waited too long."""
        text = f"no replica was free within {limit:g} s"
        if self.last_error and not any(w.ready_at for w in self.workers):
            text += f"; the last one: {self.last_error}"
        call.cancelled = False
        self.refuse(call, 503, text, "queue_timeout", max(1.0, self.backoff.left(_now())))
        call.cancelled = True

    def refuse_broken(self, call: Call, left: float) -> None:
        """The function's code fails before the first request."""
        text = f"the function cannot start: {self.backoff.error}"
        self.refuse(call, 503, text, "cannot_start", max(1.0, left))
