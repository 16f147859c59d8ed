"""Metrics of predictions, checked; their definitions are in `statistics.measures`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.statistics.measures import ROWS, auc, calibration_error

__all__ = [
    "LOWER_IS_BETTER",
    "SCORES",
    "USES_SCORES",
    "check_metric",
    "lower_is_better",
    "positive_class",
    "score",
]

LOWER_IS_BETTER = frozenset(
    (
        "brier", "ece", "error", "log_loss", "loss", "mae", "mape", "max_error", "mse", "rmse",
        "latency",
    )
)  # fmt: skip
"""Words of which a metric's name has one if less of it is better."""

USES_SCORES = frozenset(("auc", "roc_auc", "log_loss", "brier", "ece"))
"""Metrics of probabilities rather than of classes."""


def lower_is_better(metric: str) -> bool:
    """Whether less of a metric is better, as its name tells.

    >>> lower_is_better("val_loss"), lower_is_better("auc")
    (True, False)
    """
    name = metric.lower()
    return name in LOWER_IS_BETTER or bool(LOWER_IS_BETTER & set(re.split(r"[\W_]+", name)))


def positive_class(truth: Any) -> Any:
    """The class that counts as positive: the larger one of two.

    >>> positive_class([0, 1, 0])
    1
    """
    values = pd.unique(pd.Series(np.asarray(truth)).dropna())
    return max(values.tolist(), key=lambda value: (str(type(value)), value)) if len(values) else 1


def _ratio(metric: str) -> Callable[[Any, Any, Any], float]:
    def value(truth: Any, said: Any, positive: Any) -> float:
        return ROWS[metric](np.asarray(truth), np.asarray(said), positive).value()

    return value


def _balanced(truth: Any, said: Any, positive: Any) -> float:
    real, given = np.asarray(truth), np.asarray(said)
    return float(np.mean([(given[real == one] == one).mean() for one in pd.unique(real)]))


def _r2(truth: Any, predicted: Any, positive: Any) -> float:
    real = np.asarray(truth, dtype=float)
    spread = float(((real - real.mean()) ** 2).sum())
    off = real - np.asarray(predicted, dtype=float)
    return 1 - float((off**2).sum()) / spread if spread else float("nan")


_RATIOS = (
    "accuracy", "error", "precision", "recall", "specificity", "f1", "log_loss", "brier", "mse",
    "rmse", "mae", "mape",
)  # fmt: skip

SCORES: Mapping[str, Callable[[Any, Any, Any], float]] = MappingProxyType(
    {
        **{name: _ratio(name) for name in _RATIOS},
        "balanced_accuracy": _balanced,
        "auc": auc,
        "roc_auc": auc,
        "ece": calibration_error,
        "r2": _r2,
    }
)
"""Name -> a function of truth, prediction (or score of the positive class), positive class."""


def check_metric(metric: Any, of: str = "predictions") -> str:
    """A metric's name.

    Raises:
        InvalidArgumentError: if there is no such metric; names the nearest one.
    """
    if not isinstance(metric, str) or metric not in SCORES:
        raise InvalidArgumentError(
            f"there is no metric {metric!r:.60} of {of}.{nearest(str(metric), SCORES)}",
            fix=f"use one of: {', '.join(SCORES)}",
        )
    return metric


def score(metric: str, truth: Any, predicted: Any, positive: Any = None) -> float:
    """A metric of predictions.

    Args:
        metric: One of `SCORES`.
        truth: What is true.
        predicted: What was predicted; for `auc`, `log_loss`, `brier` and `ece` the score of the
            positive class.
        positive: The positive class; None: the larger one.

    Raises:
        InvalidArgumentError: if there is no such metric, there are no rows, or they do not fit it.

    >>> score("accuracy", [0, 1, 1, 0], [0, 1, 0, 0])
    0.75
    >>> score("auc", [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    check_metric(metric)
    if len(truth) != len(predicted) or not len(truth):
        raise InvalidArgumentError(
            f"{len(predicted)} predictions for {len(truth)} rows", where=f"metric {metric!r}"
        )
    if positive is None:
        positive = positive_class(truth)
    try:
        return SCORES[metric](truth, predicted, positive)
    except (TypeError, ValueError) as exc:
        raise InvalidArgumentError(
            f"metric {metric!r} cannot be computed: {exc!s:.200}",
            fix="metrics of numbers need numbers; classes have accuracy, precision, recall, f1",
        ) from exc
