from __future__ import annotations

import base64
import concurrent.futures
import hashlib
import time
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.http.answers import Refusal
from mlrun_like.gateway.http.auth import Caller, Guard, check_auth
from mlrun_like.gateway.http.cors import Cors
from mlrun_like.gateway.http.hashes import check_hash, hash_password, hash_token, new_token
from mlrun_like.gateway.http.limits import Buckets, address_of
from mlrun_like.gateway.http.routes import Route, Router
from tests.gateway.http.fronts import Answer, Echo, Server, request, serving, until

ANNA, BERT = new_token(), new_token()
BEARER = {
    "kind": "bearer",
    "callers": [
        {"name": "anna", "hash": hash_token(ANNA)},
        {"name": "bert", "hash": hash_token(BERT), "scopes": ["invoke:GET:/v2/*"]},
        {"name": "nobody", "hash": hash_token("n"), "scopes": []},
    ],
}
_CHEAP = "scrypt:16:8:1:" + b"salt".hex() + ":"


def cheap(password: str) -> str:
    """The hash of a password with little work."""
    found = hashlib.scrypt(password.encode(), salt=b"salt", n=16, r=8, p=1)
    return _CHEAP + found.hex()


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def ask(server: Server, target: str, authorization: str, method: str = "GET") -> Answer:
    return server.ask(request(target, method, Authorization=authorization))


def test_bearer_tokens_name_callers() -> None:
    with serving(Echo(auth=BEARER)) as server:
        found = server.ask(request())
        assert found.status == 401 and found.code == "unauthorized"
        assert found.headers["www-authenticate"] == 'Bearer realm="p/f"'
        for wrong in (
            f"Bearer {ANNA}x",
            "Bearer ",
            "Bearer",
            "Basic abc",
            ANNA,
            "Bearer \xe9",
            ",",
        ):
            found = ask(server, "/p/f/", wrong)
            assert found.status == 401 and "www-authenticate" in found.headers
        with server.client() as client:
            for _ in range(3):
                found = client.ask(request(Authorization=f"bearer {ANNA}"))
                assert found.status == 200 and found.json["client"] == "anna"
                assert found.told["x-mlrun-like-caller"] == "anna"
                assert "authorization" not in found.told
            assert client.ask(request()).status == 401
        twice = (
            b"GET /p/f/ HTTP/1.1\r\nHost: a\r\n" + 2 * f"Authorization: Bearer {ANNA}\r\n".encode()
        )
        assert server.ask(twice + b"\r\n").status == 400


def test_scopes() -> None:
    with serving(Echo(auth=BEARER)) as server:
        bert = f"Bearer {BERT}"
        assert ask(server, "/p/f/v2/x", bert).status == 200
        for target in (
            "/v1",
            "/v2",
            "/v2/../v1",
            "/v2/%2e%2e/v1",
            "/v2/%252e%252e/v1",
            "/v2//x/..",
            "/",
            "/v2/./../v1",
            "/v2/..%2fv1",
            "/v2\\..\\v1",
            "/V2/x",
        ):
            found = ask(server, "/p/f" + target, bert)
            assert found.status == 403 and found.code == "forbidden", target
        assert ask(server, "/p/f/v2/x", bert, "POST").status == 403
        assert ask(server, "/p/f/v2/x", "Bearer n").status == 403
    caller = Caller("a", "", ["invoke:*:/b", "invoke:post"])
    assert (
        caller.may(b"GET", b"/b") and caller.may(b"POST", b"/x") and not caller.may(b"GET", b"/c")
    )


def test_auth_that_cannot_be_used_lets_nobody_in() -> None:
    rows: list[Any] = [
        {"kind": "magic"},
        {"kind": "bearer", "callers": [{"name": "a", "hash": "secret"}]},
        {"kind": "bearer", "callers": [{"name": "a", "hash": hash_token("a"), "scopes": ["fly"]}]},
        {"kind": "basic", "callers": [{"name": "a", "hash": "scrypt:x:8:1:00:00"}]},
        {"kind": "basic", "callers": [{"name": "a", "hash": ""}]},
    ]
    for auth in rows:
        with pytest.raises(InvalidArgumentError):
            check_auth(auth)
        with serving(Echo(auth=auth)) as server:
            assert ask(server, "/p/f/", "Bearer a").status == 503
    with serving(Echo(auth={"kind": "bearer"})) as server:
        assert ask(server, "/p/f/", "Bearer a").status == 401


