"""Listening sockets."""

from __future__ import annotations

import socket

from mlrun_like.errors import ConflictError, InvalidArgumentError

__all__ = ["listen", "url_of"]

_BACKLOG = 2048  # connections that may wait to be accepted


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 picks a free one.

    Raises:
        InvalidArgumentError: if the port is no port.
        ConflictError: if it is taken, or the address is not ours.
    """
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= 65535:
        raise InvalidArgumentError(f"port {port!r} must be a whole number from 0 to 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # the protocol is named, because asyncio sends small packets at once only if it is
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
    except OSError as exc:
        listening.close()
        raise ConflictError(
            f"cannot listen on {host}:{port}: {exc.strerror or exc}",
            fix="choose another port, or port=0 for a free one",
        ) from exc
    return listening


def url_of(listening: socket.socket) -> str:
    """Where a listening socket can be reached from this machine."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
