"""Named events and ended runs: whom they reach, in order, and after a kill."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.gateway.places import gateway_home
from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.gateway.triggers.event import Event
from mlrun_like.gateway.triggers.events import EventsSource
from mlrun_like.gateway.triggers.running import Running
from mlrun_like.gateway.triggers.spool import Spool, post_event

Wait = Callable[..., Any]
Run = Callable[..., Running]


@pytest.fixture
def folder(home: Path) -> Path:
    found = gateway_home()
    (found / "functions").mkdir(parents=True)
    return found


def source(folder: Path, name: str = "t", **attributes: Any) -> EventsSource:
    config = TriggerConfig.read("p/f", name, {"kind": "events", "attributes": attributes})
    found = EventsSource(config, folder)
    found.open()
    return found


def told(events: list[Event]) -> list[tuple[str, Any]]:
    rows = [json.loads(event.body) for event in events]
    return [(row["name"], row["data"].get("n")) for row in rows]


def test_nobody_waits_where_nothing_was_deployed(home: Path) -> None:
    assert post_event("drift") is False


def test_events_reach_those_that_want_them(folder: Path) -> None:
    assert post_event("before", {"n": 0})
    drift, all_of_them, other = (
        source(folder, "a", events=["drift*"]),
        source(folder, "b"),
        source(folder, "c", projects=["other"]),
    )
    post_event("drift-high", {"n": 1})
    post_event("promoted", {"n": 2}, project="other")
    post_event("alert", {"n": 3}, project="p")
    assert told(drift.read(10, 0.0)) == [("drift-high", 1)]
    assert told(all_of_them.read(10, 0.0)) == [("drift-high", 1), ("alert", 3)]
    assert told(other.read(10, 0.0)) == [("drift-high", 1), ("promoted", 2)]
    for found in (drift, all_of_them, other):
        assert found.read(10, 0.0) == []
        found.close()


def test_what_was_not_acknowledged_comes_again(folder: Path) -> None:
    first = source(folder)
    for n in range(4):
        post_event("e", {"n": n})
    events = first.read(10, 0.0)
    first.ack([events[0], events[2]])  # the third waits for the second
    second = source(folder)
    again = second.read(10, 0.0)
    assert [n for _, n in told(again)] == [1, 2, 3]
    second.ack(again)
    third = source(folder)
    assert third.read(10, 0.0) == []
    for found in (first, second, third):
        found.close()


def test_events_that_nobody_wants_are_passed_over(folder: Path) -> None:
    found = source(folder, events=["wanted"])
    for _ in range(50):
        post_event("other")
    post_event("wanted", {"n": 1})
    deadline = time.monotonic() + 10
    events: list[Event] = []
    while not events and time.monotonic() < deadline:
        events = found.read(5, 0.0)
    assert told(events) == [("wanted", 1)]
    found.ack(events)
    found.close()
    spool = Spool(folder)
    assert spool.upto("p/f/t") == 51
    spool.close()


def test_ended_runs_are_events_once(folder: Path) -> None:
    import mlrun_like

    found = source(folder, runs={"states": ["completed"]}, interval="10ms")
    assert found.read(10, 0.0) == []

    def work(context: Any) -> None:
        context.log_result("accuracy", 0.9)

    project = "p"
    function = mlrun_like.new_function("work", kind="local", project=project)
    function.run(handler=work, project=project)
    deadline = time.monotonic() + 20
    events: list[Event] = []
    while not events and time.monotonic() < deadline:
        events = found.read(10, 0.1)
    row = json.loads(events[0].body)
    assert row["name"] == "run-ended"
    assert row["data"]["state"] == "completed"
    assert row["data"]["results"] == {"accuracy": 0.9}
    found.close()
    again = source(folder, runs={"states": ["completed"]}, interval="10ms")
    assert len(again.read(10, 0.0)) == 1, "it was not acknowledged"
    again.ack(again.read(10, 0.0))
    again.close()


@pytest.mark.slow
def test_an_event_wakes_a_function(plane: Any, run: Run, wait: Wait, folder: Path) -> None:
    running = run({"kind": "events", "attributes": {"events": ["drift"]}}, home=folder)
    wait(lambda: running.status()["state"] == "connected")
    post_event("drift", {"feature": "age"}, "p")
    wait(lambda: plane.requests)
    (request,) = plane.requests
    assert request.headers["event-name"] == "drift"
    assert json.loads(request.body)["data"] == {"feature": "age"}
