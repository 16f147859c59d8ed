"""Redis Streams (Redis 6.2 or newer).

A record is an entry with the fields `body`, `key` and `headers` (a JSON object); an entry that
another program added without `body` is read as one JSON object of its fields.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.names import new_uid
from mlrun_like.streams.base import Record, Stream, shard_of
from mlrun_like.streams.opening import without_password
from mlrun_like.streams.redis_client import RedisClient
from mlrun_like.streams.redis_consumer import RedisConsumer
from mlrun_like.streams.redis_scripts import CREATE, PUSH, TRIM

__all__ = ["RedisStream", "flat"]

_MOST_RECORDS = 1000
_MOST_BYTES = 4_000_000
"""Of one script call: the server answers nobody else meanwhile."""


class RedisStream(Stream):
    """A Redis stream, or several that are the shards of one.

    Args:
        url: `redis://[user:password@]host:port/[db/]name`; `rediss:` over TLS.
        shards: Number of shards if it is made; default 1. An existing stream keeps its number.
        max_length: How many records of a shard are kept although every group has them.
        retention_in_hours: How long they are kept; with both, what passes one of them goes. Without
            either they go soon. A record that some group has not acknowledged is always kept; a
            stream without groups keeps everything, unless one of these is given.
        timeout: Seconds to keep trying when the server cannot be reached.
        lease: Seconds after which a member of a group that gives no sign of life counts as dead.
        client_options: More options of `redis.Redis.from_url`, such as `ssl_ca_certs`.
    """

    def __init__(
        self,
        url: str,
        *,
        shards: int | None = None,
        max_length: int | None = None,
        retention_in_hours: float | None = None,
        timeout: float = 15.0,
        lease: float = 10.0,
        client_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.server, self.name = _parse(url)
        self.url = without_password(url)
        self.lease = lease
        self.client = RedisClient(self.server, timeout, dict(client_options or {}))
        self._wanted, self._shards = shards or 1, 0
        self._keep = "" if max_length is None else max_length
        hours = retention_in_hours
        self._age = "" if hours is None else int(hours * 3_600_000)
        self._producer = f"{self.name}:push:{new_uid()}"
        self._pushes = self._turn = 0
        self._trimmed = 0.0
        self._lock = threading.Lock()

    @property
    def meta(self) -> str:
        """The key that holds the number of shards."""
        return f"{self.name}:meta"

    @property
    def shards(self) -> int:
        if not self._shards:
            self._shards = int(self.client.script(CREATE, [self.meta], [self._wanted]))
        return self._shards

    def keys(self) -> list[str]:
        """The keys of the shards, in order."""
        count = self.shards
        return [self.name] if count == 1 else [f"{self.name}:{n}" for n in range(count)]

    def push_records(self, records: Sequence[Record]) -> None:
        for start, end in _portions(records):
            with self._lock:  # pushes of one producer are numbered
                self._pushes += 1
                keys = [self.meta, self._producer, *self.keys()]
                placed = self.placed(records[start:end], 3)
                arguments = [self._shards, self._pushes, *placed]
                self.client.script(PUSH, keys, arguments)
        if self._keep != "" or self._age != "":
            self.trim()

    def placed(self, records: Iterable[Record], first: int) -> list[Any]:
        """What the scripts take of records: index of the shard's key, body, key, headers.

        Args:
            records: The records.
            first: The index of the first shard's key.
        """
        count = self.shards
        found: list[Any] = []
        add = found.extend
        for record in records:
            key = record.key
            if key or count == 1:
                shard = shard_of(key, count)
            else:
                shard = self._turn = (self._turn + 1) % count
            headers = flat(record.headers)
            add((first + shard, record.body, key, headers))
        return found

    def trim(self, shards: Iterable[int] | None = None) -> None:
        """Forget what is not kept any more; at most once a second."""
        if time.monotonic() - self._trimmed < 1.0:
            return
        self._trimmed = time.monotonic()
        keys = self.keys()
        for shard in range(len(keys)) if shards is None else shards:
            self.client.script(TRIM, [keys[shard]], [self._keep, self._age])

    def consumer(
        self, group: str, name: str = "", shards: Iterable[int] | None = None
    ) -> RedisConsumer:
        return RedisConsumer(self, group, name, shards)

    def depth(self, group: str) -> int:
        total = 0
        for key in self.keys():
            fields = self._groups(key).get(group, {})
            lag = fields.get(b"lag")  # unknown before Redis 7 and after deletions
            if lag is None:
                lag = self.client.call_until("XLEN", key)
            total += int(lag) + int(fields.get(b"pending", 0))
        return total

    def create(self, groups: Iterable[str] = ()) -> None:
        keys = self.keys()
        for group in groups:
            for key in keys:
                self.make_group(key, group)

    def _groups(self, key: str) -> dict[str, dict[bytes, Any]]:
        """What the server knows of the groups of one shard, by name."""
        if not self.client.call_until("EXISTS", key):
            return {}
        rows = self.client.call_until("XINFO", "GROUPS", key)
        found = [dict(zip(row[::2], row[1::2], strict=True)) for row in rows]
        return {fields[b"name"].decode("utf-8", "replace"): fields for fields in found}

    def make_group(self, key: str, group: str) -> None:
        """Make a group of one shard unless it exists; it starts at the oldest record."""
        try:
            self.client.call_until("XGROUP", "CREATE", key, group, "0", "MKSTREAM")
        except InvalidArgumentError as exc:
            if "BUSYGROUP" not in exc.what:
                raise

    def delete(self) -> None:
        keys = self.keys()
        groups = {name for key in keys for name in self._groups(key)}
        members = [f"{self.name}:group:{group}" for group in groups]
        self.client.call_until("DEL", self.meta, *keys, *members)
        self._shards = 0

    def close(self) -> None:
        self.client.close()


def flat(headers: Mapping[str, str]) -> bytes | str:
    """Headers as they are stored: a JSON object, or nothing."""
    return orjson.dumps(dict(headers)) if headers else ""


def _portions(records: Sequence[Record]) -> Iterable[tuple[int, int]]:
    """Where to cut so that no script call holds up the server for long."""
    start = size = 0
    for number, record in enumerate(records):
        size += len(record.body)
        if number - start >= _MOST_RECORDS or (size > _MOST_BYTES and number > start):
            yield start, number
            start, size = number, len(record.body)
    if start < len(records):
        yield start, len(records)


def _parse(url: str) -> tuple[str, str]:
    """The server with its database, and the stream's name."""
    parts = urlsplit(url)
    first, _, rest = parts.path.strip("/").partition("/")
    if first.isdecimal() and rest:
        database, name = first, rest
    else:
        database, name = "0", parts.path.strip("/")
    try:
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not name:
        raise InvalidArgumentError(
            f"{without_password(url)!r} does not name a Redis stream",
            fix="write redis://HOST:PORT/NAME or redis://HOST:PORT/DB/NAME",
        )
    return urlunsplit(parts._replace(path=f"/{database}")), name
