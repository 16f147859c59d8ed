"""Charts of a classifier, as `mlrun.mlutils.plots` drew them.

They are drawn on figures of their own, not on pyplot's current one: nothing is left open, and a
script's own figure stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.artifacts.plots import PlotArtifact
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require

__all__ = [
    "confusion_matrix",
    "feature_importances",
    "gcf_clear",
    "learning_curves",
    "plot_importance",
    "plot_roc",
    "precision_recall_bin",
    "precision_recall_multi",
    "probability_calibration",
    "roc_bin",
    "roc_multi",
]

_MICRO = "micro"


def gcf_clear(plt: Any) -> None:
    """Clear and close the current figure of `matplotlib.pyplot`."""
    plt.cla()
    plt.clf()
    plt.close()


def _axes(title: str, x: str = "", y: str = "") -> Any:
    figure = require("matplotlib.figure", extra="frameworks", feature=title).Figure()
    axes = figure.subplots()
    axes.set(title=title, xlabel=x, ylabel=y)
    return axes


def _plot(key: str, axes: Any, title: str = "") -> PlotArtifact:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best", fontsize="small")
    return PlotArtifact(key, body=axes.figure, title=title)


def _metrics() -> Any:
    return require("sklearn.metrics", extra="frameworks", feature="a classifier's charts")


def feature_importances(model: Any, header: Iterable[Any]) -> tuple[PlotArtifact, pd.DataFrame]:
    """A chart of a model's `feature_importances_`, and a table (`freq`, `feature`), highest first.

    Raises:
        InvalidArgumentError: if the model has none.
    """
    if not hasattr(model, "feature_importances_"):
        raise InvalidArgumentError(
            "feature importances are only available for some models",
            where=type(model).__name__,
            fix="a model with feature_importances_, such as one of trees",
        )
    found = pd.DataFrame(
        {"freq": np.asarray(model.feature_importances_), "feature": list(header)}
    ).sort_values("freq", ascending=False, ignore_index=True)
    axes = _axes("features", "freq", "feature")
    axes.barh(found["feature"].astype(str)[::-1], found["freq"][::-1])
    return _plot("feature-importances", axes, "Feature Importances"), found


def plot_importance(
    context: Any, model: Any, key: str = "feature-importances", plots_dest: str = "plots"
) -> Any:
    """Log both in a run whose `header` names the features; the table's artifact."""
    chart, table = feature_importances(model, context.header)
    chart.metadata.key = key
    context.log_artifact(chart, local_path=f"{plots_dest}/{key}.html")
    return context.log_dataset(f"{key}-tbl", df=table, local_path=f"{key}-tbl.csv", format="csv")


def _history(model: Any) -> Mapping[str, Mapping[str, Sequence[float]]]:
    """What XGBoost and LightGBM keep of their rounds: by data set, by metric."""
    found = getattr(model, "evals_result_", None)
    if found is None and callable(getattr(model, "evals_result", None)):
        try:
            found = model.evals_result()
        except ValueError:  # it was trained without data sets to look at
            found = None
    return found or {}


def learning_curves(model: Any) -> list[PlotArtifact]:
    """A chart for each metric that the model's training and validation sets were judged by."""
    sets = list(_history(model).values())[:2]
    if not sets:
        return []
    plots = []
    for metric in sets[0]:
        axes = _axes(f"learning curve - {metric}", "# training examples", metric)
        for name, values in zip(("train", "valid"), sets, strict=False):
            if metric in values:
                axes.plot(list(values[metric]), label=name)
        plots.append(_plot(f"learning curve - {metric}", axes))
    return plots


def confusion_matrix(model: Any, xtest: Any, ytest: Any, cmap: str = "Blues") -> PlotArtifact:
    """Shares of all rows, by true and predicted class."""
    axes = _axes("Confusion Matrix")
    _metrics().ConfusionMatrixDisplay.from_estimator(
        model, xtest, ytest, normalize="all", values_format=".2g", cmap=cmap, ax=axes
    )
    title = "Confusion Matrix - Normalized Plot"
    return PlotArtifact("confusion-matrix-normalized", body=axes.figure, title=title)


def probability_calibration(
    ytest: Any, yprob: Any, bins: int = 10, names: Sequence[str] = ("my classifier",)
) -> PlotArtifact:
    """How often the positive class comes true, by its predicted probability."""
    calibration = require("sklearn.calibration", extra="frameworks", feature="calibration")
    positives, predicted = calibration.calibration_curve(ytest, yprob, n_bins=bins)
    axes = _axes("probability calibration", "mean predicted value", "fraction of positives")
    axes.plot([0, 1], [0, 1], "k:", label="perfectly calibrated")
    axes.plot(predicted, positives, "s-", label=next(iter(names), ""))
    return _plot("probability-calibration", axes, "probability calibration plot")


