"""Nuclio's handler contract, in real workers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlrun_like.gateway import wire
from tests.gateway.zygotes import ZygoteProcess, ZygoteWorker, document, order

Start = Callable[..., ZygoteWorker]

EVERYTHING = """
import datetime

def init_context(context):
    context.user_data.calls = 0

def handler(context, event):
    context.user_data.calls += 1
    kind = event.path.strip("/")
    if kind == "event":
        assert isinstance(event.timestamp, datetime.datetime)
        return {
            "body": event.body if not isinstance(event.body, bytes) else event.body.decode(),
            "path": event.path, "url": event.url, "method": event.method, "fields": event.fields,
            "headers": event.headers, "type": event.content_type, "id": event.id,
            "size": event.size, "trigger": [event.trigger.kind, event.trigger.name],
            "header": event.get_header("X-UPPER"), "offset": event.offset, "shard": event.shard_id,
            "topic": event.topic, "shards": event.num_shards,
        }
    if kind == "count":
        return str(context.user_data.calls)
    if kind == "worker":
        return [context.worker_id, context.trigger.kind, context.platform.kind]
    if kind == "tuple":
        return 201, {"made": True}
    if kind == "tuple-text":
        return 418, "short and stout"
    if kind == "none":
        return None
    if kind == "bytes":
        return bytes(range(256))
    if kind == "nan":
        return {"x": float("nan"), "o": object}
    if kind == "response":
        return context.Response(body={"a": 1}, headers={"X-One": 1}, status_code=202)
    if kind == "html":
        return context.Response(body="<p>", content_type="text/html", status_code=200)
    if kind == "split":
        return context.Response(body="x", headers={"X-Evil": "a\\r\\nSet-Cookie: b"})
    if kind == "status":
        return context.Response(body="x", status_code=99)
    if kind == "exit":
        raise SystemExit(3)
    if kind == "keyboard":
        raise KeyboardInterrupt
    if kind == "recursion":
        def again(): return again()
        return again()
    if kind == "unicode":
        return "gr\\u00fc\\u00dfe \\u2603 " + event.body.decode()
    if kind == "log":
        context.logger.debug("too low")
        context.logger.info_with("it %s", "works", key={1})
        context.logger.warn("careful 100%")
        print("plain words")
        return "logged"
    if kind == "huge":
        return len(event.body)
    if kind == "nothing":
        return context.Response(body="", status_code=204)
    raise ValueError("kaputt " + kind)
"""


@pytest.fixture
def start(zygote: ZygoteProcess) -> Iterator[Start]:
    """Starts a worker with a handler's code; waits until it is ready."""
    workers = []

    def made(code: str, **values: Any) -> ZygoteWorker:
        worker = zygote.start(order(document(code), **values))
        workers.append(worker)
        worker.ready()
        return worker

    yield made
    for worker in workers:
        worker.close()


@pytest.fixture(scope="module")
def everything(zygote: ZygoteProcess) -> Iterator[ZygoteWorker]:
    worker = zygote.start(order(document(EVERYTHING), replica=5))
    assert worker.ready()["blocking"] is True
    yield worker
    worker.close()


def test_an_event_has_all_fields(everything: ZygoteWorker) -> None:
    found = everything.ask(
        b'{"x": [1]}',
        "/event?a=1&b=%20c&b=d",
        content_type="application/json",
        x_upper="Value",
        x_request_id="id-7",
    ).json
    assert found == {
        "body": {"x": [1]},
        "path": "/event",
        "url": "/event?a=1&b=%20c&b=d",
        "method": "POST",
        "fields": {"a": "1", "b": "d"},
        "headers": {"Content-Type": "application/json", "X-Upper": "Value", "X-Request-Id": "id-7"},
        "type": "application/json",
        "id": "id-7",
        "size": 10,
        "trigger": ["http", "default-http"],
        "header": "Value",
        "offset": 0,
        "shard": 0,
        "topic": None,
        "shards": 0,
    }


def test_only_the_exact_type_is_decoded(everything: ZygoteWorker) -> None:
    kinds = ("application/json; charset=utf-8", "text/plain", "Application/JSON")
    for kind in kinds:
        assert everything.ask(b"[1]", "/event", content_type=kind).json["body"] == "[1]"
    for broken in (b"{", b"", b"[" * 100_000):
        found = everything.ask(broken, "/event", content_type="application/json").json
        assert found["body"] == broken.decode()


