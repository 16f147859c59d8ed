"""Input that nobody should send: the right status, no crash, bounded memory."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.web.run import RunningServer
from mlrun_like.serving.web.serve import serve
from tests.serving.web.conftest import body_of, request, status_of, talk

JSON = {"content_type": "application/json"}
BOMB = zlib.compress(b"0" * 50_000_000)

BODIES = [
    (b"{bad", 400, JSON),
    (b"", 200, JSON),
    (b"NaN", 400, JSON),
    (b"[Infinity]", 400, JSON),
    (b"1e400", 400, JSON),
    (b"9" * 5000, 400, JSON),
    (b"9" * 30, 200, JSON),
    (b'{"a": 1, "a": 2}', 200, JSON),
    (b"[" * 50_000, 400, JSON),
    (b"[" * 40_000 + b"]" * 40_000, 400, JSON),
    (b'{"a":' * 10_000, 400, JSON),
    (b'"\xff\xfe"', 400, JSON),
    (b'"\\ud800"', 400, JSON),
    (b'"\x00"', 400, JSON),
    (b"\xef\xbb\xbf[1]", 200, JSON),
    (b"\x00" * 1000, 400, JSON),
    (b"\xff\xd8\xff", 200, {"content_type": "image/jpeg"}),
    (b"{bad", 200, {"content_type": "text/plain"}),
    (b"\xff", 400, {"content_type": "text/plain"}),
    (b"x", 400, {"content_type": "text/plain; charset=nonsense"}),
    (b"x", 400, {"content_type": "multipart/form-data"}),
    (b"x", 400, {"content_type": "multipart/form-data; boundary=b"}),
    (b"a=%ff", 400, {"content_type": "application/x-www-form-urlencoded"}),
    (b"&".join([b"a=1"] * 2000), 400, {"content_type": "application/x-www-form-urlencoded"}),
    (b"not gzip", 400, {**JSON, "content_encoding": "gzip"}),
    (gzip.compress(b"[1]", mtime=0)[:-9], 400, {**JSON, "content_encoding": "gzip"}),
    (gzip.compress(b"[1]", mtime=0), 200, {**JSON, "content_encoding": "gzip"}),
    (BOMB, 413, {**JSON, "content_encoding": "deflate"}),
    (b"x", 415, {**JSON, "content_encoding": "br"}),
    (b"1", 400, {**JSON, "request_timeout": "soon"}),
    (b"1", 400, {**JSON, "request_timeout": "-1"}),
    (b"1", 400, {**JSON, "request_timeout": "nan"}),
    (b"1", 200, {**JSON, "request_timeout": "1e300"}),
    (b" " * 100_001, 413, JSON),
]


@pytest.mark.parametrize(("body", "status", "headers"), BODIES)
def test_bodies(server: RunningServer, body: bytes, status: int, headers: dict[str, str]) -> None:
    answer = talk(server.url, request(body, **headers))
    assert status_of(answer) == status, answer[:300]
    document = json.loads(body_of(answer))
    assert status == 200 or {"error", "code"} <= set(document)


HEADS = [
    (request(path="/%2e%2e/%2e%2e/etc/passwd"), 200),
    (request(path="/../../etc/passwd"), 200),
    (request(path="/a%00b"), 400),
    (request(path="/a%0d%0aX-Evil:%201"), 400),
    (request(path="/%ff%fe"), 200),
    (request(path="/%"), 200),
    (request(path="//a//b"), 200),
    (request(path="/" + "a" * 20_000), 414),
    (request(path="/" + "a" * 200_000), 414),
    (request(path="http://elsewhere/x"), 200),
    (request(path="nowhere"), 400),
    (request(path="/a b"), 400),
    (request(path="*", method="OPTIONS"), 405),
    (request(method="TRACE"), 405),
    (request(method="HEAD"), 405),
    (request(method="BREW"), 400),
    (request(method="get"), 400),
    (request(method="CONNECT", path="x:1"), 405),
    (b"GET /\r\n\r\n", 505),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (request(version="9.9"), 400),
    (request(version="1.0"), 200),
    (b"\x00" * 100, 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    (request(content_length="-1"), 400),
    (request(content_length="many"), 400),
    (request(content_length="1" * 40), 400),
    (request(b"ab", content_length="2\r\ncontent-length: 3"), 400),
    (request(b"0\r\n\r\n", transfer_encoding="chunked"), 400),  # and a length: smuggling
    (request(b"0\r\n\r\n", content_length="-", transfer_encoding="gzip, chunked"), 200),
    (request(b"zz\r\n", content_length="-", transfer_encoding="chunked"), 400),
    (request(b"f" * 20 + b"\r\n", content_length="-", transfer_encoding="chunked"), 400),
    (request(x_big="a" * 100_000), 431),
    (request(x="1\r\n" + "\r\n".join(f"x{n}: 1" for n in range(400))), 431),
    (request(x="a\r\n folded"), 400),
    (b"GET / HTTP/1.1\r\nhost: x\r\nno colon\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nho st: x\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nhost: x\x00\r\n\r\n", 400),
    (request(upgrade="websocket", connection="upgrade", method="GET"), 200),
    (request(upgrade="h2c", connection="upgrade", method="GET"), 200),
]


@pytest.mark.parametrize(("sent", "status"), HEADS)
def test_heads(server: RunningServer, sent: bytes, status: int) -> None:
    answer = talk(server.url, sent, timeout=2)
    assert status_of(answer) == status, (sent[:100], answer[:300])
    assert b"connection: close" in answer


def test_garbage_from_a_generator(server: RunningServer) -> None:
    seed = 7
    for size in (1, 10, 100, 1000, 70_000):
        for start in (b"", b"POST / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\ncontent-length: 9\r\n\r\n"):
            noise = bytearray()
            for _ in range(size):
                seed = (seed * 1103515245 + 12345) % 2**31
                noise.append(seed >> 16 & 255)
            talk(server.url, start + bytes(noise), half_close=True, timeout=2)
    assert status_of(talk(server.url, request(b"1", **JSON))) == 200


def test_a_slow_body_and_a_slow_head_get_408(server: RunningServer) -> None:
    start = time.monotonic()
    parts = request(b"[1]", content_length="100"), b" ", b" "
    answer = talk(server.url, *parts, pause=0.2)
    assert status_of(answer) == 408 and b"0.6 s" in answer
    assert status_of(talk(server.url, b"POST / HTTP/1.1\r\nhost: x\r\n", b"a: b\r\n")) == 408
    assert talk(server.url, b"", timeout=0.3) == b""
    assert time.monotonic() - start < 4


def test_foreign_protocols_are_limited_by_the_application(foreign: str) -> None:
    assert status_of(talk(foreign, request(b"[1]", content_length="100"))) == 408
    assert status_of(talk(foreign, request(b" " * 100_001))) == 413
    chunked = request(b"", content_length="-", transfer_encoding="chunked")
    assert status_of(talk(foreign, chunked, (b"8000\r\n" + b" " * 0x8000 + b"\r\n") * 4)) == 413
    assert status_of(talk(foreign, request(b"{bad", **JSON))) == 400
    assert status_of(talk(foreign, request(b"[1]", **JSON))) == 200


def test_half_closed_clients_get_their_answer(
    server: RunningServer, waiting: RunningServer
) -> None:
    keep = request(b"1", connection="keep-alive", **JSON)
    assert status_of(talk(server.url, keep, half_close=True)) == 200
    answer = talk(waiting.url, request(b"0.1", connection="keep-alive", **JSON), half_close=True)
    assert status_of(answer) == 200 and body_of(answer) == b'{"waited":0.1}'
    assert talk(server.url, request(b"1", content_length="9"), half_close=True) == b""
    # long waits are probed with an interim answer, which every client must skip
    answer = talk(waiting.url, request(b"1.7", **JSON), half_close=True)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


def test_pipelined_requests_are_answered_in_order(
    server: RunningServer, waiting: RunningServer
) -> None:
    for running in (server, waiting):
        sent = b"".join(
            request(b"%g" % (0.05 if n == 1 else n / 1e6), connection="keep-alive", **JSON)
            for n in range(50)
        )
        answer = talk(running.url, sent + request(b"0", **JSON))
        assert answer.count(b"HTTP/1.1 200 OK") == 51
        key = b'"waited":' if running is waiting else b'"body":'
        values = [
            float(part.partition(b"}")[0].partition(b",")[0]) for part in answer.split(key)[1:]
        ]
        assert values == [0.05 if n == 1 else n / 1e6 for n in range(50)] + [0]


def test_expect_100_continue(server: RunningServer) -> None:
    head = request(b"", content_length="3", expect="100-continue", **JSON)
    answer = talk(server.url, head, b"[1]", pause=0.1)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
    head = request(b"", content_length="100001", expect="100-continue", **JSON)
    assert status_of(talk(server.url, head)) == 413


APP = """
from mlrun_like.serving import flow

