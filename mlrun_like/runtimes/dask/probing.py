"""Whether anybody listens at a scheduler's address, asked before a run starts."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from mlrun_like.runtimes.finding import Finding

__all__ = ["probe"]

_PATIENCE = 1.0
_SCHEMES = ("tcp", "tls", "ws", "wss")


def probe(place: str, where: str) -> Iterator[Finding]:
    """A finding if a connection is refused or not answered within a second.

    Args:
        place: A scheduler's address; other places are not asked.
        where: The function, for the message.
    """
    parts = urlsplit(place)
    if parts.scheme not in _SCHEMES or not parts.hostname or not parts.port:
        return
    try:
        socket.create_connection((parts.hostname, parts.port), _PATIENCE).close()
    except OSError as exc:
        yield Finding(
            "dask-unreachable",
            f"no Dask scheduler answers at {place}: {exc.strerror or exc or type(exc).__name__}",
            where,
            f"start one (dask scheduler --port {parts.port}), correct fn.spec.scheduler_address, "
            "or leave it out for a cluster on this machine",
        )