def test_hashes() -> None:
    stored = hash_password("p\u00e4ss")
    assert check_hash(stored, "p\u00e4ss".encode()) and not check_hash(stored, b"pass")
    rounds = "pbkdf2_sha256:1000:00:" + "00" * 32
    assert not check_hash(rounds, b"x") and len({new_token() for _ in range(50)}) == 50
    for broken in (
        "",
        "md5:00",
        "scrypt:1",
        "scrypt:0:8:1:00:00",
        "sha256:xyz",
        "scrypt:16:8:1:zz:00",
        "scrypt:99999999999999:8:1:00:00",
        "pbkdf2_sha256:0:00:00",
    ):
        with pytest.raises(InvalidArgumentError):
            check_hash(broken, b"x")


def test_a_known_token_is_looked_up_in_microseconds() -> None:
    rows = [{"name": f"n{n}", "hash": hash_token(f"t{n}")} for n in range(1000)]
    guard = Guard({"kind": "bearer", "callers": rows}, "p/f")
    best = min(_seconds(lambda: guard.find(b"Bearer t999")) for _ in range(5))
    assert best < 100e-6  # about 1 us on a quiet machine


def _seconds(action: Any) -> float:
    start = time.thread_time()
    for _ in range(100):
        action()
    return (time.thread_time() - start) / 100


def test_passwords_are_compared_in_a_thread_and_remembered() -> None:
    auth = {"kind": "basic", "callers": [{"name": "anna", "hash": cheap("p:w")}]}
    with serving(Echo(auth=auth)) as server:
        found = server.ask(request())
        assert found.status == 401 and found.headers["www-authenticate"].startswith("Basic realm=")
        with server.client() as client:
            ok = request("/p/f/", "POST", b"hello", Authorization=basic("anna", "p:w"))
            client.send(ok + ok)
            for _ in range(2):
                found = client.answer()
                assert found.json["client"] == "anna" and found.json["body"] == "hello"
                assert "authorization" not in found.told
            assert client.ask(request(Authorization=basic("anna", "pw"))).status == 401
            assert client.ask(request(Authorization=basic("bert", "p:w"))).status == 401
            assert client.ask(request(Authorization="Basic ????")).status == 401
            expecting = request(
                "/p/f/",
                "POST",
                Authorization=basic("anna", "no"),
                Expect="100-continue",
                Content_Length="5",
            )
            assert client.ask(expecting).status == 401
        with server.client() as client:
            expecting = request(
                "/p/f/",
                "POST",
                Authorization=basic("anna", "p:w"),
                Expect="100-continue",
                Content_Length="5",
            )
            assert client.ask(expecting + b"hello").json["size"] == 5
        gate = server.router.gates.get("p/f")
        assert gate is not None and len(gate.guard._known) == 5


def test_passwords_cannot_be_tried_out() -> None:
    auth = {"kind": "basic", "callers": [{"name": "anna", "hash": cheap("pw")}]}
    with serving(Echo(auth=auth)) as server, server.client() as client:
        statuses = [
            client.ask(request(Authorization=basic("anna", f"{n}"))).status for n in range(60)
        ]
        assert statuses[0] == 401 and 429 in statuses


def test_many_passwords_at_once_do_not_fill_the_threads() -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        rows = [{"name": "a", "hash": hash_password("x")}]
        guard = Guard({"kind": "basic", "callers": rows}, "p/f", threads)
        found = [guard.find(basic("a", str(n)).encode()) for n in range(80)]
        refused = [item for item in found if isinstance(item, Refusal)]
        assert refused and {item.status for item in refused} == {503}
        for item in found:
            if isinstance(item, concurrent.futures.Future):
                item.cancel()


