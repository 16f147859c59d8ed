"""Rows of Python values as frames; a column keeps the type it once had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

__all__ = ["TypedRows"]


class TypedRows:
    """Makes frames of rows; what was seen of a column holds for later chunks and readers.

    Whole numbers and true/false of a column that had a missing value are pandas' types with NA.
    Decimals become floats, dates times at midnight, aware times UTC, and what has no type in
    common stays as it is.

    Args:
        known: Column -> kind, as `kinds` gave it; a position keeps it.

    >>> rows = TypedRows()
    >>> [str(kind) for kind in rows.frame([{"a": 1}, {"a": None}]).dtypes]
    ['Int64']
    >>> [str(kind) for kind in rows.frame([{"a": 2}]).dtypes], rows.kinds
    (['Int64'], {'a': 'int?'})
    """

    def __init__(self, known: Mapping[str, str] | None = None) -> None:
        self.kinds: dict[str, str] = dict(known or {})

    def frame(self, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
        """A frame of rows; columns in the order in which they were first seen."""
        names = dict.fromkeys(self.kinds)
        for row in rows:
            if row.keys() - names.keys():
                names.update(dict.fromkeys(map(str, row)))
        return self.columns({name: [row.get(name) for row in rows] for name in names}, len(rows))

    def columns(self, columns: Mapping[str, Any], count: int) -> pd.DataFrame:
        """A frame of columns: lists of values, or series of times."""
        made = {str(name): self._series(str(name), values) for name, values in columns.items()}
        return pd.DataFrame(made, index=pd.RangeIndex(count))

    def _series(self, name: str, values: Any) -> Any:
        before = self.kinds.get(name, "")
        if isinstance(values, pd.Series):
            zoned = isinstance(values.dtype, pd.DatetimeTZDtype)
            if before.rstrip("?") in ("", "time", "instant"):
                if not zoned and before.startswith("instant"):
                    values, zoned = values.dt.tz_localize("UTC"), True
                self.kinds[name] = "instant" if zoned else "time"
                return values
            values = [None if one is pd.NaT else one for one in values]
        types = set(map(type, values))
        kinds = {_kind(one) for one in types - {type(None)}}
        nulls = before.endswith("?") or type(None) in types
        known = before.rstrip("?")
        kind = _common(kinds | ({known} if known else set()))
        if kind == "time" and any(isinstance(v, datetime) and v.tzinfo for v in values):
            kind = "instant"
        try:
            made = _made(kind, values, nulls)
        except OverflowError:  # whole numbers beyond 64 bits
            kind, made = "object", _made("object", values, nulls)
        self.kinds[name] = kind + ("?" if nulls else "")
        return made


def _kind(kind: type) -> str:
    if issubclass(kind, (bool, np.bool_)):
        return "bool"
    if issubclass(kind, (int, np.integer)):
        return "int"
    if issubclass(kind, (float, np.floating, Decimal)):
        return "float"
    if issubclass(kind, (str, UUID)):
        return "str"
    return "time" if issubclass(kind, (date, datetime)) else "object"


def _common(kinds: set[str]) -> str:
    if len(kinds) == 1:
        return next(iter(kinds))
    if kinds == {"int", "float"}:
        return "float"
    return "instant" if kinds == {"time", "instant"} else "object" if kinds else ""


def _made(kind: str, values: list[Any], nulls: bool) -> Any:
    if kind == "int":
        return pd.array(values, dtype="Int64") if nulls else np.array(values, dtype="int64")
    if kind == "bool":
        return pd.array(values, dtype="boolean") if nulls else np.array(values, dtype=bool)
    if kind == "float":
        return np.array(values, dtype="float64")
    if kind == "str":
        texts = [str(v) if isinstance(v, UUID) else v for v in values]
        return pd.array(texts, dtype="str")
    if kind == "time":
        naive = np.array([None if v is None else _naive(v) for v in values], "datetime64[us]")
        return pd.Series(naive)
    if kind == "instant":
        utc = np.array([None if v is None else _utc(v) for v in values], "datetime64[us]")
        return pd.Series(utc).dt.tz_localize("UTC")
    return pd.Series(values, dtype="object")


def _naive(value: date) -> datetime:
    return value if isinstance(value, datetime) else datetime.combine(value, time())


def _utc(value: date) -> datetime:
    found = _naive(value)
    return found.astimezone(timezone.utc).replace(tzinfo=None) if found.tzinfo else found
