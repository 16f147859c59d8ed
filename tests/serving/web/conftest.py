"""Real servers, and sockets that say whatever a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from mlrun_like.errors import NotFoundError
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.web.app import GraphApp
from mlrun_like.serving.web.options import WebOptions
from mlrun_like.serving.web.run import RunningServer
from mlrun_like.serving.web.serve import serve


def shown(event: Event) -> Event:
    """A step that tells what it was given, or does what it is told."""
    body: Any = event.body
    if body == "missing":
        raise NotFoundError("no such user", fix="make one")
    if body == "bug":
        raise ZeroDivisionError("x")
    if body == "object":
        event.body = object()
    elif body == "response":
        event.body = Response(b"\x00\x01", 201, {"X-Mine": "1"}, "image/png")
    elif body == "split":
        event.body = Response("x", headers={"X-Mine": "a\r\nSet-Cookie: b"})
    else:
        kind = type(body).__name__
        event.body = {"kind": kind, "method": event.method, "path": event.path, "id": event.id}
        if not isinstance(body, bytes):
            event.body["body"] = body
        event.body["query"] = getattr(event, "query", None)
        event.body["type"] = event.content_type
    return event


def plain_graph() -> Graph:
    graph = flow()
    graph.to(shown, "shown", full_event=True).respond()
    return graph


async def waits(body: Any) -> Any:
    """An `async` step: a number is how long it waits."""
    await asyncio.sleep(body if isinstance(body, (int, float)) else 0)
    return {"waited": body}


def async_graph() -> Graph:
    graph = flow()
    graph.to(waits, "waits").respond()
    return graph


def talk(
    url: str, *parts: bytes, half_close: bool = False, timeout: float = 10, pause: float = 0.0
) -> bytes:
    """Send bytes to a server and give everything it says until it closes or falls silent."""
    host, _, port = url.rpartition("/")[2].partition(":")
    found = b""
    with socket.create_connection((host, int(port)), timeout=timeout) as raw:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                raw.sendall(part)
                time.sleep(pause)
            if half_close:
                raw.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError, TimeoutError):
            while data := raw.recv(65536):
                found += data
    return found


def request(
    body: bytes = b"",
    /,
    path: str = "/",
    method: str = "POST",
    version: str = "1.1",
    **headers: str,
) -> bytes:
    """A whole request that ends its connection."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    named = {"host": "x", "connection": "close", "content-length": str(len(body)), **given}
    lines = [f"{name}: {value}" for name, value in named.items() if value != "-"]
    text = "\r\n".join([f"{method} {path} HTTP/{version}", *lines, "", ""])
    return text.encode("latin-1") + body


def status_of(answer: bytes) -> int:
    """The status of the first answer, 0 for none."""
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.") else 0


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """Synchronous graph on our protocol, with small limits."""
    with serve(plain_graph(), max_body=100_000, io_timeout=0.6) as running:
        yield running


@pytest.fixture(scope="session")
def waiting() -> Iterator[RunningServer]:
    """A graph that waits, on our protocol."""
    with serve(async_graph(), max_body=100_000, io_timeout=0.6) as running:
        yield running


@pytest.fixture(scope="session")
def foreign() -> Iterator[str]:
    """The same application on a protocol of uvicorn's (h11): what other ASGI servers do."""
    app = GraphApp(plain_graph(), options=WebOptions(max_body=100_000, io_timeout=0.6))
    with foreign_server(app) as url:
        yield url


@contextlib.contextmanager
def foreign_server(app: Any, http: str = "h11") -> Iterator[str]:
    import threading

    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    settings = uvicorn.Config(app, http=http, ws="none", log_config=None, lifespan="on")
    running = uvicorn.Server(settings)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not running.started:
        assert thread.is_alive()
        time.sleep(0.005)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    running.should_exit = True
    thread.join(10)


Sent = list[dict[str, Any]]


async def through_asgi(app: Any, scope: dict[str, Any], *parts: bytes) -> Sent:
    """What an application sends for a request whose body comes in parts."""
    left = list(parts) or [b""]
    sent: Sent = []

    async def receive() -> dict[str, Any]:
        if not left:
            await asyncio.sleep(60)
        part = left.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(left)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    base = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [],
        "client": ("127.0.0.1", 1),
    }
    await app({**base, **scope}, receive, send)
    return sent
