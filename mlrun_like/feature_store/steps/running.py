"""Statistics that grow with the values: what an Imputer has learnt of one column."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from typing import Any

__all__ = ["METHODS", "STATISTICS", "Running"]

METHODS = ("avg", "mean", "median", "min", "max", "mode", "const")
"""The methods of an Imputer."""
STATISTICS = {"avg": "mean", "mean": "mean", "median": "50%", "min": "min", "max": "max"}
"""How the statistics of a feature set call what a method gives."""

_LATEST = 10_000
"""Of how many values a median is, and how many different ones a mode can tell apart."""


class Running:
    """One statistic of the values so far.

    The median is exact for the latest 10,000 values. The most frequent value is chosen among the
    first 10,000 different ones; of several, the one that was seen first.

    Args:
        method: One of `METHODS` but "const".

    >>> mean = Running("avg")
    >>> [mean.add(value) for value in (1, 2, 6)] and mean.value()
    3.0
    """

    def __init__(self, method: str) -> None:
        self.method = "avg" if method == "mean" else method
        self.count = 0
        self._total = 0.0
        self._best: Any = None
        self._latest: deque[Any] = deque()
        self._sorted: list[Any] = []
        self._seen: dict[Any, int] = {}

    def add(self, value: Any) -> None:
        """Take in a value that is not missing."""
        self.count += 1
        method = self.method
        if method == "avg":
            self._total += value
        elif method == "median":
            insort(self._sorted, value)
            self._latest.append(value)
            if len(self._latest) > _LATEST:
                self._sorted.pop(bisect_left(self._sorted, self._latest.popleft()))
        elif method == "mode":
            count = self._seen.get(value, 0) + 1
            if count > 1 or len(self._seen) < _LATEST:
                self._seen[value] = count
                if self._best is None or count > self._seen[self._best]:
                    self._best = value
        elif self._best is None or (value < self._best if method == "min" else value > self._best):
            self._best = value

    def value(self) -> Any:
        """The statistic, or None: there were no values."""
        if not self.count:
            return None
        if self.method == "avg":
            return self._total / self.count
        if self.method == "median":
            ordered = self._sorted
            middle = len(ordered) // 2
            if len(ordered) % 2:
                return ordered[middle]
            return (ordered[middle - 1] + ordered[middle]) / 2
        return self._best
