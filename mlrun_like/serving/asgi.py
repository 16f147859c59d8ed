"""The ASGI application of a graph: one per plan, for any ASGI server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.codec import decode_body, encode
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.server import GraphServer

__all__ = ["GraphApp"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
HEALTH = ("GET", "HEAD")


class GraphApp:
    """Answers HTTP requests with a graph.

    Every path belongs to the graph, except `/healthz` (the process lives) and `/readyz` (it takes
    requests). JSON in, JSON out; other content types reach the steps as bytes. Failures: 400 a
    body that is not the JSON it claims to be, 405 a method no step can get, 413 a body over the
    limit, the status of our errors raised by a step (404 for NotFoundError), else 500 with the
    step and the event's id.

    Args:
        server: The compiled graph.
        max_body: Bytes of a request body; by default the setting `max_body_size`.
    """

    def __init__(self, server: GraphServer, *, max_body: int | None = None) -> None:
        self.server = server
        self.max_body = config.max_body_size if max_body is None else max_body

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI servers call it."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)
        else:  # a websocket: refused, as there is nobody to talk to
            await send({"type": "websocket.close", "code": 1003})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            else:
                self.server.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _request(self, scope: Message, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if path in ("/healthz", "/readyz"):
            if method not in HEALTH:
                await _send(send, _not_allowed(method, HEALTH))
            elif path == "/healthz" or self.server.ready:
                await _send(send, Response({"status": "ok"}), head=method == "HEAD")
            else:
                await _send(send, Response({"status": "stopping"}, 503), head=method == "HEAD")
            return
        if method not in METHODS:
            await _send(send, _not_allowed(method, METHODS), head=method == "HEAD")
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        body = await self._body(headers, receive)
        if isinstance(body, Response):
            await _send(send, body)
        elif body is not None:
            await self._event(method, path, headers, body, send)

    async def _event(
        self, method: str, path: str, headers: dict[str, str], body: bytes, send: Send
    ) -> None:
        kind = headers.get("content-type", "")
        event = Event(None, path=path, method=method, headers=headers, content_type=kind)
        event.id = headers.get("mlrun-event-id") or event.id
        event.path = headers.get("mlrun-event-path") or event.path
        try:
            event.body = decode_body(body, kind)
        except InvalidArgumentError as exc:
            await _send(send, self.server.failure(exc, event))
            return
        response = await self.server.run_async(event)
        try:
            content = _content(response)
        except TypeError as exc:
            content = _content(response := self.server.failure(exc, event))
        await _send(send, response, content)

    async def _body(self, headers: dict[str, str], receive: Receive) -> bytes | Response | None:
        """The whole body, or the answer that refuses it, or None if the client has gone."""
        too_large = Response(
            {
                "error": f"the body is larger than {self.max_body} bytes",
                "code": "too_large",
                "fix": "send less at a time, or raise the setting max_body_size",
            },
            413,
            {"connection": "close"},
        )
        length = headers.get("content-length", "0")
        if length.isascii() and length.isdigit() and int(length[:20]) > self.max_body:
            return too_large
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            part = message.get("body", b"")
            size += len(part)
            if size > self.max_body:
                return too_large
            parts.append(part)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)


def _not_allowed(method: str, allowed: tuple[str, ...]) -> Response:
    text = f"the method {method[:20]} is not allowed here"
    return Response({"error": text, "code": "method"}, 405, {"allow": ", ".join(allowed)})


def _content(response: Response) -> tuple[bytes, str]:
    body = response.body
    if isinstance(body, bytes):
        return body, response.content_type or "application/octet-stream"
    if isinstance(body, str):
        return body.encode("utf-8", "replace"), response.content_type or "text/plain; charset=utf-8"
    if body is None:
        return b"", response.content_type
    return encode(body), response.content_type or "application/json"


async def _send(
    send: Send,
    response: Response,
    content: tuple[bytes, str] | None = None,
    *,
    head: bool = False,
) -> None:
    body, kind = content or _content(response)
    headers = [(b"content-length", b"%d" % len(body))]
    if kind:
        headers.append((b"content-type", kind.encode("latin-1", "replace")))
    headers += [
        (name.lower().encode("latin-1", "replace"), str(value).encode("latin-1", "replace"))
        for name, value in response.headers.items()
    ]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})
