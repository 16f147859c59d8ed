"""Loggers of Nuclio: `logger.info_with("text", key=value)`."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

__all__ = ["Encoder", "HumanReadableFormatter", "JSONFormatter", "Logger"]


class HumanReadableFormatter(logging.Formatter):
    """A line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        more = f": {getattr(record, 'with')}" if getattr(record, "with", None) else ""
        level, time = record.levelname.lower(), self.formatTime(record, self.datefmt)
        return f"Python> {time} [{level}] {record.getMessage()}{more}"


class JSONFormatter(logging.Formatter):
    """A line for programs."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        found = {
            "datetime": self.formatTime(record, self.datefmt),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "with": getattr(record, "with", None) or {},
        }
        return json.dumps(found, cls=Encoder)


class Logger:
    """`info("text %s", x)`, `info_with("text", key=value)`, and so for the other levels.

    Args:
        level: The least level that is written.
        name: The name of Python's logger behind it.
    """

    def __init__(self, level: int = logging.INFO, name: str = "nuclio_sdk") -> None:
        self._logger = logging.getLogger(name)
        self._logger.setLevel(level)
        self._bound: dict[str, Any] = {}

    def set_handler(self, handler_name: str, file: Any, formatter: logging.Formatter) -> None:
        """Where it writes, and how; one of that name is replaced."""
        for handler in [one for one in self._logger.handlers if one.name == handler_name]:
            self._logger.removeHandler(handler)
        stream = logging.StreamHandler(file)
        stream.name = handler_name
        stream.setFormatter(formatter)
        self._logger.addHandler(stream)

    def bind(self, **values: Any) -> None:
        """Put values into every line from now on."""
        self._bound.update(values)

    def __getattr__(self, name: str) -> Callable[..., None]:
        level, _, extra = name.partition("_")
        if level not in ("debug", "info", "warn", "warning", "error") or extra not in ("", "with"):
            raise AttributeError(name)
        number = getattr(logging, {"warn": "WARNING"}.get(level, level.upper()))

        def write(message: str, *args: Any, **values: Any) -> None:
            self._logger.log(number, message, *args, extra={"with": {**self._bound, **values}})

        return write


class Encoder(json.JSONEncoder):
    """JSON in which everything has some form."""

    def default(self, o: Any) -> Any:
        """What an object says of itself."""
        log = getattr(o, "__log__", None)
        return log() if callable(log) else repr(o)
