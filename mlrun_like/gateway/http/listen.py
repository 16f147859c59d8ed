"""Where the front listens: sockets that somebody else opened and keeps."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable
from typing import Any

from mlrun_like.gateway.http.front import Front, Site
from mlrun_like.gateway.http.tls import Certificate
from mlrun_like.registry import require, resolve

__all__ = ["Listener", "serve"]

_HANDSHAKE = 10.0  # seconds that a TLS handshake may take


class Listener:
    """Accepts connections for a front.

    Args:
        front: What all connections share.
        certificate: For TLS on its TCP sockets; None: plain HTTP.

    Raises:
        MissingDependencyError: if httptools is not installed.
    """

    def __init__(self, front: Front, certificate: Certificate | None = None) -> None:
        require("httptools", extra="serving", feature="the gateway")
        self.front = front
        self._certificate = certificate
        self._protocol: Any = resolve("mlrun_like.gateway.http.protocol:FrontProtocol")
        self._servers: list[asyncio.AbstractServer] = []
        self._ports: dict[int, asyncio.AbstractServer] = {}
        self._renewal: asyncio.Task[None] | None = None

    async def add(
        self, listening: socket.socket, *, port: int = 0, trusted: bool | None = None
    ) -> None:
        """Accept what comes to a listening socket; it is closed with the listener.

        Whoever keeps another descriptor of it keeps its waiting connections.

        Args:
            listening: A bound socket, of TCP or a path.
            port: The port, if it is a function's own; 0: the gateway's.
            trusted: No auth; None: sockets on a path are, TCP ones are not.
        """
        local = listening.family == getattr(socket, "AF_UNIX", None)
        certificate = None if local else self._certificate
        trusted = local if trusted is None else trusted
        site = Site(port, trusted, b"https" if certificate is not None else b"http")
        loop = asyncio.get_running_loop()
        made: dict[str, Any] = {"sock": listening, "backlog": 4096}
        if certificate is not None:
            made |= {"ssl": certificate.context, "ssl_handshake_timeout": _HANDSHAKE}
            if self._renewal is None:
                self._renewal = loop.create_task(certificate.watch())
        create = loop.create_unix_server if local else loop.create_server
        server = await create(lambda: self._protocol(self.front, site), **made)
        self._servers.append(server)
        if port:
            self._ports[port] = server

    @property
    def ports(self) -> frozenset[int]:
        """The functions' own ports that are listened on."""
        return frozenset(self._ports)

    def remove(self, port: int) -> None:
        """Stop to accept on a function's own port; its connections live on."""
        server = self._ports.pop(port, None)
        if server is not None:
            self._servers.remove(server)
            server.close()

    def stop(self) -> None:
        """Accept no more; connections live on."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        self._ports.clear()

    async def close(self, grace: float = 10.0) -> None:
        """Accept no more, answer what has come, end all connections.

        Args:
            grace: Seconds for what is under way.
        """
        self.stop()
        await self.front.close(grace)
        renewal, self._renewal = self._renewal, None
        if renewal is not None:
            renewal.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewal


async def serve(
    front: Front,
    sockets: Iterable[socket.socket],
    certificate: Certificate | None = None,
) -> Listener:
    """Serve on sockets; those on a path are trusted.

    Args:
        front: What all connections share.
        sockets: Listening sockets.
        certificate: For TLS on the TCP ones; None: plain HTTP.

    Raises:
        MissingDependencyError: if httptools is not installed.
    """
    listener = Listener(front, certificate)
    for listening in sockets:
        await listener.add(listening)
    return listener
