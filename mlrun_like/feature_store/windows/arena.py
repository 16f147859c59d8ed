"""The buckets of many keys in columns: each key's rows in one piece, in order of time.

A key has a slot: a number. Its rows lie in a region of its own that grows by a quarter when it is
full, up to what the longest window needs; regions that were left are reclaimed when they are a
third of all. So a bucket costs `8 * (1 + statistics)` bytes, times 1.2 to 1.8, and a slot 40 bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlrun_like.feature_store.windows.stats import Columns, Ints, expand, lower_bound

__all__ = ["Arena"]

_SPARE = 1.25
_MORE = 1.125


class Arena:
    """Rows of buckets by slot.

    Args:
        names: The statistics that are kept.
        most: How many rows a slot has at most, unless many are added at once.

    >>> arena = Arena(["count"])
    >>> arena.grow(2)
    >>> one = np.array([1])
    >>> arena.append(one, np.array([2]), np.array([7, 9]), {"count": np.array([1.0, 4.0])})
    >>> arena.search(one, np.array([8])) - arena.begin[1]
    array([1])
    """

    def __init__(self, names: Sequence[str], most: int = 2**40) -> None:
        self._most = most
        self.bucket: Ints = np.zeros(16, dtype=np.int64)
        self.columns: Columns = {name: np.zeros(16) for name in names}
        self.base: Ints = np.zeros(0, dtype=np.int64)
        self.room: Ints = np.zeros(0, dtype=np.int64)
        self.begin: Ints = np.zeros(0, dtype=np.int64)
        """The first row of each slot, and in `size` how many it has."""
        self.size: Ints = np.zeros(0, dtype=np.int64)
        self._used = 0
        self._left = 0  # rows in regions that are nobody's any more

    @property
    def nbytes(self) -> int:
        """The memory of all columns."""
        slots = self.base.nbytes + self.room.nbytes + self.begin.nbytes + self.size.nbytes
        return slots + self.bucket.nbytes * (1 + len(self.columns))

    def grow(self, slots: int) -> None:
        """Have at least so many slots."""
        have = len(self.base)
        if slots > have:
            more = np.zeros(max(slots, have + have // 4) - have, dtype=np.int64)
            self.base, self.room = np.append(self.base, more), np.append(self.room, more)
            self.begin, self.size = np.append(self.begin, more), np.append(self.size, more)

    def search(self, slots: Ints, bucket: Ints) -> Ints:
        """For each slot its first row whose bucket is not below `bucket`, or the one behind all."""
        low = self.begin[slots]
        return lower_bound(self.bucket, low, low + self.size[slots], bucket)

    def append(self, slots: Ints, counts: Ints, bucket: Ints, columns: Columns) -> None:
        """Put rows behind those of some slots.

        Args:
            slots: Different slots.
            counts: How many rows each gets.
            bucket: The buckets of all rows, slot by slot, ascending and behind the slot's.
            columns: Their statistics.
        """
        self._make_room(slots, counts)
        rows = expand(self.begin[slots] + self.size[slots], counts)
        self._put(rows, bucket, columns)
        self.size[slots] += counts

    def replace(self, slots: Ints, counts: Ints, bucket: Ints, columns: Columns) -> None:
        """The same, instead of the rows that the slots have."""
        self.size[slots] = 0
        self.begin[slots] = self.base[slots]
        self.append(slots, counts, bucket, columns)

    def rows(self, slots: Ints) -> Ints:
        """The rows of some slots, one slot after the other."""
        return expand(self.begin[slots], self.size[slots])

    def trim(self, slots: Ints, bucket: Ints) -> None:
        """Forget the rows of each slot whose bucket is below `bucket`."""
        first = self.search(slots, bucket)
        self.size[slots] -= first - self.begin[slots]
        self.begin[slots] = first
        if self._left * 3 > self._used:
            self._compact(0)

    def _put(self, rows: Ints, bucket: Ints, columns: Columns) -> None:
        self.bucket[rows] = bucket
        for name, column in self.columns.items():
            column[rows] = columns[name]

    def _make_room(self, slots: Ints, counts: Ints) -> None:
        size = self.size[slots] + counts
        full = self.begin[slots] + size > self.base[slots] + self.room[slots]
        if not full.any():
            return
        moved = slots[full]
        size = size[full]
        larger = size > self.room[moved]
        grown = moved[larger]
        needed = size[larger]
        rooms = np.ceil(needed * _SPARE).astype(np.int64)
        rooms = np.maximum(needed, np.minimum(rooms, self._most))
        extra = int(rooms.sum())
        if self._used + extra >= len(self.bucket):
            self._reclaim(extra)
        source = self.rows(moved)
        bucket = self.bucket[source]
        columns = {name: column[source] for name, column in self.columns.items()}
        self._left += int(self.room[grown].sum())
        self.base[grown] = self._used + np.cumsum(rooms) - rooms
        self.room[grown] = rooms
        self._used += extra
        self.begin[moved] = self.base[moved]
        self._put(self.rows(moved), bucket, columns)

    def _reclaim(self, extra: int) -> None:
        if self._left * 5 < self._used:
            # little was left: only more memory
            total = int((self._used + extra) * _MORE) + 16
            self.bucket = np.resize(self.bucket, total)
            for name, column in self.columns.items():
                self.columns[name] = np.resize(column, total)
            return
        self._compact(extra)

    def _compact(self, extra: int) -> None:
        keep = self._used - self._left
        total = int((keep + extra) * _MORE) + 16
        source = expand(self.begin, self.size)
        self.base = np.cumsum(self.room) - self.room
        self.begin = self.base.copy()
        rows = expand(self.begin, self.size)
        bucket, self.bucket = self.bucket, np.zeros(total, dtype=np.int64)
        self.bucket[rows] = bucket[source]
        for name, column in self.columns.items():
            made = np.zeros(total)
            made[rows] = column[source]
            self.columns[name] = made
        self._used, self._left = keep, 0
