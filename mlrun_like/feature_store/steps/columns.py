"""Columns of frames as Python values and back: None is missing, integers stay integers."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd

__all__ = [
    "column_of",
    "columns_of",
    "frame_of",
    "is_missing",
    "mapped",
    "values_of",
    "with_columns",
]

_EXACT = 2**53
"""Integers up to here are exact as floats."""
_NONE = type(None)
_NOT_THERE = (type(pd.NaT), type(pd.NA))
_NUMBERS = frozenset({int, float})


def is_missing(value: Any) -> bool:
    """Whether a value says that there is none: None, NaN, NaT or NA.

    >>> is_missing(None), is_missing(float("nan")), is_missing(""), is_missing([None])
    (True, True, False, False)
    """
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # NA has no truth, nor has an array
        return value is pd.NA


def values_of(series: pd.Series[Any]) -> list[Any]:
    """The values of a column as Python's own: None where one is missing, times as Timestamps.

    >>> values_of(pd.Series([1.5, None]))
    [1.5, None]
    """
    dtype = series.dtype
    if isinstance(dtype, np.dtype):
        array = series.to_numpy()
        if dtype.kind in "biu":
            whole: list[Any] = array.tolist()
            return whole
        values = array.tolist() if dtype.kind == "f" else series.tolist()
        missing = np.isnan(array) if dtype.kind == "f" else series.isna().to_numpy()
    else:
        values = series.astype(object).tolist()
        missing = series.isna().to_numpy()
    if missing.any():
        for place in missing.nonzero()[0].tolist():
            values[place] = None
    return values


def column_of(values: Sequence[Any], like: Any = None) -> pd.Series[Any]:
    """A column of values: the narrowest kind that holds them all as they are.

    Integers with gaps become `Int64`, truths with gaps `boolean`, texts `str`, other mixtures
    `object`.

    Args:
        values: Python values; None, NaN, NaT and NA are missing.
        like: A dtype that is taken if it is of the same kind and changes nothing, and when all
            values are missing.

    >>> column_of([1, None]).tolist(), str(column_of([1, None]).dtype)
    ([1, <NA>], 'Int64')
    """
    kinds = set(map(type, values))
    if any(issubclass(kind, np.generic) for kind in kinds):
        values = [_plain(value) if isinstance(value, np.generic) else value for value in values]
        kinds = set(map(type, values))
    if not kinds.isdisjoint(_NOT_THERE) or (float in kinds and len(kinds) > 1):
        values = [None if is_missing(value) else value for value in values]
        kinds = set(map(type, values))
    gaps = _NONE in kinds
    kinds.discard(_NONE)
    if not kinds:
        return _nothing(len(values), like)
    if kinds == {bool}:
        return _masked(values, gaps, np.bool_, like)
    if kinds == {int}:
        return _integers(values, gaps, like)
    if kinds <= _NUMBERS:
        return _floats(values, like)
    if kinds == {str}:
        return _texts(values, like)
    if all(issubclass(kind, datetime.datetime) for kind in kinds):
        return _times(values, like)
    return pd.Series(list(values), dtype=object)


def frame_of(
    rows: Sequence[Mapping[Any, Any]], like: Mapping[Any, Any] | None = None
) -> pd.DataFrame:
    """Rows as a frame; a column that a row does not have is missing there.

    Args:
        rows: Bodies of events. Columns are in the order in which rows first have them.
        like: Dtypes by column, see `column_of`; without rows, the columns of the frame.

    >>> frame_of([{"a": 1}, {"a": 2, "b": "x"}]).columns.tolist()
    ['a', 'b']
    """
    like = like or {}
    if not rows:
        return pd.DataFrame({name: _nothing(0, dtype) for name, dtype in like.items()})
    columns = columns_of(rows)
    made = {name: column_of(values, like.get(name)) for name, values in columns.items()}
    return pd.DataFrame(made, index=pd.RangeIndex(len(rows)))


def columns_of(rows: Sequence[Mapping[Any, Any]]) -> dict[Any, list[Any]]:
    """The values of rows by column."""
    first = rows[0]
    try:
        if sum(map(len, rows)) == len(first) * len(rows):  # else some row has other columns
            return {name: list(map(itemgetter(name), rows)) for name in first}
    except KeyError:
        pass
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


# Kinds of columns ---------------------------------------------------------------------------


def _nothing(count: int, like: Any) -> pd.Series[Any]:
    """A column without a value, of the kind that `like` is."""
    if like is None:
        return pd.Series([None] * count, dtype=object)
    if isinstance(like, np.dtype) and count:
        if like.kind in "iu":
            return pd.Series(pd.array([None] * count, dtype="Int64"))
        if like.kind == "b":
            return pd.Series(pd.array([None] * count, dtype="boolean"))
    if isinstance(like, np.dtype) and like.kind == "O":
        return pd.Series([None] * count, dtype=object)
    return pd.Series([None] * count, dtype=like)


def _masked(values: Sequence[Any], gaps: bool, kind: Any, like: Any) -> pd.Series[Any]:
    nullable = _nullable(like, kind)
    if not gaps and nullable is None:
        return pd.Series(np.array(values, dtype=kind))
    mask = np.fromiter((value is None for value in values), np.bool_, len(values))
    filled = np.array([kind() if value is None else value for value in values], dtype=kind)
    array: Any = (
        pd.arrays.BooleanArray(filled, mask)
        if kind is np.bool_
        else pd.arrays.IntegerArray(filled, mask)
    )
    return pd.Series(array)


def _nullable(like: Any, kind: Any) -> Any:
    """`like`, if it is a dtype of pandas that has gaps and holds this kind."""
    wanted = pd.BooleanDtype if kind is np.bool_ else pd.Int64Dtype
    return like if isinstance(like, wanted) else None


def _integers(values: Sequence[Any], gaps: bool, like: Any) -> pd.Series[Any]:
    try:
        made = _masked(values, gaps, np.int64, like)
    except OverflowError:
        if gaps:
            return pd.Series(list(values), dtype=object)
        try:
            made = pd.Series(np.array(values, dtype=np.uint64))
        except OverflowError:
            return pd.Series(list(values), dtype=object)
    kind = getattr(like, "kind", "")
    if kind in ("i", "u") and like != made.dtype and not (gaps and isinstance(like, np.dtype)):
        limits = np.iinfo(getattr(like, "numpy_dtype", like))
        if limits.min <= made.min() and made.max() <= limits.max:
            return made.astype(like)
    return made


def _floats(values: Sequence[Any], like: Any) -> pd.Series[Any]:
    if any(type(value) is int and abs(value) > _EXACT for value in values):
        return pd.Series(list(values), dtype=object)
    made = pd.Series(np.array(values, dtype=np.float64))
    if isinstance(like, np.dtype) and like.kind == "f" and like.itemsize < 8:
        with np.errstate(over="ignore"):  # what does not fit is found by comparing
            narrow = made.astype(like)
        if bool(((narrow.astype(np.float64) == made) | made.isna()).all()):
            return narrow
    elif getattr(like, "kind", "") == "f" and not isinstance(like, np.dtype):
        return made.astype(like)
    return made


def _texts(values: Sequence[Any], like: Any) -> pd.Series[Any]:
    if like == np.dtype(object):
        return pd.Series(list(values), dtype=object)
    if isinstance(like, pd.CategoricalDtype):
        known = set(like.categories)
        if all(value is None or value in known for value in values):
            return pd.Series(list(values), dtype=like)
    made: pd.Series[Any]
    try:
        made = pd.Series(list(values))
    except (UnicodeError, ValueError):  # half a surrogate pair is no text to Arrow
        made = pd.Series(list(values), dtype=object)
    if isinstance(like, pd.StringDtype):
        return made.astype(like)
    return made


def _times(values: Sequence[Any], like: Any) -> pd.Series[Any]:
    made: pd.Series[Any]
    try:
        made = pd.Series(pd.DatetimeIndex(list(values)))
    except (ValueError, TypeError, OverflowError):  # several zones, or before the year 1677
        return pd.Series(list(values), dtype=object)
    unit: Any = None
    if _is_time(like):
        unit = getattr(like, "unit", None) or np.datetime_data(like)[0]
    if unit is not None and unit != getattr(made.dt, "unit", unit):
        cast = made.dt.as_unit(unit)
        if bool(((cast == made) | made.isna()).all()):
            return cast
    return made


def _is_time(like: Any) -> bool:
    return isinstance(like, pd.DatetimeTZDtype) or (isinstance(like, np.dtype) and like.kind == "M")


def _plain(value: np.generic) -> Any:
    """A value of numpy as Python's."""
    if isinstance(value, (np.datetime64, np.timedelta64)):
        made: Any = pd.Timestamp(value) if isinstance(value, np.datetime64) else pd.Timedelta(value)
        return None if made is pd.NaT else made
    return value.item()


def with_columns(frame: pd.DataFrame, columns: Mapping[str, pd.Series[Any]]) -> pd.DataFrame:
    """The frame with these columns; the one that was given stays as it is.

    >>> with_columns(pd.DataFrame({"a": [1]}), {"b": pd.Series([2])}).columns.tolist()
    ['a', 'b']
    """
    made = frame.copy(deep=False)
    for name, series in columns.items():
        made[name] = series.array
    return made


def mapped(series: pd.Series[Any], function: Callable[[Any], Any]) -> pd.Series[Any]:
    """A column of what a function gives for each value; it gets None for a missing one.

    >>> mapped(pd.Series([1, 2]), lambda value: value * 2).tolist()
    [2, 4]
    """
    return column_of(list(map(function, values_of(series))))