def test_events_of_triggers_say_where_they_come_from(everything: ZygoteWorker) -> None:
    found = everything.ask(
        b"x",
        "/event",
        **{
            "x-mlrun-like-trigger-name": "orders",
            "x-mlrun-like-trigger-kind": "kafka-cluster",
            "x-mlrun-like-trigger-class": "async",
            "x-mlrun-like-event-id": "e1",
            "x-mlrun-like-event-offset": "12",
            "x-mlrun-like-shard": "3",
            "x-mlrun-like-shards": "8",
            "x-mlrun-like-topic": "t",
            "x-mlrun-like-time": "2024-01-02T03:04:05Z",
        },
    ).json
    assert found["trigger"] == ["kafka-cluster", "orders"]
    assert (found["id"], found["offset"], found["shard"]) == ("e1", 12, 3)
    assert (found["topic"], found["shards"], found["headers"]) == ("t", 8, {})


@pytest.mark.parametrize(
    ("path", "status", "kind", "body"),
    [
        ("/worker", 200, "application/json", b'[5, "http", "local"]'),
        ("/tuple", 201, "application/json", b'{"made": true}'),
        ("/tuple-text", 418, "text/plain", b"short and stout"),
        ("/none", 200, "text/plain", b"None"),
        ("/bytes", 200, "text/plain", bytes(range(256))),
        ("/nan", 200, "application/json", b"""{"x": "NaN", "o": "<class 'object'>"}"""),
        ("/response", 202, "application/json", b'{"a": 1}'),
        ("/html", 200, "text/html", b"<p>"),
        ("/unicode", 200, "text/plain", "grüße ☃ ä".encode()),
    ],
)
def test_what_is_returned_is_sent_as_nuclio_does(
    everything: ZygoteWorker, path: str, status: int, kind: str, body: bytes
) -> None:
    found = everything.ask("ä".encode(), path)
    assert (found.status, found.headers["content-type"], found.body) == (status, kind, body)
    assert found.headers["content-length"] == str(len(body))


def test_an_answer_to_head_has_the_length_only(everything: ZygoteWorker) -> None:
    found = everything.ask(b"", "/tuple-text", "HEAD")
    assert (found.status, found.headers["content-length"], found.body) == (418, "15", b"")


def test_no_content_has_no_length(everything: ZygoteWorker) -> None:
    found = everything.ask(b"", "/nothing")
    assert found.status == 204 and "content-length" not in found.headers


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/wrong", "ValueError: kaputt wrong"),
        ("/exit", "SystemExit: 3"),
        ("/keyboard", "KeyboardInterrupt"),
        ("/recursion", "RecursionError"),
        ("/split", "cannot be sent"),
        ("/status", "99 is no status"),
    ],
)
def test_a_failure_is_an_answer_and_the_worker_lives(
    everything: ZygoteWorker, path: str, said: str
) -> None:
    found = everything.ask(b"", path)
    assert found.status == 500
    assert found.body.startswith(b"Exception caught in handler")
    assert said in found.body.decode()
    assert everything.ask(b"", "/tuple").status == 201


def test_log_lines_are_structured_and_come_back_when_asked(everything: ZygoteWorker) -> None:
    found = everything.ask(b"", "/log", x_nuclio_log_level="info")
    lines = json.loads(found.headers["X-Nuclio-Logs"])
    assert [(line["level"], line["message"]) for line in lines] == [
        ("info", "it works"),
        ("warning", "careful 100%"),
    ]
    assert lines[0]["key"] == "{1}"
    assert "X-Nuclio-Logs" not in everything.ask(b"", "/log").headers
    written = [line for line in everything.log().splitlines() if "it works" in line]
    told = json.loads(written[0])
    assert (told["level"], told["with"]) == ("info", {"key": "{1}"})
    assert "plain words" in everything.log()


@pytest.mark.slow
def test_a_huge_body_arrives(everything: ZygoteWorker) -> None:
    assert everything.ask(b"x" * (48 << 20), "/huge").body == str(48 << 20).encode()


def test_requests_that_wait_are_answered_in_order(everything: ZygoteWorker) -> None:
    numbers = [everything.post(b"", "/count") for _ in range(50)]
    found = [everything.frame() for _ in numbers]
    assert [item[0] for item in found if item] == numbers


