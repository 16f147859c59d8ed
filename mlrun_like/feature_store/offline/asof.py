"""The newest row of each key at a time: one sort of the rows, one search for all questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from mlrun_like.feature_store.offline.keys import codes

__all__ = ["Side", "match"]

_Numbers = np.ndarray[Any, Any]
_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Side:
    """One table of a join: its keys and times, in the order in which the rows were written.

    Args:
        keys: Columns, each in one type with its partner on the other side.
        times: Microseconds; None: rows have no times.
        valid: True where a row has a time; None: everywhere.
    """

    keys: Sequence[pa.ChunkedArray]
    times: _Numbers | None = None
    valid: _Numbers | None = None


def match(left: Side, right: Side, *, ttl: int | None = None) -> _Numbers:
    """For each row of `left` the position of the newest row of `right` that is not later.

    Among rows of one time the one written last wins. Missing keys and times match nothing. Without
    times in `left` it is the newest row of all; without times in `right` the one written last.

    Args:
        left: The rows that ask.
        right: The rows that answer.
        ttl: Age in microseconds from which on a row is no answer any more; None: never.

    Returns:
        Positions in `right`; -1: there is none.

    Example:
        >>> keys = pa.chunked_array([["a", "a", "b"]])
        >>> right = Side([keys], np.array([1, 5, 1]))
        >>> match(Side([pa.chunked_array([["a", "b", "c"]])], np.array([4, 4, 4])), right)
        array([ 0,  2, -1])
    """
    asked, known, count = codes(left.keys, right.keys)
    if right.valid is not None:
        known = np.where(right.valid, known, -1)
    if left.valid is not None:
        asked = np.where(left.valid, asked, -1)
    rows = _Rows(known, right.times, count)
    found = np.empty(len(asked), np.int64)
    for start in range(0, len(asked), _AT_ONCE):  # bounds the memory of what comes in between
        part = slice(start, start + _AT_ONCE)
        times = None if left.times is None else left.times[part]
        found[part] = rows.newest(asked[part], times)
    if ttl is not None and left.times is not None and right.times is not None:
        hit = found >= 0
        age = left.times[hit] - right.times[found[hit]]
        found[np.flatnonzero(hit)[age > ttl]] = -1
    return found


class _Rows:
    """Rows ordered by key and time: each as one number, the key's code above the row's rank."""

    def __init__(self, known: _Numbers, times: _Numbers | None, count: int) -> None:
        size = len(known)
        self.order: _Numbers | None = None
        if times is not None:
            self.order = _order(times)
        self.times = times if self.order is None or times is None else times[self.order]
        self.size = size
        self.bits = max(1, int(size).bit_length())
        assert count.bit_length() + self.bits < 64  # keys.py keeps codes small
        ordered = known if self.order is None else known[self.order]
        ranked = (ordered << self.bits) + np.arange(size)
        if (ordered < 0).any():
            ranked = ranked[ordered >= 0]
        ranked.sort()
        self.ranked = ranked

    def newest(self, asked: _Numbers, times: _Numbers | None) -> _Numbers:
        if not len(self.ranked) or not len(asked):
            return np.full(len(asked), -1)
        if times is None or self.times is None:
            rank: _Numbers | int = self.size
        else:
            rank = _search(self.times, times, "right")
        wanted = (asked << self.bits) + rank
        place = _search(self.ranked, wanted, "left") - 1
        best = self.ranked[np.maximum(place, 0)]
        hit = (place >= 0) & (best >> self.bits == asked) & (asked >= 0)
        row = best & ((1 << self.bits) - 1)
        if self.order is not None:
            row = self.order[np.where(hit, row, 0)]
        return np.where(hit, row, -1)


def _search(ordered: _Numbers, wanted: _Numbers, side: Literal["left", "right"]) -> _Numbers:
    """`searchsorted`, with the questions in order: neighbours find their answers in the cache."""
    low, bits = int(wanted.min()), len(wanted).bit_length()
    if len(wanted) < 1000 or (int(wanted.max()) - low).bit_length() + bits > 62:
        return ordered.searchsorted(wanted, side=side)
    packed = ((wanted - low) << bits) + np.arange(len(wanted))
    packed.sort()
    found = np.empty(len(wanted), np.int64)
    found[packed & ((1 << bits) - 1)] = ordered.searchsorted((packed >> bits) + low, side=side)
    return found


def _order(times: _Numbers) -> _Numbers | None:
    """Positions by time, equal times as they were written; None: they are in order already."""
    if len(times) < 2 or bool((times[1:] >= times[:-1]).all()):
        return None
    low, high = int(times.min()), int(times.max())
    bits = len(times).bit_length()
    if (high - low).bit_length() + bits < 64:
        # Sorting numbers is five times as fast as sorting positions by numbers.
        packed = ((times - low) << bits) + np.arange(len(times))
        packed.sort()
        packed &= (1 << bits) - 1
        found: _Numbers = packed
        return found
    return np.argsort(times, kind="stable")
