"""Validators judge one value and a column alike."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError, SpecError
from mlrun_like.feature_store.definitions.features import Feature
from mlrun_like.feature_store.definitions.validators import (
    MinMaxLenValidator,
    MinMaxValidator,
    RegexValidator,
    Validator,
    read_validator,
)

UTC = datetime.timezone.utc


def agree(validator: Validator, column: Any) -> list[bool]:
    """The rows that are bad, checked against each value by itself."""
    mask = validator.mask(column)
    assert mask.dtype == bool and len(mask) == len(column)
    alone = [not validator.check(value)[0] for value in column]
    assert mask.tolist() == alone, (validator, column)
    return alone


@pytest.mark.parametrize(
    ("column", "bad"),
    [
        (pd.Series([0, 1, 5, 6]), [True, False, False, True]),
        (pd.Series([0.9, 1.0, None, 5.1]), [True, False, False, True]),
        (pd.Series([0, None, 3], dtype="Int8"), [True, False, False]),
        (pd.Series([True, False]), [False, True]),
        (pd.Series([float("inf"), float("-inf")]), [True, True]),
        (pd.Series([3, "a", None, 9], dtype=object), [False, True, False, True]),
        (pd.Series(["3"]), [True]),
        (pd.to_datetime(pd.Series(["2024-01-01", None])), [True, False]),
        (pd.Series([1, 9], dtype=pd.ArrowDtype(pa.uint16())), [False, True]),
        (pd.Series([], dtype="int64"), []),
        (pd.Series([[1]]), [True]),
    ],
)
def test_numbers(column: Any, bad: list[bool]) -> None:
    assert agree(MinMaxValidator(min=1, max=5), column) == bad


def test_limits_that_are_no_whole_numbers() -> None:
    column = pd.Series([0, 1, 2, 2**62, -(2**62)])
    assert agree(MinMaxValidator(min=0.5, max=1.5), column) == [True, False, True, True, True]
    assert agree(MinMaxValidator(max=float("inf")), column) == [False] * 5
    assert agree(MinMaxValidator(min=2**62 + 1), column) == [True] * 5
    assert agree(MinMaxValidator(min=2**53 + 1), pd.Series([2.0**53, 2.0**54])) == [True, False]
    assert agree(MinMaxValidator(min=-1), pd.Series([0, 2**63], dtype="uint64")) == [False] * 2
    assert agree(MinMaxValidator(min=0.1), pd.Series([0.1], dtype="float32")) == [False]
    assert agree(MinMaxValidator(max=0.1), pd.Series([0.1], dtype="float32")) == [True]


@pytest.mark.parametrize(
    "limit",
    [
        "2024-01-02", "2024-01-02T00:00:00Z", datetime.date(2024, 1, 2),
        datetime.datetime(2024, 1, 2), datetime.datetime(2024, 1, 2, 1, tzinfo=datetime.timezone(
            datetime.timedelta(hours=1))), pd.Timestamp("2024-01-02", tz="UTC"),
    ],
)  # fmt: skip
def test_times(limit: Any) -> None:
    times = ["2024-01-01T23:59:59.999999", "2024-01-02", None, "2024-01-03"]
    for column in (
        pd.to_datetime(pd.Series(times), format="ISO8601"),
        pd.to_datetime(pd.Series(times), format="ISO8601", utc=True),
        pd.to_datetime(pd.Series(times), format="ISO8601", utc=True).dt.tz_convert("Asia/Tokyo"),
        pd.Series([datetime.datetime(2024, 1, 1), datetime.date(2024, 1, 2), None,
                   datetime.datetime(2024, 1, 3, tzinfo=UTC)], dtype=object),
    ):  # fmt: skip
        assert agree(MinMaxValidator(min=limit), column) == [True, False, False, False]
        assert agree(MinMaxValidator(max=limit), column) == [False, False, False, True]
    assert agree(MinMaxValidator(min=5), pd.to_datetime(pd.Series(times[:1]))) == [True]


def test_messages() -> None:
    validator = MinMaxValidator(min=1, max=5, severity="info")
    assert validator.check(0) == (
        False,
        {"message": "value is smaller than min", "min": 1, "value": "0"},
    )
    ok, told = validator.check("x" * 1000)
    assert not ok and len(told["value"]) == 43 and told["type"] == "minmax"


def test_lengths() -> None:
    validator = MinMaxLenValidator(min=1, max=3)
    column = pd.Series(["", "a", "abcd", None, 5, [1, 2], b"abcd"], dtype=object)
    assert agree(validator, column) == [True, False, True, False, True, False, True]
    assert agree(validator, pd.Series([1, 2])) == [True, True]
    assert agree(MinMaxLenValidator(), pd.Series([1, 2])) == [False, False]
    assert agree(validator, pd.Series(["a", None], dtype="string")) == [False, False]


def test_regex() -> None:
    validator = RegexValidator(regex="[A-Z][0-9]+")
    column = pd.Series(["A1", "A1\n", "a1", None, 7, ""], dtype=object)
    assert agree(validator, column) == [False, True, True, False, True, True]
    assert agree(validator, pd.Series(["A1", "B"] * 3)) == [False, True] * 3
    assert agree(validator, pd.Series(["A1", "x"], dtype="category")) == [False, True]
    assert agree(validator, pd.Series(["A1", None], dtype="string")) == [False, False]
    assert agree(RegexValidator(), pd.Series([1, "x"])) == [False, False]
    with pytest.raises(InvalidArgumentError, match="no regular expression"):
        RegexValidator(regex="(")
    copied = validator.copy()
    assert copied == validator and not copied.check("x")[0]


def test_nulls() -> None:
    column = pd.Series([1.0, None, float("nan")])
    assert agree(Validator(nulls="refuse"), column) == [False, True, True]
    assert agree(Validator(nulls="allow"), column) == [False] * 3
    objects = pd.Series([None, pd.NA, pd.NaT, float("nan"), 0, ""], dtype=object)
    assert agree(RegexValidator(nulls="refuse"), objects) == [True] * 4 + [False] * 2
    with pytest.raises(InvalidArgumentError, match="nulls 'no'"):
        Validator(nulls="no")
    with pytest.raises(InvalidArgumentError, match=r"severity 'eror'.*Did you mean 'error'"):
        Validator(severity="eror")


COLUMNS = [
    pd.Series([1, -1, 127, 128, 2**40]), pd.Series([1.0, 1.5, None, 300.0, float("inf")]),
    pd.Series([True, False]), pd.Series(["a", 1, None, 1.5, b"x", True], dtype=object),
    pd.to_datetime(pd.Series(["2024-01-01"])), pd.Series([255, 256], dtype="uint16"),
    pd.Series([2.0**63, -(2.0**63), 9.007e15]), pd.Series([[1, 2], [1.5], "x", None], dtype=object),
    pd.Series([1, None], dtype="Int64"), pd.Series(["a", None], dtype="string"),
    pd.Series([datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1)], dtype=object),
    pd.Series([np.array([1, 2]), np.int8(3), np.float64(2.5)], dtype=object),
]  # fmt: skip


@pytest.mark.parametrize(
    "value_type",
    ["int8", "uint8", "int64", "uint64", "int128", "float", "float32", "bool", "str", "bytes",
     "datetime", "List[int]", "List[string]", "Tuple"],
)  # fmt: skip
@pytest.mark.parametrize("column", COLUMNS)
def test_types(value_type: str, column: Any) -> None:
    feature = Feature(value_type, name="x", validator=Validator(check_type=True))
    assert feature.validator is not None
    agree(feature.validator, column)


def test_the_type_is_that_of_the_feature_now() -> None:
    feature = Feature("int8", name="x", validator=Validator(check_type=True))
    assert feature.validator is not None and not feature.validator.check(128)[0]
    feature.value_type = "int16"
    assert feature.validator.check(128)[0]
    assert not feature.validator.check("128")[0]


numbers = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(), st.none(), st.booleans(), st.text(max_size=3)
)


@settings(deadline=None, max_examples=100)
@given(st.lists(numbers, max_size=8), numbers, numbers, st.sampled_from(["int8", "float", "str"]))
def test_random_columns(values: list[Any], low: Any, high: Any, value_type: str) -> None:
    for check in (None, True):
        validator = MinMaxValidator(check, min=low, max=high)
        validator.set_feature(Feature(value_type))
        agree(validator, pd.Series(values, dtype=object))
        agree(validator, pd.Series(values))


@settings(deadline=None, max_examples=100)
@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.integers() | st.floats())
def test_random_integers(values: list[int], limit: Any) -> None:
    column = pd.Series(values, dtype="int64")
    agree(MinMaxValidator(min=limit), column)
    agree(MinMaxValidator(max=limit), column)


def test_documents() -> None:
    for validator in (
        MinMaxValidator(True, "error", 1, 5, nulls="refuse"), MinMaxLenValidator(max=3),
        RegexValidator(regex="a"), Validator(True),
    ):  # fmt: skip
        again = read_validator(validator.to_dict())
        assert again == validator and type(again) is type(validator)
    for bad, message in (
        ({"kind": "minmx"}, "no validator 'minmx'"), ({"kind": "minmax", "mn": 1}, "has no 'mn'"),
        (5, "must be a mapping"), ({"kind": "regex", "regex": "("}, "no regular expression"),
        ({"kind": ["x"]}, "no validator"), ({"kind": "regex", "regex": 5}, "no regular expression"),
    ):  # fmt: skip
        with pytest.raises(SpecError, match=message):
            read_validator(bad)
