"""One window of a state: what it adds to the newest bucket, kept ready."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Protocol

from mlrun_like.serving.steps.aggregate_values import Bucket

__all__ = ["FixedPart", "Part", "SlidingPart"]


class _Held(Protocol):
    """What a part sees of its state: the buckets before the newest one."""

    buckets: dict[int, Bucket]
    order: list[int]


class Part(Protocol):
    """A window of so many buckets.

    Attributes:
        rest: The values in the window that are not in the newest bucket.
    """

    rest: Bucket

    def advance(self, before: int | None, closed: Bucket, head: int, held: _Held) -> None:
        """Bucket `before` is complete and `head` is the newest now."""

    def add_late(self, index: int, time: float, value: float) -> None:
        """A value has gone into an earlier bucket."""

    def rebuild(self, head: int, held: _Held) -> None:
        """The buckets have changed."""


class FixedPart:
    """A window that begins at whole multiples of its length."""

    __slots__ = ("begin", "make", "rest", "size")

    def __init__(self, size: int, make: Callable[[], Bucket]) -> None:
        self.size = size
        self.make = make
        self.begin = 0
        self.rest = make()

    def advance(self, before: int | None, closed: Bucket, head: int, held: _Held) -> None:
        begin = head - head % self.size
        if before is None or begin != self.begin:
            self.begin = begin
            self.rest = self.make()
        elif closed.count:
            self.rest.merge(closed)

    def add_late(self, index: int, time: float, value: float) -> None:
        if index >= self.begin:
            self.rest.add(time, value)

    def rebuild(self, head: int, held: _Held) -> None:
        self.begin = head - head % self.size
        self.rest = self.make()
        for index in held.order[bisect_left(held.order, self.begin) :]:
            self.rest.merge(held.buckets[index])


class SlidingPart:
    """A window that ends with the newest bucket.

    `older` holds, for each bucket before the boundary, the sum from it up to the boundary (the
    oldest at the end of the list); `newer` is the sum from the boundary on.
    """

    __slots__ = ("boundary", "low", "make", "newer", "older", "rest", "size")

    def __init__(self, size: int, make: Callable[[], Bucket]) -> None:
        self.size = size
        self.make = make
        self.low = 0
        self.boundary = 0
        self.older: list[tuple[int, Bucket]] = []
        self.newer = make()
        self.rest = make()

    def advance(self, before: int | None, closed: Bucket, head: int, held: _Held) -> None:
        self.low = low = head - self.size + 1
        if before is None:
            self.boundary = head
            return
        if low > self.boundary:
            self._turn(head, held)
            self._join()
            return
        if closed.count:
            self.newer.merge(closed)
        older = self.older
        if older and older[-1][0] < low:
            while older and older[-1][0] < low:
                older.pop()
            self._join()
        elif closed.count:
            self.rest.merge(closed)

    def _turn(self, head: int, held: _Held) -> None:
        # each bucket passes here once in its life
        total = self.make()
        self.older = []
        for index in reversed(held.order[bisect_left(held.order, self.low) :]):
            total = total.copy()
            total.merge(held.buckets[index])
            self.older.append((index, total))
        self.boundary = head
        self.newer = self.make()

    def _join(self) -> None:
        self.rest = rest = self.older[-1][1].copy() if self.older else self.make()
        rest.merge(self.newer)

    def add_late(self, index: int, time: float, value: float) -> None:
        if index < self.low:
            return
        self.rest.add(time, value)
        if index >= self.boundary:
            self.newer.add(time, value)
            return
        place, older = len(self.older), self.older
        while place and older[place - 1][0] <= index:
            place -= 1
            older[place][1].add(time, value)
        if place == len(older) or older[place][0] != index:
            total = older[place - 1][1].copy() if place else self.make()
            total.add(time, value)
            older.insert(place, (index, total))

    def rebuild(self, head: int, held: _Held) -> None:
        self.low = head - self.size + 1
        self._turn(head, held)
        self._join()
