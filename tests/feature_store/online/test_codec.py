"""Blobs: bytes that never change, whole values, clear errors."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import IntegrityError, InvalidTypeError
from mlrun_like.feature_store.online.codec import (
    decode_row,
    encode_row,
    json_line,
    json_value,
    row_time,
    time_bytes,
)
from mlrun_like.feature_store.online.columns import Utc, encode_rows

OLD = [  # written by the first version: they must be read for ever
    (
        b'\x01\x80\x06\x0d\xc2\xf2\x49\xc0\x00{"a":1,"b":"x","c":null,"d":[1.5,true]}',
        1703980800000000,
        {"a": 1, "b": "x", "c": None, "d": [1.5, True]},
    ),
    (
        b'\x02\x80\x00\x00\x00\x00\x00\x00\x07{"f":{"$f":"-inf"},"b":{"$b":"AP8="},'
        b'"t":{"$t":"2024-01-02T03:04:05+00:00"},"i":{"$i":"36893488147419103232"},'
        b'"d":{"$d":[["$f",1]]},"l":[{"$f":"inf"}],"y":{"$t":"2024-01-02"}}',
        7,
        {
            "f": -math.inf,
            "b": b"\x00\xff",
            "t": dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.timezone.utc),
            "i": 2**65,
            "d": {"$f": 1},
            "l": [math.inf],
            "y": dt.date(2024, 1, 2),
        },
    ),
]


@pytest.mark.parametrize(("blob", "micros", "values"), OLD)
def test_old_bytes_are_read_and_written(
    blob: bytes, micros: int, values: dict[str, object]
) -> None:
    assert decode_row(blob) == values
    assert row_time(blob) == row_time(encode_row(micros, {})) == micros
    assert encode_row(micros, values) == blob
    columns = [[value] for value in values.values()]
    assert encode_rows(list(values), columns, [micros]) == [blob]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("ab$fé")
    | st.binary() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("$fbtid", max_size=2), inner),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text("ab$", min_size=1), JSON), st.integers(-(2**63), 2**63 - 1))
def test_whatever_goes_in_comes_out(values: dict[str, object], micros: int) -> None:
    blob = encode_row(micros, values)
    assert decode_row(blob) == values
    assert row_time(blob) == micros
    assert encode_rows(list(values), [[value] for value in values.values()], [micros]) == [blob]
    assert json_value(json_line(values)) == values


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_times_compare_as_bytes(one: int, other: int) -> None:
    assert (time_bytes(one) < time_bytes(other)) == (one < other)


def test_arrays_give_the_values_of_lists() -> None:
    columns: dict[str, Any] = {
        "f": np.array([0.1, np.nan, np.inf]),
        "f32": np.array([0.1, np.nan, 2], dtype=np.float32),
        "i": np.array([1, -(2**63), 2**63 - 1]),
        "u": np.array([0, 1, 2**64 - 1], dtype=np.uint64),
        "b": np.array([True, False, True]),
        "t": Utc(np.array(["2024-01-01", "NaT", "1900-01-01T00:00:00.000001"], "datetime64[ns]")),
        "n": np.array(["2024-01-01", "2024-01-01T01:00", "NaT"], "datetime64[ms]"),
        "%s": ["a,b", None, "%b"],
    }
    names = list(columns)
    found = [decode_row(blob) for blob in encode_rows(names, list(columns.values()), [1, 2, 3])]
    utc = dt.timezone.utc
    assert found == [
        {"f": 0.1, "f32": float(np.float32(0.1)), "i": 1, "u": 0, "b": True,
         "t": dt.datetime(2024, 1, 1, tzinfo=utc), "n": dt.datetime(2024, 1, 1), "%s": "a,b"},
        {"f": None, "f32": None, "i": -(2**63), "u": 1, "b": False, "t": None,
         "n": dt.datetime(2024, 1, 1, 1), "%s": None},
        {"f": np.inf, "f32": 2.0, "i": 2**63 - 1, "u": 2**64 - 1, "b": True,
         "t": dt.datetime(1900, 1, 1, microsecond=1, tzinfo=utc), "n": None, "%s": "%b"},
    ]  # fmt: skip
    assert encode_rows([], [], [5]) == [encode_row(5, {})]
    assert encode_rows(["a"], [np.array([])], []) == []


def test_other_types_become_plain() -> None:
    row = {
        "np": np.float32(0.5),
        "int": np.int64(3),
        "bool": np.bool_(True),
        "nan": float("nan"),
        "npnan": np.float64("nan"),
        "nat": pd.NaT,
        "na": pd.NA,
        "array": np.array([1.0, np.nan]),
        "times": np.array(["2024-01-01"], dtype="datetime64[ns]"),
        "decimal": Decimal("1.25"),
        "tuple": (1, 2),
        "stamp": pd.Timestamp("2024-01-01", tz="UTC"),
        "false": False,
        "zero": 0,
        "empty": "",
    }
    assert decode_row(encode_row(0, row)) == {
        "np": 0.5,
        "int": 3,
        "bool": True,
        "nan": None,
        "npnan": None,
        "nat": None,
        "na": None,
        "array": [1.0, None],
        "times": [dt.datetime(2024, 1, 1)],
        "decimal": 1.25,
        "tuple": [1, 2],
        "stamp": dt.datetime(2024, 1, 1, tzinfo=dt.timezone.utc),
        "false": False,
        "zero": 0,
        "empty": "",
    }


def test_values_without_a_form_name_their_feature() -> None:
    loop: list[object] = []
    loop.append(loop)
    for value in (object(), {1, 2}, len, loop):
        with pytest.raises(InvalidTypeError, match="feature 'bad'"):
            encode_row(0, {"good": 1, "bad": value})
        with pytest.raises(InvalidTypeError, match="feature 'bad'"):
            encode_rows(["bad"], [[value]], [0])


@pytest.mark.parametrize(
    "blob",
    [b"", b"\x01", b"\x01" + b"\x00" * 8, b"\x01" + b"\x00" * 8 + b"{", b"\x00junk",
     b"\x01" + b"\x00" * 8 + b"[1]", b"\x02" + b"\x00" * 8 + b'{"a":{"$i":"x"}}', b"\xff" * 30],
)  # fmt: skip
def test_damaged_bytes(blob: bytes) -> None:
    with pytest.raises(IntegrityError, match="not a row"):
        decode_row(blob)
