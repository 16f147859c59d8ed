"""The client: the same calls, results and errors over HTTP, in this process, blocking or not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import numpy
import pytest

from mlrun_like.errors import (
    InvalidArgumentError,
    MLRunLikeError,
    NotFoundError,
    OverloadedError,
    StepError,
    StepTimeoutError,
    StoreUnavailableError,
    UnauthorizedError,
)
from mlrun_like.serving.client import AsyncClient, Client
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.web.app import GraphApp
from mlrun_like.serving.web.options import WebOptions
from mlrun_like.serving.web.raised import raise_failure
from mlrun_like.serving.web.serve import serve

closed: list[str] = []


def work(event: Event) -> Event:
    body: Any = event.body
    if body == "missing":
        raise NotFoundError("no such user", fix="make one")
    if body == "bug":
        raise ZeroDivisionError("x")
    if body == "slow":
        time.sleep(0.5)
    if body == "text":
        event.body = "žluť"
    elif body == "bytes":
        event.body = Response(b"\x00\xff", content_type="image/png")
    elif body == "teapot":
        event.body = Response({"tea": 1}, 418)
    elif body == "nothing":
        event.body = Response(None, 204)
    else:
        told = event.headers.get("x-mine") if event.headers else None
        event.body = {"method": event.method, "path": event.path, "body": body, "mine": told}
    return event


async def numbers(body: Any) -> AsyncIterator[Any]:
    try:
        for number in range(3 if isinstance(body, (str, type(None))) else body):
            await asyncio.sleep(0)
            yield f"{number} " if body == "text" else {"n": number}
        if body == "bad":
            raise ValueError("it broke")
    finally:
        closed.append(str(body))


def work_graph() -> Graph:
    graph = flow()
    graph.to(work, "work", full_event=True).options(blocking=True).respond()
    return graph


def stream_graph() -> Graph:
    graph = flow()
    graph.to(numbers, "numbers").respond()
    return graph


class Sync:
    """`AsyncClient` with the calls of `Client`, so that both take the same tests."""

    def __init__(self, target: Any, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = AsyncClient(target, **options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            found = method(*args, **kwargs)
            if name != "stream":
                return self._loop.run_until_complete(found)
            return self._values(found)

        return call

    def _values(self, found: Any) -> Iterator[Any]:
        try:
            while True:
                yield self._loop.run_until_complete(found.__anext__())
        except StopAsyncIteration:
            return
        finally:
            self._loop.run_until_complete(found.aclose())

    def close(self) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()


FORMS = ["http", "http async", "in process", "in process async"]


def _clients(form: str, graph: Graph) -> Iterator[Any]:
    make: Any = Sync if "async" in form else Client
    if form.startswith("http"):
        with serve(graph) as running:
            client = make(running.url, headers={"X-Mine": "yes"})
            yield client
            client.close()
    else:
        client = make(graph, headers={"X-Mine": "yes"})
        yield client
        client.close()


@pytest.fixture(scope="module", params=FORMS)
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield from _clients(request.param, work_graph())


@pytest.fixture(scope="module", params=FORMS)
def streams(request: pytest.FixtureRequest) -> Iterator[Any]:
    yield from _clients(request.param, stream_graph())


def test_bodies_of_all_kinds(client: Any) -> None:
    told = client.post("/a/b?c=1", {"x": (1, numpy.float64(2)), "y": numpy.arange(2)})
    assert told == {
        "method": "POST", "path": "/a/b", "body": {"x": [1, 2.0], "y": [0, 1]}, "mine": "yes",
    }  # fmt: skip
    assert client.get("/x")["method"] == "GET" and client.get("/x")["body"] is None
    assert client.post("/", 1, method="put", headers={"X-Mine": "no"})["mine"] == "no"
    assert client.post("/", "text") == "žluť"
    assert client.post("/", "bytes") == b"\x00\xff"
    assert client.post("/", "nothing") is None
    assert client.post("/", b"raw", content_type="text/plain")["body"] == "raw"
    assert client.post("/", "plain ž", content_type="text/plain")["body"] == "plain ž"
    assert client.ready() is True


def test_models_are_asked_by_the_v2_protocol(client: Any) -> None:
    told = client.infer(numpy.ones((1, 2)), "my model", version="v 1")
    assert told["path"] == "/v2/models/my model/versions/v 1/infer"
    assert told["body"] == {"inputs": [[1.0, 1.0]]}
    assert client.infer([[1]])["path"] == "/"
    assert client.ready("m") is True


@pytest.mark.parametrize(
    ("body", "kind", "status", "step", "cause"),
    [
        ("missing", StepError, 404, "work", NotFoundError),
        ("bug", StepError, 500, "work", None),
        ("teapot", InvalidArgumentError, 418, "", None),
        (b"{bad", InvalidArgumentError, 400, "", None),
    ],
)
def test_errors(
    client: Any, body: Any, kind: Any, status: int, step: str, cause: type[Exception] | None
) -> None:
    with pytest.raises(MLRunLikeError) as told:
        client.post("/", body, content_type="application/json", headers={"MLRUN-EVENT-ID": "e-1"})
    error = told.value
    assert type(error) is kind and error.status == status
    if step:
        assert isinstance(error, StepError) and (error.step, error.event_id) == (step, "e-1")
    assert cause is None or isinstance(error.__cause__, cause)
    if cause is NotFoundError:
        assert error.fix == "make one"


def test_a_call_may_take_so_long(client: Any) -> None:
    start = time.monotonic()
    with pytest.raises(StepTimeoutError) as told:
        client.post("/", "slow", timeout=0.1)
    assert told.value.status == 504 and time.monotonic() - start < 0.4


def test_streams(streams: Any) -> None:
    assert list(streams.stream("/")) == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert list(streams.stream("/", "text")) == ["0 ", "1 ", "2 "]
    found = []
    with pytest.raises(StepError, match="it broke") as told:
        for value in streams.stream("/", "bad"):
            found.append(value)
    assert len(found) == 3 and told.value.step == "numbers"
    with pytest.raises(StepError) as told:
        list(streams.stream("/", {"no": "number"}))
    assert told.value.status == 500
    accept = {"Accept": "application/x-ndjson"}
    assert list(streams.stream("/", headers=accept)) == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert list(streams.stream("/", "text", headers=accept)) != []


def test_leaving_a_stream_ends_the_work(streams: Any) -> None:
    closed.clear()
    values = streams.stream("/", 10**9)
    assert next(values) == {"n": 0}
    values.close()
    until = time.monotonic() + 5
    while not closed and time.monotonic() < until:
        time.sleep(0.005)
        streams.ready()
    assert closed == [str(10**9)]


def test_what_cannot_be_reached() -> None:
    with Client("http://127.0.0.1:9") as client:
        with pytest.raises(StoreUnavailableError, match="cannot be reached"):
            client.post("/", 1)
        with pytest.raises(StoreUnavailableError):
            list(client.stream("/"))
    for target in ("localhost:80", "ftp://x"):
        with pytest.raises(InvalidArgumentError, match="URL"):
            Client(target).get("/")
    with pytest.raises(InvalidArgumentError, match="cannot be served"):
        Client(42)


def test_tokens_and_overload() -> None:
    app = GraphApp(work_graph(), options=WebOptions(token="s3cret", max_in_flight=1))
    with Client(app) as client:
        with pytest.raises(UnauthorizedError) as told:
            client.post("/", 1)
        assert told.value.status == 401
    with Client(app, token="s3cret") as client:
        assert client.post("/", 1)["body"] == 1
        app.answers.in_flight = 1
        with pytest.raises(OverloadedError) as full:
            client.post("/", 1)
        assert full.value.retry_after == 1
        app.answers.in_flight = 0


def test_any_asgi_application_can_be_called() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        if scope["path"] == "/cut":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            return
        headers = [(b"Content-Type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"a"', "more_body": True})
        await send({"type": "http.response.body", "body": b": 1}"})

    with Client(app) as client:
        assert client.get("/") == {"a": 1}
        assert list(client.stream("/")) == [{"a": 1}]
        with pytest.raises(StoreUnavailableError):
            client.get("/cut")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, b"<html>broken</html>", StepError),
        (404, b"not found", InvalidArgumentError),
        (404, b'{"error": "no", "code": "not_found"}', NotFoundError),
        (503, b'{"error": "full", "code": "overloaded"}', OverloadedError),
        (400, b'{"error": "x", "code": "unheard_of"}', InvalidArgumentError),
        (500, b'["not", "ours"]', StepError),
        (500, b"\xff{", StepError),
    ],
)
def test_failures_of_any_server_become_ours(
    status: int, body: bytes, kind: type[Exception]
) -> None:
    with pytest.raises(kind) as told:
        raise_failure(status, {"content-type": "application/json"}, body)
    assert isinstance(told.value, MLRunLikeError) and told.value.status == status
