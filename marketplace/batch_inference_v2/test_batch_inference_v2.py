"""Tests of the item batch_inference_v2, and of batch_inference, its older parameters."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import mlrun_like as ml
from mlrun_like.errors import MLRunLikeError


def _rows(count: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    return pd.DataFrame({"a": draw.normal(shift, 1, count), "b": draw.normal(0, 1, count)})


@pytest.fixture
def model() -> Any:
    """A logged model with the statistics of its training set: its URI, and itself."""
    x = _rows(2000, 0)
    y = (x["a"] + x["b"] > 0).astype(int).rename("y")
    fitted = LogisticRegression().fit(x, y)
    with ml.get_or_create_ctx("train") as context:
        kept = context.log_model(
            "net", body=pickle.dumps(fitted), model_file="net.pkl",
            framework="sklearn", training_set=x.assign(y=y), label_column="y",
        )  # fmt: skip
    return kept.uri, fitted


def _infer(path: Path | str, uri: str, **params: Any) -> Any:
    function = ml.import_function("hub://batch_inference_v2")
    params["model_path"] = uri
    return function.run(inputs={"dataset": str(path)}, params=params, local=True, watch=False)


def _drift(before: pd.Series[Any], now: pd.Series[Any]) -> float:
    """Mean of total variation and Hellinger distance over the 20 bins of the training set."""
    counts, edges = np.histogram(before, bins=20)
    edges[0], edges[-1] = -np.inf, np.inf
    p, q = counts / counts.sum(), np.histogram(now, bins=edges)[0] / len(now)
    tvd = np.abs(p - q).sum() / 2
    hellinger = np.sqrt(max(0.0, 1 - np.sqrt(p * q).sum()))
    return float(tvd + hellinger) / 2


def test_predictions_and_no_drift(model: Any, tmp_path: Path) -> None:
    uri, fitted = model
    new = _rows(500, 1)
    new.to_parquet(tmp_path / "new.parquet")
    run = _infer(tmp_path / "new.parquet", uri, batch_id="b7", chunk=90)
    found = run.artifact("prediction").as_df()
    np.testing.assert_array_equal(found["y"], fitted.predict(new))
    np.testing.assert_array_equal(found["a"], new["a"])
    assert run.outputs["batch_id"] == "b7" and run.outputs["drift_status"] is False
    assert {"drift_table_plot", "features_drift_results"} <= set(run.outputs)


def test_drift_is_found(model: Any, tmp_path: Path) -> None:
    uri, _ = model
    new = _rows(800, 2, shift=9.0)
    new.to_csv(tmp_path / "new.csv", index=False)
    run = _infer(tmp_path / "new.csv", uri, model_endpoint_drift_threshold=0.3)
    told = json.loads(run.artifact("features_drift_results").get())
    before = _rows(2000, 0)
    for name in ("a", "b"):
        assert told[name]["score"] == pytest.approx(_drift(before[name], new[name]), abs=0.02)
    mean = (told["a"]["score"] + told["b"]["score"]) / 2
    assert run.outputs["drift_metric"] == pytest.approx(mean)
    assert run.outputs["drift_status"] is True and run.outputs["drifted_features"] == ["a"]


def test_options(model: Any, tmp_path: Path) -> None:
    uri, fitted = model
    new = _rows(50, 3).assign(y=1)
    new.to_parquet(tmp_path / "new.parquet")
    run = _infer(
        tmp_path / "new.parquet", uri, drop_columns=["y"], label_columns="said",
        result_set_name="answers", perform_drift_analysis=False,
    )  # fmt: skip
    assert run.artifact("answers").as_df()["said"].tolist() == fitted.predict(_rows(50, 3)).tolist()
    assert "drift_metric" not in run.outputs
    assert len(run.outputs["batch_id"]) > 8


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"model_path": "net.pkl"}, "no URI of a logged model"),
        (
            {"label_columns": ["p", "q"]},
            "the model gives 1 values for a row, and label_columns has 2",
        ),
        ({"label_columns": "a"}, "the data set has columns"),
        ({"drop_columns": "a"}, "no column 'a'"),
    ],
)
def test_what_does_not_fit(
    model: Any, tmp_path: Path, params: dict[str, Any], message: str
) -> None:
    _rows(20, 4).to_parquet(tmp_path / "new.parquet")
    function = ml.import_function("hub://batch_inference_v2")
    with pytest.raises(MLRunLikeError, match=message):
        function.run(
            inputs={"dataset": str(tmp_path / "new.parquet")},
            params={"model_path": model[0], **params},
            local=True,
            watch=False,
        )
