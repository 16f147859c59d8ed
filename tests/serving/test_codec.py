"""Bodies to and from bytes: strict, complete, and never a crash."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import math
import uuid
from types import MappingProxyType
from typing import Any

import numpy
import pandas
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.codec import decode, decode_body, encode, is_json
from mlrun_like.serving.forms import parse_multipart, parse_urlencoded


class Colour(enum.Enum):
    RED = 1


@dataclasses.dataclass
class Point:
    x: int = 2**70


def test_arrays_dates_and_sets_are_written() -> None:
    assert encode({"a": numpy.arange(3), "b": numpy.float64(1.5)}) == b'{"a":[0,1,2],"b":1.5}'
    assert encode([datetime.date(2024, 1, 2), {1}]) == b'["2024-01-02",[1]]'
    assert encode(numpy.arange(8).reshape(2, 4)[:, ::2]) == b"[[0,2],[4,6]]"
    assert encode(numpy.array(["a", None], dtype=object)) == b'["a",null]'
    assert (
        encode([numpy.datetime64("2024-01-01"), numpy.bool_(True)])
        == b'["2024-01-01T00:00:00",true]'
    )


def test_pandas_values_are_written() -> None:
    frame = pandas.DataFrame({"a": [1.5, None], "t": [pandas.Timestamp("2024"), pandas.NaT]})
    rows = b'[{"a":1.5,"t":"2024-01-01T00:00:00"},{"a":null,"t":null}]'
    assert encode(frame) == rows
    assert (
        encode({"s": pandas.Series([1, 2]), "i": pandas.Index(["x"])}) == b'{"s":[1,2],"i":["x"]}'
    )
    assert encode([pandas.NaT, pandas.NA, pandas.Categorical(["a"])]) == b'[null,null,["a"]]'


def test_other_values_are_written() -> None:
    number = uuid.UUID(int=1)
    assert encode([Colour.RED, number]) == b'[1,"00000000-0000-0000-0000-000000000001"]'
    assert encode(MappingProxyType({"a": decimal.Decimal("1.5")})) == b'{"a":1.5}'
    assert encode({"p": Point(), "r": [Colour.RED, (1,)]}) == (
        b'{"p":{"x":1180591620717411303424},"r":[1,[1]]}'
    )


def test_keys_that_are_no_text() -> None:
    assert encode({1: 2, 2.5: 3, None: 4}) == b'{"1":2,"2.5":3,"null":4}'
    assert encode({Colour.RED: 1, datetime.date(2024, 1, 1): 2}) == b'{"1":1,"2024-01-01":2}'
    assert encode({uuid.UUID(int=1): 2**64}) == (
        b'{"00000000-0000-0000-0000-000000000001":18446744073709551616}'
    )


def test_numbers_that_are_not_finite_become_null() -> None:
    assert (
        encode({"x": [math.nan, (math.inf, numpy.float32("nan"))]}) == b'{"x":[null,[null,null]]}'
    )
    assert encode(numpy.array([1.0, math.nan])) == b"[1.0,null]"
    assert encode([2**64, math.nan]) == b"[18446744073709551616,null]"


def test_what_json_cannot_carry_is_refused() -> None:
    ring: list[object] = []
    ring.append(ring)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    for value in (object(), ring, {"f": lambda: 1}, deep, {(1, 2): 3}, [2**64, object()]):
        with pytest.raises(TypeError):
            encode(value)


def test_nesting_that_the_fast_library_refuses_is_written_by_the_other() -> None:
    deep: Any = 1
    for _ in range(400):
        deep = [deep]
    assert encode(deep) == b"[" * 400 + b"1" + b"]" * 400


def test_text_survives() -> None:
    assert decode(encode("žluťoučký \ud800 \x00")) == "žluťoučký ? \x00"
    assert decode(b"\xef\xbb\xbf[1]") == [1]
    assert decode("[1]") == [1]


@pytest.mark.parametrize(
    "text",
    [b"", b" ", b"{", b"NaN", b"[Infinity]", b"-Infinity", b"1e400", b"1" * 5000, b"01", b"[1,]",
     b"'a'", b'"\xff"', b'"\\ud800"', b'"\x00"', b"[" * 100_000, b"\xef\xbb\xbf", b"nul", b"1 2"],
)  # fmt: skip
def test_what_is_no_json_is_the_callers_fault(text: bytes) -> None:
    with pytest.raises(InvalidArgumentError, match="not valid JSON") as told:
        decode(text)
    assert told.value.status == 400 and len(str(told.value)) < 500


def test_rules_for_what_json_leaves_open() -> None:
    assert decode(b'{"a": 1, "a": 2}') == {"a": 2}
    assert decode(b"18446744073709551615") == 2**64 - 1
    assert decode(b"18446744073709551616") == float(2**64)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text() | st.dates(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.tuples(inner, inner)
    ),
    max_leaves=20,
)


@settings(max_examples=60)
@given(VALUES)
def test_everything_written_can_be_read_by_any_reader(value: Any) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    json.loads(encode(value), parse_constant=refuse)


KINDS = [
    "", "application/json", "text/plain", "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x", "image/png",
]  # fmt: skip


@settings(max_examples=200)
@given(st.binary(max_size=200), st.sampled_from(KINDS))
def test_no_bytes_crash_a_reader(data: bytes, kind: str) -> None:
    try:
        decode_body(data, kind)
    except InvalidArgumentError as exc:
        assert exc.status == 400


def test_types() -> None:
    assert is_json("Application/JSON ; charset=utf-8") and is_json("application/ld+json")
    assert not is_json("") and not is_json("text/json-ish")
    assert decode_body({"a": 1}, "image/png") == {"a": 1}
    assert decode_body("text", "text/plain") == "text" and decode_body("[1]", "") == [1]
    assert decode_body(b"", "application/json") is None


def test_forms() -> None:
    assert parse_urlencoded("a=%C5%BE&b=&c=1+2") == {"a": "ž", "b": "", "c": "1 2"}
    assert parse_urlencoded(b"nothing of the kind") == b"nothing of the kind"
    image = b"\x89PNG\r\n--not the end\r\n"
    body = (
        b'preamble\r\n--b1\r\nContent-Disposition: form-data; name="a\\"b"\r\n\r\nz\r\n'
        + b"--b1\r\ncontent-type: image/png\r\n"
        + b'CONTENT-DISPOSITION: form-data; name=file; filename="x.png"\r\n\r\n'
        + image
        + b'\r\n--b1\r\nContent-Disposition: form-data; name="n"\r\n\r\n1'
        + b'\r\n--b1\r\nContent-Disposition: form-data; name="n"\r\n\r\n2\r\n--b1--\r\n'
    )
    assert parse_multipart(body, ' boundary="b1"') == {'a"b': "z", "file": image, "n": ["1", "2"]}


@pytest.mark.parametrize(
    ("body", "parameters"),
    [
        (b"--x--", ""),
        (b"", "boundary=x"),
        (b"--x\r\n\r\n1\r\n", "boundary=x"),
        (b"--x\r\n\r\n1\r\n--x--", "boundary=x"),
        (b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--", "boundary=x"),
        (b"--x\r\nContent-Disposition: form-data; name=a\r\n--x--", "boundary=x"),
        (b"--x\r\n" * 2000 + b"--x--", "boundary=x"),
        (b"--x--", "boundary=" + "y" * 200),
    ],
)
def test_broken_forms_are_the_callers_fault(body: bytes, parameters: str) -> None:
    with pytest.raises(InvalidArgumentError, match="multipart"):
        parse_multipart(body, parameters)


@pytest.mark.parametrize("body", [b'{"a": 1', b"[1,", b" {bad}"])
def test_broken_json_under_the_type_that_curl_sends_is_told(body: bytes) -> None:
    with pytest.raises(InvalidArgumentError, match="not valid JSON"):
        decode_body(body, "application/x-www-form-urlencoded")
