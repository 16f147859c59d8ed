from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, GraphError, InvalidArgumentError, NotFoundError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Response
from mlrun_like.serving.web.run import RunningServer
from mlrun_like.serving.web.serve import serve


def work(body: Any) -> Any:
    if body == "missing":
        raise NotFoundError("no such user")
    if body == "bug":
        raise ZeroDivisionError("x")
    if body == "object":
        return object()
    if body == "bytes":
        return Response(b"\x00\x01", 201, {"X-Mine": "1"}, "image/png")
    return {"got": body}


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with config.override(max_body_size=1000):
        graph = flow()
        graph.to(lambda body: body, "first").to(work).respond()
        with serve(graph) as running:
            yield running


def call(
    server: RunningServer, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[int, bytes, Any]:
    connection = http.client.HTTPConnection(server.url.rpartition("/")[2], timeout=10)
    try:
        connection.request(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


def test_json_in_json_out(server: RunningServer) -> None:
    status, body, headers = call(server, "POST", "/", b'{"x": 1}', content_type="application/json")
    assert (status, json.loads(body)) == (200, {"got": {"x": 1}})
    assert headers["content-type"] == "application/json"
    assert call(server, "POST", "/any/path", b'{"x": 1}')[0] == 200
    assert call(server, "GET", "/")[1] == b'{"got":null}'


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "part"),
    [
        ("POST", "/", b"{bad", 400, "not valid JSON"),
        ("POST", "/", b'"missing"', 404, "no such user"),
        ("POST", "/", b'"bug"', 500, "ZeroDivisionError: x"),
        ("POST", "/", b'"object"', 500, "object cannot be written as JSON"),
        ("OPTIONS", "/", None, 405, "OPTIONS is not allowed"),
        ("POST", "/healthz", b"", 405, "POST is not allowed"),
        ("POST", "/", b" " * 1001, 413, "larger than 1000 bytes"),
    ],
)
def test_failures(
    server: RunningServer, method: str, path: str, body: bytes, status: int, part: str
) -> None:
    found, text, _ = call(
        server, method, path, body, content_type="application/json", MLRUN_EVENT_ID="e-1"
    )
    document = json.loads(text)
    assert found == status and part in document["error"]
    if status == 500 and "Zero" in part:
        assert document["step"] == "work" and document["event_id"] == "e-1"


def test_a_chunked_body_over_the_limit_is_refused(server: RunningServer) -> None:
    host, _, port = server.url.rpartition("/")[2].partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        raw.sendall((b"400\r\n" + b" " * 1024 + b"\r\n") * 2)
        assert raw.recv(4096).startswith(b"HTTP/1.1 413")


def test_garbage_and_a_client_that_leaves_do_no_harm(server: RunningServer) -> None:
    host, _, port = server.url.rpartition("/")[2].partition(":")
    for sent in (
        b"\x00\xff\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nab",
    ):
        with socket.create_connection((host, int(port)), timeout=10) as raw:
            raw.sendall(sent)
    assert call(server, "GET", "/readyz")[0] == 200


def test_health(server: RunningServer) -> None:
    assert call(server, "GET", "/healthz")[:2] == (200, b'{"status":"ok"}')
    assert call(server, "HEAD", "/readyz")[:2] == (200, b"")


def test_a_step_decides_bytes_and_headers(server: RunningServer) -> None:
    status, body, headers = call(server, "POST", "/", b'"bytes"')
    assert (status, body) == (201, b"\x00\x01")
    assert (headers["x-mine"], headers["content-type"]) == ("1", "image/png")


def test_concurrent_callers_get_their_own_answers(server: RunningServer) -> None:
    wrong: list[int] = []

    def caller(number: int) -> None:
        for value in range(number * 20, number * 20 + 20):
            if json.loads(call(server, "POST", "/", b"%d" % value)[1]) != {"got": value}:
                wrong.append(value)

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_ports(server: RunningServer) -> None:
    graph = flow()
    graph.to(work).respond()
    with pytest.raises(ConflictError, match="cannot listen"):
        serve(graph, port=int(server.url.rpartition(":")[2]))
    with pytest.raises(InvalidArgumentError, match="port 70000"):
        serve(graph, port=70000)
    with pytest.raises(GraphError):
        serve(flow())


def test_stop_frees_the_port_and_may_be_called_twice() -> None:
    graph = flow()
    running = serve(graph.to("work").respond())
    port = int(running.url.rpartition(":")[2])
    running.stop()
    running.stop()
    with serve(graph, port=port) as again:
        assert call(again, "GET", "/healthz")[0] == 200


def test_the_blocking_form_ends_with_sigterm() -> None:
    code = (
        "from mlrun_like.serving.definition.graph import flow\n"
        "from mlrun_like.serving.web.serve import serve_forever\n"
        "step = flow().to(abs).respond()\n"
        "serve_forever(step, port=0, started=lambda url: print(url, flush=True))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(url, data=b"-4", timeout=10) as answer:
            assert answer.read() == b"4"
        process.terminate()
        assert process.wait(10) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.communicate()


def test_serving_needs_no_web_framework() -> None:
    source = Path(__file__).parents[3] / "mlrun_like" / "serving"
    for path in source.rglob("*.py"):
        assert "import starlette" not in path.read_text() and "fastapi" not in path.read_text()
