"""Auto-logging of XGBoost and LightGBM: rounds, formats, serving."""

from __future__ import annotations

from typing import Any

import numpy
import pandas
import pytest

import mlrun_like as ml
from mlrun_like.artifacts.models import get_model
from mlrun_like.frameworks import lgbm, xgboost
from mlrun_like.promotion.predicting import Predictor
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.session import get_or_create_ctx
from mlrun_like.serving.definition.graph import flow

pytestmark = pytest.mark.slow

generator = numpy.random.default_rng(0)
X = generator.random((120, 4))
Y = (X[:, 0] + X[:, 1] > 1).astype(int)


def served(cls: Any, uri: str, **values: Any) -> Any:
    graph = flow()
    graph.to(cls, "net", model_path=uri, **values).respond()
    return graph.to_mock_server().test(body={"inputs": X[:5].tolist()})["outputs"]


def series(context: MLClientCtx, key: str) -> list[Any]:
    return list(context.store.read_metrics(context.project, context.uid, 0, [key])[key])


def trained(module: Any, model: Any, **values: Any) -> tuple[MLClientCtx, Any]:
    with get_or_create_ctx("train") as context:
        handler = module.apply_mlrun(
            model, "net", context=context, x_test=X[80:], y_test=Y[80:], **values
        )
        model.fit(X[:80], Y[:80], eval_set=[(X[80:], Y[80:])])
    return context, handler


@pytest.mark.parametrize("form", ["pkl", "json"])
def test_xgboost_is_logged_by_rounds_and_served(form: str) -> None:
    package = pytest.importorskip("xgboost", reason="xgboost is not installed")
    model = package.XGBClassifier(n_estimators=4, max_depth=2)
    context, handler = trained(xgboost, model, model_format=form)
    assert {"accuracy", "auc", "validation_0_logloss"} <= set(context.results)
    points = series(context, "validation_0_logloss")
    assert len(points) == 4
    record = get_model(handler.model_path)[1]
    assert record is not None and record.spec.framework == "xgboost"
    assert record.spec.model_file == f"net.{form}"
    assert {"validation_0_logloss_plot", "roc-curves"} <= set(record.spec.extra_data)
    expected = model.predict(X[:5]).tolist()
    assert served(xgboost.XGBoostModelServer, handler.model_path) == expected
    frame = pandas.DataFrame(X[:5], columns=["f0", "f1", "f2", "f3"])  # the recorded inputs
    assert Predictor(record).predict(frame).tolist() == expected
    again = xgboost.XGBoostModelHandler(model_path=handler.model_path)
    assert again.load().predict(X[:5]).tolist() == expected


@pytest.mark.parametrize("form", ["pkl", "txt"])
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")
def test_lightgbm_is_logged_by_rounds_and_served(form: str) -> None:
    package = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    model = package.LGBMClassifier(n_estimators=4, num_leaves=4, verbose=-1)
    context, handler = trained(lgbm, model, model_format=form)
    assert {"accuracy", "valid_0_binary_logloss"} <= set(context.results)
    record = get_model(handler.model_path)[1]
    assert record is not None and record.spec.framework == "lightgbm"
    assert "valid_0_binary_logloss_plot" in record.spec.extra_data
    expected = model.predict(X[:5]).tolist()
    assert served(lgbm.LGBMModelServer, handler.model_path, labels=True) == expected
    loaded = lgbm.LGBMModelHandler(model_path=handler.model_path).load()
    assert len(loaded.predict(X[:5])) == 5


def test_lightgbm_reports_each_round_of_its_own_training() -> None:
    package = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    data = package.Dataset(X[:80], Y[:80])
    check = package.Dataset(X[80:], Y[80:], reference=data)
    with get_or_create_ctx("train") as context:
        report = lgbm.MLRunLoggingCallback(context)
        booster = package.train(
            {"objective": "binary", "verbose": -1, "num_leaves": 4},
            data,
            3,
            valid_sets=[check],
            callbacks=[report],
        )
        handler = lgbm.LGBMModelHandler(booster, model_format="txt", model_name="net")
        handler.set_context(context)
        handler.log()
    points = series(context, "valid_0_binary_logloss")
    assert len(points) == 3
    assert served(lgbm.LGBMModelServer, context.get_cached_artifact("model").uri)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_lightgbm_train_is_logged_without_a_model() -> None:
    package = pytest.importorskip("lightgbm", reason="lightgbm is not installed")

    def train(context: MLClientCtx) -> None:
        assert lgbm.apply_mlrun(model_name="net", tag="v1") is None
        data = package.Dataset(X[:80], Y[:80])
        check = package.Dataset(X[80:], Y[80:], reference=data)
        names = {"valid_sets": [check], "valid_names": ["check"]}
        package.train({"objective": "binary", "verbose": -1}, data, num_boost_round=3, **names)

    run = ml.new_function().run(handler=train)
    charts = {"feature-importance", "confusion-matrix", "roc-curves", "calibration-curve"}
    assert {f"check-{name}" for name in charts} | {"check", "check_binary_logloss_plot"} == {
        *run.outputs
    } - {"model", "check_binary_logloss"}
    record = get_model(run.outputs["model"])[1]
    assert record is not None and record.spec.db_key == "net"
    assert record.spec.parameters["objective"] == "binary" and len(record.spec.inputs) == 4
    assert len(served(lgbm.LGBMModelServer, run.outputs["model"])) == 5
    # another run of this process is none of its business

    def plain(context: MLClientCtx) -> None:
        package.train({"verbose": -1}, package.Dataset(X, Y), 1)

    assert not ml.new_function().run(handler=plain).outputs
