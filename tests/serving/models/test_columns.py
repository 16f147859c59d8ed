"""Rows as arrays and tables."""

from __future__ import annotations

import math
from typing import Any

import numpy
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.models.columns import Columns

AB = ["a", "b"]


@pytest.mark.parametrize(
    "inputs",
    [
        [[1, 2.5], [3, 4]],
        [{"b": 2.5, "a": 1}, {"a": 3, "b": 4, "c": 5}],
        {"b": [2.5, 4], "a": [1, 3]},
        [{"a": [1, 3], "b": [2.5, 4]}],  # MLRun's clients send this
    ],
)
def test_every_form_of_rows(inputs: Any) -> None:
    found = Columns(AB).table(inputs)
    assert list(found.columns) == AB and found.values.tolist() == [[1, 2.5], [3, 4]]
    assert numpy.asarray(Columns(count=2).table(inputs)).shape[0] == 2


def test_columns_of_several_types_keep_them() -> None:
    found = Columns(AB).table([[1, "x"], [2, None]])
    assert found["a"].tolist() == [1, 2] and found["b"].tolist()[0] == "x"
    assert found["a"].dtype.kind == "i"
    bare = Columns().table([[1, "x"], [2.5, "y"]])
    assert bare.dtype == object and bare.tolist() == [[1.0, "x"], [2.5, "y"]]
    assert Columns().table([["x", "y"]]).tolist() == [["x", "y"]]


def test_an_absent_number_is_nan() -> None:
    for columns in (Columns(), Columns(AB), Columns(count=2)):
        found = numpy.asarray(columns.table([[1, None], [2, 3]]), dtype=float)
        assert math.isnan(found[0, 1]) and found[1, 1] == 3
    assert math.isnan(Columns(AB).table([{"a": 1, "b": None}]).iloc[0, 1])
    assert numpy.isnan(Columns().table([[None, None]]).astype(float)).all()


@pytest.mark.parametrize(
    ("inputs", "part"),
    [
        ([[1, 2], [3]], "differ in length"), ([[1, 2, 3]], "must have 2 values"),
        ([1, 2], "must have 2 values"), ([[1, {}]], "not a number or text"),
        ([{"a": 1}], "have no b"), ([{"a": 1, "b": 1}, {"a": 1}], "row 1 has no b"),
        ([{"a": 1, "b": 2}, [1, 2]], "row 1 is a list"), ([[1, 2], {"a": 1, "b": 2}], "row 0 is"),
        ({"a": [1], "b": [1, 2]}, "lists of one length"), ({"a": 1, "b": 2}, "lists of one length"),
        ([{"a": [1], "b": [1, 2]}], "lists of one length"), ({"a": [1]}, "have no b"),
        ([{"a": 1, "b": {}}], "not a number or text"), ([[1, [2]]], "differ in length"),
        ({"a": [{}], "b": [1]}, "not a number or text"),
    ],
)  # fmt: skip
def test_rows_that_do_not_fit(inputs: Any, part: str) -> None:
    with pytest.raises(InvalidArgumentError, match=part):
        Columns(AB, where="model 'm'").table(inputs)


def test_a_count_without_names() -> None:
    with pytest.raises(InvalidArgumentError, match="must have 3 values"):
        Columns(count=3).table([{"a": 1, "b": 2}])
    assert Columns(count=1).table([[1], [2]]).shape == (2, 1)
    assert Columns().table([[[1, 2], [3, 4]]]).shape == (1, 2, 2), "images are not tables"
    assert Columns().table(["a text"]).tolist() == ["a text"]


cells = st.one_of(st.none(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=3),
                  st.booleans(), st.just({}), st.just([1]))  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(cells, min_size=1, max_size=3), min_size=1, max_size=4), st.booleans())
def test_whatever_comes_is_a_table_or_refused(inputs: list[list[Any]], named: bool) -> None:
    columns = Columns(AB) if named else Columns()
    try:
        found = columns.table(inputs)
    except InvalidArgumentError:
        return
    assert len(found) == len(inputs)
    assert isinstance(found, (numpy.ndarray, pandas.DataFrame))
