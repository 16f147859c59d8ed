"""Answers that come too slowly: a time for the whole of one, not only for each of its bytes.

A socket's timeout begins anew with every byte, so an answer that drips would hold its caller for
ever. Here an answer has the timeout, and more only as it brings enough.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

__all__ = ["PacedConnection", "PacedResponse", "PacedSecureConnection"]

_SLOWEST = 16 << 10
"""Bytes a second for which an answer may go on."""


class PacedResponse(http.client.HTTPResponse):
    """An answer that must end in time."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Paced(self.fp.detach(), sock))


class PacedConnection(http.client.HTTPConnection):
    """A connection whose answers must end in time."""

    response_class = PacedResponse


class PacedSecureConnection(http.client.HTTPSConnection):
    """The same over TLS."""

    response_class = PacedResponse


class _Paced(io.RawIOBase):
    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw, self._sock = raw, sock
        timeout = sock.gettimeout()
        self._end = time.monotonic() + timeout if timeout is not None else None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._end is not None:
            left = self._end - time.monotonic()
            if left <= 0.0:
                raise TimeoutError("the answer comes too slowly")
            self._sock.settimeout(left)
        count: int | None = self._raw.readinto(buffer)
        if self._end is not None:
            self._end += (count or 0) / _SLOWEST
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()
