"""One feature of `WindowFrames`: its buckets for all keys in an arena, and chunks of rows.

Keys are independent, so only the order of rows within a key counts. Rows are sorted by key. Keys
whose rows come in order of buckets go together: what a row's window holds is what the arena has of
earlier buckets, and the rows of its own bucket up to it; both are ranges of rows. Keys with late
rows go in rounds of a few rows each (see `late`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlrun_like.feature_store.windows.arena import Arena
from mlrun_like.feature_store.windows.blobs import NO_HEAD, Part, pack
from mlrun_like.feature_store.windows.late import Round, rounds
from mlrun_like.feature_store.windows.stats import (
    EMPTY,
    Columns,
    Floats,
    Ints,
    bounds,
    evaluate,
    join,
    of_values,
    ranges,
)
from mlrun_like.serving.steps.aggregate_layout import Layout

__all__ = ["Feature"]

Mask = np.ndarray


class Feature:
    """The windows of one feature for all keys."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.names = layout.needs
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.arena = Arena(self.names, 2 * self.layout.longest + 2 + self.layout.longest // 16)
        self.head: Ints = np.zeros(0, dtype=np.int64)
        """The newest bucket of each slot."""

    @property
    def nbytes(self) -> int:
        """The memory of all slots."""
        return self.arena.nbytes + self.head.nbytes

    def grow(self, slots: int) -> None:
        """Have at least so many slots."""
        self.arena.grow(slots)
        have = len(self.arena.base)
        if len(self.head) < have:
            more = np.full(have - len(self.head), NO_HEAD, dtype=np.int64)
            self.head = np.append(self.head, more)

    def run(self, slots: Ints, millis: Floats, values: Floats) -> tuple[dict[str, Floats], Mask]:
        """Take in rows in the order of arrival.

        Returns:
            The results per row, and which rows were too late (their results are NaN).
        """
        with np.errstate(all="ignore"):
            return self._run(slots, millis, values)

    def _run(self, slots: Ints, millis: Floats, values: Floats) -> tuple[dict[str, Floats], Mask]:
        index = np.floor_divide(millis, self.layout.period).astype(np.int64)
        order = np.argsort(slots, kind="stable")
        slot, bucket, time, value = slots[order], index[order], millis[order], values[order]
        starts = np.flatnonzero(np.diff(slot, prepend=-1))
        late = self._late_keys(slot, bucket, time, starts)
        found = {name: np.full(len(slots), np.nan) for name in self.layout.columns()}
        refused = np.zeros(len(slots), dtype=bool)
        lengths = np.diff(np.append(starts, len(slot)))
        apart = np.repeat(late, lengths)
        if not late.all():
            kept = ~apart
            results = self._in_order(slot[kept], bucket[kept], time[kept], value[kept])
            _scatter(found, order[kept], results)
        if late.any():
            rows = np.flatnonzero(apart)
            for part in rounds(slot[rows]):
                some = rows[part]
                turn = Round(slot[some], bucket[some], time[some], value[some])
                results, old = turn.run(self)
                _scatter(found, order[some], results)
                refused[order[some]] = old
        self.arena.trim(slot[starts], self.head[slot[starts]] - 2 * self.layout.longest + 1)
        return found, refused

    def _late_keys(self, slot: Ints, bucket: Ints, time: Floats, starts: Ints) -> Mask:
        """Which keys (by their order) have rows that `_in_order` cannot take."""
        behind = np.empty(len(slot), dtype=bool)
        behind[1:] = bucket[1:] < bucket[:-1]
        if "first" in self.names or "last" in self.names:
            # within a bucket the order of times counts as well
            behind[1:] |= time[1:] < time[:-1]
        behind[starts] = bucket[starts] < self.head[slot[starts]]
        return np.asarray(np.logical_or.reduceat(behind, starts))

    def _in_order(self, slot: Ints, bucket: Ints, time: Floats, value: Floats) -> dict[str, Floats]:
        arena = self.arena
        new = np.diff(slot, prepend=-1) != 0
        turns = new | (np.diff(bucket, prepend=0) != 0)
        turns[0] = True
        starts = np.flatnonzero(turns)
        segment = np.cumsum(turns) - 1
        held = value == value
        # rows without a value have no place among the values
        before = np.cumsum(held) - held
        lines = of_values(time[held], value[held], self.names)
        begin, end = before[starts], np.append(before[starts[1:]], int(held.sum()))
        owner, number = slot[starts], bucket[starts]
        own = ranges(lines, begin[segment], before + held)
        carried = self._current(owner, number)
        if carried is not None:
            own = join({name: column[segment] for name, column in carried.items()}, own)
        totals = ranges(lines, begin, end)
        if carried is not None:
            totals = join(carried, totals)
        self._store(owner, number, totals, begin < end)
        hi = arena.search(owner, number)
        windows = []
        for size in self.layout.sizes:
            lo = arena.search(owner, bounds(self.layout, size, number))
            rest = ranges(self._table(), lo, hi)
            rest = {name: column[segment] for name, column in rest.items()}
            windows.append(join(rest, own))
        return evaluate(self.layout, windows)

    def _table(self) -> Columns:
        return self.arena.columns

    def _current(self, owner: Ints, number: Ints) -> Columns | None:
        """What the arena has of the same bucket already."""
        rows = self.arena.search(owner, number)
        there = rows < self.arena.begin[owner] + self.arena.size[owner]
        there[there] = self.arena.bucket[rows[there]] == number[there]
        if not there.any():
            return None
        made = {name: np.full(len(owner), EMPTY[name]) for name in self.names}
        for name, column in made.items():
            column[there] = self.arena.columns[name][rows[there]]
        return made

    def _store(self, owner: Ints, number: Ints, totals: Columns, grown: Mask) -> None:
        """Put the totals of buckets where they belong: in order, none before the slot's last."""
        last = np.append(owner[1:] != owner[:-1], True)
        self.head[owner[last]] = number[last]
        if not grown.any():
            return
        owner, number = owner[grown], number[grown]
        totals = {name: column[grown] for name, column in totals.items()}
        rows = self.arena.search(owner, number)
        there = rows < self.arena.begin[owner] + self.arena.size[owner]
        for name, column in self.arena.columns.items():
            column[rows[there]] = totals[name][there]
        more = ~there
        if more.any():
            slots, counts = np.unique(owner[more], return_counts=True)
            rest = {name: column[more] for name, column in totals.items()}
            self.arena.append(slots, counts, number[more], rest)

    def put(self, parts: Sequence[tuple[int, Part]]) -> None:
        """Take over what was stored of some slots."""
        for slot, part in parts:
            columns = {
                name: part.table[part.names.index(name)] if name in part.names else np.zeros(0)
                for name in self.names
            }
            one = np.array([slot])
            self.arena.replace(one, np.array([len(part.bucket)]), part.bucket, columns)
            self.head[slot] = part.head

    def take(self, slot: int) -> bytes:
        """What is stored of a slot."""
        begin = int(self.arena.begin[slot])
        rows = slice(begin, begin + int(self.arena.size[slot]))
        columns = {name: column[rows] for name, column in self.arena.columns.items()}
        return pack(self.layout, int(self.head[slot]), self.arena.bucket[rows], columns)


def _scatter(found: dict[str, Floats], rows: Ints, results: dict[str, Floats]) -> None:
    for name, column in results.items():
        found[name][rows] = column
