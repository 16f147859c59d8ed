"""Tests of the item evaluate_model."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as known
from sklearn.linear_model import LinearRegression, LogisticRegression

import mlrun_like as ml
from mlrun_like.errors import MLRunLikeError


def _data(seed: int, rows: int = 3000) -> pd.DataFrame:
    """People of two groups; in one of them the label is half chance."""
    draw = np.random.default_rng(seed)
    data = pd.DataFrame({"x": draw.normal(size=rows), "z": draw.normal(size=rows)})
    data["group"] = draw.choice([0, 1], rows, p=[0.7, 0.3])
    clear = (data["x"] + 0.3 * data["group"] > 0).astype(int)
    lost = (data["group"] == 1) & (draw.random(rows) < 0.6)
    data["y"] = np.where(lost, draw.integers(0, 2, rows), clear)
    return data


def _logged(fitted: Any, training: pd.DataFrame, label: str) -> str:
    with ml.get_or_create_ctx("train") as context:
        kept = context.log_model(
            "net", body=pickle.dumps(fitted), model_file="net.pkl", framework="sklearn",
            training_set=training, label_column=label,
        )  # fmt: skip
    return str(kept.uri)


@pytest.fixture
def case(tmp_path: Path) -> Any:
    """A model's URI, the model, the test set and its path."""
    data, test = _data(0), _data(1)
    fitted = LogisticRegression().fit(data.drop(columns="y"), data["y"])
    test.to_parquet(tmp_path / "test.parquet")
    return _logged(fitted, data, "y"), fitted, test, tmp_path / "test.parquet"


def _evaluate(uri: str, path: Path, label: str = "y", **params: Any) -> Any:
    function = ml.import_function("hub://evaluate_model")
    return function.run(
        inputs={"models_path": uri, "test_set": str(path)},
        params={"label_column": label, **params},
        local=True,
        watch=False,
    )


def test_metrics_and_thresholds_are_scikit_learns(case: Any) -> None:
    uri, fitted, test, path = case
    run = _evaluate(uri, path)
    x, y = test.drop(columns="y"), test["y"]
    said, scores = fitted.predict(x), fitted.predict_proba(x)[:, 1]
    expected = {
        "accuracy": known.accuracy_score(y, said),
        "precision": known.precision_score(y, said),
        "recall": known.recall_score(y, said),
        "f1": known.f1_score(y, said),
        "auc": known.roc_auc_score(y, scores),
        "log_loss": known.log_loss(y, scores),
        "brier": known.brier_score_loss(y, scores),
        "average_precision": known.average_precision_score(y, scores),
    }
    for name, value in expected.items():
        assert run.outputs[name] == pytest.approx(value), name
    curve = run.artifact("threshold_curve").as_df()
    assert 100 < len(curve) <= 200
    for row in curve.iloc[[0, 57, 150, -1]].itertuples():
        chosen = (scores >= row.threshold - 1e-12).astype(int)
        assert row.precision == pytest.approx(known.precision_score(y, chosen))
        assert row.recall == pytest.approx(known.recall_score(y, chosen))
        assert row.accuracy == pytest.approx(known.accuracy_score(y, chosen))
        assert row.specificity == pytest.approx(known.recall_score(1 - y, 1 - chosen))
    assert run.outputs["best_f1"] == pytest.approx(curve["f1"].max())
    rows = run.artifact("test_set_preds").as_df()
    np.testing.assert_array_equal(rows["yscore"], said)
    np.testing.assert_allclose(rows["yscore_score"], scores)
    counts = run.artifact("confusion").as_df().set_index("label")
    np.testing.assert_array_equal(counts.to_numpy(), known.confusion_matrix(y, said))
    kept = ml.get_dataitem(uri).meta
    assert kept is not None
    assert kept.spec.metrics["validation-accuracy"] == pytest.approx(expected["accuracy"])


def test_weak_slices_and_unfair_groups_fail_the_run(case: Any) -> None:
    uri, fitted, test, path = case
    limits: Any = {"slice_columns": ["group"], "slice_gap": 0.1, "sensitive_columns": ["group"]}
    run = _evaluate(uri, path, **limits, fairness_limits={"disparate_impact": 0.99}, must=False)
    said = fitted.predict(test.drop(columns="y"))
    shares = [said[test["group"] == one].mean() for one in (0, 1)]
    assert run.outputs["disparate_impact"] == pytest.approx(min(shares) / max(shares))
    assert "group" in run.outputs["worst_slice"] and run.outputs["passed"] is False
    assert {"slices_page", "fairness_page", "threshold_page", "confusion_page"} <= set(run.outputs)
    with pytest.raises(MLRunLikeError, match=r"the model misses \d+ limits"):
        _evaluate(uri, path, **limits)


def test_three_classes_and_numbers(tmp_path: Path) -> None:
    draw = np.random.default_rng(2)
    data = pd.DataFrame({"x": draw.normal(size=900), "z": draw.normal(size=900)})
    data["kind"] = np.select([data["x"] > 0.6, data["z"] > 0.5], ["top", "right"], "none")
    data["size"] = 3 * data["x"] + draw.normal(size=900)
    data.loc[3, ["kind"]] = None
    data.to_parquet(tmp_path / "test.parquet")
    whole, x = data.dropna(), data[["x", "z"]]
    fitted: Any = LogisticRegression().fit(whole[["x", "z"]], whole["kind"])
    uri = _logged(fitted, whole[["x", "z", "kind"]], "kind")
    run = _evaluate(uri, tmp_path / "test.parquet", "kind", score_method="macro")
    said = fitted.predict(whole[["x", "z"]])
    assert run.outputs["f1"] == pytest.approx(known.f1_score(whole["kind"], said, average="macro"))
    assert run.outputs["rows_left_out"] == 1 and "auc" not in run.outputs
    line = LinearRegression().fit(x, data["size"])
    uri = _logged(line, data[["x", "z", "size"]], "size")
    run = _evaluate(uri, tmp_path / "test.parquet", "size", model_update=False)
    guess = line.predict(x)
    assert run.outputs["rmse"] == pytest.approx(known.root_mean_squared_error(data["size"], guess))
    assert run.outputs["r2"] == pytest.approx(known.r2_score(data["size"], guess))
    kept = ml.get_dataitem(uri).meta
    assert kept is not None and not kept.spec.metrics


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"label": "spam"}, "spam"),
        ({"score_method": "mean"}, "score_method 'mean' is unknown"),
        ({"slice_columns": ["spam"]}, "spam"),
        ({"fairness_limits": {"disparate_impact": 0.8}}, "need groups to compare"),
        ({"sensitive_columns": ["group"], "fairness_limits": {"spam": 1}}, "spam"),
    ],
)
def test_what_does_not_fit(case: Any, params: dict[str, Any], message: str) -> None:
    with pytest.raises(MLRunLikeError, match=message):
        _evaluate(case[0], case[3], **params)


def test_no_model(case: Any) -> None:
    with pytest.raises(MLRunLikeError):
        _evaluate(str(case[3]), case[3])
