"""Which event comes next: order within lanes, batches, and what is to be tried later.

Events of one lane are worked on one after the other: a lane whose event failed waits until that is
to be tried again, while the others go on.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections import deque
from collections.abc import Sequence, Set

from mlrun_like.gateway.triggers.event import Event

__all__ = ["Lanes"]

_PER_WORKER = 16
"""Lanes for keys: many keys share few lanes, so that they cost nothing."""


class _Lane:
    __slots__ = ("busy", "events", "not_before", "oldest")

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self.busy = False
        self.not_before = self.oldest = 0.0


class Lanes:
    """Events that wait for a worker.

    Args:
        order: `shard`, `key` or `none`.
        workers: How many take from it.
        size: Events in a batch; 0 or 1: one at a time.
        timeout: Seconds that an incomplete batch waits for further events.

    >>> lanes = Lanes("none", 1)
    >>> lanes.put([Event(b"a"), Event(b"b")])
    >>> [event.body for event in lanes.take() or ()]
    [b'a']
    """

    def __init__(self, order: str, workers: int, size: int = 0, timeout: float = 0.0) -> None:
        self._order, self._size, self._timeout = order, max(1, size), timeout
        self._count = workers if self._size > 1 else workers * _PER_WORKER
        self._lanes: dict[object, _Lane] = {}
        self._turn: deque[object] = deque()
        self._closed = False
        self._changed = threading.Condition()
        self.waiting = 0
        """Events that no worker has."""

    def _place(self, event: Event) -> object:
        if self._order == "shard":
            return (event.topic, event.shard)
        if self._order == "key" and event.key:
            return zlib.crc32(f"{event.topic}\0{event.key}".encode()) % self._count
        return None

    def put(self, events: Sequence[Event]) -> None:
        """Add events, in order."""
        with self._changed:
            for event in events:
                event.lane = self._place(event)
                lane = self._lane(event.lane)
                if not lane.events:
                    lane.oldest = time.monotonic()
                lane.events.append(event)
                self.waiting += 1
            self._changed.notify_all()

    def _lane(self, place: object) -> _Lane:
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = _Lane()
            self._turn.append(place)
        return lane

    def take(self) -> list[Event] | None:
        """The next event, or batch of one lane; blocks. None: closed."""
        with self._changed:
            while not self._closed:
                found, wait = self._next()
                if found:
                    self.waiting -= len(found)
                    return found
                self._changed.wait(wait)
            return None

    def _next(self) -> tuple[list[Event], float]:
        """What is ready, and otherwise seconds until something may be."""
        now, soonest = time.monotonic(), 60.0
        for _ in range(len(self._turn)):
            place = self._turn[0]
            self._turn.rotate(-1)
            lane = self._lanes[place]
            if not lane.events or lane.busy:
                continue
            due = lane.not_before
            first = lane.events[0]
            if self._size > 1 and len(lane.events) < self._size and not first.alone:
                due = max(due, lane.oldest + self._timeout)
            if due > now:
                soonest = min(soonest, due - now)
                continue
            return self._cut(place, lane, now), 0.0
        return [], soonest

    def _cut(self, place: object, lane: _Lane, now: float) -> list[Event]:
        found = [lane.events.popleft()]
        while (
            not found[0].alone
            and len(found) < self._size
            and lane.events
            and not lane.events[0].alone
        ):
            found.append(lane.events.popleft())
        lane.oldest = now
        lane.busy = place is not None
        return found

    def done(self, events: Sequence[Event]) -> None:
        """What `take` gave is worked on, or goes another way."""
        self.again(events, (), 0.0)

    def again(self, events: Sequence[Event], failed: Sequence[Event], delay: float) -> None:
        """Some of what `take` gave is to be tried again.

        Args:
            events: All of it.
            failed: What is to be tried again, in order.
            delay: After so many seconds.
        """
        with self._changed:
            due = time.monotonic() + delay
            place = events[0].lane
            if place is None:  # nothing waits behind these: each by itself until it is done
                for event in failed:
                    event.lane = ("again", event.id)
                    lane = self._lane(event.lane)
                    lane.events.append(event)
                    lane.not_before = due
            else:
                lane = self._lane(place)
                lane.busy = False
                lane.events.extendleft(reversed(failed))
                lane.not_before = due if failed else 0.0
                if not lane.events:
                    del self._lanes[place]
                    self._turn.remove(place)
            self.waiting += len(failed)
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing more is taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def drop(self, shards: Set[tuple[str, int]]) -> int:
        """Forget what waits of these topics and shards, and say how much: it comes elsewhere."""
        count = 0
        with self._changed:
            for place, lane in list(self._lanes.items()):
                kept = deque(e for e in lane.events if (e.topic, e.shard) not in shards)
                count += len(lane.events) - len(kept)
                lane.events = kept
                if not kept and not lane.busy:
                    del self._lanes[place]
                    self._turn.remove(place)
            self.waiting -= count
        return count
