"""What a value is and whether it fits a type: for one value, and for a column in the same way."""

from __future__ import annotations

import datetime
import decimal
import math
from typing import Any

from mlrun_like.feature_store.definitions.missing import is_missing
from mlrun_like.feature_store.definitions.value_types import is_list
from mlrun_like.registry import require

__all__ = ["as_time", "fits_type", "type_mask", "unboxed"]

_RANGES = {
    f"{sign}int{bits}": (0, 2**bits - 1) if sign else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for sign in ("", "u")
    for bits in (8, 16, 32, 64, 128)
}
_FLOATS = ("float16", "bfloat16", "float32", "float")
_LIST_ITEMS = {"string": "str", "int": "int64"}


def unboxed(value: Any) -> Any:
    """A numpy scalar as Python's own value; times stay what they are where Python loses digits."""
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        if getattr(value.dtype, "kind", "") == "M":
            return value.astype("datetime64[us]").item()
        return value.item()
    return value


def as_time(value: Any) -> datetime.datetime | None:
    """A time with its zone (naive is UTC), from a time, a date or ISO text; None: it is none.

    >>> as_time("2024-01-02T03:04:05Z") == as_time(datetime.datetime(2024, 1, 2, 3, 4, 5))
    True
    """
    if isinstance(value, str):
        text = value.strip()
        text = f"{text[:-1]}+00:00" if text[-1:] in ("Z", "z") else text
        try:
            value = datetime.datetime.fromisoformat(text)
        except ValueError:
            return None
    if isinstance(value, datetime.datetime):
        return value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day, tzinfo=datetime.timezone.utc)
    return None


def fits_type(value_type: str, value: Any) -> bool:
    """Whether a value that is not missing is of a type; what has no check always fits.

    Whole floats are integers too: a column of integers with a gap is a column of floats.

    >>> fits_type("int8", 127), fits_type("int8", 128), fits_type("int64", 3.0)
    (True, False, True)
    """
    if is_list(value_type):
        item = value_type[5:-1]
        return _is_sequence(value) and all(
            is_missing(held) or fits_type(_LIST_ITEMS.get(item, item), held) for held in value
        )
    value = unboxed(value)
    if value_type == "bool":
        return isinstance(value, bool)
    if value_type == "str":
        return isinstance(value, str)
    if value_type == "bytes":
        return isinstance(value, (bytes, bytearray, memoryview))
    if value_type == "datetime":
        return isinstance(value, (datetime.datetime, datetime.date))
    if value_type == "Tuple":
        return _is_sequence(value)
    if value_type in _FLOATS:
        return isinstance(value, (int, float, decimal.Decimal)) and not isinstance(value, bool)
    if value_type in _RANGES:
        if isinstance(value, bool) or not isinstance(value, (int, float, decimal.Decimal)):
            return False
        low, high = _RANGES[value_type]
        return math.isfinite(value) and value == int(value) and low <= int(value) <= high
    return True


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or getattr(value, "ndim", 0) > 0


def type_mask(value_type: str, values: Any) -> Any:
    """Which values of a numpy array without gaps do not fit a type; as `fits_type` decides.

    Args:
        value_type: The type.
        values: The array; None is given back if it must be looked at value by value.
    """
    kind = values.dtype.kind
    if kind not in "iufbM" or is_list(value_type):
        return None
    if value_type in _FLOATS:
        fits = kind in "iuf"
    elif value_type == "bool":
        fits = kind == "b"
    elif value_type == "datetime":
        fits = kind == "M"
    elif value_type in ("str", "bytes", "Tuple"):
        fits = False
    elif value_type in _RANGES:
        return _range_mask(value_type, values)
    else:
        fits = True
    return values != values if fits else values == values


def _range_mask(value_type: str, values: Any) -> Any:
    low, high = _RANGES[value_type]
    kind = values.dtype.kind
    if kind not in "iuf":
        return values == values
    if kind == "f":
        numpy = require("numpy", feature="checks of columns")
        wide = values.astype("float64")
        # the limit itself may be no float: 2**63 - 1 is not, 2**63 is
        return ~((wide == numpy.trunc(wide)) & (wide >= float(low)) & (wide < float(high + 1)))
    bad = values != values
    bits = values.dtype.itemsize * 8
    top = 2**bits - 1 if kind == "u" else 2 ** (bits - 1) - 1
    if high < top:
        bad |= values > high
    if kind == "i" and low > -(2 ** (bits - 1)):
        bad |= values < low
    return bad
