from __future__ import annotations

import datetime
import math

import numpy
import pytest

from mlrun_like.serving.codec import decode, encode


def test_arrays_dates_and_sets_are_written() -> None:
    assert encode({"a": numpy.arange(3), "b": numpy.float64(1.5)}) == b'{"a":[0,1,2],"b":1.5}'
    assert encode([datetime.date(2024, 1, 2), {1}]) == b'["2024-01-02",[1]]'


def test_numbers_that_are_not_finite_become_null() -> None:
    assert (
        encode({"x": [math.nan, (math.inf, numpy.float32("nan"))]}) == b'{"x":[null,[null,null]]}'
    )
    assert encode(numpy.array([1.0, math.nan])) == b"[1.0,null]"


def test_what_json_cannot_carry_is_refused() -> None:
    ring: list[object] = []
    ring.append(ring)
    for value in (object(), ring, {"f": lambda: 1}):
        with pytest.raises(TypeError):
            encode(value)


def test_text_survives() -> None:
    assert decode(encode("žluťoučký \ud800 \x00")) == "žluťoučký ? \x00"
    assert decode(b"\xef\xbb\xbf[1]") == [1]
