"""A streaming answer: sent as its values come, ended when its reader leaves.

Values that come fast are written together: at most one write in two milliseconds, unless there is
much to write. A single value is never held back. While a slow reader has not taken what was
written, the generator is not asked for more.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Executor
from typing import Any

from mlrun_like.errors import StepTimeoutError
from mlrun_like.serving.event import Response
from mlrun_like.serving.web.answer import content_of, headers_of
from mlrun_like.serving.web.chunks import Source, as_event, as_line, event_of_error, media_type
from mlrun_like.serving.web.eager import begin
from mlrun_like.serving.web.pace import Pace
from mlrun_like.serving.web.request import RawHeaders
from mlrun_like.serving.web.watch import within

__all__ = ["Stream", "is_stream"]

# `time.monotonic`, not `loop.time`: uvloop's stands still while a generator keeps the loop
_MUCH = 16 * 1024  # bytes that are written at once
_QUIET = 15.0  # seconds after which a silent event stream is kept open with a comment
_EVENTS = "text/event-stream"
_FAIR = 0.004  # seconds after which other callers get their turn

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def is_stream(body: Any) -> bool:
    """Whether a body is a generator, plain or `async`."""
    return inspect.isgenerator(body) or inspect.isasyncgen(body)


class _GoneError(Exception):
    """The server cannot send any more: the reader has gone."""


class Stream:
    """Sends one streaming answer.

    Args:
        response: Its body is the generator.
        send: ASGI's.
        executor: Threads for plain generators.
        failure: Makes the answer of an exception.
        events: Whether the caller asked for server-sent events.
        extra: Further headers.
        pace: How far apart writes are.
        deadline: When the first value must be there, in seconds of `time.monotonic()`.
    """

    def __init__(
        self,
        response: Response,
        send: Send,
        executor: Executor,
        failure: Callable[[Exception], Response],
        *,
        events: bool = False,
        extra: RawHeaders | None = None,
        pace: Pace,
        deadline: float | None = None,
    ) -> None:
        self._response = response
        self._send = send
        self._source = Source(response.body, executor)
        self._failure = failure
        self._events = events or response.content_type.startswith(_EVENTS)
        self._extra = extra or []
        self._pace = pace
        self._deadline = deadline
        self._encode = as_line
        self._held: list[bytes] = []
        self._size = 0
        self._started = False
        self._timer: asyncio.TimerHandle | None = None
        self._pinger: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._last = 0.0
        self._loop: asyncio.AbstractEventLoop
        self.status = 0
        """The status that was sent; 0 before."""
        self.sent = 0
        """Bytes of body that were sent."""

    async def run(self) -> None:
        """Send everything; when cancelled, the generator is closed.

        Raises:
            ConnectionAbortedError: if the stream failed and its form has no word for that: then
                the connection must be cut.
        """
        self._loop = loop = asyncio.get_running_loop()
        if self._events:
            self._pinger = loop.call_later(_QUIET, self._ping)
        self._pace.join()
        try:
            await self._pump(time.monotonic())
            await self._flush(last=True)
        except _GoneError:
            return
        finally:
            self._pace.leave()
            for timer in (self._pinger, self._timer):
                if timer is not None:
                    timer.cancel()
            self._pinger = self._timer = None
            await self._source.close()

    async def _pump(self, fair: float) -> None:
        loop, source, pace, held = self._loop, self._source, self._pace, self._held
        while True:
            try:
                batch = await (source.next() if self._started else self._first())
                if not self._started:
                    await self._start(batch[0] if batch else None)
                if batch is None:
                    return
                for value in batch:
                    data = self._encode(value)
                    held.append(data)
                    self._size += len(data)
            except _GoneError:
                raise
            except Exception as exc:  # the boundary between a user's step and the server
                if not await self._failed(exc):
                    raise ConnectionAbortedError(f"the stream failed: {exc}") from exc
                return
            now = time.monotonic()
            if self._size >= _MUCH or now - self._last >= pace.apart:
                await self._flush()
                if now - fair > _FAIR:  # a generator that never waits must not take it all
                    fair = now
                    await asyncio.sleep(0)
            elif self._timer is None:
                self._timer = loop.call_later(self._last + pace.apart - now, self._flush_soon)

    async def _first(self) -> list[Any] | None:
        """The first values, which must come before the caller's deadline."""
        if self._deadline is None:
            return await self._source.next()
        try:
            left = max(0.0, self._deadline - time.monotonic())
            return await within(left, self._source.next())
        except TimeoutError as exc:
            raise StepTimeoutError("the first value took longer than the caller waits") from exc

    async def _start(self, first: Any) -> None:
        """Send the status and headers, once the first value or failure is known."""
        self._started = True
        kind = media_type(self._response.content_type, first, events=self._events)
        headers = headers_of(self._response, kind.encode("latin-1", "replace"))
        self._events = kind.startswith(_EVENTS)
        if self._events:
            self._encode = as_event
            # so that our client tells the text "1" from the number 1
            form = b"text" if isinstance(first, (str, bytes)) else b"json"
            headers += [(b"mlrun-stream", form)]
            headers += [(b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")]
        await self._head(self._response.status_code, headers)

    async def _head(self, status: int, headers: RawHeaders) -> None:
        self.status = status
        headers = headers + self._extra
        await self._out({"type": "http.response.start", "status": status, "headers": headers})

    async def _flush(self, *, last: bool = False) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._writing is not None:  # one write at a time, in order
            await asyncio.shield(self._writing)
        data = self._take()
        if data or last:
            await self._out({"type": "http.response.body", "body": data, "more_body": not last})

    def _take(self) -> bytes:
        held = self._held
        data = held[0] if len(held) == 1 else b"".join(held)
        held.clear()
        self._size, self._last = 0, time.monotonic()
        self.sent += len(data)
        return data

    def _flush_soon(self) -> None:
        self._timer = None
        if self._writing is None and self._held:
            self._write_soon(self._take())

    def _ping(self) -> None:
        """Send a comment on a stream that was silent: proxies close what looks dead."""
        self._pinger = self._loop.call_later(_QUIET, self._ping)
        silent = self._writing is None and not self._held
        if silent and time.monotonic() - self._last >= _QUIET:
            self._last = time.monotonic()
            self._write_soon(b": still here\n\n")

    def _write_soon(self, data: bytes) -> None:
        _, rest = begin(self._write(data))
        if rest is not None:  # the reader is slow
            self._writing = self._loop.create_task(_awaited(rest))

    async def _write(self, data: bytes) -> None:
        with contextlib.suppress(_GoneError):
            try:
                if not self._started:
                    await self._start(None)
                await self._out({"type": "http.response.body", "body": data, "more_body": True})
            finally:
                self._writing = None
                if self._held and self._timer is None:  # came while the reader was slow
                    self._timer = self._loop.call_later(self._pace.apart, self._flush_soon)

    async def _out(self, message: MutableMapping[str, Any]) -> None:
        try:
            await self._send(message)
        except OSError as exc:
            raise _GoneError from exc

    async def _failed(self, exc: Exception) -> bool:
        """Tell the reader of a failure, if the form of the stream has a word for it."""
        response = self._failure(exc)
        if not self.status:
            self._started = True
            body, kind = content_of(response)
            length = (b"content-length", b"%d" % len(body))
            await self._head(response.status_code, [*headers_of(response, kind), length])
            self._held.append(body)
            return True
        if self._events:
            self._held.append(event_of_error(response.body))
            return True
        await self._flush()
        return False


async def _awaited(rest: Awaitable[None]) -> None:
    await rest
