"""Quantiles in constant memory: buckets that grow with the logarithm of the values.

The algorithm is DDSketch (C. Masson, J. E. Rim and H. K. Lee, VLDB 2019) with fixed buckets from
1e-18 to 1e18: every quantile is within `ACCURACY` of the true one, relative to its size. Buckets
are counts, so a merge of parts is the very sketch of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlrun_like.statistics import packing

__all__ = ["ACCURACY", "BUCKETS", "QuantileSketch", "bucket_values", "buckets_of", "quantiles_of"]

ACCURACY = 0.02
"""The relative error of a quantile."""
_GROWTH = (1 + ACCURACY) / (1 - ACCURACY)
_FURTHEST = math.ceil(math.log(1e18) / math.log(_GROWTH))
_ZERO = 2 * _FURTHEST + 1
BUCKETS = 2 * _ZERO + 1
_Ints = np.ndarray[Any, np.dtype[np.int64]]
_Floats = np.ndarray[Any, np.dtype[np.float64]]


def buckets_of(values: Any) -> _Ints:
    """The bucket of each finite number; larger numbers have larger buckets."""
    with np.errstate(divide="ignore"):
        steps = np.log(np.abs(values))
    steps *= 1 / math.log(_GROWTH)
    np.ceil(steps, out=steps)
    np.clip(steps, -_FURTHEST, _FURTHEST, out=steps)
    steps += 1 + _FURTHEST
    steps *= np.sign(values)
    steps += _ZERO
    found: _Ints = steps.astype(np.int64)
    return found


def bucket_values() -> _Floats:
    """The number that stands for each bucket."""
    steps = np.arange(-_FURTHEST, _FURTHEST + 1)
    positive = 2 * _GROWTH**steps / (_GROWTH + 1)
    return np.concatenate([-positive[::-1], [0.0], positive])


_VALUES = bucket_values()


def quantiles_of(counts: Any, shares: Sequence[float], low: float, high: float) -> list[float]:
    """Quantiles of bucket counts, between the smallest and the largest value."""
    ends = np.cumsum(counts)
    if not len(ends) or not ends[-1]:
        return [math.nan] * len(shares)
    ranks = np.asarray(shares, dtype=np.float64) * (ends[-1] - 1)
    at = np.searchsorted(ends, ranks, side="right")
    found: list[float] = np.clip(_VALUES[np.minimum(at, BUCKETS - 1)], low, high).tolist()
    return found


class QuantileSketch:
    """Quantiles of numbers that come in parts.

    >>> sketch = QuantileSketch()
    >>> sketch.update(np.arange(1, 1001))
    >>> abs(sketch.quantile(0.5) / 500.5 - 1) < 0.02
    True
    """

    def __init__(self) -> None:
        self.counts = np.zeros(BUCKETS, dtype=np.int64)
        self.low, self.high = math.inf, -math.inf

    @property
    def count(self) -> int:
        """Numbers that were added."""
        return int(self.counts.sum())

    def update(self, values: Any) -> None:
        """The next numbers; what is not finite is left out."""
        numbers = np.asarray(values, dtype=np.float64).ravel()
        numbers = numbers[np.isfinite(numbers)]
        if len(numbers):
            self.counts += np.bincount(buckets_of(numbers), minlength=BUCKETS)
            self.low = min(self.low, float(numbers.min()))
            self.high = max(self.high, float(numbers.max()))

    def merge(self, other: QuantileSketch) -> None:
        """Add what another one has seen."""
        self.counts += other.counts
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)

    def quantile(self, share: float) -> float:
        """The value below which that share of the numbers is; NaN without any."""
        return quantiles_of(self.counts, [share], self.low, self.high)[0]

    def to_bytes(self) -> bytes:
        """Everything, for `from_bytes`."""
        return packing.pack(
            {"sketch": "quantile", "low": self.low, "high": self.high},
            packing.sparse("counts", self.counts),
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> QuantileSketch:
        """Raises InvalidArgumentError if the bytes are no such sketch."""
        head, parts = packing.unpack(data, "quantile")
        made = cls()
        made.counts = packing.dense("counts", parts, BUCKETS)
        made.low, made.high = float(head["low"]), float(head["high"])
        return made
