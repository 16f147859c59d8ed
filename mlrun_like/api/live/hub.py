"""One reader for all listeners of a process.

Each listener has a short queue. One that reads too slowly loses what is in it and is told
`resync`: to load anew what it shows. So memory is bounded, and nobody waits for the slowest.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable

from anyio import to_thread

from mlrun_like.api.http.streams import Event
from mlrun_like.api.live.changes import Change, Watch
from mlrun_like.errors import StoreUnavailableError
from mlrun_like.tracking.store import SqlStore

__all__ = ["Listener", "LiveHub"]

_EVERY = 0.5
_QUEUE = 500
_OLDEST = 3600.0


class Listener:
    """Somebody who hears of changes.

    Args:
        wanted: Whether a change is for it.
        kinds: Kinds that it wants; empty: all.
    """

    def __init__(self, wanted: Callable[[Change], bool], kinds: frozenset[str]) -> None:
        self._wanted = wanted
        self._kinds = kinds
        self._waiting: deque[Event] = deque()
        self._more = asyncio.Event()
        self.lost = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def hears(self, change: Change) -> bool:
        """Whether it wants to hear of a change, and may."""
        return (not self._kinds or change.kind in self._kinds) and self._wanted(change)

    def tell(self, change: Change, mark: str) -> None:
        """Let it hear of a change, if it is for it."""
        if self.hears(change):
            self.put(Event(change.data, change.kind, mark))

    def put(self, event: Event) -> None:
        """Queue an event; a full queue becomes one `resync`."""
        if len(self._waiting) >= _QUEUE:
            self.lost += len(self._waiting)
            self._waiting.clear()
            event = Event({}, "resync", event.id)
        self._waiting.append(event)
        self._more.set()

    async def next(self) -> Event:
        """The next event."""
        while not self._waiting:
            self._more.clear()
            await self._more.wait()
        return self._waiting.popleft()


class LiveHub:
    """The listeners of one process.

    Args:
        store: What is watched.
    """

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._listeners: set[Listener] = set()
        self._reader: asyncio.Task[None] | None = None
        self._began = asyncio.Event()

    def __len__(self) -> int:
        return len(self._listeners)

    async def listen(self, listener: Listener, last: str = "") -> AsyncIterator[Event]:
        """Its events, for ever.

        Args:
            listener: Who.
            last: The id of the last event that it has; what came after it comes first.
        """
        self._listeners.add(listener)
        if self._reader is None or self._reader.done():
            self._began = asyncio.Event()
            self._reader = asyncio.create_task(self._read(self._began))
        try:
            # after the reader's first look: what changes from now on is found by one of the two
            await self._began.wait()
            for event in await self._missed(listener, last):
                yield event
            while True:
                yield await listener.next()
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._reader is not None:
                self._reader.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._reader
                self._reader = None

    async def _missed(self, listener: Listener, last: str) -> list[Event]:
        now = since = time.time()
        if last:
            since = int(last) / 1000 if last.isascii() and last.isdigit() else 0.0
            if len(last) > 15 or not now - _OLDEST < since <= now + 60:
                return [Event({}, "resync", _mark(now))]
        # one that is new gets the last seconds too, which it may have read too early to know of
        watch = Watch(self._store, since)
        changes = await to_thread.run_sync(watch.look, now)
        if changes is None or len(changes) > _QUEUE:
            return [Event({}, "resync", _mark(now))]
        heard = [] if last else [Event({"now": now}, "hello", _mark(now))]
        return heard + [
            Event(one.data, one.kind, _mark(now)) for one in changes if listener.hears(one)
        ]

    async def _read(self, began: asyncio.Event) -> None:
        """Look at the store as long as anybody listens."""
        watch = Watch(self._store, time.time())
        while True:
            now = time.time()
            try:
                changes = await to_thread.run_sync(watch.look, now)
            except StoreUnavailableError:  # it may be back in a moment: nothing is lost
                await asyncio.sleep(2.0)
                continue
            mark = _mark(now)
            # what the first look finds was there before anybody listened
            for listener in tuple(self._listeners) if began.is_set() else ():
                if changes is None:
                    listener.put(Event({}, "resync", mark))
                for change in changes or ():
                    listener.tell(change, mark)
            began.set()
            await asyncio.sleep(max(0.05, _EVERY - (time.time() - now)))


def _mark(now: float) -> str:
    """The id of events of a look: where to go on from."""
    return str(int(now * 1000))
