"""Model handlers and libraries of artifacts with MLRun's arguments."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError

pytest.importorskip("sklearn")

X = pd.DataFrame({"age": [1.0, 2.0, 3.0, 4.0], "rooms": [1, 2, 3, 4]})
Y = pd.Series([0, 0, 1, 1], name="sold")


@pytest.fixture
def sklearn(compat: ModuleType) -> Any:
    """`mlrun.frameworks.sklearn`."""
    return import_module("mlrun.frameworks.sklearn")


def _model() -> Any:
    return import_module("sklearn.linear_model").LogisticRegression().fit(X, Y)


def test_inputs_and_outputs_are_read_from_samples(sklearn: Any) -> None:
    handler = sklearn.SKLearnModelHandler(model=_model(), model_name="net")
    handler.set_inputs(from_sample=X)
    handler.set_outputs(Y)
    assert handler.inputs == [
        {"name": "age", "value_type": "float"}, {"name": "rooms", "value_type": "int"},
    ]  # fmt: skip
    assert handler.outputs == [{"name": "sold", "value_type": "int"}]
    handler.set_inputs(features=["age"])
    assert handler.inputs == ["age"]
    handler.set_outputs([{"name": "sold", "value_type": "int"}, {"name": "sum"}])
    assert handler.outputs == [{"name": "sold", "value_type": "int"}, {"name": "sum"}]
    handler.set_inputs([[1.0, 2.0]])  # a row
    assert [item["name"] for item in handler.inputs] == ["f0", "f1"]


def test_a_sample_or_features(sklearn: Any) -> None:
    handler = sklearn.SKLearnModelHandler(model=_model(), model_name="net")
    for arguments in ({}, {"from_sample": X, "features": ["age"]}):
        with pytest.raises(InvalidArgumentError, match="one of both"):
            handler.set_inputs(**arguments)


@pytest.mark.parametrize(
    "given", [[], (), ["some text", "another text"], [{"name": "Ann"}, {"name": "Ben"}]]
)
def test_texts_are_not_guessed_to_be_names(sklearn: Any, given: Any) -> None:
    handler = sklearn.SKLearnModelHandler(model=_model(), model_name="net")
    for setter in (handler.set_inputs, handler.set_outputs):
        with pytest.raises(InvalidArgumentError, match="may be names or rows") as told:
            setter(given)
        assert "features=" in told.value.fix and "Ann" not in str(told.value)
    assert handler.inputs is None and handler.outputs is None
    handler.set_inputs(features=given)
    assert handler.inputs == list(given)


def test_the_artifacts_that_fit_a_model(sklearn: Any) -> None:
    plans = sklearn.SKLearnArtifactsLibrary.default(_model(), Y)
    names = [type(plan).__name__ for plan in plans]
    assert "ConfusionMatrixPlan" in names and "ROCCurvePlan" in names
