"""The order that makes a worker of a waiting child: which function, as whom, within what limits."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.errors import SpecError

__all__ = ["Order", "read_order"]

_MOST = 256 << 20  # bytes; code travels in it


@dataclass(frozen=True)
class Order:
    """What the gateway wants; see `zygote.py` for the meaning of the fields."""

    project: str
    name: str
    version: int
    kind: str
    document: dict[str, Any]
    key: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str | None] = field(default_factory=dict)
    replica: int = 0
    sent: float = 0.0
    uid: int | None = None
    gid: int | None = None
    workdir: str = ""
    modules: tuple[str, ...] = ()
    gateway: str = ""

    def number(self, name: str, default: float = 0.0) -> float:
        """An option that is a number; what is none counts as its default."""
        value = self.options.get(name, default)
        return float(value) if isinstance(value, (int, float)) else default


def read_order(descriptor: int) -> Order:
    """Read an order and close its file.

    Raises:
        SpecError: if it is no order.
    """
    data = _content(descriptor)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise SpecError(f"the order is not JSON: {exc!s:.200}") from None
    if not isinstance(found, dict):
        raise SpecError(f"the order is no object but {found!r:.60}")
    values: dict[str, Any] = {}
    for name, kinds, default in _FIELDS:
        value = found.get(name)
        if value is None:
            value = default
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise SpecError(f"{name!r} of the order is {value!r:.60}", where="the order")
        values[name] = value
    values["env"] = _variables(values["env"])
    values["modules"] = tuple(str(folder) for folder in values["modules"])
    for name in ("uid", "gid"):
        value = found.get(name)
        if value is not None and (not isinstance(value, int) or not 0 < value < 1 << 32):
            raise SpecError(f"{name!r} of the order is {value!r:.60}", where="the order")
        values[name] = value
    values["key"] = values["key"] or f"{values['project']}/{values['name']}"
    values["sent"] = values["sent"] or time.monotonic()
    return Order(**values)


_FIELDS: tuple[tuple[str, Any, Any], ...] = (
    ("project", str, ""),
    ("name", str, ""),
    ("version", int, 0),
    ("kind", str, ""),
    ("document", dict, None),
    ("key", str, ""),
    ("options", dict, {}),
    ("env", dict, {}),
    ("replica", int, 0),
    ("sent", (int, float), 0.0),
    ("workdir", str, ""),
    ("gateway", str, ""),
    ("modules", (list, tuple), ()),
)


def _variables(given: Mapping[str, Any]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, value in given.items():
        text = None if value is None else str(value)
        if not name or "=" in name or "\0" in name or "\0" in (text or ""):
            raise SpecError(f"{name!r:.60} cannot be an environment variable", where="the order")
        found[name] = text
    return found


def _content(descriptor: int) -> bytes:
    parts, size = [], 0
    try:
        with contextlib.suppress(OSError):  # a pipe is read as it comes
            os.lseek(descriptor, 0, os.SEEK_SET)
        while part := os.read(descriptor, 1 << 20):
            parts.append(part)
            size += len(part)
            if size > _MOST:
                raise SpecError(f"the order is longer than {_MOST} bytes")
    finally:
        os.close(descriptor)
    return b"".join(parts)
