"""Numbers of two data sets: distances, tests and moments, from sorted values or from bins."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlrun_like.statistics.column_drift import ColumnDrift
from mlrun_like.statistics.distances import distances
from mlrun_like.statistics.histogram import count_sorted, equal_edges
from mlrun_like.statistics.hypotheses import ks_p, ks_statistic, normal_sf
from mlrun_like.statistics.missing import add_missing, excess_of
from mlrun_like.statistics.verdict import Aspect, CompareOptions

__all__ = ["Sorted", "compare_bins", "compare_sorted"]

_LEAST_ROWS = 30
_BLOCK = 1 << 16
"""Numbers at a time: what stays in the processor's cache."""
_SPREAD_ROWS = 50_000
_LARGE = 1e150
_Floats = np.ndarray[Any, np.dtype[np.float64]]


class Sorted:
    """A column of numbers, sorted.

    Args:
        values: Numbers; NaN: missing.
        mistyped: How many of the NaN are values of another type.
        in_place: Nobody else needs the array as it is.
    """

    def __init__(self, values: _Floats, mistyped: int = 0, in_place: bool = False) -> None:
        ordered = values if in_place else values.copy()
        ordered.sort()  # NaN are last
        present = int(np.searchsorted(ordered, np.nan)) if len(ordered) else 0
        self.rows, self.mistyped = len(values), mistyped
        self.missing = len(values) - present - mistyped
        self.values = ordered[:present]
        low, high = np.searchsorted(self.values, [-np.inf, np.inf], side="left")
        low = np.searchsorted(self.values, -np.inf, side="right")
        self.finite = self.values[low:high]

    def at(self, share: float) -> float:
        """A quantile of the finite values, a value that is there."""
        return float(self.finite[int(share * (len(self.finite) - 1))])

    def moments(self) -> tuple[float | None, float | None, float | None, float | None]:
        """Mean, standard deviation, smallest, largest."""
        count = len(self.finite)
        if not count:
            return None, None, None, None
        with np.errstate(all="ignore"):
            mean = float(self.finite.mean())
            square = 0.0
            for start in range(0, count, _BLOCK):
                away = self.finite[start : start + _BLOCK] - mean
                square += float(np.square(away, out=away).sum())
            std = math.sqrt(square / (count - 1)) if count > 1 else None
        return mean, std, float(self.finite[0]), float(self.finite[-1])


