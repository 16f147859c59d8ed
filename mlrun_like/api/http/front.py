"""Around every request: its id, limits of its head, headers of safety, the log and the numbers.

It is a plain ASGI layer, because every request pays for it.
"""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path

import orjson
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlrun_like.api.http.errors import error_answer
from mlrun_like.api.state import ServiceState
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.gateway.http.accesslog import masked
from mlrun_like.gateway.http.lines import LineWriter

__all__ = ["PAGE_POLICY", "AccessLines", "Front"]

_LONGEST_TARGET = 8 << 10
_LARGEST_HEAD = 32 << 10
_MOST_HEADERS = 100
_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; frame-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""What pages may load: nothing from elsewhere, and no script inside of a page."""
_DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"
_ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class AccessLines:
    """The access log: a line of JSON for each request.

    Fields: `time`, `id`, `method`, `path` (values of parameters named like secrets are masked),
    `route`, `status`, `ms`, `out` (bytes), `user`, `client`.

    Args:
        path: Its file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = LineWriter(64 << 20, 5)

    def note(self, scope: Scope, status: int, seconds: float, sent: int) -> None:
        """Note a request that is over."""
        target = scope.get("raw_path") or scope["path"].encode("utf-8", "replace")
        query = scope.get("query_string")
        caller = scope.get("mlrun_like.caller")
        client = scope.get("client")
        line = {
            "time": round(time.time(), 3),
            "id": scope["mlrun_like.request_id"],
            "method": scope["mlrun_like.method"],
            "path": masked(target + b"?" + query if query else target),
            "route": _route(scope),
            "status": status,
            "ms": round(seconds * 1e3, 2),
            "out": sent,
            "user": caller.name if caller is not None else "",
            "client": scope.get("mlrun_like.address") or (client[0] if client else ""),
        }
        self._writer.add(self._path, orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> None:
        """Wait until all lines are written."""
        self._writer.flush()

    def close(self) -> None:
        """Write the rest."""
        self._writer.close()


class Front:
    """The outermost layer.

    Args:
        app: What is inside.
        state: The parts of the app.
        log: Where requests are noted; None: nowhere.
    """

    def __init__(self, app: ASGIApp, state: ServiceState, log: AccessLines | None = None) -> None:
        self._app = app
        self._numbers = state.numbers
        self._log = log
        self._https = state.options.url.startswith("https:")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # a copy, because the server goes by its own one: a HEAD must stay a HEAD there
        scope = {**scope}
        answer = _Answer(scope, send, self._https)
        numbers = self._numbers
        numbers.in_flight += 1
        began = time.perf_counter()
        try:
            refused = _refused(scope)
            if refused is not None:
                await _send_error(scope, receive, answer, refused)
            else:
                await self._app(scope, receive, answer)
        except Exception as exc:
            if answer.status:
                raise  # the answer has begun: breaking off is all that is left
            await _send_error(scope, receive, answer, exc)
        finally:
            numbers.in_flight -= 1
            seconds = time.perf_counter() - began
            status = answer.status or 499  # the client left before it was answered
            method = scope["mlrun_like.method"]
            numbers.count(method, _route(scope), status, seconds)
            if self._log is not None:
                self._log.note(scope, status, seconds, answer.sent)


class _Answer:
    """Sends an answer with what every answer has."""

    def __init__(self, scope: Scope, send: Send, https: bool) -> None:
        self.status = self.sent = 0
        self._send = send
        self._https = https
        method = str(scope["method"])
        scope["mlrun_like.method"] = method
        self._head = method == "HEAD"
        if self._head:  # answered as GET, without its body
            scope["method"] = "GET"
        request_id = ""
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _ID.fullmatch(value):
                request_id = value.decode()
        self._id = scope["mlrun_like.request_id"] = request_id or secrets.token_hex(8)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._dress(MutableHeaders(raw=message.setdefault("headers", [])))
        elif message["type"] == "http.response.body":
            if self._head:
                message = {**message, "body": b""}
            self.sent += len(message.get("body", b""))
        await self._send(message)

    def _dress(self, headers: MutableHeaders) -> None:
        headers["x-request-id"] = self._id
        for name, value in _ALWAYS.items():
            if name not in headers:
                headers[name] = value
        if "content-security-policy" not in headers:
            is_page = headers.get("content-type", "").startswith("text/html")
            headers["content-security-policy"] = PAGE_POLICY if is_page else _DATA_POLICY
        if "cache-control" not in headers:
            headers["cache-control"] = "private, no-cache"
        if self._https:
            headers["strict-transport-security"] = "max-age=31536000"


def _refused(scope: Scope) -> Exception | None:
    target = scope.get("raw_path") or b""
    if len(target) + len(scope.get("query_string", b"")) > _LONGEST_TARGET:
        return _HeadError("the address is too long", 414)
    headers = scope["headers"]
    size = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > _MOST_HEADERS or size > _LARGEST_HEAD:
        return _HeadError("the request's headers are too large", 431)
    if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
        return _HeadError("the address holds a zero byte", 400)
    return None


class _HeadError(InvalidArgumentError):
    def __init__(self, what: str, status: int) -> None:
        super().__init__(what)
        self.status = status


async def _send_error(scope: Scope, receive: Receive, send: Send, error: Exception) -> None:
    await error_answer(Request(scope), error)(scope, receive, send)


def _route(scope: Scope) -> str:
    """The address with names for its parts: a metric for each run would be too many."""
    route = scope.get("mlrun_like.route")
    return route.path if route is not None else "-"
