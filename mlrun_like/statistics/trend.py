"""The trend of a few numbers over time: Theil-Sen slope with its interval, Mann-Kendall test.

slope     the median of the slopes of all pairs (H. Theil, Indag. Math. 12, 1950)
interval  from the order of those slopes (P. K. Sen, J. Amer. Statist. Assoc. 63, 1968)
test      Kendall's S with ties (M. G. Kendall, "Rank Correlation Methods", 1975), normal

One wild value of three does not move the slope, as it would move that of least squares.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.statistics.intervals import Interval
from mlrun_like.statistics.student import normal_quantile, normal_tail

__all__ = ["Trend", "theil_sen"]

_MOST = 2000


class Trend(NamedTuple):
    """A straight line through points.

    Args:
        slope: Change of the value for a step of 1 of the time.
        interval: Of the slope.
        intercept: The value at time 0.
        chance: p value of "there is no trend", two-sided.
        points: How many points were used.
    """

    slope: float
    interval: Interval
    intercept: float
    chance: float
    points: int

    def at(self, time: float) -> float:
        """The line's value at a time."""
        return self.intercept + self.slope * time


def theil_sen(times: Any, values: Any, confidence: float = 0.95) -> Trend:
    """The trend of points; pairs with a NaN are left out, of more than 2000 the newest count.

    Raises:
        InvalidArgumentError: if fewer than 3 points of different times are left.

    >>> trend = theil_sen([0, 1, 2, 3], [1.0, 0.9, 0.8, 0.1])
    >>> round(trend.slope, 6), trend.points
    (-0.2, 4)
    """
    x, y = np.asarray(times, dtype=float), np.asarray(values, dtype=float)
    known = np.isfinite(x) & np.isfinite(y)
    order = np.argsort(x[known], kind="stable")[-_MOST:]
    x, y = x[known][order], y[known][order]
    first, second = np.triu_indices(len(x), 1)
    apart = x[second] - x[first]
    slopes = np.sort((y[second] - y[first])[apart > 0] / apart[apart > 0])
    if len(np.unique(x)) < 3:
        raise InvalidArgumentError(
            f"a trend needs 3 points of different times, and there are {len(np.unique(x))}",
            fix="more windows: shorter ones, or a longer history",
        )
    slope = float(np.median(slopes))
    count = len(y)
    spread = math.sqrt(max(0.0, (_part(count) - _ties(x) - _ties(y)) / 18))
    z = normal_quantile((1 + confidence) / 2)
    upper = min(round((len(slopes) + z * spread) / 2), len(slopes) - 1)
    lower = max(round((len(slopes) - z * spread) / 2) - 1, 0)
    # what is sorted already and has both signs counted is Kendall's S
    balance = float(np.sign(slopes).sum())
    chance = 2 * float(normal_tail(abs(balance) / spread)) if spread else 1.0
    return Trend(
        slope,
        Interval(float(slopes[lower]), float(slopes[upper])),
        float(np.median(y) - slope * np.median(x)),
        min(1.0, chance),
        count,
    )


def _part(count: Any) -> Any:
    return count * (count - 1) * (2 * count + 5)


def _ties(values: Any) -> float:
    counts = np.unique(values, return_counts=True)[1].astype(float)
    return float(_part(counts).sum())
