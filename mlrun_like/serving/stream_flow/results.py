"""What a caller who emitted an event waits for."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

__all__ = [
    "AsyncAwaitableResult",
    "AwaitableResult",
    "Awaited",
    "StreamChunk",
    "StreamCompletion",
    "raised_again",
]


class StreamChunk(NamedTuple):
    """One value of a stream, among results."""

    body: Any


class StreamCompletion(NamedTuple):
    """The end of a stream, among results.

    Args:
        streaming_step: The name of the step that streams.
        original_event: The event that it streams for.
        error: What went wrong, or None.
    """

    streaming_step: str
    original_event: Any = None
    error: str | None = None


class _Failure(NamedTuple):
    error: BaseException


_END = object()  # nothing more will come


class AwaitableResult:
    """The results of one event: what `Complete` steps put here.

    Args:
        expected_number_of_results: How many results, or ends of a stream, to wait for.

    >>> result = AwaitableResult()
    >>> result.put(5)
    >>> result.await_result()
    5
    """

    error: BaseException | None = None
    ended = False
    count = 0
    _given: Any = _END

    def __init__(self, expected_number_of_results: int = 1) -> None:
        self.expected = expected_number_of_results
        self._items: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def put(self, result: Any) -> None:
        """Add a result."""
        self.count += 1
        self._items.put(result)

    def is_answered(self) -> bool:
        """Whether nothing more is expected."""
        return self.ended or self.error is not None or self.count >= self.expected

    def fail(self, error: BaseException) -> None:
        """Let the caller have this error."""
        if self.error is None and not self.ended:
            self.error = error
            self._items.put(_Failure(error))

    def end(self) -> None:
        """Say that nothing more will come; harmless if all has come already."""
        if not self.ended:
            self.ended = True
            self._items.put(_END)

    def await_result(self) -> Any:
        """Wait for the result: a value, a list if several are expected, or a generator of a stream.

        Returns None if the event was dropped on its way, and fewer values than expected if some of
        its branches were. Calling it again gives the same.

        Raises:
            Exception: what a step raised on the event.
        """
        if isinstance(self._given, _Failure):
            self._raise()
        if self._given is not _END:
            return self._given
        first = self._items.get()
        if isinstance(first, (StreamChunk, StreamCompletion)):
            self._given = self._stream(first)
            return self._given
        self._raise()
        results: list[Any] = []
        while first is not _END:
            results.append(first)
            if len(results) == self.expected:
                break
            first = self._items.get()
            self._raise()
        self._given = _one_or_all(results, self.expected)
        return self._given

    def _raise(self) -> None:
        if self.error is not None:
            self._given = _Failure(self.error)
            raise raised_again(self.error)

    def _stream(self, item: Any) -> Iterator[Any]:
        ends = 0
        while item is not _END:
            if isinstance(item, _Failure):
                raise raised_again(item.error)
            if isinstance(item, StreamCompletion):
                ends += 1
                if ends == self.expected:
                    return
            else:
                yield item.body
            item = self._items.get()


class AsyncAwaitableResult:
    """The same for an event loop; results may come from any thread."""

    error: BaseException | None = None
    ended = False
    count = 0
    _given: Any = _END

    def __init__(self, expected_number_of_results: int = 1) -> None:
        self.expected = expected_number_of_results
        self._items: deque[Any] = deque()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._waits: asyncio.Future[None] | None = None

    def put(self, result: Any) -> None:
        """Add a result."""
        self.count += 1
        self._add(result)

    def is_answered(self) -> bool:
        """Whether nothing more is expected."""
        return self.ended or self.error is not None or self.count >= self.expected

    def fail(self, error: BaseException) -> None:
        """Let the caller have this error."""
        if self.error is None and not self.ended:
            self.error = error
            self._add(_Failure(error))

    def end(self) -> None:
        """Say that nothing more will come; harmless if all has come already."""
        if not self.ended:
            self.ended = True
            self._add(_END)

    def _add(self, item: Any) -> None:
        self._items.append(item)
        if self._waits is None:
            return
        if threading.get_ident() == self._thread:
            self._rouse()
        else:
            self._loop.call_soon_threadsafe(self._rouse)

    def _rouse(self) -> None:
        if self._waits is not None and not self._waits.done():
            self._waits.set_result(None)

    async def _next(self) -> Any:
        while not self._items:
            self._waits = self._loop.create_future()
            if not self._items:  # it may have come from another thread since
                await self._waits
            self._waits = None
        return self._items.popleft()

    async def await_result(self) -> Any:
        """As for `AwaitableResult`; a stream is an `async` generator."""
        if isinstance(self._given, _Failure):
            self._raise()
        if self._given is not _END:
            return self._given
        first = await self._next()
        if isinstance(first, (StreamChunk, StreamCompletion)):
            self._given = self._stream(first)
            return self._given
        self._raise()
        results: list[Any] = []
        while first is not _END:
            results.append(first)
            if len(results) == self.expected:
                break
            first = await self._next()
            self._raise()
        self._given = _one_or_all(results, self.expected)
        return self._given

    def _raise(self) -> None:
        if self.error is not None:
            self._given = _Failure(self.error)
            raise raised_again(self.error)

    async def _stream(self, item: Any) -> AsyncIterator[Any]:
        ends = 0
        while item is not _END:
            if isinstance(item, _Failure):
                raise raised_again(item.error)
            if isinstance(item, StreamCompletion):
                ends += 1
                if ends == self.expected:
                    return
            else:
                yield item.body
            item = await self._next()


Awaited = AwaitableResult | AsyncAwaitableResult


def raised_again(error: BaseException) -> BaseException:
    """The error, ready to be raised once more: its traceback does not grow each time."""
    place: Any = getattr(error, "_first_traceback", None)
    if place is None:
        place = error.__traceback__
        try:
            error._first_traceback = place  # type: ignore[attr-defined]
        except AttributeError:  # a class with __slots__
            return error
    return error.with_traceback(place)


def _one_or_all(results: list[Any], expected: int) -> Any:
    if expected > 1:
        return results
    return results[0] if results else None
