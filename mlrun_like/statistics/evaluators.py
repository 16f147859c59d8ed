"""A metric of many groups of rows at once, with its variance, and the same of all other rows."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mlrun_like.statistics.intervals import Interval, wilson
from mlrun_like.statistics.measures import Rows
from mlrun_like.statistics.student import t_quantile

__all__ = ["AucEvaluator", "Evaluator", "FunctionEvaluator", "Groups", "RatioEvaluator"]

_PARTS = 10


class Groups(NamedTuple):
    """One item of each array for each group.

    Args:
        rows: Its rows.
        counted: Rows that tell the metric (for recall: those of the positive class).
        value: The metric, before a root is taken; NaN where nothing tells it.
        variance: Of the value.
        rest: The value of all other rows.
        rest_variance: Of that.
        rest_counted: Rows that tell that.
    """

    rows: Any
    counted: Any
    value: Any
    variance: Any
    rest: Any
    rest_variance: Any
    rest_counted: Any


class Evaluator(ABC):
    """A metric of groups of rows."""

    exhaustive = True
    """Whether thousands of groups cost little."""

    @abstractmethod
    def groups(self, keys: Any, size: int) -> Groups:
        """The metric of each group; `keys` has a number from 0 to below `size` for each row."""

    def one(self, where: Any) -> Groups:
        """The metric of the rows of a mask, as the only group."""
        found = self.groups(np.where(where, 0, 1), 2)
        return Groups(*(column[:1] for column in found))

    def shown(self, value: Any) -> Any:
        """The metric as people know it."""
        return value

    def interval(self, found: Groups, at: int, confidence: float) -> Interval:
        """The confidence interval of a group's shown value."""
        counted, value = float(found.counted[at]), float(found.value[at])
        error = math.sqrt(max(0.0, float(found.variance[at])))
        if counted < 2 or math.isnan(value):
            return Interval(math.nan, math.nan)
        half = t_quantile((1 + confidence) / 2, counted - 1) * error
        return Interval(float(self.shown(value - half)), float(self.shown(value + half)))