def precision_recall_multi(
    ytest_b: Any, yprob: Any, labels: Iterable[Any], scoring: str = _MICRO
) -> PlotArtifact:
    """Precision by recall, of each class and of all together.

    Args:
        ytest_b: A column of 0 and 1 for each class.
        yprob: Their probabilities.
        labels: The classes.
        scoring: How the mean of all is taken: `micro`.
    """
    metrics = _metrics()
    axes = _axes("precision recall - multiclass", "recall", "precision")
    area = metrics.average_precision_score(ytest_b, yprob, average=scoring)
    lines = [(f"{scoring}-average", ytest_b.ravel(), yprob.ravel(), area)]
    for n, label in enumerate(labels):
        one = metrics.average_precision_score(ytest_b[:, n], yprob[:, n])
        lines.append((f"class {label}", ytest_b[:, n], yprob[:, n], one))
    for name, truth, probability, size in lines:
        precision, recall, _ = metrics.precision_recall_curve(truth, probability)
        axes.plot(recall, precision, label=f"{name} (area = {size:0.2f})")
    return _plot("precision-recall-multiclass", axes, "Multiclass Precision Recall")


def roc_multi(ytest_b: Any, yprob: Any, labels: Iterable[Any]) -> PlotArtifact:
    """True by false positives, of each class, of all rows together and of the classes' mean.

    Args:
        ytest_b: A column of 0 and 1 for each class.
        yprob: Their probabilities.
        labels: The classes.
    """
    metrics = _metrics()
    curves = {
        f"class {label}": metrics.roc_curve(ytest_b[:, n], yprob[:, n])[:2]
        for n, label in enumerate(labels)
    }
    grid = np.unique(np.concatenate([false for false, _ in curves.values()]))
    mean = np.mean([np.interp(grid, false, true) for false, true in curves.values()], axis=0)
    micro = metrics.roc_curve(ytest_b.ravel(), yprob.ravel())[:2]
    curves |= {"micro-average": micro, "macro-average": (grid, mean)}
    axes = _axes(
        "receiver operating characteristic - multiclass",
        "False Positive Rate",
        "True Positive Rate",
    )
    for name, (false, true) in curves.items():
        style = ":" if name.endswith("average") else "-"
        axes.plot(false, true, style, label=f"{name} (area = {metrics.auc(false, true):0.2f})")
    axes.plot([0, 1], [0, 1], "k--")
    return _plot("roc-multiclass", axes, "Multiclass ROC Curve")


def roc_bin(ytest: Any, yprob: Any, clear: bool = False) -> PlotArtifact:
    """True by false positives of two classes; `clear` has no effect, the figure is a new one."""
    del clear
    metrics = _metrics()
    false, true, _ = metrics.roc_curve(ytest, yprob)
    axes = _axes("roc curve", "false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], "k--")
    axes.plot(false, true, label=f"area = {metrics.auc(false, true):0.2f}")
    return _plot("roc-binary", axes, "Binary ROC Curve")


def precision_recall_bin(
    model: Any, xtest: Any, ytest: Any, yprob: Any, clear: bool = False
) -> PlotArtifact:
    """Precision by recall of two classes; `clear` has no effect, the figure is a new one."""
    del clear
    metrics = _metrics()
    area = metrics.average_precision_score(ytest, yprob)
    axes = _axes("precision recall")
    metrics.PrecisionRecallDisplay.from_estimator(model, xtest, ytest, ax=axes)
    axes.set_title(f"precision recall: AP={area:0.2f}")
    return _plot("precision-recall-binary", axes, "Binary Precision Recall")


def plot_roc(  # noqa: PLR0913 - MLRun's signature
    context: Any,
    y_labels: Any,
    y_probs: Any,
    key: str = "roc",
    plots_dir: str = "plots",
    fmt: str = "png",
    fpr_label: str = "false positive rate",
    tpr_label: str = "true positive rate",
    title: str = "roc curve",
    legend_loc: str = "best",
    clear: bool = True,
) -> Any:
    """Log a chart of true by false positives, of each class if there are several; its artifact.

    Args:
        context: The run.
        y_labels: True classes, in a column of 0 and 1 each (one column: of the positive class).
        y_probs: Probabilities, a column for each class.
        key: The artifact's.
        plots_dir: The folder below the artifact path.
        fmt: Has no effect: the page has a PNG.
        fpr_label: The name of the axis below.
        tpr_label: The name of the axis at the side.
        title: The chart's.
        legend_loc: Where the legend is.
        clear: Has no effect: the figure is a new one.
    """
    del fmt, clear
    metrics = _metrics()
    axes = _axes(title, fpr_label, tpr_label)
    axes.plot([0, 1], [0, 1], "k--")
    truth = np.asarray(y_labels)
    columns = truth.shape[1] if truth.ndim > 1 else 1
    if columns > 1:
        for n in range(columns):
            false, true, _ = metrics.roc_curve(truth[:, n], y_probs[:, n], pos_label=1)
            axes.plot(false, true, label=f"class {n}")
    else:
        false, true, _ = metrics.roc_curve(truth.ravel(), y_probs[:, 1], pos_label=1)
        axes.plot(false, true, label="positive class")
    axes.legend(loc=legend_loc)
    artifact = PlotArtifact(key, body=axes.figure, title=title)
    return context.log_artifact(artifact, local_path=f"{plots_dir}/{key}.html")
