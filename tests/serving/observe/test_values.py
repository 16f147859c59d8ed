from __future__ import annotations

import contextlib
import datetime
import decimal
import io
import math
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.serving.event import DROP, Event, Response
from mlrun_like.serving.observe.compare import differences
from mlrun_like.serving.observe.values import dump, encode, load, pack, unpack

KEYS = st.text(max_size=6) | st.sampled_from(["$float", "$x", ""])
ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=10)
    | st.binary(max_size=10)
    | st.datetimes()
    | st.decimals(allow_nan=False)
    | st.uuids()
)
BODIES = st.recursive(
    ATOMS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=4)
        | st.dictionaries(st.integers(), inner, max_size=3)
    ),
    max_leaves=12,
)


def same(a: Any, b: Any) -> bool:
    """Equal, with the same types all the way down, and NaN equal to NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float) and math.isnan(a):
        return math.isnan(b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@given(BODIES)
def test_any_body_comes_back_as_it_was(body: Any) -> None:
    line = encode(body)
    assert b"\n" not in line
    assert same(unpack(load(line)), body)
    assert line == dump(pack(body))
    assert differences(load(line), pack(body)) == []


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        frozenset({"a"}),
        datetime.date(2024, 1, 31),
        datetime.time(1, 2),
        decimal.Decimal("1.10"),
        uuid.UUID(int=5),
        2**200,
        {"$": 1, "a": 2},
        DROP,
        Response({"a": (1,)}, 404, {"x": "y"}, "text/x"),
        "a\ud800b",
        np.float32(1.5),
        np.int64(-3),
    ],
    ids=str,
)
def test_rare_values(value: Any) -> None:
    found = unpack(load(encode(value)))
    assert found == value and type(found) is type(value)


def test_streams_and_events() -> None:
    found = unpack(load(encode([io.BytesIO(b"png"), Event({"x": 1})])))
    assert found[0].read() == b"png" and found[1].body == {"x": 1}


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype="int8").reshape(2, 3),
        np.array([[1.5, np.nan]]),
        np.array([], dtype=">f4"),
        np.array(["a", "bc"]),
        np.array([{"a": 1}, None], dtype=object),
        np.array("2024-01-31", dtype="datetime64[D]"),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    ],
    ids=lambda array: str(array.dtype),
)
def test_arrays(array: Any) -> None:
    found = unpack(load(encode({"x": array})))["x"]
    assert found.dtype == array.dtype and found.shape == array.shape
    np.testing.assert_array_equal(found, array)
    assert differences(pack(array), pack(found)) == []


def test_frames() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=pd.Index([5, 7], name="id"))
    found = unpack(load(encode(frame)))
    pd.testing.assert_frame_equal(found, frame)
    for name in ("a", None):
        series = frame["a"].rename(name)
        pd.testing.assert_series_equal(unpack(load(encode(series))), series)
    assert unpack(load(encode(pd.Timestamp("2024-01-31")))) == datetime.datetime(2024, 1, 31)
    changed = frame.assign(a=[1, 3])
    assert differences(pack(frame), pack(changed)) == ["a[1]: 2 -> 3"]


def test_what_cannot_be_recorded_is_named() -> None:
    itself: list[Any] = []
    itself.append(itself)
    for value, word in ((object(), "builtins.object"), (itself, "contains itself")):
        with pytest.raises(InvalidArgumentError, match=word):
            unpack(load(encode({"x": value})))
    frame = pd.DataFrame({"a": [object()]})
    with pytest.raises(InvalidArgumentError, match="DataFrame"):
        unpack(load(encode(frame)))


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["$float", "$bytes", "$array", "$frame", "$time", "$dict", "$response", "$int",
                     "$set", "$opaque", "$truncated", "$nothing", "dtype", "shape", "data", "kind"]
                ),
                inner,
                max_size=3,
            )
        ),
    )
)  # fmt: skip
def test_nonsense_is_refused_with_our_errors(value: Any) -> None:
    with contextlib.suppress(MLRunLikeError):
        unpack(value)
    differences(value, value)


@pytest.mark.parametrize(
    ("recorded", "now", "told"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": 1}, {"a": True}, ["a: 1 -> True"]),
        ({"a": 0.1 + 0.2}, {"a": 0.3}, []),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, ["a[1].b: 2 -> 3"]),
        ([1, 2], [1], ["it: 2 items -> 1 items"]),
        ({"a": 1, "t": 5}, {"b": 1, "t": 6}, ["a: 1 -> nothing", "b: nothing -> 1"]),
        (float("nan"), float("nan"), []),
        ((1, 2), [1, 2], []),
        (np.array([1.0, 2.0]), [1.0, 2.0], []),
        ({1, 2}, {2, 1}, []),
        ("x" * 100, "y", ["it: '" + "x" * 56 + "... -> 'y'"]),
    ],
)
def test_differences(recorded: Any, now: Any, told: list[str]) -> None:
    assert differences(pack(recorded), pack(now), ignore=("t",)) == told


def test_differences_are_not_endless() -> None:
    assert len(differences(list(range(1000)), list(range(1, 1001)))) == 20
