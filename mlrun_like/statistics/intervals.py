"""Confidence intervals of shares, of their differences and ratios, and of several tests at once.

wilson      E. B. Wilson, J. Amer. Statist. Assoc. 22 (1927): the score interval of a share
newcombe    R. G. Newcombe, Statistics in Medicine 17 (1998), method 10: of a difference of shares
katz        D. Katz et al., Biometrics 34 (1978): of a ratio of shares, by its logarithm; half a
            case is added to both where one has none (S. D. Walter, Biometrika 62, 1975)
benjamini_hochberg  Y. Benjamini, Y. Hochberg, J. Roy. Statist. Soc. B 57 (1995)
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.statistics.student import normal_quantile

__all__ = [
    "Interval",
    "benjamini_hochberg",
    "check_confidence",
    "katz",
    "newcombe",
    "wilson",
]


class Interval(NamedTuple):
    """Both ends of a confidence interval."""

    low: float
    high: float

    def has(self, value: float) -> bool:
        """Whether a value is inside.

        >>> Interval(0.1, 0.3).has(0.2)
        True
        """
        return self.low <= value <= self.high


def check_confidence(confidence: Any) -> float:
    """A confidence level between 0 and 1.

    Raises:
        InvalidArgumentError: if it is none.

    >>> check_confidence(0.95)
    0.95
    """
    if isinstance(confidence, bool) or not isinstance(confidence, (int, float)):
        confidence = float("nan")
    if not 0.5 <= confidence < 1:
        raise InvalidArgumentError(
            f"confidence {confidence!r} must be from 0.5 to below 1", fix="confidence=0.95"
        )
    return float(confidence)


def wilson(cases: float, rows: float, confidence: float = 0.95) -> Interval:
    """The interval of a share.

    Args:
        cases: How many of the rows.
        rows: Rows; none: the interval is all from 0 to 1.
        confidence: Its level.

    >>> [round(end, 4) for end in wilson(8, 10)]
    [0.4902, 0.9433]
    """
    if not rows:
        return Interval(0.0, 1.0)
    z = normal_quantile((1 + confidence) / 2)
    share = cases / rows
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows**2))
    low = 0.0 if cases == 0 else max(0.0, middle - half)
    high = 1.0 if cases == rows else min(1.0, middle + half)
    return Interval(low, high)


def newcombe(
    cases: float, rows: float, others: float, other_rows: float, confidence: float = 0.95
) -> Interval:
    """The interval of a difference of two shares, the first less the second.

    >>> [round(end, 4) for end in newcombe(56, 70, 48, 80)]
    [0.0524, 0.3339]
    """
    if not rows or not other_rows:
        return Interval(-1.0, 1.0)
    first, second = cases / rows, others / other_rows
    one, two = wilson(cases, rows, confidence), wilson(others, other_rows, confidence)
    gap = first - second
    return Interval(
        gap - math.hypot(first - one.low, two.high - second),
        gap + math.hypot(one.high - first, second - two.low),
    )


def katz(
    cases: float, rows: float, others: float, other_rows: float, confidence: float = 0.95
) -> Interval:
    """The interval of a ratio of two shares, the first over the second.

    >>> [round(end, 3) for end in katz(30, 100, 50, 100)]
    [0.42, 0.858]
    """
    if not rows or not other_rows:
        return Interval(0.0, math.inf)
    if not cases or not others:
        cases, others, rows, other_rows = cases + 0.5, others + 0.5, rows + 0.5, other_rows + 0.5
    z = normal_quantile((1 + confidence) / 2)
    spread = math.sqrt(max(0.0, 1 / cases - 1 / rows + 1 / others - 1 / other_rows))
    ratio = (cases / rows) / (others / other_rows)
    return Interval(ratio * math.exp(-z * spread), ratio * math.exp(z * spread))


def benjamini_hochberg(chances: Any, tests: int | None = None) -> Any:
    """p values of many tests as q values: those below a level are wrong in at most that share.

    Args:
        chances: The p values.
        tests: How many tests were made, if the largest p values were left out.

    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    found = np.asarray(chances, dtype=float)
    count = max(tests or 0, len(found))
    order = np.argsort(found)
    ranked = found[order] * count / np.arange(1, len(found) + 1)
    smallest = np.minimum.accumulate(ranked[::-1])[::-1]
    answer = np.empty_like(found)
    answer[order] = np.minimum(smallest, 1.0)
    return answer
