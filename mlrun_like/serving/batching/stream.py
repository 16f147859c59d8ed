"""Micro-batching of generators: one tick yields a value for every caller's stream."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from mlrun_like.errors import ConflictError
from mlrun_like.serving.batching.feed import Feed, Model
from mlrun_like.serving.batching.options import BATCHES, BatchInfo, BatchOptions
from mlrun_like.serving.batching.queue import LIVE, refusal
from mlrun_like.serving.batching.reader import END, SKIP, Reader

__all__ = ["END", "SKIP", "StreamBatcher"]


class StreamBatcher:
    """Merges concurrent streams into calls of a generator function of rows.

    Each tick of the generator is a list with one value per row: a value goes to that row's caller,
    `None` (or `END`) ends its stream, `SKIP` leaves it without a value this time, an exception is
    raised for that caller. When the generator ends, all its streams do. A generator that uses the
    value of `yield` learns which of its rows still have a reader (a list of booleans), so that it
    can stop computing the others.

    At most `max_rows` streams are fed at the same time; a caller that leaves, or whose stream
    ends, frees its place at once, and waiting callers then get a generator of their own. Ticks of
    plain generators never run at the same time: they take turns on the event loop or, when they
    are long, in one thread. An error before the first tick is isolated as for plain calls. A
    reader that is 1024 values behind holds its batch up for a second, then its stream fails.

    Args:
        call: The generator function.
        options: The limits; `max_wait_ms` and `max_in_flight` are not used.
        name: Shown in errors and metrics.

    Attributes:
        numbers: Counts for metrics (`BatchNumbers`).

    >>> def count(rows):
    ...     for n in range(max(rows)):
    ...         yield [n if n < row else None for row in rows]
    >>> async def main():
    ...     batcher = StreamBatcher(count)
    ...     async def read(row):
    ...         return [value async for value in batcher.stream(row)]
    ...     return await asyncio.gather(read(1), read(3))
    >>> asyncio.run(main())
    [[0], [0, 1, 2]]
    """

    def __init__(
        self,
        call: Callable[[Any], Any],
        options: BatchOptions | Mapping[str, Any] | bool = True,
        *,
        name: str = "",
    ) -> None:
        self.options = BatchOptions.of(options)
        self.name = name or getattr(call, "__name__", "") or type(call).__name__
        self._model = Model(call, self.options, self.name)
        self.numbers = self._model.numbers
        self._key_of = self.options.key_function()
        self._feeds: dict[asyncio.AbstractEventLoop, Feed] = {}
        self._closed = False
        LIVE.add(self)

    @property
    def queue_depth(self) -> int:
        """Streams that wait for a place."""
        return sum(len(feed.waiting) for feed in self._open_feeds())

    @property
    def in_flight(self) -> int:
        """Streams that are fed now."""
        return sum(feed.active for feed in self._open_feeds())

    def stream(self, row: Any) -> AsyncIterator[Any]:
        """The values of this row's stream, as an `async` generator.

        Raises:
            OverloadedError: at once, if it would wait longer than the target.
            ConflictError: if the batcher is closed.
        """
        loop = asyncio.get_running_loop()
        feed = self._feeds.get(loop)
        if feed is None:
            self._feeds = {old: kept for old, kept in self._feeds.items() if not old.is_closed()}
            feed = self._feeds[loop] = Feed(self._model, loop)
        self._admit(feed)
        return self._read(feed, row)

    def close(self) -> None:
        """Refuse new streams, close the generators and end the thread."""
        self._closed = True
        LIVE.discard(self)
        for loop, feed in list(self._feeds.items()):
            if loop.is_running():
                loop.call_soon_threadsafe(feed.close)
        self._model.close()

    async def _read(self, feed: Feed, row: Any) -> AsyncIterator[Any]:
        reader = Reader(row, self._key_of(row) if self._key_of is not None else None)
        feed.join(reader)
        told = BATCHES.get()
        try:
            while True:
                if reader.values:
                    value = reader.next_value()
                    if told is not None:
                        wait = (reader.started - reader.arrived) * 1e3
                        told.append(BatchInfo(self.name, reader.size, wait))
                        told = None
                    yield value
                elif reader.open:
                    reader.waiter = feed.loop.create_future()
                    await reader.waiter
                elif reader.error is not None:
                    raise reader.error
                else:
                    return
        finally:
            feed.leave(reader)

    def _open_feeds(self) -> list[Feed]:
        return [feed for loop, feed in self._feeds.items() if not loop.is_closed()]

    def _admit(self, feed: Feed) -> None:
        if self._closed:
            raise ConflictError(f"the batched call of {self.name!r} is closed")
        ahead = len(feed.waiting)
        if not ahead:
            return
        options = self.options
        target = options.target_queue_ms / 1e3
        age = time.perf_counter() - feed.waiting[0].arrived
        delay = max(ahead / options.max_rows * self._model.seconds, age)
        if delay <= target and ahead < options.max_queue_rows:
            return
        self.numbers.rejected += 1
        raise refusal(self.name, f"{ahead} streams", delay, options)
