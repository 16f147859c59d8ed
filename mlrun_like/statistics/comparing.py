"""One column of two data sets, whatever they are: values or statistics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.statistics.column_drift import ColumnDrift
from mlrun_like.statistics.column_profile import ColumnProfile, DataProfile
from mlrun_like.statistics.columns import (
    BOOL,
    CATEGORY,
    DATETIME,
    NUMBER,
    TEXT,
    count_texts,
    kind_of,
    numbers_of,
)
from mlrun_like.statistics.histogram import count_sorted, equal_edges
from mlrun_like.statistics.measures_categories import compare_categories
from mlrun_like.statistics.measures_numbers import Sorted, compare_bins, compare_sorted
from mlrun_like.statistics.sources import Source
from mlrun_like.statistics.verdict import Aspect, CompareOptions

__all__ = ["Compared", "compare_column"]

_NUMERIC = (NUMBER, DATETIME)
_FEW = 50


@dataclass
class Compared:
    """A column's drift, and samples of its numbers for correlations; None: it has no numbers."""

    drift: ColumnDrift
    before: Any = None
    after: Any = None


def compare_column(
    name: str,
    old: Source | DataProfile,
    new: Source | DataProfile,
    there: bool,
    step: int,
    options: CompareOptions,
) -> Compared:
    """Compare one column.

    Args:
        name: The column.
        old: The reference.
        new: The new data.
        there: Whether the new data have it.
        step: Every so manieth row is kept for correlations; 0: none.
        options: Bins, categories, exact rows.
    """
    drift = ColumnDrift(name)
    if not there:
        drift.expected_rows = old.rows
        drift.actual_missing = 1.0
        if new.rows:
            drift.aspects.append(Aspect("missing", 1.0, 0.0, "the column is not there"))
        else:
            drift.reason = "the new data have no rows"
        return Compared(drift)
    before = old.columns[name] if isinstance(old, DataProfile) else old.column(name)
    after = new.columns[name] if isinstance(new, DataProfile) else new.column(name)
    drift.kind = _kind(before) or _kind(after)
    if not drift.kind:
        rows = _rows(before), _rows(after)
        drift.expected_rows, drift.actual_rows = rows
        drift.expected_missing = drift.actual_missing = 1.0
        return Compared(drift)
    if isinstance(before, ColumnProfile) or isinstance(after, ColumnProfile):
        _with_statistics(drift, before, after, options)
        return Compared(drift)
    if drift.kind in _NUMERIC:
        owned = all(isinstance(side, Source) and side.owned for side in (old, new))
        return _numbers(drift, before, after, step, owned, options)
    _texts(drift, before, after, options)
    return Compared(drift)


def _kind(column: Any) -> str:
    return column.kind if isinstance(column, ColumnProfile) else kind_of(column)


def _rows(column: Any) -> int:
    return column.rows if isinstance(column, ColumnProfile) else len(column)


def _numbers(
    drift: ColumnDrift, before: Any, after: Any, step: int, owned: bool, options: CompareOptions
) -> Compared:
    sides, samples = [], []
    for column in (before, after):
        values, mistyped = numbers_of(column, drift.kind)
        samples.append(values[::step].copy() if step and drift.kind == NUMBER else None)
        sides.append(Sorted(values, mistyped, in_place=owned and values is column))
    compare_sorted(drift, sides[0], sides[1], options)
    made = Compared(drift)
    if samples[0] is not None and len(sides[0].finite) and len(sides[1].finite):
        low, high = sides[0].at(0.01), sides[0].at(0.99)
        made.before, made.after = (np.clip(one, low, high) for one in samples if one is not None)
    return made


def _texts(drift: ColumnDrift, before: Any, after: Any, options: CompareOptions) -> None:
    old, new = count_texts(before), count_texts(after)
    held = len(before) - old[1]
    if len(old[0]) > max(_FEW, min(options.categories, held // 2)):
        # names and comments: their categories say nothing, their lengths may
        drift.kind = TEXT
        sides = [Sorted(_lengths(values)) for values in (before, after)]
        compare_sorted(drift, sides[0], sides[1], options)
        return
    compare_categories(drift, (old[0], 0, old[1]), (new[0], 0, new[1]), options)


def _lengths(values: Any) -> Any:
    series = pd.Series(values)
    held = series.notna()
    found = np.full(len(series), np.nan)
    found[held.to_numpy()] = [len(str(value)) for value in series[held].tolist()]
    return found


def _with_statistics(drift: ColumnDrift, before: Any, after: Any, options: CompareOptions) -> None:
    if drift.kind not in _NUMERIC:
        old, new = (_counts(side) for side in (before, after))
        compare_categories(drift, old, new, options)
        return
    edges = _edges(before, after, options)
    sides = []
    for column, prefix in ((before, "expected"), (after, "actual")):
        bins, missing, moments = _bins(column, edges, drift.kind)
        sides.append((bins, missing))
        for name, value in zip(("mean", "std", "min", "max"), moments, strict=True):
            setattr(drift, f"{prefix}_{name}", value)
    compare_bins(drift, sides[0], sides[1], edges)


def _counts(column: Any) -> tuple[dict[str, int], int, int]:
    if isinstance(column, ColumnProfile):
        if column.kind not in (BOOL, CATEGORY, TEXT):
            return {}, column.count, column.missing
        return column.values, column.others, column.missing
    counts, missing = count_texts(column)
    return counts, 0, missing


def _edges(before: Any, after: Any, options: CompareOptions) -> Any:
    for column in (before, after):
        if isinstance(column, ColumnProfile) and column.edges:
            return np.asarray(column.edges, dtype=np.float64)
    for column in (before, after):
        if not isinstance(column, ColumnProfile):
            found = Sorted(*numbers_of(column))
            if len(found.finite):
                return equal_edges(found.at(0.005), found.at(0.995), options.bins)
    return np.array([0.0, 1.0])


def _bins(column: Any, edges: Any, kind: str) -> tuple[Any, int, Any]:
    if not isinstance(column, ColumnProfile):
        found = Sorted(*numbers_of(column, kind))
        return count_sorted(found.values, edges), found.missing + found.mistyped, found.moments()
    values = (column.mean, column.std, column.low, column.high)
    moments = tuple(None if math.isnan(value) else value for value in values)
    missing = column.missing + column.mistyped
    if not column.edges:
        return np.zeros(len(edges) + 1), missing, moments
    mine = np.asarray(column.edges, dtype=np.float64)
    counts = np.array([column.below, *column.counts, column.above], dtype=np.float64)
    if np.array_equal(mine, edges):
        return counts, missing, moments
    # rows are spread evenly in their bins
    ends = np.interp(edges, mine, np.cumsum(counts)[:-1], left=0.0, right=counts.sum())
    return np.diff(ends, prepend=0.0, append=counts.sum()), missing, moments
