"""Any body as JSON and back, exactly; what JSON has no word for is marked with a tag.

A tag is an object with one key that begins with `$`:

    {"$float": "nan"}      nan, inf, -inf        {"$tuple": [...]}, {"$set": [...]}
    {"$bytes": base64}     also bytearray         {"$dict": [[key, value], ...]}  odd keys
    {"$int": "123..."}     over 64 bits           {"$array": {dtype, shape, data}}, {"$frame": ...}
    {"$time": [kind, ISO text]}                   {"$response": {...}}, {"$event": body}
    {"$opaque": class}     cannot be brought back {"$truncated": bytes}  was too large
"""

from __future__ import annotations

import base64
import datetime
import decimal
import io
import json
import math
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from mlrun_like.errors import InvalidArgumentError, SpecError
from mlrun_like.registry import resolve
from mlrun_like.serving.event import DROP, Event, Response

__all__ = ["dump", "encode", "load", "pack", "truncated", "unpack"]

_HEAVY = "mlrun_like.serving.observe.arrays"
_EXACT = (
    orjson.OPT_PASSTHROUGH_SUBCLASS
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
)
_ATOMS = frozenset({str, bool, type(None)})
_TIMES: Mapping[str, Callable[[str], Any]] = {
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "Decimal": decimal.Decimal,
    "UUID": uuid.UUID,
}


def pack(value: Any) -> Any:
    """`value` as plain JSON data.

    >>> pack({"x": (1, float("nan"))})
    {'x': {'$tuple': [1, {'$float': 'nan'}]}}
    """
    try:
        return _pack(value)
    except RecursionError:
        return {"$opaque": "a value that contains itself or is nested too deeply"}


def _pack(value: Any) -> Any:
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"$float": repr(value)}
    if kind is int:
        return value if -(1 << 63) <= value < 1 << 64 else {"$int": hex(value)}
    if kind is dict:
        if all(type(key) is str and key[:1] != "$" for key in value):
            return {key: _pack(item) for key, item in value.items()}
        return {"$dict": [[_pack(key), _pack(item)] for key, item in value.items()]}
    if kind is list:
        return [_pack(item) for item in value]
    return _pack_rare(value, kind)


def _pack_rare(value: Any, kind: type) -> Any:
    name = kind.__name__
    if kind in (tuple, set, frozenset):
        return {f"${name}": [_pack(item) for item in value]}
    if kind in (bytes, bytearray):
        return {"$bytes": base64.b64encode(value).decode()}
    if kind is io.BytesIO:
        return {"$stream": base64.b64encode(value.getvalue()).decode()}
    if kind is Response:
        parts = (value.body, value.status_code, dict(value.headers), value.content_type)
        return {"$response": [_pack(part) for part in parts]}
    if isinstance(value, Event):
        return {"$event": _pack(value.body)}
    if value is DROP:
        return {"$drop": True}
    if name in _TIMES and kind.__module__ in ("datetime", "decimal", "uuid"):
        text = value.isoformat() if kind.__module__ == "datetime" else str(value)
        return {"$time": [name, text]}
    if kind.__module__.partition(".")[0] in ("numpy", "pandas"):
        packed = resolve(f"{_HEAVY}:pack_array")(value, _pack)
        if packed is not None:
            return packed
    return {"$opaque": f"{kind.__module__}.{kind.__qualname__}"}


def unpack(value: Any) -> Any:
    """The value that `pack` got.

    >>> unpack({"$tuple": [1, {"$bytes": "AA=="}]})
    (1, b'\\x00')

    Raises:
        InvalidArgumentError: if a part of it could not be recorded, or was too large.
        SpecError: if it is nothing that `pack` gives.
    """
    if isinstance(value, list):
        return [unpack(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) != 1 or not next(iter(value)).startswith("$"):
        return {key: unpack(item) for key, item in value.items()}
    ((tag, content),) = value.items()
    if tag == "$opaque":
        raise InvalidArgumentError(
            f"an object of {content} was not recorded: it cannot be written as data",
            fix="replay the whole graph, or a step whose input is plain data",
        )
    if tag == "$truncated":
        raise InvalidArgumentError(
            f"a body of {content} bytes was too large to be recorded",
            fix="record with a larger max_body",
        )
    try:
        return _UNPACK[tag](content)
    except InvalidArgumentError:
        raise
    except (KeyError, ValueError, TypeError, ArithmeticError) as exc:
        raise SpecError(f"{tag!r:.40} in a recording cannot be read: {exc!r:.200}") from exc


def _unpack_time(content: Any) -> Any:
    kind, text = content
    return _TIMES[kind](text)


def _unpack_dict(content: Any) -> Any:
    return {unpack(key): unpack(item) for key, item in content}


_UNPACK: Mapping[str, Callable[[Any], Any]] = {
    "$float": float,
    "$int": lambda text: int(text, 16),
    "$bytes": lambda text: base64.b64decode(text, validate=True),
    "$stream": lambda text: io.BytesIO(base64.b64decode(text, validate=True)),
    "$tuple": lambda items: tuple(unpack(items)),
    "$set": lambda items: set(unpack(items)),
    "$frozenset": lambda items: frozenset(unpack(items)),
    "$dict": _unpack_dict,
    "$time": _unpack_time,
    "$response": lambda parts: Response(*unpack(parts)),
    "$event": lambda body: Event(unpack(body)),
    "$drop": lambda _: DROP,
    "$array": lambda content: resolve(f"{_HEAVY}:unpack_array")(content, unpack),
    "$scalar": lambda content: resolve(f"{_HEAVY}:unpack_array")(content, unpack)[()],
    "$frame": lambda content: resolve(f"{_HEAVY}:unpack_frame")(content),
}


def truncated(size: int) -> dict[str, int]:
    """What stands for a body of so many bytes that was too large."""
    return {"$truncated": size}


def dump(value: Any) -> bytes:
    """Packed data as one line of JSON."""
    try:
        return orjson.dumps(value)
    except TypeError:  # text that is not Unicode, or very deep: another library can
        return json.dumps(value, separators=(",", ":"), default=_fragment).encode()


def _fragment(value: Any) -> Any:
    if isinstance(value, orjson.Fragment):
        contents = value.contents
        return load(contents if isinstance(contents, bytes) else contents.encode())
    raise TypeError(f"{type(value).__name__} is not JSON")


def encode(value: Any) -> bytes:
    """`dump(pack(value))`, ten times faster for what JSON can carry.

    >>> encode({"x": [1, None]}), encode((1,))
    (b'{"x":[1,null]}', b'{"$tuple":[1]}')
    """
    try:
        line = orjson.dumps(value, None, _EXACT)
    except TypeError:
        return dump(pack(value))
    # What JSON made something else of (nan, tuples, ...) is not equal after reading it back.
    if b'"$' not in line and orjson.loads(line) == value:
        return line
    return dump(pack(value))


def load(line: bytes) -> Any:
    """What `dump` wrote.

    Raises:
        ValueError: if it is not JSON.
    """
    try:
        return orjson.loads(line)
    except ValueError:
        try:
            return json.loads(line)
        except RecursionError as exc:
            raise ValueError("nested too deeply") from exc
