"""Tests of the item auto_trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split

import mlrun_like as ml
import mlrun_like.feature_store as fstore
from mlrun_like.errors import MLRunLikeError

LOGISTIC = {"model_class": "sklearn.linear_model.LogisticRegression", "CLASS_max_iter": 300}


def _record(uri: str) -> Any:
    return ml.get_dataitem(uri).meta


def _run(handler: str, path: Path | str | None = None, **params: Any) -> Any:
    trainer = ml.import_function("hub://auto_trainer")
    inputs = {"dataset": str(path)} if path is not None else {}
    for name in ("test_set", "sample_set"):
        if name in params:
            inputs[name] = str(params.pop(name))
    return trainer.run(handler=handler, inputs=inputs, params=params, local=True, watch=False)


@pytest.fixture
def iris(tmp_path: Path) -> Path:
    path = tmp_path / "iris.csv"
    load_iris(as_frame=True).frame.assign(id=range(150)).to_csv(path, index=False)
    return path


def test_train_evaluate_and_predict(iris: Path, tmp_path: Path) -> None:
    run = _run(
        "train", iris, **LOGISTIC, label_columns="target", drop_columns="id", model_name="flower",
        tag="v1", random_state=3, train_test_split_size=0.4, labels={"team": "green"},
    )  # fmt: skip
    frame = pd.read_csv(iris).drop(columns="id")
    x, y = frame.drop(columns="target"), frame["target"]
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.4, random_state=3)
    own = LogisticRegression(max_iter=300).fit(x_train, y_train)
    assert run.outputs["accuracy"] == pytest.approx((own.predict(x_test) == y_test).mean())
    kept = {"model", "test_set", "feature-importance", "confusion-matrix", "roc-curves"}
    assert kept <= set(run.outputs)
    uri = run.outputs["model"]
    assert uri.startswith("store://models/") and "/flower" in uri
    record = _record(uri)
    assert record.metadata.labels["team"] == "green"
    assert [one["name"] for one in record.spec.inputs] == list(x.columns)
    assert set(record.spec.feature_stats) >= set(x.columns)

    tested = _run("evaluate", iris, model=uri, label_columns="target")
    assert tested.outputs["evaluation_accuracy"] == pytest.approx((own.predict(x) == y).mean())
    assert _record(uri).spec.metrics["evaluation_accuracy"] > 0.9

    asked = _run("predict", iris, model=uri, drop_columns=["target"], label_columns="kind")
    rows = asked.artifact("prediction").as_df()
    np.testing.assert_array_equal(rows["kind"], own.predict(x))
    assert "id" in rows
    asked = _run("predict", model=uri, dataset=[[5.1, 3.5, 1.4, 0.2]], result_set="one")
    assert asked.artifact("one").as_df()["predicted labels"].tolist() == [0]


def test_a_test_set_a_sample_set_and_numbers(tmp_path: Path) -> None:
    frame = load_diabetes(as_frame=True).frame
    frame[:300].to_parquet(tmp_path / "train.parquet")
    frame[300:].to_parquet(tmp_path / "test.parquet")
    frame[:50].to_parquet(tmp_path / "sample.parquet")
    run = _run(
        "train",
        tmp_path / "train.parquet",
        model_class="sklearn.linear_model.LinearRegression",
        label_columns=["target"],
        test_set=tmp_path / "test.parquet",
        sample_set=tmp_path / "sample.parquet",
    )
    own = LinearRegression().fit(frame[:300].drop(columns="target"), frame[:300]["target"])
    off = own.predict(frame[300:].drop(columns="target")) - frame[300:]["target"]
    assert run.outputs["mean_absolute_error"] == pytest.approx(off.abs().mean())
    assert run.outputs["mean_squared_error"] == pytest.approx((off**2).mean())
    assert run.artifact("model").meta.spec.feature_stats["bmi"]["count"] == 50


@pytest.mark.parametrize(
    ("model_class", "arguments"),
    [
        ("xgboost.XGBClassifier", {"CLASS_n_estimators": 5, "FIT_verbose": False}),
        ("lightgbm.LGBMClassifier", {"CLASS_n_estimators": 5, "CLASS_verbose": -1}),
    ],
)
def test_other_frameworks(iris: Path, model_class: str, arguments: dict[str, Any]) -> None:
    pytest.importorskip(model_class.partition(".")[0])
    params = {"model_class": model_class, "label_columns": "target", "random_state": 1, **arguments}
    run = _run("train", iris, **params, drop_columns=["id", "spam"])
    assert run.outputs["accuracy"] > 0.85
    asked = _run("predict", iris, model=run.outputs["model"], drop_columns=["target"])
    assert set(asked.artifact("prediction").as_df()["predicted labels"]) == {0, 1, 2}


def test_a_booster_by_its_training_function(iris: Path) -> None:
    pytest.importorskip("lightgbm")
    run = _run(
        "train", iris, model_class="lightgbm.train", label_columns="target", drop_columns="id",
        TRAIN_params={"objective": "multiclass", "num_class": 3, "verbose": -1},
        TRAIN_num_boost_round=4, CLASS_min_data_in_leaf=5, random_state=1,
    )  # fmt: skip
    assert "model" in run.outputs
    asked = _run("predict", iris, model=run.outputs["model"], drop_columns=["target", "id"])
    rows = asked.artifact("prediction").as_df()
    chances = rows[[f"predicted_label_{n}" for n in (1, 2, 3)]].to_numpy()
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)


def test_a_feature_vector_brings_its_label(iris: Path) -> None:
    frame = pd.read_csv(iris)
    frame.columns = [f"c{number}" for number in range(4)] + ["kind", "flower"]
    fstore.FeatureSet("flowers", entities=[fstore.Entity("flower")]).ingest(frame)
    names = [f"flowers.c{number}" for number in range(4)]
    vector = fstore.FeatureVector("all", names, label_feature="flowers.kind")
    vector.save()
    run = _run("train", vector.uri, **LOGISTIC, random_state=2, FIT_sample_weight=None)
    assert run.outputs["accuracy"] > 0.9
    tested = _run("evaluate", vector.uri, model=run.outputs["model"])
    assert tested.outputs["evaluation_accuracy"] > 0.9


def test_a_job_in_a_process_of_its_own(iris: Path) -> None:
    trainer = ml.import_function("hub://auto-trainer:1.0.0")
    params = {**LOGISTIC, "label_columns": "target", "drop_columns": "id", "random_state": 1}
    inputs = {"dataset": str(iris)}
    run = trainer.run(handler="train", inputs=inputs, params=params, watch=False)
    assert run.state() == "completed" and run.outputs["accuracy"] > 0.9


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "label_columns is missing"),
        ({"label_columns": "spam"}, "no column 'spam'"),
        ({"label_columns": "target", "model_class": "sklearn.spam.Tree"}, "cannot be imported"),
        ({"label_columns": "target", "model_class": "Tree"}, "no class with fit and predict"),
        ({"label_columns": "target", "model_class": "sklearn.svm.NuSpam"}, "no class with fit"),
        ({"label_columns": "target", "CLASS_spam": 1}, "cannot be made with"),
        ({"label_columns": "target", "max_iter": 1}, "train has no parameter 'max_iter'"),
        ({"label_columns": "target", "FIT_spam": 1}, "refused the data"),
        ({"label_columns": "target", "train_test_split_size": 7.5}, "cannot be split"),
    ],
)
def test_what_does_not_fit(iris: Path, params: dict[str, Any], message: str) -> None:
    with pytest.raises(MLRunLikeError, match=message):
        _run("train", iris, **{**LOGISTIC, **params})


def test_texts_and_gaps_are_named(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["x", "y"] * 20, "b": [1.0, None] * 20, "y": [0, 1] * 20})
    frame.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(MLRunLikeError, match="no numbers: a; missing values: b"):
        _run("train", tmp_path / "t.parquet", **LOGISTIC, label_columns="y")


def test_predictions_that_have_no_room(iris: Path) -> None:
    run = _run("train", iris, **LOGISTIC, label_columns="target", drop_columns="id")
    for labels, message in ((["a", "b"], "has 2 names"), ("id", "have columns")):
        with pytest.raises(MLRunLikeError, match=message):
            _run("predict", iris, model=run.outputs["model"], label_columns=labels)
