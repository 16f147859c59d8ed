"""Keys and times of Spark columns, as `keys.convert` and `times.instants` make them."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

__all__ = ["key", "micros"]


def key(functions: Any, frame: Any, name: str, kind: Any) -> Any:
    """A key column in the type in which keys are compared.

    Args:
        functions: The module `pyspark.sql.functions`.
        frame: The Spark frame.
        name: Its column.
        kind: The Arrow type of `keys.agree`.
    """
    column = functions.col(f"`{name}`")
    stored = _type_of(frame, name)
    real = stored in ("float", "double")
    if kind == pa.int64():
        if real:
            whole = (column == functions.floor(column)) & (functions.abs(column) < float(1 << 63))
            return functions.when(whole, column.cast("long"))
        if stored.startswith("decimal"):
            return functions.when(column < functions.lit(1 << 63), column.cast("long"))
        return column.cast("long")
    if kind == pa.float64():
        value = column.cast("double")
        return functions.when(~functions.isnan(value), value + functions.lit(0.0))
    if kind == pa.timestamp("us"):
        return micros(functions, frame, name)
    return column.cast("string") if kind == pa.large_string() else column


def micros(functions: Any, frame: Any, name: str) -> Any:
    """A column of times as microseconds since 1970; texts are read as times, numbers stay.

    Args:
        functions: The module `pyspark.sql.functions`.
        frame: The Spark frame.
        name: Its column.
    """
    column = functions.col(f"`{name}`")
    if _type_of(frame, name) in ("timestamp", "timestamp_ntz", "date", "string"):
        return functions.unix_micros(column.cast("timestamp"))
    return column.cast("long")


def _type_of(frame: Any, name: str) -> str:
    found: str = frame.schema[name].dataType.simpleString()
    return found
