"""Tests of the item v2_model_server."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import mlrun_like as ml
from mlrun_like.errors import MLRunLikeError
from mlrun_like.serving import Client, serve

FLOWERS = load_iris(as_frame=True)


@pytest.fixture
def model() -> Any:
    fitted = LogisticRegression(max_iter=500).fit(FLOWERS.data, FLOWERS.target)
    with ml.get_or_create_ctx("train") as context:
        kept = context.log_model(
            "iris", body=pickle.dumps(fitted), model_file="iris.pkl", framework="sklearn",
            training_set=FLOWERS.frame, label_column="target",
        )  # fmt: skip
    return kept.uri, fitted


def _function(path: str, **options: Any) -> Any:
    function: Any = ml.import_function("hub://v2_model_server")
    function.add_model("iris", model_path=path, **options)
    return function


def test_predictions_are_the_models(model: Any) -> None:
    uri, fitted = model
    server = _function(uri).to_mock_server()
    rows = FLOWERS.data[::7]
    answer = server.test("/v2/models/iris/infer", body={"inputs": rows.to_numpy().tolist()})
    assert answer["model_name"] == "iris"
    assert answer["outputs"] == fitted.predict(rows).tolist()
    named = rows[rows.columns[::-1]].to_dict("records")
    answer = server.test("/v2/models/iris/infer", body={"inputs": named})
    assert answer["outputs"] == fitted.predict(rows).tolist()
    names = [one["name"] for one in server.test("/v2/models/iris", method="GET")["inputs"]]
    assert names == list(rows.columns)


def test_other_methods_over_http(model: Any) -> None:
    uri, fitted = model
    with serve(_function(uri, method="predict_proba")) as running, Client(running.url) as client:
        rows = FLOWERS.data[:3]
        answer = client.infer(rows.to_numpy().tolist(), "iris")
        np.testing.assert_allclose(answer["outputs"], fitted.predict_proba(rows))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [([[1, 2]], "2"), ([["a", 1, 2, 3]], "could not convert string"), ("no list", "not a list")],
)
def test_rows_that_do_not_fit(model: Any, inputs: Any, message: str) -> None:
    server = _function(model[0]).to_mock_server()
    with pytest.raises(MLRunLikeError, match=message):
        server.test("/v2/models/iris/infer", body={"inputs": inputs})


def test_a_file_that_nobody_recorded(model: Any, tmp_path: Path) -> None:
    (tmp_path / "net.pkl").write_bytes(pickle.dumps(model[1]))
    with pytest.raises(MLRunLikeError, match="trust"):
        _function(str(tmp_path / "net.pkl")).to_mock_server()
    server = _function(str(tmp_path / "net.pkl"), trust=True).to_mock_server()
    answer = server.test("/v2/models/iris/infer", body={"inputs": [[5.1, 3.5, 1.4, 0.2]]})
    assert answer["outputs"] == [0]
