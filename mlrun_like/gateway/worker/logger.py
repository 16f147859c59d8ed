"""`context.logger`: a line of JSON for each message, and the lines of a request for its caller.

Source: nuclio-sdk's logger.py for names and fields. A request with the header
`x-nuclio-log-level` gets its lines of that level and above back in the header `X-Nuclio-Logs`.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import traceback
from contextvars import ContextVar
from typing import Any

__all__ = ["WorkerLogger", "collect", "collected"]

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_NAMES = {"warn": "warning"}
_MOST = 32  # lines that are given back; a header has its limits
_LONGEST = 500
_collected: ContextVar[tuple[int, list[dict[str, Any]]] | None] = ContextVar(
    "mlrun_like_collected", default=None
)


def collect(level: str) -> None:
    """Keep the messages of the request that is being answered."""
    name = level.strip().lower()
    _collected.set((_LEVELS.get(_NAMES.get(name, name), 10), []))


def collected() -> bytes:
    """The messages that were kept since `collect`, as JSON in ASCII; keeps no more of them."""
    found = _collected.get()
    _collected.set(None)
    return json.dumps(found[1] if found else []).encode()


class WorkerLogger:
    """Nuclio's logger.

    Messages may have `%` arguments; methods that end in `_with` take further fields by name.
    """

    def __init__(self, level: int = 10) -> None:
        self.level = level
        self._bound: dict[str, Any] = {}

    def bind(self, **values: Any) -> None:
        """Add fields to all later messages."""
        self._bound.update(values)

    def debug(self, message: Any, *args: Any) -> None:
        """For those who look for a mistake."""
        self._write("debug", message, args, {})

    def info(self, message: Any, *args: Any) -> None:
        """What happens."""
        self._write("info", message, args, {})

    def warn(self, message: Any, *args: Any) -> None:
        """Something to look at."""
        self._write("warning", message, args, {})

    warning = warn

    def error(self, message: Any, *args: Any) -> None:
        """Something failed."""
        self._write("error", message, args, {})

    def debug_with(self, message: Any, *args: Any, **values: Any) -> None:
        """The same with fields."""
        self._write("debug", message, args, values)

    def info_with(self, message: Any, *args: Any, **values: Any) -> None:
        """The same with fields."""
        self._write("info", message, args, values)

    def warn_with(self, message: Any, *args: Any, **values: Any) -> None:
        """The same with fields."""
        self._write("warning", message, args, values)

    warning_with = warn_with

    def error_with(self, message: Any, *args: Any, **values: Any) -> None:
        """The same with fields."""
        self._write("error", message, args, values)

    def exception(self, message: Any, *args: Any) -> None:
        """An error with the traceback of the exception that is being handled."""
        self._write("error", message, args, {"traceback": traceback.format_exc()})

    def _write(self, level: str, message: Any, args: Any, values: dict[str, Any]) -> None:
        keep = _collected.get()
        if _LEVELS[level] < self.level and keep is None:
            return
        text = str(message)
        if args:
            try:
                text = text % args
            except (TypeError, ValueError):
                text = f"{text} {args!r}"
        fields = {**self._bound, **values}
        now = time.time()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        line = {
            "datetime": f"{stamp},{int(now % 1 * 1000):03d}",
            "level": level,
            "message": text,
            "with": fields,
        }
        if _LEVELS[level] >= self.level:
            # a full disk or a closed stream must not fail the request
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.write(json.dumps(line, default=repr) + "\n")
        if keep is not None and _LEVELS[level] >= keep[0] and len(keep[1]) < _MOST:
            shown = {name: repr(value)[:_LONGEST] if not isinstance(value, (int, float, bool))
                     else value for name, value in fields.items()}  # fmt: skip
            keep[1].append(
                {"time": round(now * 1000, 3), "level": level, "message": text[:_LONGEST], **shown}
            )
