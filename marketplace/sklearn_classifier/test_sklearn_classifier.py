"""Tests of the item sklearn_classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

import mlrun_like as ml
from mlrun_like.errors import MLRunLikeError

LOGISTIC = {"model_pkg_class": "sklearn.linear_model.LogisticRegression", "CLASS_max_iter": 400}


def _train(path: Path, **params: Any) -> Any:
    function = ml.import_function("hub://sklearn_classifier")
    inputs, params = {"dataset": str(path)}, {**LOGISTIC, **params}
    return function.run(inputs=inputs, params=params, local=True, watch=False)


@pytest.fixture
def iris(tmp_path: Path) -> Path:
    path = tmp_path / "iris.csv"
    frame = load_iris(as_frame=True).frame
    frame["size"] = pd.cut(frame.iloc[:, 0], 3, labels=["s", "m", "l"]).astype(str)
    frame.to_csv(path, index=False)
    return path


def test_a_model_and_the_rows_it_never_saw(iris: Path) -> None:
    run = _train(iris, label_column="target", encode_cols={"size": "is"}, test_set_key="held")
    held = run.artifact("held").as_df()
    assert len(held) == 45 and {"is_m", "is_s"} <= set(held.columns)
    frame = pd.read_csv(iris)
    x = pd.get_dummies(frame.drop(columns="target"), columns=["size"], drop_first=True)
    x, _, y, y_test = train_test_split(x, frame["target"], test_size=0.3, random_state=1)
    pd.testing.assert_series_equal(
        held["target"].reset_index(drop=True), y_test.reset_index(drop=True)
    )
    x_train, x_valid, y_train, y_valid = train_test_split(x, y, test_size=1 - 0.7, random_state=1)
    own = LogisticRegression(max_iter=400).fit(x_train, y_train)
    assert run.outputs["accuracy"] == pytest.approx(own.score(x_valid, y_valid))
    assert run.artifact("model").meta.metadata.labels["class"] == LOGISTIC["model_pkg_class"]


def test_samples(iris: Path) -> None:
    run = _train(iris, label_column="target", encode_cols=["size"], sample=-80)
    assert len(run.artifact("test_set").as_df()) == 24


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "no column 'labels'"),
        ({"model_pkg_class": "sklearn.spam.Model"}, "cannot be made"),
        ({"label_column": "target"}, "refused the rows"),
        ({"label_column": "target", "sample": 1}, "cannot be split"),
    ],
)
def test_what_does_not_fit(iris: Path, params: dict[str, Any], message: str) -> None:
    with pytest.raises(MLRunLikeError, match=message):
        _train(iris, **params)