def test_trusted_connections_need_no_auth_and_may_say_more(home: Any) -> None:
    service = Echo(auth=BEARER, rate_limit=0.001, burst=1)
    with serving(service, home=home) as server, server.trusted() as client:
        trigger: Any = {"X_Mlrun_Like_Trigger_Name": "cron", "X_Forwarded_For": "1.2.3.4"}
        for _ in range(3):
            found = client.ask(request("/p/f/", "POST", b"x", **trigger))
            assert found.status == 200 and found.json["trigger"] == "cron"
            assert found.told["x-mlrun-like-trigger-name"] == "cron"
            assert found.told["x-forwarded-for"] == "1.2.3.4"
        found = server.ask(
            request(X_Mlrun_Like_Trigger_Name="cron", Authorization=f"Bearer {ANNA}")
        )
        assert found.json["trigger"] == "" and "x-mlrun-like-trigger-name" not in found.told


def test_the_control_api_is_for_trusted_ones_and_those_with_its_token(home: Any) -> None:
    with serving(Echo(), home=home) as server:
        assert server.ask(request("/-/api/functions")).status == 404
        server.do(server.front.set_control, Echo("-/api"))
        assert server.ask(request("/-/api/functions")).status == 404
        with server.trusted() as client:
            assert client.ask(request("/-/api/functions")).json["target"] == "/-/api/functions"
        server.do(server.front.set_control, Echo("-/api"), BEARER)
        assert server.ask(request("/-/api/functions")).status == 401
        assert ask(server, "/-/api/functions", f"Bearer {ANNA}").status == 200


# Limits --------------------------------------------------------------------------------


def test_rates_are_those_of_each_caller() -> None:
    with serving(Echo(auth=BEARER, rate_limit=0.01, burst=2)) as server:
        statuses = [ask(server, "/p/f/v2/", f"Bearer {ANNA}").status for _ in range(3)]
        assert statuses == [200, 200, 429]
        found = ask(server, "/p/f/v2/", f"Bearer {ANNA}")
        assert found.code == "rate_limit" and 1 <= int(found.headers["retry-after"]) <= 100
        assert ask(server, "/p/f/v2/", f"Bearer {BERT}").status == 200
    with serving(Echo(rate_limit=0.01, burst=1)) as server:
        assert [server.ask(request()).status for _ in range(2)] == [200, 429]


def test_heads_that_come_again_are_decided_again() -> None:
    """They are not read again; what may change is looked at all the same."""
    cors = {"enabled": True}
    service = Echo(auth=BEARER, rate_limit=0.01, burst=5, cors=cors, methods=("POST",))
    data = request("/p/f/", "POST", b"hello", Authorization=f"Bearer {ANNA}", Origin="https://a")
    with serving(service) as server, server.client() as client:
        found = [client.ask(data) for _ in range(7)]
        assert [answer.status for answer in found] == [200] * 5 + [429] * 2
        for answer in found[:5]:
            assert answer.json["client"] == "anna" and answer.json["body"] == "hello"
            assert answer.told["x-mlrun-like-caller"] == "anna"
            assert "authorization" not in answer.told
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.told["x-request-id"] == answer.headers["x-request-id"]
        assert len({answer.headers["x-request-id"] for answer in found}) == 7
        other = {"kind": "bearer", "callers": [{"name": "eve", "hash": hash_token(BERT)}]}
        server.set(Echo(auth=other))  # the token was taken away
        assert client.ask(data).status == 401


def test_buckets() -> None:
    now = [0.0]
    buckets = Buckets(2.0, clock=lambda: now[0])
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0]
    assert buckets.take("a") == 0.5 and buckets.is_empty("a") and not buckets.is_empty("b")
    now[0] = 0.5
    assert buckets.take("a") == 0.0 and buckets.take("a") == 0.5
    for number in range(60_000):
        buckets.take(str(number))
    assert len(buckets._left) <= 20_001
    assert Buckets(0.1, clock=lambda: 0.0).take("a") == 0.0


