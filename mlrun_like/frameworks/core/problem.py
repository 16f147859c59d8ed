"""What a model of tables predicts: classes or numbers, one output or several."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy

from mlrun_like.frameworks.core.data import labels_of
from mlrun_like.registry import require

__all__ = ["Problem", "problem_of"]


class Problem(NamedTuple):
    """The kind of a model.

    Args:
        kind: `classification`, `regression`, or empty for others (clusters, transformers).
        classes: How many classes there are; 0 if that is not known or there are none.
        outputs: How many columns are predicted.
    """

    kind: str = ""
    classes: int = 0
    outputs: int = 1

    @property
    def binary(self) -> bool:
        """Two classes."""
        return self.kind == "classification" and self.classes == 2

    @property
    def multiclass(self) -> bool:
        """More than two classes."""
        return self.kind == "classification" and self.classes > 2

    @property
    def single(self) -> bool:
        """One column is predicted."""
        return self.outputs == 1


def problem_of(model: Any, y: Any = None) -> Problem:
    """What a model predicts.

    Args:
        model: A model with scikit-learn's methods.
        y: The true labels, which tell the number of classes.
    """
    kind = _kind(model)
    if y is None:
        found = getattr(model, "classes_", ()) if kind == "classification" else ()
        return Problem(kind, len(found) if not isinstance(found, list) else 0)
    labels = labels_of(y)
    outputs = 1 if labels.ndim == 1 else int(labels.shape[1])
    if kind != "classification":
        return Problem(kind, 0, outputs)
    known = getattr(model, "classes_", None) if outputs == 1 else None
    seen = len(numpy.unique(labels.astype(str) if labels.dtype == object else labels))
    classes = max(seen, len(known)) if isinstance(known, numpy.ndarray) else max(seen, 2)
    return Problem(kind, classes, outputs)


def _kind(model: Any) -> str:
    base = require("sklearn.base", extra="frameworks", feature="auto-logging")
    for kind, check in (("classification", "is_classifier"), ("regression", "is_regressor")):
        try:
            if getattr(base, check)(model):
                return kind
        except (AttributeError, TypeError):  # an old library that newer scikit-learn cannot ask
            continue
    name = type(model).__name__
    if "Classifier" in name:
        return "classification"
    return "regression" if "Regressor" in name else ""
