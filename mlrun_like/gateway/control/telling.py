"""What is told of a deployment: the function's output as it starts, its error, who did it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlrun_like.errors import EngineError, MLRunLikeError
from mlrun_like.gateway.control.following import read_from, tail_of

__all__ = ["tell_growth", "with_log", "write_audit"]

_PAUSE = 0.1
_MOST = 200  # lines at a time
_log = logging.getLogger("mlrun_like.gateway")


async def tell_growth(path: Path, start: int, say: Callable[[str], None]) -> None:
    """Pass on what is added to a log behind place `start`, until this is cancelled."""
    at, held = start, b""
    while True:
        await asyncio.sleep(_PAUSE)
        data, at = await asyncio.to_thread(read_from, path, at)
        if data:
            *lines, held = (held + data).split(b"\n")
            for line in lines[-_MOST:]:
                say(f"  | {line.decode('utf-8', 'replace')}")


async def with_log(exc: MLRunLikeError, key: str, path: Path, start: int) -> MLRunLikeError:
    """An error with the last lines that the function printed behind place `start` of its log."""
    if not isinstance(exc, EngineError):
        return exc
    data, end = await asyncio.to_thread(tail_of, path, 8)
    lines = data[-max(0, end - start) :] if end > start else b""
    text = lines.decode("utf-8", "replace").strip()
    return EngineError(
        exc.what + (f"\nlast lines of its log:\n{text}" if text else ""),
        where=exc.where or f"function {key}",
        fix=f"correct the function and deploy again; all that it printed: mlrun-like logs {key}",
    )


def write_audit(home: Path, row: dict[str, Any]) -> None:
    """Add to the audit log: who changed what, and when; no code, no values."""
    line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **row}) + "\n"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        handle = os.open(home / "audit.log", flags, 0o600)
        try:
            os.write(handle, line.encode())  # one write: lines of two gateways do not mix
        finally:
            os.close(handle)
    except OSError as exc:
        _log.error("the audit log cannot be written: %s", exc)
