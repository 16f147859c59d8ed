"""What the Spark forms of steps share; pyspark is loaded when the first one runs."""

from __future__ import annotations

import math
from typing import Any

from mlrun_like.registry import require

__all__ = ["functions", "is_null", "kind_of", "literal", "types"]


def functions() -> Any:
    """`pyspark.sql.functions`.

    Raises:
        MissingDependencyError: if pyspark is not installed.
    """
    return require("pyspark.sql.functions", extra="spark", feature="feature sets on Spark")


def types() -> Any:
    """`pyspark.sql.types`."""
    return require("pyspark.sql.types", extra="spark", feature="feature sets on Spark")


def is_null(frame: Any, name: str) -> Any:
    """The condition that a column has no value: null, or NaN in a column of floats."""
    column = frame[name]
    if kind_of(frame, name) in ("float", "double"):
        return column.isNull() | functions().isnan(column)
    return column.isNull()


def kind_of(frame: Any, name: str) -> str:
    """Spark's name of a column's type, such as "bigint"."""
    return str(frame.schema[name].dataType.simpleString())


def literal(value: Any) -> Any:
    """A constant column; NaN is null."""
    missing = isinstance(value, float) and math.isnan(value)
    return functions().lit(None if missing else value)
