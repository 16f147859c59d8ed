"""Where requests come in: the gateway's address, ports of functions, the private socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.gateway.http.accesslog import AccessLog
from mlrun_like.gateway.http.audit import Audit
from mlrun_like.gateway.http.front import Front
from mlrun_like.gateway.http.gate import Handler, Service
from mlrun_like.gateway.http.hashes import hash_token
from mlrun_like.gateway.http.listen import Listener, serve
from mlrun_like.gateway.http.numbers import BOUNDS
from mlrun_like.gateway.http.routes import Router
from mlrun_like.gateway.http.tls import Certificate

__all__ = ["Doors", "quantile"]


class Doors:
    """The listening sockets with what stands behind them.

    Args:
        home: The gateway's folder, for logs.
        sockets: Listening ones; those on a path are trusted.
        ready: Whether `/-/ready` says yes.
    """

    def __init__(self, home: Path, sockets: list[socket.socket], ready: Callable[[], bool]) -> None:
        self._log = AccessLog(home / "access.log") if config.gateway_access_log else None
        self._audit = Audit(home / "invocations")
        self.router = Router()
        self.front = Front(self.router, log=self._log, audit=self._audit, ready=ready)
        self._sockets = sockets
        self._listener: Listener | None = None

    def serve_these(self, *services: Mapping[str, Service]) -> None:
        """These functions, these API gateways, and no others are deployed."""
        self.router.set([one for group in services for one in group.values()])

    def wanted_ports(self) -> frozenset[int]:
        """Ports of their own that functions want."""
        return frozenset(self.router.ports)

    @property
    def ports(self) -> frozenset[int]:
        """Ports that are listened on, besides the gateway's."""
        return self._listener.ports if self._listener is not None else frozenset()

    async def open(self, control: Handler) -> None:
        """Begin to accept connections.

        Args:
            control: Answers `/-/api/...`.

        Raises:
            InvalidArgumentError: if the certificate cannot be used.
        """
        token = config.gateway_admin_token
        callers = [{"name": "admin", "hash": hash_token(token)}] if token else []
        auth = {"kind": "bearer", "callers": callers} if token else None
        self.front.set_control(control, auth)
        certificate = None
        if config.gateway_tls_cert:
            certificate = Certificate(config.gateway_tls_cert, config.gateway_tls_key)
        self._listener = await serve(self.front, self._sockets, certificate)

    async def add_port(self, port: int, listening: socket.socket) -> None:
        """Accept connections on a function's own port."""
        if self._listener is not None:
            listening.setblocking(False)
            await self._listener.add(listening, port=port)

    def remove_port(self, port: int) -> None:
        """Accept none there any more."""
        if self._listener is not None:
            self._listener.remove(port)

    def drain(self) -> None:
        """Accept nothing new; each connection carries one more request at most."""
        if self._listener is not None:
            self._listener.stop()
        self.front.drain()

    async def close(self, grace: float) -> None:
        """End all connections after what is under way, and write what logs hold."""
        if self._listener is not None:
            await self._listener.close(grace)
        for item in (self._log, self._audit):
            if item is not None:
                await asyncio.to_thread(item.close)

    def numbers(self, key: str) -> dict[str, Any]:
        """Requests, errors, median and 95th percentile (seconds) of a function since it began."""
        gate = self.router.gates.get(key)
        if gate is None:
            return {}
        found: dict[str, Any] = {"in_flight": gate.numbers.in_flight, "requests": 0, "errors": 0}
        counts = [0] * (len(BOUNDS) + 1)
        for version in gate.numbers.versions.values():
            found["requests"] += version.requests
            found["errors"] += sum(n for status, n in version.statuses.items() if status >= 500)
            counts = [a + b for a, b in zip(counts, version.latency, strict=True)]
        return {**found, "p50": quantile(counts, 0.5), "p95": quantile(counts, 0.95)}


def quantile(counts: list[int], share: float) -> float:
    """A quantile in seconds of a histogram with the bounds `BOUNDS`; 0: it is empty.

    >>> quantile([0, 10, *[0] * 15], 0.5)
    0.00075
    """
    total = sum(counts)
    if not total:
        return 0.0
    wanted, seen = share * total, 0
    for number, count in enumerate(counts):
        if count and seen + count >= wanted:
            low = BOUNDS[number - 1] if number else 0.0
            high = BOUNDS[number] if number < len(BOUNDS) else BOUNDS[-1]
            return float(low + (high - low) * (wanted - seen) / count)
        seen += count
    return float(BOUNDS[-1])
