"""Blobs of rows: a format byte, the event time in 8 bytes, the values as a JSON object.

Format 1: plain JSON. Format 2: JSON with tagged values, objects of one key: `{"$f": "inf"}` floats
that JSON lacks, `{"$b": "..."}` bytes in base64, `{"$t": "..."}` times in ISO 8601, `{"$i": "..."}`
whole numbers beyond 64 bits, `{"$d": [[key, value], ...]}` objects that look like a tag. The event
time is in microseconds since 1970 plus 2**63, big-endian: bytes compare as times do. NaN is null.
The bytes of a format never change: what was stored once stays readable.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from mlrun_like.errors import IntegrityError, InvalidTypeError

__all__ = [
    "HEAD",
    "decode_columns",
    "decode_row",
    "encode_row",
    "json_line",
    "json_plain",
    "json_value",
    "plain_of",
    "row_time",
    "time_bytes",
]

HEAD = 9
"""Bytes before the JSON."""
_OFFSET = 1 << 63
_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
_OPTIONS = (
    orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_NON_STR_KEYS
)


def time_bytes(micros: int) -> bytes:
    """An event time as it stands in blobs.

    >>> time_bytes(0), time_bytes(1) > time_bytes(-1)
    (b'\\x80\\x00\\x00\\x00\\x00\\x00\\x00\\x00', True)
    """
    return (min(max(micros, _LEAST), _MOST) + _OFFSET).to_bytes(8, "big")


def row_time(blob: bytes) -> int:
    """The event time of a blob, in microseconds since 1970."""
    return int.from_bytes(blob[1:HEAD], "big") - _OFFSET


def encode_row(micros: int, values: Mapping[str, Any]) -> bytes:
    """A row as a blob.

    Args:
        micros: Its event time, in microseconds since 1970.
        values: Values by name: None, bool, numbers, texts, bytes, times, lists and dictionaries of
            them, numpy's scalars and arrays.

    Raises:
        InvalidTypeError: if a value has no stored form; the message names the feature.

    >>> decode_row(encode_row(5, {"a": 1, "b": float("inf"), "c": b"x", "d": None}))
    {'a': 1, 'b': inf, 'c': b'x', 'd': None}
    """
    try:
        text = orjson.dumps(values, option=_OPTIONS)
    except TypeError:
        text = b"null"
    if b"null" in text or b'"$' in text:  # a null may be a NaN or an infinity
        return _careful(micros, values)
    return b"\x01" + time_bytes(micros) + text


def _careful(micros: int, values: Mapping[str, Any]) -> bytes:
    plain = {}
    tagged = False
    for name, value in values.items():
        plain[str(name)], marked = plain_of(name, value)
        tagged = tagged or marked
    return (b"\x02" if tagged else b"\x01") + time_bytes(micros) + orjson.dumps(plain)


def plain_of(name: str, value: Any) -> tuple[Any, bool]:
    """A feature's value as JSON's, and whether a tag is in it.

    Raises:
        InvalidTypeError: if it has no stored form; the message names the feature.
    """
    try:
        return _plain(value)
    except (TypeError, ValueError, RecursionError, AttributeError) as exc:
        raise InvalidTypeError(
            f"{value!r:.80} of type {type(value).__name__} cannot be kept online",
            where=f"feature {name!r}",
            fix="use numbers, texts, bytes, times, and lists and dictionaries of them",
        ) from exc


def _plain(value: Any) -> tuple[Any, bool]:
    """A value as JSON's, and whether a tag is in it."""
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value, False
    if kind is float:
        if value != value:
            return None, False
        return (
            ({"$f": "inf" if value > 0 else "-inf"}, True) if math.isinf(value) else (value, False)
        )
    if kind is int:
        return (value, False) if _LEAST <= value <= _MOST else ({"$i": str(value)}, True)
    if isinstance(value, dict):
        return _plain_dict(value)
    if isinstance(value, (list, tuple)):
        items = [_plain(item) for item in value]
        return [item for item, _ in items], any(marked for _, marked in items)
    if isinstance(value, (bytes, bytearray)):
        return {"$b": base64.b64encode(value).decode()}, True
    return _plain_other(value)


