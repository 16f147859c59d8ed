"""Live events: `text/event-stream` with ids, heartbeats, and a polite end.

A stream never holds more than one event: a reader that is slow slows its own source down, nothing
else.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from mlrun_like.api.access.identify import identify
from mlrun_like.api.guarding import admit
from mlrun_like.api.http.answers import json_bytes
from mlrun_like.api.state import state_of
from mlrun_like.errors import (
    MLRunLikeError,
    OverloadedError,
    RateLimitError,
    StoreUnavailableError,
)

__all__ = ["Event", "event_stream", "last_event_id"]

HEARTBEAT = 15.0
AGAIN = 20.0
"""Seconds after which the rights of a reader are looked at anew."""
_LONGEST_ID = 200
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


@dataclass(frozen=True)
class Event:
    """One event.

    Args:
        data: What happened; text is sent as it is, everything else as JSON.
        kind: Its name; empty: `message`.
        id: From where a reader goes on that comes back.
    """

    data: Any
    kind: str = ""
    id: str = ""

    def encoded(self) -> bytes:
        """As the bytes of a stream.

        >>> Event({"n": 1}, "run", "7").encoded()
        b'id: 7\\nevent: run\\ndata: {"n":1}\\n\\n'
        """
        text = self.data if isinstance(self.data, str) else json_bytes(self.data).decode()
        lines = [f"id: {_line(self.id)}"] if self.id else []
        if self.kind:
            lines.append(f"event: {_line(self.kind)}")
        # the format knows three ends of a line; inside of the data each begins a new field
        parts = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        lines.extend(f"data: {part}" for part in parts)
        return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")


def last_event_id(request: Request) -> str:
    """The id of the last event that a reader has who comes back; empty: it is new.

    The query parameter `last-event-id` serves those that cannot set headers.
    """
    found = request.headers.get("last-event-id") or request.query_params.get("last-event-id", "")
    return found if len(found) <= _LONGEST_ID and found.isprintable() else ""


def event_stream(
    request: Request, events: AsyncIterator[Event], heartbeat: float = HEARTBEAT
) -> Response:
    """Answer with events until there are no more, the reader leaves, or the service stops.

    Args:
        request: Who reads.
        events: What happens; closed at the end (`aclose`), whoever ends.
        heartbeat: Seconds of silence after which a comment is sent, so that proxies and readers
            see that the stream is alive.

    Raises:
        OverloadedError: if this process has as many streams as it takes.
    """
    state = state_of(request)
    if request.scope.get("mlrun_like.method") == "HEAD":  # who asks for no body waits for none
        return Response(media_type="text/event-stream", headers=_HEADERS)
    if state.numbers.streams >= state.options.streams:
        raise OverloadedError(
            "too many live streams are open",
            where=f"this process takes {state.options.streams} (service_streams)",
            fix="close some, or ask for the list again every few seconds",
        )
    if state.stopping.is_set():
        raise OverloadedError("the service is stopping", fix="try again in a moment")
    state.numbers.streams += 1
    body = _pieces(request, state.stopping, events, heartbeat)
    return _Stream(body, state.numbers)


class _Stream(StreamingResponse):
    """A stream that is counted from the decision to its end, also if it never begins."""

    def __init__(self, body: AsyncGenerator[bytes, None], numbers: Any) -> None:
        super().__init__(body, media_type="text/event-stream", headers=_HEADERS)
        self._source = body
        self._numbers = numbers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._numbers.streams -= 1
            with contextlib.suppress(RuntimeError):
                await self._source.aclose()


async def _pieces(
    request: Request, stopping: asyncio.Event, events: AsyncIterator[Event], heartbeat: float
) -> AsyncGenerator[bytes, None]:
    stop = asyncio.ensure_future(stopping.wait())
    coming: asyncio.Task[Event] | None = None
    asked = time.monotonic()
    try:
        yield b"retry: 2000\n\n"
        while True:
            if time.monotonic() - asked > AGAIN:
                over = await _over(request)
                if over is not None:
                    yield Event({"code": over.code, "what": over.what}, "error").encoded()
                    return
                asked = time.monotonic()
            if coming is None:
                coming = asyncio.ensure_future(_next(events))
            await asyncio.wait(
                {coming, stop}, timeout=heartbeat, return_when=asyncio.FIRST_COMPLETED
            )
            if coming.done():
                try:
                    event = coming.result()
                except StopAsyncIteration:
                    return
                except MLRunLikeError as exc:  # the answer has begun: the reader is told here
                    yield Event({"code": exc.code, "what": exc.what}, "error").encoded()
                    return
                finally:
                    coming = None
                yield event.encoded()
            elif stop.done():
                yield Event({"reason": "the service stops"}, "bye").encoded()
                return
            else:
                yield b": alive\n\n"
    finally:
        stop.cancel()
        if coming is not None:
            coming.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration):
                await coming
        close = getattr(events, "aclose", None)
        if close is not None:
            await close()


async def _over(request: Request) -> MLRunLikeError | None:
    """Why a reader may read no further: a stream outlives logouts, tokens and roles."""
    try:
        caller = await identify(request)
        admit(caller, request.scope["mlrun_like.route"].needs, request.path_params)
    except (RateLimitError, StoreUnavailableError):
        return None  # it says nothing of his rights
    except MLRunLikeError as exc:
        return exc
    return None


async def _next(events: AsyncIterator[Event]) -> Event:
    # a coroutine, because not all iterators give one; StopAsyncIteration passes through a task
    return await events.__anext__()


def _line(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())
