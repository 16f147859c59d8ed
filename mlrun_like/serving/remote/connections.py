"""Requests from an event loop: connections of that loop, kept open and used again."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

from mlrun_like.serving.remote.address import Address, parse_url, tls_context
from mlrun_like.serving.remote.sockets import (
    LONGEST_IDLE,
    LONGEST_IDLE_ONCE,
    MOST_IDLE,
    fault_of,
)
from mlrun_like.serving.remote.trying import IDEMPOTENT, Send
from mlrun_like.serving.remote.wire import Answer, Fault, Wire, http11

__all__ = ["LoopPool"]


class _Connection(asyncio.Protocol):
    """One connection; at most one request at a time."""

    def __init__(self, h11: ModuleType) -> None:
        self.wire = Wire(h11)
        self.transport: Any = None
        self.used = False
        self.idle_since = 0.0
        self.ended = False
        self._waiter: asyncio.Future[Answer | Fault] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._waiter.done():  # nothing was asked
            self.abort()
        else:
            self._settle(self.wire.receive(data))

    def eof_received(self) -> None:
        self.ended = True
        if self._waiter is not None:
            self._settle(self.wire.receive(b""))

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        if self._waiter is not None:
            found = self.wire.receive(b"") if exc is None else fault_of(exc, sent=True)
            self._settle(found or Fault("lost", "the server ended the connection"))

    def abort(self) -> None:
        """End it now."""
        self.ended = True
        if self.transport is not None:
            self.transport.abort()

    async def exchange(
        self, command: Send, address: Address, loop: asyncio.AbstractEventLoop, timeout: float
    ) -> Answer | Fault:
        """Send a request and wait for its answer."""
        asked = command.request
        waiter: asyncio.Future[Answer | Fault] = loop.create_future()
        self._waiter = waiter
        timer = loop.call_later(timeout, self._settle, Fault("late", "it timed out"))
        try:
            data = self.wire.request(asked.method, address, asked.headers, asked.body)
            self.transport.write(data)
            return await waiter
        finally:
            timer.cancel()
            self._waiter = None
            if not self.wire.reusable or self.ended:
                self.abort()

    def _settle(self, found: Answer | Fault | None) -> None:
        if found is not None and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(found)


class LoopPool:
    """Sends requests and keeps their connections, on one event loop.

    Args:
        loop: The event loop.
        authorities: A file with further trusted certificates.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, authorities: str = "") -> None:
        self._h11 = http11()
        self._loop = loop
        self._authorities = authorities
        self._idle: dict[Any, list[_Connection]] = {}
        self._end: Any = None
        self._closed = False

    async def send(self, command: Send) -> Answer | Fault:
        """The answer to one request, or why there is none."""
        if self._end is None:
            self._end = _at_end_of_loop(self)
            await self._end.__anext__()
        address = parse_url(command.request.url)
        once = command.request.method not in IDEMPOTENT
        end = time.monotonic() + command.timeout
        while True:
            connection = self._take(address, once)
            if connection is None:
                try:
                    connection = await asyncio.wait_for(
                        self._connect(address), max(0.0, end - time.monotonic())
                    )
                except (OSError, ValueError, asyncio.TimeoutError) as exc:
                    late = isinstance(exc, (asyncio.TimeoutError, TimeoutError))
                    return fault_of(TimeoutError() if late else exc, sent=False)
            left = max(0.0, end - time.monotonic())
            found = await connection.exchange(command, address, self._loop, left)
            if connection.wire.reusable and not connection.ended:
                self._give_back(address, connection)
            stale = isinstance(found, Fault) and found.kind == "lost" and connection.used
            if not stale or connection.wire.heard or once:
                return found  # else: the server had closed it before the request came

    def close(self) -> None:
        """Close the unused connections now, the others after their request; on the loop."""
        self._closed = True
        idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.abort()

    async def _connect(self, address: Address) -> _Connection:
        https = address.scheme == "https"
        _, connection = await self._loop.create_connection(
            lambda: _Connection(self._h11),
            address.host,
            address.port,
            ssl=tls_context(self._authorities) if https else None,
            server_hostname=address.host if https else None,
        )
        return connection

    def _take(self, address: Address, once: bool) -> _Connection | None:
        idle = self._idle.get(address.origin)
        longest = LONGEST_IDLE_ONCE if once else LONGEST_IDLE
        while idle:
            connection = idle.pop()
            if not connection.ended:
                if time.monotonic() - connection.idle_since < longest:
                    connection.used = True
                    return connection
                connection.abort()
        return None

    def _give_back(self, address: Address, connection: _Connection) -> None:
        connection.idle_since = time.monotonic()
        idle = self._idle.setdefault(address.origin, [])
        if len(idle) < MOST_IDLE and not self._closed:
            idle.append(connection)
        else:
            connection.abort()


async def _at_end_of_loop(pool: LoopPool) -> AsyncIterator[None]:
    """Close the pool when its loop ends: loops close the `async` generators that are still open."""
    with contextlib.closing(pool):
        yield
