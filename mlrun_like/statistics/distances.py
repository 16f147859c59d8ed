"""Distances between two histograms of the same bins, counts or shares.

With p the shares of the reference and q those of the new data:

tvd          total variation distance, 1/2 Σ |p - q|, 0 to 1
hellinger    sqrt(1 - Σ sqrt(p q)), 0 to 1 (E. Hellinger, J. reine angew. Math. 136, 1909)
psi          population stability index, Σ (q - p) ln(q / p); 0.1 is a small change, 0.25 a large
             one (N. Siddiqi, "Credit Risk Scorecards", 2006)
kl           Kullback-Leibler divergence of q from p, Σ q ln(q / p) (Ann. Math. Statist. 22, 1951)
js           Jensen-Shannon divergence with log2, 0 to 1 (J. Lin, IEEE Trans. Inf. Theory 37, 1991)
js_distance  its square root, a metric (Endres and Schindelin, IEEE Trans. Inf. Theory 49, 2003)

psi and kl need shares that are not 0: a bin without rows counts as 0.0001 of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "LEAST_SHARE",
    "distances",
    "hellinger",
    "js",
    "js_distance",
    "kl",
    "kl_both_ways",
    "psi",
    "shares",
    "tvd",
]

LEAST_SHARE = 1e-4
"""What a bin without rows counts as, where a share must not be 0."""

_Floats = np.ndarray[Any, np.dtype[np.float64]]


def shares(counts: Any) -> _Floats:
    """Counts as shares that sum to 1; nothing counted: all bins alike.

    >>> shares([1, 3]).tolist(), shares([0, 0]).tolist()
    ([0.25, 0.75], [0.5, 0.5])

    Raises:
        InvalidArgumentError: if a count is below 0 or no finite number.
    """
    found = np.asarray(counts, dtype=np.float64).ravel()
    if not np.isfinite(found).all() or (found < 0).any():
        raise InvalidArgumentError(
            f"a histogram has a count that is negative or not finite: {found.tolist()[:5]}\n"
            "fix: give the rows of each bin, 0 or more"
        )
    total = float(found.sum())
    return found / total if total else np.full(len(found), 1 / max(1, len(found)))


def _both(expected: Any, actual: Any) -> tuple[_Floats, _Floats]:
    p, q = shares(expected), shares(actual)
    if len(p) != len(q):
        raise InvalidArgumentError(
            f"two histograms of {len(p)} and {len(q)} bins cannot be compared\n"
            "fix: count both data sets in the same bins"
        )
    return p, q


def distances(expected: Any, actual: Any) -> dict[str, float]:
    """All distances: tvd, hellinger, psi, kl, js, js_distance.

    Args:
        expected: Rows (or shares) of the reference in each bin.
        actual: Rows (or shares) of the new data in the same bins.

    Raises:
        InvalidArgumentError: if the bins do not fit, or a count is negative or not finite.

    >>> found = distances([1, 1], [1, 1])
    >>> found["tvd"], found["psi"]
    (0.0, 0.0)
    >>> round(distances([1, 0], [0, 1])["js"], 6)
    1.0
    """
    p, q = _both(expected, actual)
    soft_p, soft_q = _soft(p, LEAST_SHARE), _soft(q, LEAST_SHARE)
    ratio = np.log(soft_q / soft_p)
    apart = _js(p, q)
    return {
        "tvd": float(np.abs(p - q).sum() / 2),
        "hellinger": _hellinger(p, q),
        "psi": float(((soft_q - soft_p) * ratio).sum()),
        "kl": max(0.0, float((soft_q * ratio).sum())),
        "js": apart,
        "js_distance": apart**0.5,
    }


def tvd(expected: Any, actual: Any) -> float:
    """Total variation distance.

    >>> tvd([1, 1], [1, 3])
    0.25
    """
    p, q = _both(expected, actual)
    return float(np.abs(p - q).sum() / 2)


def hellinger(expected: Any, actual: Any) -> float:
    """Hellinger distance.

    >>> hellinger([1, 0], [0, 1])
    1.0
    """
    return _hellinger(*_both(expected, actual))


def psi(expected: Any, actual: Any, least: float = LEAST_SHARE) -> float:
    """Population stability index.

    Args:
        expected: The reference.
        actual: The new data.
        least: What a share counts as at least.

    >>> round(psi([50, 50], [90, 10]), 3)
    0.879
    """
    p, q = (_soft(one, least) for one in _both(expected, actual))
    return float(((q - p) * np.log(q / p)).sum())


def kl(expected: Any, actual: Any, least: float = LEAST_SHARE) -> float:
    """Kullback-Leibler divergence of the new data from the reference, in nats."""
    p, q = (_soft(one, least) for one in _both(expected, actual))
    return max(0.0, float((q * np.log(q / p)).sum()))


def kl_both_ways(
    expected: Any, actual: Any, least: float = LEAST_SHARE, most: float = 10.0
) -> float:
    """KL of p from q plus KL of q from p, as MLRun's `KullbackLeiblerDivergence` measures it.

    Args:
        expected: The reference.
        actual: The new data.
        least: What an empty bin of the other one counts as; nothing is scaled afterwards.
        most: The largest result.
    """
    p, q = _both(expected, actual)
    total = 0.0
    for one, other in ((p, q), (q, p)):
        held = one > 0
        below = np.where(other[held] > 0, other[held], least)
        total += float((one[held] * np.log(one[held] / below)).sum())
    return min(total, most)


def js(expected: Any, actual: Any) -> float:
    """Jensen-Shannon divergence with log2, 0 to 1."""
    return _js(*_both(expected, actual))


def js_distance(expected: Any, actual: Any) -> float:
    """Square root of the Jensen-Shannon divergence; SciPy's `jensenshannon(p, q, base=2)`."""
    return math.sqrt(js(expected, actual))


def _soft(one: _Floats, least: float) -> _Floats:
    raised = np.maximum(one, least)
    found: _Floats = raised / raised.sum()
    return found


def _hellinger(p: _Floats, q: _Floats) -> float:
    # the half sum of squares is the same number, and exact for histograms that are close
    return float(np.sqrt(min(1.0, ((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2)))


def _js(p: _Floats, q: _Floats) -> float:
    middle = (p + q) / 2
    found = 0.0
    for one in (p, q):
        held = one > 0
        found += float((one[held] * np.log2(one[held] / middle[held])).sum())
    return min(1.0, max(0.0, found / 2))
