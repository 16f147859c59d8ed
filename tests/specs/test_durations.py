"""Times as users write them."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.durations import STATE_THRESHOLDS, check_thresholds, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1000s", 1000),
        ("1day 20m", 87600),
        ("30h 19 min", 109140),
        ("1h30m", 5400),
        ("2 weeks, 1 day", 1296000),
        ("0.5h", 1800),
        ("-1", math.inf),
        (-1, math.inf),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "h", "1", "1x", "1h x", "-2h", "one hour", None, True, "1e3s"]
)
def test_no_times(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="is not a time"):
        parse_duration(text)


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidArgumentError):
        assert parse_duration(text) >= 0


def test_defaults_are_valid() -> None:
    assert check_thresholds(STATE_THRESHOLDS) == dict(STATE_THRESHOLDS)
