"""Graphs in workers answer as the same graphs served over HTTP do."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

import mlrun_like as ml
from mlrun_like.gateway import wire
from mlrun_like.serving.web.serve import serve
from tests.gateway.zygotes import ZygoteProcess, ZygoteWorker, order

CODE = """
import asyncio
from mlrun_like.serving.event import Response

def double(x):
    if x == "fail":
        raise ValueError("kaputt")
    if x == "exit":
        raise SystemExit(1)
    if x == "text":
        return "täxt"
    if x == "response":
        return Response({"a": 1}, 201, {"x-own": "1"})
    if x == "stream":
        return (n for n in range(3))
    if x == "breaks":
        return broken()
    return {"twice": x * 2} if isinstance(x, int) else x

def broken():
    yield {"n": 1}
    raise ValueError("in the middle")

async def later(x):
    await asyncio.sleep(0.001)
    if x == "stream":
        return agen()
    return double(x)

async def agen():
    for n in range(3):
        yield {"n": n}
"""


def function(handler: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A serving function of one step."""
    file = tmp_path_factory.mktemp("code") / f"steps_{handler}.py"
    file.write_text(CODE, encoding="utf-8")
    made: Any = ml.code_to_function("fn", filename=str(file), kind="serving", project="p")
    graph = made.set_topology("flow", engine="sync" if handler == "double" else "async")
    graph.to(name="step", handler=handler).respond()
    return made


@pytest.fixture(scope="module", params=["double", "later"])
def both(
    request: pytest.FixtureRequest,
    zygote: ZygoteProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[ZygoteWorker, str]]:
    """A worker with a graph, and the address of the same graph over HTTP."""
    made = function(request.param, tmp_path_factory)
    worker = zygote.start(order(made._doc().to_dict()))
    told = worker.ready()
    assert told["blocking"] is (request.param == "double")
    with serve(made) as server:
        yield worker, server.url
    worker.close()


def over_http(
    url: str, method: str, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    """What the graph's own server answers."""
    parts = urlsplit(url)
    client = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    try:
        client.request(method, path, body, headers)
        reply = client.getresponse()
        found = {name.lower(): value for name, value in reply.getheaders()}
        try:
            content = reply.read()
        except http.client.IncompleteRead as exc:
            content = exc.partial + b"<broken off>"
    finally:
        client.close()
    for name in ("date", "connection", "transfer-encoding"):
        found.pop(name, None)
    return reply.status, found, content


def over_frames(
    worker: ZygoteWorker, method: str, path: str, body: bytes, headers: dict[str, str]
) -> tuple[int, dict[str, str], bytes]:
    """What the worker answers."""
    number = worker.post(body, path, method, **headers)
    start, content = b"", b""
    for kind, data in worker.stream(number):
        if kind == wire.ANSWER:
            start, _, content = data.partition(b"\r\n\r\n")
        elif kind == wire.START:
            start = data
        elif kind == wire.CHUNK:
            content += data
        elif kind == wire.ABORT:
            content += b"<broken off>"
    lines = start[2:].decode("latin-1").strip("\r\n").split("\r\n")
    pairs = [line.partition(": ") for line in lines if line]
    found = {name: value for name, _, value in pairs}
    return int.from_bytes(start[:2], "big"), found, content


JSON = {"content-type": "application/json"}
REQUESTS: list[tuple[str, str, bytes, dict[str, str]]] = [
    ("POST", "/", b"4", JSON),
    ("POST", "/a/b?c=d", b'{"x": 1}', {}),
    ("POST", "/%C3%A4", b'"x"', JSON),
    ("POST", "/", b"{broken", JSON),
    ("POST", "/", b'"fail"', JSON),
    ("POST", "/", b'"exit"', JSON),
    ("POST", "/", b'"text"', JSON),
    ("POST", "/", b'"response"', JSON),
    ("POST", "/", b'"stream"', JSON),
    ("POST", "/", b'"stream"', {**JSON, "accept": "text/event-stream"}),
    ("POST", "/", b'"breaks"', JSON),
    ("POST", "/", b"plain", {"content-type": "text/plain"}),
    ("POST", "/", b"\xff\x00", {"content-type": "application/octet-stream"}),
    ("GET", "/", b"", {}),
    ("HEAD", "/healthz", b"", {}),
    ("GET", "/healthz", b"", {}),
    ("GET", "/readyz", b"", {}),
    ("OPTIONS", "/", b"", {}),
    ("TRACE", "/", b"", {}),
    ("POST", "/%00", b"1", JSON),
    ("POST", "/", b"1", {**JSON, "request-timeout": "no"}),
    ("POST", "/", b"1", {**JSON, "content-encoding": "br"}),
]


@pytest.mark.parametrize(("method", "path", "body", "headers"), REQUESTS)
def test_answers_are_those_of_the_server(
    both: tuple[ZygoteWorker, str], method: str, path: str, body: bytes, headers: dict[str, str]
) -> None:
    worker, url = both
    named = {"mlrun-event-id": "7", **headers}
    expected = over_http(url, method, path, body, named)
    found = over_frames(worker, method, path, body, named)
    assert found == expected


def test_async_graphs_answer_many_at_once(zygote: ZygoteProcess) -> None:
    made = ml.new_function("fn", kind="serving", project="p")
    code = "import asyncio\nasync def wait(x):\n    await asyncio.sleep(0.2)\n    return x\n"
    document = made._doc().to_dict()
    document["spec"]["graph"] = {
        "kind": "root",
        "engine": "async",
        "steps": {"w": {"kind": "task", "handler": "wait", "after": [], "responder": True}},
    }
    document["spec"]["build"] = {
        "functionSourceCode": base64.b64encode(code.encode()).decode(),
        "origin_module": "waiting_steps",
    }
    worker = zygote.start(order(document))
    assert worker.ready()["concurrency"] == 64
    numbers = {worker.post(b"%d" % n, **{"content-type": "application/json"}) for n in range(40)}
    worker.send(wire.NUMBERS)
    told = worker.frame()
    assert told is not None and json.loads(told[2])["busy"] == 40
    assert {item[0] for item in (worker.frame() for _ in range(40)) if item} == numbers
    worker.send(wire.DRAIN)
    assert worker.ended()["code"] == 0


def test_events_of_streams_go_through_the_graph(both: tuple[ZygoteWorker, str]) -> None:
    worker, _ = both
    trigger = {"x-mlrun-like-trigger-name": "in", "x-mlrun-like-trigger-kind": "kafka-cluster"}
    found = worker.ask(b'{"full_event_wrapper": true, "body": 4, "id": "x"}', **trigger)
    assert found.json == {"twice": 8}
    events = [
        {"id": str(n), "body64": base64.b64encode(b"%d" % n).decode(), "offset": n, "topic": "t"}
        for n in range(3)
    ]
    kind = "application/x-mlrun-like-batch"
    body = json.dumps({"events": events}).encode()
    answers = worker.ask(body, **trigger, **{"content-type": kind}).json["answers"]
    assert [json.loads(base64.b64decode(row["body64"])) for row in answers] == [
        {"twice": 0},
        {"twice": 2},
        {"twice": 4},
    ]


def test_a_graph_with_mistakes_does_not_start(zygote: ZygoteProcess) -> None:
    document = ml.new_function("fn", kind="serving", project="p")._doc().to_dict()
    document["spec"]["graph"] = {
        "kind": "root",
        "engine": "sync",
        "steps": {"s": {"kind": "task", "handler": "nowhere", "after": []}},
    }
    worker = zygote.start(order(document))
    assert "nowhere" in worker.failure()["error"]
    assert worker.ended()["code"] == 70
