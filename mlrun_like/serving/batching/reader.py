"""The two ends of a batched stream: a generator, and the readers of its values."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any, Final

__all__ = ["END", "MOST_UNREAD", "OVER", "SKIP", "Reader", "Source", "advance", "advance_async"]

MOST_UNREAD = 1024
"""Values of one stream that wait for its reader."""


class _Mark:
    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


END: Final = _Mark("END")
"""Yielded for a row whose stream has ended; `None` means the same."""
SKIP: Final = _Mark("SKIP")
"""Yielded for a row that has no value in this tick, but goes on."""
OVER: Final = _Mark("OVER")
"""What `advance` gives when a generator has ended."""


class Reader:
    """One caller's stream.

    Args:
        row: What it asked for.
        key: Only rows with the same one share a generator.
    """

    __slots__ = (
        "arrived", "error", "key", "open", "row", "size", "source", "started", "values", "waiter",
    )  # fmt: skip

    def __init__(self, row: Any, key: Any) -> None:
        self.row = row
        self.key = key
        self.arrived = self.started = time.perf_counter()
        self.size = 0
        self.open = True
        self.error: Exception | None = None
        self.values: deque[Any] = deque()
        self.waiter: asyncio.Future[None] | None = None
        self.source: Source | None = None

    def next_value(self) -> Any:
        """Remove the oldest unread value."""
        value = self.values.popleft()
        if self.source is not None and len(self.values) == MOST_UNREAD // 2:
            self.source.room.set()
        return value

    def wake(self) -> None:
        """Let the reader look: there is a value, or its stream has ended."""
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class Source:
    """A generator and the streams that it feeds.

    Args:
        readers: Those of its rows, in their order.
        threaded: Whether its ticks run in a thread.
    """

    def __init__(self, readers: list[Reader], threaded: bool) -> None:
        self.readers = readers
        self.threaded = threaded
        self.room = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.generator: Any = None

    def wanted(self) -> list[bool]:
        """Which rows still have a reader."""
        return [reader.open for reader in self.readers]


def advance(generator: Any, sent: list[bool] | None) -> Any:
    """The next list of a plain generator, or `OVER`; it receives `sent` as the value of `yield`."""
    send = getattr(generator, "send", None)
    try:
        return next(generator) if sent is None or send is None else send(sent)
    except StopIteration:
        return OVER


async def advance_async(generator: Any, sent: list[bool] | None) -> Any:
    """The same for an `async` generator."""
    send = getattr(generator, "asend", None)
    try:
        return await (generator.__anext__() if sent is None or send is None else send(sent))
    except StopAsyncIteration:
        return OVER
