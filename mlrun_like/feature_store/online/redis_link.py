"""Connections to one Redis server for short calls: little Python between caller and socket."""

from __future__ import annotations

import contextlib
import importlib
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.registry import require
from mlrun_like.streams.backoff import Backoff
from mlrun_like.streams.opening import without_password

__all__ = ["RedisLink"]

_PASSING = ("LOADING", "OOM", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY ", "NOREPLICAS")
"""Beginnings of refusals that end by themselves or when an operator acts."""
_PASSING_TYPES = ("OutOfMemoryError", "ReadOnlyError", "ClusterDownError", "TryAgainError")
"""redis-py's classes of such refusals, which take the beginning away."""


class RedisLink:
    """Calls to one server and database by many threads, each with a connection while it calls.

    Args:
        url: `redis://[user:password@]host:port/db`, `rediss://` over TLS.
        timeout: Seconds to keep trying when the server cannot be reached; each reply may take as
            long, at least one second.
        options: More options of redis-py's `ConnectionPool.from_url`.
    """

    def __init__(self, url: str, timeout: float, options: dict[str, Any]) -> None:
        redis = require("redis", feature="a redis:// online store", extra="redis")
        self.url = url
        self.shown = without_password(url)
        self._timeout = timeout
        self._lost = (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, OSError)
        self._refused = redis.exceptions.ResponseError
        self._denied = redis.exceptions.AuthenticationError
        self._missing_script = redis.exceptions.NoScriptError
        chosen: dict[str, Any] = {
            "protocol": 2,
            "socket_timeout": max(1.0, timeout),
            "socket_connect_timeout": max(1.0, timeout),
            "socket_keepalive": True,
            "retry": redis.retry.Retry(redis.backoff.NoBackoff(), 0),
            **options,
        }
        query = parse_qs(urlsplit(url).query)
        try:
            pool = redis.ConnectionPool.from_url(
                url, **{name: value for name, value in chosen.items() if name not in query}
            )
            pool.make_connection()  # looks at the options, opens nothing
        except (ValueError, TypeError) as exc:
            raise InvalidArgumentError(
                f"the address of a Redis store cannot be used: {exc}", where=self.shown
            ) from exc
        self._new: Callable[[], Any] = pool.make_connection
        self._free: deque[Any] = deque()
        self._pid = os.getpid()
        self._digests: dict[str, bytes] = {}
        self.pack: Callable[[tuple[Any, ...]], bytes] | None = None
        with contextlib.suppress(ImportError):  # without it redis-py packs, slower
            self.pack = importlib.import_module("hiredis").pack_command

    def call(self, *command: Any) -> Any:
        """Send a command and return its raw reply; it may be repeated when a connection is lost.

        Raises:
            StoreUnavailableError: if the server cannot be reached or refuses for now.
            InvalidArgumentError: if the server refuses it for good.
        """
        backoff = deadline = None
        while True:
            connection = self._connection()
            try:
                pack = self.pack
                if pack is not None:
                    connection.send_packed_command((pack(command),), False)
                else:
                    connection.send_command(*command, check_health=False)
                reply = connection.read_response(disable_decoding=True)
            except self._refused as exc:
                self._free.append(connection)
                problem = self._refusal(command[0], exc)
                if not isinstance(problem, StoreUnavailableError):
                    raise problem from exc
                cause: BaseException = exc
            except self._denied as exc:
                connection.disconnect()
                raise StoreUnavailableError(
                    f"Redis wants other credentials: {exc}",
                    where=self.shown,
                    fix="set REDIS_USER and REDIS_PASSWORD, or put them into the address",
                ) from exc
            except self._lost as exc:
                connection.disconnect()
                if backoff is None:  # the others were opened to the same server that went
                    self._drop()
                problem, cause = self._unavailable(exc), exc
            except BaseException:
                connection.disconnect()  # half a reply may be in it
                raise
            else:
                self._free.append(connection)
                return reply
            if backoff is None:
                backoff, deadline = Backoff(first=0.02), time.monotonic() + self._timeout
            if not backoff.wait(deadline):
                raise problem from cause

    def script(self, text: str, keys: Sequence[bytes | str], arguments: Sequence[Any]) -> Any:
        """Run a script that may be repeated.

        Raises:
            StoreUnavailableError: if the server cannot be reached.
            InvalidArgumentError: if the script fails.
        """
        digest = self._digests.get(text)
        if digest is None:
            digest = self._digests[text] = self.call("SCRIPT", "LOAD", text)
        try:
            return self.call("EVALSHA", digest, len(keys), *keys, *arguments)
        except InvalidArgumentError as exc:
            if not isinstance(exc.__cause__, self._missing_script):
                raise
        return self.call("EVAL", text, len(keys), *keys, *arguments)  # it was restarted

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._drop()

    def _connection(self) -> Any:
        if self._pid != os.getpid():  # after a fork the sockets are the parent's
            self._free, self._pid = deque(), os.getpid()
        try:
            return self._free.pop()
        except IndexError:
            return self._new()

    def _drop(self) -> None:
        while True:
            try:
                self._free.pop().disconnect()
            except IndexError:
                return

    def _refusal(self, name: Any, exc: Exception) -> StoreUnavailableError | InvalidArgumentError:
        if str(exc).startswith(_PASSING) or type(exc).__name__ in _PASSING_TYPES:
            return self._unavailable(exc)
        return InvalidArgumentError(
            f"Redis refused {name}: {exc}",
            where=self.shown,
            fix="check that the user may use it and that the keys are of an online store",
        )

    def _unavailable(self, exc: BaseException) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"Redis cannot be reached: {exc}" if str(exc) else "Redis cannot be reached",
            where=self.shown,
            fix="check that the server runs",
        )
