"""Cron: which times become events, which are told as missed, what a kill leaves."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.gateway.triggers.clock import ClockSource
from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.gateway.triggers.event import Event
from mlrun_like.gateway.triggers.running import Running

Wait = Callable[..., Any]
Run = Callable[..., Running]


def clock(home: Path, **attributes: Any) -> ClockSource:
    config = TriggerConfig.read("p/f", "t", {"kind": "cron", "attributes": attributes})
    found = ClockSource(config, home)
    found.open()
    return found


def read(found: ClockSource, count: int) -> list[Event]:
    events: list[Event] = []
    deadline = time.monotonic() + 20
    while len(events) < count and time.monotonic() < deadline:
        events += found.read(10, 0.05)
    return events


def test_an_interval_brings_events_with_body_and_headers(home: Path) -> None:
    found = clock(home, interval="50ms", event={"body": "go", "headers": {"A": 1}})
    one, two = read(found, 2)
    assert (one.body, one.headers["a"], one.content_type) == (b"go", "1", "text/plain")
    assert one.id != two.id
    assert two.time > one.time
    found.ack([one, two])
    found.close()


def test_bodies_may_be_json(home: Path) -> None:
    found = clock(home, interval="50ms", event={"body": {"x": 1}})
    (event,) = read(found, 1)
    assert event.body == b'{"x":1}'
    found.close()
    found = clock(home, interval="40ms", event={"body": '{"x": 2}'})
    (event,) = read(found, 1)
    assert event.content_type == "application/json"
    found.close()


def test_a_schedule_with_seconds(home: Path) -> None:
    found = clock(home, schedule="* * * * * *")
    one, two = read(found, 2)
    assert two.time - one.time == pytest.approx(1.0)
    assert one.time == int(one.time)
    found.close()


def test_every_is_an_interval(home: Path) -> None:
    found = clock(home, schedule="@every 30ms")
    assert len(read(found, 2)) == 2
    found.close()


def test_a_time_that_was_begun_comes_again_after_a_kill(home: Path) -> None:
    first = clock(home, interval="50ms")
    (event,) = read(first, 1)  # never acknowledged
    second = clock(home, interval="50ms")
    assert second.read(10, 0.0)[0].time == event.time
    first.close()
    second.close()


def test_missed_times_are_told_and_not_made_up_for(home: Path) -> None:
    found = clock(home, interval="100ms")
    found.ack(read(found, 1))
    assert found._ledger is not None
    found._ledger.keep("last", repr(time.time() - 10.0))
    found.close()
    again = clock(home, interval="100ms")
    assert "were missed" in again.notes[0]
    (event,) = read(again, 1)
    assert 70 <= int(event.headers["missed-ticks"]) <= 110
    assert "missed-ticks" not in read(again, 1)[0].headers
    again.close()


def test_catching_up_is_one_event(home: Path) -> None:
    found = clock(home, schedule="0 0 * * *")
    assert found._ledger is not None
    found._ledger.keep("last", repr(time.time() - 5 * 86_400))
    found.close()
    again = clock(home, schedule="0 0 * * *", catchUp=True)
    (event,) = again.read(10, 0.0)
    assert event.headers["missed-ticks"] in ("4", "5")
    assert again.read(10, 0.0) == []
    again.close()


@pytest.mark.slow
def test_forbid_leaves_times_out_while_one_is_worked_on(plane: Any, run: Run, wait: Wait) -> None:
    leave = threading.Event()
    plane.respond = lambda request: (leave.wait(20), (200, b"", {}))[1]
    running = run({"kind": "cron", "attributes": {"interval": "50ms"}})
    wait(lambda: running.status()["skipped"] >= 3)
    assert len(plane.requests) == 1
    leave.set()
    wait(lambda: running.status()["events"] >= 2)
    assert plane.most == 1


@pytest.mark.slow
def test_allow_lets_them_overlap(plane: Any, run: Run, wait: Wait) -> None:
    plane.slow(0.5)
    run({"kind": "cron", "attributes": {"interval": "50ms", "concurrencyPolicy": "Allow"}})
    wait(lambda: plane.most >= 3)


@pytest.mark.slow
def test_replace_breaks_the_earlier_one_off(plane: Any, run: Run, wait: Wait) -> None:
    plane.slow(1.0)
    attributes = {"interval": "200ms", "concurrencyPolicy": "Replace"}
    running = run({"kind": "cron", "attributes": attributes})
    wait(lambda: len(plane.requests) >= 3)
    wait(lambda: running.status()["skipped"] >= 2)
    assert running.status()["errors"] == 0
    ids = [request.headers["x-mlrun-like-event-id"] for request in plane.requests]
    assert len(set(ids)) == len(ids), "a replaced event is not tried again"


@pytest.mark.slow
def test_a_failed_tick_is_tried_again_as_its_limit_says(plane: Any, run: Run, wait: Wait) -> None:
    plane.respond = lambda request: (500, b"", {})
    attributes = {"interval": "1s", "jobBackoffLimit": 1, "event": {"body": "x"}}
    running = run({"kind": "cron", "attributes": attributes})
    wait(lambda: running.status()["dead_letters"] == 1)
    first, second = plane.requests[:2]
    assert first.headers["x-mlrun-like-event-id"] == second.headers["x-mlrun-like-event-id"]
