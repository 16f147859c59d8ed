from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlrun_like.gateway.http.front import Limits
from tests.gateway.http.fronts import Client, Echo, Held, Server, request, serving, until

QUICK = Limits(io_timeout=0.3, keep_alive=0.3, slowest=1e6, linger=0.2)
HEAD = b"POST /p/f/ HTTP/1.1\r\nHost: a\r\n"
NEXT = b"GET /p/f/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(Echo()) as found:
        yield found


def alive(server: Server) -> bool:
    return server.ask(request()).status == 200


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT,
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" + NEXT,
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd" + NEXT,
        HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" + NEXT,
        HEAD + b"Content-Length: 3, 3\r\n\r\nabc" + NEXT,
        HEAD + b"Content-Length: +3\r\n\r\nabc" + NEXT,
        HEAD + b"Content-Length: -3\r\n\r\nabc" + NEXT,
        HEAD + b"Content-Length: 0x3\r\n\r\nabc" + NEXT,
        HEAD + b"Content-Length: 3 4\r\n\r\nabc" + NEXT,
        HEAD + b"Content-Length: \r\n\r\nabc" + NEXT,
        HEAD + b"Content-Length: " + b"9" * 30 + b"\r\n\r\nabc" + NEXT,
        HEAD + b"Content-Length : 3\r\n\r\nabc" + NEXT,
        HEAD + b"Content-Length: 3\r\n Content-Length: 4\r\n\r\nabc" + NEXT,
        HEAD + b"Transfer-Encoding: identity\r\n\r\nabc" + NEXT,
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + NEXT,
        HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + NEXT,
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" + NEXT,
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + NEXT,
        HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + NEXT,
        HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + NEXT,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nZ\r\nabc\r\n0\r\n\r\n" + NEXT,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n" + NEXT,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n" + NEXT,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\nabc\r\n" + NEXT,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3 \x00\r\nabc\r\n0\r\n\r\n" + NEXT,
        HEAD + b"Transfer-Encoding: chunked\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n0\r\n\r\n",
        b"POST /p/f/ HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT,
        b"GET /p/f/ HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
        b"GET /p/f/ HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n",
        b"GET /p/f/ HTTP/1.1\r\nHost: a\r\nX-A: a\r\n X-Mlrun-Like-Caller: root\r\n\r\n",
        b"GET /p/f/ HTTP/1.1\r\nHost: a\r\nX A: b\r\n\r\n",
        b"GET /p/f/ HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
        b"GET /p/f/ HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n",
        b"GET /p/f/\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /p/f/ a HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /p/f/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /p/f/ HTTP/1.1\r\nHost: a/b\r\n\r\n",
        b"GET /p/f/ HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET /p/f/ HTTP/1.1\r\n\r\n",
        b"GET /p/f/ HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET /p/f/ HTTP/0.9\r\n\r\n",
        b"GET /p/f/ HTTPS/1.1\r\nHost: a\r\n\r\n",
        b"GET /p/f/\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"CONNECT here:80 HTTP/1.1\r\nHost: here:80\r\n\r\n" + NEXT,
        b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n" + b"",
        b"GET p/f HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 a TLS hello",
        b"\x00" * 100,
        b"FOO BAR\r\n\r\n",
        b"get /p/f/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /p/f/\u00e4 HTTP/1.1\r\nHost: a\r\n\r\n".encode("latin-1") + b"\r\n" * 3 + b"\x00",
    ],
)
def test_broken_requests_are_refused_and_nothing_behind_them_is_read(
    server: Server, data: bytes
) -> None:
    with server.client() as client:
        found = client.send(data).rest()
        if b"OPTIONS *" in data:
            return
        assert b"smuggled" not in found and b"root" not in found
        assert found.count(b"HTTP/1.1 ") <= 2
        last = found[found.rindex(b"HTTP/1.1 ") :]
        assert last[9:12] in (b"400", b"413", b"501", b"505"), found
        assert b"connection: close" in last
    assert alive(server)