def test_addresses() -> None:
    assert address_of(("::1", 1, 0, 0)) == "0:0:0:0::/64" and address_of("") == ""
    assert address_of(("::ffff:10.0.0.1", 1, 0, 0)) == "10.0.0.1"
    assert address_of(("fe80::1%eth0", 1, 0, 2)) == "fe80:0:0:0::/64"


# CORS --------------------------------------------------------------------------------


def test_cors_of_a_page() -> None:
    cors = {
        "enabled": True,
        "allowOrigins": ["https://a.example"],
        "allowCredentials": True,
        "allowHeaders": "X-A, Content-Type",
        "preflightMaxAgeSeconds": 60,
        "exposeHeaders": ["X-B"],
    }
    with serving(Echo(cors=cors, auth=BEARER, methods=("POST",))) as server:
        ask_first: Any = {"Access_Control_Request_Method": "POST", "Origin": "https://a.example"}
        found = server.ask(request("/p/f/", "OPTIONS", **ask_first))
        assert found.status == 204 and found.body == b""
        assert found.headers["access-control-allow-origin"] == "https://a.example"
        assert found.headers["access-control-allow-credentials"] == "true"
        assert found.headers["access-control-max-age"] == "60"
        assert "POST" in found.headers["access-control-allow-methods"]
        other: Any = {**ask_first, "Origin": "https://b.example"}
        assert server.ask(request("/p/f/", "OPTIONS", **other)).status == 403
        header: Any = {**ask_first, "Access_Control_Request_Headers": "x-a, x-secret"}
        assert server.ask(request("/p/f/", "OPTIONS", **header)).status == 403
        assert server.ask(request("/p/f/", "OPTIONS")).status == 405
        found = server.ask(request("/p/f/", "POST", b"", Origin="https://a.example"))
        assert found.status == 401  # the page may read why
        assert found.headers["access-control-allow-origin"] == "https://a.example"
        assert found.headers["access-control-expose-headers"] == "X-B"
        assert "origin" in server.ask(request("/p/f/", "POST", b"")).headers["vary"]
    with serving(Echo(cors={"enabled": False})) as server:
        found = server.ask(request(Origin="https://a.example"))
        assert "access-control-allow-origin" not in found.headers


def test_cors_with_everything_allowed() -> None:
    cors = Cors({"allowHeaders": ["*"]})
    origin = [(b"origin", b"https://x")]
    assert cors.lines(origin) == b"access-control-allow-origin: *\r\n" and cors.lines([]) == b""
    asked = [
        *origin,
        (b"access-control-request-method", b"PUT"),
        (b"access-control-request-headers", b"X-A,x-b"),
    ]
    assert b"access-control-allow-headers: x-a, x-b\r\n" in (cors.preflight(asked) or b"")
    assert cors.preflight([*origin, (b"access-control-request-method", b"PATCH")]) is None
    assert b"evil" not in (Cors({"allowMethods": "GET\r\nevil: 1"}).preflight(asked) or b"")


# Routes --------------------------------------------------------------------------------


def found(router: Router, target: str, host: str = "", method: str = "GET", port: int = 0) -> str:
    route = router.find(host.encode(), method.encode(), target.encode(), port)
    if isinstance(route, Route):
        return f"{route.gate.key} {route.target.decode()}"
    return str(route.status)


