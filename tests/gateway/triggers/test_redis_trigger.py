"""Events of Redis Streams, and what all triggers have in common, over a real server."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.gateway.triggers.running import Running
from mlrun_like.names import new_uid
from mlrun_like.streams.base import Record
from mlrun_like.streams.opening import open_stream

pytestmark = pytest.mark.slow

Wait = Callable[..., Any]
Run = Callable[..., Running]


@pytest.fixture
def url(redis: Any) -> str:
    return f"{redis.url}/{new_uid()}"


def push(url: str, *bodies: str, key: str = "", **options: Any) -> None:
    with open_stream(url, **options) as stream:
        stream.push_records([Record(body.encode(), key, {"n": body}) for body in bodies])


def left(url: str, group: str = "p-f-t") -> int:
    with open_stream(url) as stream:
        return stream.depth(group)


def test_an_event_brings_what_its_record_had(plane: Any, run: Run, wait: Wait, url: str) -> None:
    push(url, '{"x":1}', key="k")
    run({"kind": "redis", "url": url})
    wait(lambda: plane.requests)
    (request,) = plane.requests
    told = request.headers
    assert request.target == "/p/f/"
    assert request.body == b'{"x":1}'
    assert told["content-type"] == "application/json"
    assert told["n"] == '{"x":1}'
    assert told["x-mlrun-like-trigger-name"] == "t"
    assert told["x-mlrun-like-trigger-kind"] == "redis"
    assert told["x-mlrun-like-trigger-class"] == "async"
    assert told["x-mlrun-like-event-topic"] == url.rpartition("/")[2]
    assert told["x-mlrun-like-event-shard"] == "0"
    assert "-" in told["x-mlrun-like-event-offset"]
    wait(lambda: left(url) == 0)


def test_a_failed_event_is_tried_again_and_then_a_dead_letter(
    plane: Any, run: Run, wait: Wait, url: str
) -> None:
    plane.respond = lambda request: (500, b"boom", {}) if request.body == b"bad" else (200, b"", {})
    push(url, "bad", "good", key="k")
    running = run({"kind": "redis", "url": url, "attributes": {"retry": _quick(3)}})
    wait(lambda: "good" in plane.bodies)
    wait(lambda: left(url) == 0)
    assert plane.bodies == ["bad", "bad", "bad", "good"], "one key: the order is kept"
    status = running.status()
    assert (status["dead_letters"], status["retries"], status["events"]) == (1, 2, 1)
    assert "500: boom" in status["last_error"]
    with open_stream(f"{url}.dead-letter") as stream, stream.consumer("g") as consumer:
        (letter,) = consumer.read(wait=5)
        assert letter.body == b"bad"
        assert letter.headers["n"] == "bad"
        assert letter.headers["dead-letter-error"] == "500: boom"
        assert letter.headers["dead-letter-tries"] == "3"
        assert letter.headers["dead-letter-function"] == "p/f"


def _quick(attempts: int) -> dict[str, Any]:
    return {"attempts": attempts, "delay": "10ms", "maxDelay": "20ms"}


def test_a_poison_message_without_order_holds_nobody_up(
    plane: Any, run: Run, wait: Wait, url: str
) -> None:
    plane.respond = lambda request: (500, b"", {}) if request.body == b"bad" else (200, b"", {})
    push(url, "bad", *[str(n) for n in range(20)])
    slow = {"attempts": 3, "delay": "30s", "maxDelay": "30s"}
    run({"kind": "redis", "url": url, "attributes": {"retry": slow}})
    wait(lambda: len(set(plane.bodies)) == 21)


def test_a_busy_gateway_is_waited_for_and_costs_no_try(
    plane: Any, run: Run, wait: Wait, url: str
) -> None:
    answers = [429, 503, 429, 503, 429, 503]

    def respond(request: Any) -> tuple[int, bytes, dict[str, str]]:
        if answers:
            return answers.pop(), b'{"error":"busy"}', {"retry-after": "0"}
        return 200, b"", {}

    plane.respond = respond
    push(url, "a")
    running = run({"kind": "redis", "url": url, "attributes": {"retry": _quick(2)}})
    wait(lambda: running.status()["events"] == 1)
    status = running.status()
    assert (status["errors"], status["dead_letters"], status["waits"]) == (0, 0, 6)
    assert plane.bodies == ["a"] * 7


def test_a_gateway_that_goes_away_and_comes_back_loses_nothing(
    plane: Any, run: Run, wait: Wait, url: str
) -> None:
    plane.slow(0.01)
    push(url, *[str(n) for n in range(50)])
    running = run({"kind": "redis", "url": url, "numWorkers": 4})
    wait(lambda: len(plane.requests) >= 10)
    plane.stop()
    wait(lambda: "cannot be reached" in running.status()["waits_for"])
    plane.start()
    wait(lambda: left(url) == 0)
    assert set(plane.bodies) == {str(n) for n in range(50)}
    assert running.status()["dead_letters"] == 0


def test_workers_work_side_by_side_and_keep_the_order_of_a_key(
    plane: Any, run: Run, wait: Wait, url: str
) -> None:
    plane.slow(0.005)
    with open_stream(url) as stream:
        stream.push_records([Record(f"{n % 5} {n}".encode(), str(n % 5)) for n in range(100)])
    run({"kind": "redis", "url": url, "numWorkers": 4})
    wait(lambda: len(plane.requests) == 100)
    wait(lambda: left(url) == 0)
    for key in range(5):
        mine = [int(body.split()[1]) for body in plane.bodies if body.startswith(f"{key} ")]
        assert mine == sorted(mine)
    assert 2 <= plane.most <= 4


def batch_answer(request: Any, bad: str = "") -> tuple[int, bytes, dict[str, str]]:
    rows = []
    for event in request.batch:
        body = base64.b64decode(event["body64"]).decode()
        rows.append({"id": event["id"], "status": 500 if body == bad else 200, "body64": ""})
    return 200, json.dumps({"answers": rows}).encode(), {}


def test_batches_are_filled_and_each_event_has_its_own_answer(
    plane: Any, run: Run, wait: Wait, url: str
) -> None:
    plane.respond = lambda request: batch_answer(request, bad="7")
    push(url, *[str(n) for n in range(25)])
    running = run(
        {
            "kind": "redis",
            "url": url,
            "batch": {"mode": "enable", "batchSize": 10, "timeout": "100ms"},
            "attributes": {"retry": _quick(2)},
        }
    )
    wait(lambda: left(url) == 0)
    sizes = [len(request.batch) for request in plane.requests]
    assert max(sizes) == 10
    assert plane.requests[0].headers["content-type"] == "application/x-mlrun-like-batch"
    status = running.status()
    assert (status["events"], status["dead_letters"]) == (24, 1)


def test_a_batch_that_fails_as_a_whole_is_tried_one_by_one(
    plane: Any, run: Run, wait: Wait, url: str
) -> None:
    def respond(request: Any) -> tuple[int, bytes, dict[str, str]]:
        bodies = [base64.b64decode(event["body64"]) for event in request.batch]
        return (500, b"crash", {}) if b"3" in bodies else batch_answer(request)

    plane.respond = respond
    push(url, *[str(n) for n in range(6)])
    running = run(
        {
            "kind": "redis",
            "url": url,
            "batch": {"batchSize": 6, "timeout": "5s"},
            "attributes": {"retry": _quick(2)},
        }
    )
    wait(lambda: left(url) == 0)
    status = running.status()
    assert (status["events"], status["dead_letters"]) == (5, 1)


def test_a_handler_may_keep_an_event_and_acknowledge_it_later(
    plane: Any, run: Run, wait: Wait, url: str
) -> None:
    def respond(request: Any) -> tuple[int, bytes, dict[str, str]]:
        keep = request.body != b"c"
        return 200, b"", {"x-nuclio-stream-no-ack": "true"} if keep else {}

    plane.respond = respond
    push(url, "a", "b", "c", key="k")
    running = run({"kind": "redis", "url": url, "explicitAckMode": "enable"})
    wait(lambda: running.status()["unacknowledged"] == 2)
    wait(lambda: left(url) == 2)
    first = plane.requests[0].headers
    place = {
        "topic": first["x-mlrun-like-event-topic"],
        "partition": 0,
        "offset": first["x-mlrun-like-event-offset"],
    }
    running.acked(place)
    wait(lambda: left(url) == 1)
    running.acked({**place, "offset": plane.requests[1].headers["x-mlrun-like-event-offset"]})
    wait(lambda: left(url) == 0)


def test_explicit_only_acknowledges_nothing_by_itself_and_a_window_lags(
    plane: Any, run: Run, wait: Wait, url: str
) -> None:
    push(url, "a", "b", "c", "d", key="k")
    running = run({"kind": "redis", "url": url, "explicitAckMode": "explicitOnly"})
    wait(lambda: running.status()["unacknowledged"] == 4)
    running.measure()
    assert running.status()["lag"] == left(url) == 4
    running.close()
    run({"kind": "redis", "url": url, "attributes": {"ackWindowSize": 3}})
    wait(lambda: len(plane.requests) == 8)
    wait(lambda: left(url) == 3)


def test_two_gateways_share_the_events(
    plane: Any, run: Run, wait: Wait, url: str, tmp_path: Path
) -> None:
    with open_stream(url, shards=2) as stream:
        stream.create()
    spec = {"kind": "redis", "url": url, "attributes": {"lease": "2s"}}
    one, two = run(spec), run(spec, home=tmp_path)
    wait(lambda: one.status()["state"] == two.status()["state"] == "connected")

    def both() -> bool:
        with open_stream(url) as stream:
            stream.push_records([Record(b"x", str(n)) for n in range(20)])
        time.sleep(0.2)
        return bool(one.status()["events"] and two.status()["events"])

    wait(both)
    wait(lambda: left(url) == 0)
    assert one.status()["dead_letters"] == two.status()["dead_letters"] == 0


def test_a_broker_that_is_down_is_waited_for(plane: Any, run: Run, wait: Wait, url: str) -> None:
    port = socket.socket()
    port.bind(("127.0.0.1", 0))  # taken, and nobody listens
    secret = "hunter2secret"
    address = f"redis://me:{secret}@127.0.0.1:{port.getsockname()[1]}/s"
    with port:
        running = run({"kind": "redis", "url": address})
        wait(lambda: running.status()["state"] == "disconnected")
    assert secret not in str(running.status())


def test_a_killed_host_loses_nothing_and_ends_with_its_parent(
    plane: Any, wait: Wait, url: str, host: Any
) -> None:
    plane.slow(0.01)
    count = 300
    push(url, *[str(n) for n in range(count)])
    config = TriggerConfig.read("p/f", "t", {"kind": "redis", "url": url, "numWorkers": 3})
    for seen in (20, 60):
        host.start(config)
        wait(lambda seen=seen: len(plane.requests) >= seen)
        host.kill()
    host.start(config)
    wait(lambda: left(url) == 0)
    assert set(plane.bodies) == {str(n) for n in range(count)}
    assert [row["state"] for row in host.status()] == ["connected"]
    assert host.leave() == 0
