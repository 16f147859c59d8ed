from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from mlrun_like.errors import NotFoundError
from mlrun_like.serving.batching import Batcher
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.observe.metrics import Metrics, render
from mlrun_like.serving.server import GraphServer

P = "mlrun_like_serving_"


def samples(text: bytes) -> dict[tuple[str, tuple[str, ...]], float]:
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            names = sorted(sample.labels, key=lambda name: (name == "le", name == "error"))
            labels = tuple(sample.labels[name] for name in names)
            found[sample.name.removeprefix(P), labels] = sample.value
    return found


def work(body: Any) -> Any:
    if body == "missing":
        raise NotFoundError("no such user")
    if body == "bug":
        raise ZeroDivisionError("x")
    if body == "teapot":
        return Response("short and stout", 418)
    time.sleep(body / 1000)
    return body


def served(*observers: Any) -> GraphServer:
    graph = flow()
    graph.to(lambda body: body, "first").to(work, "work")
    server = graph.to_mock_server()
    server.observe(*observers)
    return server


def test_requests_steps_and_errors() -> None:
    metrics = Metrics()
    server = served(metrics)
    for body in (1, 1, 30, "missing", "bug", "teapot"):
        server.test(body=body, silent=True)
    found = samples(metrics.render())
    assert found["requests_total", ("200",)] == 3
    assert found["requests_total", ("404",)] == found["requests_total", ("500",)] == 1
    assert found["requests_total", ("418",)] == 1
    assert found["request_seconds_count", ("200",)] == 3
    assert 0.03 < found["request_seconds_sum", ("200",)] < 0.5
    assert found["request_seconds_bucket", ("200", "0.01")] == 2
    assert found["request_seconds_bucket", ("200", "+Inf")] == 3
    assert found["step_seconds_count", ("first",)] == found["step_seconds_count", ("work",)] == 6
    assert found["step_errors_total", ("work", "ZeroDivisionError")] == 1
    assert found["step_errors_total", ("work", "NotFoundError")] == 1
    assert found["in_flight", ()] == 0


def test_events_under_way_are_in_flight() -> None:
    metrics = Metrics()
    release, entered = threading.Event(), threading.Event()

    def wait(body: Any) -> Any:
        entered.set()
        release.wait(10)
        return body

    graph = flow()
    graph.to(wait)
    server = graph.to_mock_server()
    server.observe(metrics)
    thread = threading.Thread(target=server.test, kwargs={"body": 1})
    thread.start()
    entered.wait(10)
    assert samples(metrics.render())["in_flight", ()] == 1
    release.set()
    thread.join()
    assert samples(metrics.render())["in_flight", ()] == 0


def test_only_whole_events_when_steps_are_off() -> None:
    metrics = Metrics(steps=False)
    server = served(metrics)
    server.test(body=0)
    found = samples(metrics.render())
    assert found["requests_total", ("200",)] == 1
    assert not any(name.startswith("step") for name, _ in found)


def test_a_caller_who_left_is_counted() -> None:
    metrics = Metrics()

    async def slow(body: Any) -> Any:
        await asyncio.sleep(30)

    async def main() -> None:
        graph = flow()
        graph.to(slow)
        server = graph.to_mock_server()
        server.observe(metrics)
        task = asyncio.ensure_future(server.run_async(Event(1)))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    assert samples(metrics.render())["requests_total", ("499",)] == 1


def test_odd_statuses_and_endless_kinds_of_errors_are_one_row() -> None:
    metrics = Metrics()
    for status in (0, -5, 100000, "x"):
        event = Event()
        metrics.begin(event)
        metrics.end(event, Response(None, status), None)  # type: ignore[arg-type]
    for number in range(500):
        error = type(f"Error{number}", (Exception,), {})()
        metrics.after_step(Event(), "s", metrics.before_step(Event(), "s", None), None, error)
    found = samples(metrics.render())
    assert found["requests_total", ("other",)] == 4
    errors = {
        labels: value for (name, labels), value in found.items() if name == "step_errors_total"
    }
    assert len(errors) == 201 and errors["s", "other"] == 300 and sum(errors.values()) == 500


def test_an_event_that_did_not_begin_is_not_counted() -> None:
    metrics = Metrics()
    metrics.end(Event(), Response(1), None)
    assert ("requests_total", ("200",)) not in samples(metrics.render())


def test_batches() -> None:
    metrics = Metrics()

    async def main() -> None:
        batcher = Batcher(lambda rows: [row * 2 for row in rows], {"max_rows": 4}, name="model<1>")
        await asyncio.gather(*[batcher.submit([n]) for n in range(10)])
        found = samples(metrics.render())
        assert found["batch_rows_sum", ("model<1>",)] == 10
        assert (
            found["batch_rows_bucket", ("model<1>", "4.0")]
            == found["batch_rows_count", ("model<1>",)]
        )
        assert found["batch_wait_seconds_count", ("model<1>",)] == 10
        assert found["batch_queue_rows", ("model<1>",)] == 0
        assert found["batch_rejected_total", ("model<1>",)] == 0

    asyncio.run(main())
    # the batcher is gone; what it counted is not
    assert samples(metrics.render())["batch_rows_sum", ("model<1>",)] == 10


def test_workers_share_a_folder(tmp_path: Path) -> None:
    one, two = Metrics(tmp_path), Metrics(tmp_path)
    for metrics in (one, one, two):
        event = Event()
        metrics.begin(event)
        metrics.end(event, Response(1), None)
    two.begin(Event())
    for metrics in (one, two):
        found = samples(metrics.render())
        assert found["requests_total", ("200",)] == 3 and found["in_flight", ()] == 1
    two.close()
    two.close()
    found = samples(one.render())
    assert found["requests_total", ("200",)] == 3 and found["in_flight", ()] == 0
    one.close()


def test_the_page_of_a_server_and_of_a_process(tmp_path: Path) -> None:
    first, second = Metrics(), Metrics(tmp_path)
    servers = [served(first), served(second)]
    for server in servers:
        server.test(body=0)
    assert samples(render(servers[0]))["requests_total", ("200",)] == 1
    assert samples(render())["requests_total", ("200",)] >= 2
    bare = flow()
    bare.to(abs)
    assert samples(render(bare.to_mock_server()))["in_flight", ()] == 0
    second.close()


def test_another_registry_may_collect_it() -> None:
    metrics = Metrics()
    registry = CollectorRegistry()
    registry.register(metrics)
    server = served(metrics)
    server.test(body=0)
    assert samples(generate_latest(registry)) == samples(metrics.render())


def test_threads_lose_no_event() -> None:
    metrics = Metrics()
    server = served(metrics)
    threads = [
        threading.Thread(target=lambda: [server.test(body=0) for _ in range(500)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = samples(metrics.render())
    assert found["requests_total", ("200",)] == found["step_seconds_count", ("work",)] == 4000
    assert found["in_flight", ()] == 0


@pytest.mark.slow
def test_an_event_costs_less_than_a_microsecond() -> None:
    metrics = Metrics()
    event, response = Event(), Response(1)
    best = 1.0
    for _ in range(5):
        begin = time.process_time()
        for _ in range(20_000):
            metrics.begin(event)
            metrics.end(event, response, None)
        best = min(best, (time.process_time() - begin) / 20_000)
    assert best < 2e-6  # half of it here; a busy machine may need more
