"""Tests of hypotheses: are two samples from one distribution? With NumPy alone.

Kolmogorov and Smirnov for numbers, Pearson's chi-square for counts, and the tail probabilities
they need. The numbers are SciPy's (`ks_2samp`, `chi2_contingency`, `chisquare`) to 1e-9.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.statistics.kolmogorov import kolmogorov_sf, paths_outside

__all__ = [
    "Significance",
    "binomial_tail",
    "chi_square",
    "chi_square_fit",
    "chi_square_sf",
    "ks_2samp",
    "ks_p",
    "ks_statistic",
    "normal_sf",
]

EXACT_ROWS = 10_000
"""Up to so many rows of the larger sample SciPy's default p-value is the exact one."""
_STRIDE = 64
_Floats = np.ndarray[Any, np.dtype[np.float64]]


class Significance(NamedTuple):
    """A statistic and how likely one at least as large is by chance.

    Args:
        statistic: D or chi-square.
        p: 0 to 1; NaN if there was nothing to compare.
        freedom: Degrees of freedom, if the test has such.
    """

    statistic: float
    p: float
    freedom: int = 0


def ks_2samp(one: Any, other: Any, exact_rows: int = EXACT_ROWS) -> Significance:
    """The two-sample, two-sided test of Kolmogorov and Smirnov.

    Args:
        one: Numbers; NaN are left out.
        other: Numbers.
        exact_rows: Up to so many values of the larger sample, p is exact; else asymptotic.

    >>> found = ks_2samp([1, 2, 3], [4, 5, 6])
    >>> found.statistic, round(found.p, 9)
    (1.0, 0.1)
    """
    a, b = (np.asarray(values, dtype=np.float64).ravel() for values in (one, other))
    a, b = np.sort(a[~np.isnan(a)]), np.sort(b[~np.isnan(b)])
    if not len(a) or not len(b):
        return Significance(math.nan, math.nan)
    d = ks_statistic(a, b)
    return Significance(d, ks_p(d, len(a), len(b), exact_rows))


def ks_statistic(one: _Floats, other: _Floats) -> float:
    """The largest distance of the distribution functions of two sorted samples.

    Every 64th value gives a bound for those between; only stretches that can hold the largest
    distance are looked at closely, which makes it several times quicker, and exact all the same.
    """
    if len(one) > len(other):
        one, other = other, one
    n, m = len(one), len(other)
    if not n or not m:
        return math.nan
    if n < 4 * _STRIDE:
        return _distance(one, other, np.arange(n))
    at = np.append(np.arange(0, n - 1, _STRIDE), n - 1)
    best = _distance(one, other, at)
    ends = np.searchsorted(other, one[at], side="right") / m
    # between two looks F1 - F2 is at most F1(right) - F2(left), and the other way round
    starts = np.searchsorted(other, one[at], side="left") / m
    ahead = (at[1:] + 1) / n - starts[:-1]
    behind = ends[1:] - at[:-1] / n
    open_ = np.flatnonzero(np.maximum(ahead, behind) > best)
    if not len(open_):
        return best
    inner = (at[open_][:, None] + np.arange(1, _STRIDE)).ravel()
    return max(best, _distance(one, other, inner[inner < n]))


def _distance(one: _Floats, other: _Floats, at: Any) -> float:
    n, m = len(one), len(other)
    values = one[at]
    right = np.searchsorted(other, values, side="right") / m
    left = np.searchsorted(other, values, side="left") / m
    return max(0.0, float(((at + 1) / n - right).max()), float((left - at / n).max()))


