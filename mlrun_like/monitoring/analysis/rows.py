"""A data set with truth, predictions and scores: what every analysis starts from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.item import get_artifact
from mlrun_like.artifacts.model import ModelArtifact
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.promotion.predicting import Predictor
from mlrun_like.promotion.scores import USES_SCORES, check_metric, positive_class, score
from mlrun_like.promotion.tables import chunks_of
from mlrun_like.statistics.conditions import column_of
from mlrun_like.tracking.base import Store

__all__ = ["Rows", "read_table", "rows_of", "same_rows"]

_CHUNK = 100_000
_FEW = 20


@dataclass(frozen=True)
class Rows:
    """Rows that have a label and a prediction.

    Args:
        frame: Their columns; those of label, prediction and score are left out.
        truth: What is true.
        predicted: What the model said; None: only scores are known.
        scores: The score of the positive class, if it is known.
        positive: That class.
        kept: Which rows of the data set these are.
        model: The model's name, for reports.
    """

    frame: pd.DataFrame
    truth: Any
    predicted: Any
    scores: Any
    positive: Any
    kept: Any = field(repr=False)
    model: str = ""

    @property
    def dropped(self) -> int:
        """Rows of the data set without a label or prediction."""
        return int((~self.kept).sum())

    @property
    def is_classes(self) -> bool:
        """Whether the label is a class, rather than a number."""
        return self.truth.dtype.kind not in "f" or len(np.unique(self.truth[:10_000])) <= _FEW

    @property
    def default_metric(self) -> str:
        """`accuracy` of classes, `mae` of numbers, `auc` if there are only scores."""
        if self.predicted is None:
            return "auc"
        return "accuracy" if self.is_classes else "mae"

    def said(self, metric: str) -> Any:
        """What a metric looks at: scores or predictions.

        Raises:
            InvalidArgumentError: if there is no such metric, or that is not known.
        """
        found = self.scores if check_metric(metric) in USES_SCORES else self.predicted
        if found is None:
            what = "scores" if metric in USES_SCORES else "predictions"
            raise InvalidArgumentError(
                f"metric {metric!r} needs {what}, and there are none",
                fix=f"rows_of(..., {'scores' if what == 'scores' else 'predicted'}='<column>')",
            )
        return found

    def measured(self, metric: str) -> float:
        """A metric of all rows.

        Raises:
            InvalidArgumentError: if it cannot be computed.
        """
        return score(metric, self.truth, self.said(metric), self.positive)


def read_table(data: Any, store: Store | None = None) -> pd.DataFrame:
    """A data set of any form as one frame.

    Raises:
        InvalidArgumentError: if it is no table, or has no rows.
    """
    if isinstance(data, pd.DataFrame):
        frame = data
    else:
        parts = list(chunks_of(data, _CHUNK, store=store))
        frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if frame.empty:
        raise InvalidArgumentError("the data set has no rows", fix="give rows with their label")
    return frame.reset_index(drop=True)


def rows_of(
    data: Any,
    label: str,
    predicted: Any = None,
    *,
    scores: Any = None,
    model: Any = None,
    positive: Any = None,
    store: Store | None = None,
) -> Rows:
    """Rows to analyse.

    Args:
        data: A DataFrame, DataItem, path, URL or list of rows.
        label: The column of the truth.
        predicted: The column of the predictions, or an array of them.
        scores: The column, or array, of the positive class' scores.
        model: Instead of both: a logged model's `store://` URI, its record, or an object with
            `predict` (and `predict_proba`) that takes the other columns.
        positive: The positive class; None: the larger one.
        store: The tracking store; None: the configured one.

    Raises:
        InvalidArgumentError: if a column is not there, labels and predictions have no value in
            common but their texts have, or no row has both.

    >>> rows = rows_of([{"x": 1, "y": 0, "p": 0}, {"x": 2, "y": 1, "p": None}], "y", "p")
    >>> len(rows.truth), rows.dropped
    (1, 1)
    """
    frame = read_table(data, store)
    given = column_of(frame, label)
    name, features = "", frame
    used = [label]
    if model is not None:
        name, predicted, scores, positive = _asked(model, frame, label, positive, store)
    columns: list[Any] = []
    for what, values in (("predictions", predicted), ("scores", scores)):
        if isinstance(values, str):
            used.append(values)
            values = column_of(frame, values)
        if values is not None and len(values) != len(frame):
            raise InvalidArgumentError(f"{len(values)} {what} for {len(frame)} rows")
        columns.append(None if values is None else pd.Series(np.asarray(values)))
    if columns[0] is None and columns[1] is None:
        raise InvalidArgumentError(
            "there are neither predictions nor scores",
            fix="rows_of(data, label, predicted='<column>'), or model='store://...'",
        )
    known = given.notna().to_numpy()
    for column in columns:
        if column is not None:
            known = known & column.notna().to_numpy()
    if not known.any():
        raise InvalidArgumentError(
            f"none of {len(frame)} rows has a label and a prediction", fix="look for missing values"
        )
    truth = _plain(given[known], f"label {label!r}")
    said = None if columns[0] is None else _plain(columns[0][known], "predictions")
    marks = None if columns[1] is None else _numbers(columns[1][known])
    if said is not None:
        said = _alike(truth, said)
    positive = positive_class(truth) if positive is None else positive
    features = frame.drop(columns=[one for one in used if one in frame.columns])
    return Rows(features[known].reset_index(drop=True), truth, said, marks, positive, known, name)


def same_rows(first: Rows, second: Rows) -> tuple[Rows, Rows]:
    """Both on the rows that both have.

    Raises:
        InvalidArgumentError: if they are of different data sets.
    """
    if len(first.kept) != len(second.kept):
        raise InvalidArgumentError(
            f"the models were asked about {len(first.kept)} and {len(second.kept)} rows",
            fix="compare them on the same rows",
        )
    both = first.kept & second.kept
    one, two = _part(first, both), _part(second, both)
    if not (one.truth == two.truth).all():
        raise InvalidArgumentError("the labels of both differ: these are not the same rows")
    return one, two


def _part(rows: Rows, kept: Any) -> Rows:
    at = kept[rows.kept]
    said, marks = (None if one is None else one[at] for one in (rows.predicted, rows.scores))
    frame = rows.frame[at].reset_index(drop=True)
    return Rows(frame, rows.truth[at], said, marks, rows.positive, kept, rows.model)


def _asked(
    model: Any, frame: pd.DataFrame, label: str, positive: Any, store: Store | None
) -> tuple[str, Any, Any, Any]:
    if isinstance(model, DataItem):
        model = model.artifact_url
    if isinstance(model, str):
        found = get_artifact(model, store=store)
        if not isinstance(found, ModelArtifact):
            raise InvalidArgumentError(f"{model!r:.200} is not a model but a {found.kind}")
        model = found
    if isinstance(model, ModelArtifact):
        predictor = Predictor(model, store=store, drop=(label,))
    elif hasattr(model, "predict"):
        record = ModelArtifact(type(model).__name__)
        predictor = Predictor(record, drop=(label,), loaded=model)
    else:
        raise InvalidArgumentError(
            f"a {type(model).__name__} has no method predict", fix="model='store://models/...'"
        )
    said = predictor.predict(frame)
    positive = positive_class(frame[label]) if positive is None else positive
    marks = None
    if frame[label].nunique() == 2:
        marks = predictor.scores(frame, positive)
        marks = marks if np.asarray(marks).dtype.kind in "fiu" else None
    name = predictor.model.spec.db_key or predictor.model.key
    return str(name), said, marks, positive


def _plain(values: pd.Series[Any], what: str) -> Any:
    found = values.to_numpy()
    if found.dtype.kind == "O":
        try:
            hashed = {type(one) for one in found if hash(one) is not None}
        except TypeError as exc:
            raise InvalidArgumentError(
                f"{what} are {type(found[0]).__name__} values, which cannot be compared",
                fix="one number or text for each row",
            ) from exc
        if hashed <= {int, bool} or hashed <= {float, int}:
            return np.array(found.tolist())
    return found


def _numbers(values: pd.Series[Any]) -> Any:
    found = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
    if np.isnan(found).any():
        raise InvalidArgumentError(
            f"{int(np.isnan(found).sum())} scores are no numbers, such as "
            f"{values.to_numpy()[np.isnan(found)][0]!r:.40}"
        )
    return found


def _alike(truth: Any, said: Any) -> Any:
    """Predictions that mean the labels."""
    if truth.dtype.kind in "iufb" and said.dtype.kind in "iufb":
        return said
    labels, words = set(truth.tolist()), set(said.tolist())
    if not labels & words and {str(one) for one in labels} & {str(one) for one in words}:
        raise InvalidArgumentError(
            f"labels are {type(truth.tolist()[0]).__name__} and predictions "
            f"{type(said.tolist()[0]).__name__}: {sorted(map(str, labels))[0]!r:.40} is in both "
            "only as a text",
            fix="give both one type, such as frame['y'].astype(str)",
        )
    return said
