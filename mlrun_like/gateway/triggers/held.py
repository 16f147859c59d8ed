"""Events that are done or answered, and may not be acknowledged yet."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Set
from typing import Any

from mlrun_like.gateway.triggers.event import Event

__all__ = ["Held"]

_Shard = tuple[str, str]


class Held:
    """What a handler acknowledges itself, and the window behind the newest event of a shard.

    Args:
        window: Events of a shard that stay unacknowledged behind the newest one.

    >>> held = Held(0)
    >>> held.settle(Event(b"", offset="1"), kept=True)
    >>> held.acked({"topic": "", "partition": 0, "offset": 1})
    >>> [event.offset for event in held.take()]
    ['1']
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._lock = threading.Lock()
        self._kept: dict[_Shard, list[Event]] = {}
        self._behind: dict[_Shard, deque[Event]] = {}
        self._told: dict[_Shard, tuple[int, ...]] = {}
        """The highest offset that was acknowledged by a handler."""
        self._done: list[Event] = []

    def settle(self, event: Event, kept: bool) -> None:
        """An event was answered.

        Args:
            event: It.
            kept: Whether its handler acknowledges it itself.
        """
        shard = (event.topic, str(event.shard))
        with self._lock:
            if kept and _place(event.offset) > self._told.get(shard, ()):
                self._kept.setdefault(shard, []).append(event)
            else:
                self._ready(shard, event)

    def _ready(self, shard: _Shard, event: Event) -> None:
        if not self._window:
            self._done.append(event)
            return
        behind = self._behind.setdefault(shard, deque())
        behind.append(event)
        while len(behind) > self._window:
            self._done.append(behind.popleft())

    def acked(self, attributes: Mapping[str, Any]) -> None:
        """A handler acknowledged an event and those before it in its shard.

        Args:
            attributes: `topic`, `partition` and `offset`.
        """
        shard = (str(attributes.get("topic") or ""), str(attributes.get("partition") or 0))
        offset = _place(str(attributes.get("offset")))
        with self._lock:
            self._told[shard] = max(offset, self._told.get(shard, ()))
            kept = self._kept.get(shard, [])
            self._kept[shard] = [event for event in kept if _place(event.offset) > offset]
            for event in kept:
                if _place(event.offset) <= offset:
                    self._ready(shard, event)

    def forget(self, shards: Set[tuple[str, int]]) -> None:
        """These shards have another reader, who is handed out what is not acknowledged."""
        with self._lock:
            for topic, shard in shards:
                for kept in (self._kept, self._behind, self._told):
                    kept.pop((topic, str(shard)), None)

    def take(self) -> list[Event]:
        """What may be acknowledged now."""
        with self._lock:
            found, self._done = self._done, []
            return found

    @property
    def count(self) -> int:
        """Events that handlers keep."""
        with self._lock:
            return sum(map(len, self._kept.values()))


def _place(offset: str) -> tuple[int, ...]:
    """An offset as numbers: Kafka's, and Redis' of two parts."""
    return tuple(int(part) for part in offset.split("-") if part.isdecimal())
