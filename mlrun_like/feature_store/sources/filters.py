"""`additional_filters`: conditions on columns that must all hold."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError, nearest

__all__ = ["OPERATORS", "Filter", "check_filters", "columns_of", "keep_rows"]

Filter = tuple[str, str, Any]

OPERATORS: Mapping[str, Callable[[Any, Any], Any] | None] = MappingProxyType(
    {
        "=": operator.eq, "==": operator.eq, "!=": operator.ne, ">": operator.gt,
        ">=": operator.ge, "<": operator.lt, "<=": operator.le, "in": None, "not in": None,
    }
)  # fmt: skip
"""Operator -> its function; `in` and `not in` take lists, in which None means a missing value."""


def check_filters(filters: Iterable[Any] | None) -> tuple[Filter, ...]:
    """Filters as triples `(column, operator, value)`.

    >>> check_filters([["age", ">", 21]])
    (('age', '>', 21),)

    Raises:
        InvalidArgumentError: if one is no such triple, or its operator is unknown.
    """
    found: list[Filter] = []
    for one in filters or ():
        if not one:
            continue
        if not isinstance(one, (tuple, list)) or len(one) != 3 or not isinstance(one[0], str):
            raise InvalidArgumentError(
                f"filter {one!r:.100} is no (column, operator, value)",
                fix='additional_filters=[("age", ">", 21)]',
            )
        column, name, value = one
        word = str(name).lower().strip()
        if word not in OPERATORS:
            raise InvalidArgumentError(
                f"filter {one!r:.100} has an unknown operator.{nearest(word, OPERATORS)}",
                fix=f"one of: {', '.join(OPERATORS)}",
            )
        if OPERATORS[word] is None:
            if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
                raise InvalidArgumentError(
                    f"filter {one!r:.100}: {word!r} needs a list", fix=f'("{column}", "in", [...])'
                )
            value = list(value)
        found.append((column, word, value))
    return tuple(found)


def columns_of(filters: Sequence[Filter]) -> list[str]:
    """The columns that filters look at, each once."""
    return list(dict.fromkeys(column for column, _, _ in filters))


def keep_rows(frame: pd.DataFrame, filters: Sequence[Filter]) -> np.ndarray[Any, Any]:
    """Which rows pass all filters; a missing value passes only `in [None]`, `= None` and `not in`.

    >>> keep_rows(pd.DataFrame({"a": [1, 2, 3]}), [("a", ">", 1), ("a", "not in", [3])]).tolist()
    [False, True, False]

    Raises:
        InvalidArgumentError: if a column is not there, or its type cannot be compared.
    """
    keep = np.ones(len(frame), dtype=bool)
    for column, word, value in filters:
        if column not in frame.columns:
            raise InvalidArgumentError(
                f"additional_filters: there is no column {column!r:.80}"
                f".{nearest(column, [str(name) for name in frame.columns])}",
                fix=f"columns: {', '.join(map(str, frame.columns[:20]))}",
            )
        values = frame[column]
        compare = OPERATORS[word]
        try:
            if compare is None:
                given = [one for one in value if one is not None]
                held = values.isin(_alike(values, given))
                if len(given) < len(value):
                    held |= values.isna()
                passed = held if word == "in" else ~held
            elif value is None:
                passed = values.isna() if word in ("=", "==") else values.notna()
            else:
                passed = compare(values, _alike(values, value)) & values.notna()
        except (TypeError, ValueError) as exc:
            raise InvalidArgumentError(
                f"additional_filters: {column!r} ({values.dtype}) cannot be compared"
                f" with {value!r:.80}: {exc!s:.120}",
                fix="give a value of the column's type",
            ) from exc
        keep &= passed.fillna(False).to_numpy(dtype=bool)
    return keep


def _alike(values: pd.Series[Any], value: Any) -> Any:
    """A time in the zone form of the column; naive times are UTC."""
    if not pd.api.types.is_datetime64_any_dtype(values.dtype):
        return value
    if isinstance(value, list):
        return [_alike(values, one) for one in value]
    stamp = pd.Timestamp(value)
    if values.dt.tz is not None:
        return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp
    return stamp if stamp.tzinfo is None else stamp.tz_convert("UTC").tz_localize(None)
