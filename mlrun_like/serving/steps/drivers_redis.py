"""Tables in Redis.

Attributes are a hash `{storey:TABLE/:KEY}:static`, field by field as storey writes them, so each
can read what the other wrote. Aggregates are a hash `{storey:TABLE/:KEY}:windows`: a field `name|`
with period and newest bucket, and a field `name|number` for each bucket. The schema of a table is
a text `{storey:TABLE/windows:.schema}`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from mlrun_like.errors import ConflictError, InvalidArgumentError, StoreUnavailableError
from mlrun_like.registry import require
from mlrun_like.serving.steps.aggregate_plain import merge_plain
from mlrun_like.serving.steps.drivers import Change, Driver, Key, Row, key_text
from mlrun_like.serving.steps.drivers_text import (
    from_text,
    state_from_text,
    state_to_text,
    to_text,
)

__all__ = ["RedisDriver"]

_TRIES = 50
"""How often an addition to a shared row is tried again when another process was faster."""
_INTERNAL = "\x01"
"""How names of fields start that storey keeps for itself."""


class RedisDriver(Driver):
    """Keeps tables in a Redis server, for any number of processes.

    Args:
        redis_client: A client of the package redis to use; closing it is the caller's business.
        key_prefix: How the names of keys begin.
        redis_url: `redis://[user:password@]host:port/db`, or `rediss://`; instead of a client.
        timeout: Seconds to wait for an answer.

    Raises:
        InvalidArgumentError: if there is neither a client nor a URL.
        MissingDependencyError: if the package redis is not installed.
    """

    def __init__(
        self,
        redis_client: Any = None,
        key_prefix: str | None = None,
        redis_url: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        if redis_client is None and not redis_url:
            raise InvalidArgumentError(
                "a RedisDriver needs redis_client or redis_url",
                fix="RedisDriver(redis_url='redis://localhost:6379')",
            )
        self.url = redis_url or ""
        self.key_prefix = "storey:" if key_prefix is None else key_prefix
        self.timeout = timeout
        self._given = redis_client is not None
        self._client = redis_client
        self._package = require("redis", feature="a table in Redis", extra="redis")

    @property
    def redis(self) -> Any:
        """The client, made when it is first needed."""
        if self._client is None:
            try:
                self._client = self._package.Redis.from_url(
                    self.url,
                    socket_timeout=self.timeout,
                    socket_connect_timeout=self.timeout,
                    protocol=2,
                )
            except ValueError as exc:
                raise InvalidArgumentError(
                    f"the address of a Redis server cannot be used: {exc}"
                ) from exc
        return self._client

    @staticmethod
    def make_key(key_prefix: str, container_and_table: str, key: Key) -> str:
        """How the names of a row's Redis keys begin.

        >>> RedisDriver.make_key("storey:", "users/", "ann")
        '{storey:users/:ann}'
        """
        return f"{{{key_prefix}{container_and_table}:{key_text(key)}}}"

    def _base(self, table: str, key: Key) -> str:
        return self.make_key(self.key_prefix, table if "/" in table else f"{table}/", key)

    @contextmanager
    def _reached(self) -> Iterator[Any]:
        errors = self._package.exceptions
        try:
            yield self.redis
        except errors.ResponseError as exc:
            raise InvalidArgumentError(
                f"Redis refused to keep a table: {exc}",
                fix="check the user's rights, and that nothing else uses keys with this prefix",
            ) from exc
        except (errors.RedisError, OSError) as exc:
            host = urlsplit(self.url).hostname or "the given client's server"
            raise StoreUnavailableError(
                f"Redis cannot be reached: {exc}",
                where=host,
                fix="check that the server runs; what was not written is tried again",
            ) from exc

    def load(self, table: str, key: Key, aggregates: bool = True) -> Row | None:
        base = self._base(table, key)
        with self._reached() as redis:
            pipe = redis.pipeline(transaction=False)
            pipe.hgetall(f"{base}:static")
            if aggregates:
                pipe.hgetall(f"{base}:windows")
            static, *windows = pipe.execute()
        row = Row(
            {
                name: from_text(value)
                for name, value in _decoded(static)
                if not name.startswith(_INTERNAL)
            }
        )
        fields = dict(_decoded(windows[0])) if windows else {}
        for field, value in fields.items():
            name, _, number = field.rpartition("|")
            feature = row.aggregates.setdefault(name, {"buckets": {}})
            if number:
                feature["buckets"][int(number)] = state_from_text(value)
            else:
                feature["period"], feature["head"] = state_from_text(value)
        return row if row.attributes or row.aggregates else None

    def save(self, table: str, changes: Sequence[Change], shared: bool = False) -> None:
        with self._reached() as redis:
            if shared:
                for change in changes:
                    self._add(redis, table, change)
                return
            pipe = redis.pipeline(transaction=False)
            for change in changes:
                base = self._base(table, change.key)
                self._put(pipe, base, change, lambda _, numbers: numbers)
            pipe.execute()

    def _add(self, redis: Any, table: str, change: Change) -> None:
        base = self._base(table, change.key)
        for _ in range(_TRIES):
            with redis.pipeline() as pipe:
                try:
                    if change.aggregates:
                        pipe.watch(f"{base}:windows")
                        stored = dict(_decoded(pipe.hgetall(f"{base}:windows")))
                        pipe.multi()
                        self._put(pipe, base, change, _adder(stored), stored)
                    else:
                        self._put(pipe, base, change, lambda _, numbers: numbers)
                    pipe.execute()
                    return
                except self._package.exceptions.WatchError:
                    continue  # another process added to the row; see what it is now
        raise ConflictError(
            f"row {key_text(change.key)!r} of table {table!r} changes too often to be added to",
            fix="let one process aggregate each key: partitioned_by_key=True",
        )

    def _put(
        self,
        pipe: Any,
        base: str,
        change: Change,
        total: Callable[[str, Sequence[float]], Sequence[float]],
        stored: Mapping[str, str | bytes] | None = None,
    ) -> None:
        if change.attributes:
            values = {name: to_text(value) for name, value in change.attributes.items()}
            pipe.hset(f"{base}:static", mapping=values)
        for name, taken in change.aggregates.items():
            known = stored.get(f"{name}|") if stored else None
            head = max(taken["head"], state_from_text(known)[1] if known else taken["head"])
            fields = {f"{name}|": state_to_text([taken["period"], head])}
            for number, numbers in taken["buckets"].items():
                field = f"{name}|{number}"
                fields[field] = state_to_text(total(field, numbers))
            pipe.hset(f"{base}:windows", mapping=fields)
            if taken["dropped"]:
                pipe.hdel(f"{base}:windows", *(f"{name}|{number}" for number in taken["dropped"]))

    def _schema_key(self, table: str) -> str:
        return self._base(table, ".schema")

    def load_schema(self, table: str) -> dict[str, Any] | None:
        with self._reached() as redis:
            found = redis.get(self._schema_key(f"{table}/windows"))
        schema: dict[str, Any] | None = state_from_text(found) if found else None
        return schema

    def save_schema(self, table: str, schema: Mapping[str, Any]) -> None:
        with self._reached() as redis:
            redis.set(self._schema_key(f"{table}/windows"), state_to_text(schema))

    def close(self) -> None:
        if not self._given and self._client is not None:
            client, self._client = self._client, None
            client.close()


def _adder(stored: Mapping[str, str | bytes]) -> Callable[[str, Sequence[float]], list[float]]:
    def total(field: str, numbers: Sequence[float]) -> list[float]:
        old = stored.get(field)
        return merge_plain(state_from_text(old) if old else None, numbers)

    return total


def _decoded(fields: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        yield name.decode() if isinstance(name, bytes) else name, value
