"""Key-value stores of the newest feature values: what each can do, and opening one by its URL.

sqlite:////folder/online.db     a file on this machine (also a plain path)
redis://host:port/0             a Redis server; rediss:// over TLS
memory://name                   this process; the same name is the same store
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Any
from urllib.parse import unquote

from mlrun_like.errors import InvalidArgumentError, UnknownNameError, nearest
from mlrun_like.registry import resolve

__all__ = ["NEVER", "OnlineStore", "Row", "State", "open_online", "place_of"]

Row = tuple[bytes, bytes, int]
"""Key, blob, event time in microseconds since 1970."""
State = tuple[bytes, bytes]
"""Key and blob of what replaces whatever is stored, such as windows."""
NEVER = 2**63 - 1
"""The expiry, in milliseconds, of what does not expire."""


class OnlineStore(ABC):
    """Blobs by key, of which the one with the newest event time stays. Safe for many threads."""

    url: str
    """Its address, without a password."""

    @abstractmethod
    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The blobs of keys as of one moment, in one round trip; None: there is none.

        Raises:
            StoreUnavailableError: if the store cannot be reached.
        """

    def grid(
        self, prefixes: Sequence[bytes], tails: Sequence[bytes]
    ) -> Sequence[Sequence[bytes | None]]:
        """As `read`, of each prefix with each tail: for each tail the blobs of all prefixes.

        Raises:
            StoreUnavailableError: if the store cannot be reached.
        """
        blobs = iter(self.read([prefix + tail for tail in tails for prefix in prefixes]))
        return list(zip(*[blobs] * len(prefixes), strict=True))

    @abstractmethod
    def write(
        self,
        rows: Sequence[Row],
        *,
        ttl_millis: int | None = None,
        position: tuple[str, str] | None = None,
        states: Sequence[State] = (),
    ) -> None:
        """Write rows: a newer event time wins, at equal times the later write.

        Repeating a write changes nothing. The position and the states are written together or not
        at all, and never before the rows.

        Args:
            rows: Keys, blobs and event times.
            ttl_millis: How long after their event time rows can be read; None: for ever.
            position: A feed, and how far it got.
            states: Keys and blobs that replace what is there, whatever its time.

        Raises:
            StoreUnavailableError: if the store cannot be reached.
        """

    @abstractmethod
    def position(self, feed: str) -> str:
        """How far a feed got; empty: nowhere."""

    @abstractmethod
    def delete(self, keys: Sequence[bytes]) -> None:
        """Remove keys; those that are not there do not matter."""

    @abstractmethod
    def purge(self, prefix: bytes) -> int:
        """Remove all keys that start with a prefix; says how many there were."""

    @abstractmethod
    def scan(self, prefix: bytes) -> Iterator[State]:
        """Keys that start with a prefix, with their blobs, in no special order."""

    @abstractmethod
    def swap(self, staged: bytes, prefixes: Sequence[bytes], position: tuple[str, str]) -> None:
        """Show what was written under `staged` + key, instead of all keys that start with prefixes.

        Other rows that are there already stay if their event time is newer. Afterwards nothing is
        staged. The position is written with it, last: as long as it is not there, a swap that was
        killed can be called again and goes on where it was.
        """

    @abstractmethod
    def close(self) -> None:
        """Release connections; the next call opens them again."""

    def __enter__(self) -> OnlineStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "sqlite": "mlrun_like.feature_store.online.sqlite:SqliteStore",
        "redis": "mlrun_like.feature_store.online.redis:RedisStore",
        "rediss": "mlrun_like.feature_store.online.redis:RedisStore",
        "memory": "mlrun_like.feature_store.online.memory:memory_store",
    }
)


def open_online(url: str, **options: Any) -> OnlineStore:
    """The store that a URL means; nothing is connected before the first use.

    Args:
        url: Its address, see the module; what follows a `#` is not looked at.
        options: More arguments of the store, such as `timeout=` in seconds.

    Raises:
        InvalidArgumentError: if it is no address of a store.
        UnknownNameError: if there is no such kind of store.

    >>> store = open_online("memory://doc-store")
    >>> store.write([(b"ann", b"old", 1), (b"ann", b"new", 2), (b"ann", b"late", 1)])
    >>> store.read([b"ann", b"bob"])
    [b'new', None]
    """
    if isinstance(url, os.PathLike):
        url = os.fspath(url)
    if not isinstance(url, str) or not url.partition("#")[0]:
        raise InvalidArgumentError(
            f"{url!r:.120} is not the address of an online store",
            fix="such as sqlite:////data/online.db, redis://localhost:6379 or memory://name",
        )
    place = place_of(url)[0]
    scheme, mark, rest = place.partition("://")
    if not mark:
        scheme, rest = "sqlite", f"/{place}"
    if scheme not in _KINDS:
        raise UnknownNameError(
            f"there is no kind of online store {scheme!r:.40}.{nearest(scheme, _KINDS)}",
            fix=f"use one of: {', '.join(_KINDS)}",
        )
    if scheme == "sqlite":
        if not rest.startswith("/") or len(rest) < 2:
            raise InvalidArgumentError(
                f"{url!r:.120} names no file on this machine",
                fix="write three slashes: sqlite:///online.db, or four for a path from the root",
            )
        place = unquote(rest[1:]) if mark else place
    made: OnlineStore = resolve(_KINDS[scheme])(place, **options)
    return made


def place_of(path: str) -> tuple[str, str]:
    """The address of a store and the namespace in it, of a target's path.

    What follows the number of a Redis database, or stands in its place, is a namespace too.

    >>> place_of("redis://host:6379/0#fraud/users"), place_of("online.db")
    (('redis://host:6379/0', 'fraud/users'), ('online.db', ''))
    >>> place_of("redis://host/projects/fraud/users")
    ('redis://host', 'projects/fraud/users')
    """
    place, _, namespace = path.partition("#")
    if place.startswith(("redis://", "rediss://")):
        place, mark, options = place.partition("?")
        parts = place.split("/")
        known = 4 if len(parts) > 3 and (parts[3].isdigit() or not parts[3]) else 3
        namespace = namespace or unquote("/".join(parts[known:]).strip("/"))
        place = "/".join(parts[:known]) + mark + options
    return place, namespace
