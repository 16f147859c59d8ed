"""Reading what was recorded."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.clock import is_simulated, now, simulated
from mlrun_like.monitoring.recording.chunks import encode_table
from mlrun_like.monitoring.recording.columns import build
from mlrun_like.monitoring.recording.reading import (
    count_events,
    features_of,
    predictions_of,
    read_events,
    read_sketches,
    read_stats,
)
from mlrun_like.monitoring.recording.retention import remove_old
from mlrun_like.monitoring.recording.times import seconds_of, to_datetime
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.monitoring_abilities import SeriesBatch


def store(name: str, rows: list[Any], features: Any = ("x", "y"), labels: Any = ("z",)) -> None:
    items = [
        (f"{name}{number}", [inputs], [output], 100.0, time, "infer", None, True)
        for number, (time, inputs, output) in enumerate(rows)
    ]
    built = build(items, features, labels, text_limit=100, most_columns=10)
    batch = SeriesBatch(
        "p", "u", "events", name, built.first, built.last, built.table.num_rows,
        encode_table(built.table), built.summary,
    )  # fmt: skip
    open_store().append_batches([batch])


def test_a_span() -> None:
    store("b", [(20.0, [1, 2], 0), (30.0, [3, 4], 1)])
    store("a", [(10.0, [5, 6], 0), (20.0, [7, 8], 1)])
    frame = read_events("p", "u", 10, 30)
    assert frame["event_id"].tolist() == ["a0", "a1", "b0"]
    assert frame["x"].tolist() == [5.0, 7.0, 1.0]
    assert features_of(frame) == ["x", "y"] and predictions_of(frame) == ["z"]
    start = datetime(1970, 1, 1, 0, 0, 20, tzinfo=timezone.utc)
    assert len(read_events("p", "u", start)) == 3
    assert len(read_events("p", "u", "1970-01-01T00:00:30Z", None)) == 1
    only = read_events("p", "u", columns=["x", "time"])
    assert list(only.columns) == ["time", "x"] and predictions_of(only) == []
    assert read_events("p", "u", 31).empty and read_events("p", "nobody").empty
    assert list(read_events("p", "nobody").columns)[:3] == ["event_id", "row", "time"]


def test_names_that_are_taken() -> None:
    store("a", [(1.0, [1, 2, 3], 0)], ["time", "z", "q"], ["z"])
    frame = read_events("p", "u")
    assert features_of(frame) == ["f:time", "f:z", "q"] and predictions_of(frame) == ["z"]
    assert frame["f:time"].tolist() == [1.0] and frame["time"].tolist() == [1.0]


def test_batches_that_differ() -> None:
    store("a", [(1.0, [1, 2], 0), (2.0, [1, 2], 1)])
    store("b", [(3.0, ["one", "two"], "no")])
    store("c", [(4.0, {"x": True, "new": "text"}, 1)])
    store("d", [(5.0, [None, None], 1)])
    frame = read_events("p", "u")
    assert frame["x"].tolist()[:2] == [1.0, 1.0] and frame["x"].iloc[3] == 1.0
    assert frame["x"].isna().tolist() == [False, False, True, False, True]
    assert frame["z"].dtype == float and frame["new"].tolist()[3] == "text"


def test_counts_and_statistics() -> None:
    store("a", [(float(number), [number, 1], number % 2) for number in range(101)])
    counts = count_events("p", "u", 0, 50)
    assert (counts.requests, counts.rows, counts.errors) == (50, 50, 0)  # by its share of time
    assert counts.first == 0.0 and counts.last == 50.0
    everything = count_events("p", "u")
    assert everything.requests == 101 and everything.error_rate == 0
    nothing = count_events("p", "u", 500)
    assert nothing.requests == 0 and nothing.error_rate == 0 and nothing.first is None
    assert math.isnan(nothing.latency_us(0.5))
    stats = read_stats("p", "u", 0, 11)
    assert stats["x"]["mean"] == 5.0 and stats["x"]["count"] == 11
    assert sum(stats["x"]["hist"][0]) == 11 and "z" in stats
    assert read_stats("p", "u", 500) == {}
    sketches = read_sketches("p", "u")
    assert sketches.rows == 101 and sketches.mean("x") == 50.0
    assert read_sketches("p", "u", 500) is None


def test_a_stream_that_delivered_twice() -> None:
    store("a", [(1.0, [1, 2], 0)])
    (batch,) = open_store().read_batches("p", "u", "events")
    again = SeriesBatch(
        "p", "u", "events", "other", 1.0, 1.0, 1, batch.body, {"requests": 1, "again": 1}
    )
    open_store().append_batches([again])
    assert len(read_events("p", "u")) == 1


def test_retention() -> None:
    store("a", [(1.0, [1, 2], 0)])
    store("b", [(5 * 86400.0, [1, 2], 0)])
    with simulated(10 * 86400.0) as clock:
        assert remove_old(days=0) == 0 and remove_old(days=7) == 1
        assert len(read_events("p", "u")) == 1
        clock.advance(30 * 86400)
        assert remove_old("p") == 1
    with pytest.raises(InvalidArgumentError, match="days=-1"):
        remove_old(days=-1)


def test_times() -> None:
    assert seconds_of(3) == 3.0 and seconds_of("1970-01-01") == 0.0
    assert to_datetime(seconds_of("2026-01-31T12:00:00+02:00")).hour == 10
    wrong: Any
    for wrong in ("soon", None, True, math.nan, math.inf, "9" * 5000, []):
        with pytest.raises(InvalidArgumentError, match="is no time"):
            seconds_of(wrong)


def test_the_clock() -> None:
    assert not is_simulated() and now() > 1e9
    with simulated(10.0) as outer, simulated(99.0) as inner:
        assert now() == 99.0 and inner.advance(1.5) == 100.5 == now()
        outer.set(3.0)
        assert now() == 100.5 and is_simulated()
    with simulated() as clock:
        assert clock.now() > 1e9
