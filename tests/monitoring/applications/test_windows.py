"""Which windows are due."""

from __future__ import annotations

import itertools
import math

import pytest

from mlrun_like.monitoring.applications.windows import Due, due_span, split

DAY = 86_400.0


def test_windows_begin_at_multiples_of_the_period() -> None:
    due = due_span(600, None, (1234.0, 3000.0), 1e5, 60, 1e9)
    assert due == Due(1200.0, 3600.0)
    windows = list(split(1200.0, 3600.0, 600))
    assert windows == [(600.0 * k, 600.0 * k + 600) for k in range(2, 6)]


def test_an_incomplete_window_waits_until_it_has_settled() -> None:
    seen = (0.0, 700.0)
    assert due_span(600, None, seen, 659.0, 60, 1e9) is None
    assert due_span(600, None, seen, 660.0, 60, 1e9) == Due(0.0, 600.0)
    assert due_span(600, 600.0, seen, 1259.0, 60, 1e9) is None
    assert due_span(600, 600.0, seen, 1260.0, 60, 1e9) == Due(600.0, 1200.0)


def test_silence_opens_no_windows() -> None:
    assert due_span(600, 1200.0, (0.0, 700.0), 1e9, 60, 1e12) is None


def test_a_request_at_the_border_belongs_to_the_next_window() -> None:
    assert due_span(600, 600.0, (0.0, 600.0), 1e5, 60, 1e9) == Due(600.0, 1200.0)


def test_what_is_too_old_is_missed_and_the_rest_is_made_up_for() -> None:
    due = due_span(600, 0.0, (0.0, 10 * DAY), 10 * DAY + 600, 0, 7 * DAY)
    assert due == Due(3 * DAY + 600, 10 * DAY + 600, 0.0)
    first = due_span(600, None, (0.0, 10 * DAY), 10 * DAY + 600, 0, 7 * DAY)
    assert first == due


def test_all_of_it_too_old() -> None:
    due = due_span(600, 0.0, (0.0, 599.0), 100 * DAY, 0, 7 * DAY)
    assert due == Due(600.0, 600.0, 0.0)
    assert due_span(600, 600.0, (0.0, 599.0), 100 * DAY, 0, 7 * DAY) is None


@pytest.mark.parametrize("period", [0.6, 6.0, 7.0, 33.3, 600.0, 86_400.0])
@pytest.mark.parametrize("start", [0.0, 1.7e9])
def test_windows_are_complete_and_do_not_overlap_whenever_one_looks(
    period: float, start: float
) -> None:
    done: float | None = None
    windows: list[tuple[float, float]] = []
    for step in (0.3, 1.0, 1.1, 4.0, 17.5, 18.0, 40.2):
        now = start + step * period
        due = due_span(period, done, (start + 0.1 * period, now), now, 0.05 * period, 1e12)
        if due is not None:
            windows += split(due.start, due.end, period)
            done = due.end
    assert all(a[1] == b[0] for a, b in itertools.pairwise(windows))
    assert len(windows) in (39, 40, 41)
    assert all(math.isclose(b - a, period, rel_tol=1e-6) for a, b in windows)


def test_another_period_leaves_no_gap() -> None:
    due = due_span(600, 900.0, (0.0, 5000.0), 1e5, 60, 1e9)
    assert due is not None
    assert list(split(due.start, due.end, 600))[:2] == [(900.0, 1200.0), (1200.0, 1800.0)]
