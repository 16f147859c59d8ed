from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway.http.fronts import Echo, Held, Server, request, serving, until


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with serving(Echo(), Echo("p/small", max_body=1000), loop=request.param) as found:
        yield found


def test_a_request_reaches_its_function_and_its_answer_the_client(server: Server) -> None:
    found = server.ask(request("/p/f/v2/x?a=1", "POST", b"hello", Content_Type="text/plain"))
    assert found.status == 200 and found.headers["content-type"] == "application/json"
    assert found.json["method"] == "POST" and found.json["target"] == "/v2/x?a=1"
    assert found.json["body"] == "hello" and not found.json["retryable"]
    assert found.json["client"] == "127.0.0.1"
    told = found.told
    assert told["x-forwarded-for"] == "127.0.0.1" and told["x-forwarded-proto"] == "http"
    assert told["x-forwarded-host"] == "here" and told["x-forwarded-prefix"] == "/p/f"
    assert told["x-request-id"] == found.headers["x-request-id"]
    assert found.headers["date"].endswith("GMT") and "connection" not in found.headers


def test_the_root_of_a_function_is_a_path_too(server: Server) -> None:
    assert server.ask(request("/p/f")).json["target"] == "/"
    assert server.ask(request("/p/f?a=1")).json["target"] == "/?a=1"
    assert server.ask(request("http://here/p/f/x")).json["target"] == "/x"
    assert server.ask(request("http://other:80/p/f/x")).told["host"] == "other:80"
    assert server.ask(request("http://a@b/p/f/x")).status == 400


def test_many_requests_on_one_connection_each_with_its_own_body(server: Server) -> None:
    with server.client() as client:
        ids = set()
        for number in range(50):
            body = b"%d" % (number // 2)  # the same head again, and others
            found = client.ask(request(f"/p/f/{number // 10}", "POST", body))
            assert found.json["body"] == body.decode()
            assert found.json["target"] == f"/{number // 10}"
            assert found.told["x-request-id"] == found.headers["x-request-id"]
            assert len(found.json["headers"]) == len(found.told)
            ids.add(found.headers["x-request-id"])
        assert len(ids) == 50


def test_a_head_that_is_known_goes_elsewhere_when_functions_change() -> None:
    with serving(Echo()) as server, server.client() as client:
        assert [client.ask(request()).json["key"] for _ in range(3)] == ["p/f"] * 3
        server.set(Echo("p/g"))
        assert client.ask(request()).status == 404
        assert [client.ask(request("/p/g/")).status for _ in range(3)] == [200] * 3
        server.set(Echo("p/g", methods=("POST",)))
        assert client.ask(request("/p/g/")).status == 405


def test_known_heads_with_bodies_cut_anywhere(server: Server) -> None:
    with server.client() as client:
        data = request("/p/f/", "POST", b"0123456789")
        for cut in (*range(1, len(data), 7), len(data) - 1):
            client.send(data[:cut])
            client.send(data[cut:])
            assert client.answer().json["body"] == "0123456789"
            assert client.ask(data).json["size"] == 10
        client.send(data + data[:-3])
        assert client.answer().json["size"] == client.ask(data[-3:]).json["size"] == 10


def test_pipelined_requests_are_answered_in_their_order(server: Server) -> None:
    with server.client() as client:
        client.send(b"".join(request(f"/p/f/{n}", "POST", b"%d" % n) for n in range(300)))
        assert [client.answer().json["target"] for _ in range(300)] == [f"/{n}" for n in range(300)]
        client.send(request("/p/f/a") + request("/none/such") + request("/p/f/b"))
        assert [client.answer().status for _ in range(3)] == [200, 404, 200]


def test_the_second_waits_for_the_answer_of_the_first() -> None:
    service = Held()
    with serving(service) as server, server.client() as client:
        client.send(request("/p/f/1") + request("/p/f/2"))
        first = service.next()
        assert first.target == b"/1" and service.calls.empty()
        server.do(first.reply.answer, 200, b"\r\none")
        second = service.next()
        server.do(second.reply.answer, 201, b"\r\ntwo")
        assert client.answer().body == b"one" and client.answer().body == b"two"


def _chunked(target: str, body: bytes) -> bytes:
    parts = [
        b"%x\r\n%b\r\n" % (len(body[at : at + 3]), body[at : at + 3])
        for at in range(0, len(body), 3)
    ]
    head = f"POST {target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head.encode() + b"".join(parts) + b"0\r\n\r\n"


_KINDS = ("plain", "same", "chunked", "upgrade", "get", "missing", "large")


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.sampled_from(_KINDS), st.binary(max_size=40)), min_size=1, max_size=8),
    st.lists(st.integers(1, 400), max_size=12),
)
def test_however_requests_are_cut_each_gets_its_answer(
    server: Server, asked: list[tuple[str, bytes]], cuts: list[int]
) -> None:
    data, wanted = b"", []
    for number, (kind, body) in enumerate(asked):
        target = "/p/f/same" if kind == "same" else f"/p/f/{number}"
        if kind == "chunked":
            data += _chunked(target, body)
        elif kind == "upgrade":
            data += request(target, "POST", body, Connection="upgrade", Upgrade="h2c")
        elif kind == "get":
            body = b""
            data += request(target)
        elif kind == "missing":
            data += request("/none/such", "POST", body)
        else:
            body = body * 3000 if kind == "large" else b"0123456789"
            data += request(target, "POST", body)
        wanted.append(None if kind == "missing" else (target[4:], len(body)))
    with server.client() as client:
        for cut in cuts:
            client.send(data[:cut])
            data = data[cut:]
        client.send(data)
        for expected in wanted:
            found = client.answer()
            told = None if found.status == 404 else (found.json["target"], found.json["size"])
            assert told == expected
        assert client.ask(request("/p/f/last")).json["target"] == "/last"


