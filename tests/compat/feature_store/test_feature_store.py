"""The feature store under MLRun's names: ingestion, steps, texts of features, types."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError, NotFoundError


@pytest.fixture
def fstore(compat: ModuleType) -> Any:
    """The old module, with those below that these tests use."""
    for name in ("steps", "common", "api"):
        import_module(f"mlrun.feature_store.{name}")
    return import_module("mlrun.feature_store")


def _frame() -> pd.DataFrame:
    return pd.DataFrame({"user": ["ann", "bob"], "age": [31, 42], "at": [1.7e9, 1.7e9]})


def _choose(df: pd.DataFrame) -> pd.DataFrame:
    return df[df.age > 40][["age"]]


def _set(fstore: Any, engine: str = "storey", **options: Any) -> Any:
    return fstore.FeatureSet("people", entities=["user"], engine=engine, **options)


@pytest.mark.parametrize("newer", [True, False])
def test_ingest_takes_both_orders_of_arguments(fstore: Any, newer: bool) -> None:
    mlrun = import_module("mlrun")
    target = import_module("mlrun.datastore.targets").DFTarget()
    context = mlrun.get_or_create_ctx("ingest")
    people = _set(fstore)
    given = (context, people, _frame(), [target]) if newer else (people, _frame(), [target])
    assert fstore.ingest(*given).age.tolist() == [31, 42]
    with pytest.raises(InvalidArgumentError, match="'source' twice"):
        fstore.ingest(people, _frame(), source=_frame())


@pytest.mark.parametrize("engine", ["storey", "pandas"])
def test_dates_of_numbers_are_nanoseconds(fstore: Any, engine: str) -> None:
    people = _set(fstore, engine)
    people.graph.to(fstore.steps.DateExtractor(["year"], "at"))
    target = import_module("mlrun.datastore.targets").DFTarget()
    assert people.ingest(_frame(), [target]).at_year.tolist() == [1970, 1970]


def test_a_mapping_is_judged_when_rows_come(fstore: Any) -> None:
    people = _set(fstore)
    people.graph.to(fstore.steps.MapValues({"age": {31: "a", 42: False}}))
    target = import_module("mlrun.datastore.targets").DFTarget()
    with pytest.raises(InvalidArgumentError) as caught:
        people.ingest(_frame(), [target])
    assert str(caught.value).endswith("not the case for Column 'age'")


def test_handlers_of_frames_may_leave_out_the_entities(fstore: Any) -> None:
    people = _set(fstore, "pandas")
    people.graph.to(name="choose", handler=_choose)
    target = import_module("mlrun.datastore.targets").DFTarget()
    found = people.ingest(_frame(), [target])
    assert found.index.tolist() == ["bob"]


def test_declared_types_do_not_narrow_the_result(fstore: Any) -> None:
    people = _set(fstore)
    people["age"] = fstore.Feature(fstore.ValueType.INT8)
    target = import_module("mlrun.datastore.targets").DFTarget()
    assert str(people.ingest(_frame(), [target]).age.dtype) == "int64"


def test_schema_and_statistics_of_a_frame(fstore: Any) -> None:
    people = fstore.FeatureSet("people")
    fstore.api._infer_from_df(_frame().set_index("user"), people)
    assert list(people.spec.entities.keys()) == ["user"]
    assert list(people.spec.features.keys()) == ["age", "at"]
    assert people.status.stats["age"]["mean"] == 36.5
    infer = import_module("mlrun.data_types").get_infer_interface(_frame())
    entities, features = people.spec.entities, people.spec.features
    infer.infer_schema(
        _frame().assign(new="x"), features, entities, options=fstore.InferOptions.all(),
        push_at_start=True,
    )  # fmt: skip
    assert list(features.keys()) == ["new", "age", "at"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("set1.f1", ("set1", "f1", None)),
        ("proj/set1.f1 as x", ("proj/set1", "f1", "x")),
        ("a-0.5b.*", ("a-0.5b", "*", None)),
    ],
)
def test_texts_of_features(fstore: Any, text: str, expected: Any) -> None:
    assert fstore.common.parse_feature_string(text) == expected


@pytest.mark.parametrize("text", ["set1", "set1 as x", "a/b/c.d", ""])
def test_texts_that_are_no_features(fstore: Any, text: str) -> None:
    with pytest.raises(InvalidArgumentError):
        fstore.common.parse_feature_string(text)


def test_uris_of_feature_sets(fstore: Any) -> None:
    parse = fstore.common.parse_feature_set_uri
    assert parse("store://feature-sets/p/n:t@u") == ("p", "n", "t", "u")
    assert parse("n", "q") == ("q", "n", None, None)
    with pytest.raises(InvalidArgumentError, match="does not represent a feature set"):
        parse("store://models/p/n")
    people = _set(fstore)
    people.save()
    with pytest.raises(NotFoundError, match="is empty"):
        fstore.common.verify_feature_set_exists(people)
    assert fstore.common.get_feature_set_by_uri(people.uri).name == "people"


def test_parameters_of_jobs(fstore: Any) -> None:
    people = _set(fstore)
    made = fstore.api.set_task_params(people, "data.csv", parameters={"a": 1})
    assert made["source"]["kind"] == "csv"
    context = SimpleNamespace(parameters=made)
    assert fstore.api.context_to_ingestion_params(context)[0] == people.uri
    with pytest.raises(InvalidArgumentError, match="needs the parameters"):
        fstore.api.context_to_ingestion_params(SimpleNamespace(parameters={}))


def test_types(compat: ModuleType) -> None:
    types: Any = import_module("mlrun.data_types")
    assert types.python_type_to_value_type("Float64") == types.ValueType.DOUBLE
    assert types.python_type_to_value_type(object()) is None
    assert types.pd_schema_to_value_type("duration") == types.ValueType.INT64
    with pytest.raises(InvalidArgumentError, match="no type 'x'"):
        types.pd_schema_to_value_type("x")
    checks: Any = import_module("mlrun.features")
    assert checks.type_validator["int8"].check("int8", 128)[0] is False
    assert checks.type_validator["int8"].check("int8", "x")[0] is False
    assert checks.type_validator["float"].check("float", "1.5")[0] is True
