"""The replicas of one version: how many there shall be, their starts, crashes and ends."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import time
from collections import deque

from mlrun_like.errors import EngineError, MLRunLikeError
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Options, Version
from mlrun_like.gateway.replicas.dispatching import Backoff
from mlrun_like.gateway.replicas.orders import Nurse, Order
from mlrun_like.gateway.replicas.workers import DRAINING, Worker

__all__ = ["Replicas"]

_SETTLED = 10.0
"""Seconds after which a replica that did nothing counts as one that works."""
_LEAVE = 30.0
"""Seconds that a replica without requests has to end."""
_SWEEP = 0.1
_now = time.monotonic


class Replicas:
    """The processes of one version.

    Args:
        key: `<project>/<name>` of the function.
        version: What they run.
        nursery: Who starts them.
        log: Where starts, ends and crashes are told.
    """

    def __init__(self, key: str, version: Version, nursery: Nurse, log: logging.Logger) -> None:
        self.key, self.version, self.options = key, version, version.options
        self.minimum = self.options.min_replicas
        self.maximum = max(1, self.options.max_replicas, self.minimum)
        self.wanted = 0
        self.why = ""
        """Why so many are wanted."""
        self.workers: list[Worker] = []
        """Those that take requests, or will."""
        self.leaving: list[Worker] = []
        """Those that finish what they have."""
        self.backoff = Backoff()
        self.last_error = ""
        self.started = self.restarts = 0
        self.cold_start = 0.0
        self.cold_starts: deque[dict[str, float]] = deque(maxlen=100)
        self.closed = False
        self._limits: Options | None = None
        self._nursery, self._log = nursery, log
        self._spawning: dict[asyncio.Task[None], int] = {}
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    # for those who decide

    def bounds(self, minimum: int | None = None, maximum: int | None = None) -> None:
        """Change how few and how many there may be; they follow at once."""
        if minimum is not None:
            self.minimum = max(0, minimum)
        if maximum is not None:
            self.maximum = max(1, maximum)
        self.maximum = max(self.maximum, self.minimum)
        self._limits = None
        self.resize(max(self.minimum, min(self.wanted, self.maximum)), "the bounds were changed")

    def limits(self) -> Options:
        """The version's options with the bounds that hold now."""
        if self._limits is None:
            self._limits = dataclasses.replace(
                self.options, min_replicas=self.minimum, max_replicas=self.maximum
            )
        return self._limits

    async def scale(self, wanted: int, why: str) -> None:
        """Have so many replicas soon: further ones are started, surplus ones finish and end."""
        self.resize(wanted, why)

    def resize(self, wanted: int, why: str) -> None:
        """See `scale`."""
        self.wanted, self.why = max(0, min(wanted, self.maximum)), why
        surplus = len(self.workers) - self.wanted
        if surplus > 0:
            order = sorted(self.workers, key=lambda w: (w.ready_at > 0, len(w.busy), -w.number))
            for worker in order[:surplus]:
                self.leave(worker, why)
        self.check()

    async def start_one(self) -> None:
        """Have at least one replica that is ready.

        Raises:
            EngineError: naming why it cannot start.
        """
        if any(worker.ready_at for worker in self.workers):
            return
        self.wanted = max(1, self.wanted)
        if not self.workers:
            if not self._spawning:
                self.backoff.until = 0.0
                self._start()
            await asyncio.gather(*self._spawning, return_exceptions=True)
        if not self.workers:
            raise EngineError(
                self.last_error or "no replica could be started", where=f"function {self.key}"
            )
        await self.workers[0].wait_ready()

    async def end(self, grace: float) -> None:
        """End all replicas: each finishes what it has, within `grace` seconds."""
        self.closed = True
        self.wanted = 0
        for worker in list(self.workers):
            self.leave(worker, "the version was stopped")
        for task in list(self._spawning):
            task.cancel()
        rest = [worker.closed for worker in self.leaving]
        if rest:
            await asyncio.wait(rest, timeout=grace)
        last = list(self.leaving)
        for worker in last:
            worker.kill("it did not end in time after the version was stopped")
        if last:
            await asyncio.wait([worker.closed for worker in last], timeout=5)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # what happens

    def check(self) -> None:
        """Start what is missing, unless it rests after a crash."""
        if self.closed:
            return
        least = 1 if self.demand() else 0
        wanted = max(self.minimum, self.wanted, least)
        missing = wanted - len(self.workers) - len(self._spawning)
        if missing <= 0:
            return
        self.arm()
        if self.backoff.left(_now()):
            return
        if self.backoff.failures:  # one shows whether it works again
            missing = 0 if self._spawning or any(not w.ready_at for w in self.workers) else 1
        for _ in range(missing):
            self._start()

    @property
    def spawning(self) -> int:
        """Replicas that were asked for and have no process yet."""
        return len(self._spawning)

    def demand(self) -> bool:
        """Whether something waits for a replica."""
        return False

    def feed(self) -> None:
        """There is room in a replica."""

    def left_over(self, worker: Worker, calls: list[Call], why: str) -> None:
        """A replica is gone; these it did not answer."""

    def hopeless(self, why: str) -> None:
        """No replica can be started: the function is at fault."""

    def sweep(self, now: float) -> bool:
        """Look at what became late; whether to look again."""
        again = self.closed is False and bool(self._spawning or self.leaving)
        for worker in self.leaving:
            if not worker.busy and now - worker.idle_since > _LEAVE and now - worker.left > _LEAVE:
                worker.kill(f"it did not end within {_LEAVE:g} s")
        limit = self.options.start_timeout
        for worker in self.workers:
            if not worker.ready_at:
                again = True
                if limit and now - worker.born > limit:
                    worker.kill(f"it was not ready within start_timeout, {limit:g} s")
        wanted = max(self.minimum, self.wanted, 1 if self.demand() else 0)
        if len(self.workers) + len(self._spawning) < wanted:
            again = True
            self.check()
        return again

    def arm(self) -> None:
        """Look at what is late in a moment."""
        if self._timer is None:
            self._timer = self._loop.call_later(_SWEEP, self._tick)

    def worker_ready(self, worker: Worker) -> None:
        """See Owner."""
        took = worker.ready_at - worker.born
        self.cold_start = took if not self.cold_start else self.cold_start * 0.7 + took * 0.3
        self.cold_starts.append({**worker.phases, "total": took})
        self.feed()

    def worker_done(self, worker: Worker, call: Call) -> None:
        """See Owner."""

    def worker_ended(self, worker: Worker) -> None:
        """See Owner."""
        calls = list(worker.busy.values())
        asked = worker.state_before == DRAINING
        if worker in self.workers:
            self.workers.remove(worker)
        if worker in self.leaving:
            self.leaving.remove(worker)
        now, why = _now(), worker.why
        if not worker.ready_at and not (asked or self.closed):
            self._failed(why, fault=worker.fault)
        elif not asked:
            self.restarts += 1
            self.last_error = why
            self._log.warning("%s: replica %d ended: %s", self.key, worker.number, why)
            young = not worker.served and now - worker.ready_at < _SETTLED
            if young and not worker.excused:
                self.backoff.failed(why, now)
        self.left_over(worker, calls, why)
        worker.busy = {}
        self.check()

    def _start(self) -> None:
        taken = {worker.number for worker in (*self.workers, *self.leaving)}
        taken.update(self._spawning.values())
        number = next(n for n in range(len(taken) + 1) if n not in taken)
        task = self._loop.create_task(self._spawn(number))
        self._spawning[task] = number
        self.started += 1
        self.arm()

    async def _spawn(self, number: int) -> None:
        task = asyncio.current_task()
        worker = None
        try:
            order = Order(self.key, self.version, number)
            worker = await self._nursery.spawn(order, self)
        except MLRunLikeError as exc:
            self._failed(str(exc), fault=False)
        except Exception as exc:  # noqa: BLE001  (a task's end: it would be tried without a rest)
            self._failed(f"{type(exc).__name__}: {exc}", fault=False)
        finally:
            if task is not None:
                self._spawning.pop(task, None)
        if worker is None:
            self.check()
            return
        if self.closed or len(self.workers) >= max(self.wanted, self.minimum, 1):
            self.leaving.append(worker)
            worker.drain("it is not needed any more")
            return
        self.workers.append(worker)
        self.feed()

    def _failed(self, why: str, *, fault: bool) -> None:
        rest = self.backoff.failed(why, _now(), fault=fault)
        self.last_error = why
        self._log.warning(
            "%s: a replica could not start, tried again in %g s: %s", self.key, rest, why
        )
        if fault and not self.workers and not self._spawning:
            self.hopeless(why)
        if not self.demand():  # nobody waits: it rests until somebody asks again
            self.wanted = self.minimum

    def leave(self, worker: Worker, why: str) -> None:
        """It finishes what it has and ends."""
        self.workers.remove(worker)
        self.leaving.append(worker)
        worker.left = _now()
        worker.drain(why)
        self.arm()

    def _tick(self) -> None:
        self._timer = None
        again = True
        try:
            again = self.sweep(_now())
        except Exception:  # noqa: BLE001  (or nothing would be late any more)
            self._log.exception("%s: what is late could not be looked at", self.key)
        if again:
            self.arm()
