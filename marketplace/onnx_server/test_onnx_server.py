"""Tests of the item onnx_server."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import mlrun_like as ml
from mlrun_like.errors import MLRunLikeError
from mlrun_like.serving import Client, serve

FLOWERS = load_iris()


@pytest.fixture
def file(tmp_path: Path) -> Any:
    """A converted model, and the one that it was."""
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    skl2onnx = pytest.importorskip("skl2onnx", reason="skl2onnx is not installed")
    fitted = LogisticRegression(max_iter=500).fit(FLOWERS.data, FLOWERS.target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = skl2onnx.to_onnx(
            fitted, FLOWERS.data[:1].astype(np.float32), options={"zipmap": False}
        )
    path = tmp_path / "iris.onnx"
    path.write_bytes(made.SerializeToString())
    return path, fitted


def _function(path: str, **options: Any) -> Any:
    function: Any = ml.import_function("hub://onnx_server")
    function.add_model("iris", model_path=path, **options)
    return function


def test_predictions_are_those_of_the_model_before(file: Any) -> None:
    path, fitted = file
    server = _function(str(path)).to_mock_server()
    rows = FLOWERS.data[::5]
    answer = server.test("/v2/models/iris/infer", body={"inputs": rows.tolist()})
    assert answer["outputs"] == fitted.predict(rows).tolist()
    told = server.test("/v2/models/iris/schema", body={})
    assert [one["name"] for one in told["outputs"]] == ["label", "probabilities"]
    assert told["inputs"][0]["shape"] == [None, 4] and told["inputs"][0]["type"] == "tensor(float)"


def test_a_logged_model_and_several_outputs_over_http(file: Any) -> None:
    path, fitted = file
    with ml.get_or_create_ctx("convert") as context:
        kept = context.log_model("iris", model_file=str(path), framework="onnx")
    function = _function(kept.uri, outputs=["label", "probabilities"])
    with serve(function) as running, Client(running.url) as client:
        answer = client.infer(FLOWERS.data[:4].tolist(), "iris")
    chances = [row["probabilities"] for row in answer["outputs"]]
    np.testing.assert_allclose(chances, fitted.predict_proba(FLOWERS.data[:4]), atol=1e-5)


def test_what_does_not_fit(file: Any, tmp_path: Path) -> None:
    path, _ = file
    server = _function(str(path)).to_mock_server()
    with pytest.raises(MLRunLikeError, match="2"):
        server.test("/v2/models/iris/infer", body={"inputs": [[1.0, 2.0]]})
    with pytest.raises(MLRunLikeError, match="has no output 'spam'"):
        _function(str(path), outputs="spam").to_mock_server()
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(MLRunLikeError, match="is no ONNX model"):
        _function(str(tmp_path / "bad.onnx")).to_mock_server()
