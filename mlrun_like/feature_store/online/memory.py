"""A store in this process: for tests, notebooks and stateless services."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

from mlrun_like.feature_store.online.store import NEVER, OnlineStore, Row, State

__all__ = ["MemoryStore", "memory_store"]

_STORES: dict[str, MemoryStore] = {}
_lock = threading.Lock()


class MemoryStore(OnlineStore):
    """Blobs in a dictionary; they go with the process."""

    def __init__(self, url: str = "memory://") -> None:
        self.url = url
        self._lock = threading.Lock()
        self._rows: dict[bytes, tuple[bytes, int, int]] = {}
        self._positions: dict[str, str] = {}

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        now = time.time_ns() // 1_000_000
        with self._lock:
            found = [self._rows.get(key) for key in keys]
        return [row[0] if row is not None and row[2] > now else None for row in found]

    def write(
        self,
        rows: Sequence[Row],
        *,
        ttl_millis: int | None = None,
        position: tuple[str, str] | None = None,
        states: Sequence[State] = (),
    ) -> None:
        with self._lock:
            for key, blob, micros in rows:
                known = self._rows.get(key)
                if known is None or micros >= known[1]:
                    expires = NEVER if ttl_millis is None else micros // 1000 + ttl_millis
                    self._rows[key] = (blob, micros, expires)
            for key, blob in states:
                self._rows[key] = (blob, 0, NEVER)
            if position is not None:
                self._positions[position[0]] = position[1]
            if ttl_millis is not None:
                now = time.time_ns() // 1_000_000
                for key, _, _ in rows:
                    if key in self._rows and self._rows[key][2] <= now:
                        del self._rows[key]

    def position(self, feed: str) -> str:
        with self._lock:
            return self._positions.get(feed, "")

    def delete(self, keys: Sequence[bytes]) -> None:
        with self._lock:
            for key in keys:
                self._rows.pop(key, None)

    def purge(self, prefix: bytes) -> int:
        with self._lock:
            found = [key for key in self._rows if key.startswith(prefix)]
            for key in found:
                del self._rows[key]
        return len(found)

    def scan(self, prefix: bytes) -> Iterator[State]:
        now = time.time_ns() // 1_000_000
        with self._lock:
            found = [
                (key, blob)
                for key, (blob, _, expires) in self._rows.items()
                if key.startswith(prefix) and expires > now
            ]
        return iter(found)

    def swap(self, staged: bytes, prefixes: Sequence[bytes], position: tuple[str, str]) -> None:
        starts, length = tuple(prefixes), len(staged)
        with self._lock:
            new = {key[length:]: row for key, row in self._rows.items() if key.startswith(staged)}
            kept = {
                key: row
                for key, row in self._rows.items()
                if not key.startswith(staged) and not key.startswith(starts)
            }
            for key, row in new.items():
                if key not in kept or row[1] >= kept[key][1]:
                    kept[key] = row
            self._rows = kept
            self._positions[position[0]] = position[1]

    def close(self) -> None:
        """Nothing is open."""


def memory_store(url: str) -> MemoryStore:
    """The store of a name, made once in a process.

    >>> memory_store("memory://a") is memory_store("memory://a")
    True
    """
    with _lock:
        return _STORES.setdefault(url, MemoryStore(url))
