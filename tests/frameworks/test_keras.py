"""Auto-logging of Keras: what is recorded, and that it can be served."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy
import pandas
import pytest

from mlrun_like.artifacts.models import get_model
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks import tf_keras
from mlrun_like.promotion.predicting import Predictor
from mlrun_like.runs.session import get_or_create_ctx
from mlrun_like.serving.definition.graph import flow

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

X = numpy.random.default_rng(0).random((12, 2)).astype("float32")
Y = X.sum(axis=1)


@pytest.fixture(scope="module")
def keras() -> Iterator[Any]:
    pytest.importorskip("torch", reason="torch is not installed")
    before = os.environ.get("KERAS_BACKEND")
    os.environ["KERAS_BACKEND"] = before or "torch"
    yield pytest.importorskip("keras", reason="keras is not installed")
    if before is None:
        del os.environ["KERAS_BACKEND"]


def network(keras: Any) -> Any:
    layers = [keras.Input((2,)), keras.layers.Dense(1)]
    model = keras.Sequential(layers, name="net")
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="mse", metrics=["mae"])
    return model


@pytest.mark.parametrize("form", ["SavedModel", "h5"])
def test_a_training_is_recorded_and_served(keras: Any, form: str) -> None:
    model = network(keras)
    with get_or_create_ctx("train") as context:
        handler = tf_keras.apply_mlrun(model, context=context, model_format=form, tag="v1")
        history = model.fit(X, Y, validation_data=(X, Y), epochs=2, batch_size=4, verbose=0)
        model.evaluate(X, Y, verbose=0)
    results = context.results
    assert results["training_loss"] == pytest.approx(history.history["loss"][-1])
    assert results["validation_mae"] == pytest.approx(history.history["val_mae"][-1])
    assert results["evaluation_mae"] == pytest.approx(results["validation_mae"], rel=1e-3)
    assert results["learning_rate"] == pytest.approx(0.1)
    found = context.store.read_metrics(context.project, context.uid, 0, ["training_loss"])
    assert len(found["training_loss"]) == 2
    record = get_model(handler.model_path)[1]
    assert record is not None and record.spec.framework == "tensorflow.keras"
    assert record.spec.model_file == ("net.keras" if form == "SavedModel" else "net.h5")
    assert {"training_loss", "loss_summary", "evaluation_mae"} <= set(record.spec.extra_data)
    assert record.spec.metrics["evaluation_mae"] == results["evaluation_mae"]
    expected = model.predict(X[:3], verbose=0).tolist()
    graph = flow()
    graph.to(tf_keras.TFKerasModelServer, "net", model_path=handler.model_path).respond()
    answer = graph.to_mock_server().test(body={"inputs": X[:3].tolist()})["outputs"]
    assert numpy.allclose(answer, expected)
    found = Predictor(record).predict(pandas.DataFrame(X[:3]))
    assert numpy.allclose(found, [row[0] for row in expected])
    again = tf_keras.TFKerasModelHandler(model_path=handler.model_path).load()
    assert numpy.allclose(again.predict(X[:3], verbose=0), expected)


def test_mistakes(keras: Any) -> None:
    with get_or_create_ctx("t") as context:
        with pytest.raises(InvalidArgumentError, match="'zip' is not one of"):
            tf_keras.apply_mlrun(network(keras), context=context, model_format="zip")
        with pytest.raises(InvalidArgumentError, match="use_horovod"):
            tf_keras.apply_mlrun(network(keras), context=context, use_horovod=True)
        with pytest.raises(InvalidArgumentError, match="no argument 'labls'"):
            tf_keras.apply_mlrun(network(keras), context=context, labls={})
