"""Online targets: one row for each entity, the newest, in a key-value store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from mlrun_like.artifacts.stores import redact
from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.online.keys import STATES, prefix_of
from mlrun_like.feature_store.online.store import OnlineStore, open_online, place_of
from mlrun_like.feature_store.online.writing import OnlineWriter
from mlrun_like.feature_store.targets.base import BaseStoreTarget
from mlrun_like.feature_store.targets.frames import selected, table_of, to_pandas
from mlrun_like.feature_store.targets.v3io import KeyValueWriter
from mlrun_like.feature_store.targets.writing import TargetWriter, WriteJob

__all__ = ["NoSqlTarget", "RedisNoSqlTarget"]


class NoSqlTarget(BaseStoreTarget):
    """The newest row of each entity: embedded (SQLite), or in V3IO where the path says so.

    Args:
        options: Arguments of all targets. A path `v3io://...` is a table of V3IO; any other is an
            address of an online store (see `online.store`); none: the project's file.
    """

    kind = "nosql"
    is_table = True
    is_online = True

    def writer(self, job: WriteJob) -> TargetWriter:
        path = self.get_target_path(job.run_id)
        if path.startswith(("v3io://", "v3ios://")):
            return KeyValueWriter(path, job, self.columns)
        return _OnlineTargetWriter(self, path, job)

    def address(self, path: str) -> str:
        """The store's address with credentials."""
        return path

    def exists(self) -> bool:
        store, namespace = self._store()
        try:
            return any(
                next(iter(store.scan(prefix)), None) is not None for prefix in _prefixes(namespace)
            )
        finally:
            store.close()

    def purge(self) -> None:
        path = self.get_target_path()
        if path.startswith(("v3io://", "v3ios://")):
            KeyValueWriter(path, WriteJob("purge"), []).purge()
            return
        store, namespace = self._store()
        try:
            for prefix in _prefixes(namespace):
                store.purge(prefix)
        finally:
            store.close()

    def _store(self) -> tuple[OnlineStore, str]:
        path = self.get_target_path()
        metadata = getattr(self._resource, "metadata", None)
        namespace = place_of(path)[1]
        if not namespace:
            if metadata is None:
                raise InvalidArgumentError(
                    f"target {self.name!r} does not know its feature set",
                    fix="purge by feature_set.purge_targets()",
                )
            namespace = f"{metadata.project or 'default'}/{metadata.name}"
        return open_online(self.address(path)), namespace


class RedisNoSqlTarget(NoSqlTarget):
    """The newest row of each entity in Redis.

    The user and password come from `REDIS_USER` and `REDIS_PASSWORD`, with the target's
    `credentials_prefix` before them.

    Args:
        options: Arguments of all targets; the path is `redis://host:port` or
            `redis://host:port/0`.

    Raises:
        InvalidArgumentError: if the path is another address, or holds a password.
    """

    kind = "redisnosql"

    def address(self, path: str) -> str:
        parts = urlsplit(path)
        if parts.scheme not in ("redis", "rediss") or not parts.hostname:
            raise InvalidArgumentError(
                f"{redact(path)!r:.200} is not the address of a Redis server",
                where=f"target {self.name!r}",
                fix="path='redis://localhost:6379'",
            )
        if parts.username or parts.password:
            raise InvalidArgumentError(
                "the user and password of Redis do not belong into the path",
                where=f"target {self.name!r}: {redact(path)}",
                fix="set REDIS_USER and REDIS_PASSWORD",
            )
        prefix = f"{self.credentials_prefix}_" if self.credentials_prefix else ""
        user = environment(f"{prefix}REDIS_USER") or ""
        password = environment(f"{prefix}REDIS_PASSWORD") or ""
        if not (user or password):
            return path
        secret = f"{quote(user, safe='')}:{quote(password, safe='')}@"
        return urlunsplit(parts._replace(netloc=secret + parts.netloc))


class _OnlineTargetWriter(OnlineWriter):
    """OnlineWriter with a store of its own, which it closes."""

    def __init__(self, target: NoSqlTarget, path: str, job: WriteJob) -> None:
        self._path, self._wanted = path, list(target.columns)
        store = open_online(target.address(path))
        super().__init__(store, job, place_of(path)[1])

    def write(self, frame: Any) -> None:
        if self._wanted:
            frame = to_pandas(selected(table_of(frame, self.job), self._wanted, self.job))
        super().write(frame)

    def finish(self) -> dict[str, Any]:
        found: Mapping[str, Any] = super().finish()
        return {**found, "path": self._path, "run_id": self.job.run_id or None}

    def close(self) -> None:
        super().close()
        self.store.close()


def _prefixes(namespace: str) -> tuple[bytes, ...]:
    return (prefix_of(namespace), prefix_of(namespace, STATES))
