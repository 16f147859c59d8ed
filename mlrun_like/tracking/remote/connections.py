"""Connections to one service that are kept for the next request, shared by the threads.

A connection carries one request at a time. A forked child starts without any: what it inherits is
its parent's. The service may close an idle connection at any moment; that is noticed before it is
used again, or by no answer at all, after which the same request may go over a new one.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import os
import select
import ssl
import threading
import time
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from mlrun_like.tracking.remote.address import Address
from mlrun_like.tracking.remote.paced import PacedConnection, PacedSecureConnection
from mlrun_like.tracking.remote.proxies import proxy_for
from mlrun_like.tracking.remote.trust import service_tls

__all__ = ["Answer", "Connections"]

_IDLE = 30.0  # seconds after which a connection is not used again
_KEPT = 16
_LARGEST = 1 << 30


class Answer(NamedTuple):
    """What came back; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connections:
    """Kept connections to one service.

    Args:
        address: The service.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._idle: list[tuple[http.client.HTTPConnection, float]] = []
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._tls: ssl.SSLContext | None = None

    def request(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> Answer | None:
        """Send a request and read its answer; None: the connection was kept from before and is
        closed by now, so the request may be sent once more.

        Raises:
            http.client.HTTPException: if what came cannot be an answer.
            OSError: if the service cannot be reached or does not answer in time.
        """
        connection, kept = self._take(timeout)
        try:
            target, extra = self._target(path)
            connection.request(method, target, body or None, {**headers, **extra})
        except (ConnectionError, http.client.CannotSendRequest):
            connection.close()
            if kept:
                return None
            raise
        except BaseException:
            connection.close()
            raise
        try:
            response = connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError):
            connection.close()
            if kept:
                return None
            raise
        except BaseException:
            connection.close()
            raise
        try:
            named = {name.lower(): value for name, value in response.getheaders()}
            data = _unpacked(_whole(response), named.get("content-encoding", ""))
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._give(connection)
        return Answer(response.status, named, data)

    def close(self) -> None:
        """Close what is kept; the next request connects anew."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.close()

    def forget(self) -> None:
        """In a forked child: leave what is the parent's alone, and start empty."""
        self._lock = threading.Lock()
        idle, self._idle = self._idle, []
        self._pid = os.getpid()
        for connection, _ in idle:
            with contextlib.suppress(OSError):
                connection.close()  # this process's end only; nothing is sent

    def _take(self, timeout: float) -> tuple[http.client.HTTPConnection, bool]:
        if self._pid != os.getpid():
            self.forget()
        while True:
            with self._lock:
                found = self._idle.pop() if self._idle else None
            if found is None:
                return self._connection(timeout), False
            connection, since = found
            sock = connection.sock
            if sock is None or time.monotonic() - since > _IDLE or _readable(sock.fileno()):
                connection.close()
                continue
            sock.settimeout(timeout)
            return connection, True

    def _give(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if len(self._idle) < _KEPT:
                self._idle.append((connection, time.monotonic()))
                return
        connection.close()

    def _connection(self, timeout: float) -> http.client.HTTPConnection:
        address, proxy = self.address, proxy_for(self.address)
        host, port = (proxy.host, proxy.port) if proxy else (address.host, address.port)
        if not address.tls:
            return PacedConnection(host, port, timeout=timeout)
        if self._tls is None:
            self._tls = service_tls()
        secure = PacedSecureConnection(host, port, timeout=timeout, context=self._tls)
        if proxy:
            headers = {"Proxy-Authorization": _basic(proxy.user)} if proxy.user else {}
            secure.set_tunnel(address.host, address.port, headers)
        return secure

    def _target(self, path: str) -> tuple[str, dict[str, str]]:
        address = self.address
        if address.tls or address.loopback:
            return address.prefix + path, {}
        proxy = proxy_for(address)
        if proxy is None:
            return address.prefix + path, {}
        extra = {"Proxy-Authorization": _basic(proxy.user)} if proxy.user else {}
        return f"{address.url}{path}", {**extra, "Host": address.origin.partition("://")[2]}


def _basic(user: str) -> str:
    return "Basic " + base64.b64encode(user.encode()).decode("ascii")


def _readable(descriptor: int) -> bool:
    """Whether something is there to be read: on an idle connection only its end can be."""
    if descriptor < 0:
        return True
    poll = getattr(select, "poll", None)
    if poll is None:
        return bool(select.select([descriptor], [], [], 0)[0])
    watched = poll()  # `select` cannot look at descriptors above 1023
    watched.register(descriptor, select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(watched.poll(0))


def _whole(response: http.client.HTTPResponse) -> bytes:
    parts, size = [], 0
    while True:
        part = response.read(1 << 20)
        if not part:
            break
        parts.append(part)
        size += len(part)
        if size > _LARGEST:
            raise http.client.HTTPException("the answer is too large")
    if response.length:
        raise http.client.HTTPException("the answer breaks off")
    return b"".join(parts)


def _unpacked(data: bytes, encoding: str) -> bytes:
    if not encoding or encoding == "identity":
        return data
    if encoding != "gzip":
        raise http.client.HTTPException(f"the answer is packed by {encoding!r:.40}")
    unpack = zlib.decompressobj(wbits=31)
    try:
        plain = unpack.decompress(data, _LARGEST)
    except zlib.error as exc:
        raise http.client.HTTPException(f"the answer cannot be unpacked: {exc}") from exc
    if not unpack.eof:
        raise http.client.HTTPException("the answer breaks off, or is too large")
    return plain
