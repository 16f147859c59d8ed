"""Columns of any make as plain arrays: what kind they are, their numbers, their texts counted."""

from __future__ import annotations

import datetime
import decimal
import hashlib
import numbers
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "BOOL",
    "CATEGORY",
    "DATETIME",
    "NUMBER",
    "TEXT",
    "columns_of",
    "count_texts",
    "kind_of",
    "numbers_of",
    "plain",
    "short",
    "unique_names",
]

NUMBER, DATETIME, BOOL, CATEGORY, TEXT = "number", "datetime", "bool", "category", "text"
_LOOKED = 10_000
_LONG = 120
_Floats = np.ndarray[Any, np.dtype[np.float64]]


def plain(values: Any) -> Any:
    """A NumPy array or pandas Series of what is given: list, Series, Arrow array."""
    if isinstance(values, (pa.ChunkedArray, pa.Array)):
        if pa.types.is_floating(values.type) or pa.types.is_integer(values.type):
            return values.to_numpy() if not values.null_count else _with_nulls(values)
        return values.to_pandas()
    if isinstance(values, np.ndarray):
        return values.ravel() if values.dtype.kind != "O" else pd.Series(values.ravel(), copy=False)
    if isinstance(values, pd.Series):
        return values.to_numpy() if values.dtype.kind in "fiub" and _numpy(values) else values
    given = list(values)
    try:
        return pd.Series(given)
    except (TypeError, ValueError, OverflowError):
        return pd.Series(given, dtype=object)


def _numpy(values: pd.Series[Any]) -> bool:
    return isinstance(values.dtype, np.dtype)


def _with_nulls(values: Any) -> Any:
    return np.asarray(values.to_pandas(), dtype=np.float64)


def kind_of(values: Any) -> str:
    """`number`, `datetime`, `bool` or `category`; an empty text if nothing but missing is there.

    >>> kind_of(pd.Series([1.5, None])), kind_of(pd.Series(["a"])), kind_of(pd.Series([None]))
    ('number', 'category', '')
    """
    dtype = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "fiu":
        # missing values of a column without any other become NaN
        if dtype.kind == "f" and len(values) and np.isnan(np.asarray(values)).all():
            return ""
        return NUMBER if len(values) else ""
    if pd.api.types.is_bool_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype):
        return BOOL
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return DATETIME
    if pd.api.types.is_timedelta64_dtype(dtype):
        return NUMBER
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        return NUMBER if pd.Series(values).notna().any() else ""
    if not pd.api.types.is_object_dtype(dtype):
        return CATEGORY if pd.Series(values).notna().any() else ""
    return _kind_of_objects(pd.Series(values).dropna().iloc[:_LOOKED].tolist())


def _kind_of_objects(some: list[Any]) -> str:
    kinds = {type(value) for value in some}
    if not kinds:
        return ""
    if all(issubclass(kind, (bool, np.bool_)) for kind in kinds):
        return BOOL
    if any(issubclass(kind, (bool, np.bool_)) for kind in kinds):
        return CATEGORY
    if all(issubclass(kind, (numbers.Real, decimal.Decimal)) for kind in kinds):
        return NUMBER
    moments = (datetime.date, np.datetime64)
    return DATETIME if all(issubclass(kind, moments) for kind in kinds) else CATEGORY


def numbers_of(values: Any, kind: str = NUMBER) -> tuple[_Floats, int]:
    """A column as floats, and how many of its values are of another type.

    Args:
        values: See `plain`.
        kind: `number`, or `datetime`: seconds since 1970, UTC. What is missing becomes NaN.
    """
    dtype = values.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "fiub":
        return np.asarray(values, dtype=np.float64), 0
    if pd.api.types.is_timedelta64_dtype(dtype):
        series = pd.Series(values)
        return np.asarray(series.dt.total_seconds(), dtype=np.float64), 0
    series = pd.Series(values)
    missing = int(series.isna().sum())
    if kind == DATETIME:
        moments = pd.to_datetime(series, utc=True, errors="coerce", format="mixed")
        whole = moments.to_numpy(dtype="datetime64[ns]").view(np.int64)
        found = np.where(moments.isna().to_numpy(), np.nan, whole / 1e9)
    else:
        try:
            found = series.to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError, OverflowError):
            found = np.array([_number(value) for value in series.tolist()], dtype=np.float64)
    return found, max(0, int(np.isnan(found).sum()) - missing)


