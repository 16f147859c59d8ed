"""Names of types, and the same types in Arrow and pandas."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.value_types import (
    VALUE_TYPES,
    ValueType,
    canonical,
    from_arrow,
    from_pandas,
    from_value,
    from_values,
    to_arrow,
)


def test_names() -> None:
    assert ValueType.INT64 == "int64" and ValueType.STRING == "str"
    assert ValueType.FLOAT == ValueType.DOUBLE == "float"


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("int", "int64"), ("Int64", "int64"), (int, "int64"), (float, "float"), ("double", "float"),
        (str, "str"), ("string", "str"), ("object", "str"), (bool, "bool"), ("boolean", "bool"),
        (datetime.datetime, "datetime"), ("datetime64[ns]", "datetime"), ("timestamp", "datetime"),
        ("List[int]", "List[int]"), ("list[str]", "List[string]"), ("array<double>", "List[float]"),
        ("", ""), (None, ""), ("Tuple[int, str]", "Tuple"), ("halffloat", "float16"),
    ],
)  # fmt: skip
def test_canonical(given: Any, name: str) -> None:
    assert canonical(given) == name


@pytest.mark.parametrize("bad", ["flaot", "List[dict]", dict, 7, "List[", "x" * 10_000])
def test_unknown_names(bad: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="no value type"):
        canonical(bad)
    if bad == "flaot":
        with pytest.raises(InvalidArgumentError, match="Did you mean 'float'"):
            canonical(bad)


@pytest.mark.parametrize("name", [name for name in VALUE_TYPES if name not in ("Tuple", "float16")])
def test_arrow_round_trip(name: str) -> None:
    found = from_arrow(to_arrow(name))
    assert found == {"bfloat16": "float32", "int128": "float", "uint128": "float"}.get(name, name)


def test_types_that_cannot_be_stored() -> None:
    for name in ("", "Tuple"):
        with pytest.raises(InvalidArgumentError, match="cannot be stored"):
            to_arrow(name)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (pa.dictionary(pa.int32(), pa.string()), "str"), (pa.large_string(), "str"),
        (pa.timestamp("s"), "datetime"), (pa.timestamp("ns", "Europe/Paris"), "datetime"),
        (pa.date32(), "datetime"), (pa.duration("us"), "int64"), (pa.decimal128(9, 2), "float"),
        (pa.binary(4), "bytes"), (pa.list_(pa.string()), "List[string]"), (pa.null(), "str"),
        (pa.list_(pa.float32(), 3), "List[float32]"), (pa.struct([("a", pa.int8())]), "str"),
    ],
)  # fmt: skip
def test_from_arrow(kind: Any, name: str) -> None:
    assert from_arrow(kind) == name


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (pd.Series([1, 2]), "int64"), (pd.Series([1, None], dtype="Int8"), "int8"),
        (pd.Series([1.5, None]), "float"), (pd.Series([1.5], dtype="float32"), "float32"),
        (pd.Series([True]), "bool"), (pd.Series([True, None], dtype="boolean"), "bool"),
        (pd.Series(["a"]), "str"), (pd.Series(["a"], dtype="string"), "str"),
        (pd.Series(["a"], dtype="category"), "str"), (pd.Series([1], dtype="category"), "int64"),
        (pd.to_datetime(pd.Series(["2024-01-01"])), "datetime"),
        (pd.to_datetime(pd.Series(["2024-01-01"]), utc=True), "datetime"),
        (pd.Series([pd.Timedelta(1)]), "int64"), (pd.Series([b"a", None], dtype=object), "bytes"),
        (pd.Series([[1, 2], None]), "List[int]"), (pd.Series([None, None], dtype=object), "str"),
        (pd.Series([1, "a"], dtype=object), "str"), (pd.Series([1, 2.5], dtype=object), "float"),
        (pd.Series([True, None], dtype=object), "bool"), (pd.Series([], dtype=object), "str"),
        (pd.Series([1], dtype=pd.ArrowDtype(pa.int16())), "int16"),
        (pd.Series([datetime.date(2024, 1, 1)], dtype=object), "datetime"),
        (pd.Series([np.array([1.5])], dtype=object), "List[float]"),
    ],
)  # fmt: skip
def test_from_pandas(values: Any, name: str) -> None:
    assert from_pandas(values.dtype, values) == name


def test_from_values() -> None:
    assert from_value(decimal.Decimal("1.5")) == "float"
    assert from_value(np.int16(3)) == "int16"
    assert from_values([1, np.int8(2)]) == "int64"
    assert from_values([[1], [1.5]]) == "List[float]"
    assert from_values([None, float("nan")]) == ""
    assert from_value(pd.NaT) == "" and from_value(pd.NA) == ""
