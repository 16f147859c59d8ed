"""Which windows need no full comparison: all features at once, by their histograms.

Most windows show nothing. `statistics.compare` would give them the score 0, because no test of any
column is significant. `Screen.quiet` finds that out from counts alone, a hundred times as fast: it
says yes only if none of those tests can be significant, whatever the number of tests is that their
p-values are multiplied by. What it does not say yes to is compared in full.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from mlrun_like.statistics.hypotheses import ks_p
from mlrun_like.statistics.verdict import COLUMNS_PART, CompareOptions

__all__ = ["Screen"]

_LARGE = 1e150  # as in measures_numbers: squares of larger numbers are infinite
_LEAST_ROWS = 30
_MARGIN = 0.97
_SIGMAS = 2.2
"""Standard deviations, and half a row, that missing values may be away: p is above 0.02."""


class Screen:
    """The histograms of training, ready to be compared with those of many windows.

    Args:
        stats: Statistics of training by feature, histograms without outer bins.
        names: The features that are compared.
        options: What counts as drift.
    """

    def __init__(
        self, stats: Mapping[str, Any], names: Sequence[str], options: CompareOptions
    ) -> None:
        self.names = list(names)
        self.part = options.chance * COLUMNS_PART
        self.groups: list[_Group] = []
        by_length: dict[int, list[str]] = {}
        self.usable = bool(names) and self.part <= 0.05
        for name in names:
            hist = (stats.get(name) or {}).get("hist")
            if not hist or len(hist[1]) != len(hist[0]) + 1 or max(map(abs, hist[1])) >= 1e19:
                self.usable = False
                return
            by_length.setdefault(len(hist[0]), []).append(name)
        self.groups = [_Group(stats, part) for part in by_length.values()]

    def quiet(self, counts: Mapping[str, Any], rows: int) -> bool:
        """Whether a full comparison would find nothing.

        Args:
            counts: Rows below the first edge, in each bin, above the last, by feature.
            rows: Rows of the window.
        """
        if not self.usable:
            return False
        tests, some = 0, []
        for group in self.groups:
            try:
                now = np.array([counts[name] for name in group.names], dtype="float64")
            except KeyError:
                return False
            total = now.sum(axis=1) if now.shape == group.before.shape else np.zeros(1)
            if (total < 1).any() or not group.filled or not _evenly_missing(group, total, rows):
                return False
            widths = _widths(group, now, total)
            tests += len(total) + len(widths)
            some.append((group, now, total, widths))
        # tests of missing values come on top, which only makes the true level smaller
        level = self.part / tests
        far = _MARGIN * NormalDist().inv_cdf(1 - level / 2)
        return all(
            not (widths >= far).any() and _near(group, now, total, level)
            for group, now, total, widths in some
        )


def _near(group: _Group, now: Any, total: Any, level: float) -> bool:
    """Whether the distributions are no farther apart than chance explains."""
    apart = np.abs(group.shares - np.cumsum(now, axis=1) / total[:, None]).max(axis=1)
    effective = group.total * total / (group.total + total)
    if (apart < _critical(math.ceil(float(effective.max())), level)).all():
        return True
    # rows differ: each feature by itself
    limits = [_critical(math.ceil(one), level) for one in effective.tolist()]
    return bool((apart < limits).all())


def _evenly_missing(group: _Group, total: Any, rows: int) -> bool:
    missing = rows - total
    both = group.missing + missing
    if not both.any():
        return True
    share = rows / (group.total + group.missing + rows)
    away = np.abs(missing - both * share)
    return bool((away <= _SIGMAS * np.sqrt(both * share * (1 - share)) + 0.5 * (both > 0)).all())


def _widths(group: _Group, now: Any, total: Any) -> Any:
    """Standard deviations between the spreads, of those features where it is tested."""
    if not group.wide:
        return np.zeros(0)
    mean, noise = _spreads(group.middles, now, total)
    noise = noise + group.noise
    tested = (mean > 0) & (group.mean > 0) & (noise > 0)
    tested &= np.minimum(total, group.total) >= _LEAST_ROWS
    return np.abs(mean - group.mean)[tested] / np.sqrt(noise[tested])


class _Group:
    """Features whose histograms have the same number of bins, a row each."""

    def __init__(self, stats: Mapping[str, Any], names: list[str]) -> None:
        self.names = names
        some = [stats[name] for name in names]
        inner = np.array([one["hist"][0] for one in some], dtype="float64")
        edges = np.array([one["hist"][1] for one in some], dtype="float64")
        self.before = np.pad(inner, ((0, 0), (1, 1)))
        self.total = self.before.sum(axis=1)
        self.filled = bool((self.total >= 1).all())
        self.missing = np.array([_missing(one) for one in some], dtype="float64")
        self.shares = np.cumsum(self.before, axis=1) / np.maximum(self.total, 1)[:, None]
        self.middles = np.concatenate(
            [edges[:, :1], edges[:, 1:] / 2 + edges[:, :-1] / 2, edges[:, -1:]], axis=1
        )
        self.wide = edges.shape[1] > 5 and float(np.abs(edges).max()) < _LARGE
        self.mean: Any = np.zeros(len(names))
        self.noise: Any = np.zeros(len(names))
        if self.wide and self.filled:
            self.mean, self.noise = _spreads(self.middles, self.before, self.total)


def _spreads(middles: Any, counts: Any, total: Any) -> tuple[Any, Any]:
    """Mean distance to the own median, and the variance of that mean, of each row."""
    ends = np.cumsum(counts, axis=1)
    place = np.minimum((ends < total[:, None] / 2).sum(axis=1), middles.shape[1] - 1)
    away = np.abs(middles - middles[np.arange(len(middles)), place][:, None])
    mean = (away * counts).sum(axis=1) / total
    spread = ((away - mean[:, None]) ** 2 * counts).sum(axis=1) / total
    return mean, spread / total


def _missing(stats: Mapping[str, Any]) -> int:
    """As `DataProfile.from_stats` reads it."""
    count = int(stats.get("count") or 0)
    return int(stats.get("missing") or max(0, int(stats.get("rows") or 0) - count))


def _critical(rows: int, level: float) -> float:
    """A distance that so many rows have by chance with a probability above the level."""
    if rows > 50:  # few numbers of rows to work it out for
        step = 10 ** (len(str(rows)) - 2)
        rows = -(-rows // step) * step
    return _worked_out(rows, level)


@functools.lru_cache(4096)
def _worked_out(rows: int, level: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        # so large a reference that only the new rows matter
        if ks_p(middle, rows, 1 << 60, 0) > level:
            low = middle
        else:
            high = middle
    return low * _MARGIN
