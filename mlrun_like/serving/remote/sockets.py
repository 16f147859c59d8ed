"""Requests from a thread: blocking sockets, kept open and used again."""

from __future__ import annotations

import os
import select
import socket
import ssl
import threading
import time
from typing import Any

from mlrun_like.serving.remote.address import Address, parse_url, tls_context
from mlrun_like.serving.remote.trying import IDEMPOTENT, Send
from mlrun_like.serving.remote.wire import Answer, Fault, Wire, http11

__all__ = ["LONGEST_IDLE", "LONGEST_IDLE_ONCE", "MOST_IDLE", "SocketPool", "fault_of"]

LONGEST_IDLE = 55.0
"""Seconds for which an unused connection is kept."""
LONGEST_IDLE_ONCE = 1.5
"""The same for requests that must not be sent twice: servers close idle connections, some after
two seconds, and one that closes while a request comes leaves in doubt whether it was heard."""
MOST_IDLE = 64
"""Unused connections that are kept for a server."""

_PIECE = 1 << 16


class _Connection:
    def __init__(self, sock: socket.socket, wire: Wire) -> None:
        self.sock = sock
        self.wire = wire
        self.used = False
        self.idle_since = 0.0


class SocketPool:
    """Sends requests and keeps their connections; threads may share it.

    Args:
        authorities: A file with further trusted certificates.
    """

    def __init__(self, authorities: str = "") -> None:
        self.process = os.getpid()
        self._h11 = http11()
        self._authorities = authorities
        self._idle: dict[Any, list[_Connection]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def send(self, command: Send) -> Answer | Fault:
        """The answer to one request, or why there is none."""
        address = parse_url(command.request.url)
        once = command.request.method not in IDEMPOTENT
        end = time.monotonic() + command.timeout
        while True:
            try:
                connection = self._take(address, once) or self._connect(address, end)
            except (OSError, ValueError) as exc:
                return fault_of(exc, sent=False)
            try:
                found = self._exchange(connection, command, address, end)
            finally:
                if connection.wire.reusable:
                    self._give_back(address, connection)
                else:
                    connection.sock.close()
            stale = isinstance(found, Fault) and found.kind == "lost" and connection.used
            if not stale or connection.wire.heard or once:
                return found  # else: the server had closed it before the request came

    def close(self) -> None:
        """Close the unused connections now, and those in use after their request."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.sock.close()

    def _connect(self, address: Address, end: float) -> _Connection:
        sock = socket.create_connection((address.host, address.port), _left(end))
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if address.scheme == "https":
                sock.settimeout(_left(end))
                context = tls_context(self._authorities)
                sock = context.wrap_socket(sock, server_hostname=address.host)
        except BaseException:
            sock.close()
            raise
        return _Connection(sock, Wire(self._h11))

    def _exchange(
        self, connection: _Connection, command: Send, address: Address, end: float
    ) -> Answer | Fault:
        sock, wire, asked = connection.sock, connection.wire, command.request
        try:
            data = wire.request(asked.method, address, asked.headers, asked.body)
            sock.settimeout(_left(end))
            sock.sendall(data)
            while True:
                sock.settimeout(_left(end))
                found = wire.receive(sock.recv(_PIECE))
                if found is not None:
                    return found
        except OSError as exc:
            return fault_of(exc, sent=True)

    def _take(self, address: Address, once: bool) -> _Connection | None:
        """An unused connection that still seems to be open."""
        longest = LONGEST_IDLE_ONCE if once else LONGEST_IDLE
        while True:
            with self._lock:
                idle = self._idle.get(address.origin)
                connection = idle.pop() if idle else None
            if connection is None:
                return None
            fresh = time.monotonic() - connection.idle_since < longest
            if fresh and not _readable(connection.sock):  # readable: closed, or out of step
                connection.used = True
                return connection
            connection.sock.close()

    def _give_back(self, address: Address, connection: _Connection) -> None:
        connection.idle_since = time.monotonic()
        with self._lock:
            idle = self._idle.setdefault(address.origin, [])
            if len(idle) < MOST_IDLE and not self._closed:
                idle.append(connection)
                return
        connection.sock.close()


def fault_of(exc: BaseException, *, sent: bool) -> Fault:
    """What an operating system's or TLS error means for a request."""
    if isinstance(exc, TimeoutError):
        return Fault("late", "it timed out" if sent else "connecting timed out")
    if isinstance(exc, ssl.SSLCertVerificationError):
        return Fault("untrusted", f"its certificate is not accepted: {exc.verify_message}")
    text = str(exc) or type(exc).__name__
    if isinstance(exc, ssl.SSLError) and not sent:
        return Fault("untrusted", f"no TLS connection: {exc.reason or text}")
    return Fault("lost" if sent else "unsent", text)


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left


def _readable(sock: socket.socket) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
