"""Requests that a new version must answer before any traffic moves to it."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from mlrun_like.errors import EngineError, InvalidArgumentError
from mlrun_like.gateway.call import Call

__all__ = ["Answer", "Collected", "Taker", "ask", "call_of", "smoke"]

_MOST = 1 << 20


class Taker(Protocol):
    """What answers calls: a pool, or a service."""

    def submit(self, call: Call) -> None:
        """Answer by `call.reply`."""

    def cancel(self, call: Call) -> None:
        """Nobody waits any more."""


class Answer:
    """A whole answer.

    Args:
        status: HTTP status.
        headers: Header lines.
        body: Its body, up to what was asked for.
        whole: Whether that is all of it.
    """

    __slots__ = ("body", "headers", "status", "whole")

    def __init__(self, status: int, headers: bytes, body: bytes, whole: bool = True) -> None:
        self.status, self.headers, self.body, self.whole = status, headers, body, whole


class Collected:
    """A reply that keeps the answer, up to a megabyte, and tells when it is complete.

    Args:
        done: Called with the answer.
        before: The reply that gets everything first; None: nobody.
    """

    __slots__ = ("_before", "_call", "_done", "_head", "_parts", "_size", "_status")

    def __init__(self, done: Callable[[Answer], None], before: Any = None) -> None:
        self._done, self._before = done, before
        self._call: Call | None = None
        self._status, self._head, self._size = 0, b"", 0
        self._parts: list[bytes] = []

    def bind(self, call: Call) -> None:
        """The call whose worker waits for us to take what it sends."""
        self._call = call

    def answer(self, status: int, content: bytes) -> None:
        """See `Reply`."""
        if self._before is not None:
            self._before.answer(status, content)
        head, _, body = content.partition(b"\r\n\r\n")
        if content.startswith(b"\r\n"):  # no header at all
            head, body = b"", content[2:]
        self._done(Answer(status, head, body[:_MOST], len(body) <= _MOST))

    def start(self, status: int, headers: bytes) -> None:
        """See `Reply`."""
        if self._before is not None:
            self._before.start(status, headers)
        self._status, self._head = status, headers

    def chunk(self, data: bytes) -> None:
        """See `Reply`."""
        if self._before is not None:
            self._before.chunk(data)
        elif self._call is not None:
            self._call.taken(len(data))
        if self._size < _MOST:
            self._parts.append(data)
        self._size += len(data)

    def end(self, *, complete: bool) -> None:
        """See `Reply`."""
        if self._before is not None:
            self._before.end(complete=complete)
        body = b"".join(self._parts)[:_MOST]
        whole = complete and self._size <= _MOST
        self._done(Answer(self._status, self._head, body, whole))


def call_of(request: dict[str, Any], reply: Any) -> Call:
    """A call from a request as users write it: path, method, body (text, or data that becomes
    JSON), body64, headers.

    Raises:
        InvalidArgumentError: if it is none.

    >>> call = call_of({"path": "/predict", "body": {"x": 1}}, None)
    >>> call.method, call.target, call.body
    (b'POST', b'/predict', b'{"x": 1}')
    """
    body, headers = request.get("body"), dict(request.get("headers") or {})
    names = {str(name).lower() for name in headers}
    try:
        if "body64" in request:
            content = base64.b64decode(request["body64"])
        elif body is None:
            content = b""
        elif isinstance(body, str):
            content = body.encode()
        else:
            content = json.dumps(body).encode()
            if "content-type" not in names:
                headers["content-type"] = "application/json"
        method = str(request.get("method") or ("POST" if content else "GET")).upper()
        path = str(request.get("path") or "/")
        target = path if path.startswith("/") else f"/{path}"
        pairs = [(str(k).lower().encode("ascii"), str(headers[k]).encode()) for k in headers]
        if not method.isalpha() or any(mark in target for mark in " \r\n"):
            raise ValueError("method or path holds what it may not")
        if any(b"\n" in k + v or b"\r" in k + v for k, v in pairs):
            raise ValueError("a header holds a line end")
        return Call(method.encode("ascii"), target.encode(), pairs, content, reply)
    except (ValueError, TypeError, UnicodeError) as exc:
        raise InvalidArgumentError(
            f"{request!r:.120} is no request: {exc}", fix='{"path": "/", "body": {"x": 1}}'
        ) from exc


async def ask(pool: Taker, request: dict[str, Any], timeout: float) -> Answer:
    """Send one request; its answer.

    Args:
        pool: Who answers.
        request: As for `call_of`.
        timeout: Seconds.

    Raises:
        TimeoutError: if there is none in time.
        InvalidArgumentError: if it is no request.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Answer] = loop.create_future()

    def done(answer: Answer) -> None:
        if not found.done():
            found.set_result(answer)

    reply = Collected(done)
    call = call_of(request, reply)
    call.trigger = "smoke"
    call.client = "gateway"
    reply.bind(call)
    pool.submit(call)
    try:
        return await asyncio.wait_for(found, timeout)
    except (asyncio.TimeoutError, asyncio.CancelledError):
        pool.cancel(call)
        raise


async def smoke(pool: Taker, requests: Iterable[dict[str, Any]], timeout: float, where: str) -> int:
    """Let a version answer requests, one after the other; how many it answered.

    A request may say what is expected: `status` (else: below 500) and `contains`, a text.

    Raises:
        EngineError: if one fails; the message names it and the answer.
    """
    count = 0
    for count, request in enumerate(requests, 1):
        what = f"smoke request {count} ({request.get('path') or '/'})"
        try:
            answer = await ask(pool, request, timeout)
        except asyncio.TimeoutError:
            raise EngineError(f"{what} was not answered in {timeout:g} s", where=where) from None
        wanted = request.get("status")
        good = answer.status == wanted if wanted else answer.status < 500
        text = answer.body.decode("utf-8", "replace")
        if not good:
            raise EngineError(
                f"{what} was answered with {answer.status}"
                + (f", not {wanted}" if wanted else "")
                + f": {text:.400}",
                where=where,
            )
        if (part := request.get("contains")) and str(part) not in text:
            raise EngineError(
                f"{what} was answered without {str(part)!r:.80}: {text:.200}", where=where
            )
    return count
