from __future__ import annotations

import math
import random

import pytest

from mlrun_like.serving.batching.times import CallTimes


def test_the_line_follows_the_calls() -> None:
    chance = random.Random(1)
    times = CallTimes()
    for _ in range(60):
        rows = chance.randrange(1, 33)
        times.record(rows, (0.002 + rows * 0.0001) * chance.uniform(0.95, 1.05))
    assert times.expected(16) == pytest.approx(0.0036, rel=0.1)
    assert times.fixed == pytest.approx(0.002, rel=0.3)
    for _ in range(60):  # the model is replaced by a slower one
        rows = chance.randrange(1, 33)
        times.record(rows, 0.010 + rows * 0.001)
    assert times.fixed == pytest.approx(0.010, rel=0.05)
    assert times.per_row == pytest.approx(0.001, rel=0.05)


def test_calls_of_one_size() -> None:
    times = CallTimes()
    for _ in range(5):
        times.record(4, 0.5)
    assert times.expected(4) == pytest.approx(0.5)


@pytest.mark.parametrize("points", [[(1, 1.0), (32, 0.1)], [(1, 0.0), (2, 1.0)], [(5, 0.0)] * 3])
def test_estimates_are_never_negative(points: list[tuple[int, float]]) -> None:
    times = CallTimes()
    for rows, seconds in points * 3:
        times.record(rows, seconds)
    assert times.fixed >= 0 and times.per_row >= 0 and math.isfinite(times.expected(1000))


def test_the_first_call_also_loads_things() -> None:
    times = CallTimes()
    times.record(1, 30.0)
    times.record(1, 0.0001)
    assert times.expected(1) == pytest.approx(0.0001)
    assert not times.in_thread(1)


def test_threads_with_hysteresis() -> None:
    times = CallTimes()
    assert times.in_thread(1)
    for seconds, threaded in ((0.0005, False), (0.0015, False), (0.0025, True), (0.0015, True)):
        for _ in range(50):
            times.record(1, seconds)
            times.in_thread(1)
        assert times.threaded is threaded


def test_a_large_batch_may_need_a_thread_when_a_small_one_does_not() -> None:
    times = CallTimes()
    for rows in (1, 2, 4, 8):
        times.record(rows, rows * 0.0002)
    assert not times.in_thread(2)
    assert times.in_thread(32)


def test_waiting_pays_only_when_rows_come_faster_than_a_call_takes() -> None:
    times = CallTimes()
    for rows in (1, 8, 4):
        times.record(rows, 0.001 + rows * 1e-6)
    assert times.patience(1) == 0  # nothing is known of arrivals
    times.arrived(1, 0.01)
    assert times.patience(1) == 0
    for _ in range(40):
        times.arrived(20, 0.001)
    assert times.patience(1) == pytest.approx(0.0005, rel=0.01)
    assert times.patience(40) == 0
    assert times.patience(10**6) == 0


def test_an_hour_of_silence_is_soon_forgotten() -> None:
    times = CallTimes()
    times.arrived(1, 3600)
    for _ in range(25):
        times.arrived(10, 0.0002)
    assert times.gap < 0.0001
    times.arrived(0, 5)
    assert times.gap < 0.0001


def test_glances_learn_from_some() -> None:
    times = CallTimes()
    for _ in range(3):
        times.record(1, 0.001)
    for _ in range(100):
        times.glance(1, 0.0005)
    assert times.fixed == pytest.approx(0.0005, rel=0.3)
    times.glance(1, 0.1)
    assert times.fixed > 0.005
