"""Numbers and charts of a classifier, as `mlrun.mlutils` logged them in a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.artifacts.plots import PlotArtifact
from mlrun_like.compat.adapted.frameworks import charts
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require
from mlrun_like.types import Document

__all__ = ["eval_class_model", "eval_model_v2"]

_TWO = 2


def _sklearn(module: str) -> Any:
    return require(f"sklearn.{module}", extra="frameworks", feature="judging a classifier")


def _probabilities(model: Any, xtest: Any, options: Mapping[str, Any]) -> Any:
    if not hasattr(model, "predict_proba"):
        raise InvalidArgumentError(
            "not implemented for this classifier",
            where=type(model).__name__,
            fix="a classifier with predict_proba",
        )
    return model.predict_proba(xtest, **options)


def _scores(truth: Any, predicted: Any, average: str) -> dict[str, float]:
    metrics = _sklearn("metrics")
    options = {"average": average, "zero_division": 0}
    if average == "binary":
        options["pos_label"] = np.unique(truth)[-1]
    return {
        "f1-score": float(metrics.f1_score(truth, predicted, **options)),
        "precision_score": float(metrics.precision_score(truth, predicted, **options)),
        "recall_score": float(metrics.recall_score(truth, predicted, **options)),
    }


def _areas(truth: Any, probabilities: Any, averages: Sequence[str]) -> dict[str, float]:
    metrics = _sklearn("metrics")
    return {
        f"auc-{one}": float(
            metrics.roc_auc_score(truth, probabilities, multi_class="ovo", average=one)
        )
        for one in averages
    }


def _positive(truth: Any, probabilities: Any) -> dict[str, float]:
    metrics = _sklearn("metrics")
    brier = metrics.brier_score_loss(truth, probabilities, pos_label=np.unique(truth)[-1])
    return {
        "rocauc": float(metrics.roc_auc_score(truth, probabilities)),
        "brier_score": float(brier),
    }


def eval_model_v2(  # noqa: PLR0913 - MLRun's signature
    context: Any,
    xtest: Any,
    ytest: Any,
    model: Any,
    pcurve_bins: int = 10,
    pcurve_names: Sequence[str] = ("my classifier",),
    plots_artifact_path: str = "",
    pred_params: Mapping[str, Any] | None = None,
    cmap: str = "Blues",
    is_xgb: bool = False,
) -> Document:
    """Judge a classifier in a run: numbers as its results, charts as its artifacts.

    Args:
        context: The run.
        xtest: Features.
        ytest: Labels: an array, a Series or a list.
        model: The trained classifier.
        pcurve_bins: How many bins the chart of calibration has.
        pcurve_names: What its line is called.
        plots_artifact_path: Where the charts go; empty: `plots` below the run's artifacts.
        pred_params: More arguments of `predict` and `predict_proba`.
        cmap: Colours of the confusion matrix.
        is_xgb: Leave out learning curves and what needs probabilities.

    Returns:
        What a model's `extra_data` takes: charts, and tables as the bytes of a CSV file.

    Raises:
        InvalidArgumentError: if the classifier gives no probabilities.
    """
    truth, options = np.asarray(ytest).ravel(), dict(pred_params or {})
    classes = np.unique(truth)
    path = plots_artifact_path or context.artifact_subpath("plots")
    extra: Document = {}

    def log(name: str, chart: PlotArtifact) -> None:
        extra[name] = context.log_artifact(chart, artifact_path=path, db_key=False)

    predicted = np.asarray(model.predict(xtest, **options)).ravel()
    accuracy = float(_sklearn("metrics").accuracy_score(truth, predicted))
    context.log_results({"test-accuracy": accuracy, "test-error": 1 - accuracy})
    shares = _sklearn("metrics").confusion_matrix(truth, predicted, normalize="all")
    extra["confusion matrix table.csv"] = _csv(pd.DataFrame(shares))
    log("confusion matrix", charts.confusion_matrix(model, xtest, truth, cmap))
    if hasattr(model, "feature_importances_"):
        names = getattr(xtest, "columns", range(np.shape(xtest)[1]))
        chart, table = charts.feature_importances(model, names)
        log("feature importances", chart)
        extra["feature importances table.csv"] = _csv(table)
    if is_xgb:
        return extra
    for chart in charts.learning_curves(model):
        log(str(chart.metadata.key), chart)
    probabilities = _probabilities(model, xtest, options)
    if len(classes) > _TWO:
        binary = _sklearn("preprocessing").label_binarize(truth, classes=classes)
        log("precision_recall_multi", charts.precision_recall_multi(binary, probabilities, classes))
        log("roc_multi", charts.roc_multi(binary, probabilities, classes))
        areas = _areas(binary, probabilities, ("micro", "weighted"))
        context.log_results({**areas, **_scores(truth, predicted, "macro")})
    else:
        positive = probabilities[:, -1]
        log(
            "probability calibration",
            charts.probability_calibration(truth, positive, pcurve_bins, pcurve_names),
        )
        log("precision_recall_bin", charts.precision_recall_bin(model, xtest, truth, positive))
        log("roc_bin", charts.roc_bin(truth, positive))
        context.log_results({**_positive(truth, positive), **_scores(truth, predicted, "binary")})
    return extra


def eval_class_model(
    xtest: Any,
    ytest: Any,
    model: Any,
    labels: str = "labels",
    pred_params: Mapping[str, Any] | None = None,
) -> Document:
    """Numbers of a classifier, and under `plots` its charts, nothing logged.

    Args:
        xtest: Features.
        ytest: Labels: an array, a list, a Series, or a DataFrame with the column `labels`.
        model: The trained classifier.
        labels: The column.
        pred_params: More arguments of `predict` and `predict_proba`.

    Raises:
        InvalidArgumentError: if the classifier gives no probabilities.
    """
    options = dict(pred_params or {})
    column = ytest[labels] if isinstance(ytest, pd.DataFrame) else ytest
    truth = np.asarray(column).ravel()
    classes = np.unique(truth)
    predicted = np.asarray(model.predict(xtest, **options)).ravel()
    probabilities = _probabilities(model, xtest, options)
    accuracy = float(_sklearn("metrics").accuracy_score(truth, predicted))
    plots = [charts.confusion_matrix(model, xtest, truth)]
    found: Document = {"plots": plots, "accuracy": accuracy, "test-error-rate": 1 - accuracy}
    if len(classes) > _TWO:
        binary = _sklearn("preprocessing").label_binarize(truth, classes=classes)
        plots.append(charts.precision_recall_multi(binary, probabilities, classes))
        plots.append(charts.roc_multi(binary, probabilities, classes))
        found |= _areas(binary, probabilities, ("macro", "weighted"))
        found |= _scores(truth, predicted, "macro")
    else:
        found |= _positive(truth, probabilities[:, -1])
    return found


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()
