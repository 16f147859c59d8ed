"""The HTTP client: connections, parts, replies of every form, servers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from mlrun_like.errors import InvalidArgumentError, TooLargeError
from mlrun_like.serving.web.outgoing import HttpClient
from mlrun_like.serving.web.reply import ReplyReader, parse_url, request_bytes
from mlrun_like.serving.web.run import RunningServer


@pytest.mark.parametrize(
    ("reply", "body", "keep"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", b"abc", True),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", b"", False),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na", b"a", False),
        (b"HTTP/1.1 200 OK\r\n\r\nto the end", b"to the end", False),
        (b"HTTP/1.1 204 \r\n\r\n", b"", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na", b"a", True),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;x=y\r\nabc\r\n10\r\n" + b"d" * 16 + b"\r\n0\r\nlast: 1\r\n\r\n",
            b"abc" + b"d" * 16,
            True,
        ),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_replies_in_pieces_of_any_size(reply: bytes, body: bytes, keep: bool, size: int) -> None:
    reader = ReplyReader("GET")
    found = b""
    for start in range(0, len(reply), size):
        found += reader.feed(reply[start : start + size])
    if not reader.done:
        found += reader.feed(b"")
    assert (found, reader.done, reader.keep_alive) == (body, True, keep)


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"SSH-2.0\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab",
        b"HTTP/1.1 200 OK\r\nx: " + b"a" * 300_000,
    ],
)
def test_broken_replies_are_connection_errors(reply: bytes) -> None:
    reader = ReplyReader("GET")
    with pytest.raises(ConnectionError):
        reader.feed(reply or b"")
        reader.feed(b"")


def test_requests() -> None:
    _, parts = parse_url("http://user@localhost:81/ä b?q=ž")
    sent = request_bytes("POST", parts, {"X-A": "1", "Content-Length": "9"}, b"xy")
    assert sent == (
        b"POST /%C3%A4%20b?q=%C5%BE HTTP/1.1\r\nhost: localhost:81\r\n"
        b"x-a: 1\r\ncontent-length: 2\r\n\r\nxy"
    )
    for url in ("localhost", "ftp://x", "http://", "http://x:port", "http://[1"):
        with pytest.raises(InvalidArgumentError, match="not a URL"):
            parse_url(url)
    for headers in ({"a": "b\r\nc: d"}, {"a": "ž"}):
        with pytest.raises(InvalidArgumentError):
            request_bytes("GET", parts, headers, b"")


@contextlib.contextmanager
def answering(work: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that treats each connection in its own way."""
    listening = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with contextlib.suppress(OSError):
            while True:
                raw, _ = listening.accept()
                with raw, contextlib.suppress(OSError):
                    work(raw)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(5)


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def both(client: HttpClient, url: str, timeout: float | None = None) -> list[object]:
    """What the blocking and the async form give, or raise."""

    async def ask() -> object:
        try:
            return (await client.send_async("POST", url, b"x", timeout=timeout)).body
        finally:
            await client.close_async()

    def plainly() -> object:
        return client.send("POST", url, b"x", timeout=timeout).body

    def in_a_loop() -> object:
        return asyncio.run(ask())

    found: list[object] = []
    for call in (plainly, in_a_loop):
        try:
            found.append(call())
        except OSError as exc:
            found.append(type(exc))
    return found


def test_connections_are_kept_and_stale_ones_replaced() -> None:
    opened: list[int] = []

    def twice(raw: socket.socket) -> None:
        opened.append(1)
        for _ in range(2):
            if not raw.recv(1000):
                return
            raw.sendall(OK)

    with answering(twice) as url, HttpClient() as client:
        for _ in range(6):
            assert client.send("GET", url).body == b"ok"
            time.sleep(0.01)  # the end of the connection arrives
    assert len(opened) == 3


def test_servers_that_break_off_or_say_nothing() -> None:
    with HttpClient(timeout=5) as client:
        with answering(lambda raw: raw.close()) as url:
            assert all(issubclass(kind, ConnectionError) for kind in both(client, url))  # type: ignore[arg-type]
        with answering(lambda raw: time.sleep(0.5)) as url:
            assert both(client, url, timeout=0.1) == [TimeoutError, TimeoutError]

        def drop_by_drop(raw: socket.socket) -> None:
            for byte in OK:
                raw.sendall(bytes([byte]))
                time.sleep(0.05)

        with answering(drop_by_drop) as url:  # the limit is for the whole, not for each byte
            assert both(client, url, timeout=0.3) == [TimeoutError, TimeoutError]
        assert both(client, "http://127.0.0.1:9") == [ConnectionRefusedError] * 2


def test_a_reply_is_read_up_to_a_bound() -> None:
    def endless(raw: socket.socket) -> None:
        raw.recv(1000)
        raw.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with contextlib.suppress(OSError):
            while True:
                raw.sendall(b"x" * 50_000)

    with answering(endless) as url, HttpClient(timeout=30, most=100_000) as client:
        with pytest.raises(TooLargeError, match="the answer has more than 100,000 bytes"):
            client.send("GET", url)
        with pytest.raises(TooLargeError, match="the answer has more than 100,000 bytes"):
            asyncio.run(client.send_async("GET", url))
    with answering(lambda raw: raw.sendall(OK)) as url, HttpClient(most=2) as client:
        assert client.send("GET", url).body == b"ok"


def test_many_threads_and_large_bodies(server: RunningServer) -> None:
    with HttpClient() as client:
        wrong: list[int] = []

        def call(number: int) -> None:
            body = b'"%d%s"' % (number, b"x" * 50_000)
            for _ in range(10):
                reply = client.send("POST", server.url, body, {"content-type": "application/json"})
                if body not in reply.body:
                    wrong.append(number)

        threads = [threading.Thread(target=call, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


def test_async_calls_run_side_by_side(waiting: RunningServer) -> None:
    async def ask() -> float:
        client = HttpClient()
        start = time.monotonic()
        replies = await asyncio.gather(
            *[
                client.send_async("POST", waiting.url, b"0.2", {"content-type": "application/json"})
                for _ in range(20)
            ]
        )
        assert {reply.body for reply in replies} == {b'{"waited":0.2}'}
        await client.close_async()
        return time.monotonic() - start

    assert asyncio.run(ask()) < 2
