"""A store in a Redis server: one MGET for each read, a script for each part of a write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from mlrun_like.errors import StoreUnavailableError
from mlrun_like.feature_store.online.redis_link import RedisLink
from mlrun_like.feature_store.online.redis_scripts import PLACE, PRUNE, PUT, RENAME
from mlrun_like.feature_store.online.store import OnlineStore, Row, State

__all__ = ["RedisStore"]

_POSITIONS = b"v1p"
_PHASE = b"v1s:"
_PART = 500
"""Rows of one script: about two milliseconds, during which the server does nothing else."""
_PART_BYTES = 1 << 20
_GLOB = re.compile(rb"([\\*?\[\]^])")


class RedisStore(OnlineStore):
    """Blobs as plain values of keys; those with a time to live expire by themselves.

    A large write becomes visible in parts, the position with the last: repeating it changes
    nothing. `swap` replaces key after key; a reader may see old and new rows at one time. Scripts
    look for keys by themselves, which servers allow from version 5 on.

    Args:
        url: `redis://[user:password@]host:port/db`.
        timeout: Seconds to keep trying when the server cannot be reached.
        options: More options of redis-py's connections.
    """

    def __init__(self, url: str, timeout: float = 5.0, **options: Any) -> None:
        self._link = RedisLink(url, timeout, options)
        self.url = self._link.shown
        self._call = self._link.call

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        if not keys:
            return []
        found: list[bytes | None] = self._call("MGET", *keys)
        return found

    def write(
        self,
        rows: Sequence[Row],
        *,
        ttl_millis: int | None = None,
        position: tuple[str, str] | None = None,
        states: Sequence[State] = (),
    ) -> None:
        keys: list[bytes] = []
        values: list[Any] = []
        size = 0
        for key, blob, micros in rows:
            keys.append(key)
            values.append(blob)
            values.append(0 if ttl_millis is None else max(1, micros // 1000 + ttl_millis))
            size += len(blob)
            if len(keys) >= _PART or size >= _PART_BYTES:
                self._link.script(PUT, keys, values)
                keys, values, size = [], [], 0
        if keys:
            self._link.script(PUT, keys, values)
        if states or position is not None:
            feed, place = position or ("", "")
            self._link.script(
                PLACE,
                [_POSITIONS, *(key for key, _ in states)],
                [_text(feed), _text(place), *(blob for _, blob in states)],
            )

    def position(self, feed: str) -> str:
        found = self._call("HGET", _POSITIONS, _text(feed))
        return found.decode("utf-8", "surrogatepass") if found else ""

    def delete(self, keys: Sequence[bytes]) -> None:
        for start in range(0, len(keys), 1000):
            self._call("UNLINK", *keys[start : start + 1000])

    def purge(self, prefix: bytes) -> int:
        return sum(int(self._call("UNLINK", *keys)) for keys in self._keys(prefix))

    def scan(self, prefix: bytes) -> Iterator[State]:
        for keys in self._keys(prefix):
            for key, blob in zip(keys, self.read(keys), strict=True):
                if blob is not None:
                    yield key, blob

    def swap(self, staged: bytes, prefixes: Sequence[bytes], position: tuple[str, str]) -> None:
        phase = _PHASE + staged
        if prefixes and self._call("GET", phase) is None:
            for prefix in prefixes:
                self._sweep(PRUNE, prefix, [staged])
            # from here on keys of the new content are among those above
            self._call("SET", phase, b"rename")
        self._sweep(RENAME, staged, [len(staged), 1 if prefixes else 0])
        self.write([], position=position)
        self._call("DEL", phase)

    def close(self) -> None:
        self._link.close()

    def _sweep(self, script: str, prefix: bytes, arguments: Sequence[Any]) -> None:
        pattern, cursor = _pattern(prefix), b"0"
        while True:
            cursor = self._link.script(script, [], [cursor, pattern, *arguments])
            if cursor == b"0":
                return

    def _keys(self, prefix: bytes) -> Iterator[list[bytes]]:
        pattern, cursor = _pattern(prefix), b"0"
        while True:
            reply = self._call("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
            if not isinstance(reply, list) or len(reply) != 2:
                raise StoreUnavailableError("the reply to SCAN is not Redis's", where=self.url)
            cursor, keys = reply
            if keys:
                yield keys
            if cursor == b"0":
                return


def _pattern(prefix: bytes) -> bytes:
    return _GLOB.sub(rb"\\\1", prefix) + b"*"


def _text(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
