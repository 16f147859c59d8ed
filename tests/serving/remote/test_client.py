"""The client against servers that break the rules, go away, or send people elsewhere."""

from __future__ import annotations

import asyncio
import gzip
import multiprocessing
import socket
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.remote import HttpClient, connections, sockets, wire
from mlrun_like.serving.remote.address import joined, parse_url, tls_context
from mlrun_like.serving.remote.trying import Request, Retries
from mlrun_like.serving.remote.wire import Answer, Fault, Wire, http11
from tests.serving.remote.upstream import Script, Upstream

NEVER = Retries(0)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def says(*pieces: bytes, end: bool = False, pause: float = 0.0) -> Callable[[socket.socket], None]:
    def play(connected: socket.socket) -> None:
        for piece in pieces:
            connected.sendall(piece)
            time.sleep(pause)
        if end:
            connected.shutdown(socket.SHUT_RDWR)

    return play


@pytest.fixture(params=["thread", "loop"])
def ask(request: pytest.FixtureRequest) -> Callable[..., Any]:
    def asked(
        *requests: Request, retries: Retries = NEVER, timeout: float = 20.0, rest: float = 0.0
    ) -> Any:
        client = HttpClient()

        async def main() -> list[Any]:
            found = []
            for number, item in enumerate(requests):
                await asyncio.sleep(rest if number else 0)
                found.append(await client.send_async(item, retries, timeout))
            return found

        found: list[Any] = []
        if request.param == "loop":
            found = asyncio.run(main())
        else:
            for number, item in enumerate(requests):
                time.sleep(rest if number else 0)
                found.append(client.send(item, retries, timeout))
        client.close()
        return found[0] if len(found) == 1 else found

    return asked


def get(url: str, method: str = "GET", body: bytes | None = None) -> Request:
    return Request(method, url, {}, body)


@pytest.mark.parametrize(
    ("pieces", "body"),
    [
        ([OK], b"ok"),
        ([OK[:9], OK[9:30], OK[30:]], b"ok"),
        ([bytes([byte]) for byte in OK], b"ok"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n", OK], b"ok"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"],
         b"ok"),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], b""),
        ([b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n"], b""),
    ],
)  # fmt: skip
def test_whole_answers(ask: Callable[..., Any], pieces: list[bytes], body: bytes) -> None:
    with Script(says(*pieces)) as server:
        for found in ask(get(server.url), get(server.url)):
            assert isinstance(found, Answer) and found.body == body
        assert server.connections == 1


