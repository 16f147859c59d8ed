"""The ASGI application: events, answers, mounting, lifespan; the same on every server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Response
from mlrun_like.serving.web.app import GraphApp
from mlrun_like.serving.web.mounts import Mounts
from mlrun_like.serving.web.options import WebOptions
from mlrun_like.serving.web.run import RunningServer
from mlrun_like.serving.web.serve import serve
from tests.serving.web.conftest import (
    async_graph,
    body_of,
    foreign_server,
    plain_graph,
    request,
    status_of,
    talk,
    through_asgi,
)


def seen(url: str, body: bytes, path: str = "/", **headers: str) -> Any:
    answer = talk(url, request(body, path=path, **headers))
    assert status_of(answer) == 200, answer
    return json.loads(body_of(answer))


@pytest.fixture(params=["ours", "h11", "httptools"])
def url(request: pytest.FixtureRequest, server: RunningServer, foreign: str) -> Any:
    if request.param == "httptools":
        with foreign_server(GraphApp(plain_graph()), "httptools") as found:
            yield found
    else:
        yield server.url if request.param == "ours" else foreign


def test_an_event_has_the_fields_of_its_request(url: str) -> None:
    event = seen(url, b'{"a": 1}', "/x/%C3%A9?n=1&n=2&m=%20", content_type="application/json")
    assert event["path"] == "/x/é" and event["query"] == {"n": "2", "m": " "}
    assert (event["method"], event["kind"], event["body"]) == ("POST", "dict", {"a": 1})
    event = seen(url, b"1", mlrun_event_id="e-7", MLRUN_EVENT_PATH="/elsewhere")
    assert (event["id"], event["path"]) == ("e-7", "/elsewhere")
    assert len(seen(url, b"1")["id"]) == 32


@pytest.mark.parametrize(
    ("body", "kind", "found"),
    [
        (b"plain", "text/plain", "plain"),
        (b"caf\xe9", "text/plain; charset=latin-1", "café"),
        (b"a,b\n1,2\n", "text/csv", "a,b\n1,2\n"),
        (b"[1]", "", [1]),
        (b"[1]", "application/vnd.x+json; charset=utf-8", [1]),
        (b"a=1&b=x+y&a=2", "application/x-www-form-urlencoded", {"a": ["1", "2"], "b": "x y"}),
        (b'{"json": true}', "application/x-www-form-urlencoded", {"json": True}),
        (b"just text", "application/x-www-form-urlencoded", None),
        (b"", "application/json", None),
        (b"\x89PNG", "image/png", None),
        (
            b'--B\r\nContent-Disposition: form-data; name="t"\r\n\r\nhi\r\n--B--\r\n',
            'multipart/form-data; boundary="B"',
            {"t": "hi"},
        ),
    ],
)
def test_bodies_are_decoded_by_type(
    server: RunningServer, body: bytes, kind: str, found: Any
) -> None:
    event = seen(server.url, body, content_type=kind) if kind else seen(server.url, body)
    assert event.get("body") == found
    if found is None and body:
        assert event["kind"] == "bytes"


def test_answers(url: str) -> None:
    kind = {"content_type": "application/json"}
    answer = talk(url, request(b'"response"', **kind))
    assert status_of(answer) == 201 and body_of(answer) == b"\x00\x01"
    assert b"x-mine: 1\r\n" in answer.lower() and b"content-type: image/png" in answer.lower()
    for body, status, part in (
        (b'"missing"', 404, b'"fix":"make one"'),
        (b'"bug"', 500, b"ZeroDivisionError: x"),
        (b'"object"', 500, b"object cannot be written as JSON"),
        (b'"split"', 500, b"cannot be sent"),
    ):
        answer = talk(url, request(body, mlrun_event_id="e-9", **kind))
        assert status_of(answer) == status and part in answer and b'"e-9"' in answer
        assert b"set-cookie" not in answer.lower().partition(b"\r\n\r\n")[0]
    answer = talk(url, request(path="/healthz", method="POST"))
    assert status_of(answer) == 405 and b"allow: get, head" in answer.lower()


def test_an_async_plan_on_a_foreign_server() -> None:
    with foreign_server(GraphApp(async_graph())) as url:
        answer = talk(url, request(b"0.01", content_type="application/json"))
        assert body_of(answer) == b'{"waited":0.01}'
        assert status_of(talk(url, request(b"{", content_type="application/json"))) == 400


def test_dropped_events_and_graphs_without_an_answer() -> None:
    graph = flow()
    graph.to(lambda body: Response(None, 204) if body == 1 else body, "drop").respond()
    silent = flow(engine="async")
    silent.to(lambda body: body, "one")
    with serve(graph) as running, serve(silent) as quiet:
        answer = talk(running.url, request(b"1"))
        assert status_of(answer) == 204 and b"content-length" not in answer
        assert list(json.loads(body_of(talk(quiet.url, request(b"1"))))) == ["id"]


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    """A foreign application with a lifespan."""
    if scope["type"] == "lifespan":
        for kind in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{kind}"
            _lives.append(kind)
            await send({"type": f"lifespan.{kind}.complete"})
        return
    told = f"{scope['root_path']} {scope['path']}".encode()
    headers = [(b"content-length", b"%d" % len(told))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": told})


_lives: list[str] = []


def test_other_applications_can_be_mounted() -> None:
    _lives.clear()
    app = GraphApp(plain_graph())
    app.mount("/echo/", _echo)
    app.mount("/echo/deep", _echo)
    with serve(app) as running:
        assert body_of(talk(running.url, request(path="/echo/a"))) == b"/echo /echo/a"
        assert body_of(talk(running.url, request(path="/echo/deep"))) == b"/echo/deep /echo/deep"
        assert seen(running.url, b"1", "/echoes")["path"] == "/echoes"
        assert _lives == ["startup", "startup"]
    assert _lives == ["startup", "startup", "shutdown", "shutdown"]


def test_it_can_be_mounted_in_another_application() -> None:
    app = GraphApp(plain_graph())
    scope = {"path": "/graph/v2/x", "root_path": "/graph"}
    sent = asyncio.run(through_asgi(app, scope, b"[1", b"]"))
    assert json.loads(sent[1]["body"])["path"] == "/v2/x"
    assert json.loads(sent[1]["body"])["body"] == [1]
    sent = asyncio.run(through_asgi(app, {**scope, "path": "/graph", "method": "GET"}))
    assert json.loads(sent[1]["body"])["path"] == "/"


def test_fastapi_mounts_it_and_is_mounted() -> None:
    fastapi = pytest.importorskip("fastapi")
    outer, inner = fastapi.FastAPI(), fastapi.FastAPI()
    inner.add_api_route("/hello", lambda: {"hello": "inner"})
    app = GraphApp(plain_graph())
    app.mount("/api", inner)
    outer.mount("/graph", app)
    with serve(app) as running, foreign_server(outer) as url:
        assert json.loads(body_of(talk(running.url, request(path="/api/hello", method="GET")))) == {
            "hello": "inner"
        }
        assert seen(url, b"1", "/graph/a")["path"] == "/a"


def test_wrong_mounts_are_refused() -> None:
    mounts = Mounts()
    for path in ("", "/", "admin", "/a%20b"):
        with pytest.raises(InvalidArgumentError, match="mounted"):
            mounts.add(path, _echo)
    with pytest.raises(InvalidArgumentError, match="ASGI"):
        mounts.add("/a", None)  # type: ignore[arg-type]
    mounts.add("/a", _echo)
    with pytest.raises(InvalidArgumentError, match="already"):
        mounts.add("/a/", _echo)


def test_a_mounted_application_that_does_not_start_ends_the_server() -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    app = GraphApp(plain_graph())
    app.mount("/a", failing)
    with pytest.raises(ConflictError, match="did not start"):
        serve(app)


def test_websockets_and_clients_that_leave_early() -> None:
    app = GraphApp(plain_graph())
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def gone() -> Any:
        return {"type": "http.disconnect"}

    asyncio.run(app({"type": "websocket", "path": "/"}, gone, send))
    assert sent.pop() == {"type": "websocket.close", "code": 1003}
    scope = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": [],
    }  # fmt: skip
    asyncio.run(app(scope, gone, send))
    assert not sent


def test_limits_hold_for_bodies_in_parts() -> None:
    app = GraphApp(plain_graph(), options=WebOptions(max_body=10, io_timeout=0.1))
    sent = asyncio.run(through_asgi(app, {}, b"x" * 6, b"x" * 6))
    assert sent[0]["status"] == 413
    assert asyncio.run(through_asgi(app, {}, b"x" * 11))[0]["status"] == 413

    async def never() -> Any:
        await asyncio.sleep(60)

    async def slow() -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": [],
        }  # fmt: skip
        await app(scope, never, send)
        return sent

    assert asyncio.run(slow())[0]["status"] == 408
