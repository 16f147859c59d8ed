from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.ending import Complete, Reduce
from mlrun_like.serving.steps.maps import Map
from mlrun_like.serving.stream_flow.results import AwaitableResult


def test_reduce_folds_bodies_or_events() -> None:
    total = Reduce(1, lambda value, body: value + body)
    keys = Reduce("", lambda value, event: value + event.key, full_event=True)
    part = Reduce(0, lambda value, body: value + body, input_path="a.b")
    for n in (2, 3):
        assert total.process(Event(n)) == keys.process(Event(n, key="k")) == ()
        part.process(Event({"a": {"b": n}}))
    assert (total.result(), keys.result(), part.result()) == (6, "kk", 5)
    total.begin()
    assert total.result() == 1


def test_reduce_may_be_async() -> None:
    async def add(value: int, body: int) -> int:
        return value + body

    step = Reduce(1, add)
    assert asyncio.run(step.process(Event(4))) == ()  # type: ignore[arg-type]
    assert step.result() == 5


def test_nothing_follows_reduce() -> None:
    with pytest.raises(ValueError, match=r"Reduce is a terminal step\. It cannot be piped"):
        Reduce(0, max).to(Map(abs))
    with pytest.raises(TypeError, match="Expected a callable"):
        Reduce(0, 3)  # type: ignore[arg-type]


def awaited_event(body: Any) -> tuple[Event, AwaitableResult]:
    event = Event(body, key="k")
    result = AwaitableResult()
    event._awaitable_result = result  # type: ignore[attr-defined]
    return event, result


def test_complete_gives_body_part_or_event() -> None:
    event, result = awaited_event({"a": 1})
    assert Complete().do_event(event) is event
    assert result.await_result() == {"a": 1}
    event, result = awaited_event({"a": 1})
    Complete(input_path="a").do_event(event)
    assert result.await_result() == 1
    event, result = awaited_event({"a": 1})
    Complete(full_event=True).do_event(event)
    event.body = "later steps change it"
    assert (result.await_result().body, result.await_result().key) == ({"a": 1}, "k")


def test_complete_passes_events_for_which_nobody_waits() -> None:
    event = Event(1)
    assert Complete().do_event(event) is event
    event._awaitable_result = None  # type: ignore[attr-defined]
    assert Complete().do_event(event) is event


def test_complete_answers_all_events_of_a_batch() -> None:
    pairs = [awaited_event(n) for n in range(2)]
    batch = Event([0, 1])
    batch.originals = [event for event, _ in pairs] + [Event(3)]  # type: ignore[attr-defined]
    Complete().do_event(batch)
    assert [result.await_result() for _, result in pairs] == [[0, 1], [0, 1]]
