"""Values of options: numbers, times and words, each checked where it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from mlrun_like.errors import nearest
from mlrun_like.gateway.deployment import Options
from mlrun_like.runtimes.finding import Finding
from mlrun_like.specs.values import parse_cpu, parse_memory

__all__ = ["OPTION_NAMES", "Values", "seconds"]

OPTION_NAMES = tuple(item.name for item in fields(Options))
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")
_MOST = {"max_replicas": 1000, "min_replicas": 1000, "port": 65535, "internal_port": 65535}
_DEFAULTS = {
    item.name: item.default if item.default is not MISSING else {} for item in fields(Options)
}


def seconds(value: Any) -> float:
    """A time as a number of seconds, or as Go writes it.

    >>> seconds("1m30s"), seconds(2), seconds("250ms")
    (90.0, 2.0, 0.25)

    Raises:
        ValueError: if it is none.
    """
    if isinstance(value, bool):
        raise ValueError(value)
    if isinstance(value, (int, float)):
        found = float(value)
    else:
        text = str(value).strip()
        parts = _PART.findall(text)
        if parts and "".join(number + unit for number, unit in parts) == text:
            found = sum(float(number) * _UNITS[unit] for number, unit in parts)
        else:
            found = float(text)
    if not 0 <= found < 1e9:
        raise ValueError(value)
    return found


class Values:
    """Options as they are found, with everything that is wrong with them.

    >>> values = Values()
    >>> values.put("idle_timeout", "1m", "here")
    >>> values.put("queue", "many", "there")
    >>> values.found, [item.where for item in values.wrong]
    ({'idle_timeout': 60.0}, ['there'])
    """

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self.wrong: list[Finding] = []
        self.notes: list[str] = []

    def put(self, name: str, value: Any, where: str) -> None:
        """Take a value of an option, or say what is wrong with it."""
        if name not in _DEFAULTS:
            self.tell(
                f"there is no option {name!r:.60}.{nearest(str(name), _DEFAULTS)}",
                where,
                f"options: {', '.join(OPTION_NAMES)}",
            )
            return
        try:
            self.found[name] = _cast(name, value)
        except (TypeError, ValueError, OverflowError) as exc:
            shown = "" if name in ("env", "auth") else f" {value!r:.80}"
            what = getattr(exc, "what", "")
            self.tell(
                f"option {name!r} cannot be{shown}: {what or _expected(name)}",
                where,
                getattr(exc, "fix", "") or f"for example {_DEFAULTS[name]!r}",
            )

    def tell(self, what: str, where: str, fix: str = "") -> None:
        """Keep something that is wrong."""
        self.wrong.append(Finding("option", what, where, fix))

    def note(self, text: str) -> None:
        """Keep something that has no meaning on one machine."""
        if text not in self.notes:
            self.notes.append(text)


def _expected(name: str) -> str:
    default = _DEFAULTS[name]
    if isinstance(default, tuple):
        return "a list of mappings is wanted" if name in ("smoke", "warm_up") else "a list of texts"
    if isinstance(default, dict):
        return "a mapping is wanted"
    if isinstance(default, str):
        return "a text is wanted"
    most = f" up to {_MOST[name]}" if name in _MOST else ""
    kind = "a whole number from 0" if isinstance(default, int) else "a number from 0, or 30s, 5m"
    return f"{kind}{most} is wanted"


def _cast(name: str, value: Any) -> Any:
    default = _DEFAULTS[name]
    if name == "memory":
        return 0 if value in (0, "0", None) else parse_memory(value)
    if name == "cpu":
        return 0.0 if value in (0, "0", None) else parse_cpu(value)
    if isinstance(default, tuple):
        return _several(name, value)
    if isinstance(default, dict):
        if not isinstance(value, Mapping):
            raise TypeError(value)
        if name == "env":
            return {str(key): _text(item) for key, item in value.items()}
        return dict(value)
    if isinstance(default, str):
        return _text(value)
    if isinstance(default, float):
        found = seconds(value)
        if name == "audit" and found > 1:
            raise ValueError(value)
        return found
    if isinstance(value, bool) or int(value) != float(value):
        raise ValueError(value)
    number = int(value)
    if not 0 <= number <= _MOST.get(name, 1 << 40):
        raise ValueError(value)
    return number


def _several(name: str, value: Any) -> tuple[Any, ...]:
    if isinstance(value, (str, bytes, Mapping)):
        value = [value] if isinstance(value, (str, Mapping)) else None
    items = tuple(value)
    if name in ("smoke", "warm_up"):
        made = tuple({"path": item} if isinstance(item, str) else dict(item) for item in items)
        for item in made:
            if not str(item.setdefault("path", "/")).startswith("/"):
                raise ValueError(item)
        return made
    for item in items:
        if not isinstance(item, str) or not item or "\0" in item:
            raise ValueError(item)
    if name == "methods":
        return tuple(item.upper() for item in items)
    return items


def _text(value: Any) -> str:
    if isinstance(value, (dict, list)) or "\0" in str(value):
        raise ValueError(value)
    return str(value)
