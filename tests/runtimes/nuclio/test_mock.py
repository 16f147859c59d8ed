"""A handler called here: what it gets, and what becomes of what it returns."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, StepError
from mlrun_like.runtimes.nuclio import proxy
from mlrun_like.runtimes.nuclio.answers import may_return_list
from mlrun_like.runtimes.nuclio.events import Context, Event, Response, answer_of, text_of
from mlrun_like.runtimes.nuclio.mock import MockFunction, event_of
from tests.runtimes.nuclio.dashboards import FakeDashboard
from tests.servers import free_port


def test_init_context_and_state() -> None:
    def init(context: Any) -> None:
        context.user_data.count = 0

    def handler(context: Any, event: Any) -> str:
        context.user_data.count += 1
        context.logger.info_with("called", count=context.user_data.count)
        return str(context.user_data.count)

    with MockFunction(handler, init) as server:
        assert [server.test("/") for _ in range(3)] == ["1", "2", "3"]


def test_coroutines_share_one_loop() -> None:
    async def init(context: Any) -> None:
        context.user_data.queue = asyncio.Queue()

    async def handler(context: Any, event: Any) -> Any:
        await context.user_data.queue.put(event.body)
        return {"size": context.user_data.queue.qsize()}

    with MockFunction(handler, init) as server:
        assert server.test("/", "a") == {"size": 1}
        assert server.test("/", "b") == {"size": 2}


def test_streams_are_joined() -> None:
    def values(context: Any, event: Any) -> Any:
        yield context.Response(body="a", content_type="text/csv", status_code=201)
        yield "b"
        yield b"c"

    async def later(context: Any, event: Any) -> Any:
        async def inner() -> Any:
            yield "x"
            yield 1

        return context.Response(body=inner(), content_type="text/x", headers={"A": "b"})

    answer = MockFunction(values).test("/", get_body=False)
    assert (answer.body, answer.status_code, answer.content_type) == ("abc", 201, "text/csv")
    with MockFunction(later) as server:
        answer = server.test("/", get_body=False)
        assert (answer.body, answer.content_type, answer.headers) == ("x1", "text/x", {"A": "b"})


def test_failures() -> None:
    def handler(context: Any, event: Any) -> Any:
        if event.body:
            raise LookupError("nothing there")
        return 404, "no"

    server = MockFunction(handler)
    with pytest.raises(StepError, match="LookupError: nothing there") as caught:
        server.test("/", "x")
    assert isinstance(caught.value.__cause__, LookupError) and caught.value.status == 500
    answer = server.test("/", "x", silent=True)
    assert answer.status_code == 500
    assert answer.body.startswith('Exception caught in handler - "nothing there": Traceback')
    with pytest.raises(StepError, match="answered 404"):
        server.test("/")
    assert server.test("/", silent=True).body == "no"


@pytest.mark.parametrize(
    ("body", "kind", "wanted"),
    [
        ({"a": 1}, "", {"a": 1}), ([1], "", [1]), (0, "", 0), ("text", "", b"text"),
        (b"raw", "", b"raw"), (None, "", b""), ('{"a": 1}', "application/json", {"a": 1}),
        ("{", "application/json", b"{"), ("[1]", "application/json; charset=utf-8", b"[1]"),
    ],
)  # fmt: skip
def test_bodies_come_as_nuclio_decodes_them(body: Any, kind: str, wanted: Any) -> None:
    event = event_of("/p", body, "", None, kind)
    assert event.body == wanted and event.method == ("GET" if body is None else "POST")


def test_the_event() -> None:
    event = event_of("a/b?x=1&x=2", None, "delete", {"x-my-id": "7"}, "")
    assert (event.path, event.url, event.fields) == ("/a/b", "/a/b?x=1&x=2", {"x": "2"})
    assert event.headers == {"X-My-Id": "7"} and event.get_header("X-MY-ID") == "7"
    assert event.get_header("none") is None and event.method == "DELETE"


def test_batches_must_answer_every_event() -> None:
    server = MockFunction(lambda context, events: "one")
    with pytest.raises(InvalidArgumentError, match="a list of responses, not str"):
        server.test_batch([1])
    server = MockFunction(lambda context, events: [context.Response(body="x")])
    with pytest.raises(InvalidArgumentError, match="1 of 1 events"):
        server.test_batch([1])


def test_acks_and_callbacks() -> None:
    told = []

    async def handler(context: Any, event: Any) -> str:
        await context.platform.explicit_ack("offset")
        context.platform.set_termination_callback(lambda: told.append("end"))
        context.platform.set_drain_callback(lambda: told.append("drain"))
        return "ok"

    with MockFunction(handler) as server:
        server.test("/")
        assert server.context.platform.acknowledged == ["offset"]
    assert told == ["end"]
    response = Response()
    response.ensure_no_ack()
    assert response.headers == {"x-nuclio-stream-no-ack": True}
    with pytest.raises(AttributeError):
        Context().logger.shout("x")


def test_json_as_the_sdk_writes_it() -> None:
    class Logged:
        def __log__(self) -> str:
            return "logged"

    assert json.loads(text_of({"a": Logged(), "b": float("-inf"), "c": (1, float("nan"))})) == {
        "a": "logged",
        "b": "-Infinity",
        "c": [1, "NaN"],
    }
    assert answer_of(answer_of("x")).body == "x"
    assert answer_of(Response(body="[1", content_type="application/json")).body == "[1"


@pytest.mark.parametrize(
    ("body", "may"),
    [
        ("return 'a' + event.path", False), ("return f'{event}'", False), ("pass", False),
        ("return {'a': []}", False), ("return context.Response(body=[])", False),
        ("return json.dumps(event.body)", False), ("return 200, []", False),
        ("yield []", False), ("x = 'a'\n    return x", False), ("return", False),
        ("return 'a' if event else {}", False), ("return event and 'x'", True),
        ("return event.body", True), ("return []", True), ("return [x for x in 'ab']", True),
        ("x = []\n    return x", True), ("for x in event:\n        return x", True),
        ("x, y = event\n    return x", True), ("x = 'a'\n    x += event\n    return x", True),
        ("with event as x:\n        return x", True), ("global x\n    return x", True),
        ("def inner():\n        return []\n    return 'a'", False), ("return call()", True),
        ("x: str = 'a'\n    return x", False), ("return str(event)", False),
    ],
)  # fmt: skip
def test_which_handlers_may_return_lists(body: str, may: bool) -> None:
    tree = __import__("ast").parse(f"def handler(context, event):\n    {body}\n")
    assert may_return_list(tree, "handler") is may
    assert may_return_list(tree, "imported") is True


def test_the_proxy_of_applications(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeDashboard() as application:
        application.answer = (201, {"Content-Type": "image/png", "X-A": "b"}, b"\x00\xff")
        port = int(application.url.rpartition(":")[2])
        monkeypatch.setattr(proxy, "PLACE", ("127.0.0.1", port))
        with MockFunction(proxy.handler, proxy.init_context) as server:
            answer = server.test(
                "/in?a=1", {"x": [1]}, "put", {"X-Q": "z", "Host": "h"}, get_body=False
            )
            assert (answer.status_code, answer.body, answer.content_type) == (
                201,
                b"\x00\xff",
                "image/png",
            )
            assert answer.headers["X-A"] == "b"
            method, path, headers, raw = application.requests[-1]
            assert (method, path, json.loads(raw)) == ("PUT", "/in?a=1", {"x": [1]})
            assert headers["x-q"] == "z" and headers["host"].startswith("127.0.0.1")
            server.test("/", "text")
            assert application.requests[-1][3] == b"text"
            server.test("/", '"quoted"', content_type="application/json")
            assert application.requests[-1][3] == b'"quoted"'
    monkeypatch.setattr(proxy, "PLACE", ("127.0.0.1", free_port()))
    with MockFunction(proxy.handler, proxy.init_context) as server:
        answer = server.test("/", silent=True)
        assert answer.status_code == 502 and "does not answer" in answer.body


def test_an_event_of_ones_own() -> None:
    event = Event("x", topic="t", offset=3)
    assert (event.body, event.topic, event.offset, event.path) == ("x", "t", 3, "/")
