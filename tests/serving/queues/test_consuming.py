"""Functions that read queues: in one process, over streams in memory."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlrun_like.errors import GraphError, InvalidArgumentError, RunTimeoutError
from mlrun_like.names import new_uid
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.observer import Observer
from mlrun_like.serving.protocol import Step
from mlrun_like.serving.queues.consuming import StreamWorker
from mlrun_like.serving.queues.dead_letters import put_back
from mlrun_like.serving.queues.in_process import in_process
from mlrun_like.serving.queues.options import ConsumeOptions
from mlrun_like.serving.queues.workers import worker_of
from mlrun_like.streams.base import Consumer, Record, Stream
from mlrun_like.streams.opening import open_stream


class World:
    """A graph with one function between two queues."""

    def __init__(self) -> None:
        self.name = new_uid()
        self.into = open_stream(self.url("in"))
        self.out = open_stream(self.url("out"))
        self.dead = open_stream(self.url("in-dead-letters"))

    def url(self, name: str) -> str:
        return f"memory://{self.name}-{name}"

    def graph(self, *steps: Any, **options: Any) -> Graph:
        graph = flow()
        last: Any = graph.to(">>", "in", path=self.url("in"), **options)
        for number, step in enumerate(steps):
            last = last.to(step, f"step{number}", function="f")
        last.to(">>", "out", path=self.url("out"))
        return graph

    def run(self, graph: Graph, until: Callable[[], Any], **options: Any) -> StreamWorker:
        """Run the function until something is so."""
        worker = worker_of(graph, "f", options=ConsumeOptions(**{"backoff": 0.01, **options}))
        thread = threading.Thread(target=worker.run)
        thread.start()
        try:
            wait_until(until)
        finally:
            worker.stop()
            thread.join(20)
            worker.server.close()
        assert not thread.is_alive()
        return worker

    def drained(self) -> bool:
        return self.into.depth("f-consumer-group") == 0


def wait_until(happens: Callable[[], Any], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


def contents(stream: Stream) -> list[Any]:
    with stream.consumer(new_uid()) as consumer:
        return [value(record.body) for record in consumer.read(100_000, 0)]


def value(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:  # text is pushed as it is
        return body.decode()


def same(body: Any) -> Any:
    return body


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    for stream in (made.into, made.out, made.dead):
        stream.delete()


def test_events_go_through_in_order(world: World) -> None:
    world.into.push([{"n": n} for n in range(3000)])
    worker = world.run(world.graph(lambda body: body["n"] * 2), world.drained)
    assert contents(world.out) == [n * 2 for n in range(3000)]
    assert (worker.done, worker.dead) == (3000, 0)


def test_nothing_is_acknowledged_before_its_results_are_stored(world: World) -> None:
    """While the next stream refuses, inputs stay; afterwards nothing is missing or doubled."""
    world.into.push([1, 2, 3])
    worker = worker_of(world.graph(abs), "f")
    (push,) = worker._runner.pushes
    real = push.stream
    push._opened = broken = _Broken("memory://", 3)
    broken.real = real
    thread = threading.Thread(target=worker.run)
    thread.start()
    wait_until(lambda: broken.left == 0)
    assert world.into.depth("f-consumer-group") == 3
    wait_until(world.drained)
    worker.stop()
    thread.join()
    assert contents(world.out) == [1, 2, 3]


class _Broken(Stream):
    """A stream that cannot be reached a few times."""

    shards = 1
    in_memory = False

    def __init__(self, url: str, times: int) -> None:
        self.url = self.name = url
        self.left = times
        self.real: Stream | None = None

    def push_records(self, records: Any) -> None:
        from mlrun_like.errors import StoreUnavailableError

        if self.left:
            self.left -= 1
            raise StoreUnavailableError("down")
        assert self.real is not None
        self.real.push_records(records)

    def consumer(self, group: str, name: str = "", shards: Any = None) -> Any:
        raise NotImplementedError

    def depth(self, group: str) -> int:
        return 0

    def create(self, groups: Any = ()) -> None:
        """Nothing to make."""

    def delete(self) -> None:
        """Nothing to remove."""

    def close(self) -> None:
        """Nothing to release."""


def test_a_failing_event_is_tried_again_and_then_kept_with_the_reason(world: World) -> None:
    tried: Counter[int] = Counter()

    def work(body: dict[str, int]) -> int:
        tried[body["n"]] += 1
        if body["n"] == 2 or (body["n"] == 5 and tried[5] < 3):
            raise RuntimeError(f"no {body['n']}")
        return body["n"]

    world.into.push_records([Record(b'{"n": %d}' % n, f"k{n}", {"h": "v"}) for n in range(8)])
    worker = world.run(world.graph(work), world.drained)
    assert sorted(contents(world.out)) == [0, 1, 3, 4, 5, 6, 7]
    assert (tried[2], tried[5], tried[1]) == (3, 3, 1)
    (letter,) = contents(world.dead)
    expected = {
        "error": "RuntimeError: no 2", "step": "step0", "attempts": 3, "function": "f",
        "key": "k2", "body": '{"n": 2}', "headers": {"h": "v"}, "stream": world.url("in"),
    }  # fmt: skip
    assert {key: letter[key] for key in expected} == expected
    assert letter["event_id"].endswith("/0/2")
    assert worker.dead == 1


def test_errors_of_the_event_itself_are_not_tried_again(world: World) -> None:
    calls = []

    def refuse(body: Any) -> Any:
        calls.append(body)
        raise InvalidArgumentError("no such user")

    world.into.push([1])
    world.run(world.graph(refuse), world.drained)
    assert calls == [1]
    assert contents(world.dead)[0]["attempts"] == 1


def test_a_failing_event_holds_up_its_key_and_nobody_else(world: World) -> None:
    first_failed = threading.Event()
    order: list[str] = []

    def work(body: str) -> str:
        if body == "a1" and "a1!" not in order:
            order.append("a1!")
            raise RuntimeError("not yet")
        order.append(body)
        return body

    for body in ("a1", "b1", "a2", "b2", "c1"):
        world.into.push(json.dumps(body), partition_key=body[0])
    world.run(world.graph(work), world.drained, backoff=0.2)
    assert not first_failed.is_set()
    assert order == ["a1!", "b1", "b2", "c1", "a1", "a2"]


def test_what_a_failing_event_gave_to_one_queue_is_taken_back(world: World) -> None:
    tried: Counter[Any] = Counter()

    def fails_once(body: int) -> int:
        tried[body] += 1
        if tried[body] == 1:
            raise RuntimeError("once")
        return body

    graph = flow()
    graph.to(">>", "in", path=world.url("in"))
    graph.add_step(abs, "size", after="in", function="f")
    graph.add_step(">>", "early", after="size", path=world.url("out"))
    graph.add_step(fails_once, "late", after="size", function="f")
    world.into.push([1, 2])
    world.run(graph, world.drained)
    assert sorted(contents(world.out)) == [1, 2]


def test_async_steps_run_together_but_one_key_in_turn(world: World) -> None:
    running: Counter[str] = Counter()
    most: Counter[str] = Counter()

    async def work(body: str) -> str:
        key = body[0]
        running["all"] += 1
        running[key] += 1
        most["all"] = max(most["all"], running["all"])
        most[key] = max(most[key], running[key])
        await asyncio.sleep(0.01)
        running["all"] -= 1
        running[key] -= 1
        if body == "b3":
            raise RuntimeError("never")
        return body

    for n in range(5):
        for key in "abcd":
            world.into.push(json.dumps(f"{key}{n}"), partition_key=key)
    world.run(world.graph(work), world.drained, max_in_flight=3)
    assert most["all"] == 3
    assert all(most[key] == 1 for key in "abcd")
    found = contents(world.out)
    for key in "abcd":
        own = [body for body in found if body[0] == key]
        assert own == [f"{key}{n}" for n in range(5) if (key, n) != ("b", 3)]
    assert len(contents(world.dead)) == 1


class Pairs(Step):
    """Holds every other event back."""

    kind = "many"
    collects = True

    def __init__(self) -> None:
        self.held: list[Event] = []

    def process(self, event: Event) -> list[Event]:
        self.held.append(event)
        return self.flush() if len(self.held) == 2 else []

    def flush(self) -> list[Event]:
        if not self.held:
            return []
        found = self.held[0].with_body([event.body for event in self.held])
        self.held = []
        return [found]


def test_held_events_are_acknowledged_when_they_were_given(world: World) -> None:
    world.into.push([1, 2, 3])
    graph = world.graph(Pairs)
    worker = world.run(graph, lambda: world.out.depth("nobody") == 1, commit_seconds=3600)
    assert contents(world.out) == [[1, 2], [3]]  # the last one when the function stopped
    assert world.drained()
    assert worker.done == 3
    world.into.push([4])
    world.run(graph, world.drained, commit_seconds=0.1)
    assert contents(world.out)[-1] == [4]


def test_a_function_that_dies_with_held_events_gets_them_again(world: World) -> None:
    world.into.push([1, 2, 3])
    worker = worker_of(world.graph(Pairs), "f")
    consumer = world.into.consumer(worker.group)
    worker._settle(consumer, worker._runner.run(consumer.read(10, 0)))
    assert world.into.depth(worker.group) == 3
    consumer.close()  # as far as the stream can tell, it died
    world.run(world.graph(Pairs), lambda: world.out.depth("nobody") >= 2)
    assert contents(world.out) == [[1, 2], [1, 2], [3]]


def test_reading_stops_while_the_next_function_is_behind(world: World) -> None:
    graph = world.graph(abs)
    graph["out"].class_args["max_depth"] = 50
    graph.add_step(abs, "next", after="out", function="g")
    world.out.create(["g-consumer-group"])
    world.into.push(list(range(200)))
    worker = worker_of(graph, "f", options=ConsumeOptions(batch=20))
    thread = threading.Thread(target=worker.run)
    thread.start()
    wait_until(lambda: worker._pressure.is_high())
    time.sleep(0.3)
    before = world.out.depth("g-consumer-group")
    time.sleep(0.6)
    assert world.out.depth("g-consumer-group") == before < 100
    with world.out.consumer("g-consumer-group") as consumer:
        got = 0
        while got < 200:
            records = consumer.read(100, 2)
            consumer.ack(records)
            got += len(records)
    worker.stop()
    thread.join()


def test_too_many_deaths_make_a_dead_letter(world: World) -> None:
    world.into.push(["poison", "good"])
    for _ in range(3):
        world.into.consumer("f-consumer-group", "f").read(1, 0)
    world.run(world.graph(same), world.drained, deliveries=3, name="f")
    assert contents(world.out) == ["good"]
    assert "the process died" in contents(world.dead)[0]["error"]


def test_dead_letters_are_put_back(world: World) -> None:
    broken = True

    def work(body: str) -> str:
        if broken:
            raise RuntimeError("broken")
        return body

    world.into.push_records([Record(b'"\xc3\xa9"', "k"), Record(b"\xff\x00")])
    world.run(world.graph(work), world.drained)
    broken = False
    assert put_back(world.dead, world.into, most=1) == 1
    assert put_back(world.dead, world.into) == 1
    assert put_back(world.dead, world.into) == 0
    graph = world.graph(lambda body: work(body) if isinstance(body, str) else list(body))
    world.run(graph, world.drained)
    assert sorted(map(str, contents(world.out))) == ["[255, 0]", "é"]


def test_a_record_the_next_stream_refuses_becomes_a_dead_letter(world: World) -> None:
    class Refusing(_Broken):
        def push_records(self, records: Any) -> None:
            if any(b"bad" in record.body for record in records):
                raise InvalidArgumentError("too large")
            super().push_records(records)

    world.into.push(["good", "bad", "fine"])
    worker = worker_of(world.graph(same), "f")
    refusing = Refusing("memory://", 0)
    refusing.real = worker._runner.pushes[0].stream
    worker._runner.pushes[0]._opened = refusing
    thread = threading.Thread(target=worker.run)
    thread.start()
    wait_until(world.drained)
    worker.stop()
    thread.join()
    assert contents(world.out) == ["good", "fine"]
    assert contents(world.dead)[0]["body"] == "bad"


def test_observers_see_events_of_streams(world: World) -> None:
    class Seen(Observer):
        steps = False

        def __init__(self) -> None:
            self.events: list[tuple[str, bool]] = []

        def begin(self, event: Event) -> None:
            self.events.append((event.id, False))

        def end(self, event: Event, response: Any, error: BaseException | None) -> None:
            self.events.append((event.id, error is not None))

    world.into.push([1, "x"])
    worker = worker_of(world.graph(abs), "f", options=ConsumeOptions(attempts=1))
    seen = Seen()
    worker.server.observe(seen)
    worker._runner.run(world.into.consumer(worker.group).read(10, 0))
    first, second = (f"{world.name}-in/0/{n}" for n in (0, 1))
    assert seen.events == [(first, False), (first, False), (second, False), (second, True)]


def test_batches_are_small_while_steps_are_slow(world: World) -> None:
    world.into.push(list(range(40)))
    sizes = []

    def slow(body: int) -> int:
        time.sleep(0.02)
        return body

    worker = worker_of(world.graph(slow), "f")
    read = worker._read

    def noted(consumer: Consumer) -> list[Record]:
        records = read(consumer)
        sizes.append(len(records))
        return records

    worker._read = noted  # type: ignore[method-assign]
    thread = threading.Thread(target=worker.run)
    thread.start()
    wait_until(world.drained)
    worker.stop()
    thread.join()
    assert sizes[0] == 32
    assert 0 < max(sizes[1:]) <= 16


def test_all_functions_in_one_process(world: World) -> None:
    graph = flow()
    graph.to(abs, "size").to(">>", "in", path=world.url("in"), shards=2)
    graph.add_step("math.sqrt", "root", after="in", function="rooter")
    graph.add_step(">>", "mid", after="root", path=world.url("mid"))
    graph.add_step(lambda body: body + 1, "plus", after="mid", function="adder")
    graph.add_step(">>", "out", after="plus", path=world.url("out"))
    with in_process(graph) as running:
        for n in range(20):
            assert running.test(body=-(n * n)) is None
        running.drain()
    assert sorted(contents(world.out)) == [n + 1.0 for n in range(20)]
    assert graph.to_mock_server().test(body=-9) is None  # queues between functions are skipped
    assert len(contents(world.out)) == 21


def test_draining_says_who_is_not_done(world: World) -> None:
    graph = flow()
    graph.to(">>", "in", path=world.url("in"))
    graph.add_step(lambda body: time.sleep(0.5), "slow", after="in", function="sleeper")
    with in_process(graph) as running:
        running.test(body=1)
        with pytest.raises(RunTimeoutError, match="sleeper"):
            running.drain(timeout=0.05)


def test_a_function_without_a_queue_needs_a_source(world: World) -> None:
    graph = flow()
    graph.to(abs, "size").to(">>", "out", path=world.url("out"))
    with pytest.raises(GraphError, match="no queue comes before"):
        worker_of(graph)
    world.into.push([-3])
    worker = worker_of(graph, source=world.url("in"), group="mine")
    assert worker.group == "mine"
    worker._settle(consumer := world.into.consumer("mine"), worker._runner.run(consumer.read(1, 0)))
    assert contents(world.out) == [3]


@pytest.mark.parametrize(
    "options",
    [
        {"batch": 0}, {"attempts": True}, {"deliveries": 2}, {"max_in_flight": 1.5},
        {"backoff": -1}, {"backoff": "x"}, {"commit_seconds": 1e9}, {"max_depth": 0},
    ],
)  # fmt: skip
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match=next(iter(options))):
        ConsumeOptions(**options)


def test_merged_branches_are_done_at_once() -> None:
    graph = flow(engine="async")
    start = graph.to(name="in", handler="(event)").to("$queue", "q", path="memory://merged-in")
    start.to(name="s", handler="(event)", function="child")
    graph["s"].to(name="a", handler="(event + 1)", function="child")
    graph["s"].to(name="b", handler="(event)", function="child")
    merged = graph.add_step("Merge", "m", after=["a", "b"], function="child")
    merged.to("$queue", "out", path="memory://merged-out")
    with in_process(graph) as running:
        for number in range(5):
            running.server.test(body=number)
        running.drain(5)
