"""Keys of rows: `v1:<project>/<set>:<entity values>`, one form for each value whatever its type.

Version 1. Values are texts in UTF-8 (lone surrogates as they are), joined by `|`; in each value
`\\` is written `\\\\` and `|` is written `\\p`. Numbers of integer entities are digits, also when
they come as 1.0 or "1"; floats are Python's repr, whole ones below 2**53 digits; bool is `true` or
`false`; times are microseconds since 1970 in UTC. Windows of the same entity have `w1:` instead of
`v1:`. The bytes of a version never change: what was stored once stays readable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, timezone
from typing import Any

from mlrun_like.errors import InvalidTypeError

__all__ = ["STATES", "VERSION", "KeyBuilder", "key_builder", "prefix_of", "text_of"]

VERSION = b"v1:"
STATES = b"w1:"
KeyBuilder = Callable[[Sequence[Any]], bytes | None]
"""From the values of the entities to a key; None: one of them is missing."""

_EXACT = 2**53
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TRUE, _FALSE = ("true", "1", "1.0"), ("false", "0", "0.0")


def prefix_of(namespace: str, version: bytes = VERSION) -> bytes:
    """What all keys of a feature set start with.

    >>> prefix_of("fraud/users")
    b'v1:fraud/users:'
    """
    return version + namespace.encode("utf-8", "surrogatepass") + b":"


def key_builder(
    namespace: str, types: Sequence[str | None], version: bytes = VERSION
) -> KeyBuilder:
    """What makes keys of one feature set.

    Args:
        namespace: `<project>/<set>`.
        types: The value types of its entities, in their order; None or empty: unknown.
        version: `VERSION` for rows, `STATES` for windows.

    >>> key_builder("p/users", ["str", "int64"], version=VERSION)(["a|b", 1.0])
    b'v1:p/users:a\\\\pb|1'
    """
    prefix = prefix_of(namespace, version)
    if len(types) == 1:
        return _single(prefix, types[0] or "")
    kinds = tuple(kind or "" for kind in types)

    def build(values: Sequence[Any]) -> bytes | None:
        parts = []
        for value, kind in zip(values, kinds, strict=True):
            text = text_of(value, kind)
            if text is None:
                return None
            parts.append(_escaped(text))
        return prefix + b"|".join(parts)

    return build


def _single(prefix: bytes, kind: str) -> KeyBuilder:
    texts, digits = kind in ("", "str"), kind == "" or "int" in kind
    number = prefix + b"%d"

    def build(values: Sequence[Any]) -> bytes | None:
        (value,) = values
        if digits and type(value) is int:
            return number % value
        if texts and type(value) is str:
            if "|" not in value and "\\" not in value:
                return prefix + value.encode("utf-8", "surrogatepass")
            return prefix + _escaped(value)
        text = text_of(value, kind)
        return None if text is None else prefix + _escaped(text)

    number = number if b"%" not in prefix else prefix.replace(b"%", b"%%") + b"%d"
    return build


def _escaped(text: str) -> bytes:
    if "\\" in text:
        text = text.replace("\\", "\\\\")
    if "|" in text:
        text = text.replace("|", "\\p")
    return text.encode("utf-8", "surrogatepass")


def text_of(value: Any, kind: str = "") -> str | None:
    """How a value of a type is written in keys; None if it is missing (None, NaN, NaT).

    Raises:
        InvalidTypeError: if the value cannot be of that type.

    >>> text_of(1.0, "int64"), text_of("7", "int64"), text_of(1, "float"), text_of(0, "bool")
    ('1', '7', '1', 'false')
    """
    if value is None or value is _missing(value):
        return None
    item = getattr(value, "item", None)
    if item is not None and getattr(value, "ndim", 1) == 0 and not hasattr(value, "astimezone"):
        if str(getattr(value, "dtype", "")).startswith("datetime64"):
            return str(int(value.astype("datetime64[us]").astype("int64")))
        value = item()
    try:
        return _TEXTS.get(_family(kind), _any)(value)
    except (TypeError, ValueError, OverflowError, AttributeError) as exc:
        raise InvalidTypeError(
            f"{value!r:.80} is not a value of an entity of type {kind or 'any'}",
            fix="send what the feature set declares, or declare another value_type of the entity",
        ) from exc


def _missing(value: Any) -> Any:
    """The value itself if it is a NaN, a NaT or pandas' NA, else something else."""
    if isinstance(value, (str, bytes, int)):
        return None
    try:
        return None if bool(value == value) else value
    except (TypeError, ValueError):
        return value if type(value).__name__ == "NAType" else None


def _family(kind: str) -> str:
    if "int" in kind and not kind.startswith("List"):
        return "int"
    return "float" if "float" in kind and not kind.startswith("List") else kind


def _int(value: Any) -> str:
    if isinstance(value, (int, str)):
        return str(int(value))
    number = int(value)
    if number != value:
        raise ValueError
    return str(number)


def _float(value: Any) -> str:
    number = float(value)
    whole = math.isfinite(number) and number == int(number) and abs(number) < _EXACT
    return str(int(number)) if whole else repr(number)


def _bool(value: Any) -> str:
    text = str(value).lower()
    if text in _TRUE:
        return "true"
    if text in _FALSE:
        return "false"
    raise ValueError


def _time(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(int(value))  # microseconds already
    if isinstance(value, str):
        value = datetime.fromisoformat(value.replace("Z", "+00:00"))
    if not isinstance(value, datetime):
        if not isinstance(value, date):
            raise TypeError
        value = datetime(value.year, value.month, value.day)
    if value.tzinfo is None:
        value = value.replace(tzinfo=timezone.utc)
    span = value - _EPOCH
    return str((span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds)


def _bytes(value: Any) -> str:
    if isinstance(value, str):
        return value
    return bytes(value).decode("latin-1")


def _str(value: Any) -> str:
    return value if isinstance(value, str) else _any(value)


def _any(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, (bytes, bytearray)):
        return _bytes(value)
    return _time(value) if isinstance(value, date) else str(value)


_TEXTS: dict[str, Callable[[Any], str]] = {
    "int": _int,
    "float": _float,
    "bool": _bool,
    "datetime": _time,
    "bytes": _bytes,
    "str": _str,
}
