"""Which times come next."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.schedules.cron import check_cron, next_time, shortest_gap, times_between

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def local(when: float | None) -> str:
    assert when is not None
    return datetime.fromtimestamp(when, tz=BERLIN).isoformat()


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        ("30 2 * * *", "2026-03-28T12:00", "2026-03-29T03:00:00+02:00"),  # 2:30 does not exist
        ("30 2 * * *", "2026-10-24T12:00", "2026-10-25T02:30:00+02:00"),  # 2:30 comes twice
        ("30 2 * * *", "2026-10-25T02:40", "2026-10-26T02:30:00+01:00"),
        ("0 9 * * MON-FRI", "2026-11-21T00:00", "2026-11-23T09:00:00+01:00"),
        ("0 9 * * 7", "2026-11-21T00:00", "2026-11-22T09:00:00+01:00"),
        ("@monthly", "2026-11-21T00:00", "2026-12-01T00:00:00+01:00"),
        (" @Daily ", "2026-11-21T10:00", "2026-11-22T00:00:00+01:00"),
        ("*/20 * * * * *", "2026-11-21T10:00:01", "2026-11-21T10:00:20+01:00"),
        ("0 0 29 2 *", "2026-11-21T00:00", "2028-02-29T00:00:00+01:00"),
    ],
)
def test_next_time(cron: str, after: str, expected: str) -> None:
    assert local(next_time(cron, "Europe/Berlin", at(after))) == expected


@pytest.mark.parametrize(
    "cron",
    ["", "* * * *", "61 * * * *", "a b c d e", "@never", "* * * * * * *", "0 0 31 2 *", "💥" * 500],
)
def test_what_is_no_expression_is_refused(cron: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        check_cron(cron)
    assert "MON-FRI" in caught.value.fix


@pytest.mark.parametrize(
    "zone", ["Europe/Berln", "../../etc/passwd", "/etc/localtime", "\0", "x" * 999]
)
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        check_cron("* * * * *", zone)
    assert "IANA" in caught.value.fix


def test_the_nearest_time_zone_is_named() -> None:
    with pytest.raises(InvalidArgumentError, match="Europe/Berlin"):
        check_cron("* * * * *", "Europe/Berln")


def test_times_between_keeps_the_newest() -> None:
    found, total = times_between("* * * * *", "", 0.0, 600.0, 3)
    assert (found, total) == ([480.0, 540.0, 600.0], 11)


def test_shortest_gap() -> None:
    assert shortest_gap("0,5 * * * *", "", 0.0) == 300.0


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30), st.text(max_size=20))
def test_any_text_is_an_expression_or_a_clear_error(cron: str, zone: str) -> None:
    try:
        check_cron(cron, zone)
    except InvalidArgumentError as exc:
        assert exc.fix