def test_bytes_one_by_one(server: Server) -> None:
    with server.client() as client:
        for byte in request("/p/f/x", "POST", b"hello") + request("/p/f/y"):
            client.send(bytes([byte]))
        assert client.answer().json["body"] == "hello" and client.answer().json["target"] == "/y"


def test_chunked_bodies_with_extensions_and_trailers(server: Server) -> None:
    head = b"POST /p/f/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b'3;name="v"\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Mlrun-Like-Caller: root\r\n\r\n'
    with server.client() as client:
        for data in (head + body, head + b"0\r\n\r\n", head + body):
            found = client.ask(data)
            assert found.json["size"] == (13 if b"abc" in data else 0)
            assert "x-mlrun-like-caller" not in found.told
            assert "transfer-encoding" not in found.told


def test_expect_100_continue(server: Server) -> None:
    with server.client() as client:
        client.send(request("/p/f/", "POST", Expect="100-continue", Content_Length="5"))
        assert client.sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert client.ask(b"hello").json["body"] == "hello"
        client.send(request("/p/small/", "POST", Expect="100-continue", Content_Length="5000"))
        assert client.answer().status == 413 and client.is_over()
    assert server.ask(request(Expect="magic", Content_Length="2")).status == 417
    old = b"POST /p/f/ HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi"
    assert server.ask(old).json["size"] == 2


def test_a_large_body_arrives_whole(server: Server) -> None:
    data = random.Random(1).randbytes(5_000_000)
    with server.client() as client:
        assert client.ask(request("/p/f/", "POST", data)).json["size"] == len(data)
        assert client.ask(request("/p/f/")).status == 200
    assert server.front.buffered == 0


def test_a_body_over_the_limit_is_refused_before_it_comes(server: Server) -> None:
    for size in (70_000, 1 << 30, 10**17):
        with server.client() as client:
            head = request("/p/small/", "POST", Content_Length=str(size))
            client.send(head)
            found = client.answer()
            assert found.status == 413 and found.code == "too_large"
            assert found.headers["connection"] == "close" and client.is_over()
    assert server.ask(request("/p/small/", "POST", b"x" * 1000)).json["size"] == 1000


