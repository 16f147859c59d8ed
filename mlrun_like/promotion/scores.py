"""Metrics of predictions, from their definitions; no library is needed.

Formulas: precision, recall, F1 and ROC as in T. Fawcett, "An introduction to ROC analysis", Pattern
Recognition Letters 27 (2006); the area under the curve is the Mann-Whitney statistic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError, nearest

__all__ = ["LOWER_IS_BETTER", "SCORES", "USES_SCORES", "positive_class", "score"]

LOWER_IS_BETTER = frozenset(
    ("error", "log_loss", "loss", "mae", "mape", "max_error", "mse", "rmse", "latency")
)
"""Words of which a metric's name has one if less of it is better."""

USES_SCORES = frozenset(("auc", "roc_auc", "log_loss"))
"""Metrics of probabilities rather than of classes."""


def positive_class(truth: Any) -> Any:
    """The class that counts as positive: the larger one of two.

    >>> positive_class([0, 1, 0])
    1
    """
    values = pd.unique(pd.Series(np.asarray(truth)).dropna())
    return max(values.tolist(), key=lambda value: (str(type(value)), value)) if len(values) else 1


def _counts(truth: Any, predicted: Any, positive: Any) -> tuple[int, int, int, int]:
    real, said = np.asarray(truth) == positive, np.asarray(predicted) == positive
    true, false = int((real & said).sum()), int((~real & said).sum())
    return true, false, int((real & ~said).sum()), int((~real & ~said).sum())


def _accuracy(truth: Any, predicted: Any, positive: Any) -> float:
    return float((np.asarray(truth) == np.asarray(predicted)).mean())


def _precision(truth: Any, predicted: Any, positive: Any) -> float:
    true, false, _, _ = _counts(truth, predicted, positive)
    return true / (true + false) if true + false else 0.0


def _recall(truth: Any, predicted: Any, positive: Any) -> float:
    true, _, missed, _ = _counts(truth, predicted, positive)
    return true / (true + missed) if true + missed else 0.0


def _f1(truth: Any, predicted: Any, positive: Any) -> float:
    true, false, missed, _ = _counts(truth, predicted, positive)
    return 2 * true / (2 * true + false + missed) if true + false + missed else 0.0


def _auc(truth: Any, scores: Any, positive: Any) -> float:
    real = np.asarray(truth) == positive
    ranks = pd.Series(np.asarray(scores, dtype=float)).rank().to_numpy()
    ones, zeros = int(real.sum()), int((~real).sum())
    if not ones or not zeros:
        return float("nan")
    return float((ranks[real].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _log_loss(truth: Any, scores: Any, positive: Any) -> float:
    real = (np.asarray(truth) == positive).astype(float)
    chance = np.clip(np.asarray(scores, dtype=float), 1e-15, 1 - 1e-15)
    return float(-(real * np.log(chance) + (1 - real) * np.log(1 - chance)).mean())


def _errors(truth: Any, predicted: Any) -> Any:
    return np.asarray(truth, dtype=float) - np.asarray(predicted, dtype=float)


def _r2(truth: Any, predicted: Any, positive: Any) -> float:
    real = np.asarray(truth, dtype=float)
    spread = float(((real - real.mean()) ** 2).sum())
    return 1 - float((_errors(truth, predicted) ** 2).sum()) / spread if spread else float("nan")


SCORES: Mapping[str, Callable[[Any, Any, Any], float]] = MappingProxyType(
    {
        "accuracy": _accuracy,
        "precision": _precision,
        "recall": _recall,
        "f1": _f1,
        "auc": _auc,
        "roc_auc": _auc,
        "log_loss": _log_loss,
        "mse": lambda truth, said, _: float((_errors(truth, said) ** 2).mean()),
        "rmse": lambda truth, said, _: float(np.sqrt((_errors(truth, said) ** 2).mean())),
        "mae": lambda truth, said, _: float(np.abs(_errors(truth, said)).mean()),
        "r2": _r2,
    }
)
"""Name -> a function of truth, prediction (or score of the positive class), positive class."""


def score(metric: str, truth: Any, predicted: Any, positive: Any = None) -> float:
    """A metric of predictions.

    Args:
        metric: One of `SCORES`.
        truth: What is true.
        predicted: What was predicted; for `auc` and `log_loss` the score of the positive class.
        positive: The positive class; None: the larger one.

    Raises:
        InvalidArgumentError: if there is no such metric, there are no rows, or they do not fit it.

    >>> score("accuracy", [0, 1, 1, 0], [0, 1, 0, 0])
    0.75
    >>> score("auc", [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    if metric not in SCORES:
        raise InvalidArgumentError(
            f"there is no metric {metric!r} of predictions.{nearest(metric, SCORES)}",
            fix=f"use one of: {', '.join(SCORES)}",
        )
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
