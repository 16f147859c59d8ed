"""JSON to and from bytes.

Strict in both directions, so that a faster library can replace the standard one unnoticed: `NaN`
and `Infinity` are refused when reading and become null when writing. Values with `tolist` (numpy
arrays and scalars, pandas series) are written as lists or numbers.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from mlrun_like.errors import InvalidArgumentError

__all__ = ["decode", "encode"]


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_decoder = json.JSONDecoder(parse_constant=_constant)


def decode(data: bytes | str) -> Any:
    """The value in `data`.

    >>> decode(b'{"inputs": [1]}')
    {'inputs': [1]}

    Raises:
        InvalidArgumentError: if it is not JSON in UTF-8.
    """
    try:
        return _decoder.decode(data if isinstance(data, str) else data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as exc:
        reason = "nested too deeply" if isinstance(exc, RecursionError) else str(exc)
        raise InvalidArgumentError(
            f"the body is not valid JSON: {reason}",
            fix="send JSON in UTF-8, or name another type in the Content-Type header",
        ) from exc


def _plain(value: Any) -> Any:
    tolist = getattr(value, "tolist", None)
    if tolist is not None:
        return tolist()
    if isinstance(value, (set, frozenset)):
        return list(value)
    isoformat = getattr(value, "isoformat", None)
    if isoformat is not None:
        return isoformat()
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if value is None or isinstance(value, (str, int)):
        return value
    return _finite(_plain(value))


_encoder = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
)


def encode(value: Any) -> bytes:
    """`value` as compact JSON.

    >>> encode({"outputs": [1.5, float("nan")]})
    b'{"outputs":[1.5,null]}'

    Raises:
        TypeError: if it holds something JSON cannot carry, or contains itself.
    """
    try:
        try:
            return _encoder.encode(value).encode("utf-8", "replace")
        except ValueError:  # a number that is not finite: the slow way, only when there is one
            return _encoder.encode(_finite(value)).encode("utf-8", "replace")
    except RecursionError as exc:
        raise TypeError("the value contains itself or is nested too deeply for JSON") from exc
