"""Keys: the same bytes for the same entity, whatever its Python type; they never change."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import InvalidTypeError
from mlrun_like.feature_store.online.keys import STATES, key_builder, prefix_of, text_of

NOON = dt.datetime(2024, 5, 6, 12, tzinfo=dt.timezone.utc)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (1, "int64", "1"),
        (1.0, "int64", "1"),
        ("1", "int64", "1"),
        (np.int32(1), "int64", "1"),
        (np.float64(1), "int64", "1"),
        (True, "int64", "1"),
        (-(2**70), "int128", "-1180591620717411303424"),
        (1, "", "1"),
        (1.0, "", "1"),
        (1, "float", "1"),
        (-0.0, "float", "0"),
        (1.5, "float", "1.5"),
        (1.5, "", "1.5"),
        (1e300, "", "1e+300"),
        (float("inf"), "float", "inf"),
        (True, "bool", "true"),
        (0, "bool", "false"),
        ("True", "bool", "true"),
        (np.bool_(False), "", "false"),
        (NOON, "datetime", "1714996800000000"),
        (NOON.replace(tzinfo=None), "datetime", "1714996800000000"),
        (NOON.astimezone(dt.timezone(dt.timedelta(hours=5))), "", "1714996800000000"),
        ("2024-05-06T12:00:00Z", "datetime", "1714996800000000"),
        (pd.Timestamp(NOON), "datetime", "1714996800000000"),
        (np.datetime64("2024-05-06T12:00"), "datetime", "1714996800000000"),
        (dt.date(2024, 5, 6), "datetime", "1714953600000000"),
        (b"ab\xff", "bytes", "ab\xff"),
        ("ann", "str", "ann"),
        (5, "str", "5"),
        ("", "str", ""),
        (None, "str", None),
        (float("nan"), "float", None),
        (np.float64("nan"), "", None),
        (pd.NaT, "datetime", None),
        (pd.NA, "str", None),
    ],
)
def test_one_form_of_each_value(value: object, kind: str, text: str | None) -> None:
    assert text_of(value, kind) == text


@pytest.mark.parametrize(
    ("value", "kind"),
    [("x", "int64"), (1.5, "int64"), (float("inf"), "int64"), (2, "bool"), ("soon", "datetime"),
     ([1], "int64"), ({}, "float")],
)  # fmt: skip
def test_values_of_other_types_are_named(value: object, kind: str) -> None:
    with pytest.raises(InvalidTypeError, match="entity of type"):
        text_of(value, kind)


@pytest.mark.parametrize(
    ("types", "values", "key"),
    [
        (["str"], ["ann"], b"v1:p/s:ann"),
        (["str"], ["a|b\\c"], b"v1:p/s:a\\pb\\\\c"),
        (["int64"], [7], b"v1:p/s:7"),
        ([None], [7.0], b"v1:p/s:7"),
        (["str", "int64"], ["ann", 7], b"v1:p/s:ann|7"),
        (["str", "str"], ["a|", "b"], b"v1:p/s:a\\p|b"),
        (["str"], ["\udcff \N{SNOWMAN}"], b"v1:p/s:\xed\xb3\xbf \xe2\x98\x83"),
        (["str"], ["a\x00b"], b"v1:p/s:a\x00b"),
        (["str", "str"], ["a", None], None),
    ],
)
def test_bytes_of_version_1(types: list[str | None], values: list[object], key: bytes) -> None:
    assert key_builder("p/s", types)(values) == key


def test_windows_have_keys_of_their_own() -> None:
    assert key_builder("p/s", ["int64"], STATES)([1]) == b"w1:p/s:1"
    assert key_builder("100%/s", ["int64"])([1]) == b"v1:100%/s:1"
    assert prefix_of("p/s", STATES) == b"w1:p/s:"


@given(st.lists(st.tuples(st.text(), st.text()), min_size=2, max_size=2, unique=True))
def test_different_entities_have_different_keys(pairs: list[tuple[str, str]]) -> None:
    build = key_builder("p/s", ["str", "str"])
    assert build(pairs[0]) != build(pairs[1])
