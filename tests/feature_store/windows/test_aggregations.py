"""From declared aggregations to aggregators, layouts, columns; values of frames; keys."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.feature_store.windows.aggregations import (
    aggregators_from,
    columns_from,
    fields_from,
    layouts_from,
)
from mlrun_like.feature_store.windows.keys import Slots, codes_of, plain_key
from mlrun_like.feature_store.windows.values import numbers_of, values_of
from mlrun_like.serving.steps.aggregate_user import hashed
from mlrun_like.serving.steps.windows import FixedWindows, SlidingWindows


def row(**more: Any) -> dict[str, Any]:
    found = {"name": "n", "column": "x", "operations": ["sum"], "windows": ["1h"], "step": "agg"}
    return {**found, **more}


def test_windows_slide_if_there_is_a_period() -> None:
    rows = [row(period=None), row(name="m", period="10m", windows=["1h", "2h"])]
    fixed, sliding = aggregators_from(rows)
    assert isinstance(fixed.windows, FixedWindows)
    assert isinstance(sliding.windows, SlidingWindows)
    assert [layout.period for layout in layouts_from(rows)] == [3_600_000, 600_000]
    assert columns_from(rows) == {"n_sum_1h": "float", "m_sum_1h": "float", "m_sum_2h": "float"}
    assert layouts_from(rows, {"n_sum_1h": "s"})[0].columns() == ["s"]


def test_fields() -> None:
    rows = [row(), row(name="m", column=lambda body: 1), row(name="o")]
    assert fields_from(rows) == ["x"]
    assert fields_from(aggregators_from(rows)) == ["x"]


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        ("x", InvalidTypeError, "is no list"),
        ([5], InvalidTypeError, "should be a list of FieldAggregator"),
        ([row(), row()], InvalidTypeError, "n already exists"),
        ([row(operations=["media"])], InvalidArgumentError, '"media" aggregator is not defined'),
        ([row(windows=["1x"])], InvalidArgumentError, "Failed to parse time"),
        ([row(), row(name="n_sum", operations=["sum"])], None, ""),
        ([{"name": "n"}], InvalidArgumentError, "has no 'column'"),
    ],
)
def test_what_cannot_be(rows: Any, error: type[Exception] | None, words: str) -> None:
    if error is None:
        assert len(aggregators_from(rows)) == 2
        return
    with pytest.raises(error, match=words):
        aggregators_from(rows)


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        ([1, None, True], [1, np.nan, 1]),
        (pd.Series([1, None], dtype="Int64"), [1, np.nan]),
        (pd.Series([True, pd.NA], dtype="boolean"), [1, np.nan]),
        (np.array([1, 2], dtype=np.uint8), [1, 2]),
        (np.array([np.nan, 2]), [np.nan, 2]),
        (pd.Series([1.5, pd.NA], dtype="double[pyarrow]"), [1.5, np.nan]),
        (pd.Series([None, None]), [np.nan, np.nan]),
        (pd.Series([pd.NaT, pd.NaT]), [np.nan, np.nan]),
        ([], []),
    ],
)
def test_numbers(column: Any, wanted: list[float]) -> None:
    np.testing.assert_array_equal(numbers_of(column, "n"), wanted)


def test_texts_are_numbers_by_their_hash() -> None:
    found = numbers_of(pd.Series(["a", None, "b", "a"]), "n", texts=True)
    np.testing.assert_array_equal(found, [hashed("a"), np.nan, hashed("b"), hashed("a")])
    with pytest.raises(InvalidArgumentError, match="'a' cannot be aggregated"):
        numbers_of(pd.Series(["a"]), "n")


def test_values_by_functions_and_filters() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "kind": ["a", "b", "a"]})
    kept = row(aggregation_filter=lambda body: body["kind"] == "a")
    by_name, by_function, absent = aggregators_from(
        [
            kept,
            {**kept, "name": "f", "column": lambda body: body["x"] * 10},
            row(name="o", column="nowhere"),
        ]
    )
    np.testing.assert_array_equal(values_of(frame, by_name), [1, np.nan, 3])
    np.testing.assert_array_equal(values_of(frame, by_function), [10, np.nan, 30])
    np.testing.assert_array_equal(values_of(frame, absent), [np.nan] * 3)
    assert len(values_of(frame[:0], by_name)) == 0


def test_keys_are_pythons_own_values() -> None:
    day = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
    assert plain_key(pd.Timestamp(day)) == day
    assert type(plain_key(np.str_("a"))) is str
    assert [plain_key(value) for value in (pd.NaT, pd.NA, None, float("nan"))] == [None] * 4
    codes, keys = codes_of([pd.Series(["a", None, "a"]), [1, 1, 2], [True, True, True]])
    assert codes.tolist() == [0, 1, 2]
    assert keys == [("a", 1, True), (None, 1, True), ("a", 2, True)]


def test_keys_survive() -> None:
    slots = Slots()
    moment = dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc)
    values = [b"\xff", "é", 5, 1.5, None, True, moment, dt.date(2024, 1, 1)]
    for value in values:
        slots.of([pd.Series([value], dtype=object)])
    again = Slots.load(slots.dump(), len(slots))
    assert [again.key(number) for number in range(len(again))] == [(value,) for value in values]
    assert again.find(("é",)) == 1
    assert again.find(("e",)) is None
    for damaged in (b"", b"[5]", b"[[1],[1]]", b'[[{"what": "5"}]]', slots.dump()[:-3]):
        with pytest.raises(InvalidArgumentError, match="keys are damaged"):
            Slots.load(damaged, 1)
