"""`Logger` and its formats, on Python's own logging."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from enum import Enum
from functools import cache
from typing import IO, Any

from mlrun_like.configuration import config

__all__ = [  # noqa: F822 - one is made late
    "CustomFormatter",
    "FormatterKinds",
    "HumanReadableExtendedFormatter",
    "HumanReadableFormatter",
    "JSONFormatter",
    "Logger",
    "context_id_var",
    "create_logger",
    "create_test_logger",
    "logger",
    "resolve_formatter_by_kind",
]

context_id_var: ContextVar[str] = ContextVar("mlrun_like_context_id", default="")


def _json(value: Any) -> str:
    return json.dumps(value, default=str, sort_keys=False)


def _more(record: logging.LogRecord) -> dict[str, Any]:
    return dict(getattr(record, "with", None) or {})


class JSONFormatter(logging.Formatter):
    """A line of JSON: datetime, level, message, with."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        return _json(
            {
                "datetime": self.formatTime(record, self.datefmt),
                "level": record.levelname.lower(),
                "message": record.getMessage(),
                "with": _more(record),
            }
        )


class HumanReadableFormatter(logging.Formatter):
    """`> time [level] message {fields}`."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        fields = _more(record)
        line = f"> {self.formatTime(record, self.datefmt)} [{record.levelname.lower()}] "
        line += record.getMessage()
        return f"{line} {_json(fields)}" if fields else line


class HumanReadableExtendedFormatter(HumanReadableFormatter):
    """The same, a field a line."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        fields = _more(record)
        head = (
            f"> {self.formatTime(record, self.datefmt)} [{record.name}:{record.levelname.lower()}]"
        )
        rest = "".join(f"\n  {name}: {value}" for name, value in fields.items())
        return f"{head} {record.getMessage()}{rest}"


class CustomFormatter(HumanReadableFormatter):
    """A form of one's own: `{timestamp}`, `{level}`, `{message}`, `{more}` in `log_format`."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        form = _own_form() or "> {timestamp} [{level}] {message} {more}"
        fields = _more(record)
        values = {**fields, "more": _json(fields) if fields else ""}
        values |= {"timestamp": self.formatTime(record), "level": record.levelname.lower()}
        return form.format_map(_Blank(values | {"message": record.getMessage()}))


class _Blank(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def _own_form() -> str | None:
    """The form that `mlconf.log_format_override` says."""
    known = sys.modules.get("mlrun_like.compat.adapted.client.config")
    found = getattr(known.config, "log_format_override", None) if known else None
    return found if found is None else str(found)


class FormatterKinds(Enum):
    """The forms by their names."""

    HUMAN = "human"
    HUMAN_EXTENDED = "human_extended"
    JSON = "json"
    CUSTOM = "custom"


def resolve_formatter_by_kind(formatter_kind: FormatterKinds) -> type[logging.Formatter]:
    """The form's class."""
    return {
        FormatterKinds.HUMAN: HumanReadableFormatter,
        FormatterKinds.HUMAN_EXTENDED: HumanReadableExtendedFormatter,
        FormatterKinds.JSON: JSONFormatter,
        FormatterKinds.CUSTOM: CustomFormatter,
    }[formatter_kind]


