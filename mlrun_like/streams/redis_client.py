"""One Redis server: raw replies, scripts, and failures in this package's words."""

from __future__ import annotations

import contextlib
import importlib
import time
from collections.abc import Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.registry import require
from mlrun_like.streams.backoff import Backoff
from mlrun_like.streams.opening import without_password

__all__ = ["RedisClient"]

_PASSING = ("LOADING", "OOM", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY ", "NOREPLICAS")
"""Beginnings of refusals that end by themselves or when an operator acts."""
_PASSING_TYPES = ("OutOfMemoryError", "ReadOnlyError", "ClusterDownError", "TryAgainError")
"""redis-py's classes of such refusals, which take the beginning away."""


class _Packer:
    """Commands as bytes; redis-py's own looks at each argument in Python."""

    def __init__(self, hiredis: Any) -> None:
        self._pack = hiredis.pack_command

    def pack(self, *command: Any) -> list[bytes]:
        name = command[0]
        if isinstance(name, str) and " " in name:
            command = (*name.split(), *command[1:])
        return [self._pack(command)]


class RedisClient:
    """Calls to one server and database.

    Args:
        url: `redis://[user:password@]host:port/db`.
        timeout: Seconds to keep trying when it cannot be reached.
        options: More options of `redis.Redis.from_url`, such as `ssl_ca_certs`.
    """

    def __init__(self, url: str, timeout: float, options: dict[str, Any]) -> None:
        redis = require("redis", feature="a redis:// stream", extra="redis")
        self.url = url
        self.timeout = timeout
        self._lost = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError)
        self._refused = redis.exceptions.ResponseError
        chosen: dict[str, Any] = {
            "protocol": 2,
            "socket_timeout": 10.0,
            "socket_connect_timeout": 5.0,
            "socket_keepalive": True,
            # a reply that is lost may hold records: repeating is decided where that is known
            "retry": redis.retry.Retry(redis.backoff.NoBackoff(), 0),
            **options,
        }
        with contextlib.suppress(ImportError):  # without it redis-py packs, slower
            chosen.setdefault("command_packer", _Packer(importlib.import_module("hiredis")))
        try:
            self._redis = redis.Redis.from_url(url, **chosen)
            self._redis.connection_pool.make_connection()  # looks at the options, opens nothing
        except (ValueError, TypeError) as exc:
            raise InvalidArgumentError(
                f"the address of a Redis stream cannot be used: {exc}", where=without_password(url)
            ) from exc
        self._redis.response_callbacks.clear()  # replies as they come, whatever the version
        self._digests: dict[str, bytes] = {}

    def call(self, *command: Any) -> Any:
        """Send a command once and return its reply.

        Raises:
            StoreUnavailableError: if the server cannot be reached or refuses for now; the command
                may have been carried out.
            InvalidArgumentError: if the server refuses it for good.
        """
        try:
            return self._redis.execute_command(*command)
        except self._lost as exc:
            raise self._unavailable(exc) from exc
        except self._refused as exc:
            if str(exc).startswith(_PASSING) or type(exc).__name__ in _PASSING_TYPES:
                raise self._unavailable(exc) from exc
            raise InvalidArgumentError(
                f"Redis refused {command[0]}: {exc}",
                where=without_password(self.url),
                fix="check that the key is a stream and that the user may use it",
            ) from exc

    def call_until(self, *command: Any) -> Any:
        """Send a command that may be repeated, until it works or the timeout has passed.

        Raises:
            StoreUnavailableError: after the timeout.
            InvalidArgumentError: if the server refuses it for good.
        """
        backoff, deadline = Backoff(), time.monotonic() + self.timeout
        while True:
            try:
                return self.call(*command)
            except StoreUnavailableError:
                if not backoff.wait(deadline):
                    raise

    def script(
        self, text: str, keys: Sequence[str], arguments: Sequence[Any], *, again: bool = True
    ) -> Any:
        """Run a script on the server.

        Args:
            text: Its source.
            keys: Names of the keys it uses.
            arguments: What it gets.
            again: Whether to repeat it until the timeout when the server cannot be reached.

        Raises:
            StoreUnavailableError: if the server cannot be reached.
            InvalidArgumentError: if the script fails.
        """
        call = self.call_until if again else self.call
        digest = self._digests.get(text)
        if digest is None:
            digest = self._digests[text] = call("SCRIPT LOAD", text)
        try:
            return call("EVALSHA", digest, len(keys), *keys, *arguments)
        except InvalidArgumentError as exc:
            if "NOSCRIPT" not in exc.what and "No matching script" not in exc.what:
                raise
        return call("EVAL", text, len(keys), *keys, *arguments)  # the server was restarted

    def close(self) -> None:
        """Close all connections."""
        self._redis.close()

    def _unavailable(self, exc: BaseException) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"Redis cannot be reached: {exc}" if str(exc) else "Redis cannot be reached",
            where=without_password(self.url),
            fix="check that the server runs; what was not confirmed is repeated, nothing is lost",
        )
