"""When a served value and an offline value are the same."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import MLRunLikeError
from mlrun_like.feature_store.sources.times import to_micros

__all__ = ["is_missing", "plain", "same", "same_values"]

_TIMES = (dt.date, np.datetime64)
_NUMBERS = (int, float, np.integer, np.floating, np.bool_)


def is_missing(value: Any) -> bool:
    """None, NaN, NaT and NA; infinities and empty texts are values.

    >>> is_missing(float("nan")), is_missing(0), is_missing("")
    (True, False, False)
    """
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, (float, np.floating)) and bool(value != value)


def plain(value: Any) -> Any:
    """A value as Python has it; what is missing as None."""
    if isinstance(value, (np.ndarray, list, tuple)):
        return [plain(one) for one in value]
    if is_missing(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def same(online: Any, offline: Any, tolerance: float) -> bool:
    """Whether two values are one: missing is missing, numbers to a tolerance, times as instants.

    The tolerance is absolute for numbers up to 1, and relative above.

    >>> same(None, float("nan"), 0), same(1, 1.0 + 1e-12, 1e-9), same("1", 1, 1e-9)
    (True, True, False)
    """
    if is_missing(online) or is_missing(offline):
        return is_missing(online) and is_missing(offline)
    if isinstance(online, _NUMBERS) and isinstance(offline, _NUMBERS):
        first, second = float(online), float(offline)
        if first == second or math.isinf(first) or math.isinf(second):
            return first == second
        return bool(abs(first - second) <= tolerance * max(1.0, abs(first), abs(second)))
    if isinstance(online, _TIMES) or isinstance(offline, _TIMES):
        try:
            return to_micros(online) == to_micros(offline)
        except MLRunLikeError:
            return False
    many = (list, tuple, np.ndarray)
    if isinstance(online, many) and isinstance(offline, many):
        return len(online) == len(offline) and all(
            same(a, b, tolerance) for a, b in zip(online, offline, strict=True)
        )
    return bool(online == offline)


def same_values(
    online: Sequence[Any], offline: pd.Series[Any], tolerance: float
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Row by row whether the values of a column are the same."""
    if pd.api.types.is_numeric_dtype(offline.dtype):
        try:
            first = np.array(
                [np.nan if value is None else value for value in online], dtype="float64"
            )
            exact = all(not isinstance(value, str) for value in online)
        except (TypeError, ValueError, OverflowError):
            exact = False
        if exact:
            second = offline.to_numpy(dtype="float64", na_value=np.nan)
            scale = np.maximum(1.0, np.maximum(np.abs(first), np.abs(second)))
            with np.errstate(invalid="ignore"):
                near = np.abs(first - second) <= tolerance * scale
            found: np.ndarray[Any, np.dtype[np.bool_]] = (
                near | (first == second) | (np.isnan(first) & np.isnan(second))
            )
            infinite = np.isinf(first) | np.isinf(second)
            return np.where(infinite, first == second, found)
    pairs = zip(online, offline.tolist(), strict=True)
    return np.fromiter((same(a, b, tolerance) for a, b in pairs), dtype=bool, count=len(offline))
