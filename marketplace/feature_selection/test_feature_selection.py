"""Tests of the item feature_selection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.feature_selection import chi2, f_classif

import mlrun_like as ml
import mlrun_like.feature_store as fstore
from mlrun_like.errors import MLRunLikeError

KEYS = (
    "feature_scores",
    "max_scaled_scores_feature_scores",
    "selected_features",
    "selected_features_count",
)


def _run(path: Path | str, **params: Any) -> Any:
    select = ml.import_function("hub://feature_selection")
    inputs = {"df_artifact": str(path)}
    return select.run(inputs=inputs, params=params, local=True, watch=False)


def _table(run: Any, key: str) -> pd.DataFrame:
    frame: pd.DataFrame = run.artifact(key).as_df()
    return frame


@pytest.fixture
def iris(tmp_path: Path) -> Path:
    path = tmp_path / "iris.parquet"
    load_iris(as_frame=True).frame.to_parquet(path)
    return path


def test_scores_are_those_of_the_tests_and_petals_win(iris: Path) -> None:
    run = _run(iris, label_column="target", k=2)
    assert all(key in run.outputs for key in KEYS)
    frame = pd.read_parquet(iris)
    x, y = frame.drop(columns="target"), frame["target"]
    scores = _table(run, "feature_scores")
    np.testing.assert_allclose(scores["f_classif"], f_classif(x, y)[0], rtol=1e-12)
    np.testing.assert_allclose(scores["chi2"], chi2(x, y)[0], rtol=1e-12)
    # sums of squares between and within the classes, by hand
    groups = [x["petal width (cm)"][y == one] for one in (0, 1, 2)]
    mean = x["petal width (cm)"].mean()
    between = sum(len(one) * (one.mean() - mean) ** 2 for one in groups) / 2
    within = sum(((one - one.mean()) ** 2).sum() for one in groups) / 147
    assert scores.loc["petal width (cm)", "f_classif"] == pytest.approx(between / within)
    chosen = _table(run, "selected_features")
    assert set(chosen.columns) == {"petal length (cm)", "petal width (cm)", "target"}
    assert len(chosen) == 150
    votes = _table(run, "selected_features_count")
    filters = votes.drop(columns="num_votes")
    assert (filters.sum() <= 2).all() and (votes["num_votes"] == filters.sum(axis=1)).all()
    assert run.outputs["votes_needed"] == filters.shape[1] // 2
    scaled = _table(run, "max_scaled_scores_feature_scores")
    assert (scaled.min() == 0).all() and (scaled.max() == 1).all()
    assert b"<svg" in run.artifact("LogisticRegression").get()


def test_numbers_with_gaps_constants_and_noise(tmp_path: Path) -> None:
    x = np.random.default_rng(1).normal(size=(400, 12))
    y = 3 * x[:, 0] - 2 * x[:, 1] + 2.5 * x[:, 2]
    frame = pd.DataFrame(x, columns=[f"x{n}" for n in range(12)]).assign(price=y, still=1.0)
    frame.loc[::7, "x5"] = np.nan
    frame.loc[3, "x6"] = np.inf
    frame.loc[5, "price"] = np.nan
    frame["empty"] = np.nan
    frame["name"] = "a"
    frame.to_parquet(tmp_path / "prices.parquet")
    run = _run(
        tmp_path / "prices.parquet", label_column="price", k=3, min_votes=3, ignore_type_errors=True
    )
    chosen = _table(run, "selected_features")
    assert set(chosen.columns) == {"x0", "x1", "x2", "price"}
    assert len(chosen) == 399
    assert (_table(run, "feature_scores").loc[["still", "empty"]].abs().max() < 1e-9).all()


def test_wide_tables_texts_as_labels_and_own_filters(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(200, 3000)), columns=[f"c{n}" for n in range(3000)])
    frame["kind"] = np.where(frame["c7"] - frame["c11"] > 0, "yes", "no")
    frame.to_parquet(tmp_path / "wide.parquet")
    run = _run(
        tmp_path / "wide.parquet",
        label_column="kind",
        k=2,
        min_votes=3,
        stat_filters=["f_classif", "mutual_info_classif"],
        model_filters={
            "ridge": '{"META": {"class": "sklearn.linear_model.RidgeClassifier"}, "CLASS": {}}'
        },
    )
    assert set(_table(run, "selected_features").columns) == {"c7", "c11", "kind"}


def test_samples_of_each_class(iris: Path) -> None:
    run = _run(iris, label_column="target", k=5, sample_ratio=0.2, stat_filters=["f_classif"])
    assert _table(run, "selected_features")["target"].value_counts().to_list() == [10, 10, 10]


def test_a_vector_of_the_selected_features(iris: Path) -> None:
    frame = pd.read_parquet(iris).rename(columns=lambda name: name.replace(" (cm)", ""))
    frame.columns = [name.replace(" ", "_") for name in frame.columns]
    frame["flower"] = np.arange(len(frame))
    flowers = fstore.FeatureSet("flowers", entities=[fstore.Entity("flower")])
    flowers.ingest(frame)
    vector = fstore.FeatureVector("all", ["flowers.*"], label_feature="flowers.target")
    vector.save()
    fstore.get_offline_features(vector)
    wide = fstore.FeatureVector(
        "wide",
        ["flowers.sepal_width", "flowers.petal_width", "flowers.petal_length"],
        label_feature="flowers.target",
    )
    wide.save()
    run = _run(wide.uri, k=2, output_vector_name="best")
    assert run.outputs["top_features_vector"].startswith("store://feature-vectors/")
    best = fstore.get_feature_vector(run.outputs["top_features_vector"])
    assert sorted(best.spec.features) == ["flowers.petal_length", "flowers.petal_width"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "there is no label_column"),
        ({"label_column": "spam"}, "no column 'spam'"),
        ({"label_column": "target", "k": 0}, "k is 0, and each filter needs a vote"),
        ({"label_column": "target", "k": 6}, "k is 6, and the table has"),
        ({"label_column": "target", "stat_filters": ["f_spam"]}, "no function 'f_spam'"),
        ({"label_column": "target", "model_filters": {"a": "Spam"}}, "no model class 'Spam'"),
        ({"label_column": "target", "model_filters": {"a": "{"}}, "is no model"),
        ({"label_column": "target", "sample_ratio": 2.0}, "sample_ratio 2.0"),
    ],
)
def test_what_does_not_fit(iris: Path, params: dict[str, Any], message: str) -> None:
    with pytest.raises(MLRunLikeError, match=message):
        _run(iris, **params)


def test_texts_among_the_features(tmp_path: Path) -> None:
    frame = load_iris(as_frame=True).frame.assign(name="a")
    frame.to_parquet(tmp_path / "iris.parquet")
    with pytest.raises(MLRunLikeError, match=r"no numbers: \['name'\]"):
        _run(tmp_path / "iris.parquet", label_column="target")
