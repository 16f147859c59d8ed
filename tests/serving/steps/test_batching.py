from __future__ import annotations

import threading
import time
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.batching import Batch, GroupByKey


def lists(step: Batch, *events: Event) -> list[Any]:
    made = [batch for event in events for batch in step.process(event)]
    return [batch.body for batch in [*made, *step.flush()]]


def test_full_lists_go_at_once_and_the_rest_at_the_end() -> None:
    assert lists(Batch(4, 100), *map(Event, range(10))) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


def test_without_limits_there_is_one_list_at_the_end() -> None:
    assert lists(Batch(), *map(Event, range(3))) == [[0, 1, 2]]


def test_lists_of_events() -> None:
    events = [Event(n) for n in range(3)]
    assert lists(Batch(2, full_event=True), *events) == [events[:2], events[2:]]


def test_lists_of_parts_of_the_body() -> None:
    assert lists(Batch(2, input_path="a"), Event({"a": 1}), Event({"a": 2})) == [[1, 2]]


def test_lists_by_event_key() -> None:
    keys = "aaaabbbaaa"
    events = [Event(n, key=key) for n, key in enumerate(keys)]
    assert lists(Batch(5, 100, "$key"), *events) == [[0, 1, 2, 3, 7], [4, 5, 6], [8, 9]]


def test_lists_by_field_which_may_be_dropped() -> None:
    def bodies() -> list[Event]:
        return [Event({"f": n % 2, "d": n}) for n in range(4)]

    assert lists(Batch(2, key_field="f"), *bodies()) == [
        [{"f": 0, "d": 0}, {"f": 0, "d": 2}],
        [{"f": 1, "d": 1}, {"f": 1, "d": 3}],
    ]
    assert lists(Batch(2, key_field="f", drop_key_field=True), *bodies()) == [
        [{"d": 0}, {"d": 2}],
        [{"d": 1}, {"d": 3}],
    ]
    with pytest.raises(KeyError, match="f"):
        Batch(2, key_field="f").process(Event({}))


def test_lists_by_function() -> None:
    step = Batch(10, key_field=lambda event: event.body % 3 == 0)
    assert lists(step, *map(Event, range(1, 10))) == [[1, 2, 4, 5, 7, 8], [3, 6, 9]]


def test_the_events_of_a_list_stay_known() -> None:
    events = [Event(n) for n in range(2)]
    step = Batch(2)
    (batch,) = [made for event in events for made in step.process(event)]
    assert isinstance(batch, Event)
    assert batch.originals == events  # type: ignore[attr-defined]
    assert (batch.key, batch.id not in {e.id for e in events}) == (None, True)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ((0,), ValueError),
        ((-1,), ValueError),
        (("x",), TypeError),
        ((1.5,), TypeError),
        ((1, -1), ValueError),
        ((1, "x"), TypeError),
        ((1, 1, 5), ValueError),
    ],
)
def test_wrong_arguments(arguments: tuple[Any, ...], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        Batch(*arguments)


def test_group_by_key_is_a_batch_by_key() -> None:
    events = [Event({"value": n % 3, "data": n}) for n in range(9)]
    assert [
        [item["value"] for item in group] for group in lists(GroupByKey("value", 4), *events)
    ] == [
        [0, 0, 0],
        [1, 1, 1],
        [2, 2, 2],
    ]
    assert lists(GroupByKey(max_events=2), Event(1, key="a"), Event(2, key="b")) == [[1], [2]]


class Followers:
    def __init__(self, step: Batch) -> None:
        self.bodies: list[Any] = []
        self.times: list[float] = []
        self.came = threading.Event()
        step.connect(self.receive)

    def receive(self, event: Event) -> None:
        self.bodies.append(event.body)
        self.times.append(time.monotonic())
        self.came.set()


def test_a_list_does_not_wait_longer_than_its_time() -> None:
    step = Batch(10, 0.05)
    followers = Followers(step)
    began = time.monotonic()
    assert step.process(Event(1)) == step.process(Event(2)) == ()
    assert followers.came.wait(5)
    assert time.monotonic() - began >= 0.05
    assert followers.bodies == [[1, 2]]
    assert list(step.flush()) == []


def test_each_list_has_its_own_time() -> None:
    step = Batch(10, 0.1, "$key")
    followers = Followers(step)
    began = []
    for number, key in enumerate("ab"):
        began.append(time.monotonic())
        step.process(Event(number, key=key))
        time.sleep(0.05)
    while len(followers.bodies) < 2:
        followers.came.clear()
        assert followers.came.wait(5)
    assert followers.bodies == [[0], [1]]
    assert all(came - start >= 0.1 for came, start in zip(followers.times, began, strict=True))


def test_a_full_list_is_not_sent_again_by_the_clock() -> None:
    step = Batch(2, 0.05)
    followers = Followers(step)
    assert [made.body for n in range(2) for made in step.process(Event(n))] == [[0, 1]]
    step.process(Event(2))
    assert followers.came.wait(5)
    time.sleep(0.06)
    assert followers.bodies == [[2]]


def test_a_closed_step_does_not_emit() -> None:
    step = Batch(10, 0.03)
    followers = Followers(step)
    step.process(Event(1))
    assert [made.body for made in step.flush()] == [[1]]
    step.process(Event(2))
    step.close()
    assert not followers.came.wait(0.08)


def test_events_and_clock_at_once_lose_and_double_nothing() -> None:
    step = Batch(3, 0.0005, "$key")
    followers = Followers(step)
    made: list[Any] = []
    for n in range(3000):
        with step.lock:
            found = list(step.process(Event(n, key=n % 5)))
        made += [event.body for event in found]
    made += [event.body for event in step.flush()]
    time.sleep(0.02)
    everything = [n for batch in made + followers.bodies for n in batch]
    assert sorted(everything) == list(range(3000))


@settings(max_examples=60, deadline=None)
@given(
    events=st.lists(st.tuples(st.integers(0, 3), st.integers())),
    most=st.none() | st.integers(1, 5),
    by_key=st.booleans(),
)
def test_batch_never_loses_or_reorders(
    events: list[tuple[int, int]], most: int | None, by_key: bool
) -> None:
    step = Batch(most, key_field="$key" if by_key else None, full_event=True)
    found = lists(step, *(Event(body, key=key) for key, body in events))
    assert all(0 < len(batch) <= (most or len(events)) for batch in found)
    seen: dict[Any, list[int]] = defaultdict(list)
    sent: dict[Any, list[int]] = defaultdict(list)
    for batch in found:
        assert len({event.key for event in batch}) == 1 or not by_key
        for event in batch:
            seen[event.key if by_key else None].append(event.body)
    for key, body in events:
        sent[key if by_key else None].append(body)
    assert seen == sent
