"""Which event comes next."""

from __future__ import annotations

import random
import threading
import time

import pytest

from mlrun_like.gateway.triggers.event import Event
from mlrun_like.gateway.triggers.held import Held
from mlrun_like.gateway.triggers.lanes import Lanes


def event(body: str, key: str = "", shard: int = 0) -> Event:
    return Event(body.encode(), key=key, shard=shard, offset=body)


def taken(lanes: Lanes) -> list[str]:
    return [item.body.decode() for item in lanes.take() or ()]


def test_a_lane_is_one_at_a_time_and_others_go_on() -> None:
    lanes = Lanes("shard", 2)
    lanes.put([event("a1"), event("a2"), event("b1", shard=1)])
    first = lanes.take() or []
    assert taken(lanes) == ["b1"], "a2 waits for a1"
    lanes.again(first, first, 0.0)
    assert taken(lanes) == ["a1"]
    lanes.done(first)
    assert taken(lanes) == ["a2"]


def test_a_failed_event_without_order_holds_nobody_up() -> None:
    lanes = Lanes("none", 1)
    lanes.put([event("a"), event("b")])
    first = lanes.take() or []
    lanes.again(first, first, 0.05)
    assert taken(lanes) == ["b"]
    assert taken(lanes) == ["a"]
    lanes.done(first)
    assert lanes.waiting == 0


def test_a_batch_waits_for_its_last_event_and_no_longer() -> None:
    lanes = Lanes("none", 1, size=3, timeout=0.1)
    lanes.put([event("a"), event("b")])
    began = time.monotonic()
    assert taken(lanes) == ["a", "b"]
    assert time.monotonic() - began >= 0.09
    lanes.put([event(str(n)) for n in range(4)])
    assert taken(lanes) == ["0", "1", "2"]
    assert taken(lanes) == ["3"]


def test_events_of_a_failed_batch_come_alone_and_in_order() -> None:
    lanes = Lanes("shard", 1, size=3, timeout=0.0)
    lanes.put([event(str(n)) for n in range(5)])
    batch = lanes.take() or []
    for item in batch:
        item.alone = True
    lanes.again(batch, batch, 0.0)
    seen = []
    for _ in range(4):
        found = lanes.take() or []
        seen.append([item.body.decode() for item in found])
        lanes.done(found)
    assert seen == [["0"], ["1"], ["2"], ["3", "4"]]


def test_closing_wakes_those_who_wait() -> None:
    lanes = Lanes("none", 1)
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(lanes.take()))
    thread.start()
    lanes.close()
    thread.join(10)
    assert found == [None]


@pytest.mark.parametrize("order", ["shard", "key", "none"])
@pytest.mark.parametrize("size", [0, 4])
def test_nothing_is_lost_or_twice_under_failures(order: str, size: int) -> None:
    lanes = Lanes(order, 4, size, 0.01)
    count = 400
    done: list[Event] = []
    lock = threading.Lock()
    rng = random.Random(7)

    def work() -> None:
        while (batch := lanes.take()) is not None:
            with lock:
                failed = [item for item in batch if rng.random() < 0.2]
                done.extend(item for item in batch if item not in failed)
            lanes.again(batch, failed, 0.001) if failed else lanes.done(batch)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(0, count, 10):
        lanes.put([event(str(m), key=str(m % 7), shard=m % 3) for m in range(n, n + 10)])
    deadline = time.monotonic() + 30
    while len(done) < count and time.monotonic() < deadline:
        time.sleep(0.01)
    lanes.close()
    for thread in threads:
        thread.join(10)
    assert sorted(int(item.body) for item in done) == list(range(count))
    assert lanes.waiting == 0


def test_an_acknowledgement_may_come_before_the_answer() -> None:
    held = Held(0)
    held.acked({"topic": "", "partition": 0, "offset": "5-1"})
    held.settle(event("5-0"), kept=True)
    held.settle(event("5-2"), kept=True)
    assert [item.offset for item in held.take()] == ["5-0"]
    assert held.count == 1


def test_a_window_keeps_the_newest_back() -> None:
    held = Held(2)
    for n in range(5):
        held.settle(event(str(n)), kept=False)
    assert [item.offset for item in held.take()] == ["0", "1", "2"]


def test_what_waits_of_a_shard_that_went_elsewhere_is_dropped() -> None:
    for order in ("shard", "none"):
        lanes = Lanes(order, 1)
        lanes.put([event("a1"), event("a2"), event("b1", shard=1), event("b2", shard=1)])
        under_way = lanes.take() or []
        assert lanes.drop({("", 0)}) == 1 and lanes.waiting == 2
        lanes.done(under_way)
        first = lanes.take() or []
        lanes.done(first)
        assert [item.body for item in first] == [b"b1"] and taken(lanes) == ["b2"]
        assert lanes.drop({("", 0)}) == 0


def test_a_shard_that_went_elsewhere_holds_nothing_here() -> None:
    held = Held(0)
    held.settle(event("1"), kept=True)
    held.settle(event("1", shard=1), kept=True)
    held.forget({("", 0)})
    assert held.count == 1
    held.acked({"topic": "", "partition": 0, "offset": 1})
    assert held.take() == []
