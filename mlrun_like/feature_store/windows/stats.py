"""Statistics of many spans of time as columns: joining them, ranges of rows, and the aggregates.

The columns are those of `serving.steps.aggregate_values.Bucket`, and so are the rules of joining.
Nothing is ever subtracted: sums of a range are added up anew, over blocks of rows where ranges are
long. Variances are joined as in Chan, Golub and LeVeque, "Updating Formulae and a Pairwise
Algorithm for Computing Sample Variances" (1979).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlrun_like.serving.steps.aggregate_layout import Layout

__all__ = [
    "EMPTY",
    "Columns",
    "bounds",
    "evaluate",
    "expand",
    "join",
    "lower_bound",
    "of_values",
    "ranges",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Columns = dict[str, Floats]

EMPTY: Mapping[str, float] = {
    "count": 0.0, "sum": 0.0, "sqr": 0.0, "m2": 0.0, "min": np.inf, "max": -np.inf,
    "first_time": np.inf, "first": np.nan, "last_time": -np.inf, "last": np.nan,
}  # fmt: skip
"""What a span without values has."""

_BLOCK = 32
"""Rows that are added up together where ranges are long."""
_EXPANDED = 4_000_000
"""Rows that are laid out at a time."""


def expand(lo: Ints, length: Ints) -> Ints:
    """The rows of ranges, one range after the other.

    >>> expand(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(length)
    total = int(ends[-1]) if ends.size else 0
    rows: Ints = np.repeat(lo - (ends - length), length)
    rows += np.arange(total, dtype=np.int64)
    return rows


def lower_bound(values: Ints, low: Ints, high: Ints, target: Ints) -> Ints:
    """For each range of ascending values the first row not below a target, or the range's end.

    >>> rows = np.array([1, 5, 9, 2, 4])
    >>> lower_bound(rows, np.array([0, 3]), np.array([3, 5]), np.array([6, 9])).tolist()
    [2, 5]
    """
    for _ in range(int((high - low).max(initial=0)).bit_length()):
        middle = (low + high) >> 1
        open_ = low < high
        right = (values[np.where(open_, middle, 0)] < target) & open_
        low = np.where(right, middle + 1, low)
        high = np.where(right, high, np.where(open_, middle, high))
    return low


def of_values(times: Floats, values: Floats, names: Sequence[str]) -> Columns:
    """The statistics of single values, with an empty row behind them (as `ranges` needs)."""
    made: Columns = {}
    for name in names:
        column = np.empty(len(values) + 1)
        column[-1] = EMPTY[name]
        if name == "count":
            column[:-1] = 1.0
        elif name == "m2":
            column[:-1] = 0.0
        elif name == "sqr":
            np.multiply(values, values, out=column[:-1])
        else:
            column[:-1] = times if name in ("first_time", "last_time") else values
        made[name] = column
    return made


def join(a: Columns, b: Columns) -> Columns:
    """Row by row: the values of `a`, then those of `b` (which came later)."""
    made: Columns = {"count": a["count"] + b["count"]}
    for name in ("sum", "sqr"):
        if name in a:
            made[name] = a[name] + b[name]
    if "min" in a:
        made["min"] = np.minimum(a["min"], b["min"])
    if "max" in a:
        made["max"] = np.maximum(a["max"], b["max"])
    if "m2" in a:
        with np.errstate(all="ignore"):  # of empty spans
            distance = a["sum"] / a["count"] - b["sum"] / b["count"]
            between = distance * distance * a["count"] * b["count"] / made["count"]
        both = (a["count"] > 0) & (b["count"] > 0)
        made["m2"] = a["m2"] + b["m2"] + np.where(both, between, 0.0)
    if "first" in a:
        ours = a["first_time"] <= b["first_time"]
        made["first_time"] = np.where(ours, a["first_time"], b["first_time"])
        made["first"] = np.where(ours, a["first"], b["first"])
    if "last" in a:
        theirs = b["last_time"] >= a["last_time"]
        made["last_time"] = np.where(theirs, b["last_time"], a["last_time"])
        made["last"] = np.where(theirs, b["last"], a["last"])
    return made


def ranges(columns: Columns, lo: Ints, hi: Ints) -> Columns:
    """The statistics of the rows `lo` to `hi` (without it), for each pair.

    Args:
        columns: Rows, none of them empty in any range, in order of their times within a range;
            one more row than any `hi`.
        lo: The first row of each range.
        hi: The row behind its last; not above `lo`: an empty range.
    """
    made = {name: np.full(len(lo), EMPTY[name]) for name in columns}
    held = np.flatnonzero(hi > lo)
    if held.size:
        low, high = lo[held], hi[held]
        total = int((high - low).sum())
        rows = len(columns["count"])
        deep = total > 8 * _BLOCK * held.size and total > 8 * rows
        with np.errstate(all="ignore"):  # of rows that are nobody's
            found = _by_blocks(columns, low, high) if deep else _directly(columns, low, high)
        for name, column in found.items():
            made[name][held] = column
    return made


def _directly(columns: Columns, lo: Ints, hi: Ints) -> Columns:
    # from the greatest begin down: then `reduceat` adds up nothing between two ranges
    sorted_ = bool((lo[1:] >= lo[:-1]).all())
    order = (np.arange(len(lo)) if sorted_ else np.argsort(lo, kind="stable"))[::-1]
    pairs = np.empty(2 * len(lo), dtype=np.int64)
    pairs[0::2], pairs[1::2] = lo[order], hi[order]
    made: Columns = {}
    for name in columns:
        if name in ("count", "sum", "sqr", "min", "max"):
            column = made[name] = np.empty(len(lo))
            column[order] = _UFUNCS.get(name, np.add).reduceat(columns[name], pairs)[::2]
    for name in ("first_time", "first"):
        if name in columns:
            made[name] = columns[name][lo]
    for name in ("last_time", "last"):
        if name in columns:
            made[name] = columns[name][hi - 1]
    if "m2" in columns:
        made["m2"] = _squares(columns, lo, hi, made["sum"] / made["count"])
    return made


_UFUNCS: Mapping[str, np.ufunc] = {"min": np.minimum, "max": np.maximum}


def _squares(columns: Columns, lo: Ints, hi: Ints, mean: Floats) -> Floats:
    length = hi - lo
    made = np.empty(len(lo))
    place = 0
    ends = np.cumsum(length)
    while place < len(lo):
        done = ends[place - 1] if place else 0
        stop = max(place + 1, int(np.searchsorted(ends, done + _EXPANDED, "right")))
        part = slice(place, stop)
        rows = expand(lo[part], length[part])
        count = columns["count"][rows]
        distance = columns["sum"][rows] / count - np.repeat(mean[part], length[part])
        squares = columns["m2"][rows] + count * distance * distance
        made[part] = np.add.reduceat(squares, ends[part] - length[part] - done)
        place = stop
    return made


def _by_blocks(columns: Columns, lo: Ints, hi: Ints) -> Columns:
    first, last = -(-lo // _BLOCK), hi // _BLOCK
    inside = first < last
    blocks = _blocks(columns)
    middle = ranges(blocks, np.where(inside, first, 0), np.where(inside, last, 0))
    head = ranges(columns, lo, np.where(inside, first * _BLOCK, hi))
    tail = ranges(columns, np.where(inside, last * _BLOCK, hi), hi)
    return join(join(head, middle), tail)


def _blocks(columns: Columns) -> Columns:
    rows = len(columns["count"])
    count = rows // _BLOCK
    cut = {
        name: column[: count * _BLOCK].reshape(count, _BLOCK) for name, column in columns.items()
    }
    made: Columns = {}
    for name, column in cut.items():
        if name in ("count", "sum", "sqr", "min", "max"):
            made[name] = _UFUNCS.get(name, np.add).reduce(column, axis=1)
        elif name in ("first_time", "first"):
            made[name] = column[:, 0]
        elif name in ("last_time", "last"):
            made[name] = column[:, -1]
    if "m2" in cut:
        mean = (made["sum"] / made["count"])[:, None]
        distance = cut["sum"] / cut["count"] - mean
        made["m2"] = (cut["m2"] + cut["count"] * distance * distance).sum(axis=1)
    return {
        name: np.append(made[name], EMPTY[name])  # the row behind all ranges
        for name in columns
    }


def bounds(layout: Layout, size: int, index: Ints) -> Ints:
    """The first bucket of the window around each bucket."""
    if layout.fixed:
        return index - index % size
    return index - size + 1


def evaluate(layout: Layout, windows: Sequence[Columns]) -> dict[str, Floats]:
    """The aggregates of a layout, from the statistics of each of its windows."""
    made: dict[str, Floats] = {}
    for column, aggregate, place in layout.cells:
        value = _value(aggregate, windows[place])
        if layout.max_value is not None:
            value = np.where(value > layout.max_value, float(layout.max_value), value)
        made[column] = value
    return made


def _value(aggregate: str, held: Columns) -> Any:
    count = held["count"]
    if aggregate == "count":
        return count
    if aggregate in ("first", "last"):
        return held[aggregate]
    if aggregate == "avg":
        return held["sum"] / count
    if aggregate in ("stdvar", "stddev"):
        variance = np.where(count < 2.0, np.nan, held["m2"] / (count - 1.0))
        return np.sqrt(variance) if aggregate == "stddev" else variance
    return np.where(count > 0, held[aggregate], np.nan)