def test_async_handlers_and_init_context(start: Start) -> None:
    worker = start(
        "import asyncio\n"
        "ticks = []\n"
        "async def tick():\n"
        "    while True:\n"
        "        ticks.append(1)\n"
        "        await asyncio.sleep(0.001)\n"
        "async def init_context(context):\n"
        "    context.user_data.task = asyncio.create_task(tick())\n"
        "async def handler(context, event):\n"
        "    if event.path == '/stop':\n"
        "        asyncio.get_running_loop().stop()\n"
        "    if event.path == '/exit':\n"
        "        raise SystemExit\n"
        "    if event.path == '/cancel':\n"
        "        raise asyncio.CancelledError\n"
        "    await asyncio.sleep(0.01)\n"
        "    return {'ticks': len(ticks)}\n"
    )
    assert worker.ask().json["ticks"] > 0
    assert worker.ask(b"", "/exit").status == 500
    assert worker.ask(b"", "/cancel").status == 500
    assert worker.ask(b"", "/stop").status == 200
    assert worker.ask().json["ticks"] > 1


def test_async_handlers_get_one_event_at_a_time_or_as_many_as_the_option_says(
    zygote: ZygoteProcess,
) -> None:
    code = (
        "import asyncio\n"
        "now = most = 0\n"
        "async def handler(context, event):\n"
        "    global now, most\n"
        "    now += 1; most = max(most, now)\n"
        "    await asyncio.sleep(0.02)\n"
        "    now -= 1\n"
        "    return most\n"
    )
    for options, wanted in (({}, b"1"), ({"concurrency": 4}, b"4")):
        worker = zygote.start(order(document(code), options=options))
        assert worker.ready()["blocking"] is not bool(options)  # so the gateway counts its slots
        for _ in range(8):
            worker.post()
        found = [worker.frame() for _ in range(8)]
        worker.close()
        assert max(item[2].rpartition(b"\r\n")[2] for item in found if item) == wanted


def test_batches(start: Start) -> None:
    worker = start(
        "def handler(context, events):\n"
        "    assert events[-1].last_in_batch and not events[0].last_in_batch\n"
        "    return [context.Response(body={'got': e.body, 'at': e.offset}, event_id=e.id,\n"
        "            headers={'x-nuclio-stream-no-ack': True})\n"
        "            for e in events if e.body != 'lost']\n"
    )
    events = [
        {"id": str(n), "body64": base64.b64encode(body).decode(), "offset": n, "path": "/p",
         "content_type": "application/json", "shard": 0, "topic": "t", "headers": {"a": "b"}}
        for n, body in enumerate([b"1", b'"lost"', b'{"x": 2}'])
    ]  # fmt: skip
    kind = "application/x-mlrun-like-batch"
    found = worker.ask(json.dumps({"events": events}).encode(), content_type=kind)
    assert found.headers["content-type"] == kind
    answers = found.json["answers"]
    assert [(row["id"], row["status"]) for row in answers] == [("0", 200), ("1", 500), ("2", 200)]
    assert json.loads(base64.b64decode(answers[2]["body64"])) == {"got": {"x": 2}, "at": 2}
    assert answers[0]["headers"] == {"x-nuclio-stream-no-ack": "True"}
    for broken in (b"{}", b"", b'{"events": [1]}', b'{"events": [{"body64": "?"}]}', b"[]"):
        assert worker.ask(broken, content_type=kind).status == 500


def test_the_path_of_an_event_of_kafka_is_its_topic(start: Start) -> None:
    worker = start("def handler(context, event):\n    return [event.path, event.topic]\n")
    told = {"x-mlrun-like-trigger-kind": "kafka-cluster", "x-mlrun-like-topic": "orders"}
    assert worker.ask(b"x", **told).json == ["orders", "orders"]
    told["x-mlrun-like-trigger-kind"] = "redis"
    assert worker.ask(b"x", **told).json == ["/", "orders"]


