"""Scores of predictions: those that MLRun computes by default, and the user's own."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.core.data import labels_of
from mlrun_like.frameworks.core.problem import Problem, problem_of
from mlrun_like.registry import require

__all__ = ["Metric", "MetricsLibrary", "default_metrics", "parse_metrics"]

PARAMETER = "_metrics"
"""A run's parameter that names metrics (MLRun's word)."""


class Metric:
    """A score computed of true and predicted labels.

    Args:
        metric: A function `(y_true, y_pred, **arguments)`, or its import path; a bare name is one
            of `sklearn.metrics`.
        name: The result's name; by default the function's.
        additional_arguments: Further arguments of the function.
        need_probabilities: It takes what `predict_proba` gives: one column per class, and of two
            classes the second's column alone.

    >>> Metric(max, name="top").name
    'top'

    Raises:
        InvalidArgumentError: if the metric cannot be imported or called.
    """

    def __init__(
        self,
        metric: Callable[..., Any] | str,
        name: str | None = None,
        additional_arguments: Mapping[str, Any] | None = None,
        need_probabilities: bool = False,
    ) -> None:
        self.function = _imported(metric) if isinstance(metric, str) else metric
        if not callable(self.function):
            raise InvalidArgumentError(
                f"metric {metric!r:.80} cannot be called", fix="a function or its import path"
            )
        own = getattr(self.function, "__name__", None) or type(self.function).__name__
        self.name = name or own
        self.arguments = dict(additional_arguments or {})
        self.need_probabilities = need_probabilities
        self.own = True

    def __repr__(self) -> str:
        return f"Metric({self.name!r})"

    def __call__(self, y_true: Any, y_pred: Any) -> float:
        """The score as a number."""
        guessed = numpy.asarray(y_pred)
        if self.need_probabilities and guessed.ndim == 2 and guessed.shape[1] == 2:
            guessed = guessed[:, 1]
        return float(self.function(labels_of(y_true), guessed, **self.arguments))


def _imported(path: str) -> Any:
    module, _, name = path.rpartition(".")
    if not module:
        metrics = require("sklearn.metrics", extra="frameworks", feature=f"metric {path!r}")
        found = getattr(metrics, name, None)
    else:
        try:
            found = getattr(importlib.import_module(module), name, None)
        except ImportError as exc:
            raise InvalidArgumentError(f"metric {path!r} cannot be imported: {exc}") from exc
    if found is None:
        raise InvalidArgumentError(
            f"there is no metric {path!r}", fix='an import path, "sklearn.metrics.log_loss"'
        )
    return found


def parse_metrics(given: Any) -> list[Metric]:
    """Metrics from what users write.

    Args:
        given: A list, or a mapping of names, of entries: a Metric, function, import path, a pair
            `(function, arguments)`, or a mapping with the arguments of Metric. The argument
            `need_probabilities` among a pair's arguments is Metric's own.

    >>> [m.name for m in parse_metrics({"best": (max, {"default": 0})})]
    ['best']

    Raises:
        InvalidArgumentError: if an entry is of another kind.
    """
    if given is None:
        return []
    if isinstance(given, Mapping):
        return [_entry(entry, str(name)) for name, entry in given.items()]
    if isinstance(given, (list, tuple)):
        return [_entry(entry, None) for entry in given]
    raise InvalidArgumentError(
        f"metrics must be a list or a mapping, not {given!r:.80}",
        fix='metrics=["accuracy_score", (fbeta_score, {"beta": 2})]',
    )


def _entry(entry: Any, name: str | None) -> Metric:
    if isinstance(entry, Metric):
        entry.name = name or entry.name
        return entry
    if isinstance(entry, Mapping):
        try:
            return Metric(**{"name": name, **entry})
        except TypeError as exc:
            raise InvalidArgumentError(f"metric {dict(entry)!r:.120}: {exc}") from exc
    if isinstance(entry, (list, tuple)):
        if len(entry) != 2 or not isinstance(entry[1], Mapping):
            raise InvalidArgumentError(
                f"metric {entry!r:.80} is not a pair of a function and a mapping of its arguments"
            )
        arguments = dict(entry[1])
        probabilities = bool(arguments.pop("need_probabilities", False))
        return Metric(entry[0], name, arguments, probabilities)
    return Metric(entry, name)


def default_metrics(problem: Problem, model: Any = None) -> list[Metric]:
    """The scores that fit a problem: MLRun's, and `auc` for two classes.

    Args:
        problem: What is predicted.
        model: The model; without `predict_proba` there are no scores of probabilities.

    >>> [metric.name for metric in default_metrics(Problem("regression"))]
    ['mean_absolute_error', 'r2_score', 'root_mean_squared_error', 'mean_squared_error']
    """
    scores = require("sklearn.metrics", extra="frameworks", feature="default metrics")
    found: list[Metric] = []
    if problem.kind == "regression":
        found = [
            Metric(scores.mean_absolute_error),
            Metric(scores.r2_score),
            Metric(_root_mean_squared_error, "root_mean_squared_error"),
            Metric(scores.mean_squared_error),
        ]
    elif problem.kind == "classification":
        found = [Metric(scores.accuracy_score, "accuracy")]
        if problem.single:
            found += _of_classes(problem, model)
            found += _of_probabilities(problem)
    if not hasattr(model, "predict_proba"):
        found = [metric for metric in found if not metric.need_probabilities]
    for metric in found:
        metric.own = False
    return found


def _of_classes(problem: Problem, model: Any) -> list[Metric]:
    scores = require("sklearn.metrics", extra="frameworks", feature="default metrics")
    arguments: dict[str, Any] = {"zero_division": 0.0}
    if problem.multiclass:
        arguments["average"] = "macro"
    else:
        classes = list(getattr(model, "classes_", ()))
        if len(classes) == 2 and 1 not in classes:
            arguments["pos_label"] = classes[1]
    names = ("f1_score", "precision_score", "recall_score")
    return [Metric(getattr(scores, name), name, arguments) for name in names]


def _of_probabilities(problem: Problem) -> list[Metric]:
    scores = require("sklearn.metrics", extra="frameworks", feature="default metrics")
    if problem.binary:
        return [Metric(_auc, "auc", need_probabilities=True)]
    pairs = {"multi_class": "ovo"}
    return [
        Metric(_micro_auc, "auc-micro", need_probabilities=True),
        Metric(scores.roc_auc_score, "auc-macro", {**pairs, "average": "macro"}, True),
        Metric(scores.roc_auc_score, "auc-weighted", {**pairs, "average": "weighted"}, True),
    ]


def _root_mean_squared_error(y_true: Any, y_pred: Any) -> float:
    scores = require("sklearn.metrics", extra="frameworks", feature="default metrics")
    return math.sqrt(scores.mean_squared_error(y_true, y_pred))


def _auc(y_true: Any, y_pred: Any) -> Any:
    scores = require("sklearn.metrics", extra="frameworks", feature="default metrics")
    if len(numpy.unique(y_true)) < 2:
        raise ValueError("the test set has one class only")
    return scores.roc_auc_score(y_true, y_pred)


def _micro_auc(y_true: Any, y_pred: Any) -> Any:
    """Every class's decisions thrown together: one curve for all."""
    scores = require("sklearn.metrics", extra="frameworks", feature="default metrics")
    preprocessing = require("sklearn.preprocessing", extra="frameworks", feature="default metrics")
    marks = preprocessing.LabelBinarizer().fit_transform(y_true)
    return scores.roc_auc_score(marks, y_pred, average="micro")


class MetricsLibrary:
    """MLRun's door to the metrics of a model."""

    CONTEXT_PARAMETER = PARAMETER

    @classmethod
    def get_metrics(
        cls,
        metrics: Any = None,
        context: Any = None,
        include_default: bool = True,
        *,
        model: Any = None,
        y: Any = None,
    ) -> list[Metric]:
        """The metrics that a run names in its parameter `_metrics`, those given, and the default.

        Args:
            metrics: As for `parse_metrics`.
            context: The run.
            include_default: Add those that fit the model.
            model: The model.
            y: The true labels.
        """
        from_run = (context.parameters if context is not None else {}).get(PARAMETER)
        found = [*parse_metrics(from_run), *parse_metrics(metrics)]
        if include_default and model is not None:
            taken = {metric.name for metric in found}
            usual = default_metrics(problem_of(model, y), model)
            found += [metric for metric in usual if metric.name not in taken]
        return found
