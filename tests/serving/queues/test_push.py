"""Events that end at a stream."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from mlrun_like.errors import StepError, StoreUnavailableError
from mlrun_like.names import new_uid
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.queues.push import QueuePush
from mlrun_like.serving.queues.pusher import Pusher
from mlrun_like.streams.base import Record
from mlrun_like.streams.memory import MemoryStream
from mlrun_like.streams.opening import open_stream


def same(body: Any) -> Any:
    return body


def plus(body: int) -> int:
    return body + 1


def test_a_graph_that_ends_at_a_queue_pushes_to_its_stream() -> None:
    name = f"memory://{new_uid()}"
    graph = flow()
    graph.to(abs, "size").to(">>", "out", path=name, shards=2, group="g", trigger_args={"x": 1})
    server = graph.to_mock_server()
    assert server.test(body=-3) is None
    with open_stream(name) as stream, stream.consumer("g") as consumer:
        assert stream.shards == 2
        assert [record.body for record in consumer.read(10, 0)] == [b"3"]
        stream.delete()


def test_a_dummy_stream_shows_what_was_pushed() -> None:
    graph = flow(engine="async")
    graph.to(same).to(">>", "out", path="dummy://", retention_in_hours=1)
    server = graph.to_mock_server()
    assert "id" in server.test(body={"x": 1})
    server.test(body=[1, 2])  # MLRun: a list is several events
    server.test(body="text", content_type="text/plain")
    step = server.plan.nodes["out"].bound.made
    assert step.stream.event_list == [{"x": 1}, 1, 2, "text"]


def test_events_without_a_body_are_not_pushed() -> None:
    step = QueuePush("dummy://")
    step.process(Event(None))
    asyncio.run(_pushed(step, Event(None)))
    asyncio.run(_pushed(step, Event(7)))
    assert step.stream.event_list == [7]  # type: ignore[attr-defined]


async def _pushed(step: QueuePush, event: Event) -> Any:
    return await step.process_async(event)


def test_a_full_event_keeps_its_key_and_id() -> None:
    step = QueuePush(f"memory://{new_uid()}", full_event=True, groups=["g"])
    step.process(Event({"x": 1}, id="a", key="k"))
    with step.stream.consumer("g") as consumer:
        (record,) = consumer.read(1, 0)
    assert record.key == "k"
    assert b'"full_event_wrapper":true' in record.body


def test_many_callers_of_an_event_loop_share_pushes() -> None:
    pushes: list[int] = []

    class Slow(MemoryStream):
        def push_records(self, records: Any) -> None:
            time.sleep(0.02)
            pushes.append(len(records))
            super().push_records(records)

    graph = flow()
    graph.to(plus).to(">>", "out", path="memory://")
    server = graph.to_mock_server()
    step = server.plan.nodes["out"].bound.made
    step._opened = Slow("memory://")

    async def many() -> None:
        answers = await asyncio.gather(*[server.run_async(Event(n)) for n in range(100)])
        assert all(answer.status_code == 204 for answer in answers)

    start = time.monotonic()
    asyncio.run(many())
    assert time.monotonic() - start < 1
    assert sum(pushes) == 100
    assert len(pushes) <= 5
    server.close()


def test_a_push_that_fails_fails_for_each_of_its_callers() -> None:
    class Broken(MemoryStream):
        def push_records(self, records: Any) -> None:
            raise StoreUnavailableError("down")

    pusher = Pusher(Broken("memory://"))
    futures = [pusher.push(Record(b"x")) for _ in range(3)]
    for future in futures:
        with pytest.raises(StoreUnavailableError):
            future.result(5)
    pusher.close()
    graph = flow()
    graph.to(same).to(">>", "out", path="memory://")
    server = graph.to_mock_server()
    server.plan.nodes["out"].bound.made._opened = Broken("memory://")
    with pytest.raises(StepError, match="down") as info:
        server.test(body=1)
    assert info.value.status == 503


def test_a_closed_pusher_has_pushed_everything_and_may_go_on() -> None:
    stream = MemoryStream("memory://")
    pusher = Pusher(stream)
    for n in range(10):
        pusher.push(Record(b"%d" % n))
    pusher.close()
    assert stream.depth("g") == 10
    pusher.push(Record(b"x")).result(5)
    assert stream.depth("g") == 11
    pusher.close()
    assert not [t for t in threading.enumerate() if t.name == "stream-push"]


def test_the_stream_is_opened_when_the_first_event_comes() -> None:
    graph = flow()
    graph.to(same).to(">>", "out", path="redis://127.0.0.1:1/x", timeout=0.1)
    server = graph.to_mock_server()
    with pytest.raises(StepError, match="cannot be reached"):
        server.test(body=1)
    server.close()