def test_explicit_acknowledgement_and_callbacks(start: Start) -> None:
    worker = start(
        "class Offset:\n"
        "    def __init__(self, event):\n"
        "        self.at = {'topic': event.topic, 'partition': event.shard_id,\n"
        "                   'offset': event.offset}\n"
        "    def compile_explicit_ack_message(self):\n"
        "        return {'kind': 'streamMessageAck', 'attributes': self.at}\n"
        "def init_context(context):\n"
        "    context.platform.set_termination_callback(lambda: print('terminated'))\n"
        "    async def drained(): print('drained')\n"
        "    context.platform.set_drain_callback(drained)\n"
        "async def handler(context, event):\n"
        "    await context.platform.explicit_ack(Offset(event))\n"
        "    response = context.Response(body='ok')\n"
        "    response.ensure_no_ack()\n"
        "    return response\n"
    )
    worker.post(
        b"x",
        **{
            "x-mlrun-like-trigger-name": "in",
            "x-mlrun-like-trigger-kind": "kafka-cluster",
            "x-mlrun-like-topic": "t",
            "x-mlrun-like-shard": "2",
            "x-mlrun-like-offset": "9",
        },
    )
    frames = {item[1]: item[2] for item in (worker.frame(), worker.frame()) if item}
    assert json.loads(frames[wire.ACKED]) == {
        "kind": "streamMessageAck",
        "attributes": {"topic": "t", "partition": 2, "offset": 9},
        "trigger": "in",
    }
    assert b"x-nuclio-stream-no-ack: True\r\n" in frames[wire.ANSWER]
    worker.send(wire.DRAINED, b'{"shards": [2]}', 4)
    done = worker.frame()
    assert done is not None and done[:2] == (4, wire.ACKED)
    worker.send(wire.NUMBERS, b"", 5)
    told = worker.frame()
    assert told is not None and json.loads(told[2])["served"] == 1
    worker.send(wire.DRAIN)
    assert worker.frame() is None and worker.ended()["code"] == 0
    assert worker.log().split() == ["drained", "terminated"]


def test_strings_stay_bytes_when_the_setting_says_so(start: Start) -> None:
    worker = start(
        "def handler(context, event):\n"
        "    return repr([event.path, event.method, event.headers, event.body])",
        env={"NUCLIO_PYTHON_DECODE_EVENT_STRINGS": "false"},
    )
    found = worker.ask(b"1", "/p", content_type="application/json").body.decode()
    assert found == "[b'/p', b'POST', {b'Content-Type': b'application/json'}, 1]"


def test_requests_before_ready_are_answered_after_it(zygote: ZygoteProcess) -> None:
    code = "import time\ntime.sleep(0.05)\ndef handler(context, event):\n    return event.body"
    worker = zygote.start(order(document(code)))
    number = worker.post(b"early")
    assert set(worker.ready()["phases"]) == {"fork", "import", "init"}
    found = worker.frame()
    assert found is not None and found[0] == number and found[2].endswith(b"early")
    worker.close()


def test_warm_up_requests_come_first(start: Start, zygote: ZygoteProcess) -> None:
    code = (
        "calls = []\n"
        "def handler(context, event):\n"
        "    calls.append([event.method, event.path, event.body])\n"
        "    if event.path == '/bad': raise ValueError\n"
        "    return calls\n"
    )
    options = {"warm_up": [{"path": "a", "body": {"x": 1}}, {"path": "/bad"}, {}]}
    worker = zygote.start(order(document(code), options=options))
    told = worker.ready()
    assert told["phases"]["warm_up"] > 0
    assert told["notes"] == ["the warm-up request '/bad' was answered 500"]
    found = worker.ask(b"", "/now", "GET").json
    assert found[0] == ["POST", "/a", {"x": 1}] and len(found) == 4
    worker.close()


def test_the_environment_of_a_function(start: Start) -> None:
    worker = start(
        "import os, sys\n"
        "def handler(context, event):\n"
        "    print(sys.argv)\n"
        "    return {'A': os.environ.get('A'), 'cwd': os.getcwd(),\n"
        "            'home': os.environ.get('HOME'),\n"
        "            'title': open('/proc/self/cmdline').read().strip(chr(0)),\n"
        "            'tmp': os.environ['TMPDIR']}\n",
        env={"A": "secret ä", "HOME": None},
    )
    found = worker.ask().json
    assert (found["A"], found["home"]) == ("secret ä", None)
    assert found["cwd"] == found["tmp"]
    assert found["title"] == "mlrun-like p/fn v1 #0"
