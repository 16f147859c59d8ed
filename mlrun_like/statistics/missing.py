"""Missing values of two data sets, and how much of a distance chance gives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlrun_like.statistics.column_drift import ColumnDrift
from mlrun_like.statistics.distances import js
from mlrun_like.statistics.hypotheses import binomial_tail
from mlrun_like.statistics.verdict import Aspect

__all__ = ["add_missing", "excess_of"]


def add_missing(drift: ColumnDrift, old: tuple[int, int], new: tuple[int, int]) -> None:
    """Fill in the shares of missing values, and their test.

    Args:
        drift: The column.
        old: Rows, and missing rows of the reference.
        new: The same of the new data.
    """
    drift.expected_rows, drift.actual_rows = old[0], new[0]
    drift.expected_missing = old[1] / max(1, old[0])
    drift.actual_missing = new[1] / max(1, new[0])
    both = old[1] + new[1]
    if not both or not old[0] or not new[0]:
        return
    share = new[0] / (old[0] + new[0])
    # with few values the rows that have one are the rarer kind, and the test is of them
    trials, count = both, new[1]
    if both * 2 > old[0] + new[0]:
        trials, count = old[0] + new[0] - both, new[0] - new[1]
    more, less = binomial_tail(count, trials, share), 1 - binomial_tail(count + 1, trials, share)
    size = abs(drift.actual_missing - drift.expected_missing)
    text = f"missing values {drift.expected_missing:.1%} → {drift.actual_missing:.1%}"
    drift.aspects.append(Aspect("missing", size, min(1.0, 2 * min(more, less)), text))


def excess_of(old: Any, new: Any, missing: tuple[int, int]) -> float:
    """Jensen-Shannon divergence with missing values as a bin, less what chance gives in the mean.

    The mean under chance of k bins is about (k - 1) (1/n + 1/m) / (8 ln 2) bits: a quarter of half
    the chi-square statistic's mean (F. Österreicher and I. Vajda, 2003).
    """
    before, after = np.append(old, missing[0]), np.append(new, missing[1])
    n, m = before.sum(), after.sum()
    if not n or not m:
        return 0.0
    bins = int(((before + after) > 0).sum())
    return max(0.0, js(before, after) - float((bins - 1) * (1 / n + 1 / m)) / (8 * math.log(2)))
