"""AggregateByKey: storey's results, its arguments, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import math
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving import flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.aggregate import AggregateByKey
from mlrun_like.serving.steps.aggregate_field import FieldAggregator, aggregators_of
from mlrun_like.serving.steps.drivers import NoopDriver
from mlrun_like.serving.steps.tables import Table
from mlrun_like.serving.steps.windows import FixedWindows, SlidingWindows
from mlrun_like.serving.steps.windows_emission import (
    EmissionType,
    EmitAfterDelay,
    EmitAfterMaxEvent,
    EmitAfterPeriod,
    EmitAfterWindow,
    EmitEveryEvent,
)

BASE = datetime(2020, 7, 21, 21, 40, tzinfo=timezone.utc)
GOLDEN = json.loads((Path(__file__).parent / "data" / "aggregates.json").read_text())


def aggregator(*aggregates: str, **options: Any) -> FieldAggregator:
    windows = options.pop("windows", None) or SlidingWindows(["1h", "2h", "24h"], "10m")
    return FieldAggregator("n", "x", list(aggregates), windows, **options)


def step_of(*aggregators: Any, **options: Any) -> AggregateByKey:
    return AggregateByKey(list(aggregators), Table("test", NoopDriver()), **options)


def run(step: AggregateByKey, events: list[tuple[Any, Any, float]]) -> list[Any]:
    """Bodies of what comes out; the third of each event is minutes after BASE."""
    out: list[Any] = []
    for body, key, minutes in events:
        event = Event(body, key=key, time=BASE + timedelta(minutes=minutes))
        out += [found.body for found in step.process(event)]
    return out


def close_to(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        if value is None:
            assert math.isnan(found[name]), name
        else:
            assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{case['windows']}-{case['period']}")
def test_storeys_results(case: dict[str, Any]) -> None:
    """Results of storey 1.12.6 for random events."""
    windows: Any = (
        FixedWindows(case["windows"])
        if case["period"] == "fixed"
        else SlidingWindows(case["windows"], case["period"])
    )
    step = step_of(aggregator(*case["aggregates"], windows=windows))
    events = [({"x": value}, key, seconds / 60) for value, key, seconds in case["events"]]
    found = run(step, events)
    assert len(found) == len(case["rows"])
    for body, row, (value, _, _) in zip(found, case["rows"], case["events"], strict=True):
        assert body.pop("x") == value
        close_to(body, dict(zip(case["columns"], row, strict=True)))


def test_events_out_of_order() -> None:
    windows = FixedWindows(["1h", "2h"])
    minutes = [0, 25, 50, 15, 75]
    found = run(
        step_of(aggregator("count", windows=windows)),
        [({"x": number}, "tal", minute) for number, minute in enumerate(minutes)],
    )
    assert [(body["n_count_1h"], body["n_count_2h"]) for body in found] == [
        (1, 1),
        (1, 1),
        (2, 2),
        (2, 2),
        (3, 3),
    ]


def test_late_events_count_in_later_windows() -> None:
    found = run(
        step_of(aggregator("sum", "first", "last", windows=SlidingWindows(["1h"], "10m"))),
        [({"x": x}, "k", at) for x, at in ((1, 0), (2, 30), (4, -20), (8, 31), (16, 41))],
    )
    assert found[2] == {"n_sum_1h": 4, "n_first_1h": 4, "n_last_1h": 4, "x": 4}
    assert found[3] == {"n_sum_1h": 15, "n_first_1h": 4, "n_last_1h": 8, "x": 8}
    # 21:20 is not in the window that ends at 22:30
    assert found[4] == {"n_sum_1h": 27, "n_first_1h": 1, "n_last_1h": 16, "x": 16}


@pytest.mark.parametrize("windows", [None, FixedWindows(["1h", "24h"])])
def test_events_that_are_too_old(windows: Any, caplog: pytest.LogCaptureFixture) -> None:
    step = step_of(aggregator("count", windows=windows))
    found = run(
        step, [({"x": 0}, "tal", 50), ({"x": 3}, "tal", -25 * 60), ({"x": 4}, "tal", -26 * 60)]
    )
    assert found[1:] == [{"x": 3}, {"x": 4}]
    assert step.late_events == 2
    assert caplog.text.count("too old") == 1


def test_missing_values_and_filters() -> None:
    step = step_of(
        aggregator("count", "sum", windows=SlidingWindows(["1h"], "10m")),
        FieldAggregator(
            "big", "x", ["count"], FixedWindows(["1h"]), aggr_filter=lambda body: body["y"] > 5
        ),
    )
    values = [(1, 9), (None, 9), (math.nan, 9), (9, 9), (9, 5)]
    found = run(step, [({"x": x, "y": y}, "k", minute) for minute, (x, y) in enumerate(values)])
    assert [body["n_count_1h"] for body in found] == [1, 1, 1, 2, 3]
    assert [body["big_count_1h"] for body in found] == [1, 1, 1, 2, 2]
    assert found[-1]["n_sum_1h"] == 19
    assert run(step_of(aggregator("count", "sum")), [({}, "k", 0)])[0]["n_count_24h"] == 0
    with pytest.raises(TypeError):
        run(step, [({"x": 5, "y": None}, "k", 9)])
    # an event that fails counts nowhere
    assert run(step, [({"x": 1, "y": 1}, "k", 10)])[0]["n_count_1h"] == 4


def test_windows_move_without_values() -> None:
    step = step_of(aggregator("count", "sum", windows=SlidingWindows(["1h"], "10m")))
    found = run(step, [({"x": 1}, "k", 0), ({}, "k", 65)])
    assert found[1]["n_count_1h"] == 0
    assert math.isnan(found[1]["n_sum_1h"])


def test_max_value() -> None:
    step = step_of(aggregator("count", windows=SlidingWindows(["24h"], "1h"), max_value=5))
    found = run(step, [({"x": 0}, "tal", 10 * number) for number in range(8)])
    assert [body["n_count_24h"] for body in found] == [1, 2, 3, 4, 5, 5, 5, 5]


def test_aggregators_as_data() -> None:
    data = {
        "name": "n",
        "column": "x",
        "operations": ["sum", "avg"],
        "windows": ["1h", "2h"],
        "period": "10m",
    }
    events = [({"x": number}, "k", 25.0 * number) for number in range(6)]
    again = json.loads(json.dumps(aggregators_of([data])[0].to_dict()))
    assert run(step_of(data), events) == run(step_of(again), events)
    assert aggregators_of([data])[0].to_dict() == data
    default = FieldAggregator("n", "x", "sum", SlidingWindows(["1s"]), max_value=2)
    copied = aggregators_of([default.to_dict()])[0]
    assert copied.windows.period_millis == 500
    assert copied.max_value == 2
    assert isinstance(aggregators_of([{**data, "period": None}])[0].windows, FixedWindows)


def test_keys_and_times() -> None:
    step = step_of(
        aggregator("count"), key_field=["a", "b"], time_field="at", time_format="%d.%m.%Y"
    )
    for number in range(2):
        [event] = step.process(Event({"x": 1, "a": "p", "b": 7, "at": "01.02.2024"}))
        assert event.body["n_count_1h"] == number + 1
    assert event.key == ["p", 7]
    [event] = step.process(Event({"x": 1, "a": "p", "b": 8, "at": "01.02.2024"}))
    assert event.body["n_count_1h"] == 1
    by_function = step_of(aggregator("count"), key_field=lambda body: body["x"] % 2)
    assert [run(by_function, [({"x": x}, "", 0)])[0]["n_count_1h"] for x in (1, 3, 2)] == [1, 2, 1]


def test_naive_times_are_utc() -> None:
    for moment in (BASE.replace(tzinfo=None), pd.Timestamp("2020-07-21T21:40:00")):
        step = step_of(aggregator("count", windows=FixedWindows(["1h"])), time_field="t")
        first, second = Event({"x": 1, "t": BASE}), Event({"x": 1, "t": moment})
        bodies = [event.body for item in (first, second) for event in step.process(item)]
        assert [body["n_count_1h"] for body in bodies] == [1, 2]


def test_body_wins_over_aggregates_and_aliases() -> None:
    table = Table("test")
    table["k"] = {"color": "red", "age": 5}
    step = AggregateByKey(
        [aggregator("sum", windows=FixedWindows(["1h"]))],
        table,
        aliases={"n_sum_1h": "total", "color": "paint"},
        enrich_with=["color", "weight"],
    )
    assert run(step, [({"x": 2}, "k", 0)]) == [{"total": 2.0, "x": 2, "paint": "red"}]
    assert run(step, [({"x": 3, "total": "mine"}, "k", 0)])[0]["total"] == "mine"
    step = step_of(
        aggregator("sum", windows=FixedWindows(["1h"])),
        augmentation_fn=lambda body, features: [body, features],
    )
    assert run(step, [({"x": 2}, "k", 0)]) == [[{"x": 2}, {"n_sum_1h": 2.0}]]


def test_every_third_event() -> None:
    step = step_of(
        aggregator("sum", windows=FixedWindows(["24h"])), emit_policy=EmitAfterMaxEvent(3)
    )
    found = run(step, [({"x": number}, f"{number % 2}", number) for number in range(13)])
    assert [(body["x"], body["n_sum_24h"]) for body in found] == [
        (4, 6),
        (5, 9),
        (10, 30),
        (11, 36),
    ]
    assert list(step.flush()) == []


def wait_for(sent: list[Event], count: int, seconds: float = 5.0) -> None:
    limit = time.monotonic() + seconds
    while len(sent) < count:
        assert time.monotonic() < limit, sent
        time.sleep(0.005)


def test_third_event_or_after_a_while() -> None:
    step = step_of(
        aggregator("count", windows=FixedWindows(["24h"])),
        emit_policy={"mode": "maxEvents", "maxEvents": 3, "timeout": 0.05},
    )
    sent: list[Event] = []
    step.connect(sent.append)
    assert run(step, [({"x": 0}, "a", 0), ({"x": 1}, "a", 1), ({"x": 2}, "b", 1)]) == []
    wait_for(sent, 2)
    assert [(event.key, event.body["x"], event.body["n_count_24h"]) for event in sent] == [
        ("a", 1, 2),
        ("b", 2, 1),
    ]
    found = run(step, [({"x": x}, "a", 2) for x in range(4)])
    assert [body["x"] for body in found] == [2]
    assert [event.body["x"] for event in step.flush()] == [3]
    step.close()


def test_after_a_delay() -> None:
    step = step_of(
        aggregator("count", windows=FixedWindows(["24h"])), emit_policy=EmitAfterDelay(0.05)
    )
    sent: list[Event] = []
    step.connect(sent.append)
    began = time.monotonic()
    assert run(step, [({"x": 0}, "a", 0), ({"x": 1}, "a", 1)]) == []
    wait_for(sent, 1)
    assert time.monotonic() - began >= 0.05
    assert [event.body["n_count_24h"] for event in sent] == [2]
    step.close()


@pytest.mark.parametrize("policy", [EmitAfterPeriod, EmitAfterWindow])
def test_by_the_clock(policy: type[EmitAfterPeriod] | type[EmitAfterWindow]) -> None:
    windows = SlidingWindows(["200ms", "1h"], "200ms")
    step = step_of(
        FieldAggregator("n", "x", ["count"], windows),
        emit_policy=policy(0.01, EmissionType.Incremental),
    )
    sent: list[Event] = []
    step.connect(sent.append)
    for key in ("a", "b", "a"):
        assert list(step.process(Event({"x": 1}, key=key))) == []
    wait_for(sent, 2)
    assert {event.key: event.body["n_count_1h"] for event in sent} == {"a": 2, "b": 1}
    moment = sent[0].body["time"]
    assert moment.microsecond % 200_000 == 0
    assert sent[0].time == moment
    assert sent[0].body["key"] == "a"
    time.sleep(0.3)
    assert len(sent) == 2  # nothing new
    step.close()


def test_in_a_graph() -> None:
    graph = flow()
    graph.to(
        "storey.AggregateByKey",
        "spent",
        aggregates=[{"name": "n", "column": "x", "operations": ["sum"], "windows": ["1h"]}],
        table="memory://graph-aggregates",
        key_field="user",
    ).to("storey.QueryByKey", "query", features=["n_max_1h"], table="memory://graph-aggregates",
         key_field="user").respond()  # fmt: skip
    server = type(graph).from_dict(graph.to_dict()).to_mock_server()
    for number in (1, 3, 2):
        answer = server.test(body={"x": number, "user": "ann"})
    server.wait_for_completion()
    assert answer == {"n_max_1h": 3.0, "n_sum_1h": 6.0, "x": 2, "user": "ann"}


@pytest.mark.parametrize("place", ["memory://async-aggregates", "sqlite:///{}/t.db#t"])
def test_concurrent_events(place: str, tmp_path: Path) -> None:
    graph = flow()
    row = {"name": "n", "column": "x", "operations": ["count"], "windows": ["1d"]}
    graph.to(
        "storey.AggregateByKey", "n", aggregates=[row], table=place.format(tmp_path), time_field="t"
    ).respond()
    server = graph.to_mock_server()

    async def run_all() -> list[Any]:
        events = [Event({"x": 1, "t": 0}, key=f"k{number % 2}") for number in range(60)]
        return await asyncio.gather(*(server.run_async(event) for event in events))

    counts = [answer.body["n_count_1d"] for answer in asyncio.run(run_all())]
    assert sorted(counts) == sorted([*range(1, 31), *range(1, 31)])
    server.wait_for_completion()


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"aggregates": "x"}, TypeError, "aggregates should be a list"),
        ({"aggregates": [5]}, TypeError, "aggregates should be a list"),
        ({"aggregates": [aggregator("sum")] * 2}, TypeError, "n already exists"),
        ({"aggregates": [{"name": "n"}]}, ValueError, "has no 'column'"),
        (
            {"aggregates": [{"name": "n", "column": "x", "operation": ["sum"], "windows": ["1h"]}]},
            ValueError,
            "has no 'operations'",
        ),
        ({"table": "users"}, TypeError, "Table can not be string if no context"),
        ({"table": {}}, TypeError, "not a Table"),
        ({"key_field": 5}, TypeError, "key_field is expected"),
        ({"key_field": ["a", 5]}, TypeError, "key_field is expected"),
        ({"time_field": 5}, TypeError, "time_field is expected"),
        ({"emit_policy": EmitEveryEvent}, TypeError, "Found EmitEveryEvent"),
        ({"windows": 5}, TypeError, "no argument 'windows'"),
    ],
)
def test_arguments_that_cannot_be(
    change: dict[str, Any], error: type[Exception], words: str
) -> None:
    arguments: dict[str, Any] = {"aggregates": [aggregator("sum")], "table": Table("t"), **change}
    with pytest.raises(error, match=words):
        AggregateByKey(**arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("", "x", ["sum"], FixedWindows(["1h"])), TypeError, "no name"),
        (("n", None, ["sum"], FixedWindows(["1h"])), TypeError, "neither a field"),
        (("n", "x", [], FixedWindows(["1h"])), ValueError, "no aggregates"),
        (("n", "x", ["median"], FixedWindows(["1h"])), ValueError, '"median" aggregator'),
        (("n", "x", ["sum"], ["1h"]), TypeError, "are no windows"),
        (("n", "x", ["sum"], FixedWindows(["1h"]), "x > 5"), TypeError, "aggr_filter expected"),
        (("n", "x", ["sum"], FixedWindows(["1h"]), None, "5"), TypeError, "not a number"),
    ],
)
def test_aggregators_that_cannot_be(
    arguments: tuple[Any, ...], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        FieldAggregator(*arguments)


@pytest.mark.parametrize(
    ("event", "options", "words"),
    [
        (Event([1], key="k"), {}, "must be a dictionary"),
        (Event({"x": "7"}, key="k"), {}, "'7' cannot be aggregated"),
        (Event({"x": [1]}, key="k"), {}, "cannot be aggregated"),
        (Event([1]), {"key_field": "x"}, "must be a dictionary"),
        (Event({"x": 1}), {"time_field": "t"}, "has no time"),
        (Event({"x": 1, "t": "soon"}), {"time_field": "t"}, "not a time"),
    ],
)
def test_events_that_cannot_be(event: Event, options: dict[str, Any], words: str) -> None:
    step = step_of(aggregator("sum"), **options)
    with pytest.raises(InvalidArgumentError, match=words):
        step.process(event)
    assert run(step, [({"x": 1, "t": 0}, "k", 0)])[0]["n_sum_1h"] == 1.0
