"""One connection to NATS: its own thread and event loop, errors in this package's words."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

from mlrun_like.errors import StoreUnavailableError
from mlrun_like.registry import require
from mlrun_like.streams.backoff import Backoff

__all__ = ["NatsClient"]

_logger = logging.getLogger("mlrun_like.streams")


class NatsClient:
    """A connection, made at the first call and kept; lost ones come back by themselves.

    Args:
        server: Its address with credentials.
        shown: The address for messages.
        timeout: Seconds to keep trying.
    """

    def __init__(self, server: str, shown: str, timeout: float) -> None:
        self._nats = require("nats", feature="a nats:// stream", extra="nats")
        self._errors = require("nats.errors", feature="a nats:// stream", extra="nats")
        self.js_errors = require("nats.js.errors", feature="a nats:// stream", extra="nats")
        self._server, self.shown, self.timeout = server, shown, timeout
        self._nc: Any = None
        self.lives = 0
        """How often it was connected."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nats", daemon=True)
        self._thread.start()

    @property
    def failures(self) -> tuple[type[BaseException], ...]:
        """What nats-py raises when the server cannot be reached or refuses."""
        timeouts = (asyncio.TimeoutError, concurrent.futures.TimeoutError, TimeoutError)
        return (self._errors.Error, OSError, *timeouts)

    def unavailable(self, exc: object) -> StoreUnavailableError:
        """The error that says that NATS does not answer."""
        return StoreUnavailableError(
            f"NATS cannot be used: {type(exc).__name__}: {exc}",
            where=self.shown,
            fix="check that the server runs and the user may use this subject",
        )

    def run(self, work: Coroutine[Any, Any, Any], timeout: float) -> Any:
        """Run a coroutine on the connection's loop and wait for it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout)
        except BaseException:
            future.cancel()
            raise

    def call(self, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        """Do something with the connection, again while the server cannot be reached.

        Raises:
            StoreUnavailableError: if it could not be done in time.
        """
        backoff, deadline = Backoff(), time.monotonic() + self.timeout
        while True:
            try:
                return self.run(work(self.connection()), min(10.0, self.timeout))
            except self.failures as exc:
                if not backoff.wait(deadline):
                    raise self.unavailable(exc) from exc

    def connection(self) -> Any:
        """The connection, made if there is none.

        Raises:
            OSError: or another of `failures`: it cannot be made.
        """
        if self._nc is None or self._nc.is_closed:
            self._nc = self.run(self._connect(), 5.0)
            self.lives += 1
        return self._nc

    async def _connect(self) -> Any:
        return await self._nats.connect(
            self._server,
            error_cb=self._heard,
            reconnected_cb=self._again,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.5,
            connect_timeout=2,
            allow_reconnect=True,
            ping_interval=10,
            name="mlrun-like",
        )

    async def _heard(self, exc: Exception) -> None:
        _logger.debug("%s: %r", self.shown, exc)

    async def _again(self) -> None:
        self.lives += 1

    @property
    def connected(self) -> bool:
        """Whether it stands in this moment."""
        return self._nc is not None and bool(self._nc.is_connected)

    def stream_of(self, subject: str) -> str:
        """The JetStream stream that takes a subject; empty: none, or there is no JetStream."""

        async def ask(nc: Any) -> str:
            try:
                return str(await nc.jetstream().find_stream_name_by_subject(subject))
            except (self.js_errors.NotFoundError, self.js_errors.ServiceUnavailableError):
                return ""
            except self._errors.NoRespondersError:
                return ""  # JetStream is switched off

        return str(self.call(ask))

    def close(self) -> None:
        """End connection and thread; may be repeated."""
        if self._loop.is_closed():
            return
        nc, self._nc = self._nc, None
        if nc is not None:
            try:
                self.run(nc.close(), 3.0)
            except self.failures as exc:
                _logger.debug("%s: %r", self.shown, exc)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        if not self._thread.is_alive():
            self._loop.run_until_complete(_settled())
            self._loop.close()


async def _settled() -> None:
    """Let what was cancelled end, so that nothing is left behind on the loop."""
    own = asyncio.current_task()
    tasks = [task for task in asyncio.all_tasks() if task is not own]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
