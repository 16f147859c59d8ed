"""What the built-in steps do to events and frames, and which mistakes they name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.errors import (
    GraphError,
    InvalidArgumentError,
    InvalidTypeError,
    NotFoundError,
    StepError,
)
from mlrun_like.feature_store import steps
from mlrun_like.feature_store.definitions.features import Feature
from mlrun_like.feature_store.definitions.validators_limits import MinMaxValidator
from mlrun_like.feature_store.steps.base import MLRunStep, SetFacts
from mlrun_like.feature_store.steps.calculating import Calculate
from mlrun_like.feature_store.steps.dates import DateExtractor
from mlrun_like.feature_store.steps.dropping import DropFeatures
from mlrun_like.feature_store.steps.encoding import OneHotEncoder
from mlrun_like.feature_store.steps.imputing import Imputer
from mlrun_like.feature_store.steps.map_values import MapValues
from mlrun_like.feature_store.steps.numbers import Bucketise, Ratio, ScaleValues
from mlrun_like.feature_store.steps.text import TextFeatures
from mlrun_like.feature_store.steps.times import TimeDifference, ToTimeZone
from mlrun_like.feature_store.steps.validating import FeaturesetValidator
from mlrun_like.feature_store.transform.compile import compile_transform
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.definition.lookup import resolve
from tests.feature_store.transform.sets import by_chunks, by_events, feature_set

STAFF = pd.DataFrame({
    "name": list("ABCDE"),
    "age": [33, 4, 76, 90, 24],
    "department": ["IT", "RD", "RD", "Marketing", "IT"],
    "k": range(5),
    "t": pd.Timestamp("2024-02-29T10:00"),
})  # fmt: skip


def both(*made: Any, frame: pd.DataFrame = STAFF) -> list[dict[str, Any]]:
    """What chunks and events agree on."""
    with compile_transform(feature_set(*made)) as transform:
        chunks = by_chunks(transform, frame, 2)
    with compile_transform(feature_set(*made)) as transform:
        assert by_events(transform, frame) == chunks
    return chunks


@pytest.mark.parametrize("name", steps.__all__)
def test_names_of_mlrun_are_found(name: str) -> None:
    found = getattr(steps, name)
    assert resolve(f"mlrun.feature_store.steps.{name}", []) is found
    assert resolve(name, []) is found


@pytest.mark.parametrize("name", ["MapValue", "Dropfeatures"])
def test_no_such_step(name: str) -> None:
    with pytest.raises(NotFoundError, match=f"mlrun.feature_store.steps.{name}|{name}"):
        resolve(f"mlrun.feature_store.steps.{name}", [])


def test_steps_are_data() -> None:
    made = feature_set(MapValues({"age": {"ranges": {"child": [0, 18]}}}), Imputer("median"))
    again = type(made).from_dict(made.to_dict())
    with compile_transform(made) as one, compile_transform(again) as two:
        assert one.run(STAFF)[""].equals(two.run(STAFF)[""])


def test_steps_in_a_served_graph() -> None:
    graph = flow()
    graph.to("mlrun.feature_store.steps.MapValues", mapping={"a": {1: 2}}).to(
        "OneHotEncoder", mapping={"a": [1, 2]}
    )
    assert graph.to_mock_server().test(body={"a": 1, "b": 0}) == {"a_1": 0, "a_2": 1}


# MapValues ----------------------------------------------------------------------------------


def test_map_values_as_mlrun_maps() -> None:
    mapping: Any = {
        "age": {"ranges": {"child": [0, 30], "adult": [30, "inf"]}},
        "department": {"IT": 1, "Marketing": 2, "RD": 3},
    }
    found = both(MapValues(mapping))
    assert list(found[0]) == ["age", "department", "k", "t"]  # the entity and the time stay
    assert [row["age"] for row in found] == ["adult", "child", "adult", "adult", "child"]
    assert [row["department"] for row in found] == [1, 3, 3, 2, 1]
    kept = both(MapValues(mapping, with_original_features=True))
    assert list(kept[0]) == [*STAFF.columns, "age_mapped", "department_mapped"]


def test_values_that_nothing_is_said_about_stay() -> None:
    frame = pd.DataFrame({"k": ["a"] * 4, "x": [1.0, None, 7.0, math.inf]})
    step = MapValues({"x": {"ranges": {0: [-5, 5.0]}}}, True)
    assert [row["x_mapped"] for row in both(step, frame=frame)] == [0, None, 7.0, math.inf]
    given = MapValues({"x": {None: -1.0, 7.0: 8.0}}, True)
    assert [row["x_mapped"] for row in both(given, frame=frame)] == [1.0, -1.0, 8.0, math.inf]


def test_many_equal_values_are_mapped_once() -> None:
    frame = pd.DataFrame({"k": "a", "x": ["a", "b"] * 200})
    assert [row["x"] for row in both(MapValues({"x": {"a": "z"}}), frame=frame)] == ["z", "b"] * 200


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"a": {"ranges": {"x": [0, 1]}, 5: 1}}, "can not combine ranges and single"),
        ({"a": {1: "x", 2: 3}}, "must be in the same type"),
        ({"a": {"ranges": {"x": [0, 1], "y": ["a", "b"]}}}, "must be in the same type"),
        ({"a": {"ranges": {"x": [0]}}}, r"not \[first, last\]"),
        ({"a": 3}, "is not a dictionary"),
        (7, "is not a dictionary"),
    ],
)
def test_mistakes_of_mappings(mapping: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        MapValues(mapping)


def test_ranges_of_another_type_name_column_and_row() -> None:
    step = MapValues({"name": {"ranges": {"x": [0, 1]}}})
    with (
        compile_transform(feature_set(step)) as transform,
        pytest.raises(StepError, match=r"'A' in column 'name' cannot be compared") as caught,
    ):
        transform.run(STAFF)
    assert "row 0" in caught.value.where


# OneHotEncoder ------------------------------------------------------------------------------


def test_one_hot_columns_stand_in_place() -> None:
    found = both(OneHotEncoder({"department": ["IT", "RD", "Marketing"]}))
    assert list(found[0]) == [
        "name", "age", "department_IT", "department_RD", "department_Marketing", "k", "t",
    ]  # fmt: skip
    assert [row["department_RD"] for row in found] == [0, 1, 1, 0, 0]


def test_one_hot_of_unknown_and_missing_values() -> None:
    frame = pd.DataFrame({"k": "a", "x": [1.0, None, 5.0, 9.0]})
    with compile_transform(feature_set(OneHotEncoder({"x": [1, 5]}))) as transform:
        made = transform.run(frame)[""]
        assert made["x_1"].tolist() == [1, 0, 0, 0] and made["x_5"].tolist() == [0, 0, 1, 0]
        assert str(made["x_1"].dtype) == "int64"
        assert transform.counts() == {"step0": {"unknown x": 1}}


def test_one_hot_names() -> None:
    assert OneHotEncoder({"x": ["a b", "c-d", "a b"]}).do({"x": "c-d"}) == {"x_a_b": 0, "x_c_d": 1}
    with pytest.raises(InvalidArgumentError, match="have one name"):
        OneHotEncoder({"x": ["a b", "a-b"]})
    with pytest.raises(InvalidArgumentError, match="int or string mapping list"):
        OneHotEncoder({"x": [1.5]})  # type: ignore[list-item]
    with pytest.raises(InvalidTypeError, match="not a list"):
        OneHotEncoder({"x": "abc"})


# Imputer ------------------------------------------------------------------------------------

GAPS = pd.DataFrame(
    {"k": "a", "x": [None, 4.0, 8.0, None, 8.0, 1.0, None], "n": list("aab") + [None] * 4}
)


@pytest.mark.parametrize(
    ("method", "third", "last"),
    [("avg", 6.0, 5.25), ("mean", 6.0, 5.25), ("median", 6.0, 6.0), ("min", 4.0, 1.0),
     ("max", 8.0, 8.0), ("mode", 4.0, 8.0), ("const", None, None)],
)  # fmt: skip
def test_methods_learn_from_what_came_before(method: str, third: Any, last: Any) -> None:
    found = [row["x"] for row in both(Imputer(method), frame=GAPS)]
    assert found == [None, 4.0, 8.0, third, 8.0, 1.0, last]


def test_constants_come_first() -> None:
    found = both(Imputer(default_value=0, mapping={"x": 2.5}), frame=GAPS)
    assert (found[0]["x"], found[3]["n"]) == (2.5, 0)
    only = both(Imputer(mapping={"n": "?"}), frame=GAPS)
    assert (only[0]["x"], only[6]["n"]) == (None, "?")
    chosen = both(Imputer("max", mapping={"x": None}), frame=GAPS)
    assert (chosen[3]["x"], chosen[6]["n"]) == (8.0, None)


def test_statistics_of_the_set_and_fitted_ones() -> None:
    made = feature_set(Imputer("max"))
    made.status.stats = {"x": {"mean": 3.0, "max": 99.0}}
    with compile_transform(made) as transform:
        assert transform.run(GAPS)[""]["x"].tolist()[0] == 99.0
    step = Imputer("median").fit(GAPS)
    assert step.statistics == {"x": 6.0}
    assert both(Imputer("median", statistics=step.statistics), frame=GAPS)[0]["x"] == 6.0


def test_what_an_imputer_learnt_is_kept() -> None:
    made = feature_set(Imputer("median"))
    with compile_transform(made) as transform:
        transform.run(GAPS.iloc[:3])
        state = transform.state()
    with compile_transform(made) as transform:
        transform.restore(state)
        assert transform.run(GAPS.iloc[3:])[""]["x"].tolist() == [6.0, 8.0, 1.0, 6.0]
        assert transform.counts()["step0"]["imputed x"] == 2
    with pytest.raises(InvalidArgumentError, match=r"no method 'maen'.*mean"):
        Imputer("maen")


def test_integers_stay_integers() -> None:
    frame = pd.DataFrame({"k": "a", "x": pd.array([2**60, None, 3], dtype="Int64")})
    assert [row["x"] for row in both(Imputer("max"), frame=frame)] == [2**60, 2**60, 3]


# Dates --------------------------------------------------------------------------------------


def test_dates() -> None:
    found = both(DateExtractor(["hour", "day_of_week", "is_month_end"], "t"))
    assert list(found[0])[-3:] == ["t_hour", "t_day_of_week", "t_is_month_end"]
    assert [found[0][name] for name in list(found[0])[-3:]] == [10, 3, True]
    assert DateExtractor({"year": "y"}).do({"timestamp": 1_700_000_000})["timestamp_year"] == 2023
    with pytest.raises(InvalidArgumentError, match=r"no part 'hours'.*hour"):
        DateExtractor(["hours"])
    with pytest.raises(InvalidArgumentError, match="when does not exist in the event"):
        DateExtractor(["hour"], "when").do({"t": 1})
    with pytest.raises(InvalidArgumentError, match="is not a time"):
        DateExtractor(["hour"], "t").do({"t": "no time at all"})


@pytest.mark.parametrize("value", [1_700_000_000, 1_700_000_000_000, 17 * 10**14, 17 * 10**17])
def test_numbers_are_times(value: int) -> None:
    assert DateExtractor(["year", "hour"], "t").do({"t": value}) == {
        "t": value, "t_year": 2023, "t_hour": 22,
    }  # fmt: skip


def test_time_zones_and_differences() -> None:
    event = {"a": pd.Timestamp("2024-03-31T00:30", tz="UTC"), "b": "2024-03-31T04:30+02:00"}
    assert TimeDifference("a", "b", "m").do(event)["a_to_b_m"] == 120.0
    assert TimeDifference("a", "b").do({"a": None, "b": "2024"})["a_to_b_s"] is None
    there = ToTimeZone(["a"], "Europe/Rome").do(event)["a"]
    assert there.isoformat() == "2024-03-31T01:30:00+01:00"
    with pytest.raises(InvalidArgumentError, match="no time zone 'Rome'"):
        ToTimeZone("a", "Rome")
    with pytest.raises(InvalidArgumentError, match="no unit 'y'"):
        TimeDifference("a", "b", "y")


# Others -------------------------------------------------------------------------------------


def test_drop_features() -> None:
    assert list(both(DropFeatures("age"))[0]) == ["name", "department", "k", "t"]
    given: list[Any] = [{"age": 1}, STAFF]
    for value in given:
        with pytest.raises(InvalidArgumentError, match="doesn't contain a feature named 'agee'"):
            DropFeatures(["agee"]).do(value)


@pytest.mark.parametrize("engine", ["storey", "pandas"])
def test_validators_count_and_refuse(engine: str, caplog: pytest.LogCaptureFixture) -> None:
    made = feature_set(FeaturesetValidator(), engine=engine)
    made["age"] = Feature(validator=MinMaxValidator(min=30, severity="info"))
    with compile_transform(made) as transform:
        assert len(transform.run(STAFF)[""]) == 5
        assert transform.counts() == {"step0": {"invalid age": 2}}
    assert "info! age value is smaller than min" in caplog.text
    with compile_transform(made) as transform:
        if engine == "storey":
            by_events(transform, STAFF)
            assert transform.counts() == {"step0": {"invalid age": 2}}
    made["age"] = Feature(validator=MinMaxValidator(min=30, severity="error"))
    with (
        compile_transform(made) as transform,
        pytest.raises(StepError, match="age value is smaller than min") as caught,
    ):
        transform.run(STAFF)
    assert ("row 1" in caught.value.where) is (engine == "storey")


def test_validators_of_columns_without_one() -> None:
    step = FeaturesetValidator(columns=["age"])
    with pytest.raises(InvalidArgumentError, match="feature 'age' has no validator"):
        step.attach(SetFacts())
    with pytest.raises(GraphError, match="step 'step0': feature 'age' has no validator"):
        compile_transform(feature_set(step))


def test_texts() -> None:
    step = TextFeatures({"x": ["strip", "lower", "length", "words", "hash"]}, buckets=100)
    found = step.do({"x": "  Big Apple\n"})
    assert found == {"x": "big apple", "x_length": 9, "x_words": 2, "x_hash": found["x_hash"]}
    assert 0 <= found["x_hash"] < 100
    assert step.do({"x": None}) == {"x": None, "x_length": None, "x_words": None, "x_hash": None}
    with pytest.raises(InvalidArgumentError, match="no operation 'lowr'"):
        TextFeatures({"x": "lowr"})


def test_numbers() -> None:
    assert Ratio("a", "b").do({"a": 1, "b": 0})["a_per_b"] is None
    assert Ratio("a", "b").do({"a": 10**400, "b": 3})["a_per_b"] is None
    named = Bucketise({"x": [0, 10]}, {"x": ["low", "mid", "high"]})
    assert [named.do({"x": x})["x_bucket"] for x in (-1, 0, 9.9, 10, None)] == [
        "low", "mid", "mid", "high", None,
    ]  # fmt: skip
    scaled = ScaleValues({"x": {"clip": ["-inf", 100], "log": True}})
    assert [scaled.do({"x": x})["x"] for x in (0, 10**400, -2, None)] == [
        0.0, math.log1p(100), None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bucketise({"x": [3, 3]}), "do not ascend"),
        (lambda: Bucketise({"x": "abc"}), "are no edges"),  # type: ignore[dict-item]
        (lambda: Bucketise({"x": [0]}, {"x": ["one"]}), "1 labels for 2 ranges"),
        (lambda: Bucketise({"x": [0]}, {"y": ["one", "two"]}), "column 'y', which has no edges"),
        (lambda: ScaleValues({"x": {"clamp": [0, 1]}}), "no operation 'clamp'"),
        (lambda: ScaleValues({"x": {"minmax": [1, 1]}}), "is no range"),
        (lambda: ScaleValues({"x": {"standard": [1]}}), "has not the numbers"),
        (lambda: Calculate({"x": "a +"}), "is not an expression of columns"),
        (lambda: Calculate({"x": "__import__('os').system('x')"}), "is not allowed in expressions"),
        (lambda: Calculate({"x": "abso(a)"}), "no function 'abso' in expressions.*abs"),
        (lambda: Calculate({"x": "abs(a, b)"}), "takes one value"),
        (lambda: Calculate({"x": "(" * 500 + "a" + ")" * 500}), "is not an expression"),
        (lambda: Calculate({"x": "a" * 5000}), "is no expression"),
    ],
)
def test_mistakes(make: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        make()


def test_expressions() -> None:
    step = Calculate({
        "y": "-a / b", "z": "1 < a <= 3 and not b == 2", "m": "min(a, b)", "c": "y if z else 'no'",
    })  # fmt: skip
    assert step.do({"a": 3, "b": 4})["y"] == -0.75
    assert step.do({"a": 3, "b": 4}) == {"a": 3, "b": 4, "y": -0.75, "z": True, "m": 3, "c": -0.75}
    assert step.do({"a": None, "b": 0}) == {
        "a": None, "b": 0, "y": None, "z": False, "m": None, "c": "no",
    }  # fmt: skip
    with pytest.raises(InvalidArgumentError, match="cannot be computed of"):
        step.do({"a": "x", "b": 1})


class Own(MLRunStep):
    """As users write them."""

    def __init__(self, factor: int, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def _do_storey(self, event: Any) -> Any:
        event["age"] *= self.factor
        return event

    def _do_pandas(self, event: Any) -> Any:
        event["age"] = event["age"] * self.factor
        return event


def test_own_steps() -> None:
    ages = both(Own(2))
    assert [row["age"] for row in ages] == [66, 8, 152, 180, 48]
    with compile_transform(feature_set(Own(2), engine="pandas")) as transform:
        assert transform.run(STAFF)[""]["age"].tolist() == [66, 8, 152, 180, 48]
    assert STAFF["age"].tolist() == [33, 4, 76, 90, 24]
    with pytest.raises(InvalidArgumentError, match="has no form for engine 'storey'"):
        MLRunStep().do({})
    with pytest.raises(InvalidArgumentError, match="has no form for engine 'pandas'"):
        MLRunStep().do(STAFF)


def test_own_rows_of_a_built_in_step_are_used() -> None:
    class Louder(TextFeatures):
        def _do_storey(self, event: Any) -> Any:
            return {**super()._do_storey(event), "loud": True}

    assert all(row["loud"] for row in both(Louder({"name": "lower"})))


def test_numpy_values_in_rows_become_plain_ones() -> None:
    def scalar(event: Any) -> Any:
        return {**event, "one": np.int64(event["age"]), "two": np.float32(0.5), "three": pd.NaT}

    with compile_transform(feature_set(scalar)) as transform:
        made = transform.run(STAFF)[""]
    assert made["one"].tolist() == STAFF["age"].tolist()
    assert made["two"].tolist() == [0.5] * 5 and made["three"].isna().all()