def test_what_is_strange_but_right_is_answered(server: Server) -> None:
    for data in (
        b"\r\n\r\n" + request(),
        b"GET /p/f/ HTTP/1.1\r\nhOsT:a\r\n\r\n",
        b"GET /p/f/ HTTP/1.1\r\nHost:   a  \r\nX-Empty:\r\n\r\n",
        b"GET /p/f/%00%0d%0a?a=%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /p/f/ HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        "GET /p/f/ HTTP/1.1\r\nHost: a\r\nX-A: \u00e4\r\n\r\n".encode("latin-1"),
        HEAD + b"Transfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ):
        assert server.ask(data).status == 200, data


def test_no_header_value_can_become_a_line_of_its_own(server: Server) -> None:
    for mark in (b"\r\n ", b"\r\n\t", b"\n", b"\r", b"\x00", b"\x0b", b"\x1f"):
        with server.client() as client:
            data = b"GET /p/f/ HTTP/1.1\r\nHost: a\r\nX-A: b" + mark + b"Y: z\r\n\r\n"
            found = client.send(data)
            with contextlib.suppress(ConnectionError):
                answer = found.answer()
                for name, value in answer.told.items() if answer.status == 200 else ():
                    assert "\r" not in value and "\n" not in value and "\x00" not in value
                    assert "\r" not in name and "\n" not in name


def test_too_much_of_everything(server: Server) -> None:
    assert server.ask(request("/p/f/" + "a" * 20_000)).status == 414
    assert server.ask(request("/p/f/?" + "a" * 200_000)).status == 414
    big = "".join(f"X-{n}: {'v' * 100}\r\n" for n in range(1000)).encode()
    assert server.ask(b"GET /p/f/ HTTP/1.1\r\nHost: a\r\n" + big + b"\r\n").status == 431
    many = "".join(f"X-{n}: v\r\n" for n in range(300)).encode()
    assert server.ask(b"GET /p/f/ HTTP/1.1\r\nHost: a\r\n" + many + b"\r\n").status == 431
    long = b"GET /p/f/ HTTP/1.1\r\nHost: a\r\nX-Long: " + b"v" * 1_000_000
    with server.client() as client:
        assert client.send(long).answer().status == 431
    with server.client() as client:  # it never ends
        assert client.send(b"GET /" + b"a" * 1_000_000).answer().status == 414
    extension = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 1_000_000
    with server.client() as client:
        assert client.send(extension).answer().status in (400, 431)
    trailers = HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X-A: b\r\n" * 200_000
    with server.client() as client:
        assert client.send(trailers).answer().status in (400, 431)
    assert alive(server)


def test_empty_input_and_half_requests_leave_nothing(server: Server) -> None:
    for data in (b"", b"G", b"GET /p/f/ HTTP/1.1\r\nHost", HEAD + b"Content-Length: 9\r\n\r\nabc"):
        with server.client() as client:
            client.send(data)
            client.sock.shutdown(socket.SHUT_WR)
            assert client.rest() == b""
    until(lambda: not server.do(lambda: len(server.front.connections)))
    assert server.front.buffered == 0


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.sampled_from(
                [
                    b"GET /p/f/ HTTP/1.1\r\n", b"POST /p/f/ HTTP/1.1\r\n", b"Host: a\r\n", b"\r\n",
                    b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"5\r\nabcde\r\n",
                    b"0\r\n\r\n", b"Connection: upgrade\r\n", b"Upgrade: h2c\r\n", b"hello",
                    b"Connection: close\r\n", b"Expect: 100-continue\r\n", b"HTTP/1.0\r\n", b"\x00",
                    b"OPTIONS * HTTP/1.1\r\n", b"HEAD /p/f/ HTTP/1.1\r\n", b"X-A: b\r\n c\r\n",
                    b"CONNECT a:1 HTTP/1.1\r\n", b"GET http://a/p/f/ HTTP/1.1\r\n", b"\n", b"\r",
                ]
            ),
        ),
        max_size=12,
    ),
    st.booleans(),
)  # fmt: skip
@pytest.mark.slow
def test_any_bytes_leave_the_front_alive(server: Server, parts: list[bytes], whole: bool) -> None:
    with server.client() as client:
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.send(*([b"".join(parts)] if whole else parts))
        with contextlib.suppress(OSError):
            client.sock.shutdown(socket.SHUT_WR)
        found = client.rest()
        assert not found or found.startswith(b"HTTP/1.1 ")
    assert alive(server) and server.front.buffered == 0