class Logger:
    """A logger with named fields.

    Args:
        level: The least important level.
        name: The name in Python's logging.
        propagate: Whether loggers above hear of it.
        logger: One of Python's, in place of one by name.

    >>> Logger("INFO", name="doc").bind(run=1).info("nobody listens", rows=3)
    """

    def __init__(
        self, level: str | int = "INFO", name: str = "mlrun", propagate: bool = True,
        logger: logging.Logger | None = None,
    ) -> None:  # fmt: skip
        self._logger = logger or logging.getLogger(name)
        self._logger.propagate = propagate
        self.set_logger_level(level)
        self._bound: dict[str, Any] = {}
        self._handlers: dict[str, logging.StreamHandler[Any]] = {}

    def set_handler(self, handler_name: str, file: IO[str], formatter: logging.Formatter) -> None:
        """Write to a stream; one handler of a name stays."""
        # other loggers of this name share Python's: nothing is written twice to one stream
        own, name = self._handlers.get(handler_name), f"mlrun_like.{handler_name}"
        for old in list(self._logger.handlers):
            same = old.name == name and getattr(old, "stream", None) is file
            if old is own or same:
                self._logger.removeHandler(old)
        handler: logging.StreamHandler[Any] = logging.StreamHandler(file)
        handler.setFormatter(formatter)
        handler.name = name
        self._handlers[handler_name] = handler
        self._logger.addHandler(handler)

    def get_handler(self, name: str) -> logging.Handler:
        """The handler of a name.

        Raises:
            ValueError: if there is none.
        """
        if name not in self._handlers:
            raise ValueError(f"Logger does not have a handler named '{name}'")
        return self._handlers[name]

    def replace_handler_stream(self, handler_name: str, file: IO[str]) -> None:
        """Write to another stream from now on.

        Raises:
            ValueError: if there is no such handler.
        """
        self.get_handler(handler_name)
        self._handlers[handler_name].setStream(file)

    def get_child(self, suffix: str) -> Logger:
        """A logger below this one, with its fields."""
        child = Logger(self.level, logger=self._logger.getChild(suffix))
        child._bound = dict(self._bound)
        return child

    @property
    def level(self) -> int:
        """The least important level, as a number."""
        return self._logger.level

    def set_logger_level(self, level: str | int) -> None:
        """Change the least important level."""
        self._logger.setLevel(level.upper() if isinstance(level, str) else level)

    def bind(self, **kw_args: Any) -> Logger:
        """Add fields to all that follows."""
        self._bound.update(kw_args)
        return self

    def debug(self, message: str, *args: Any, **kw_args: Any) -> None:
        """Detail."""
        self._log(logging.DEBUG, message, args, kw_args)

    def info(self, message: str, *args: Any, **kw_args: Any) -> None:
        """What happens."""
        self._log(logging.INFO, message, args, kw_args)

    def warning(self, message: str, *args: Any, **kw_args: Any) -> None:
        """What may be wrong."""
        self._log(logging.WARNING, message, args, kw_args)

    warn = warning

    def error(self, message: str, *args: Any, **kw_args: Any) -> None:
        """What is wrong."""
        self._log(logging.ERROR, message, args, kw_args)

    def exception(self, message: str, *args: Any, exc_info: Any = True, **kw_args: Any) -> None:
        """What is wrong, with the traceback."""
        self._log(logging.ERROR, message, args, {**kw_args, "exc_info": exc_info})

    def _log(self, level: int, message: str, args: tuple[Any, ...], fields: Any) -> None:
        exc_info = fields.pop("exc_info", None)
        more = {"with": {**self._bound, **fields}}
        self._logger.log(level, message, *args, exc_info=exc_info, extra=more)


def create_logger(
    level: str | None = None, formatter_kind: str = FormatterKinds.HUMAN.name, name: str = "mlrun",
    stream: IO[str] = sys.stdout, propagate: bool = True,
) -> Logger:  # fmt: skip
    """A logger that writes to a stream."""
    made = Logger(level or str(config.log_level), name=name, propagate=propagate)
    kind = FormatterKinds(str(formatter_kind).lower())
    made.set_handler("default", stream, resolve_formatter_by_kind(kind)())
    return made


def create_test_logger(name: str = "mlrun", stream: IO[str] = sys.stdout) -> Logger:
    """A logger that writes all, without a time."""
    return create_logger("debug", FormatterKinds.HUMAN_EXTENDED.name, name, stream)


class _Stdout:
    """Standard output as it is when something is written: tests and notebooks exchange it."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@cache
def _standard() -> Logger:
    """The logger of all: made when it is asked for, for its level is a setting."""
    return create_logger(name="mlrun", stream=_Stdout(), propagate=False)  # type: ignore[arg-type]


def __getattr__(name: str) -> Logger:
    if name != "logger":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _standard()
