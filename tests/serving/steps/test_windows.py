"""Windows, emit policies and times, as data and as objects."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.windows import (
    FixedWindow,
    FixedWindows,
    SlidingWindow,
    SlidingWindows,
    parse_duration,
)
from mlrun_like.serving.steps.windows_emission import (
    EmissionType,
    EmitAfterDelay,
    EmitAfterMaxEvent,
    EmitAfterPeriod,
    EmitAfterWindow,
    EmitEveryEvent,
    EmitPolicy,
    emit_policy_of,
)
from mlrun_like.serving.steps.windows_time import millis_of, time_reader


@pytest.mark.parametrize(
    ("text", "millis"),
    [("1s", 1_000), ("30m", 1_800_000), ("24h", 86_400_000), ("7d", 604_800_000), ("5ms", 5)],
)
def test_durations(text: str, millis: int) -> None:
    assert parse_duration(text) == millis


@pytest.mark.parametrize("text", ["", "1", "h", "1w", "-1h", "1.5h", "0h", " 1h", "1h ", None, 5])
def test_bad_durations(text: Any) -> None:
    with pytest.raises(ValueError, match="Failed to parse time"):
        parse_duration(text)
    with pytest.raises(ValueError):
        FixedWindows([text])


def test_windows_have_storeys_numbers() -> None:
    sliding = SlidingWindows(["24h", "1h"], "10m")
    assert sliding.windows == [(3_600_000, "1h"), (86_400_000, "24h")]
    assert (sliding.period_millis, sliding.total_number_of_buckets) == (600_000, 144)
    assert (sliding.smallest_window_millis, sliding.max_window_millis) == (3_600_000, 86_400_000)
    assert SlidingWindows(["2h", "1d"]).period_millis == 1_800_000
    assert SlidingWindows(["1s"]).period_millis == 500
    fixed = FixedWindows(["15m", "25m", "1h"])
    assert (fixed.period_millis, fixed.window_millis) == (150_000, 18_000_000)
    assert fixed.total_number_of_buckets == 120
    hour = 3_600_000
    assert FixedWindows(["2h"]).round_up_time_to_window(hour + 1) == 2 * hour
    assert FixedWindows(["2h"]).get_window_start_time_by_time(3 * hour + 5) == 2 * hour
    assert repr(sliding) == "SlidingWindows(['1h', '24h'], '10m')"
    assert repr(FixedWindows("1h")) == "FixedWindows(['1h'])"


def test_windows_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="Windows list can not be empty"):
        FixedWindows([])
    with pytest.raises(ValueError, match="Windows list can not be empty"):
        SlidingWindows(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="7m does not divide 1h"):
        SlidingWindows(["1h"], "7m")
    with pytest.raises(ValueError, match="must be a divider"):
        SlidingWindow("1h", "25m")


def test_single_windows() -> None:
    window = FixedWindow("1h")
    assert (window.window_millis, window.period_millis, window.window_str) == (
        3_600_000,
        1_800_000,
        "1h",
    )
    assert window.get_current_window() % 3_600_000 == 0
    assert window.get_window_start_time() <= window.get_current_period()
    assert abs(SlidingWindow("1h", "5m").get_window_start_time() / 1000 - _now()) < 60


def _now() -> float:
    return datetime.now(timezone.utc).timestamp()


@pytest.mark.parametrize(
    ("data", "kind", "values"),
    [
        ({"mode": "everyEvent"}, EmitEveryEvent, {}),
        ({"mode": "maxEvents", "maxEvents": 3}, EmitAfterMaxEvent, {"max_events": 3}),
        (
            {"mode": "maxEvents", "maxEvents": 3, "timeout": 1.5},
            EmitAfterMaxEvent,
            {"timeout_secs": 1.5},
        ),
        ({"mode": "afterPeriod"}, EmitAfterPeriod, {"delay_in_seconds": 0}),
        ({"mode": "afterWindow", "delay": 2}, EmitAfterWindow, {"delay_in_seconds": 2}),
        ({"mode": "afterDelay", "delay": 2}, EmitAfterDelay, {"delay_in_seconds": 2}),
    ],
)
def test_policies_as_data(
    data: dict[str, Any], kind: type[EmitPolicy], values: dict[str, Any]
) -> None:
    given = dict(data)
    policy = emit_policy_of(data)
    assert data == given  # storey empties the caller's dictionary
    assert type(policy) is kind
    assert policy.name() == data["mode"] == kind.name()
    assert {name: getattr(policy, name) for name in values} == values
    assert policy.emission_type is EmissionType.All
    again = emit_policy_of(policy.to_dict())
    assert vars(again) == vars(policy)
    assert repr(policy).startswith(kind.__name__)
    assert emit_policy_of(policy) is policy


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        ({"mode": "maxEvents"}, ValueError, "maxEvents parameter must be specified"),
        ({"mode": "afterDelay"}, ValueError, "delay parameter must be specified"),
        ({"mode": "everyevent"}, TypeError, "Did you mean 'everyEvent'"),
        ({}, TypeError, "unsupported emit policy"),
        ({"mode": []}, TypeError, "unsupported emit policy"),
        ({"mode": "everyEvent", "delay": 1}, ValueError, "unexpected arguments"),
        ({"mode": "maxEvents", "maxEvents": 0}, ValueError, "at least 1"),
        ({"mode": "maxEvents", "maxEvents": "3"}, TypeError, "must be an integer"),
        ({"mode": "afterPeriod", "delay": -1}, ValueError, "negative"),
        (EmitEveryEvent, TypeError, "Found EmitEveryEvent instead"),
        ("everyEvent", TypeError, "Found str instead"),
        (None, TypeError, "must be of type EmitPolicy"),
    ],
)
def test_policies_that_cannot_be(data: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        emit_policy_of(data)
    with pytest.raises(TypeError, match="not an EmissionType"):
        EmitEveryEvent("All")  # type: ignore[arg-type]


def test_times() -> None:
    moment = datetime(2020, 7, 21, 21, 40, tzinfo=timezone.utc)
    millis = 1_595_367_600_000.0
    assert millis_of(moment) == millis
    assert millis_of(moment.replace(tzinfo=None)) == millis  # not the machine's time zone
    assert millis_of(moment.astimezone(timezone(timedelta(hours=3)))) == millis
    assert millis_of("2020-07-21T21:40:00Z") == millis
    assert millis_of("21/07/2020 21:40", "%d/%m/%Y %H:%M") == millis
    assert millis_of("2020-07-21 21:40:00+0000", "%Y-%m-%d %H:%M:%S%z") == millis
    assert millis_of(millis / 1000) == millis_of(millis) == millis


@pytest.mark.parametrize("value", [None, "yesterday", True, float("nan"), float("inf"), [], 1e300])
def test_bad_times(value: Any) -> None:
    if value == 1e300:
        assert millis_of(value) == value
        return
    with pytest.raises(InvalidArgumentError, match="not a time"):
        millis_of(value)
    with pytest.raises(InvalidArgumentError, match="not a time"):
        millis_of("x", "%d")


def test_where_times_come_from() -> None:
    event = Event({"t": "2020-07-21T21:40:00+00:00"}, time=5)
    assert time_reader(None, None, "S")(event) == 5000
    assert time_reader("t", None, "S")(event) == 1_595_367_600_000
    assert time_reader(lambda event: event.time, None, "S")(event) == 5000
    with pytest.raises(InvalidArgumentError, match="its body has no 'u'"):
        time_reader("u", None, "S")(event)
    with pytest.raises(TypeError, match="must be a dictionary"):
        time_reader("u", None, "S")(Event([1]))
    with pytest.raises(TypeError, match="callable or string"):
        time_reader(5, None, "S")
