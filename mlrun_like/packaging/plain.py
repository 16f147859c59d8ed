"""A short text for a plain value, the same for equal ones of the same type."""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import uuid
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from mlrun_like.packaging.normal import short_hash

__all__ = ["MAX_SHOWN", "plain_token"]

MAX_SHOWN = 80
"""Longer texts are replaced by their beginning and a digest."""

_TEXTS = (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID, PurePath)


def plain_token(value: Any) -> str | None:
    """What stands for a value; None: it has no plain form.

    >>> plain_token({"b": 1.0, "a": (True, None)})
    "{'a': (True, None), 'b': 1.0}"
    >>> plain_token(object()) is None
    True
    """
    try:
        text = _text(value)
    except RecursionError:
        return None
    if text is None or len(text) <= MAX_SHOWN:
        return text
    return f"{text[: MAX_SHOWN - 30]}... #{short_hash(text)}"


def _text(value: Any) -> str | None:
    kind = type(value)
    if value is None or kind in (bool, int, str, bytes, complex):
        return repr(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else f"float {value}"
    if kind in (list, tuple, set, frozenset):
        return _listed(value)
    if isinstance(value, Mapping) and kind in (dict,):
        rows = [(_text(key), _text(item)) for key, item in value.items()]
        if any(key is None or item is None for key, item in rows):
            return None
        return "{" + ", ".join(f"{key}: {item}" for key, item in sorted(rows, key=str)) + "}"
    if isinstance(value, enum.Enum):
        inner = _text(value.value)
        return None if inner is None else f"{kind.__qualname__}.{value.name} {inner}"
    if isinstance(value, _TEXTS):
        return f"{kind.__name__} {value}"
    if kind.__module__ == "numpy" and getattr(value, "ndim", 1) == 0 and hasattr(value, "item"):
        inner = _text(value.item())
        return None if inner is None else f"{kind.__name__} {inner}"
    return None


def _listed(value: Any) -> str | None:
    parts = [_text(item) for item in value]
    if any(part is None for part in parts):
        return None
    texts = [str(part) for part in parts]
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__} {{{', '.join(sorted(texts))}}}"
    left, right = ("[", "]") if isinstance(value, list) else ("(", ")")
    return f"{left}{', '.join(texts)}{right}"
