"""What all connections share: router, clock, limits, logs; looks at each of them now and then."""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlrun_like.gateway.deployment import Options
from mlrun_like.gateway.http.accesslog import AccessLog
from mlrun_like.gateway.http.answers import STATUS, Refusal, refusal
from mlrun_like.gateway.http.audit import Audit
from mlrun_like.gateway.http.gate import Gate, Handler
from mlrun_like.gateway.http.headers import Transactions
from mlrun_like.gateway.http.patience import look
from mlrun_like.gateway.http.routes import Router

if TYPE_CHECKING:
    from mlrun_like.gateway.http.exchange import Exchange
    from mlrun_like.gateway.http.protocol import FrontProtocol

__all__ = ["Front", "Limits", "Site"]

_OFTEN = 0.5  # seconds between two looks at all connections
_SOME = 500  # connections that are looked at in one go


@dataclass(frozen=True)
class Limits:
    """What clients may cost. Times in seconds.

    Args:
        io_timeout: How long a head may take to arrive, how long a body or the reading of an answer
            may take before it must go on at `slowest` on average.
        slowest: Bytes per second.
        keep_alive: How long an unused connection is kept.
        linger: How long an unused connection is kept for one more request when the gateway ends.
        connections: At the same time; further ones get 503.
        buffered: Bytes of all bodies that are arriving or being worked on; further large ones get
            503.
    """

    io_timeout: float = 30.0
    slowest: float = 4096.0
    keep_alive: float = 75.0
    linger: float = 2.0
    connections: int = 10_000
    buffered: int = 1 << 30


@dataclass(frozen=True)
class Site:
    """Where a connection came in.

    Args:
        port: A function's own port; 0: the gateway's.
        trusted: No auth and no rate limits; the client may send `x-mlrun-like-*`.
        scheme: `http` or `https`.
    """

    port: int = 0
    trusted: bool = False
    scheme: bytes = b"http"


class Front:
    """The shared part of all connections of a gateway.

    Args:
        router: Finds functions.
        limits: What clients may cost.
        log: Access log; None: none is written.
        audit: Where records of invocations go; None: none are made.
        ready: Whether `/-/ready` says yes.
    """

    def __init__(
        self,
        router: Router,
        limits: Limits | None = None,
        *,
        log: AccessLog | None = None,
        audit: Audit | None = None,
        ready: Callable[[], bool] = lambda: True,
    ) -> None:
        self.router, self.log, self.audit, self.ready = router, log, audit, ready
        self.limits = limits or Limits()
        self.transactions = Transactions()
        self.control: Gate | None = None
        self.draining = False
        """Whether the gateway ends: each connection carries one more request at most."""
        self.loop: asyncio.AbstractEventLoop
        self.now = 0.0
        """Seconds of the loop's clock, as of the last look."""
        self.date = self.ok = b""
        """The header `Date` as a line; the start of an answer with the status 200."""
        self.buffered = 0
        """Bytes of large bodies in memory."""
        self.connections: set[FrontProtocol] = set()
        self._timer: asyncio.TimerHandle | None = None

    def set_control(self, service: Handler, auth: Mapping[str, Any] | None = None) -> None:
        """Who answers `/-/...` besides health, readiness and metrics; the path stays whole.

        Args:
            service: It.
            auth: `Options.auth` for callers who do not come by a trusted connection; None: they
                get 404.
        """
        options = Options(auth=dict(auth or {}))
        self.control = Gate(service, "-/api", options, self.router.gates.threads)

    def add(self, connection: FrontProtocol) -> bool:
        """Watch a connection; gives whether there is room for it."""
        if self._timer is None:
            self.loop = asyncio.get_running_loop()
            self._look()
        self.connections.add(connection)
        return len(self.connections) <= self.limits.connections

    def start(self, status: int) -> bytes:
        """Status line and date of an answer.

        Raises:
            ValueError: if an answer cannot have this status.
        """
        if not 200 <= status < 1000:
            raise ValueError(f"its status is {status}")
        return STATUS[status] + self.date

    def reserve(self, exchange: Exchange, size: int) -> Refusal | None:
        """Count the bytes of a large body before they come, or say why it may not come."""
        if self.buffered + size - exchange.large > self.limits.buffered:
            what = "too many large bodies are arriving at the same time"
            return refusal(503, "overloaded", what, headers=b"retry-after: 2\r\n")
        self.buffered += size - exchange.large
        exchange.large = size
        return None

    def drain(self) -> None:
        """Let each connection carry one more request at most, and end those that stay unused."""
        self.draining = True
        for connection in self.connections:
            connection.drain()

    async def close(self, grace: float = 10.0) -> None:
        """End all connections: what is under way gets so many seconds.

        Logs and audit stay open: their owner closes them.
        """
        self.drain()
        until = time.monotonic() + grace
        while self.connections and time.monotonic() < until:
            await asyncio.sleep(0.02)
        for connection in list(self.connections):
            connection.transport.abort()
        await asyncio.sleep(0)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.router.gates.close()

    def _look(self) -> None:
        loop = self.loop
        self.now = loop.time()
        self.date = b"date: %b\r\n" % email.utils.formatdate(time.time(), usegmt=True).encode()
        self.ok = STATUS[200] + self.date
        limits = self.limits
        often = min(_OFTEN, limits.io_timeout / 5, limits.keep_alive / 5, limits.linger / 5 or 1)
        self._timer = loop.call_later(often, self._look)  # first: a look that fails is not the last
        self._watch(list(self.connections), 0)

    def _watch(self, connections: list[FrontProtocol], at: int) -> None:
        """Look at connections, some at a time: requests must not wait for thousands of looks."""
        for connection in connections[at : at + _SOME]:
            if connection in self.connections:
                look(connection, self.now)
        if at + _SOME < len(connections):
            self.loop.call_soon(self._watch, connections, at + _SOME)

    def status(self) -> dict[str, Any]:
        """Numbers for `ps`."""
        return {
            "connections": len(self.connections),
            "buffered": self.buffered,
            "draining": self.draining,
            "log_lines_dropped": self.log.dropped if self.log is not None else 0,
            "records_dropped": self.audit.dropped if self.audit is not None else 0,
        }