def compare_sorted(
    drift: ColumnDrift, old: Sorted, new: Sorted, options: CompareOptions, edges: Any = None
) -> None:
    """Fill in a column's numbers.

    Args:
        drift: The column.
        old: The reference.
        new: The new data.
        options: Bins, exact rows.
        edges: The histogram's; None: from the reference's quantiles.
    """
    drift.expected_mean, drift.expected_std, drift.expected_min, drift.expected_max = old.moments()
    drift.actual_mean, drift.actual_std, drift.actual_min, drift.actual_max = new.moments()
    add_missing(drift, (old.rows, old.missing), (new.rows, new.missing))
    _mistyped(drift, old, new)
    if not len(old.values) or not len(new.values):
        return
    if len(old.finite):
        if edges is None:
            edges = equal_edges(old.at(0.005), old.at(0.995), options.bins)
        bins = count_sorted(old.values, edges), count_sorted(new.values, edges)
        _fill_bins(drift, bins, edges, (old.missing, new.missing))
    drift.ks = ks_statistic(old.values, new.values)
    drift.ks_p = ks_p(drift.ks, len(old.values), len(new.values), options.exact_rows)
    drift.aspects.append(Aspect("shape", drift.ks, drift.ks_p, _moved(drift)))
    if min(len(old.finite), len(new.finite)) >= _LEAST_ROWS:
        middles = old.at(0.5), new.at(0.5)
        wide = max(middles[0] - old.at(0.01), old.at(0.99) - middles[0])
        parts = []
        with np.errstate(all="ignore"):
            for side, middle in zip((old, new), middles, strict=True):
                # an even part of many rows: enough, and quicker
                away = np.abs(side.finite[:: max(1, len(side.finite) // _SPREAD_ROWS)] - middle)
                np.minimum(away, wide, out=away)
                parts.append((float(away.mean()), float(away.var()), len(away)))
        _spread(drift, *parts)


def _fill_bins(drift: ColumnDrift, bins: Any, edges: Any, missing: tuple[int, int]) -> None:
    for name, value in distances(*bins).items():
        setattr(drift, name, value)
    drift.edges = [float(edge) for edge in edges]
    drift.expected = (bins[0] / max(1, bins[0].sum())).tolist()
    drift.actual = (bins[1] / max(1, bins[1].sum())).tolist()
    drift.excess = excess_of(bins[0], bins[1], missing)


def _mistyped(drift: ColumnDrift, old: Sorted, new: Sorted) -> None:
    if new.mistyped:
        share = new.mistyped / max(1, new.rows)
        size = max(0.0, share - old.mistyped / max(1, old.rows))
        text = f"{share:.1%} of the values are no {drift.kind}s"
        drift.aspects.append(Aspect("type", size, 0.0 if size > 0 else 1.0, text))


def _moved(drift: ColumnDrift) -> str:
    before, after = drift.expected_mean, drift.actual_mean
    apart = f"distributions are {drift.ks:.2f} apart"
    if drift.kind in ("datetime", "text") or before is None or after is None:
        return apart
    return f"{apart}, mean {before:.4g} → {after:.4g}"


def _spread(
    drift: ColumnDrift, old: tuple[float, float, int], new: tuple[float, float, int]
) -> None:
    """Is the mean distance to the median another one? Welch's test of the distances."""
    noise = old[1] / old[2] + new[1] / new[2]
    if not (old[0] > 0 and new[0] > 0 and noise > 0 and math.isfinite(noise)):
        return  # a constant column: its shape says all
    p = normal_sf((new[0] - old[0]) / math.sqrt(noise))
    ratio = new[0] / old[0]
    word = "wider" if ratio > 1 else "narrower"
    text = f"{word} by a factor of {max(ratio, 1 / ratio):.2g}"
    drift.aspects.append(Aspect("spread", abs(math.log(ratio)), p, text))


def compare_bins(
    drift: ColumnDrift,
    old: tuple[_Floats, int],
    new: tuple[_Floats, int],
    edges: _Floats,
) -> None:
    """Fill in what two histograms with the same edges tell.

    `ks` is the largest distance at the edges: at most the true one, so its p-value is at least the
    true one.

    Args:
        drift: The column; with its moments.
        old: Rows below the first edge, in each bin, above the last, of the reference; missing rows.
        new: The same of the new data.
        edges: Edges of the inner bins.
    """
    before, after = (np.asarray(one[0], dtype=np.float64) for one in (old, new))
    n, m = int(before.sum()), int(after.sum())
    add_missing(drift, (n + old[1], old[1]), (m + new[1], new[1]))
    if not n or not m:
        return
    _fill_bins(drift, (before, after), edges, (old[1], new[1]))
    drift.ks = float(np.abs(np.cumsum(before) / n - np.cumsum(after) / m).max())
    drift.ks_p = ks_p(drift.ks, n, m, 0)
    drift.aspects.append(Aspect("shape", drift.ks, drift.ks_p, _moved(drift)))
    middles = np.concatenate([edges[:1], edges[1:] / 2 + edges[:-1] / 2, edges[-1:]])
    # squares of the largest floats are infinite: their shape says all
    if min(n, m) >= _LEAST_ROWS and len(edges) > 5 and np.abs(edges).max() < _LARGE:
        parts = []
        for counts in (before, after):
            middle = middles[np.searchsorted(np.cumsum(counts), counts.sum() / 2)]
            away = np.abs(middles - middle)
            mean = float(away @ counts / counts.sum())
            parts.append((mean, float(((away - mean) ** 2) @ counts / counts.sum()),
                          int(counts.sum())))  # fmt: skip
        _spread(drift, *parts)
