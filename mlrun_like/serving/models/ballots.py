"""How votes become one prediction: the weighted majority of labels, or the mean of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from mlrun_like.errors import StepError

__all__ = ["VOTE_TYPES", "kind_of", "majority", "mean"]

VOTE_TYPES = ("classification", "regression")


def kind_of(predictions: Sequence[Sequence[Any]]) -> str:
    """What predictions are, by their types alone: numbers with a fraction's type are averaged.

    >>> kind_of([[1, 2]]), kind_of([["a", "b"]]), kind_of([[1.0, 2]])
    ('classification', 'classification', 'regression')
    """
    for row in predictions:
        for value in row:
            if isinstance(value, (list, tuple, numpy.ndarray)):
                return "regression"
            if isinstance(value, (float, numpy.floating)):
                return "regression"
    return "classification"


def majority(predictions: Sequence[Sequence[Any]], weights: Sequence[float]) -> list[Any]:
    """For each row, the label with the greatest sum of weights; of equal ones, the smallest.

    Labels may be texts, numbers (negative ones too) or booleans.

    >>> majority([["cat", "dog", "cat"], [-1, 1, 1]], [1, 1, 1])
    ['cat', 1]

    Raises:
        StepError: if a prediction is not a label.
    """
    return [_winner(row, weights) for row in predictions]


def _winner(row: Sequence[Any], weights: Sequence[float]) -> Any:
    sums: dict[Any, float] = {}
    for label, weight in zip(row, weights, strict=True):
        plain = label.item() if isinstance(label, numpy.generic) else label
        if isinstance(plain, (list, dict, set, numpy.ndarray)):
            raise StepError(
                f"a route predicted {plain!r:.60}, which is not a label to vote on",
                fix='vote_type="regression" averages lists of numbers, such as probabilities',
            )
        sums[plain] = sums.get(plain, 0.0) + float(weight)
    best = max(sums.values())
    # sums of the same weights in another order may differ in their last bits
    first = [label for label, total in sums.items() if total >= best - 1e-9 * max(1.0, abs(best))]
    if len(first) == 1:
        return first[0]
    try:
        return min(first)
    except TypeError:  # texts among numbers
        return min(first, key=lambda label: (type(label).__name__, str(label)))


def mean(predictions: Sequence[Sequence[Any]], weights: Sequence[float]) -> list[Any]:
    """For each row, the weighted mean; of lists, element by element. Weights sum up to 1.

    >>> mean([[1, 2], [3.0, 5.0]], [0.5, 0.5])
    [1.5, 4.0]

    Raises:
        StepError: if a prediction is not a number.
    """
    if not len(predictions):
        return []
    try:
        values = numpy.asarray([list(row) for row in predictions], dtype=float)
    except (ValueError, TypeError) as exc:
        raise StepError(
            f"predictions such as {predictions[0]!r:.80} cannot be averaged",
            fix='vote_type="classification" votes on labels',
        ) from exc
    found: list[Any] = numpy.tensordot(values, numpy.asarray(weights), axes=(1, 0)).tolist()
    return found
