"""The queues of storey: one that can be looked into, one whose `get` waits so long at most."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

__all__ = ["AsyncQueue", "SimpleAsyncQueue"]


class SimpleAsyncQueue:
    """A queue with room for so many items; who waits is served in turn.

    Args:
        capacity: How many items it holds.

    >>> async def main():
    ...     queue = SimpleAsyncQueue(1)
    ...     await queue.put("x")
    ...     return await queue.get()
    >>> asyncio.run(main())
    'x'
    """

    def __init__(self, capacity: int) -> None:
        self._room = capacity  # places that nobody has or was promised
        self._items: deque[Any] = deque()
        self._givers: deque[asyncio.Future[None]] = deque()
        self._takers: deque[asyncio.Future[None]] = deque()

    async def get(self, timeout: float | None = None) -> Any:
        """The oldest item.

        Raises:
            TimeoutError: if none came within so many seconds.
        """
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        while not self._items:
            taker: asyncio.Future[None] = loop.create_future()
            self._takers.append(taker)
            left = None if end is None else max(0.0, end - loop.time())
            await asyncio.wait((taker,), timeout=left)
            if not taker.done():
                self._takers.remove(taker)
                raise TimeoutError(f"Queue get() timed out after {timeout} seconds")
        item = self._items.popleft()
        while self._givers:
            giver = self._givers.popleft()
            if not giver.done():
                giver.set_result(None)  # the place is its
                return item
        self._room += 1
        return item

    async def put(self, item: Any) -> None:
        """Add an item, as soon as there is room."""
        if self._room:
            self._room -= 1
        else:
            giver: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._givers.append(giver)
            await giver
        self._items.append(item)
        while self._takers:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_result(None)
                return

    def empty(self) -> bool:
        """Whether there is no item."""
        return not self._items


class AsyncQueue(SimpleAsyncQueue):
    """A queue whose next item can be looked at before it is taken.

    Args:
        maxsize: How many items it holds; 0: any number.
    """

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__(maxsize if maxsize > 0 else 2**62)

    async def peek(self) -> Any:
        """The oldest item, which stays."""
        while not self._items:
            taker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._takers.append(taker)
            await taker
        return self._items[0]

    def peek_nowait(self) -> Any:
        """The same without waiting.

        Raises:
            asyncio.QueueEmpty: if there is none.
        """
        if not self._items:
            raise asyncio.QueueEmpty
        return self._items[0]