def ks_p(d: float, n: int, m: int, exact_rows: int = EXACT_ROWS) -> float:
    """The p-value of a two-sample distance.

    Args:
        d: The distance.
        n: Values of one sample.
        m: Values of the other.
        exact_rows: Up to so many values of the larger one, count lattice paths.
    """
    if max(n, m) <= exact_rows:
        common = math.gcd(n, m)
        return paths_outside(n, m, round(d * (n // common) * m), common)
    return kolmogorov_sf(d, max(1, round(n * m / (n + m))))


def chi_square(expected: Any, actual: Any) -> Significance:
    """Are the counts of two samples from the same shares? A table of two rows, no correction.

    Args:
        expected: Rows of the reference in each category.
        actual: Rows of the new data; categories that neither has are left out.

    >>> found = chi_square([10, 20], [20, 10])
    >>> round(found.statistic, 6), round(found.p, 6), found.freedom
    (6.666667, 0.009823, 1)
    """
    table = np.array([np.ravel(expected), np.ravel(actual)], dtype=np.float64)
    table = table[:, table.sum(axis=0) > 0]
    rows = table.sum(axis=1)
    if table.shape[1] < 1 or not rows.all():
        return Significance(math.nan, math.nan)
    if table.shape[1] < 2:
        return Significance(0.0, 1.0)
    fitted = np.outer(rows, table.sum(axis=0)) / rows.sum()
    value = float(((table - fitted) ** 2 / fitted).sum())
    freedom = table.shape[1] - 1
    return Significance(value, chi_square_sf(value, freedom), freedom)


def chi_square_fit(expected: Any, actual: Any) -> Significance:
    """Do counts have these shares? The reference's shares are taken as known without error.

    Args:
        expected: Counts or shares of the reference, each above 0; scaled to the new data.
        actual: Counts of the new data.

    Raises:
        InvalidArgumentError: if an expected share is 0.
    """
    wanted = np.asarray(expected, dtype=np.float64).ravel()
    found = np.asarray(actual, dtype=np.float64).ravel()
    if len(wanted) != len(found) or not (wanted > 0).all():
        raise InvalidArgumentError(
            f"the test of fit needs an expected share above 0 for each of {len(found)} categories\n"
            "fix: leave out categories that the reference does not have, or use chi_square"
        )
    fitted = wanted / wanted.sum() * found.sum()
    value = float(((found - fitted) ** 2 / fitted).sum())
    return Significance(value, chi_square_sf(value, len(found) - 1), len(found) - 1)


def chi_square_sf(value: float, freedom: int) -> float:
    """P(X >= value) for chi-square: the upper incomplete gamma function Q(freedom/2, value/2).

    A series below the mean and Lentz's continued fraction above it (Abramowitz and Stegun 6.5.29
    and 6.5.31).

    >>> round(chi_square_sf(3.841458820694124, 1), 9)
    0.05
    """
    if freedom < 1 or math.isnan(value):
        return math.nan if math.isnan(value) else 1.0
    a, x = freedom / 2, value / 2
    if x <= 0:
        return 1.0
    if math.isinf(x):
        return 0.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a)) if a < 1e3 else _front(a, x)
    if x < a + 1:
        term = total = 1 / a
        step = a
        while abs(term) > total * 1e-17:
            step += 1
            term *= x / step
            total += term
        return max(0.0, 1 - total * front)
    tiny = 1e-300
    b = x + 1 - a
    c, d = 1 / tiny, 1 / (b or tiny)
    found = d
    for i in range(1, 1_000_000):
        part = -i * (i - a)
        b += 2
        d = 1 / ((part * d + b) or tiny)
        c = (b + part / c) or tiny
        change = d * c
        found *= change
        if abs(change - 1) < 1e-16:
            break
    return min(1.0, found * front)


def _front(a: float, x: float) -> float:
    """x^a e^-x / gamma(a) of large numbers: exponents that nearly cancel, taken together."""
    away = (x - a) / a
    log = a * (math.log1p(away) - away)
    correction = 1 / (12 * a) - 1 / (360 * a**3)
    return math.exp(log - correction) * math.sqrt(a / (2 * math.pi))


def normal_sf(z: float) -> float:
    """P(|Z| >= |z|) of a standard normal variable, two-sided."""
    return math.erfc(abs(z) / math.sqrt(2))


def binomial_tail(count: int, trials: int, share: float) -> float:
    """P(X >= count) of a binomial variable; a sum of terms, the normal tail for many trials.

    >>> round(binomial_tail(9, 10, 0.5), 6)
    0.010742
    """
    if count <= 0:
        return 1.0
    if count > trials or share <= 0:
        return 0.0
    if share >= 1:
        return 1.0
    mean, spread = trials * share, math.sqrt(trials * share * (1 - share))
    if spread > 200:
        return math.erfc((count - 0.5 - mean) / (spread * math.sqrt(2))) / 2
    if count <= mean:
        return 1 - binomial_tail(trials - count + 1, trials, 1 - share)
    log = math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
    term = math.exp(log + count * math.log(share) + (trials - count) * math.log1p(-share))
    total, odds = term, share / (1 - share)
    for at in range(count, trials):
        term *= (trials - at) / (at + 1) * odds
        total += term
        if term < total * 1e-16:
            break
    return min(1.0, total)
