"""The run logger: `context.logger.info("message", key=value)`.

Lines go to standard output, from where they reach the terminal and the run's log. Formats: `human`
(default) and `json`.
"""

from __future__ import annotations

import json
import sys
import traceback
from datetime import datetime, timezone
from typing import Any, Protocol

from mlrun_like.errors import InvalidArgumentError, nearest

__all__ = ["LEVELS", "Logger", "Writable"]

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Writable(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> Any:
        """Take some text."""


class Logger:
    """A small structured logger.

    Args:
        level: The least important level that is written: debug, info, warning (warn) or error.
        stream: Where to write; None: whatever `sys.stdout` is at the time of the call.
        form: `"human"` or `"json"`.

    Raises:
        InvalidArgumentError: if the level or form is unknown.

    >>> import io
    >>> out = io.StringIO()
    >>> Logger("info", stream=out, form="json").info("loaded", rows=3)
    >>> '"rows": 3' in out.getvalue()
    True
    """

    def __init__(
        self, level: str = "info", *, stream: Writable | None = None, form: str = "human"
    ) -> None:
        if form not in ("human", "json"):
            raise InvalidArgumentError(f"log form {form!r} is unknown", fix="use human or json")
        self._stream = stream
        self._form = form
        self.set_logger_level(level)

    def set_logger_level(self, level: str) -> None:
        """Change the least important level that is written."""
        name = str(level).lower()
        name = "warning" if name == "warn" else name
        if name not in LEVELS:
            raise InvalidArgumentError(
                f"log level {level!r} is unknown.{nearest(name, LEVELS)}",
                fix=f"use one of: {', '.join(LEVELS)}",
            )
        self.level = name

    def debug(self, message: str, *args: Any, **fields: Any) -> None:
        """Detail for the author of the code."""
        self._write("debug", message, args, fields)

    def info(self, message: str, *args: Any, **fields: Any) -> None:
        """What happens."""
        self._write("info", message, args, fields)

    def warning(self, message: str, *args: Any, **fields: Any) -> None:
        """What may be wrong."""
        self._write("warning", message, args, fields)

    warn = warning

    def error(self, message: str, *args: Any, **fields: Any) -> None:
        """What is wrong."""
        self._write("error", message, args, fields)

    def exception(self, message: str, *args: Any, **fields: Any) -> None:
        """What is wrong, with the traceback of the exception being handled."""
        self._write("error", message, args, fields)
        self._out(traceback.format_exc())

    def _write(
        self, level: str, message: str, args: tuple[Any, ...], fields: dict[str, Any]
    ) -> None:
        if LEVELS[level] < LEVELS[self.level]:
            return
        if args:
            try:
                message = str(message) % args
            except (TypeError, ValueError):
                message = " ".join([str(message), *map(str, args)])
        now = datetime.now(timezone.utc)
        if self._form == "json":
            row = {"time": now.isoformat(), "level": level, "message": str(message), **fields}
            self._out(json.dumps(row, default=str) + "\n")
            return
        line = f"> {now:%Y-%m-%d %H:%M:%S},{now.microsecond // 1000:03d} [{level}] {message}"
        self._out(f"{line} {fields}\n" if fields else f"{line}\n")

    def _out(self, text: str) -> None:
        stream = self._stream or sys.stdout
        if stream is not None:
            stream.write(text)