def slow(server: Server, data: bytes) -> bytes:
    with server.client() as client:
        return client.send(data).rest()


def test_slow_heads_and_bodies_are_given_up() -> None:
    with serving(Echo(), limits=QUICK) as server:
        assert slow(server, b"") == b""
        assert slow(server, b"GET /p/f/ HTTP/1.1\r\n").startswith(b"HTTP/1.1 408 ")
        assert slow(server, HEAD + b"Content-Length: 9\r\n\r\nabc").startswith(b"HTTP/1.1 408 ")
        chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n"
        assert slow(server, chunked).startswith(b"HTTP/1.1 408 ")
        found = slow(server, request())  # an unused connection ends without a word
        assert found.startswith(b"HTTP/1.1 200 ") and found.count(b"HTTP/1.1 ") == 1


@pytest.mark.slow
def test_byte_by_byte_is_slow_too() -> None:
    with serving(Echo(), limits=QUICK) as server, server.client() as client:
        for byte in b"GET /p/f/ HTTP/1.1\r\nX-Slow: " + b"a" * 10_000:
            client.send(bytes([byte]))
            with contextlib.suppress(TimeoutError, BlockingIOError):
                client.sock.settimeout(0.005)
                if client.sock.recv(12, socket.MSG_PEEK):
                    break
        client.sock.settimeout(20)
        assert client.answer().status == 408


@pytest.mark.slow
def test_a_function_may_take_longer_than_clients_may() -> None:
    service = Held()
    with serving(service, limits=QUICK) as server, server.client() as client:
        client.send(request())
        call = service.next()
        server.run(_sleep(0.8))
        server.do(call.reply.answer, 200, b"\r\nat last")
        assert client.answer().body == b"at last"


async def _sleep(seconds: float) -> None:
    await asyncio.sleep(seconds)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.slow
def test_who_never_reads_the_answer_is_cut_off(streamed: bool) -> None:
    service = Held()
    with serving(service, limits=QUICK) as server, server.client() as client:
        client.send(request())
        call = service.next()
        if streamed:
            server.do(call.reply.start, 200, b"")
            server.do(call.reply.chunk, b"x" * 30_000_000)
        else:
            server.do(call.reply.answer, 200, b"\r\n" + b"x" * 30_000_000)
        until(lambda: not server.do(lambda: len(server.front.connections)))


@pytest.mark.slow
def test_who_never_reads_small_answers_is_cut_off() -> None:
    with serving(Echo(), limits=QUICK) as server:
        clients = []
        for _ in range(3):
            client = server.client()
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            clients.append(client)
            client.sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                for _ in range(200):
                    client.sock.sendall(request() * 100)
        until(lambda: not server.do(lambda: len(server.front.connections)))
        assert alive(server)
        for client in clients:
            client.close()


def test_too_many_connections() -> None:
    with serving(Echo(), limits=Limits(connections=3)) as server:
        held: list[Client] = []
        for _ in range(3):
            held.append(server.client())
            assert held[-1].ask(request()).status == 200
        with server.client() as more:
            found = more.answer()
            assert found.status == 503 and found.headers["retry-after"] == "1" and more.is_over()
        assert held[0].ask(request()).status == 200
        for client in held:
            client.close()
        until(lambda: server.ask(request()).status == 200)


def test_many_large_bodies_do_not_fill_the_memory() -> None:
    with serving(Held(), limits=Limits(buffered=3_000_000)) as server:
        clients = [server.client() for _ in range(4)]
        for client in clients:
            client.send(request("/p/f/", "POST", Content_Length="1000000"))
            until(lambda: server.do(lambda: server.front.connections))
        answer = clients[3].answer()
        assert answer.status == 503 and answer.code == "overloaded"
        until(lambda: server.front.buffered == 3_000_000)
        clients[0].close()
        until(lambda: server.front.buffered == 2_000_000)
        chunked = server.client()
        chunked.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(40):
            chunked.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        assert chunked.answer().status == 503
        for client in (*clients, chunked):
            client.close()
        until(lambda: server.front.buffered == 0)