def test_routes_by_host_path_method_and_port() -> None:
    router = Router()
    router.set(
        [
            Echo("p/one"),
            Echo("p/two", hosts=("two.example",)),
            Echo("p/wild", hosts=("*.example",), paths=("/deep/*",)),
            Echo("p/get", paths=("/v2",), methods=("get",)),
            Echo("p/post", paths=("/v2/",), methods=("POST",)),
            Echo("p/long", paths=("/v2/models",)),
            Echo("p/root", hosts=("root.example",), paths=("/",)),
            Echo("p/port", port=9001),
        ]
    )
    assert found(router, "/p/one/x?y=1") == "p/one /x?y=1"
    assert found(router, "/p/two/x") == "p/two /x"
    assert found(router, "/any/x", "two.example") == "p/two /any/x"
    assert found(router, "/any/x", "TWO.example:8071") == "p/two /any/x"
    assert found(router, "/deep/x", "a.b.example") == "p/wild /deep/x"
    assert found(router, "/other", "a.b.example") == "404"
    assert found(router, "/v2/x") == "p/get /v2/x" and found(router, "/v2") == "p/get /v2"
    assert found(router, "/v2/x", method="POST") == "p/post /v2/x"
    assert found(router, "/v2/x", method="HEAD") == "p/get /v2/x"
    assert found(router, "/v2/x", method="PUT") == "405"
    assert found(router, "/v2/models/a") == "p/long /v2/models/a"
    assert found(router, "/v2/modelsX") == "p/get /v2/modelsX" and found(router, "/v22") == "404"
    assert found(router, "/p/one/x", "root.example") == "p/root /p/one/x"
    assert found(router, "/x/y", port=9001) == "p/port /x/y"
    assert found(router, "/x/y", port=9002) == "404" and router.ports == {9001: "p/port"}
    assert found(router, "/p/one", method="DELETE") == "p/one /"
    for _ in range(2):  # what was found is remembered
        assert found(router, "/p/one/x?y=1") == "p/one /x?y=1"
    router.set([Echo("p/other")])
    assert found(router, "/p/one/x?y=1") == "404"


def test_remembered_routes_have_a_bound() -> None:
    router = Router()
    router.set([Echo()])
    for number in range(10_000):
        router.find(b"a", b"GET", b"/p/f/%d" % number)
    router.find(b"a", b"GET", b"/p/f/" + b"x" * 1000)
    assert 0 < len(router.table) <= 4096


def test_404_names_the_nearest_function() -> None:
    with serving(Echo("shop/prices"), Echo("shop/stock")) as server:
        answer = server.ask(request("/shop/price/x"))
        assert answer.status == 404 and answer.code == "route"
        assert "shop/prices" in answer.json["error"] and "/shop/price/x" in answer.json["error"]
        assert "shop/stock" in server.ask(request("/stock/x")).json["error"]
        for target in ("/", "//", "/shop", "/shop/", "/%00/%ff", "/" * 500, "/a/b/c/d/e"):
            assert server.ask(request(target)).status == 404


def test_a_function_that_is_changed_keeps_its_numbers() -> None:
    with serving(Echo()) as server:
        server.ask(request())
        server.set(Echo(max_body=10))
        server.ask(request())
        gate = server.router.gates.get("p/f")
        assert gate is not None and gate.numbers.of(1).requests == 2
        assert server.ask(request("/p/f/", "POST", b"x" * 11)).status == 413
        until(lambda: gate.numbers.of(0).statuses == {413: 1})


def test_a_function_without_http_is_for_trusted_connections(home: Any) -> None:
    with serving(Echo(no_http=1), home=home) as server:
        refused = server.ask(request("/p/f/"))
        assert (refused.status, refused.code) == (404, "no_http")
        assert "with_http" in refused.json["fix"]
        with server.trusted() as client:
            assert client.ask(request("/p/f/")).status == 200
        server.set(Echo())
        assert server.ask(request("/p/f/")).status == 200


class Says(Echo):
    """Has CORS headers of its own."""

    def submit(self, call: Call) -> None:
        call.version = 1
        said = b"Access-Control-Allow-Origin: https://own.example\r\n"
        if call.target == b"/stream":
            call.reply.start(200, said)
            call.reply.end(complete=True)
        else:
            call.reply.answer(200, said + b"content-length: 0\r\n\r\n")


@pytest.mark.parametrize("path", ["/p/f/", "/p/f/stream"])
def test_what_a_handler_says_about_origins_counts(path: str) -> None:
    cors = {"enabled": True, "exposeHeaders": ["X-B"]}
    with serving(Says(cors=cors)) as server, server.client() as client:
        found = client.ask(request(path, Origin="https://a.example"))
        assert found.headers["access-control-allow-origin"] == "https://own.example"
        assert found.headers["access-control-expose-headers"] == "X-B"
