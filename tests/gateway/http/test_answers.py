from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mlrun_like.gateway.call import Call
from mlrun_like.gateway.http.answers import body_of, clean_lines
from mlrun_like.gateway.http.front import Limits
from mlrun_like.gateway.http.tunnel import Tunnel
from tests.gateway.http.fronts import Echo, Held, Server, request, serving, until


class Fixed(Echo):
    """Answers what the test says."""

    status, content = 200, b""

    def submit(self, call: Call) -> None:
        call.version = 1
        call.reply.answer(self.status, self.content)


@pytest.fixture(scope="module")
def held() -> Iterator[tuple[Server, Held]]:
    service = Held()
    with serving(service) as server:
        yield server, service


@pytest.mark.parametrize(
    ("status", "content", "body"),
    [
        (200, b"content-length: 2\r\n\r\nhi", b"hi"),
        (200, b"content-length: 99\r\n\r\nhi", b"hi"),
        (200, b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nhi", b"hi"),
        (200, b"\r\nhi", b"hi"),
        (200, b"\r\n", b""),
        (404, b"x: y\r\n\r\n" + b"z" * 100_000, b"z" * 100_000),
        (204, b"\r\nno body may come here", b""),
        (304, b"etag: a\r\n\r\n", b""),
        (299, b"\r\nrare", b"rare"),
        (999, b"\r\nrarer", b"rarer"),
        (200, b"x: a\nb: c\r\ny z: 1\r\n\x00: 1\r\nDate: never\r\n\r\nhi", b"hi"),
    ],
)
def test_an_answer_is_one_answer_whatever_the_worker_says(
    status: int, content: bytes, body: bytes
) -> None:
    service = Fixed()
    service.status, service.content = status, content
    with serving(service) as server, server.client() as client:
        for _ in range(3):  # right heads are remembered
            found = client.ask(request())
            assert (found.status, found.body) == (status, body)
            assert not {"transfer-encoding", "connection", "x", "y z"} & set(found.headers) - (
                {"x"} if status == 404 else set()
            )
            assert found.headers["date"] != "never"


@pytest.mark.parametrize(
    ("status", "content"),
    [(200, b"no end"), (0, b"\r\n"), (100, b"\r\n"), (199, b"\r\n"), (1000, b"\r\n"), (200, b"")],
)
def test_what_is_no_answer_becomes_one(status: int, content: bytes) -> None:
    service = Fixed()
    service.status, service.content = status, content
    with serving(service) as server:
        found = server.ask(request())
        assert found.status == 502 and found.code == "bad_answer"
        assert server.ask(request(method="HEAD"), head=True).status == 502


def test_heads_that_are_remembered_fit_their_bodies() -> None:
    head = b"a: b\r\ncontent-length: 2\r\n\r\n"
    assert body_of(200, head + b"hi") == (head + b"hi", len(head))
    assert body_of(200, head + b"hello")[0].endswith(b"content-length: 5\r\n\r\nhello")
    assert body_of(204, head + b"hi") == (b"a: b\r\n\r\n", 8)
    assert clean_lines(b"a: b\r\n\r\nc: d\r\n") == b"a: b\r\nc: d\r\n"


def test_head_tells_the_length_that_get_would_have(held: tuple[Server, Held]) -> None:
    server, service = held
    for content, length in ((b"content-length: 7\r\n\r\n", "7"), (b"\r\nhello", "5")):
        with server.client() as client:
            client.send(request(method="HEAD"))
            server.do(service.next().reply.answer, 200, content)
            assert client.answer(head=True).headers["content-length"] == length


def begin(server: Server, service: Held, data: bytes, headers: bytes = b"") -> tuple[Any, Call]:
    client = server.client().send(data)
    call = service.next()
    server.do(call.reply.start, 200, headers)
    return client, call


def test_a_stream_comes_as_it_is_made(held: tuple[Server, Held]) -> None:
    server, service = held
    client, call = begin(server, service, request(), b"content-type: text/plain\r\n")
    with client:
        assert call.started
        head = client._until(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head and b"content-type: text/plain" in head
        server.do(call.reply.chunk, b"one")
        assert client._exactly(8) == b"3\r\none\r\n"
        server.do(call.reply.chunk, b"")
        server.do(call.reply.chunk, b"two")
        server.do(lambda: call.reply.end(complete=True))
        assert client._exactly(13) == b"3\r\ntwo\r\n0\r\n\r\n"
        client.send(request("/p/f/2"))  # the connection lives on
        server.do(service.next().reply.answer, 200, b"\r\nhi")
        assert client.answer().body == b"hi"


def test_a_stream_to_http_1_0_ends_with_the_connection(held: tuple[Server, Held]) -> None:
    server, service = held
    client, call = begin(server, service, b"GET /p/f/ HTTP/1.0\r\n\r\n")
    with client:
        server.do(call.reply.chunk, b"abc")
        server.do(lambda: call.reply.end(complete=True))
        found = client.answer()
        assert found.body == b"abc" and "transfer-encoding" not in found.headers


def test_a_stream_of_known_length(held: tuple[Server, Held]) -> None:
    server, service = held
    client, call = begin(server, service, request(), b"Content-Length: 6\r\n")
    with client:
        server.do(call.reply.chunk, b"abcd")
        server.do(call.reply.chunk, b"efgh is too much")
        server.do(lambda: call.reply.end(complete=True))
        found = client.answer()
        assert found.body == b"abcdef" and found.headers["content-length"] == "6"
    client, call = begin(server, service, request(), b"content-length: 6\r\n")
    with client:
        server.do(call.reply.chunk, b"abc")
        server.do(lambda: call.reply.end(complete=True))  # too little: it broke off
        assert client.rest().endswith(b"abc")


def test_a_stream_that_breaks_off_is_seen_as_such(held: tuple[Server, Held]) -> None:
    server, service = held
    client, call = begin(server, service, request())
    with client:
        server.do(call.reply.chunk, b"abc")
        server.do(lambda: call.reply.end(complete=False))
        assert b"0\r\n\r\n" not in client.rest()
    gate = server.router.gates.get("p/f")
    assert gate is not None and gate.numbers.of(1).torn >= 1


def test_head_of_a_stream_has_no_body(held: tuple[Server, Held]) -> None:
    server, service = held
    client, call = begin(server, service, request(method="HEAD"))
    with client:
        server.do(call.reply.chunk, b"abc")
        server.do(lambda: call.reply.end(complete=True))
        assert client.answer(head=True).status == 200
        client.send(request("/p/f/2"))
        server.do(service.next().reply.answer, 200, b"\r\nhi")
        assert client.answer().body == b"hi"


def test_a_slow_reader_holds_the_worker_back(held: tuple[Server, Held]) -> None:
    server, service = held
    client, call = begin(server, service, request())
    taken: list[int] = []
    call.on_taken = taken.append
    part = b"x" * (1 << 20)
    with client:
        server.do(call.reply.chunk, part[:10])
        assert taken == [10]  # at once: the connection took it
        for _ in range(24):
            server.do(call.reply.chunk, part)
        assert sum(taken) < 24 << 20
        reader = threading.Thread(target=client.answer)
        reader.start()
        until(lambda: sum(taken) == (24 << 20) + 10)
        server.do(lambda: call.reply.end(complete=True))
        reader.join(20)


def test_who_leaves_in_the_middle_of_a_stream_cancels_it(held: tuple[Server, Held]) -> None:
    server, service = held
    client, call = begin(server, service, request())
    server.do(call.reply.chunk, b"abc")
    client.close()
    until(lambda: call in service.cancelled)
    server.do(call.reply.chunk, b"more")
    server.do(lambda: call.reply.end(complete=True))


# Draining --------------------------------------------------------------------------------


def test_a_gateway_that_ends_answers_one_more_on_each_connection() -> None:
    service = Held()
    with serving(service, limits=Limits(linger=0.3)) as server:
        idle, used, busy = server.client(), server.client(), server.client()
        for client in (idle, used):
            client.send(request())
            server.do(service.next().reply.answer, 200, b"\r\n1")
            assert "connection" not in client.answer().headers
        busy.send(request("/p/f/busy"))
        call = service.next()
        server.do(server.front.drain)
        used.send(request())
        server.do(service.next().reply.answer, 200, b"\r\n2")
        found = used.answer()
        assert found.headers["connection"] == "close" and used.is_over()
        assert idle.is_over()
        server.do(call.reply.answer, 200, b"\r\n" + b"3" * 3_000_000)
        found = busy.answer()
        assert len(found.body) == 3_000_000 and found.headers["connection"] == "close"
        for client in (idle, used, busy):
            client.close()
        assert server.ask(request("/-/ready")).status == 503
        assert server.ask(request("/-/health")).status == 200


def test_close_waits_for_what_is_under_way() -> None:
    service = Held()
    with serving(service) as server, server.client() as client:
        client.send(request())
        call = service.next()
        closing = asyncio.run_coroutine_threadsafe(server.listener.close(20.0), server.loop)
        until(lambda: server.front.draining)
        server.do(call.reply.answer, 200, b"\r\nin time")
        assert client.answer().body == b"in time"
        client.close()
        closing.result(20)


# Tunnels --------------------------------------------------------------------------------


class Proxy(Echo):
    """Opens tunnels that send everything back."""

    proxies = True
    last: Any = None

    def open(self, tunnel: Tunnel, call: Call) -> Any:
        call.version = 1
        self.last = call
        if call.target == b"/refused":
            call.reply.answer(503, b"\r\nnobody")
            return None
        if call.target == b"/closed":
            tunnel.refuse(502, "lost", "no application")
            return None
        tunnel.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        return Sink(tunnel)


class Sink:
    def __init__(self, tunnel: Tunnel) -> None:
        self.tunnel = tunnel
        self.events: list[str] = []

    def data(self, data: bytes) -> None:
        self.tunnel.write(data)

    def eof(self) -> None:
        self.tunnel.close()

    def lost(self) -> None:
        self.events.append("lost")

    def pause(self) -> None:
        self.tunnel.pause_reading()

    def resume(self) -> None:
        self.tunnel.resume_reading()


def test_upgrades_become_tunnels_for_services_that_proxy() -> None:
    service = Proxy()
    ask = request("/p/f/ws", Connection="Upgrade", Upgrade="websocket", Sec_WebSocket_Key="k")
    with serving(service) as server:
        with server.client() as client:
            client.send(request() + ask + b"early")
            assert client.answer().status == 200
            assert client._until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 ")
            assert client._exactly(5) == b"early"
            headers = dict(service.last.headers)
            assert headers[b"upgrade"] == b"websocket" and headers[b"connection"] == b"Upgrade"
            assert headers[b"sec-websocket-key"] == b"k" and service.last.target == b"/ws"
            data = bytes(range(256)) * 40_000
            sender = threading.Thread(target=client.send, args=(data,))
            sender.start()
            assert client._exactly(len(data)) == data
            sender.join(20)
        gate = server.router.gates.get("p/f")
        assert gate is not None
        until(lambda: gate.numbers.of(1).statuses.get(101) == 1)
        assert gate.numbers.in_flight == 0 and not gate.numbers.of(1).cancelled
        for path, status in (("refused", 503), ("closed", 502)):
            again = request(f"/p/f/{path}", Connection="Upgrade", Upgrade="websocket")
            assert server.ask(again).status == status
        assert server.ask(request("/none/x", Connection="Upgrade", Upgrade="ws")).status == 404
        plain = request("/p/f/x", "POST", b"hi", Connection="Upgrade", Upgrade="h2c")
        assert server.ask(plain).json["body"] == "hi"  # with a body it is no tunnel
