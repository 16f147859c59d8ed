"""Series in few points, over each database."""

from __future__ import annotations

import math

import pytest

from mlrun_like.tracking import sampling
from mlrun_like.tracking.base import MetricPoint
from mlrun_like.tracking.store import SqlStore

RUN = {"metadata": {"project": "p", "uid": "u1"}, "status": {"state": "running"}}


def points(count: int, *, steps: bool = True) -> list[MetricPoint]:
    """A wave with a peak, a dip and a hole."""
    found = [
        MetricPoint("loss", math.sin(n / 50), n if steps else 0, 1000.0 + n) for n in range(count)
    ]
    for place, value in ((count // 3, 77.0), (count // 2, -77.0), (count // 5, math.nan)):
        found[place] = found[place]._replace(value=value)
    return found


@pytest.mark.parametrize("steps", [True, False])
@pytest.mark.parametrize("whole", [1_000_000, 10])
def test_extremes_stay_and_points_are_few(
    sql_store: SqlStore, monkeypatch: pytest.MonkeyPatch, whole: int, steps: bool
) -> None:
    monkeypatch.setattr(sampling, "_WHOLE", whole)
    sql_store.store_run(RUN)
    sql_store.log_metrics("p", "u1", 0, points(4000, steps=steps))
    found = sql_store.sample_metrics("p", "u1", points=100)["loss"]
    assert found.total == 4000 and 50 <= len(found.points) <= 104
    values = [point.value for point in found.points if not math.isnan(point.value)]
    assert max(values) == 77.0 and min(values) == -77.0
    axis = [(point.step, point.time) for point in found.points]
    assert axis == sorted(axis)
    peak = next(point for point in found.points if point.value == 77.0)
    assert abs(peak.time - (1000 + 4000 // 3)) <= 4000 * 2 / 100


def test_odd_series_are_sampled(sql_store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "_WHOLE", 1)
    sql_store.store_run(RUN)
    rows = [MetricPoint("same", 1.0, 5, 7.0)]
    rows += [MetricPoint("ends", value, n, 0.0) for n, value in enumerate((math.inf, -math.inf))]
    rows += [MetricPoint("nan", math.nan, n, 0.0) for n in range(5)]
    rows += [MetricPoint("far", 1.0, n, 0.0) for n in (-(2**62), 0, 2**62)]
    sql_store.log_metrics("p", "u1", 0, rows)
    found = sql_store.sample_metrics("p", "u1", points=2)
    assert {key: one.total for key, one in found.items()} == {
        "same": 1, "ends": 2, "nan": 5, "far": 3,
    }  # fmt: skip
    assert {point.value for point in found["ends"].points} == {math.inf, -math.inf}
    assert found["nan"].points == []
    assert sql_store.sample_metrics("p", "u1", keys=("same",)).keys() == {"same"}
    assert sql_store.sample_metrics("p", "nobody") == {} == sql_store.metric_keys("p", "nobody")
    assert sql_store.metric_keys("p", "u1") == {"same": 1, "ends": 2, "nan": 5, "far": 3}


def test_thinning_keeps_the_ends_and_holes() -> None:
    rows = points(1000)
    kept = sampling.thinned(rows, 50)
    assert kept[0] == rows[0] and kept[-1] == rows[-1] and len(kept) <= 52
    assert sampling.thinned(rows[:3], 50) == rows[:3]
    assert sampling.thinned([], 50) == []
    holes = [MetricPoint("a", math.nan, n, 0.0) for n in range(100)]
    assert 2 <= len(sampling.thinned(holes, 10)) <= 10
