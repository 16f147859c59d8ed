"""The versions of a function that have replicas, and what became of their requests."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Deployment, Share, Version
from mlrun_like.gateway.releases.watchdog import Tally
from mlrun_like.gateway.replicas.dispatching import PoolNumbers, refusal, refuse

__all__ = ["Lane", "Lanes", "PoolFace", "PoolMaker"]

GONE = 499
"""Status of a call whose client went away: nginx's number."""
_log = logging.getLogger("mlrun_like.gateway")


class PoolFace(Protocol):
    """Replicas and queue of one version: what a pool or an application offers."""

    def submit(self, call: Call) -> None:
        """Answer a call by its reply, now or later; never raises."""

    def cancel(self, call: Call) -> None:
        """Nobody waits for it any more."""

    def bounds(self, minimum: int | None = None, maximum: int | None = None) -> None:
        """Change how few and how many replicas there may be."""

    def withdraw(self) -> list[Call]:
        """Take out the calls that no replica was given yet."""

    async def scale(self, wanted: int, why: str) -> None:
        """Have so many replicas, for now."""

    async def start_one(self) -> None:
        """Have a replica that is ready, or raise EngineError with the reason why not."""

    async def drain(self, grace: float) -> None:
        """Finish what waits and what is under way in so many seconds, then end."""

    def numbers(self) -> PoolNumbers:
        """What it is doing."""


PoolMaker = Callable[[Version, Callable[[Call], None]], PoolFace]
"""Makes the replicas of a version; the second argument is told each call that is finished."""


class Lane:
    """A version with its replicas."""

    __slots__ = ("feed", "floor", "number", "pool", "tally", "version")

    def __init__(self, version: Version) -> None:
        self.version = version
        self.number = version.number
        self.pool: PoolFace
        self.tally = Tally()
        self.feed: Callable[[int, float], None] | None = None
        """A watchdog that looks at its requests."""
        self.floor = -1
        """Whether it keeps `min_replicas`; -1: nobody said yet."""

    @property
    def replicas(self) -> int:
        """How many are ready or starting."""
        return self.pool.numbers().alive


class Lanes:
    """Opens and closes the replicas of versions as they are needed.

    Args:
        deployment: Whose versions.
        make_pool: Makes replicas.
        grace: Seconds that requests under way are given when replicas end.
    """

    def __init__(self, deployment: Deployment, make_pool: PoolMaker, grace: float) -> None:
        self._deployment, self._make, self._grace = deployment, make_pool, grace
        self.live: dict[int, Lane] = {}
        self._ending: dict[asyncio.Task[None], Lane] = {}

    def open(self, number: int) -> Lane:
        """The replicas of a version; there may be none yet, the first request wakes one."""
        if (lane := self.live.get(number)) is None:
            lane = Lane(self._deployment.versions[number])
            lane.pool = self._make(lane.version, self.finished)
            self.live[number] = lane
        return lane

    def finished(self, call: Call) -> None:
        """Count a call; copies and smoke requests have no version."""
        lane = self.live.get(call.version)
        if lane is None or not call.status or call.status == GONE:
            return
        took = time.monotonic() - call.received
        lane.tally.add(call.status, took)
        if lane.feed is not None:
            lane.feed(call.status, took)

    async def prepare(self, shares: Iterable[Share]) -> None:
        """Give versions as many replicas as their part of the traffic will need at once."""
        ready = sum(lane.replicas for lane in self.live.values())
        for share in shares:
            lane = self.open(share.version)
            self._set_floor(lane, True)
            wanted = min(math.ceil(ready * share.weight / 100), self.bounds(lane)[1])
            if wanted > lane.replicas:
                await lane.pool.scale(wanted, "before traffic moves")

    def bounds(self, lane: Lane) -> tuple[int, int]:
        """The least and the largest number of replicas; numbers set by hand win."""
        options, by_hand = lane.version.options, self._deployment.replicas
        least = by_hand.get("min", options.min_replicas)
        most = by_hand.get("max", options.max_replicas)
        return min(least, most), most

    def tidy(self, needed: Mapping[int, bool]) -> None:
        """End the versions that nobody needs.

        Args:
            needed: The others; False: it may end when it is idle.
        """
        for lane in list(self.live.values()):
            if lane.number in needed:
                self._set_floor(lane, needed[lane.number])
            else:
                self.drop(lane.number)

    def drop(self, number: int) -> None:
        """End the replicas of a version."""
        if (lane := self.live.pop(number, None)) is not None:
            self._end(lane)

    def refresh(self) -> None:
        """Numbers of replicas were changed by hand."""
        for lane in self.live.values():
            floor, lane.floor = lane.floor, -1
            self._set_floor(lane, floor != 0)

    def _set_floor(self, lane: Lane, floor: bool) -> None:
        if lane.floor != int(floor):
            lane.floor = int(floor)
            least, most = self.bounds(lane)
            lane.pool.bounds(least if floor else 0, most)

    def cancel(self, call: Call) -> None:
        """Nobody waits for a call any more."""
        if (lane := self.live.get(call.version)) is not None:
            lane.pool.cancel(call)
        for ending in self._ending.values():
            if ending.number == call.version:
                ending.pool.cancel(call)

    def _end(self, lane: Lane) -> None:
        task = asyncio.get_running_loop().create_task(self._drain(lane))
        self._ending[task] = lane
        task.add_done_callback(self._ending.pop)

    async def _drain(self, lane: Lane) -> None:
        try:
            await lane.pool.drain(self._grace)
        except Exception:  # noqa: BLE001 - a pool that cannot end hinders no rollout
            _log.exception("version %d did not end well", lane.number)

    def move_waiting(self, number: int, submit: Callable[[Call], None]) -> int:
        """Give what waits for a version to others; how many calls that were."""
        lane = self.live.get(number)
        calls = lane.pool.withdraw() if lane is not None else []
        for call in calls:
            if call.version == number:
                submit(call)
            else:  # a copy, or a smoke request: nobody else shall answer it
                refuse(call, 503, refusal("this version gets no more requests", "stopped"))
        return len(calls)

    async def close(self, grace: float) -> None:
        """End all."""
        lanes = list(self.live.values())
        self.live.clear()
        self._grace = grace
        for lane in lanes:
            self._end(lane)
        while self._ending:
            await asyncio.wait(self._ending)
