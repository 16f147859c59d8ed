"""Value types of pandas, Arrow, Spark and BigQuery types; validators of types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.value_checks import fits_type
from mlrun_like.feature_store.definitions.value_types import ValueType, canonical, from_arrow
from mlrun_like.registry import require

__all__ = [
    "BasicTypeValidator",
    "ConvertTypeValidator",
    "RangeTypeValidator",
    "gbq_to_pandas_dtype",
    "pa_type_to_value_type",
    "pd_schema_to_value_type",
    "python_type_to_value_type",
    "spark_df_to_pandas",
    "spark_to_value_type",
    "type_validator",
]

_SCHEMA = MappingProxyType(
    {
        "integer": ValueType.INT64,
        "string": ValueType.STRING,
        "number": ValueType.DOUBLE,
        "datetime": ValueType.DATETIME,
        "boolean": ValueType.BOOL,
        "any": ValueType.STRING,
        "duration": ValueType.INT64,
    }
)
_BIGQUERY = MappingProxyType(
    {"BOOL": "bool", "FLOAT": "float64", "INTEGER": "Int64", "TIMESTAMP": "datetime64[ns, UTC]"}
)


def pd_schema_to_value_type(value: str) -> str:
    """The value type of a type of pandas' table schema.

    >>> pd_schema_to_value_type("number")
    'float'
    """
    if value not in _SCHEMA:
        raise InvalidArgumentError(
            f"there is no type {value!r:.60} in a table schema",
            fix=f"types: {', '.join(_SCHEMA)}",
        )
    return _SCHEMA[value]


def pa_type_to_value_type(type_: Any) -> str:
    """The value type of an Arrow type."""
    return from_arrow(type_)


def python_type_to_value_type(value_type: Any) -> str | None:
    """The value type of a Python type or of the name of one; None: there is none.

    >>> python_type_to_value_type(int), python_type_to_value_type("Float64")
    ('int64', 'float')
    """
    try:
        return canonical(value_type)
    except InvalidArgumentError:
        return None


def spark_to_value_type(data_type: str) -> str:
    """The value type of the name of a Spark type; unknown ones stay as they are."""
    if data_type in ("array", "map"):
        return "list" if data_type == "array" else "dict"
    try:
        return canonical(data_type)
    except InvalidArgumentError:
        return data_type


def spark_df_to_pandas(spark_df: Any) -> Any:
    """A Spark frame as pandas'."""
    return spark_df.toPandas()


def gbq_to_pandas_dtype(gbq_type: str) -> Any:
    """The pandas type that holds values of a BigQuery type."""
    name = _BIGQUERY.get(gbq_type, "object")
    return require("pandas", feature="BigQuery types").Int64Dtype() if name == "Int64" else name


class BasicTypeValidator:
    """Takes every value; the base of the others."""

    def check(self, value_type: str, value: Any) -> tuple[bool, dict[str, Any]]:
        """Whether a value is of a type, and if not what is wrong with it."""
        return True, {}


class ConvertTypeValidator(BasicTypeValidator):
    """A value is of a type if a function takes it.

    Args:
        func: Such as `float`.

    >>> ConvertTypeValidator(float).check("float", "x")[0]
    False
    """

    def __init__(self, func: Callable[[Any], Any]) -> None:
        self.func = func

    def check(self, value_type: str, value: Any) -> tuple[bool, dict[str, Any]]:
        """Whether a value is of a type, and if not what is wrong with it."""
        try:
            self.func(value)
        except (TypeError, ValueError, OverflowError) as exc:
            return False, {"message": str(exc), "type": value_type}
        return True, {}


class RangeTypeValidator(BasicTypeValidator):
    """A value is of a type if it is in its range.

    Args:
        min: The smallest value.
        max: The largest value.

    >>> RangeTypeValidator(0, 255).check("uint8", 256)[1]["message"]
    'Value is greater than max range'
    """

    def __init__(self, min: Any, max: Any) -> None:
        self.min = min
        self.max = max

    def check(self, value_type: str, value: Any) -> tuple[bool, dict[str, Any]]:
        """Whether a value is of a type, and if not what is wrong with it."""
        shown = str(value)[:40]
        try:
            if value < self.min:
                return False, {
                    "message": "Value is smaller than min range",
                    "type": value_type,
                    "min range": self.min,
                    "value": shown,
                }
            if value > self.max:
                return False, {
                    "message": "Value is greater than max range",
                    "type": value_type,
                    "max range": self.max,
                    "value": shown,
                }
        except TypeError as exc:
            return False, {"message": str(exc), "type": value_type}
        return True, {}


def _whole(bits: int, signed: bool) -> RangeTypeValidator:
    if signed:
        return RangeTypeValidator(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    return RangeTypeValidator(0, 2**bits - 1)


class _BytesValidator(BasicTypeValidator):
    def check(self, value_type: str, value: Any) -> tuple[bool, dict[str, Any]]:
        if fits_type("bytes", value):
            return True, {}
        return False, {"message": f"{type(value).__name__} is not bytes", "type": value_type}


type_validator: Mapping[str, BasicTypeValidator] = MappingProxyType(
    {
        **{f"int{bits}": _whole(bits, True) for bits in (8, 16, 32, 64, 128)},
        **{f"uint{bits}": _whole(bits, False) for bits in (8, 16, 32, 64, 128)},
        ValueType.FLOAT32: ConvertTypeValidator(float),
        ValueType.DOUBLE: ConvertTypeValidator(float),
        ValueType.BYTES: _BytesValidator(),
    }
)
"""By value type: what its values must be; features are checked by `Validator(check_type=True)`."""
