"""Columns of a table as conditions: values, quantile bins, missing; what slices are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from pandas.api import types

from mlrun_like.errors import InvalidArgumentError, nearest

__all__ = ["Coded", "Condition", "column_of", "encode"]

_FEW = 8
_SHOWN = 60


@dataclass(frozen=True)
class Condition:
    """A condition of one column.

    Args:
        column: Its name.
        kind: `is` a value, `between` two numbers or times, `missing`, or `other` values.
        value: The value; of `other` the values that are not meant.
        low: At least this; None: no lower end.
        high: Below this; None: no upper end.

    >>> str(Condition("age", "between", low=20, high=35))
    '20 <= age < 35'
    """

    column: Any
    kind: str
    value: Any = None
    low: Any = None
    high: Any = None

    def __str__(self) -> str:
        name = str(self.column)
        if self.kind == "is":
            return f"{name} = {_text(self.value)}"
        if self.kind == "between":
            if self.low is None:
                return f"{name} < {_text(self.high)}"
            if self.high is None:
                return f"{name} >= {_text(self.low)}"
            return f"{_text(self.low)} <= {name} < {_text(self.high)}"
        return f"{name} is {'missing' if self.kind == 'missing' else 'any other value'}"

    def rows(self, frame: pd.DataFrame) -> Any:
        """Which rows of a table fulfil it, as an array of bools.

        Raises:
            InvalidArgumentError: if the table has no such column.

        >>> Condition("x", "between", low=2).rows(pd.DataFrame({"x": [1, 2, None]})).tolist()
        [False, True, False]
        """
        series = column_of(frame, self.column)
        if self.kind == "missing":
            return series.isna().to_numpy()
        if self.kind == "between":
            values = _ordered(series)
            found = ~pd.isna(values)
            with np.errstate(invalid="ignore"):
                if self.low is not None:
                    found &= values >= _raw(self.low)
                if self.high is not None:
                    found &= values < _raw(self.high)
            return found
        series = _hashable(series)
        if self.kind == "is":
            return (series == self.value).fillna(False).to_numpy(dtype=bool)
        return (~series.isin(list(self.value)) & series.notna()).to_numpy(dtype=bool)


@dataclass(frozen=True)
class Coded:
    """A column as numbers: row i fulfils `conditions[codes[i]]`."""

    column: Any
    codes: Any
    conditions: tuple[Condition, ...]


def column_of(frame: pd.DataFrame, name: Any) -> pd.Series[Any]:
    """A column that is there once.

    Raises:
        InvalidArgumentError: if it is not.
    """
    try:
        known = name in frame.columns
    except TypeError:
        known = False
    if not known:
        raise InvalidArgumentError(
            f"the table has no column {name!r:.60}.{nearest(str(name), map(str, frame.columns))}",
            fix=f"columns: {', '.join(map(str, list(frame.columns)[:20]))}",
        )
    found: Any = frame[name]
    if isinstance(found, pd.DataFrame):
        raise InvalidArgumentError(
            f"the table has {found.shape[1]} columns {name!r:.60}", fix="give each column one name"
        )
    return cast("pd.Series[Any]", found)


def encode(
    frame: pd.DataFrame, columns: Iterable[Any], *, bins: int = 4, values: int = 20
) -> list[Coded]:
    """Columns as conditions.

    Numbers and times are cut at quantiles, unless there are few different ones; of other columns
    the most frequent values are conditions, and all others together are one.

    Args:
        frame: The table.
        columns: Which ones.
        bins: Of a column of numbers or times.
        values: Most values of other columns.

    Raises:
        InvalidArgumentError: if a column is not there, or a number is out of range.

    >>> (coded,) = encode(pd.DataFrame({"x": ["a", "b", None]}), ["x"])
    >>> [str(one) for one in coded.conditions]
    ['x = a', 'x = b', 'x is missing']
    """
    for name, number in (("bins", bins), ("values", values)):
        if isinstance(number, bool) or not isinstance(number, int) or not 2 <= number <= 1000:
            raise InvalidArgumentError(f"{name} {number!r} must be from 2 to 1000")
    return [_encoded(frame, name, bins, values) for name in columns]


def _encoded(frame: pd.DataFrame, name: Any, bins: int, values: int) -> Coded:
    series = column_of(frame, name)
    if _is_ordered(series):
        ordered = _ordered(series)
        missing = np.asarray(pd.isna(ordered))
        known = ordered[~missing]
        if len(np.unique(known[:1000])) > _FEW or len(np.unique(known)) > _FEW:
            return _binned(name, ordered, missing, bins)
    return _valued(name, _hashable(series), values)


def _is_ordered(series: pd.Series[Any]) -> bool:
    kind = series.dtype
    if types.is_bool_dtype(kind) or types.is_complex_dtype(kind):
        return False
    return (
        types.is_numeric_dtype(kind)
        or types.is_datetime64_any_dtype(kind)
        or types.is_timedelta64_dtype(kind)
    )


def _ordered(series: pd.Series[Any]) -> Any:
    """Numbers as doubles, times without a zone."""
    if types.is_datetime64_any_dtype(series.dtype):
        if getattr(series.dtype, "tz", None) is not None:
            series = series.dt.tz_convert("UTC").dt.tz_localize(None)
        return series.to_numpy(dtype="datetime64[ns]")
    if types.is_timedelta64_dtype(series.dtype):
        return series.to_numpy(dtype="timedelta64[ns]")
    return pd.to_numeric(series, errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def _raw(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        value = value.tz_convert("UTC").tz_localize(None) if value.tzinfo else value
        return value.to_datetime64()
    return value.to_timedelta64() if isinstance(value, pd.Timedelta) else value


def _binned(name: Any, values: Any, missing: Any, bins: int) -> Coded:
    finite = values[~missing]
    if finite.dtype.kind == "f":
        finite = finite[np.isfinite(finite)]
        whole = bool((finite == np.round(finite)).all())
    else:
        whole = False
    ranked = np.sort(finite)
    places = [len(ranked) * number // bins for number in range(1, bins)]
    edges = np.unique(ranked[places]) if len(ranked) else ranked
    edges = edges[edges > ranked[0]] if len(ranked) else edges
    # a missing value has no place among the edges
    filled = np.where(missing, edges[0] if len(edges) else 0, values) if missing.any() else values
    codes = np.searchsorted(edges, filled, side="right").astype(np.int32)
    shown = [_edge(edge, whole) for edge in edges]
    made = [
        Condition(name, "between", low=low, high=high)
        for low, high in zip([None, *shown], [*shown, None], strict=True)
    ]
    if missing.any():
        codes[missing] = len(made)
        made.append(Condition(name, "missing"))
    return Coded(name, codes, tuple(made))


def _edge(edge: Any, whole: bool) -> Any:
    if isinstance(edge, np.datetime64):
        return pd.Timestamp(edge)
    if isinstance(edge, np.timedelta64):
        return pd.Timedelta(edge)
    return int(edge) if whole else float(edge)


def _hashable(series: pd.Series[Any]) -> pd.Series[Any]:
    """Cells such as lists as text: a group needs values that can be compared."""
    if series.dtype == object:
        try:
            series.map(hash)
        except TypeError:
            return series.map(lambda cell: cell if _missing(cell) else repr(cell))
    return series


def _missing(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float) and cell != cell) or cell is pd.NA


def _valued(name: Any, series: pd.Series[Any], values: int) -> Coded:
    found, kinds = pd.factorize(series)
    counts = np.bincount(found[found >= 0], minlength=len(kinds))
    order = np.argsort(-counts, kind="stable")
    kept = order if len(kinds) <= values else order[: values - 1]
    place = np.full(len(kinds) + 1, len(kept), dtype=np.int32)
    place[kept] = np.arange(len(kept))
    made = [Condition(name, "is", value=_plain(kinds[at])) for at in kept]
    if len(kept) < len(kinds):
        made.append(Condition(name, "other", value=tuple(_plain(kinds[at]) for at in kept)))
    codes = place[found]
    if (found < 0).any():
        codes[found < 0] = len(made)
        made.append(Condition(name, "missing"))
    return Coded(name, codes, tuple(made))


def _plain(value: Any) -> Any:
    return (
        value.item() if isinstance(value, (np.generic,)) and value.dtype.kind in "biuf" else value
    )


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
