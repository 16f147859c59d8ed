"""How many replicas: from how long requests wait and how long they take.

More are started when requests wait longer than `target_delay`, as many as the waiting requests
need to be done by then or in the time a replica takes to start, if that is longer. Fewer are kept
when fewer would have done for the whole of `scale_down_delay`; none after `idle_timeout`.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from mlrun_like.gateway.deployment import Options
from mlrun_like.gateway.replicas.dispatching import PoolNumbers
from mlrun_like.gateway.replicas.numbering import numbers_of
from mlrun_like.gateway.replicas.pool import Pool

__all__ = ["Autoscaler", "Decision", "History", "decide"]

_EACH, _QUIET = 0.1, 0.5
"""Seconds between two looks at a pool that works, and at one that does nothing."""
_KEPT = 50
_SAMPLES = 500  # of one pool, however long scale_down_delay is
_BUSY = 0.7
"""How busy replicas may be before one fewer is too few."""
_log = logging.getLogger("mlrun_like.gateway")


class Decision(NamedTuple):
    """So many replicas, and why."""

    wanted: int
    why: str


class _Sample(NamedTuple):
    at: float
    busy: float
    needed: int


class History:
    """What was seen of one pool lately."""

    def __init__(self) -> None:
        self.samples: deque[_Sample] = deque()
        self.begun = 0.0
        self.next = 0.0
        """When to look again if nothing happens."""

    def add(self, numbers: PoolNumbers, needed: int, now: float, keep: float) -> None:
        """Note what is seen now, and forget what is older than `keep` seconds."""
        self.begun = self.begun or now
        busy = numbers.in_flight / numbers.slots
        last = self.samples[-1] if self.samples else None
        if last is not None and now - last.at < keep / _SAMPLES:
            self.samples[-1] = _Sample(last.at, max(last.busy, busy), max(last.needed, needed))
        else:
            self.samples.append(_Sample(now, busy, needed))
        while self.samples and now - self.samples[0].at > keep:
            self.samples.popleft()

    def enough(self) -> tuple[int, float]:
        """Replicas that would have done, and how many were busy in the mean."""
        if not self.samples:
            return 0, 0.0
        mean = sum(sample.busy for sample in self.samples) / len(self.samples)
        most = max(sample.needed for sample in self.samples)
        return max(most, math.ceil(mean / _BUSY)), mean


@dataclass(frozen=True)
class _Need:
    replicas: int
    delayed: bool
    why: str


def _need(numbers: PoolNumbers, options: Options) -> _Need:
    """What the requests of this moment need."""
    have = max(1, numbers.alive)
    target = options.target_delay
    if not numbers.waiting:
        return _Need(0, False, "")
    expected = numbers.waiting * numbers.service / (have * numbers.slots)
    delay = max(expected, numbers.oldest)
    if not numbers.service:
        # nothing is known yet: each waiting request may take long
        need = math.ceil((numbers.in_flight + numbers.waiting) / numbers.slots)
        why = f"{numbers.waiting} requests wait and none was answered yet"
        return _Need(need, numbers.alive == 0 or numbers.oldest > target, why)
    horizon = max(target, numbers.cold_start, 1e-3)
    share = min(1.0, numbers.service / horizon)
    need = math.ceil((numbers.in_flight + numbers.waiting * share) / numbers.slots)
    why = (
        f"{numbers.waiting} requests wait, at {numbers.service * 1e3:.3g} ms each the last one for "
        f"about {delay * 1e3:.3g} ms; target_delay is {target * 1e3:.3g} ms"
    )
    # a replica that is ready only after they are all done is of no use
    clears = expected <= numbers.cold_start and numbers.oldest <= target
    return _Need(need, delay > target and not clears, why)


def decide(numbers: PoolNumbers, options: Options, now: float, history: History) -> Decision:
    """How many replicas there shall be.

    Args:
        numbers: How the pool does now.
        options: Its limits; `min_replicas` and `max_replicas` are those that hold.
        now: By `time.monotonic()`.
        history: What was seen before; what is seen now is added.

    >>> busy = PoolNumbers(in_flight=1, waiting=40, queued=40, oldest=0.2, service=0.05, ready=1)
    >>> decide(busy, Options(max_replicas=8), 100.0, History()).wanted
    8
    """
    have = numbers.alive
    least, most = options.min_replicas, max(1, options.max_replicas, options.min_replicas)
    need = _need(numbers, options)
    history.add(numbers, need.replicas if need.delayed else 0, now, options.scale_down_delay)
    if need.delayed and need.replicas > have:
        wanted = min(most, max(need.replicas, least))
        if wanted > have:
            bound = f" (max_replicas; {need.replicas} would do)" if need.replicas > most else ""
            return Decision(wanted, f"{have} -> {wanted}{bound}: {need.why}")
        return Decision(have, f"{have}, all that max_replicas allows: {need.why}")
    if have < least:
        return Decision(least, f"{have} -> {least}: min_replicas is {least}")
    if have > most:
        return Decision(most, f"{have} -> {most}: max_replicas is {most}")
    if not have:
        return Decision(0, "0: nothing waits")
    quiet = numbers.in_flight == numbers.waiting == 0
    if quiet and options.idle_timeout and numbers.idle >= options.idle_timeout:
        if have > least:
            why = (
                f"nothing came for {numbers.idle:.3g} s; idle_timeout is {options.idle_timeout:g} s"
            )
            return Decision(least, f"{have} -> {least}: {why}")
        return Decision(have, f"{have}: min_replicas is {least}")
    enough, mean = history.enough()
    fewer = max(least, 1, enough)
    if fewer < have and now - history.begun >= options.scale_down_delay:
        why = (
            f"in the last {options.scale_down_delay:g} s (scale_down_delay) {mean:.2g} replicas "
            f"were busy in the mean; {fewer} would have done"
        )
        return Decision(fewer, f"{have} -> {fewer}: {why}")
    return Decision(have, f"{have}: {numbers.in_flight} requests under way, {numbers.waiting} wait")


class Autoscaler:
    """Decides for each pool, every 0.1 s.

    Args:
        pools: Whose replicas are scaled; others come by `add`.
    """

    def __init__(self, pools: Iterable[Pool] = ()) -> None:
        self._histories: dict[Pool, History] = {}
        self._decisions: dict[Pool, deque[dict[str, Any]]] = {}
        self._task: asyncio.Task[None] | None = None
        for pool in pools:
            self.add(pool)

    def add(self, pool: Pool) -> None:
        """Scale this one too."""
        if pool not in self._histories:
            self._histories[pool] = History()
            self._decisions[pool] = deque(maxlen=_KEPT)

    def remove(self, pool: Pool) -> None:
        """Leave this one as it is."""
        self._histories.pop(pool, None)
        self._decisions.pop(pool, None)

    def start(self) -> None:
        """Begin; on the gateway's loop."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop deciding."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    def decisions(self, pool: Pool) -> list[dict[str, Any]]:
        """The last 50 changes, the youngest last: `time`, `from`, `to`, `why`."""
        return list(self._decisions.get(pool, ()))

    def look(self, now: float) -> None:
        """Decide once for all."""
        for pool, history in list(self._histories.items()):
            try:
                self._look_at(pool, history, now)
            except Exception:  # noqa: BLE001  (one function must not stop the others)
                _log.exception("%s: the autoscaler failed", pool.key)

    def _look_at(self, pool: Pool, history: History, now: float) -> None:
        # most functions sleep most of the time
        if pool.closed or not (pool.workers or pool.queue or pool.minimum):
            history.begun = 0.0
            return
        if now < history.next and not pool.queue and not any(w.busy for w in pool.workers):
            return
        history.next = now + _QUIET
        numbers = numbers_of(pool, detail=False)
        decision = decide(numbers, pool.limits(), now, history)
        have = numbers.alive
        if decision.wanted == have or (decision.wanted > have and numbers.backoff):
            return
        history.begun = now
        row = {"time": time.time(), "from": have, "to": decision.wanted, "why": decision.why}
        self._decisions[pool].append(row)
        _log.info("%s: %s", pool.key, decision.why)
        pool.resize(decision.wanted, decision.why)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EACH)
            self.look(time.monotonic())
