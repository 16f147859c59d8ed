"""The gateway's trusted socket: one connection that is kept."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Answer", "Door"]


class Answer(NamedTuple):
    """What the gateway said.

    Args:
        status: HTTP status.
        headers: Names in lower case.
        body: All of it.
    """

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def wait(self) -> float | None:
        """Seconds to wait, if the gateway refused it for now; None: the function answered."""
        asked = self.headers.get("retry-after")
        if self.status not in (429, 503) or asked is None:
            return None
        try:
            return min(max(float(asked), 0.05), 10.0)
        except ValueError:
            return 1.0


class _Local(http.client.HTTPConnection):
    """A connection to a socket in the file system."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Open it."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self.sock.settimeout(5.0)
            self.sock.connect(self._path)
            self.sock.settimeout(self.timeout)
        except BaseException:
            self.sock.close()
            raise


class Door:
    """A connection to the gateway, for one thread; `break_off` may be called by another one.

    Args:
        path: The socket.
        timeout: Seconds to wait for an answer.
    """

    def __init__(self, path: str, timeout: float = 3600.0) -> None:
        self._path, self._timeout = path, timeout
        self._connection: _Local | None = None

    def post(self, target: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        """Send a request and wait for its answer.

        Raises:
            OSError: if the gateway cannot be reached, or went away meanwhile.
        """
        if self._connection is None:
            self._connection = _Local(self._path, self._timeout)
        connection = self._connection
        try:
            connection.putrequest("POST", target, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value.encode("latin-1", "replace"))
            connection.putheader("content-length", str(len(body)))
            connection.endheaders(body)
            found = connection.getresponse()
            content = found.read()
        except (http.client.HTTPException, AttributeError) as exc:
            self.close()
            raise ConnectionError(f"the gateway broke off: {exc!r}") from exc
        except BaseException:
            self.close()
            raise
        if found.will_close:
            self.close()
        lines = {name.lower(): value for name, value in found.getheaders()}
        return Answer(found.status, lines, content)

    def break_off(self) -> None:
        """Let go of the request that another thread waits for."""
        connection = self._connection
        sock = connection.sock if connection is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close it; the next request opens a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