def test_who_sends_a_refused_body_all_the_same_reads_why(server: Server) -> None:
    with server.client() as client:
        client.send(request("/p/small/", "POST", b"x" * 3_000_000))
        assert client.answer().status == 413
    with server.client() as client:  # a length that is not known before
        client.send(b"POST /p/small/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(300):
            client.send(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        assert client.answer().status == 413


def test_a_small_refused_body_does_not_cost_the_connection(server: Server) -> None:
    with server.client() as client:
        assert client.ask(request("/none/such", "POST", b"x" * 10_000)).status == 404
        assert client.ask(request("/p/f/")).status == 200


def test_head(server: Server) -> None:
    with server.client() as client:
        found = client.ask(request("/p/f/x", "HEAD"), head=True)
        length = int(found.headers["content-length"])
        assert found.status == 200 and length > 10
        assert client.ask(request("/none/such", "HEAD"), head=True).status == 404
        assert client.ask(request("/p/f/")).status == 200  # nothing of a body came between


def test_http_1_0(server: Server) -> None:
    with server.client() as client:
        found = client.ask(b"GET /p/f/x HTTP/1.0\r\n\r\n")
        assert found.json["target"] == "/x" and found.headers["connection"] == "close"
        assert client.is_over()
    with server.client() as client:
        found = client.ask(b"GET /p/f/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert found.status == 200 and client.is_over()


def test_connection_close(server: Server) -> None:
    with server.client() as client:
        found = client.ask(request(Connection="close"))
        assert found.status == 200 and found.headers["connection"] == "close"
        assert client.is_over()


def test_a_client_that_sends_no_more_still_gets_its_answers(server: Server) -> None:
    with server.client() as client:
        client.send(request("/p/f/1") + request("/p/f/2"))
        client.sock.shutdown(1)
        assert client.answer().json["target"] == "/1" and client.answer().json["target"] == "/2"
        assert client.is_over()


def test_headers_that_only_the_gateway_may_set(server: Server) -> None:
    found = server.ask(
        request(
            X_Forwarded_For="1.2.3.4",
            X_Mlrun_Like_Caller="root",
            X_Forwarded_Host="evil",
            X_Real_Ip="1.2.3.4",
            Forwarded="for=1.2.3.4",
            Connection="keep-alive, X-Secret-Hop",
            X_Secret_Hop="1",
            Keep_Alive="5",
            TE="trailers",
            Proxy_Authorization="x",
            Authorization="Bearer mine",
            Accept="text/plain",
            X_Custom="kept",
            Upgrade="h2c",
        )
    )
    told = found.told
    assert told["x-forwarded-for"] == "127.0.0.1" and told["x-forwarded-host"] == "here"
    names = {"x-mlrun-like-caller", "x-real-ip", "forwarded", "x-secret-hop", "keep-alive", "te"}
    assert not names & set(told) and not {"upgrade", "connection", "proxy-authorization"} & set(
        told
    )
    assert told["authorization"] == "Bearer mine"  # the function has no auth of the gateway
    assert told["accept"] == "text/plain" and told["x-custom"] == "kept"
    line = b"GET /p/f/ HTTP/1.1\r\nHost: a\r\nX_Mlrun_Like_Caller: root\r\n\r\n"
    assert "x_mlrun_like_caller" not in server.ask(line).told


def test_transaction_ids(server: Server) -> None:
    assert server.ask(request(X_Request_Id="abc-1")).headers["x-request-id"] == "abc-1"
    found = server.ask(request(X_Request_Id="a b"))
    assert found.headers["x-request-id"] == found.told["x-request-id"] != "a b"
    assert server.ask(request(Idempotency_Key="k")).told["idempotency-key"] == "k"
    assert server.ask(request("/p/f/", "POST", b"", Idempotency_Key="k")).json["retryable"]


def test_an_upgrade_that_nobody_wants_is_a_plain_request(server: Server) -> None:
    data = request("/p/f/x", Connection="Upgrade", Upgrade="websocket")
    with server.client() as client:
        client.send(data * 2000)
        for _ in range(2000):
            assert client.answer().json["target"] == "/x"
        body = request(
            "/p/f/x",
            "POST",
            b"GET /p/f/smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
            Connection="Upgrade",
            Upgrade="websocket",
        )
        found = client.ask(body + request("/p/f/next"))
        seen = [found.json["target"], client.answer().json["target"]]
        assert seen == ["/x", "/next"]


@pytest.mark.slow
def test_a_client_that_leaves_cancels_its_request() -> None:
    service = Held()
    with serving(service) as server:
        client = server.client().send(request())
        call = service.next()
        client.close()
        until(lambda: service.cancelled == [call])
        assert call.cancelled
        server.do(call.reply.answer, 200, b"\r\nlate")  # nobody is there
        gate = server.router.gates.get("p/f")
        assert gate is not None and gate.numbers.of(1).statuses == {499: 1}


def test_fifty_clients_at_once(server: Server) -> None:
    clients = [server.client() for _ in range(50)]
    for turn in range(5):
        for number, client in enumerate(clients):
            client.send(request(f"/p/f/{turn}/{number}", "POST", b"x" * number * 100))
        for number, client in enumerate(clients):
            found = client.answer().json
            assert (found["target"], found["size"]) == (f"/{turn}/{number}", number * 100)
    for client in clients:
        client.close()
