"""Streaming answers: forms, failures, readers that leave, readers that are slow."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import Response
from mlrun_like.serving.web.app import GraphApp
from mlrun_like.serving.web.run import RunningServer
from mlrun_like.serving.web.serve import serve
from tests.serving.web.conftest import foreign_server, request, status_of, talk

EVENTS = "text/event-stream"
closed: dict[str, float] = {}


async def numbers(body: dict[str, Any]) -> AsyncIterator[Any]:
    try:
        for number in range(body.get("count", 3)):
            if number == body.get("fail_at", -1):
                raise ValueError("it broke")
            if body.get("wait"):
                await asyncio.sleep(body["wait"])
            yield body.get("value", {"n": number})
    finally:
        closed[body.get("key", "")] = time.monotonic()


def plain_numbers(body: dict[str, Any]) -> Iterator[Any]:
    try:
        for number in range(body.get("count", 3)):
            if number == body.get("fail_at", -1):
                raise ValueError("it broke")
            if body.get("wait"):
                time.sleep(body["wait"])
            yield body.get("value", {"n": number})
    finally:
        closed[body.get("key", "")] = time.monotonic()


def graph_of(step: Any) -> Graph:
    graph = flow()
    graph.to(step, "numbers").respond()
    return graph


@pytest.fixture(scope="module", params=["async", "plain"])
def streaming(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    step = numbers if request.param == "async" else plain_numbers
    with serve(graph_of(step), io_timeout=1.0) as running:
        yield running


Opened = tuple[http.client.HTTPConnection, http.client.HTTPResponse]


def ask(url: str, accept: str = EVENTS, **body: Any) -> Opened:
    connection = http.client.HTTPConnection(url.rpartition("/")[2], timeout=10)
    headers = {"content-type": "application/json", "accept": accept}
    connection.request("POST", "/", json.dumps(body), headers)
    return connection, connection.getresponse()


def test_events_lines_text_and_bytes(streaming: RunningServer) -> None:
    connection, answer = ask(streaming.url)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.read() == b'data: {"n":0}\n\ndata: {"n":1}\n\ndata: {"n":2}\n\n'
    connection.close()
    connection, answer = ask(streaming.url, "*/*")
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.read() == b'{"n":0}\n{"n":1}\n{"n":2}\n'
    connection.close()
    connection, answer = ask(streaming.url, "*/*", value="ž\n", count=2)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.read().decode() == "ž\nž\n"
    connection.close()
    connection, answer = ask(streaming.url, EVENTS, value="a\r\nb\n", count=1)
    assert answer.read() == b"data: a\ndata: b\ndata: \n\n"
    connection.close()
    connection, answer = ask(streaming.url, EVENTS, count=0)
    assert (answer.status, answer.read()) == (200, b"")
    connection.close()


def test_a_failure_before_the_first_value_has_its_status(streaming: RunningServer) -> None:
    for accept in (EVENTS, "*/*"):
        connection, answer = ask(streaming.url, accept, fail_at=0)
        told = json.loads(answer.read())
        assert answer.status == 500 and told["step"] == "numbers" and "it broke" in told["error"]
        connection.close()


def test_a_failure_in_the_middle_is_told_or_cuts_the_connection(streaming: RunningServer) -> None:
    connection, answer = ask(streaming.url, fail_at=2)
    *values, last = answer.read().strip().split(b"\n\n")
    assert len(values) == 2 and last.startswith(b"event: error\ndata: ")
    assert json.loads(last.partition(b"data: ")[2])["step"] == "numbers"
    connection.close()
    connection, answer = ask(streaming.url, "*/*", fail_at=2)
    with pytest.raises(http.client.IncompleteRead) as told:
        answer.read()
    assert told.value.partial == b'{"n":0}\n{"n":1}\n'
    connection.close()


def test_http_1_0_has_no_chunks(streaming: RunningServer) -> None:
    body = json.dumps({"count": 2}).encode()
    answer = talk(streaming.url, request(body, version="1.0", content_type="application/json"))
    assert answer.endswith(b'\r\n\r\n{"n":0}\n{"n":1}\n') and b"chunked" not in answer


@pytest.mark.parametrize("wait", [0.01, 0.0])
def test_a_reader_that_leaves_ends_the_generator(streaming: RunningServer, wait: float) -> None:
    closed.clear()
    spent = []
    for number in range(5):
        key = f"{streaming.url} {number}"
        connection, answer = ask(streaming.url, count=10**9, wait=wait, key=key)
        answer.read(100)
        left = time.monotonic()
        answer.close()
        connection.close()
        while key not in closed and time.monotonic() - left < 5:
            time.sleep(0.001)
        spent.append(closed[key] - left)
    assert sorted(spent)[2] < 0.05, spent


def test_a_slow_reader_holds_the_generator_back_and_is_left_at_last() -> None:
    made = [0]

    async def many(body: Any) -> AsyncIterator[bytes]:
        try:
            while True:
                made[0] += 1
                yield b"x" * 10_000
        finally:
            closed["slow"] = time.monotonic()

    closed.clear()
    with serve(graph_of(many), io_timeout=1.0) as running:
        host, _, port = running.url.rpartition("/")[2].partition(":")
        with socket.create_connection((host, int(port))) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.sendall(request(b"1", content_type="application/json"))
            time.sleep(0.5)
            before = made[0]
            assert before < 2000  # what fits into the buffers of both systems
            time.sleep(0.3)
            assert made[0] == before
            start = time.monotonic()
            while "slow" not in closed and time.monotonic() - start < 5:
                time.sleep(0.01)
            assert "slow" in closed
        assert status_of(talk(running.url, request(b"", path="/healthz", method="GET"))) == 200


def test_a_stream_that_never_waits_leaves_room_for_others() -> None:
    async def endless(body: Any) -> AsyncIterator[int]:
        while True:
            yield 1

    with serve(graph_of(endless)) as running:
        connection, answer = ask(running.url)
        stop = threading.Event()

        def read_on() -> None:
            while not stop.is_set():
                answer.read(65536)

        reader = threading.Thread(target=read_on)
        reader.start()
        times = []
        for _ in range(10):
            start = time.monotonic()
            assert status_of(talk(running.url, request(method="GET", path="/readyz"))) == 200
            times.append(time.monotonic() - start)
        stop.set()
        reader.join()
        connection.close()
    assert sorted(times)[5] < 0.3


def test_plain_generators_that_wait_run_side_by_side() -> None:
    with serve(graph_of(plain_numbers)) as running:
        start = time.monotonic()
        opened = [ask(running.url, count=5, wait=0.05) for _ in range(40)]
        assert all(answer.read().count(b"data:") == 5 for _, answer in opened)
        assert time.monotonic() - start < 3  # one after the other: 10 s
        for connection, _ in opened:
            connection.close()


def test_fast_values_are_written_together(streaming: RunningServer) -> None:
    host, _, port = streaming.url.rpartition("/")[2].partition(":")
    body = json.dumps({"count": 2000}).encode()
    parts = 0
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(request(body, content_type="application/json"))
        found = b""
        while data := raw.recv(1 << 20):
            found += data
            parts += 1
    assert found.count(b'{"n":') == 2000 and found.count(b"\r\n") < 400 and parts < 200


def test_a_stream_needs_a_free_place() -> None:
    with serve(graph_of(plain_numbers), max_in_flight=1) as running:
        connection, answer = ask(running.url, count=1000, wait=0.01)
        answer.read(10)
        second, refused = ask(running.url, count=1)
        assert refused.status == 503 and refused.headers["retry-after"] == "1"
        for each in (second, connection):
            each.close()
        start = time.monotonic()
        while time.monotonic() - start < 2:
            third, answer = ask(running.url, count=1)
            answer.read()
            third.close()
            if answer.status == 200:
                break
        assert answer.status == 200 and time.monotonic() - start < 0.5


@pytest.mark.parametrize("step", [numbers, plain_numbers])
def test_on_a_protocol_of_uvicorn(step: Any) -> None:
    closed.clear()
    with foreign_server(GraphApp(graph_of(step))) as url:
        connection, answer = ask(url)
        assert answer.read() == b'data: {"n":0}\n\ndata: {"n":1}\n\ndata: {"n":2}\n\n'
        connection.close()
        connection, answer = ask(url, count=10**9, wait=0.01, key="left")
        answer.read(30)
        left = time.monotonic()
        answer.close()
        connection.close()
        while "left" not in closed and time.monotonic() - left < 5:
            time.sleep(0.001)
        assert closed["left"] - left < 0.2


def test_the_deadline_counts_until_the_first_value(streaming: RunningServer) -> None:
    connection = http.client.HTTPConnection(streaming.url.rpartition("/")[2], timeout=10)
    for wait, status in ((0.3, 504), (0.0, 200)):
        headers = {"content-type": "application/json", "request-timeout": "0.1"}
        connection.request("POST", "/", json.dumps({"wait": wait, "count": 1}), headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    connection.close()


def test_a_response_gives_status_and_type() -> None:
    def told(body: Any) -> Response:
        return Response((str(n) for n in range(3)), 202, {"X-Mine": "1"}, "text/csv")

    with serve(graph_of(told)) as running:
        connection, answer = ask(running.url)
        assert (answer.status, answer.read()) == (202, b"012")
        assert (answer.headers["x-mine"], answer.headers["content-type"]) == ("1", "text/csv")
        connection.close()


@pytest.mark.slow
def test_a_slow_but_steady_reader_gets_everything() -> None:
    graph = flow()
    graph.to(lambda body: b"x" * 8_000_000, "much").respond()
    with serve(graph, io_timeout=1.0) as running:
        host, _, port = running.url.rpartition("/")[2].partition(":")
        with socket.socket() as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            raw.connect((host, int(port)))
            raw.sendall(request(b"1", content_type="application/json"))
            found, start = 0, time.monotonic()
            while data := raw.recv(65536):
                found += len(data)
                # slower than a lingering connection or a silent reader may be
                time.sleep(max(0.0, found / 2_000_000 - (time.monotonic() - start)))
    assert found > 8_000_000 and time.monotonic() - start > 3.5
