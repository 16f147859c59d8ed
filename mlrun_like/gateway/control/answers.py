"""HTTP over the private socket, and the errors that come back by it."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any

from mlrun_like import errors
from mlrun_like.errors import ConflictError, EngineError, MLRunLikeError

__all__ = ["LocalConnection", "error_of"]


class LocalConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket.

    Args:
        path: The socket.
        timeout: Seconds to wait for an answer; None: any time.
    """

    def __init__(self, path: Path, timeout: float | None) -> None:
        super().__init__("localhost")
        self._path, self._limit = path, timeout

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self._limit)
        self.sock.connect(str(self._path))


def error_of(content: Any, status: int) -> MLRunLikeError:
    """The error that the gateway told, of the same class."""
    if isinstance(content, bytes):
        try:
            content = json.loads(content)
        except ValueError:
            content = {"error": content[:500].decode("utf-8", "replace")}
    if not isinstance(content, dict):
        content = {"error": str(content)}
    found = getattr(errors, str(content.get("kind") or ""), None)
    kind = found if isinstance(found, type) and issubclass(found, MLRunLikeError) else EngineError
    what = str(content.get("error") or f"the gateway answered {status}")
    where, fix = str(content.get("where") or ""), str(content.get("fix") or "")
    try:
        made = kind(what, where=where, fix=fix)
        if isinstance(made, ConflictError) and content.get("status") == 503:
            made.status = 503
        return made
    except TypeError:  # a class with more arguments
        return EngineError(what, where=where, fix=fix)