def _number(value: Any) -> float:
    if isinstance(value, (numbers.Real, decimal.Decimal, np.number, np.bool_)):
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")  # type: ignore[operator]
        except ValueError:  # a signalling NaN
            return float("nan")
    return float("nan")


def count_texts(values: Any) -> tuple[dict[str, int], int]:
    """How often each value is there, by its text, and how many are missing.

    >>> count_texts(pd.Series(["a", None, "a", 1], dtype=object))
    ({'a': 2, '1': 1}, 1)
    """
    if isinstance(values, np.ndarray):
        values = pd.Series(values)
    held = values[values.notna()] if values.hasnans else values
    missing = len(values) - len(held)
    if isinstance(held.dtype, pd.CategoricalDtype):
        counted = held.value_counts(sort=False)
        pairs = zip(counted.index.tolist(), counted.tolist(), strict=True)
        return _added((short(str(k)), n) for k, n in pairs if n), missing
    if not pd.api.types.is_object_dtype(held.dtype) and len(held) > _LOOKED:
        counted = held.value_counts(sort=False)
        pairs = zip(counted.index.tolist(), counted.tolist(), strict=True)
        return _added((short(str(k)), n) for k, n in pairs), missing
    given = held.tolist()
    try:
        found = Counter(given)
        same = len({type(value) for value in found}) <= 1
    except TypeError:  # lists and dicts
        same = False
    if not same:  # 1, True and "1" are not one value for Counter, or wrongly one
        found = Counter(map(str, given))
    return _added((short(str(key)), number) for key, number in found.items()), missing


def _added(pairs: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for key, number in pairs:
        found[key] = found.get(key, 0) + number
    return found


def short(text: str) -> str:
    """A long text by its start and its digest, so that memory stays bounded."""
    if len(text) <= _LONG:
        return text
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{text[:_LONG]}…{digest}"


def unique_names(names: Any) -> list[str]:
    """Names as texts; of equal ones the later get `.1`, `.2`, as pandas reads files.

    >>> unique_names(["x", "x", 3])
    ['x', 'x.1', '3']
    """
    found: dict[str, None] = {}
    for name in names:
        text, at = str(name), 0
        while text in found:
            at += 1
            text = f"{name}.{at}"
        found[text] = None
    return list(found)


def columns_of(data: Any, names: list[str]) -> tuple[Mapping[str, Any], int]:
    """The columns of a chunk of rows, and how many rows there are.

    Args:
        data: A DataFrame, an Arrow table or batch, a mapping of columns, or a 2-D array.
        names: The names of an array's columns.

    Raises:
        InvalidArgumentError: if it is nothing of these, or its columns do not fit.
    """
    if isinstance(data, pd.DataFrame):
        rows = len(data)
        if all(isinstance(dtype, np.dtype) and dtype.kind == "f" for dtype in data.dtypes):
            block = data.to_numpy().T
            return dict(zip(unique_names(data.columns), block, strict=True)), rows
        series = [data.iloc[:, at] for at in range(data.shape[1])]
        return dict(zip(unique_names(data.columns), series, strict=True)), rows
    if isinstance(data, (pa.Table, pa.RecordBatch)):
        return dict(zip(unique_names(data.schema.names), data.columns, strict=True)), len(data)
    if isinstance(data, np.ndarray) and data.ndim == 2:
        if data.shape[1] != len(names):
            raise InvalidArgumentError(
                f"an array of {data.shape[1]} columns does not fit {len(names)} names\n"
                "fix: give one column for each name, in their order"
            )
        return dict(zip(names, data.T, strict=True)), len(data)
    if isinstance(data, Mapping):
        lengths = {len(values) for values in data.values()}
        if len(lengths) > 1:
            raise InvalidArgumentError(
                f"columns of different lengths: {sorted(lengths)}\nfix: give one value per row"
            )
        return {str(name): values for name, values in data.items()}, max(lengths, default=0)
    raise InvalidArgumentError(
        f"rows cannot be read from {type(data).__name__}\n"
        "fix: give a DataFrame, an Arrow table, a mapping of columns or an array"
    )