def test_an_answer_that_ends_with_the_connection(ask: Callable[..., Any]) -> None:
    with Script(says(b"HTTP/1.0 200 OK\r\n\r\n", b"some ", b"text", end=True)) as server:
        found = ask(get(server.url), get(server.url))
        assert [answer.body for answer in found] == [b"some text"] * 2
        assert server.connections == 2


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        ([b""], "lost"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok"], "lost"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"], "lost"),
        ([b"HTTP/1.1 200 OK\r\nContent-Le"], "lost"),
        ([b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"], "broken"),
        ([b"SSH-2.0-OpenSSH_9\r\n"], "lost"),
        ([b"SSH-2.0-OpenSSH_9\r\n\r\n"], "broken"),
        ([b"HTTP/1.1 2000 OK\r\n\r\n"], "broken"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"], "broken"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n"], "broken"),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000], "broken"),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000], "broken"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], "broken"),
        ([b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok"], "broken"),
        ([b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nok"], "broken"),
        ([b"\x00" * 70_000], "broken"),
    ],
)
def test_answers_that_are_none(ask: Callable[..., Any], pieces: list[bytes], kind: str) -> None:
    with Script(says(*pieces, end=True)) as server:
        found = ask(get(server.url, "POST", b"x"))
        assert isinstance(found, Fault) and found.kind == kind, found


def test_nothing_of_a_broken_answer_reaches_the_next_request(ask: Callable[..., Any]) -> None:
    def twice(connected: socket.socket) -> None:
        connected.sendall(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")

    with Script(twice, says(OK)) as server:
        found = ask(get(server.url), get(server.url), get(server.url), rest=0.02)
        assert [answer.body for answer in found] == [b"ok"] * 3


def test_what_is_sent_unasked_later_is_not_an_answer(ask: Callable[..., Any]) -> None:
    def more(connected: socket.socket) -> None:
        connected.sendall(OK)
        time.sleep(0.02)
        connected.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")

    with Script(more, says(OK)) as server:
        found = ask(get(server.url), get(server.url), rest=0.06)
        assert [answer.body for answer in found] == [b"ok"] * 2
        assert server.connections == 2


def test_compressed_answers(ask: Callable[..., Any]) -> None:
    for coding, data in (("gzip", gzip.compress(b"ok" * 500)), ("deflate", zlib.compress(b"x"))):
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {len(data)}"
        with Script(says(head.encode() + b"\r\n\r\n" + data)) as server:
            assert ask(get(server.url)).body in (b"ok" * 500, b"x")
            assert b"accept-encoding: identity" in server.requests[0].lower()


def test_answers_are_limited(ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MOST_BYTES", 100_000)
    bomb = gzip.compress(b"\0" * 1_000_000)
    for head, body in (
        (b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n", b"x" * 200_000),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 200_000),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb),
         bomb),
    ):  # fmt: skip
        with Script(says(head + body)) as server:
            found = ask(get(server.url))
            assert isinstance(found, Fault) and found.kind == "broken" and "large" in found.text


def test_a_drip_of_bytes_does_not_stretch_the_time(ask: Callable[..., Any]) -> None:
    with Script(says(*[b"H"] * 1, *[b"x"] * 100, pause=0.05)) as server:
        start = time.monotonic()
        found = ask(get(server.url), timeout=0.3)
        assert found.kind in ("late", "broken") and time.monotonic() - start < 1
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with Script(says(head, *[b"x"] * 1000, pause=0.05)) as server:
        start = time.monotonic()
        assert ask(get(server.url), timeout=0.3).kind == "late"
        assert time.monotonic() - start < 1


def test_a_server_that_accepts_and_says_nothing(ask: Callable[..., Any]) -> None:
    with Script(says()) as server:
        assert ask(get(server.url), timeout=0.2).kind == "late"


def test_a_server_that_does_not_accept(ask: Callable[..., Any]) -> None:
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    fill = [socket.socket() for _ in range(3)]
    for sock in fill:
        sock.setblocking(False)
        sock.connect_ex(full.getsockname())
    found = ask(get(f"http://127.0.0.1:{full.getsockname()[1]}/"), timeout=0.3)
    assert isinstance(found, Fault) and found.kind in ("late", "unsent")
    for sock in (*fill, full):
        sock.close()


@pytest.mark.parametrize(("method", "connections"), [("GET", 2), ("PUT", 2), ("POST", 1)])
def test_a_kept_connection_that_dies_as_the_request_comes(
    ask: Callable[..., Any], method: str, connections: int
) -> None:
    """Sent again at once if that is harmless; a POST may have been heard."""
    count = 0

    def once(connected: socket.socket) -> None:
        nonlocal count
        count += 1
        if count == 2:
            connected.close()
        else:
            connected.sendall(OK)

    with Script(once, says(OK)) as server:
        first, second = ask(get(server.url, method, b"x"), get(server.url, method, b"y"))
        assert first.body == b"ok" and server.connections == connections
        if method == "POST":
            assert isinstance(second, Fault) and second.kind == "lost"
        else:
            assert second.body == b"ok"


def test_a_connection_that_was_closed_meanwhile_is_not_used(ask: Callable[..., Any]) -> None:
    with Script(says(OK, end=True)) as server:
        found = ask(*[get(server.url, "POST", b"x")] * 3, rest=0.05)
        assert [answer.body for answer in found] == [b"ok"] * 3 and server.connections == 3


def test_a_post_does_not_use_a_connection_that_was_idle_for_long(
    ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sockets, connections):
        monkeypatch.setattr(module, "LONGEST_IDLE_ONCE", 0.1)
    with Script(says(OK)) as server:
        ask(get(server.url), get(server.url, "POST", b"x"), rest=0.2)
        assert server.connections == 2
    with Script(says(OK)) as server:
        ask(get(server.url), get(server.url), rest=0.2)
        assert server.connections == 1


@pytest.mark.parametrize(
    ("status", "method", "after"),
    [
        (301, "POST", "GET"), (302, "POST", "GET"), (303, "PUT", "GET"), (302, "PUT", "PUT"),
        (307, "POST", "POST"), (308, "POST", "POST"), (303, "HEAD", "HEAD"), (301, "GET", "GET"),
    ],
)  # fmt: skip
def test_redirects(
    upstream: Upstream, ask: Callable[..., Any], status: int, method: str, after: str
) -> None:
    found = ask(get(f"{upstream.url}/to/{status}", method, None if method == "GET" else b"x"))
    assert found.status == 200
    assert [(got.method, got.path) for got in upstream.got] == [
        (method, f"/to/{status}"), (after, "/json"),
    ]  # fmt: skip
    assert upstream.got[1].body == (b"x" if after in ("POST", "PUT") or after == "HEAD" else b"")


def test_redirects_without_end_or_elsewhere(upstream: Upstream, ask: Callable[..., Any]) -> None:
    found = ask(get(f"{upstream.url}/loop"))
    assert found.kind == "broken" and len(upstream.got) == 6
    for where in ("ftp://host/", "http://", "http://user:pw@host/", "http://h:0/"):
        assert ask(get(f"{upstream.url}/away?{where}")).kind == "broken"


def test_secrets_do_not_follow_to_another_server(
    upstream: Upstream, ask: Callable[..., Any]
) -> None:
    headers = {"authorization": "Bearer x", "cookie": "c", "x-other": "1"}
    other = upstream.url.replace("localhost", "127.0.0.1")
    ask(Request("GET", f"{upstream.url}/away?{other}/json", headers))
    first, second = (got.headers for got in upstream.got)
    assert first["authorization"] == "Bearer x"
    assert "authorization" not in second and "cookie" not in second
    assert second["x-other"] == "1"
    upstream.clear()
    ask(Request("GET", f"{upstream.url}/away?/json", headers))
    assert upstream.got[1].headers["authorization"] == "Bearer x"


@pytest.mark.parametrize("method", ["", "GE T", "GET\r\nX: y", "GÉT"])
def test_methods_that_are_none(upstream: Upstream, ask: Callable[..., Any], method: str) -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be sent"):
        ask(get(f"{upstream.url}/json", method))


def test_large_bodies_both_ways(upstream: Upstream, ask: Callable[..., Any]) -> None:
    body = bytes(range(256)) * 80_000
    assert ask(get(f"{upstream.url}/echo", "POST", body)).body == body


def test_a_cancelled_request_closes_its_connection() -> None:
    with Script(says()) as server:
        client = HttpClient()

        async def main() -> None:
            task = asyncio.ensure_future(client.send_async(get(server.url), NEVER))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await client.send_async(get(server.url), NEVER, 0.1) == Fault(
                "late", "it timed out"
            )
            assert server.connections == 2

        asyncio.run(main())
        client.close()


def test_one_client_in_many_loops_and_after_close(upstream: Upstream) -> None:
    client = HttpClient()
    for _ in range(3):
        found = asyncio.run(client.send_async(get(f"{upstream.url}/json"), NEVER))
        assert isinstance(found, Answer) and found.status == 200
    assert upstream.connections == 3
    for _ in range(2):
        client.close()
        answer = client.send(get(f"{upstream.url}/json"), NEVER)
        assert isinstance(answer, Answer)
    client.close()


def _in_child(url: str, client: HttpClient, results: Any) -> None:
    found = client.send(get(url), NEVER)
    results.put(found.body if isinstance(found, Answer) else repr(found))


def test_a_forked_process_has_connections_of_its_own(upstream: Upstream) -> None:
    client = HttpClient()
    client.send(get(f"{upstream.url}/json"), NEVER)
    forking = multiprocessing.get_context("fork")
    results = forking.Queue()
    child = forking.Process(target=_in_child, args=(f"{upstream.url}/text", client, results))
    child.start()
    assert results.get(timeout=10) == b"my str"
    child.join(10)
    answer = client.send(get(f"{upstream.url}/json"), NEVER)
    assert isinstance(answer, Answer) and answer.body == b'{"ok": true}'
    assert upstream.connections == 2
    client.close()


def test_pauses_double_up_to_a_limit_and_servers_may_ask_for_longer() -> None:
    retries = Retries(20, backoff=1.0)
    lost = Fault("lost", "")
    for attempt in (1, 2, 3, 10, 20):
        pause = retries.pause(attempt, "GET", lost)
        top = min(120.0, 2.0 ** (attempt - 1))
        assert pause is not None and top / 2 <= pause <= top
    assert retries.pause(21, "GET", lost) is None
    assert retries.pause(1, "POST", lost) is None
    assert Retries(1, always=True).pause(1, "POST", lost) is not None
    assert retries.pause(1, "POST", Fault("unsent", "")) is not None
    for kind in ("broken", "untrusted"):
        assert retries.pause(1, "GET", Fault(kind, "")) is None
    assert retries.pause(1, "GET", Answer(404, {}, b"")) is None
    assert retries.pause(1, "GET", Answer(501, {}, b"")) is None
    asked = retries.pause(1, "GET", Answer(503, {"retry-after": "30"}, b""))
    assert asked == 30
    for odd in ("-5", "soon", "1e9", "", "9" * 400, "²"):
        pause = retries.pause(1, "GET", Answer(503, {"retry-after": odd}, b""))
        assert pause is not None and pause <= 120


@given(st.binary(max_size=300), st.integers(1, 40))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_an_answer_a_fault_or_not_enough(data: bytes, step: int) -> None:
    for start in (
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ):
        wire_ = Wire(http11())
        wire_.request("GET", parse_url("http://h/"), {}, None)
        found = None
        for piece in (start, *(data[i : i + step] for i in range(0, len(data), step)), b""):
            found = wire_.receive(piece) if piece or found is None else found
            if found is not None:
                break
        assert found is None or isinstance(found, (Answer, Fault))


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_url_is_parsed_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"http://h/{text}"):
        try:
            found = parse_url(url)
        except InvalidArgumentError:
            continue
        assert found.scheme in ("http", "https") and 0 < found.port < 65536
        assert found.target.isascii() and found.target.startswith("/")
        assert not set(found.target + found.authority) & set(" \r\n\t\0")


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_a_joined_path_stays_below_its_base(path: str) -> None:
    try:
        found = parse_url(joined("http://h/base/", path))
    except InvalidArgumentError:
        return
    assert found.target.startswith("/base/") and found.authority == "h"
    assert "?" not in found.target and "/../" not in found.target + "/"


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "target"),
    [
        ("http://h", "h", 80, "h", "/"),
        ("https://H:443/a?b=c d#e", "h", 443, "h", "/a?b=c%20d"),
        ("http://[::1]:8080/x", "::1", 8080, "[::1]:8080", "/x"),
        ("http://h/%7Ea/%2F", "h", 80, "h", "/%7Ea/%2F"),
        (
            "http://bücher.example/ü",
            "xn--bcher-kva.example",
            80,
            "xn--bcher-kva.example",
            "/%C3%BC",
        ),
    ],
)
def test_addresses(url: str, host: str, port: int, authority: str, target: str) -> None:
    found = parse_url(url)
    assert (found.host, found.port, found.authority, found.target) == (
        host, port, authority, target,
    )  # fmt: skip


def test_certificate_files_that_are_none(tmp_path: Any) -> None:
    (tmp_path / "bad.pem").write_text("hello")
    for path in (str(tmp_path / "bad.pem"), str(tmp_path / "missing.pem")):
        with pytest.raises(InvalidArgumentError, match="certificates"):
            tls_context(path)
