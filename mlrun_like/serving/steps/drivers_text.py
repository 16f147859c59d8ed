"""Values as text, for tables that hold text only.

Numbers, booleans and texts look as storey writes them to Redis, so both can read each other's
tables; what would be read back as something else (the text "7", for one) is put in quotes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = ["from_text", "state_from_text", "state_to_text", "to_text"]

_TIME, _SPAN = "_dt:", "_td:"
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_WORDS: Mapping[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "inf": math.inf,
    "-inf": -math.inf,
    "nan": math.nan,
    "-nan": math.nan,
}
_MARKED = (_TIME, _SPAN, '"', "[", "{")


def to_text(value: Any) -> str:
    """A value as text; whole floats lose their `.0`, as in storey.

    >>> to_text(2.0), to_text("red"), to_text("7"), to_text([1, "a"])
    ('2', 'red', '"7"', '[1,"a"]')

    Raises:
        InvalidArgumentError: if it is of a type that cannot be read back.
    """
    if isinstance(value, str):
        plain = from_text(value) == value and not value.startswith(_MARKED)
        return value if plain else json.dumps(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        if value != value:  # pandas' NaT
            return "null"
        return (
            f"{_TIME}{(value if value.tzinfo else value.replace(tzinfo=timezone.utc)).timestamp()}"
        )
    if isinstance(value, timedelta):
        return f"{_SPAN}{value.total_seconds()}"
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(float(value))
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))
    tolist = getattr(value, "tolist", None)
    if tolist is not None:  # numpy
        return to_text(tolist())
    if isinstance(value, date):
        return to_text(value.isoformat())
    try:
        return json.dumps(value, separators=(",", ":"))
    except (TypeError, ValueError) as exc:
        raise InvalidArgumentError(
            f"{value!r:.80} cannot be an attribute of a table: {exc}",
            fix="store texts, numbers, booleans, times, or lists and dictionaries of them",
        ) from exc


def from_text(text: str | bytes) -> Any:
    """The value that `to_text`, or storey, wrote.

    >>> from_text("1234"), from_text('"7"'), from_text("red"), from_text(b"true")
    (1234, '7', 'red', True)
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    if _NUMBER.fullmatch(text):
        try:
            return int(text)
        except ValueError:
            return float(text)
    lower = text.lower() if len(text) < 6 else ""
    if lower in _WORDS:
        return _WORDS[lower]
    try:
        if text.startswith(_TIME):
            return datetime.fromtimestamp(float(text[len(_TIME) :]), timezone.utc)
        if text.startswith(_SPAN):
            return timedelta(seconds=float(text[len(_SPAN) :]))
        if text.startswith(('"', "[", "{")):
            return json.loads(text)
    except (ValueError, OverflowError, OSError, RecursionError):
        pass  # a text that only looks like one of these
    return text


def state_to_text(value: Any) -> str:
    """Numbers of a window state; infinite ones and NaN included.

    >>> state_to_text([1.0, float("inf")])
    '[1.0,Infinity]'
    """
    return json.dumps(value, separators=(",", ":"))


def state_from_text(text: str | bytes) -> Any:
    """What `state_to_text` wrote.

    Raises:
        InvalidArgumentError: if it is damaged.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise InvalidArgumentError(
            f"stored aggregates are damaged: {text[:60]!r}",
            fix="the table was written by something else, or in part; use another one",
        ) from exc