class RatioEvaluator(Evaluator):
    """Metrics that are sums over rows, by `measures.Rows`.

    >>> found = RatioEvaluator(Rows(np.array([1.0, 0, 1, 1]))).groups(np.array([0, 0, 1, 1]), 2)
    >>> found.value.tolist(), found.rest.tolist()
    ([0.5, 1.0], [1.0, 0.5])
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.total = _over(rows.part, _whole(rows))
        # less the metric of all rows: sums of squares keep their digits
        off = rows.part - (0.0 if math.isnan(self.total) else self.total) * _whole(rows)
        self._columns = [off, off**2]
        if rows.whole is not None:
            whole = rows.whole
            self._columns += [whole, off * whole, whole**2, (whole != 0).astype(float)]
        self._sums = [float(column.sum()) for column in self._columns]
        parts = rows.part[_whole(rows) != 0]
        self._share = rows.whole is None or bool(np.isin(rows.whole, (0, 1)).all())
        self._share = self._share and bool(np.isin(parts, (0, 1)).all())

    def shown(self, value: Any) -> Any:
        return self._rows.shown(value)

    def groups(self, keys: Any, size: int) -> Groups:
        rows = np.bincount(keys, minlength=size).astype(float)
        sums = [np.bincount(keys, column, size) for column in self._columns]
        others = [total - found for total, found in zip(self._sums, sums, strict=True)]
        value, variance, counted = self._moments(rows, sums)
        rest, rest_variance, rest_counted = self._moments(len(keys) - rows, others)
        return Groups(rows, counted, value, variance, rest, rest_variance, rest_counted)

    def _moments(self, rows: Any, sums: list[Any]) -> tuple[Any, Any, Any]:
        off, square = sums[0], sums[1]
        whole, cross, whole2, counted = sums[2:] if len(sums) > 2 else (rows, off, rows, rows)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(whole > 0, off / whole, np.nan)
            spread = np.maximum(square - 2 * ratio * cross + ratio**2 * whole2, 0)
            # what is left of equal rows after rounding is no variance
            spread = np.where(spread < 1e-12 * np.maximum(square, 1e-300), 0, spread)
            variance = spread / whole**2 * counted / (counted - 1)
        return self.total + ratio, np.where(counted > 1, variance, np.nan), counted

    def interval(self, found: Groups, at: int, confidence: float) -> Interval:
        counted, value = float(found.counted[at]), float(found.value[at])
        if self._share and counted:
            return wilson(round(value * counted), counted, confidence)
        return super().interval(found, at, confidence)


def _whole(rows: Rows) -> Any:
    return np.ones(len(rows.part)) if rows.whole is None else rows.whole


def _over(part: Any, whole: Any) -> float:
    total = float(whole.sum())
    return float(part.sum()) / total if total else math.nan


class AucEvaluator(Evaluator):
    """The area under the curve, with DeLong's variance; a group is held against all rows.

    Args:
        real: Whether each row is positive.
        scores: Its score.
    """

    def __init__(self, real: Any, scores: Any) -> None:
        self._order = np.argsort(scores, kind="stable")
        self._real = np.asarray(real, dtype=bool)[self._order]
        self._scores = np.unique(scores, return_inverse=True)[1][self._order]
        self._all = self._stats(np.zeros(len(self._real), dtype=int), 1)

    def groups(self, keys: Any, size: int) -> Groups:
        rows = np.bincount(keys, minlength=size).astype(float)
        value, variance, counted = self._stats(keys[self._order], size)
        rest, spread, known = (np.repeat(found, size) for found in self._all)
        return Groups(rows, counted, value, variance, rest, spread, known)

    def one(self, where: Any) -> Groups:
        chosen = np.flatnonzero(np.asarray(where)[self._order])
        stats = self._stats(np.zeros(len(chosen), dtype=int), 1, chosen)
        value, variance, counted = stats
        return Groups(np.array([float(len(chosen))]), counted, value, variance, *self._all)

    def _stats(self, keys: Any, size: int, chosen: Any = None) -> tuple[Any, Any, Any]:
        real, scores = self._real, self._scores
        if chosen is not None:
            real, scores = real[chosen], scores[chosen]
        if size > 1:  # small integers are sorted by radix
            keys = keys.astype(np.uint16 if size <= 65535 else np.int64)
            order = np.argsort(keys, kind="stable")
            keys, real, scores = keys[order], real[order], scores[order]
        ones = np.bincount(keys, real, size)
        zeros = np.bincount(keys, minlength=size) - ones
        first = np.ones(len(keys), dtype=bool)
        first[1:] = (keys[1:] != keys[:-1]) | (scores[1:] != scores[:-1])
        start = np.flatnonzero(first)
        run = np.cumsum(first, dtype=np.int32) - 1
        end = np.append(start[1:], len(keys))
        # positives before each row; equal scores of a group count half
        before = np.concatenate([[0], np.cumsum(real, dtype=np.int32)])
        ones_below = (before[start] + before[end]) / 2
        zeros_below = (start + end) / 2 - ones_below
        mine, others = np.flatnonzero(real), np.flatnonzero(~real)
        key, other = keys[mine], keys[others]
        with np.errstate(divide="ignore", invalid="ignore"):
            won = (zeros_below[run[mine]] - _before(zeros)[key]) / zeros[key]
            lost = (ones_below[run[others]] - _before(ones)[other]) / ones[other]
            value = np.bincount(key, won, size) / ones
            spread = _spread(key, won, value, ones, size)
            spread += _spread(other, lost, 1 - value, zeros, size)
        known = (ones > 1) & (zeros > 1)
        return (
            np.where(known, value, np.nan),
            np.where(known, spread, np.nan),
            2 * np.minimum(ones, zeros),
        )


def _before(counts: Any) -> Any:
    return np.concatenate([[0], np.cumsum(counts)])[:-1]


def _spread(keys: Any, won: Any, mean: Any, counts: Any, size: int) -> Any:
    square = np.bincount(keys, won**2, size) - counts * mean**2
    return np.maximum(square, 0) / (counts - 1) / counts


class FunctionEvaluator(Evaluator):
    """Any metric of rows; its variance by leaving out a tenth of the rows at a time.

    The jackknife of groups of rows: J. Shao, D. Tu, "The Jackknife and Bootstrap", 1995, 2.1.

    Args:
        function: The metric of the rows at some places.
        rows: How many rows there are.
        seed: Which rows are left out together.
    """

    exhaustive = False

    def __init__(self, function: Callable[[Any], float], rows: int, seed: int = 0) -> None:
        self._function, self._count = function, rows
        self._part = np.random.default_rng(seed).integers(0, _PARTS, size=rows)
        self._all = self._stat(np.arange(rows))

    def groups(self, keys: Any, size: int) -> Groups:
        rows = np.bincount(keys, minlength=size)
        order = np.split(np.argsort(keys, kind="stable"), np.cumsum(rows)[:-1])
        stats = np.array([self._stat(places) for places in order]).reshape(size, 2)
        rest, spread = self._all
        counted = rows.astype(float)
        return Groups(
            counted, counted, stats[:, 0], stats[:, 1],
            np.full(size, rest), np.full(size, spread), np.full(size, float(self._count)),
        )  # fmt: skip

    def one(self, where: Any) -> Groups:
        places = np.flatnonzero(where)
        value, variance = self._stat(places)
        found = (len(places), len(places), value, variance, *self._all, self._count)
        return Groups(*(np.array([float(one)]) for one in found))

    def _stat(self, places: Any) -> tuple[float, float]:
        if len(places) < 2 * _PARTS:
            return math.nan, math.nan
        left = [self._function(places[self._part[places] != part]) for part in range(_PARTS)]
        spread = float(np.var(left)) * (_PARTS - 1)
        return float(self._function(places)), spread
