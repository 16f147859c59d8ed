"""The casting of results, and the choice between result, file and object."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import math
import os
import subprocess
import sys
from collections import OrderedDict, namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.artifacts.results import MAX_RESULT_SIZE, default_type, is_faithful, to_result
from mlrun_like.errors import InvalidArgumentError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Odd:
    def __str__(self) -> str:
        return "odd"


Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, 0), (False, False), ("", ""), (None, None), ([], []), ({}, {}), (0.0, 0.0),
        (np.float64(0.5), 0.5), (np.float32(0.5), 0.5), (np.int64(3), 3), (np.bool_(True), True),
        (np.longdouble(0.5), 0.5), (np.str_("a"), "a"),
        (np.datetime64("2026-01-02"), "2026-01-02"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(5), 5),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (datetime.datetime(2026, 1, 2, 3), "2026-01-02T03:00:00"),
        (pd.Timestamp("2026-01-02"), "2026-01-02T00:00:00"),
        (datetime.time(1, 2), "01:02:00"),
        ((1, (2, 3)), [1, [2, 3]]),
        (Pair(1, 2), [1, 2]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        (OrderedDict(a=1), {"a": 1}),
        ({1: "a", None: "b"}, {"1": "a", "None": "b"}),
        ({np.int64(3): np.int64(4)}, {"3": 4}),
        (Level.HIGH, 3),
        (Color.RED, "Color.RED"),
        (Path("a/b"), "a/b"),
        (decimal.Decimal("1.5"), "1.5"),
        (b"ab", "b'ab'"),
        (1 + 2j, "(1+2j)"),
        (np.complex128(1 + 2j), "(1+2j)"),
        (Odd(), "odd"),
    ],
)  # fmt: skip
def test_cast(value: Any, expected: Any) -> None:
    cast = to_result(value)
    assert cast == expected
    assert type(cast) is type(expected)
    json.dumps(cast)


def test_nan_and_infinity_stay_floats() -> None:
    cast = to_result([float("nan"), np.float64("inf")])
    assert isinstance(cast, list)
    assert isinstance(cast[0], float)
    assert math.isnan(cast[0])
    assert cast[1] == math.inf


def test_large_arrays_are_not_spelt_out() -> None:
    assert isinstance(to_result(np.zeros(100_000)), str)


def test_a_value_that_holds_itself_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(InvalidArgumentError, match="holds itself"):
        to_result(circle)
    assert default_type(circle) == "object"


def test_keys_with_the_same_text_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="same text '1'"):
        to_result({1: "a", "1": "b"})


@given(JSON)
def test_plain_data_is_unchanged_and_faithful(value: Any) -> None:
    assert to_result(value) == value
    assert is_faithful(value)
    assert default_type(value) == "result"


@given(st.lists(st.tuples(st.integers(), st.sets(st.text())), max_size=5))
def test_casting_twice_changes_nothing(value: Any) -> None:
    once = to_result(value)
    assert to_result(once) == once
    assert json.loads(json.dumps(once)) == once


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], "result"), ({}, "result"), ((1, 2), "result"), ({1, 2}, "result"),
        ({"a": datetime.date(2026, 1, 1), 1: np.float32(1), "b": np.ones(3)}, "result"),
        (["x" * MAX_RESULT_SIZE], "file"),
        (list(range(MAX_RESULT_SIZE)), "file"),
        ([(1, 2)] * MAX_RESULT_SIZE, "object"),
        ([np.ones(100)], "object"), ([pd.DataFrame()], "object"), ({"f": print}, "object"),
    ],
)  # fmt: skip
def test_default_type(value: Any, expected: str) -> None:
    assert default_type(value) == expected


def test_shared_parts_do_not_explode() -> None:
    value: list[Any] = ["lol"]
    for _ in range(60):
        value = [value, value]
    assert default_type(value) == "object"


def test_packing_a_number_imports_no_library(tmp_path: Path) -> None:
    code = """
import sys
from mlrun_like.artifacts.packers import pack_output, pack_outputs, pack_unhinted
from mlrun_like.artifacts.hints import parse_log_hint
class Log:
    def log_result(self, key, value): print(key, value)
pack_output(3, parse_log_hint("a"), Log())
pack_outputs(([1], {"b": (0,)}), ["b", "c"], Log())
pack_unhinted(0, Log())
loaded = {"numpy", "pandas", "pyarrow", "yaml", "cloudpickle", "sklearn"} & set(sys.modules)
assert not loaded, loaded
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "MLRUN_LIKE_HOME": str(tmp_path)},  # settings in a file need yaml
    )  # fmt: skip
    assert done.stdout.split("\n")[:4] == ["a 3", "b [1]", "c {'b': (0,)}", "return 0"]