def size(body):
    return len(body)

graph = flow()
graph.to(size).respond()
"""


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """A server in a process of its own: its URL and the id of the worker."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "app.py").write_text(APP + "import os\nprint('pid', os.getpid(), flush=True)\n")
    words = [sys.executable, "-m", "mlrun_like", "serve", "app.py:graph", "--port", "0"]
    started = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        assert started.stdout is not None
        pid = int(started.stdout.readline().split()[1])
        yield started.stdout.readline().split()[-1], pid
        started.terminate()
        assert started.wait(15) == 0
    finally:
        started.kill()
        started.communicate()


def _resident(pid: int) -> float:
    """Megabytes in memory."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in text.splitlines() if "VmRSS" in line).split()[1]) / 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_a_gigabyte_is_refused_and_costs_no_memory(process: tuple[str, int]) -> None:
    url, pid = process
    before = _resident(pid)
    block = b" " * 1_000_000
    gigabyte = (block for _ in range(1000))
    answer = talk(url, request(b"", content_length="1000000000"), *gigabyte)
    assert status_of(answer) == 413
    chunk = b"f4240\r\n" + block + b"\r\n"
    chunked = request(b"", content_length="-", transfer_encoding="chunked")
    answer = talk(url, chunked, *(chunk for _ in range(1000)))
    assert status_of(answer) == 413
    # 16 MB are allowed, and were collected before the limit was passed
    assert _resident(pid) - before < 60, _resident(pid)
    assert body_of(talk(url, request(b"[1, 2]", **JSON))) == b"2"


@pytest.mark.slow
def test_many_slow_clients_do_not_hold_up_others(process: tuple[str, int]) -> None:
    url, _ = process
    host, _, port = url.rpartition("/")[2].partition(":")
    slow = [socket.create_connection((host, int(port))) for _ in range(200)]
    for number, raw in enumerate(slow):
        raw.sendall(
            b"POST / HTTP/1.1\r\ncontent-length: 10\r\n" + (b"\r\n1" if number % 2 else b"")
        )
    times: list[float] = []

    def client() -> None:
        for _ in range(20):
            start = time.monotonic()
            assert status_of(talk(url, request(b"[1]", **JSON))) == 200
            times.append(time.monotonic() - start)

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(times) == 80 and sorted(times)[40] < 0.5
    for raw in slow:
        raw.close()


@pytest.mark.slow
def test_work_that_nobody_waits_for_is_cancelled() -> None:
    ended: list[float] = []

    async def work(body: float) -> float:
        try:
            await asyncio.sleep(body)
        finally:
            ended.append(monotonic())
        return body

    graph = flow()
    graph.to(work, "work").respond()
    with serve(graph) as running:
        host, _, port = running.url.rpartition("/")[2].partition(":")
        with socket.create_connection((host, int(port))) as raw:
            raw.sendall(request(b"30", **JSON))
            time.sleep(0.1)
        left = time.monotonic()
        while not ended and time.monotonic() - left < 10:
            time.sleep(0.01)
    assert ended and ended[0] - left < 4
