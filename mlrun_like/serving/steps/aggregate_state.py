"""The state of one key's windows: values in, aggregates of any moment out.

Time is cut into buckets of one period; windows of all lengths share them. A value goes into its
bucket; what a window adds to the newest bucket is kept ready, so an event costs the same whatever
the length of its windows. Sliding windows are kept as two stacks: the older part as sums of all
that follows up to a boundary, the newer as one growing sum (Tangwongsan, Hirzel, Schneider:
"General incremental sliding-window aggregation", 2015), so nothing is ever subtracted and minima
cost the same as sums. A value that is late but within the longest window counts in every window
that holds its time. Older ones are refused.

Nothing here knows of events, steps or tables: batch and online code use the same state.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from typing import Any

from mlrun_like.serving.steps.aggregate_layout import Layout
from mlrun_like.serving.steps.aggregate_parts import FixedPart, Part, SlidingPart
from mlrun_like.serving.steps.aggregate_plain import read_plain
from mlrun_like.serving.steps.aggregate_values import Bucket, joined

__all__ = ["WindowState"]


class WindowState:
    """The windows of one key for one feature.

    Args:
        layout: What it holds and gives.
        shared: True: other processes add to the same key; `take` gives what was added here
            instead of totals.

    >>> from mlrun_like.serving.steps.windows import SlidingWindows
    >>> state = WindowState(Layout("spent", ["sum"], SlidingWindows(["1h"], "10m")))
    >>> state.add(0, 5.0), state.add(30 * 60_000, 2.0)
    (True, True)
    >>> state.read(45 * 60_000), state.read(80 * 60_000)
    ({'spent_sum_1h': 7.0}, {'spent_sum_1h': 2.0})
    """

    __slots__ = (
        "_begin", "_changed", "_dropped", "_end", "_fresh", "_stored", "_written", "buckets",
        "current", "head", "layout", "order", "parts", "shared",
    )  # fmt: skip

    def __init__(self, layout: Layout, shared: bool = False) -> None:
        self.layout = layout
        self.shared = shared
        self.head: int | None = None
        """The bucket of the newest time seen."""
        self.current = layout.bucket()
        self.buckets: dict[int, Bucket] = {}
        """Earlier buckets that are not empty; their numbers in ascending order are `order`."""
        self.order: list[int] = []
        kind = FixedPart if layout.fixed else SlidingPart
        self.parts: list[Part] = [kind(size, layout.bucket) for size in layout.sizes]
        self._begin = self._end = 0.0  # of the current bucket, in milliseconds
        self._changed: set[int] = set()
        self._stored: set[int] = set()
        self._dropped: list[int] = []
        self._written = 0.0  # how many values of the current bucket `take` has given
        self._fresh: dict[int, Bucket] = {}

    def add(self, time: float, value: float) -> bool:
        """Take in a value.

        Args:
            time: When it happened, in milliseconds since 1970.
            value: Any float but NaN.

        Returns:
            False: it is older than the newest time by the longest window or more, and was left
            out.
        """
        if self._begin <= time < self._end:
            self.current.add(time, value)
        else:
            index = int(time // self.layout.period)
            if self.head is None or index > self.head:
                self._advance(index)
                self.current.add(time, value)
            elif not self._add_late(index, time, value):
                return False
        if self.shared:
            index = int(time // self.layout.period)
            self._fresh.setdefault(index, self.layout.bucket()).add(time, value)
        return True

    def touch(self, time: float) -> None:
        """Let time pass without a value."""
        if time >= self._end or self.head is None:
            self._advance(int(time // self.layout.period))

    def read(
        self, time: float, closed: bool = False, layout: Layout | None = None
    ) -> dict[str, float]:
        """The aggregates at a moment.

        Args:
            time: The moment, in milliseconds since 1970.
            closed: The windows that ended last before it instead of those it is in (fixed
                windows only).
            layout: Other aggregates and windows over the same buckets; by default the state's.

        Returns:
            Values by column; none if the moment is so far back that its values are forgotten.
        """
        found: dict[str, float] = {}
        self.read_into(found, time, closed, layout)
        return found

    def read_into(
        self,
        found: dict[str, float],
        time: float,
        closed: bool = False,
        layout: Layout | None = None,
    ) -> None:
        """The same, into a dictionary."""
        own = self.layout
        now = self._begin <= time < self._end and not closed
        if now and (layout is None or layout is own):
            current, parts = self.current, self.parts
            for name, function, place in own.outputs:
                found[name] = function(parts[place].rest, current)
            return
        index = int(time // own.period)
        if self.head is not None and index <= self.head - own.longest:
            return
        layout = layout or own
        pairs = [
            (self.parts[own.sizes.index(size)].rest, self.current)
            if now and size in own.sizes
            else (self._between(*layout.span(size, index, closed), layout), own.bucket())
            for size in layout.sizes
        ]
        for name, function, place in layout.outputs:
            found[name] = function(*pairs[place])

    def _between(self, low: int, end: int, layout: Layout) -> Bucket:
        place = bisect_left(self.order, low)
        buckets = self.buckets
        held = [buckets[i] for i in self.order[place : bisect_left(self.order, end, place)]]
        if self.head is not None and low <= self.head < end and self.current.count:
            held.append(self.current)
        if not self.layout.users:
            return joined(held, layout.needs)
        total = self.layout.bucket()
        for bucket in held:
            total.merge(bucket)
        return total

    def _advance(self, index: int) -> None:
        closed, before = self.current, self.head
        if before is not None and closed.count:
            self.buckets[before] = closed
            self.order.append(before)
            if closed.count != self._written:
                self._changed.add(before)
        self.head = index
        self._begin = index * self.layout.period
        self._end = self._begin + self.layout.period
        for part in self.parts:
            part.advance(before, closed, index, self)
        self.current = self.layout.bucket()
        self._written = 0.0
        self._forget(index - 2 * self.layout.longest)

    def _forget(self, last: int) -> None:
        # a moment within the longest window looks back by one more
        order = self.order
        if order and order[0] <= last:
            place = bisect_left(order, last + 1)
            for index in order[:place]:
                del self.buckets[index]
                self._changed.discard(index)
                self._fresh.pop(index, None)
                if index in self._stored:
                    self._stored.discard(index)
                    self._dropped.append(index)
            del order[:place]

    def _add_late(self, index: int, time: float, value: float) -> bool:
        if self.head is None or index <= self.head - self.layout.longest:
            return False
        bucket = self.buckets.get(index)
        if bucket is None:
            bucket = self.buckets[index] = self.layout.bucket()
            insort(self.order, index)
        bucket.add(time, value)
        self._changed.add(index)
        for part in self.parts:
            part.add_late(index, time, value)
        return True

    def merge(self, plain: Mapping[str, Any]) -> None:
        """Add the values of a stored state, such as that of the same key from another process.

        Args:
            plain: What `to_plain` or `take` gave.

        Raises:
            InvalidArgumentError: if it was stored with another period, or is damaged.
        """
        head, buckets = read_plain(plain, self.layout)
        if head is not None and (self.head is None or head > self.head):
            self._advance(head)
        for index, bucket in buckets.items():
            if index == self.head:
                self.current.merge(bucket)
            elif self.head is not None and index > self.head - 2 * self.layout.longest:
                if index in self.buckets:
                    self.buckets[index].merge(bucket)
                else:
                    self.buckets[index] = bucket
                    insort(self.order, index)
                self._changed.add(index)
        if self.head is not None:
            for part in self.parts:
                part.rebuild(self.head, self)

    def to_plain(self) -> dict[str, Any]:
        """The whole state as plain data (numbers may be infinite or NaN)."""
        return self._plain({**self.buckets, **self._now()})

    @classmethod
    def from_plain(
        cls, layout: Layout, plain: Mapping[str, Any], shared: bool = False
    ) -> WindowState:
        """The state that `to_plain` wrote.

        Raises:
            InvalidArgumentError: if it was stored with another period, or is damaged.
        """
        made = cls(layout, shared)
        made.merge(plain)
        made._changed.clear()
        made._stored.update(made.order)
        made._written = made.current.count
        if made._written and made.head is not None:
            made._stored.add(made.head)
        return made

    def refreshed(self, plain: Mapping[str, Any]) -> WindowState:
        """A stored state, with what was added here and not taken yet (shared states)."""
        made = self.from_plain(self.layout, plain, self.shared)
        if self._fresh:
            made.merge(self._plain(self._fresh))
        made._fresh = self._fresh
        return made

    def moved(self, layout: Layout) -> WindowState:
        """The same values under another layout of the same period; the old state is used up."""
        made = type(self)(layout, self.shared)
        made.merge(self.to_plain())
        made._changed = {index for index in self._changed if index in made.buckets}
        made._stored, made._dropped, made._fresh = self._stored, self._dropped, self._fresh
        made._written = self._written
        return made

    def take(self) -> dict[str, Any] | None:
        """What has changed since the last call, as plain data; None: nothing.

        Buckets are totals that replace stored ones, or in a shared state what was added, for
        `merge_plain`; `dropped` are numbers of buckets that no window needs any more.
        """
        now = self._now() if self.current.count != self._written else {}
        if not (now or self._changed or self._dropped):
            return None
        changed = {index: self.buckets[index] for index in self._changed}
        taken = self._plain(self._fresh if self.shared else {**changed, **now})
        taken["dropped"] = self._dropped
        self._stored.update(taken["buckets"])
        self._changed, self._dropped, self._fresh = set(), [], {}
        self._written = self.current.count
        return taken

    def give_back(self, taken: Mapping[str, Any]) -> None:
        """Undo a `take` whose result could not be stored: the next one gives it again."""
        if self.shared:
            for index, bucket in read_plain(taken, self.layout)[1].items():
                fresh = self._fresh.setdefault(index, self.layout.bucket())
                fresh.merge(bucket)
        self._changed.update(index for index in taken["buckets"] if index in self.buckets)
        self._dropped = [*taken["dropped"], *self._dropped]
        if self.head in taken["buckets"]:
            self._written = -1.0

    def _now(self) -> dict[int, Bucket]:
        return {self.head: self.current} if self.head is not None and self.current.count else {}

    def _plain(self, buckets: Mapping[int, Bucket]) -> dict[str, Any]:
        return {
            "period": self.layout.period,
            "head": self.head,
            "buckets": {index: bucket.to_list() for index, bucket in buckets.items()},
        }
