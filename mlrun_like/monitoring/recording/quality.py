"""How good predictions were, once labels are known: per window, again when later labels come.

Classification (labels that are texts, truth values, or at most 20 whole numbers): accuracy,
precision, recall and F1 (of the positive class if there are two, else the mean over classes), and
with probabilities also log loss, Brier score and expected calibration error. Regression: mean
absolute error, root mean squared error, mean error, R2. Formulas: scikit-learn's user guide 3.4
(metrics); calibration error with 10 equal bins: Guo et al. 2017, https://arxiv.org/abs/1706.04599.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from mlrun_like.monitoring.clock import now
from mlrun_like.monitoring.recording.ground_truth import join_ground_truth, read_labels
from mlrun_like.monitoring.recording.reading import predictions_of, read_events
from mlrun_like.monitoring.recording.times import seconds_of
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.monitoring_abilities import QualityRow

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["list_quality", "quality_of", "refresh_quality", "window_quality"]

_MOST_CLASSES = 20
_BINS = 10
_TINY = 1e-15
_EARLY = 86_400.0  # seconds that a label may come before its event
Array = Any


def quality_of(truth: Any, predicted: Any, probability: Any = None) -> dict[str, float | str]:
    """The quality of predictions.

    Args:
        truth: What was right.
        predicted: What was predicted: classes or numbers. Numbers between 0 and 1 for labels 0
            and 1 are taken as probabilities of 1.
        probability: Of the positive (greater) class, if it is known.

    >>> found = quality_of([0, 1, 1, 0], [0, 1, 0, 0])
    >>> found["accuracy"], found["precision"], found["recall"]
    (0.75, 1.0, 0.5)
    >>> round(quality_of([1.5, 2.0], [1.0, 2.5])["mae"], 3)
    0.5
    """
    labels, guesses = np.asarray(truth), np.asarray(predicted)
    if not len(labels):
        return {"kind": "none"}
    classes = _classes(labels)
    if classes is None:
        return _regression(labels.astype(float), guesses.astype(float))
    numeric = labels.dtype.kind in "biuf" and guesses.dtype.kind in "biuf"
    if numeric:
        labels, guesses = labels.astype(float), guesses.astype(float)
        binary = set(classes) <= {0.0, 1.0}
        if probability is None and not np.equal(np.mod(guesses, 1), 0).all():
            if not binary or guesses.min() < 0 or guesses.max() > 1:
                return _regression(labels, guesses)
            probability, guesses = guesses, (guesses >= 0.5).astype(float)
    else:
        labels, guesses = labels.astype(str), guesses.astype(str)
    found = _classification(labels, guesses)
    if probability is not None:
        positive = np.max(labels)
        found |= _calibration((labels == positive).astype(float), np.asarray(probability, float))
    return found


def window_quality(
    project: str, endpoint: str, start: Any = None, end: Any = None
) -> dict[str, Any]:
    """The quality of an endpoint's predictions in [start, end), by the labels known now.

    Returns:
        `events` (rows that were answered), `labelled` (rows whose label is known), `kind` and the
        numbers; for several predicted names `outputs` has them by name.
    """
    return _quality(project, endpoint, read_events(project, endpoint, start, end))


def refresh_quality(
    project: str,
    endpoint: str,
    period: float = 3600.0,
    until: float | None = None,
    lookback: float = 7 * 86_400.0,
) -> list[QualityRow]:
    """Compute windows whose labels are new, and those that were never computed.

    One row is kept for each window, with the newest number.

    Args:
        project: The project.
        endpoint: The endpoint's uid.
        period: Seconds of a window; windows begin at multiples of it.
        until: Only windows that end at or before this time (seconds since 1970); None: the
            present.
        lookback: Seconds before `until` within which labels still change windows.

    Returns:
        The windows that were computed.
    """
    store = open_store()
    moment = now()
    end = moment if until is None else until
    known = {row.first: row.computed for row in store.list_quality(project, endpoint)}
    # what came before the newest computation belongs to computed windows, but for labels of
    # windows that were open then, and labels that came before their events
    newest = max(known.values(), default=None)
    since = None if newest is None else newest - period - _EARLY
    fresh = read_labels(project, endpoint, added_since=since)
    if fresh.empty:
        return []
    events = read_events(project, endpoint, end - lookback, end)
    touched = events[["event_id", "row", "time"]].merge(
        fresh[["event_id", "row", "added"]], on=["event_id", "row"]
    )
    windows = np.floor(touched["time"].to_numpy(dtype=float) / period) * period
    added = touched["added"].to_numpy(dtype=float)
    starts = sorted({
        first
        for first, came in zip(windows.tolist(), added.tolist(), strict=True)
        if came >= known.get(first, -math.inf)
    })  # fmt: skip
    rows = []
    for first in starts:
        last = first + period
        if last > end:
            continue
        window = events[(events["time"] >= first) & (events["time"] < last)]
        window.attrs.update(events.attrs)
        rows.append(QualityRow(first, last, moment, _quality(project, endpoint, window)))
    if rows:
        store.store_quality(project, endpoint, rows)
    return rows


def list_quality(
    project: str, endpoint: str, start: Any = None, end: Any = None
) -> list[QualityRow]:
    """Windows whose quality was computed, in the order of time; see `refresh_quality`."""
    low = None if start is None else seconds_of(start)
    high = None if end is None else seconds_of(end)
    return open_store().list_quality(project, endpoint, low, high)


def _quality(project: str, endpoint: str, events: pd.DataFrame) -> dict[str, Any]:
    answered = events[events["status"] == "ok"]
    answered.attrs.update(events.attrs)
    found: dict[str, Any] = {"events": len(answered), "labelled": 0, "kind": "none"}
    if answered.empty:
        return found
    joined = join_ground_truth(project, endpoint, answered)
    found["labelled"] = len(joined)
    predictions, labels = predictions_of(joined), list(joined.attrs["labels"])
    if joined.empty or not predictions or not labels:
        return found
    outputs = {}
    for label in labels:
        name = label.partition(".")[2] if "." in label else ""
        predicted, probability = _predicted(joined, predictions, name)
        if predicted is None:
            continue
        rows = joined[label].notna() & predicted.notna()
        told = None if probability is None else probability[rows].to_numpy()
        outputs[name or predictions[0]] = quality_of(
            joined.loc[rows, label].to_numpy(), predicted[rows].to_numpy(), told
        )
    if len(outputs) == 1:
        found |= next(iter(outputs.values()))
    elif outputs:
        found |= {"kind": "several", "outputs": outputs}
    return found


def _predicted(
    joined: pd.DataFrame, predictions: list[str], name: str
) -> tuple[pd.Series | None, pd.Series | None]:
    """The predicted values for a label, and probabilities of the positive class."""
    if name:
        return (joined[name], None) if name in predictions else (None, None)
    if len(predictions) == 1:
        return joined[predictions[0]], None
    columns = joined[predictions].apply(lambda column: column.astype(float), axis=0) if all(
        joined[item].dtype.kind in "biuf" for item in predictions
    ) else None  # fmt: skip
    if columns is None:
        return joined[predictions[0]], None
    sums = columns.sum(axis=1)
    if columns.min().min() >= 0 and np.allclose(sums, 1.0, atol=1e-3):
        # a probability for each class: classes are numbered in the order of the columns
        likely = columns.to_numpy().argmax(axis=1)
        classes = columns.iloc[:, 0].copy()
        classes[:] = likely
        return classes, columns.iloc[:, 1] if len(predictions) == 2 else None
    return columns.iloc[:, 0], None


def _classes(labels: Array) -> list[Any] | None:
    """The classes of labels; None: they are numbers."""
    if labels.dtype.kind in "OUSb":
        return sorted({str(item) for item in labels}) if labels.dtype.kind != "b" else [0.0, 1.0]
    values = np.unique(labels)
    if len(values) <= _MOST_CLASSES and np.equal(np.mod(values, 1), 0).all():
        return [float(value) for value in values]
    return None


def _regression(truth: Array, predicted: Array) -> dict[str, float | str]:
    error = predicted - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    squares = float((error**2).sum())
    return {
        "kind": "regression",
        "mae": float(np.abs(error).mean()),
        "rmse": math.sqrt(squares / len(error)),
        "mean_error": float(error.mean()),
        "r2": 1 - squares / spread if spread else math.nan,
    }


def _classification(truth: Array, predicted: Array) -> dict[str, float | str]:
    classes = np.unique(np.concatenate([truth, predicted]))
    scores = []
    wanted = classes[-1:] if len(classes) == 2 else classes
    for one in wanted:
        right = float(((predicted == one) & (truth == one)).sum())
        said, was = float((predicted == one).sum()), float((truth == one).sum())
        precision = right / said if said else 0.0
        recall = right / was if was else 0.0
        total = precision + recall
        scores.append((precision, recall, 2 * precision * recall / total if total else 0.0))
    precision, recall, f1 = (float(value) for value in np.mean(scores, axis=0))
    return {
        "kind": "classification",
        "accuracy": float((truth == predicted).mean()),
        "precision": precision,
        "recall": recall,
        "f1": f1,
    }


def _calibration(truth: Array, probability: Array) -> dict[str, float | str]:
    sure = np.clip(probability, _TINY, 1 - _TINY)
    loss = -(truth * np.log(sure) + (1 - truth) * np.log(1 - sure)).mean()
    bins = np.minimum((probability * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    gaps = np.abs(np.bincount(bins, probability, _BINS) - np.bincount(bins, truth, _BINS))
    return {
        "log_loss": float(loss),
        "brier": float(((probability - truth) ** 2).mean()),
        "ece": float(gaps.sum() / counts.sum()),
    }
