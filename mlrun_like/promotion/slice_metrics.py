"""A metric of slices, for gates and reports alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mlrun_like.promotion.scores import SCORES
from mlrun_like.statistics.evaluators import (
    AucEvaluator,
    Evaluator,
    FunctionEvaluator,
    RatioEvaluator,
)
from mlrun_like.statistics.measures import ratio_rows

__all__ = ["evaluator_of"]


def evaluator_of(
    metric: str | Callable[[Any, Any], float], truth: Any, said: Any, positive: Any = 1
) -> Evaluator:
    """What measures groups of rows.

    Args:
        metric: One of `scores.SCORES`, or a function of truth and prediction.
        truth: What is true.
        said: What was predicted; scores for metrics of scores.
        positive: The positive class.

    >>> evaluator_of("accuracy", [1, 0], [1, 1]).one([True, False]).value.tolist()
    [1.0]
    """
    truth, said = np.asarray(truth), np.asarray(said)
    if callable(metric):
        function = metric
        return FunctionEvaluator(lambda at: float(function(truth[at], said[at])), len(truth))
    rows = ratio_rows(metric, truth, said, positive)
    if rows is not None:
        return RatioEvaluator(rows)
    if metric in ("auc", "roc_auc"):
        return AucEvaluator(truth == positive, np.asarray(said, dtype=float))
    return FunctionEvaluator(lambda at: SCORES[metric](truth[at], said[at], positive), len(truth))