def _plain_dict(value: dict[Any, Any]) -> tuple[Any, bool]:
    found = {str(name): _plain(item) for name, item in value.items()}
    plain = {name: item for name, (item, _) in found.items()}
    if len(plain) == 1 and next(iter(plain)).startswith("$"):
        return {"$d": [[name, item] for name, item in plain.items()]}, True
    return plain, any(marked for _, marked in found.values())


def _plain_other(value: Any) -> tuple[Any, bool]:
    if type(value).__name__ in ("NaTType", "NAType"):
        return None, False
    if isinstance(value, (dt.datetime, dt.date)):
        return {"$t": value.isoformat()}, True
    if isinstance(value, (str, bool)):
        return str(value), False
    if isinstance(value, (Decimal, float)):
        return _plain(float(value))
    if isinstance(value, int):
        return _plain(int(value))
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        raise TypeError
    if str(dtype).startswith("datetime64"):
        items = value.astype("datetime64[us]").tolist()
    else:
        items = value.tolist()  # numpy's scalars have it too
    if type(items) is type(value):
        raise TypeError
    return _plain(items)


def decode_columns(blob: bytes, names: Sequence[str]) -> dict[str, Any]:
    """As `decode_row`, where only some columns are wanted: tags of others are left as they are."""
    if blob[:1] != b"\x02":
        return decode_row(blob)
    try:
        found: dict[str, Any] = orjson.loads(blob[HEAD:])
        for name in names:
            value = found.get(name)
            if type(value) is dict or type(value) is list:
                found[name] = _untagged(value)
    except (ValueError, TypeError, KeyError, AttributeError):
        return decode_row(blob)  # which says what is wrong
    return found


def decode_row(blob: bytes) -> dict[str, Any]:
    """The values of a blob.

    Raises:
        IntegrityError: if it is not a blob of a known format.
    """
    try:
        if blob[0] == 1:
            found = orjson.loads(blob[HEAD:])
        elif blob[0] == 2:
            found = json_value(blob[HEAD:])
        else:
            found = None
        if type(found) is dict:
            return found
    except (IndexError, ValueError, TypeError, KeyError, AttributeError):
        found = None
    newer = bool(blob) and blob[0] > 2
    raise IntegrityError(
        f"the stored bytes {blob[:24]!r} are not a row of features",
        fix="they were written by a newer version: update this one"
        if newer
        else "write the row again: ingest the feature set",
    )


_UNTAG: dict[str, Callable[[Any], Any]] = {
    "$f": float,
    "$b": base64.b64decode,
    "$i": int,
    "$t": lambda text: (
        dt.datetime.fromisoformat(text) if "T" in text else dt.date.fromisoformat(text)
    ),
    "$d": lambda pairs: {name: _untagged(item) for name, item in pairs},
}


def _untagged(value: Any) -> Any:
    if type(value) is dict:
        if len(value) == 1:
            ((name, item),) = value.items()
            if name in _UNTAG:
                return _UNTAG[name](item)
        return {name: _untagged(item) for name, item in value.items()}
    return [_untagged(item) for item in value] if type(value) is list else value


def json_line(values: Mapping[str, Any]) -> str:
    """Values as one line of JSON, tagged as in blobs; what has no form becomes text."""
    plain = {}
    for name, value in values.items():
        try:
            plain[name] = _plain(value)[0]
        except (TypeError, ValueError, AttributeError):
            plain[name] = repr(value)
    return orjson.dumps(plain).decode() + "\n"


def json_value(line: str | bytes) -> dict[str, Any]:
    """What `json_line` wrote.

    >>> json_value(json_line({"a": {"b": float("inf")}}))
    {'a': {'b': inf}}
    """
    found: dict[str, Any] = orjson.loads(line)
    for name, value in found.items():
        if type(value) is dict or type(value) is list:
            found[name] = _untagged(value)
    return found


def json_plain(value: Any) -> Any:
    """A value as JSON can have it for other programs: times as text, infinities as null."""
    if isinstance(value, Mapping):
        return {str(name): json_plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_plain(item) for item in value]
    if type(value) is float:
        return value if math.isfinite(value) else None
    if isinstance(value, (dt.datetime, dt.date)):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value
