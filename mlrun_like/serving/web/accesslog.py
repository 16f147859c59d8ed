"""The access log: one line of JSON for each request."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.codec import encode
from mlrun_like.serving.web.request import HttpEvent

__all__ = ["AccessLog"]

_SOON = 0.25  # seconds until lines are written
_MOST = 64 * 1024  # bytes that are held back


class AccessLog:
    """Lines are collected for a moment and appended in one write, whole lines only.

    Several processes may share the file. Written are the time (UTC, seconds since 1970), method,
    path without its query (which may hold secrets), status, milliseconds, bytes, event id, client.

    Args:
        target: A file's path, or "-" for stderr.

    Raises:
        InvalidArgumentError: if the file cannot be written.
    """

    def __init__(self, target: str) -> None:
        try:
            self._file = (
                2
                if target == "-"
                else os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
            )
        except (OSError, ValueError) as exc:
            raise InvalidArgumentError(
                f"the access log {target!r} cannot be written: {exc}", fix="name another file"
            ) from exc
        self._held: list[bytes] = []
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None

    def write(self, event: HttpEvent, status: int, size: int, started: float, client: Any) -> None:
        """Note a request; `started` is in seconds of `time.perf_counter()`."""
        line = encode(
            {
                "time": round(time.time(), 3),
                "method": event.method,
                "path": event.path,
                "status": status,
                "ms": round((time.perf_counter() - started) * 1e3, 3),
                "bytes": size,
                "event_id": str(event.id),
                "client": client[0] if client else "",
            }
        )
        self._held.append(line + b"\n")
        self._size += len(line) + 1
        if self._size > _MOST:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_SOON, self.flush)

    def flush(self) -> None:
        """Write what is held back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        data, self._held, self._size = b"".join(self._held), [], 0
        # a full disk must not end requests; there is no better place to report it
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self._file, data) :]

    def close(self) -> None:
        """Write the rest and close the file."""
        self.flush()
        if self._file > 2:
            os.close(self._file)
            self._file = -1
