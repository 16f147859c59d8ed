"""Requests to an ASGI application in this process, as if they came over HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from mlrun_like.serving.web.mounts import AsgiApp, Life, Message
from mlrun_like.serving.web.reply import Reply

__all__ = ["AppClient"]

_T = TypeVar("_T")
_END = object()


class AppClient:
    """Sends requests to an application; the counterpart of `HttpClient`.

    The plain methods run the application in an event loop of their own, in a thread; the `async`
    ones in the caller's. The application's start and end (ASGI lifespan) belong to the loop that is
    used first.

    Args:
        app: The application.
        timeout: Seconds for a whole request, or for the next part of a stream; None: for ever.
    """

    def __init__(self, app: AsgiApp, timeout: float | None = 60.0) -> None:
        self._app = app
        self.timeout = timeout
        self._life: Life | None = None
        self._own: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def send(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Reply:
        """Send a request and wait for the whole reply, whatever its status.

        Raises:
            TimeoutError: if it took too long.
            ConnectionError: if the application broke off.
        """
        return self._wait(self.send_async(method, url, body, headers, timeout))

    async def send_async(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Reply:
        """The same for an event loop."""

        async def whole() -> Reply:
            found, reply = [], Reply(0)
            async for reply, part in self.stream_async(method, url, body, headers):  # noqa: B007
                found.append(part)
            reply.body = b"".join(found)
            return reply

        limit = self.timeout if timeout is None else timeout
        try:
            return await asyncio.wait_for(whole(), limit)
        except asyncio.TimeoutError as exc:  # not the built-in one before Python 3.11
            raise TimeoutError(f"no answer within {limit:g} s") from exc

    def stream(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Iterator[tuple[Reply, bytes]]:
        """The reply's head with each part of its body, as they come; at least once."""
        parts = self.stream_async(method, url, body, headers, timeout)

        async def following() -> Any:
            return await anext(parts, _END)

        async def close() -> None:
            await parts.aclose()

        try:
            while (found := self._wait(following())) is not _END:
                yield found
        finally:
            self._wait(close())

    async def stream_async(
        self,
        method: str,
        url: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> AsyncGenerator[tuple[Reply, bytes], None]:
        """The same for an event loop."""
        if self._life is None:
            self._life = Life("/", self._app)
            await self._life.start()
        exchange = _Exchange(_scope(method, url, headers or {}, body), body)
        task = asyncio.ensure_future(exchange.run(self._app))
        told = False
        try:
            while (part := await exchange.next(timeout)) is not None:
                if part or not told:
                    told = True
                    yield exchange.reply, part
            await task
        finally:
            exchange.left.set()
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))

    def close(self) -> None:
        """Tell the application that it ends, and end the thread; twice is harmless."""
        with self._lock:
            loop, self._own = self._own, None
        if loop is not None:
            asyncio.run_coroutine_threadsafe(self.close_async(), loop).result()
            loop.call_soon_threadsafe(loop.stop)

    async def close_async(self) -> None:
        """The same for an event loop."""
        life, self._life = self._life, None
        if life is not None:
            await life.stop()

    def _wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        with self._lock:
            if self._own is None:
                self._own = asyncio.new_event_loop()
                threading.Thread(
                    target=_run, args=(self._own,), name="graph-client", daemon=True
                ).start()
        return asyncio.run_coroutine_threadsafe(work, self._own).result()


class _Exchange:
    """One request and its reply."""

    def __init__(self, scope: Message, body: bytes) -> None:
        self.reply = Reply(0)
        self.left = asyncio.Event()
        self._scope = scope
        self._body: bytes | None = body
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=8)
        self._complete = False

    async def run(self, app: AsgiApp) -> None:
        try:
            await app(self._scope, self._receive, self._send)
        finally:
            if not self._complete and not self.left.is_set():
                await self._parts.put(None)

    async def next(self, timeout: float | None) -> bytes | None:
        try:
            part = await asyncio.wait_for(self._parts.get(), timeout)
        except asyncio.TimeoutError as exc:  # not the built-in one before Python 3.11
            raise TimeoutError(f"nothing came within {timeout:g} s") from exc
        if part is None and not self._complete:
            raise ConnectionError("the application ended in the middle of its answer")
        return part

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.reply.status = message["status"]
            for name, value in message.get("headers", ()):
                self.reply.headers[name.decode("latin-1").lower()] = value.decode("latin-1")
            return
        more = message.get("more_body", False)
        self._complete = not more
        await self._parts.put(message.get("body", b""))
        if not more:
            await self._parts.put(None)


def _scope(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Message:
    parts = urlsplit(url)
    raw = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
    ]
    if body or method in ("POST", "PUT", "PATCH"):
        raw.append((b"content-length", b"%d" % len(body)))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(parts.path) or "/",
        "raw_path": parts.path.encode("latin-1", "replace"),
        "query_string": parts.query.encode("latin-1", "replace"),
        "root_path": "",
        "headers": raw,
        "client": ("127.0.0.1", 0),
        "server": ("in-process", 80),
        "state": {},
    }


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()
