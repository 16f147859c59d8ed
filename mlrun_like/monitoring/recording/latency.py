"""Times in buckets of 4.4 % width: mergeable, small, and good enough for quantiles."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

__all__ = ["buckets_of", "merge_buckets", "quantile"]

_PER_OCTAVE = 16


def buckets_of(microseconds: Any) -> dict[str, int]:
    """How many times lie in each bucket; bucket `b` begins at 2 ** (b / 16) microseconds.

    >>> buckets_of([1, 1, 2])
    {'0': 2, '16': 1}
    """
    values = np.maximum(np.asarray(microseconds, dtype=np.float64), 1.0)
    found, counts = np.unique(
        np.floor(np.log2(values) * _PER_OCTAVE).astype(np.int64), return_counts=True
    )
    return {str(b): int(n) for b, n in zip(found.tolist(), counts.tolist(), strict=True)}


def merge_buckets(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The buckets of all times together."""
    merged: dict[str, int] = {}
    for part in parts:
        for name, count in part.items():
            merged[name] = merged.get(name, 0) + int(count)
    return merged


def quantile(buckets: Mapping[str, int], share: float) -> float:
    """A quantile in microseconds, right to 2.2 %; NaN if there are no times.

    >>> round(quantile({"0": 9, "160": 1}, 0.95))
    1046
    """
    total = sum(buckets.values())
    if not total:
        return math.nan
    wanted, seen = share * total, 0
    last = max(map(int, buckets))
    for number in sorted(map(int, buckets)):
        seen += buckets[str(number)]
        if seen >= wanted:
            last = number
            break
    return float(2.0 ** ((last + 0.5) / _PER_OCTAVE))
