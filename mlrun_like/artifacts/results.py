"""Results are small JSON values: the casting of `log_result` and the choice of a default form.

Nothing here imports numpy or pandas: their values exist only where somebody imported them.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import pathlib
import sys
import uuid
from collections.abc import Callable, Mapping
from typing import Any, cast

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.types import Json

__all__ = ["MAX_RESULT_SIZE", "PLAIN", "default_type", "is_faithful", "ordered", "to_result"]

PLAIN = frozenset({int, float, str, bool, type(None)})
"""Types that are results as they are."""

MAX_RESULT_SIZE = 256_000
"""Texts and collections of more characters than this become files unless the hint says
otherwise."""

_MAX_DEPTH = 100
_MAX_FILE_SIZE = 16 * MAX_RESULT_SIZE
_MAX_ARRAY = 10_000
_TEXTUAL = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    decimal.Decimal,
    enum.Enum,
    pathlib.PurePath,
    uuid.UUID,
    bytes,
    bytearray,
    complex,
)


def to_result(value: object) -> Json:
    """The value as JSON data, the casting that `log_result` applies.

    Numbers, text, bool and None stay; numpy scalars and small arrays, tuples, sets and mappings
    become Python numbers, lists and dicts; dates become ISO text; anything else its `str()`.
    NaN and infinities stay floats: whoever writes JSON decides how to spell them.

    Raises:
        InvalidArgumentError: if it is nested more than 100 levels deep (or holds itself), or if
            two keys of a mapping have the same text.

    >>> to_result({"scores": (1, 2.5), 3: True})
    {'scores': [1, 2.5], '3': True}
    """
    if type(value) in PLAIN:
        return cast(Json, value)
    return _convert(value, 0)


def _convert(value: Any, depth: int) -> Json:
    kind = type(value)
    if kind in PLAIN:
        return cast(Json, value)
    if depth > _MAX_DEPTH:
        raise InvalidArgumentError(
            f"a result is nested more than {_MAX_DEPTH} levels deep or holds itself",
            fix='log it as an object: returns=["key:object"]',
        )
    if isinstance(value, (list, tuple)):
        return [_convert(item, depth + 1) for item in value]
    if isinstance(value, Mapping):
        return _convert_mapping(value, depth)
    if isinstance(value, (set, frozenset)):
        return [_convert(item, depth + 1) for item in ordered(value)]
    if isinstance(value, bool) or value is None:
        return cast(Json, value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        if isinstance(value, numpy.generic):
            return _from_scalar(numpy, value, depth)
        if isinstance(value, numpy.ndarray) and value.size <= _MAX_ARRAY:
            return _convert(value.tolist(), depth + 1)
    return str(value)


def _convert_mapping(value: Mapping[Any, Any], depth: int) -> dict[str, Json]:
    converted: dict[str, Json] = {}
    for key, item in value.items():
        name = key if type(key) is str else str(_convert(key, depth + 1))
        if name in converted:
            raise InvalidArgumentError(
                f"two keys of a result have the same text {name!r}",
                fix='use text keys or log it as an object: returns=["key:object"]',
            )
        converted[name] = _convert(item, depth + 1)
    return converted


def _from_scalar(numpy: Any, value: Any, depth: int) -> Json:
    if isinstance(value, numpy.floating):
        return float(value)
    if isinstance(value, numpy.datetime64):
        return str(value)
    item = value.item()
    return str(value) if isinstance(item, numpy.generic) else _convert(item, depth + 1)


def ordered(values: Any) -> list[Any]:
    """A set as a list, sorted if it can be, so that logging it twice gives the same text."""
    try:
        return sorted(values)
    except TypeError:
        return list(values)


def default_type(value: object) -> str:
    """How a collection is logged when the hint does not say: `result`, `file` or `object`.

    Small and made of values that `to_result` keeps: a result. Larger but faithful in JSON: a
    file. Anything else (a frame in a list, a list that holds itself): a pickled object.
    """
    meter = _Meter(MAX_RESULT_SIZE)
    if meter.weigh_top(value):
        return "result"
    if meter.convertible and is_faithful(value):
        return "file"
    return "object"


def is_faithful(value: object) -> bool:
    """Whether JSON gives the same value back (apart from the type of the outermost collection)."""
    meter = _Meter(_MAX_FILE_SIZE)
    return meter.weigh_top(value) and meter.faithful


class _Meter:
    """Walks a value until it is too big, too deep or holds something that is not data."""

    def __init__(self, limit: int) -> None:
        self.left = limit
        self.convertible = True
        self.faithful = True

    def weigh_top(self, value: Any) -> bool:
        if isinstance(value, (tuple, set, frozenset)):
            return all(self._weigh(item, 1) for item in value)
        return self._weigh(value, 0)

    def _weigh(self, value: Any, depth: int) -> bool:
        kind = type(value)
        self.left -= len(value) + 2 if kind is str else 8
        if self.left < 0 or depth > _MAX_DEPTH:
            return False
        if kind in PLAIN:
            return True
        if kind is list:
            return self._weigh_all(value, depth)
        if isinstance(value, Mapping):
            self.faithful &= kind is dict and all(type(key) is str for key in value)
            return self._weigh_all(value, depth) and self._weigh_all(value.values(), depth)
        self.faithful = False
        if isinstance(value, (list, tuple, set, frozenset)):
            return self._weigh_all(value, depth)
        if isinstance(value, (bytes, bytearray)):
            self.left -= len(value)
        self.convertible = isinstance(value, (int, float, str, *_TEXTUAL)) or _is_number(value)
        return self.convertible and self.left >= 0

    def _weigh_all(self, values: Any, depth: int) -> bool:
        weigh: Callable[[Any, int], bool] = self._weigh
        return all(weigh(item, depth + 1) for item in values)


def _is_number(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return False
    if isinstance(value, numpy.generic):
        return True
    return isinstance(value, numpy.ndarray) and value.size < 10
