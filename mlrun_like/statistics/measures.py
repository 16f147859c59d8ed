"""Metrics of predictions as sums over rows, so that any group of rows has its number at once.

A metric is Σ part / Σ whole of the group's rows: accuracy has part = (y = ŷ) and whole = 1, recall
part = (y = ŷ = 1) and whole = (y = 1), F1 part = 2 (y = ŷ = 1) and whole = (y = 1) + (ŷ = 1).
The same rows tell how sure the number is: its variance is Σ (part - value · whole)² / (Σ whole)²,
the linearised one of a ratio (W. G. Cochran, "Sampling Techniques", 1977, chapter 6), times
n / (n - 1).

Formulas: T. Fawcett, Pattern Recognition Letters 27 (2006); the area under the curve is the
Mann-Whitney statistic, its variance that of E. DeLong et al., Biometrics 44 (1988); the calibration
error has 10 bins of equal width (M. Naeini et al., AAAI 2015); Brier score G. Brier, Monthly
Weather Review 78 (1950).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

__all__ = ["ROWS", "Rows", "auc", "auc_parts", "calibration_error", "ratio_rows"]

_BINS = 10
_LEAST = 1e-15


class Rows(NamedTuple):
    """A metric's parts, row by row.

    Args:
        part: Numerators.
        whole: Denominators; None: 1 of every row.
        root: Whether the metric is the square root of the ratio.
        empty: Its value where the denominators are 0.
    """

    part: Any
    whole: Any = None
    root: bool = False
    empty: float = 0.0

    def shown(self, ratio: Any) -> Any:
        """The metric of a ratio."""
        return np.sqrt(np.maximum(ratio, 0)) if self.root else ratio

    def value(self, where: Any = None) -> float:
        """The metric of some rows; None: of all.

        >>> Rows(np.array([1.0, 0.0])).value()
        0.5
        """
        part = self.part if where is None else self.part[where]
        if self.whole is None:
            return float(self.shown(part.mean())) if len(part) else math.nan
        total = float((self.whole if where is None else self.whole[where]).sum())
        return float(self.shown(part.sum() / total)) if total else self.empty

    def error(self) -> float:
        """The standard error of the ratio; NaN of fewer than two rows that count.

        >>> Rows(np.array([1.0, 0.0, 1.0])).error().__round__(6)
        0.333333
        """
        whole = np.ones(len(self.part)) if self.whole is None else self.whole
        count, total = int((whole != 0).sum()), float(whole.sum())
        if count < 2 or not total:
            return math.nan
        off = self.part - self.part.sum() / total * whole
        return math.sqrt(float((off**2).sum()) * count / (count - 1)) / abs(total)


def _floats(values: Any) -> Any:
    return np.asarray(values, dtype=float)


def _accuracy(truth: Any, said: Any, positive: Any) -> Rows:
    return Rows((truth == said).astype(float))


def _share(top: Any, bottom: Any) -> Rows:
    return Rows((top & bottom).astype(float), bottom.astype(float))


def _f1(truth: Any, said: Any, positive: Any) -> Rows:
    real, chosen = truth == positive, said == positive
    return Rows(2.0 * (real & chosen), real.astype(float) + chosen)


def _log_loss(truth: Any, scores: Any, positive: Any) -> Rows:
    chance = np.clip(_floats(scores), _LEAST, 1 - _LEAST)
    return Rows(-np.log(np.where(truth == positive, chance, 1 - chance)))


def _errors(truth: Any, said: Any) -> Any:
    return _floats(truth) - _floats(said)


def _mape(truth: Any, said: Any, positive: Any) -> Rows:
    real = _floats(truth)
    return Rows(np.abs(_errors(real, said)) / np.maximum(np.abs(real), np.finfo(float).eps))


ROWS: Mapping[str, Callable[[Any, Any, Any], Rows]] = MappingProxyType(
    {
        "accuracy": _accuracy,
        "error": lambda y, said, _: Rows((y != said).astype(float)),
        "precision": lambda y, said, one: _share(y == one, said == one),
        "recall": lambda y, said, one: _share(said == one, y == one),
        "specificity": lambda y, said, one: _share(said != one, y != one),
        "f1": _f1,
        "selection_rate": lambda y, said, one: Rows((said == one).astype(float)),
        "log_loss": _log_loss,
        "brier": lambda y, scores, one: Rows((_floats(scores) - (y == one)) ** 2),
        "mse": lambda y, said, _: Rows(_errors(y, said) ** 2),
        "rmse": lambda y, said, _: Rows(_errors(y, said) ** 2, root=True),
        "mae": lambda y, said, _: Rows(np.abs(_errors(y, said))),
        "mape": _mape,
    }
)
"""Metric -> its rows, from truth, prediction (or score) and the positive class."""


def ratio_rows(metric: str, truth: Any, said: Any, positive: Any = 1) -> Rows | None:
    """The rows of a metric; None if it is no ratio of sums (`auc`, `r2`, `ece`).

    >>> ratio_rows("recall", [1, 1, 0], [1, 0, 0]).value()
    0.5
    """
    made = ROWS.get(metric)
    return None if made is None else made(np.asarray(truth), np.asarray(said), positive)


def _below(values: Any, others: Any) -> Any:
    """How many of the others are below each value, ties by half."""
    ranked = np.sort(others)
    left = np.searchsorted(ranked, values, side="left")
    return (left + np.searchsorted(ranked, values, side="right")) / 2


def auc_parts(truth: Any, scores: Any, positive: Any = 1) -> tuple[Any, Any]:
    """The share of negatives below each positive, and of positives above each negative; the mean
    of either one is the area under the curve."""
    real, given = np.asarray(truth) == positive, _floats(scores)
    ones, zeros = given[real], given[~real]
    if not len(ones) or not len(zeros):
        return np.array([]), np.array([])
    return _below(ones, zeros) / len(zeros), 1 - _below(zeros, ones) / len(ones)


def auc(truth: Any, scores: Any, positive: Any = 1) -> float:
    """The area under the curve; NaN of one class.

    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    above = auc_parts(truth, scores, positive)[0]
    return float(above.mean()) if len(above) else math.nan


def calibration_error(truth: Any, scores: Any, positive: Any = 1, bins: int = _BINS) -> float:
    """Expected calibration error: how far scores are from shares, mean over bins by their rows.

    Args:
        truth: What is true.
        scores: Chances of the positive class, from 0 to 1.
        positive: That class.
        bins: How many, of equal width; the last one holds 1.

    >>> round(calibration_error([0, 1, 1, 1], [0.25, 0.25, 0.85, 0.95]), 6)
    0.175
    """
    given = _floats(scores)
    if not len(given):
        return math.nan
    place = np.clip((given * bins).astype(int), 0, bins - 1)
    off = (np.asarray(truth) == positive).astype(float) - given
    return float(np.abs(np.bincount(place, off, bins)).sum() / len(given))
