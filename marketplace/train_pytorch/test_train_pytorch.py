"""Tests of the item train_pytorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes, load_iris

import mlrun_like as ml
from mlrun_like.errors import MLRunLikeError

torch: Any = pytest.importorskip("torch", reason="torch is not installed")
torch.set_num_threads(1)
KINDS = np.array(["setosa", "versicolor", "virginica"])


def _run(handler: str, path: Path, **params: Any) -> Any:
    function = ml.import_function("hub://train_pytorch")
    inputs = {"dataset": str(path)}
    if "test_set" in params:
        inputs["test_set"] = str(params.pop("test_set"))
    return function.run(handler=handler, inputs=inputs, params=params, local=True, watch=False)


@pytest.fixture
def iris(tmp_path: Path) -> Path:
    path = tmp_path / "iris.parquet"
    frame = load_iris(as_frame=True).frame
    frame["sepal width (cm)"] *= 1000  # columns of other sizes must not matter
    frame.assign(target=KINDS[frame["target"]]).to_parquet(path)
    return path


def test_classes_are_learnt_served_and_predicted(iris: Path) -> None:
    params = {"label_column": "target", "epochs": 40, "learning_rate": 0.01, "hidden": [16]}
    run = _run("train", iris, **params, random_state=3)
    assert run.outputs["accuracy"] > 0.9 and run.outputs["epochs"] <= 40
    assert {"model", "validation_CrossEntropyLoss", "validation_accuracy"} <= set(run.outputs)
    record = run.artifact("model").meta
    assert record.spec.parameters["classes"] == KINDS.tolist()
    assert [one["name"] for one in record.spec.inputs][1] == "sepal width (cm)"
    asked = _run("predict", iris, model=run.outputs["model"])
    rows = asked.artifact("prediction").as_df()
    assert (rows["predicted_target"] == rows["target"]).mean() > 0.9
    # the recorded module alone, with numpy: the scale of the columns is in its first layer
    net = ml.load_model(run.outputs["model"])
    layers = [layer for layer in net if hasattr(layer, "weight")]
    found = rows.iloc[:, :4].to_numpy(dtype=float)
    for at, layer in enumerate(layers):
        weight, bias = (one.detach().numpy().astype(float) for one in (layer.weight, layer.bias))
        found = found @ weight.T + bias
        found = np.maximum(found, 0) if at + 1 < len(layers) else found
    chances = np.exp(found - found.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    assert (KINDS[found.argmax(axis=1)] == rows["predicted_target"]).all()
    np.testing.assert_allclose(chances.max(axis=1), rows["predicted_target_probability"], atol=1e-3)
    graph = ml.serving.flow()
    graph.to("PyTorchModelServer", "net", model_path=run.outputs["model"]).respond()
    body = {"inputs": rows.iloc[:3, :4].to_numpy().tolist()}
    logits = graph.to_mock_server().test(body=body)["outputs"]
    np.testing.assert_allclose(logits, found[:3], rtol=1e-3, atol=1e-3)
    again = _run("train", iris, **params, random_state=3)
    assert again.outputs["accuracy"] == run.outputs["accuracy"]


def test_numbers_a_test_set_and_an_end_before_the_last_epoch(tmp_path: Path) -> None:
    frame = load_diabetes(as_frame=True).frame.assign(still=1.0, name="a")
    frame["target"] = (frame["target"] - 150) / 75
    frame[:350].to_parquet(tmp_path / "train.parquet")
    frame[350:].to_parquet(tmp_path / "test.parquet")
    params = {
        "label_column": "target", "drop_columns": "name", "epochs": 300, "patience": 2,
        "optimizer": "SGD", "OPTIMIZER_momentum": 0.9, "learning_rate": 0.02,
    }  # fmt: skip
    run = _run("train", tmp_path / "train.parquet", test_set=tmp_path / "test.parquet", **params)
    assert run.outputs["epochs"] < 300
    asked = _run("predict", tmp_path / "test.parquet", model=run.outputs["model"])
    rows = asked.artifact("prediction").as_df()
    off = rows["predicted_target"] - rows["target"]
    assert run.outputs["mean_absolute_error"] == pytest.approx(off.abs().mean(), abs=1e-4)
    assert run.outputs["rmse"] == pytest.approx(np.sqrt((off**2).mean()), abs=1e-4)
    assert run.outputs["rmse"] < frame[350:]["target"].std()


def test_a_later_run_goes_on_from_checkpoints(iris: Path, tmp_path: Path) -> None:
    params = {
        "label_column": "target", "hidden": [8], "checkpoint_directory": str(tmp_path / "states"),
    }  # fmt: skip
    assert _run("train", iris, epochs=2, **params).outputs["epochs"] == 2
    assert _run("train", iris, epochs=5, **params).outputs["epochs"] == 3


def test_a_module_of_ones_own(iris: Path) -> None:
    run = _run(
        "train", iris, label_column="target", epochs=1, model_class="torch.nn.Linear",
        CLASS_in_features=4, CLASS_out_features=3,
    )  # fmt: skip
    assert run.outputs["model"].startswith("store://models/")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"label_column": "spam"}, "no column 'spam'"),
        ({"epochs": 0}, "must be 1 or more"),
        ({"optimizer": "Spam"}, "optimizer 'Spam' cannot be made"),
        ({"model_class": "torch.nn.Spam"}, "'torch.nn.Spam' cannot be made"),
        ({"depth": 3}, "no parameter 'depth'"),
        ({"learning_rate": 1e30, "optimizer": "SGD", "epochs": 9}, "the test loss is"),
    ],
)
def test_what_does_not_fit(iris: Path, params: dict[str, Any], message: str) -> None:
    with pytest.raises(MLRunLikeError, match=message):
        _run("train", iris, **{"label_column": "target", **params})


def test_gaps_and_texts_are_named(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1.0, None] * 9, "b": ["x", "y"] * 9, "y": [0, 1] * 9})
    frame.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(MLRunLikeError, match="columns a, b are no numbers, or have gaps"):
        _run("train", tmp_path / "t.parquet", label_column="y")
