"""Two models on the same rows: which one is better, and how sure that is.

mcnemar  Q. McNemar, Psychometrika 12 (1947); exact by the binomial distribution, mid-p as
         M. Fagerland et al., BMC Medical Research Methodology 13 (2013)
delong   E. DeLong et al., Biometrics 44 (1988): difference of two areas under the curve
paired_t Student's t of the differences, row by row
bootstrap  resampled rows, the same ones for both models; percentiles (B. Efron, R. Tibshirani,
         "An Introduction to the Bootstrap", 1993, chapter 13)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.statistics.intervals import Interval
from mlrun_like.statistics.measures import Rows, auc_parts
from mlrun_like.statistics.student import (
    binomial_below,
    normal_quantile,
    normal_tail,
    t_quantile,
    t_tail,
)

__all__ = [
    "Difference",
    "McNemar",
    "bootstrap_ratios",
    "bootstrap_values",
    "delong",
    "mcnemar",
    "paired_t",
    "rows_needed",
]

_DRAWS = 4_000_000
_MOST_KINDS = 2_000


class Difference(NamedTuple):
    """A difference of two numbers of the same rows, the first less the second.

    Args:
        value: The difference.
        interval: Of it.
        error: Its standard error.
        chance: p value of "there is no difference", two-sided.
    """

    value: float
    interval: Interval
    error: float
    chance: float


class McNemar(NamedTuple):
    """Rows where only one of two models is right.

    Args:
        first: Rows that only the first one has right.
        second: Rows that only the second one has right.
        exact: p value of the binomial test, two-sided.
        mid: Mid-p value: half of the observed table's chance counts.
    """

    first: int
    second: int
    exact: float
    mid: float


def mcnemar(first: Any, second: Any) -> McNemar:
    """McNemar's test of two models' right answers.

    Args:
        first: Whether the first model is right, row by row.
        second: The same of the second.

    >>> round(mcnemar([True] * 8 + [False], [False] * 8 + [True]).exact, 9)
    0.0390625
    """
    one, two = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    gains, losses = int((one & ~two).sum()), int((two & ~one).sum())
    count, least = gains + losses, min(gains, losses)
    if not count:
        return McNemar(0, 0, 1.0, 1.0)
    tail = binomial_below(least, count)
    exact = min(1.0, 2 * tail)
    mid = 2 * tail - (tail - binomial_below(least - 1, count))
    return McNemar(gains, losses, exact, min(1.0, mid))


def paired_t(first: Any, second: Any, confidence: float = 0.95) -> Difference:
    """Student's paired t test and interval of the mean difference.

    Raises:
        InvalidArgumentError: if there are fewer than two rows.

    >>> paired_t([2.0, 3.0, 5.0], [1.0, 1.0, 1.0]).value.__round__(4)
    2.3333
    """
    gaps = np.asarray(first, dtype=float) - np.asarray(second, dtype=float)
    count = len(gaps)
    if count < 2:
        raise InvalidArgumentError(
            f"a paired test needs 2 rows or more, and there are {count}", fix="give more rows"
        )
    value, error = float(gaps.mean()), float(gaps.std(ddof=1)) / math.sqrt(count)
    half = t_quantile((1 + confidence) / 2, count - 1) * error
    chance = 2 * float(t_tail(abs(value) / error, count - 1)) if error else float(value == 0)
    return Difference(value, Interval(value - half, value + half), error, chance)


def delong(
    truth: Any, first: Any, second: Any, positive: Any = 1, confidence: float = 0.95
) -> Difference:
    """The difference of two areas under the curve.

    Raises:
        InvalidArgumentError: if there are fewer than two rows of each class.

    >>> delong([0, 0, 1, 1], [1, 2, 3, 4], [1, 3, 2, 4]).value
    0.25
    """
    ones_a, zeros_a = auc_parts(truth, first, positive)
    ones_b, zeros_b = auc_parts(truth, second, positive)
    count, ones = len(np.asarray(truth)), int((np.asarray(truth) == positive).sum())
    if not 2 <= ones <= count - 2:
        raise InvalidArgumentError(
            "areas under the curve are compared with 2 rows or more of each class: there are "
            f"{ones} positive and {count - ones} negative rows",
            fix="more rows, or positive= another class",
        )
    up, down = ones_a - ones_b, zeros_a - zeros_b
    value = float(up.mean())
    error = math.sqrt(up.var(ddof=1) / len(up) + down.var(ddof=1) / len(down))
    half = normal_quantile((1 + confidence) / 2) * error
    chance = 2 * float(normal_tail(abs(value) / error)) if error else float(value == 0)
    return Difference(value, Interval(value - half, value + half), error, chance)


def bootstrap_ratios(
    first: Rows, second: Rows, *, times: int = 2000, seed: int = 0
) -> tuple[Any, Any]:
    """Both models' metric on resampled rows, the same ones for both.

    Rows of the same parts are interchangeable: of few kinds of rows only how often each kind is
    drawn is drawn, a multinomial number, which is the same distribution without the rows.

    Args:
        first: Parts of the first model's metric.
        second: Parts of the second's.
        times: How many samples.
        seed: The same one gives the same numbers.
    """
    draw = np.random.default_rng(seed)
    table = np.column_stack([_full(first), _full(second)])
    kinds, counts = _kinds(table)
    if kinds is not None:
        sums = draw.multinomial(len(table), counts / len(table), size=times) @ kinds
    else:
        sums = np.empty((times, 4))
        step = max(1, _DRAWS // len(table))
        for start in range(0, times, step):
            drawn = draw.integers(0, len(table), size=(min(step, times - start), len(table)))
            for column in range(4):
                sums[start : start + step, column] = table[:, column][drawn].sum(axis=1)
    return _ratio(first, sums[:, 0], sums[:, 1]), _ratio(second, sums[:, 2], sums[:, 3])


def _full(rows: Rows) -> Any:
    whole = np.ones(len(rows.part)) if rows.whole is None else rows.whole
    return np.column_stack([rows.part, whole])


def _kinds(table: Any) -> tuple[Any, Any]:
    """The different rows and how often each is there; none if there are many."""
    if len(np.unique(table[:5000], axis=0)) > _MOST_KINDS:
        return None, None
    kinds, counts = np.unique(table, axis=0, return_counts=True)
    return (kinds, counts) if len(kinds) <= _MOST_KINDS else (None, None)


def _ratio(rows: Rows, top: Any, bottom: Any) -> Any:
    with np.errstate(divide="ignore", invalid="ignore"):
        return rows.shown(np.where(bottom != 0, top / bottom, rows.empty))


def bootstrap_values(
    function: Callable[[Any], tuple[float, float]], rows: int, *, times: int = 500, seed: int = 0
) -> tuple[Any, Any]:
    """Any two numbers of resampled rows; samples where one is NaN are left out.

    Args:
        function: Gives both models' numbers for the places of the drawn rows.
        rows: How many rows there are.
        times: How many samples.
        seed: The same one gives the same numbers.
    """
    draw = np.random.default_rng(seed)
    found = np.array([function(draw.integers(0, rows, size=rows)) for _ in range(times)])
    found = found[np.isfinite(found).all(axis=1)]
    return found[:, 0], found[:, 1]


def rows_needed(
    value: float, error: float, rows: int, confidence: float = 0.95, power: float = 0.8
) -> int | None:
    """How many rows would show a difference of this size, at this spread; None: no number would.

    The rows at which an interval of the level leaves 0 out with the chance `power`: the error
    falls with the root of the rows (W. G. Cochran, "Sampling Techniques", 1977, chapter 4).

    >>> rows_needed(0.01, 0.01, 1000)
    7849
    """
    if not value or not math.isfinite(value) or not math.isfinite(error) or not error:
        return None
    z = normal_quantile((1 + confidence) / 2) + normal_quantile(power)
    return math.ceil(rows * (z * error / value) ** 2)
