"""SQL of DuckDB for keys, times and filters of stored rows."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.feature_store.offline.tables import RowFilter

__all__ = ["condition", "key", "quoted", "time"]

_SIGNS = {"=": "=", "==": "=", "!=": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def quoted(name: str) -> str:
    """A column's name in SQL.

    Example:
        >>> print(quoted("last name"))
        "last name"
    """
    return '"' + name.replace('"', '""') + '"'


def key(name: str, stored: Any, kind: Any) -> str:
    """A key column in the type in which keys are compared, as `keys.convert` does it."""
    column = quoted(name)
    if pa.types.is_dictionary(stored):
        stored = stored.value_type
    if pa.types.is_floating(stored):
        column = f"{column}::double"
        if kind == pa.int64():
            return f"case when {column} = floor({column}) then try_cast({column} as bigint) end"
        return f"case when not isnan({column}) then {column} + 0.0 end"
    if kind == pa.timestamp("us"):
        return time(name, stored)
    if kind == pa.int64():
        return f"try_cast({column} as bigint)"
    if kind == pa.large_string():
        return f"{column}::varchar"
    return column


def time(name: str, kind: Any) -> str:
    """A time column as microseconds."""
    column = quoted(name)
    if pa.types.is_timestamp(kind):
        return f"epoch_us({column}::{'timestamp' if kind.tz is None else 'timestamptz'})"
    if pa.types.is_date(kind):
        return f"epoch_us({column}::timestamp)"
    if pa.types.is_integer(kind) or pa.types.is_null(kind):
        return f"{column}::bigint"
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return f"epoch_us({column}::timestamptz)"
    raise InvalidTypeError(
        f"the column {name!r} is {kind}, which is no time",
        where="join engine 'duckdb'",
        fix=f"make {name!r} datetimes with pandas.to_datetime",
    )


def condition(rows: RowFilter, schema: pa.Schema) -> str:
    """The WHERE clause of which rows count; empty: all."""
    parts = []
    if rows.timed:
        moment = time(rows.column, schema.field(rows.column).type)
        parts += [f"{moment} > {rows.start}"] if rows.start is not None else []
        parts += [f"{moment} <= {rows.end}"] if rows.end is not None else []
    given = list(rows.conditions)
    if given and all(isinstance(one, list) for one in given):
        either = [" and ".join(_one(item, schema) for item in group) for group in given]
        parts.append("(" + " or ".join(f"({one})" for one in either) + ")")
    else:
        parts += [_one(item, schema) for item in given]
    return "where " + " and ".join(parts) if parts else ""


def _one(given: Any, schema: pa.Schema) -> str:
    try:
        name, sign, value = given
    except (TypeError, ValueError):
        raise InvalidArgumentError(
            f"{given!r} is no filter",
            where="additional_filters",
            fix='write filters as [("column", ">", value)]',
        ) from None
    column = quoted(name)
    stamped = pa.types.is_timestamp(schema.field(name).type)
    write: Callable[[Any], str] = _moment if stamped else _value
    if stamped:
        column = time(name, schema.field(name).type)
    if sign in ("in", "not in") and isinstance(value, (Sequence, set, frozenset)):
        return f"{column} {sign} ({', '.join(write(item) for item in value)})"
    if sign not in _SIGNS:
        raise InvalidArgumentError(
            f"the operator {sign!r} is not known",
            where="additional_filters",
            fix="use one of " + ", ".join([*_SIGNS, "in", "not in"]),
        )
    return f"{column} {_SIGNS[sign]} {write(value)}"


def _moment(value: Any) -> str:
    found = pd.Timestamp(value)
    zoned = found.tz_localize("UTC") if found.tzinfo is None else found
    return str(int(zoned.as_unit("us").asm8.astype("int64")))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)) or hasattr(value, "item"):
        return repr(value.item() if hasattr(value, "item") else value)
    if isinstance(value, (datetime.datetime, datetime.date)):
        return f"'{value.isoformat()}'"
    return "'" + str(value).replace("'", "''") + "'"
