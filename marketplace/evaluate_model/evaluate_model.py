"""A logged model on a test set: metrics, weak slices, fairness, what each threshold would do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics as known

import mlrun_like as ml
from mlrun_like.artifacts.models import update_model
from mlrun_like.drawing.lines import lines
from mlrun_like.drawing.page import page, section, table
from mlrun_like.errors import InvalidArgumentError, StateError
from mlrun_like.monitoring.analysis.fairness import analyse_fairness
from mlrun_like.monitoring.analysis.rows import Rows, rows_of
from mlrun_like.monitoring.analysis.slices import SliceLimits, analyse_slices

__all__ = ["evaluate"]

_AVERAGES = ("micro", "macro", "weighted", "binary")
_POINTS = 200
_CLASSES = 50  # classes in the table of confusions


def evaluate(  # noqa: PLR0913 - a run's parameters
    context: ml.MLClientCtx,
    models_path: ml.DataItem,
    test_set: ml.DataItem,
    label_column: str,
    score_method: str = "micro",
    predictions_column: str = "yscore",
    model_update: bool = True,
    slice_columns: list[str] | None = None,
    slice_gap: float | None = None,
    sensitive_columns: list[str] | None = None,
    fairness_limits: dict[str, float] | None = None,
    must: bool = True,
) -> None:
    """Test a logged model.

    Args:
        context: The run.
        models_path: The model's `store://` URI.
        test_set: Rows with the model's features and the label.
        label_column: The label; rows without it are left out.
        score_method: Of several classes, how `precision`, `recall` and `f1` are averaged: `micro`,
            `macro` or `weighted`. Of two classes they are those of the larger one.
        predictions_column: Name of the predictions in the data set `test_set_preds`.
        model_update: Whether the model's record gets the metrics, as `validation-<metric>`.
        slice_columns: Columns whose values are measured each; weak slices are looked for in all.
        slice_gap: A slice that is by this much worse than the other rows is a failure.
        sensitive_columns: Columns whose groups are compared for fairness.
        fairness_limits: Measure -> limit, such as `{"disparate_impact": 0.8}`.
        must: Whether a missed limit fails the run, after all is logged.

    Raises:
        InvalidArgumentError: if the model, a column or a value does not fit.
        StateError: with `must`, if a limit is missed.
    """
    if score_method not in _AVERAGES:
        raise InvalidArgumentError(
            f"score_method {score_method!r:.40} is unknown", fix=f"one of: {', '.join(_AVERAGES)}"
        )
    if fairness_limits and not sensitive_columns:
        raise InvalidArgumentError(
            "fairness_limits need groups to compare", fix='sensitive_columns=["gender"]'
        )
    rows = rows_of(test_set, label_column, model=models_path, store=context.store)
    found = _classes(rows, score_method) if rows.is_classes else _numbers(rows)
    context.log_results({**found, "rows": len(rows.truth), "rows_left_out": rows.dropped})
    _log_predictions(context, rows, label_column, predictions_column)
    if rows.is_classes:
        _log_confusion(context, rows)
        if rows.scores is not None:
            _log_thresholds(context, rows)
    problems = []
    slices = analyse_slices(rows, by=slice_columns or (), limits=SliceLimits(gap=slice_gap))
    slices.log(context, "slices")
    problems += slices.problems
    if sensitive_columns:
        fairness = analyse_fairness(rows, sensitive_columns, limits=fairness_limits)
        fairness.log(context, "fairness")
        problems += fairness.problems
    context.log_result("passed", not problems)
    if model_update:
        update_model(models_path, metrics=found, key_prefix="validation-", store=context.store)
    if problems and must:
        raise StateError(
            f"the model misses {len(problems)} limits: {'; '.join(problems[:10])}",
            fix="slices_page and fairness_page have all numbers; must=False only records them",
        )


def _classes(rows: Rows, average: str) -> dict[str, float]:
    truth, said = rows.truth, rows.predicted
    two = len(np.unique(truth)) <= 2
    kind = "binary" if two else average
    if kind == "binary" and not two:
        raise InvalidArgumentError(
            "score_method 'binary' is for two classes", fix='score_method="macro"'
        )
    options = {"average": kind, "zero_division": 0.0}
    if two:
        options["pos_label"] = 1
        truth, said = (truth == rows.positive).astype(int), (said == rows.positive).astype(int)
    precision, recall, f1, _ = known.precision_recall_fscore_support(truth, said, **options)
    found = {
        "accuracy": float((rows.truth == rows.predicted).mean()),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
    }
    if rows.scores is not None and len(np.unique(truth)) == 2:
        found["auc"] = float(known.roc_auc_score(truth, rows.scores))
        found["average_precision"] = float(known.average_precision_score(truth, rows.scores))
        if rows.scores.min() >= 0 and rows.scores.max() <= 1:
            found["log_loss"] = float(known.log_loss(truth, rows.scores))
            found["brier"] = float(np.mean((rows.scores - truth) ** 2))
    return found


def _numbers(rows: Rows) -> dict[str, float]:
    off = np.asarray(rows.predicted, dtype=float) - rows.truth
    spread = float(((rows.truth - rows.truth.mean()) ** 2).sum())
    found = {
        "mae": float(np.abs(off).mean()),
        "rmse": float(np.sqrt((off**2).mean())),
        "bias": float(off.mean()),
        "max_error": float(np.abs(off).max()),
    }
    return {**found, "r2": 1 - float((off**2).sum()) / spread} if spread else found


def _log_predictions(context: ml.MLClientCtx, rows: Rows, label: str, column: str) -> None:
    added = {label: rows.truth, column: rows.predicted}
    if rows.scores is not None:
        added[f"{column}_score"] = rows.scores
    context.log_dataset(
        "test_set_preds", df=rows.frame.assign(**added), format="parquet", index=False
    )


def _log_confusion(context: ml.MLClientCtx, rows: Rows) -> None:
    counts = pd.crosstab(pd.Series(rows.truth), pd.Series(rows.predicted))
    named = counts.rename_axis("label").rename(columns=lambda name: f"said {name}")
    context.log_dataset("confusion", df=named.reset_index(), format="csv", index=False)
    shown = named.iloc[:_CLASSES, :_CLASSES].reset_index()
    body = table(list(shown.columns), shown.to_numpy().tolist())
    note = f"{len(rows.truth)} rows; a row for each true class"
    context.log_artifact(
        "confusion_page", body=page("Confusions", body, subtitle=note), format="html",
        viewer="web-app",
    )  # fmt: skip


def _log_thresholds(context: ml.MLClientCtx, rows: Rows) -> None:
    """What comes of calling positive whatever scores at least so much."""
    curve = _curve(np.asarray(rows.truth == rows.positive), rows.scores)
    context.log_dataset("threshold_curve", df=curve, format="csv", index=False)
    best = curve.iloc[int(curve["f1"].argmax())]
    context.log_results({"best_threshold": float(best["threshold"]), "best_f1": float(best["f1"])})
    names = ("precision", "recall", "f1", "selected")
    series = {name: list(zip(curve["threshold"], curve[name], strict=True)) for name in names}
    drawn = lines(series, x_is_time=False, title="by threshold")
    note = f"the best f1 is {best['f1']:.4g}, from a score of {best['threshold']:.4g} on"
    body = page("Thresholds", section(f"Class {rows.positive}", drawn, note=note))
    context.log_artifact("threshold_page", body=body, format="html", viewer="web-app")


def _curve(positive: Any, scores: Any) -> pd.DataFrame:
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    ends = np.flatnonzero(np.diff(scores[order], append=-np.inf))  # the last row of each score
    if len(ends) > _POINTS:
        ends = ends[np.linspace(0, len(ends) - 1, _POINTS).astype(int)]
    true, chosen = hits[ends].astype(float), ends + 1.0
    false, all_true, count = chosen - true, float(positive.sum()), float(len(scores))
    with np.errstate(invalid="ignore", divide="ignore"):
        columns = {
            "threshold": scores[order][ends],
            "precision": true / chosen,
            "recall": true / all_true,
            "f1": 2 * true / (chosen + all_true),
            "specificity": 1 - false / (count - all_true),
            "accuracy": (true + (count - all_true) - false) / count,
            "selected": chosen / count,
        }
    return pd.DataFrame(columns)[::-1].reset_index(drop=True)
