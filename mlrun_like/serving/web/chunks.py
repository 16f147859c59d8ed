"""The values of a streaming answer: where they come from, and as what they are sent."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Executor
from typing import Any, TypeVar

from mlrun_like.serving.codec import encode

__all__ = ["Source", "as_event", "as_line", "event_of_error", "media_type"]

_TURN = 0.002  # seconds that a plain generator runs before what it gave is sent
_MOST = 256  # values of one turn
_T = TypeVar("_T")
_log = logging.getLogger("mlrun_like.serving")


class Source:
    """Gives the values of a generator in batches, and closes it when its reader has gone.

    An `async` generator runs in the event loop. A plain one runs in threads, one turn at a time, so
    that it may wait or compute without holding up other callers; what it gives within one turn
    comes as one batch.

    Args:
        values: The generator.
        executor: Threads for plain generators.
    """

    def __init__(
        self, values: AsyncGenerator[Any, None] | Generator[Any, None, None], executor: Executor
    ) -> None:
        self._values: Any = values
        self._executor = executor
        self._left = self._ended = False
        self._error: Exception | None = None
        self._turn_lock = threading.Lock()
        self._context = contextvars.copy_context()
        self.is_async = hasattr(values, "__anext__")

    async def next(self) -> list[Any] | None:
        """The next values, at least one; None at the end.

        Raises:
            Exception: what the generator raised; the values before it were given before.
        """
        if self.is_async:
            try:
                return [await self._values.__anext__()]
            except StopAsyncIteration:
                return None
        if self._error is not None:
            raise self._error
        if self._ended:
            return None
        loop = asyncio.get_running_loop()
        batch = await loop.run_in_executor(self._executor, self._alone, self._turn)
        return batch or await self.next()

    async def close(self) -> None:
        """End the generator: its `finally` blocks run, now or as soon as it gives its next value.

        A plain generator cannot be interrupted while it computes; nobody waits for it here.
        """
        self._left = True
        if not self.is_async:
            with contextlib.suppress(RuntimeError):  # the server's threads have ended
                self._executor.submit(self._alone, self._close)
            return
        try:
            await self._values.aclose()
        except Exception:  # noqa: BLE001  users' code may raise anything here
            _log.exception("a stream failed while it was closed")

    def _alone(self, work: Callable[[], _T]) -> _T:
        with self._turn_lock:  # neither a generator nor a context can be entered twice
            return self._context.run(work)

    def _turn(self) -> list[Any]:
        found: list[Any] = []
        until = time.monotonic() + _TURN
        try:
            while not self._left:
                found.append(next(self._values))
                if len(found) >= _MOST or time.monotonic() >= until:
                    return found
        except StopIteration:
            pass
        except Exception as exc:  # noqa: BLE001  given to the reader, after the values before it
            self._error = exc
        self._ended = True
        return found

    def _close(self) -> None:
        try:
            self._values.close()
        except Exception:  # noqa: BLE001  users' code may raise anything here
            _log.exception("a stream failed while it was closed")


def media_type(given: str, first: Any, *, events: bool) -> str:
    """The content type of a stream: what the step said, what the caller asked for, or by value.

    >>> media_type("", {"token": 1}, events=False)
    'application/x-ndjson'
    """
    if given:
        return given
    if events:
        return "text/event-stream; charset=utf-8"
    if isinstance(first, str):
        return "text/plain; charset=utf-8"
    if isinstance(first, (bytes, bytearray, memoryview)):
        return "application/octet-stream"
    return "application/x-ndjson"


def as_line(value: Any) -> bytes:
    """A value in a chunked answer: bytes and text as they are, the rest as a line of JSON."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    return encode(value) + b"\n"


def as_event(value: Any) -> bytes:
    """A value as a server-sent event (WHATWG HTML 9.2): text line by line, the rest as JSON.

    >>> as_event("two\\nlines"), as_event({"n": 1})
    (b'data: two\\ndata: lines\\n\\n', b'data: {"n":1}\\n\\n')
    """
    if isinstance(value, str):
        data = value.encode("utf-8", "replace")
    elif isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(value)
    else:
        return b"data: %b\n\n" % encode(value)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if b"\n" in data:
        data = data.replace(b"\n", b"\ndata: ")
    return b"data: %b\n\n" % data


def event_of_error(body: Any) -> bytes:
    """The last event of a stream that failed after its first value was sent."""
    return b"event: error\n" + as_event(body)
