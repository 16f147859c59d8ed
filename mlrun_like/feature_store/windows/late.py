"""Rows of keys with late ones: every row against the earlier rows of its key, in short rounds.

A round has at most so many rows of each key. What a row's window holds is what the arena has, a
range per row, and the rows of the round up to it whose bucket is in the window: pairs of rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from mlrun_like.feature_store.windows.stats import (
    EMPTY,
    Columns,
    Floats,
    Ints,
    bounds,
    evaluate,
    expand,
    join,
    ranges,
)
from mlrun_like.serving.steps.aggregate_layout import Layout

__all__ = ["Round", "rounds"]


def rounds(slot: Ints) -> Iterator[Ints]:
    """The rows of each round: sorted by key, at most so many of each.

    >>> [len(part) for part in rounds(np.repeat([4, 7], [800, 2]))]
    [260, 365, 177]
    """
    starts = np.flatnonzero(np.diff(slot, prepend=-1))
    lengths = np.diff(np.append(starts, len(slot)))
    rank = np.arange(len(slot)) - np.repeat(starts, lengths)
    order = np.argsort(rank, kind="stable")
    ranks, lengths = rank[order], np.sort(lengths)
    done = 0
    while keys := len(lengths) - int(np.searchsorted(lengths, done, "right")):
        # a round costs some milliseconds, a pair of rows some tens of nanoseconds
        most = min(512, max(16, int(365 / math.sqrt(keys))))
        low, high = np.searchsorted(ranks, [done, done + most])
        yield np.sort(order[low:high])
        done += most


class Round:
    """Some rows of some keys, sorted by key, in the order of arrival within each."""

    def __init__(self, slot: Ints, bucket: Ints, time: Floats, value: Floats) -> None:
        self.slot = slot
        self.bucket = bucket
        self.time = time
        self.value = value
        self.starts = np.flatnonzero(np.diff(slot, prepend=-1))
        lengths = np.diff(np.append(self.starts, len(slot)))
        self.rank = np.arange(len(slot)) - np.repeat(self.starts, lengths)
        self.lengths = lengths

    def run(self, feature: Any) -> tuple[dict[str, Floats], np.ndarray]:
        """Results per row, and which rows were too late to count."""
        layout: Layout = feature.layout
        head = self._heads(feature.head)
        known = self.bucket > head - layout.longest
        counts = known & (self.value == self.value)
        # all pairs of a row and one that came before it, or itself
        lengths = self.rank + 1
        earlier = expand(np.arange(len(self.slot)) - self.rank, lengths)
        later = np.repeat(np.arange(len(self.slot)), lengths)
        earlier, later = earlier[counts[earlier]], later[counts[earlier]]
        windows = []
        for size in layout.sizes:
            low = bounds(layout, size, self.bucket)
            end = low + size  # a fixed window may hold later buckets already
            rows = feature.arena.search(self.slot, low), feature.arena.search(self.slot, end)
            rest = ranges(feature.arena.columns, *rows)
            bucket = self.bucket[earlier]
            inside = (bucket >= low[later]) & (bucket < end[later])
            own = self._of(earlier[inside], later[inside], len(self.slot), feature.names)
            windows.append(join(rest, own))
        found = evaluate(layout, windows)
        for column in found.values():
            column[~known] = np.nan
        self._store(feature, head, np.flatnonzero(counts))
        return found, ~known & (self.value == self.value)

    def _heads(self, carried: Ints) -> Ints:
        """The newest bucket of each row's key, once it has come."""
        first = np.maximum(self.bucket[self.starts], carried[self.slot[self.starts]])
        # a maximum that begins anew with each key: of buckets that rise from key to key
        low = int(min(self.bucket.min(), first.min()))
        step = int(max(self.bucket.max(), first.max())) - low + 1
        raised = self.bucket - low
        raised[self.starts] = first - low
        offset = np.repeat(np.arange(len(self.starts)), self.lengths) * step
        made: Ints = np.maximum.accumulate(raised + offset) - offset + low
        return made

    def _of(self, rows: Ints, groups: Ints, count: int, names: tuple[str, ...]) -> Columns:
        """The statistics of rows by group; groups ascend, and rows within each."""
        made = {name: np.full(count, EMPTY[name]) for name in names}
        if not len(rows):
            return made
        starts = np.flatnonzero(np.diff(groups, prepend=-1))
        there = groups[starts]
        lengths = np.diff(np.append(starts, len(rows)))
        value, time = self.value[rows], self.time[rows]
        made["count"][there] = lengths
        if "sum" in made:
            total = np.add.reduceat(value, starts)
            made["sum"][there] = total
            if "m2" in made:
                distance = value - np.repeat(total / lengths, lengths)
                made["m2"][there] = np.add.reduceat(distance * distance, starts)
        if "sqr" in made:
            made["sqr"][there] = np.add.reduceat(value * value, starts)
        if "min" in made:
            made["min"][there] = np.minimum.reduceat(value, starts)
        if "max" in made:
            made["max"][there] = np.maximum.reduceat(value, starts)
        place = np.arange(len(rows))
        if "first" in made:
            oldest = np.minimum.reduceat(time, starts)
            at = np.where(time == np.repeat(oldest, lengths), place, len(rows))
            made["first_time"][there] = oldest
            made["first"][there] = value[np.minimum.reduceat(at, starts)]
        if "last" in made:
            newest = np.maximum.reduceat(time, starts)
            at = np.where(time == np.repeat(newest, lengths), place, -1)
            made["last_time"][there] = newest
            made["last"][there] = value[np.maximum.reduceat(at, starts)]
        return made

    def _store(self, feature: Any, head: Ints, rows: Ints) -> None:
        arena = feature.arena
        ends = np.append(self.starts[1:], len(self.slot)) - 1
        feature.head[self.slot[ends]] = head[ends]
        order = np.lexsort((self.bucket[rows], self.slot[rows]))
        rows = rows[order]
        if not len(rows):
            return
        slot, bucket = self.slot[rows], self.bucket[rows]
        turns = np.append(True, (slot[1:] != slot[:-1]) | (bucket[1:] != bucket[:-1]))
        group = np.cumsum(turns) - 1
        totals = self._of(rows, group, int(group[-1]) + 1, feature.names)
        slot, bucket = slot[turns], bucket[turns]
        places = arena.search(slot, bucket)
        there = places < arena.begin[slot] + arena.size[slot]
        behind = ~there
        there[there] = arena.bucket[places[there]] == bucket[there]
        joined = join(
            {name: column[places[there]] for name, column in arena.columns.items()},
            {name: column[there] for name, column in totals.items()},
        )
        for name, column in arena.columns.items():
            column[places[there]] = joined[name]
        between = ~(there | behind)
        if between.any():
            self._insert(arena, slot[between], bucket[between], _rows(totals, between))
        if behind.any():
            slots, counts = np.unique(slot[behind], return_counts=True)
            arena.append(slots, counts, bucket[behind], _rows(totals, behind))

    @staticmethod
    def _insert(arena: Any, slot: Ints, bucket: Ints, totals: Columns) -> None:
        slots, counts = np.unique(slot, return_counts=True)
        rows = arena.rows(slots)
        owners = np.append(np.repeat(slots, arena.size[slots]), slot)
        numbers = np.append(arena.bucket[rows], bucket)
        order = np.lexsort((numbers, owners))
        columns = {
            name: np.append(column[rows], totals[name])[order]
            for name, column in arena.columns.items()
        }
        arena.replace(slots, arena.size[slots] + counts, numbers[order], columns)


def _rows(columns: Columns, rows: np.ndarray) -> Columns:
    return {name: column[rows] for name, column in columns.items()}
