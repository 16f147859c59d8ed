"""Is a new version worse than allowed, or is it noise? Intervals that hold whenever one looks.

Every test here is one-sided and answers with the bound on the new version's side: a rollout is
ended only when even the most favourable value that the samples allow passes the limit.

Somebody who looks again and again finds something at last: with a fixed level of 5 % a good
version would be rolled back in most long rollouts. So the level is spent over the looks: look
number k gets `alpha * 6 / (pi k)^2`; these add up to alpha over infinitely many looks (union bound;
the idea is Bonferroni's, the series Euler's), so that alpha limits the chance of a false alarm of
a whole rollout, however long it takes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

__all__ = [
    "difference_low", "level", "mean_low", "quantile", "quantile_high", "ratio_low", "share_low",
]  # fmt: skip

_NORMAL = NormalDist()


def level(look: int, alpha: float = 0.05) -> float:
    """The number of standard errors that look number `look` (1, 2, ...) asks for.

    >>> round(level(1), 2), round(level(10), 2)
    (1.88, 3.43)
    """
    return _NORMAL.inv_cdf(1 - alpha * 6 / (math.pi * look) ** 2)


def share_low(hits: int, total: int, z: float) -> float:
    """The lower bound of a share: Wilson's score interval (E. B. Wilson, JASA 22, 1927).

    It holds for few samples and for shares near 0 and 1, where hits / total -+ z * error fails.

    >>> round(share_low(20, 20, 1.87), 2), round(share_low(1, 20, 1.87), 3), share_low(0, 9, 2.0)
    (0.85, 0.009, 0.0)
    """
    return _wilson(hits, total, z)[0]


def _wilson(hits: int, total: int, z: float) -> tuple[float, float]:
    if not total:
        return 0.0, 1.0
    share, square = hits / total, z * z
    middle = share + square / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + square / (4 * total * total))
    scale = 1 + square / total
    low = 0.0 if not hits else max(0.0, (middle - half) / scale)
    return low, 1.0 if hits == total else min(1.0, (middle + half) / scale)


def difference_low(new: tuple[int, int], old: tuple[int, int], z: float) -> float:
    """The lower bound of share(new) - share(old), each given as hits and total.

    Newcombe's hybrid score interval, method 10 (R. G. Newcombe, Statistics in Medicine 17, 1998):
    Wilson's bounds of both, joined as independent errors are.

    >>> round(difference_low((30, 100), (1, 100), 2.0), 2)
    0.2
    >>> difference_low((3, 100), (2, 100), 2.0) < 0
    True
    """
    share_new, share_old = new[0] / max(1, new[1]), old[0] / max(1, old[1])
    low, high = _wilson(*new, z)[0], _wilson(*old, z)[1]
    return share_new - share_old - math.hypot(share_new - low, high - share_old)


def mean_low(values: Sequence[float], z: float) -> float:
    """The lower bound of a mean, by the central limit theorem; 0 for less than two values.

    >>> round(mean_low([1.0, 1.2, 0.8, 1.0], 2.0), 2)
    0.84
    """
    mean, error = _mean(values)
    return mean - z * error if len(values) > 1 else 0.0


def ratio_low(new: Sequence[float], old: Sequence[float], z: float) -> float:
    """The lower bound of mean(new) / mean(old), by Fieller's theorem.

    The ratio f is the smallest one that Welch's statistic of mean(new) - f * mean(old) does not
    refuse (E. C. Fieller, J. R. Stat. Soc. B 16, 1954). 0 if there is too little to say.

    >>> new, old = [2.0, 2.2, 1.8, 2.0] * 10, [1.0, 1.2, 0.8, 1.0] * 10
    >>> round(ratio_low(new, old, 2.0), 2)
    1.9
    """
    if len(new) < 2 or len(old) < 2:
        return 0.0
    (top, top_error), (bottom, bottom_error) = _mean(new), _mean(old)
    lead = bottom * bottom - (z * bottom_error) ** 2
    if lead <= 0:
        return 0.0
    inner = (top * bottom) ** 2 - lead * (top * top - (z * top_error) ** 2)
    return max(0.0, (top * bottom - math.sqrt(max(0.0, inner))) / lead)


def _mean(values: Sequence[float]) -> tuple[float, float]:
    """A mean and its standard error."""
    count = len(values)
    if not count:
        return 0.0, 0.0
    mean = math.fsum(values) / count
    if count < 2:
        return mean, 0.0
    variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
    return mean, math.sqrt(variance / count)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank quantile of values in order: one that was really measured; 0 of none.

    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5), quantile([], 0.95)
    (2.0, 0.0)
    """
    if not ordered:
        return 0.0
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def quantile_high(ordered: Sequence[float], share: float, z: float) -> float:
    """The upper bound of a quantile by ranks; infinite if there are too few values for one.

    How many values lie below the quantile is binomial, so a rank so many standard errors higher
    bounds it, whatever the distribution is (Conover, Practical Nonparametric Statistics, 3.2).
    In the same way a quantile passes a limit if the share of values above it is surely more than
    1 - share: `share_low(above, total, z) > 1 - share`.

    >>> quantile_high([float(one) for one in range(1000)], 0.95, 2.0)
    963.0
    """
    count = len(ordered)
    rank = math.ceil(share * count + z * math.sqrt(share * (1 - share) * count))
    return ordered[rank - 1] if 0 < rank <= count else math.inf
