"""The types of features: MLRun's names, and what they are in Arrow and pandas."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.feature_store.definitions.missing import is_missing
from mlrun_like.registry import require

__all__ = [
    "VALUE_TYPES",
    "ValueType",
    "canonical",
    "from_arrow",
    "from_pandas",
    "from_value",
    "from_values",
    "is_list",
    "to_arrow",
]


class ValueType:
    """Names of value types, as texts.

    >>> ValueType.INT64, ValueType.DATETIME
    ('int64', 'datetime')
    """

    UNKNOWN: Final = ""
    BOOL: Final = "bool"
    INT8: Final = "int8"
    INT16: Final = "int16"
    INT32: Final = "int32"
    INT64: Final = "int64"
    INT128: Final = "int128"
    UINT8: Final = "uint8"
    UINT16: Final = "uint16"
    UINT32: Final = "uint32"
    UINT64: Final = "uint64"
    UINT128: Final = "uint128"
    FLOAT16: Final = "float16"
    FLOAT32: Final = "float32"
    FLOAT: Final = "float"
    DOUBLE: Final = "float"
    BFLOAT16: Final = "bfloat16"
    BYTES: Final = "bytes"
    STRING: Final = "str"
    DATETIME: Final = "datetime"
    BYTES_LIST: Final = "List[bytes]"
    STRING_LIST: Final = "List[string]"
    INT32_LIST: Final = "List[int32]"
    INT64_LIST: Final = "List[int]"
    DOUBLE_LIST: Final = "List[float]"
    FLOAT_LIST: Final = "List[float32]"
    BOOL_LIST: Final = "List[bool]"
    DATETIME_LIST: Final = "List[datetime]"
    TUPLE: Final = "Tuple"


VALUE_TYPES: tuple[str, ...] = tuple(
    sorted({v for k, v in vars(ValueType).items() if k.isupper() and v})
)
"""All names that a value type may have."""

_ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "int": "int64",
        "integer": "int64",
        "bigint": "int64",
        "long": "int64",
        "timedelta": "int64",
        "double": "float",
        "float64": "float",
        "number": "float",
        "boolean": "bool",
        "string": "str",
        "object": "str",
        "category": "str",
        "text": "str",
        "binary": "bytes",
        "timestamp": "datetime",
        "date": "datetime",
        "tuple": "Tuple",
        "halffloat": "float16",
        "half_float": "float16",
    }
)
_PYTHON: Mapping[type, str] = MappingProxyType(
    {
        bool: "bool",
        int: "int64",
        float: "float",
        str: "str",
        bytes: "bytes",
        datetime.datetime: "datetime",
        datetime.date: "datetime",
        decimal.Decimal: "float",
    }
)
_ITEMS: Mapping[str, str] = MappingProxyType(  # how the items of lists are written
    {"bytes": "bytes", "str": "string", "int32": "int32", "int64": "int", "float": "float",
     "float32": "float32", "bool": "bool", "datetime": "datetime"}
)  # fmt: skip
_LIST_ITEMS: Mapping[str, str] = MappingProxyType({f"List[{v}]": k for k, v in _ITEMS.items()})
_ARROW: Mapping[str, str] = MappingProxyType(
    {
        "bool": "bool_",
        "int8": "int8",
        "int16": "int16",
        "int32": "int32",
        "int64": "int64",
        "uint8": "uint8",
        "uint16": "uint16",
        "uint32": "uint32",
        "uint64": "uint64",
        "float16": "float16",
        "bfloat16": "float32",
        "float32": "float32",
        "float": "float64",
        "bytes": "large_binary",
        "str": "string",
    }
)


def is_list(value_type: str) -> bool:
    """Whether values of the type are lists.

    >>> is_list("List[int]"), is_list("int64")
    (True, False)
    """
    return value_type.startswith("List[")


def canonical(value_type: Any) -> str:
    """The one name of a value type: `int`, `"long"`, `int64` and `"Int64"` are all `"int64"`.

    Args:
        value_type: A name, one of Python's types, or None: unknown.

    Raises:
        InvalidArgumentError: if there is no such type; the message names the nearest.

    >>> canonical("int"), canonical(float), canonical("List[str]"), canonical(None)
    ('int64', 'float', 'List[string]', '')
    """
    if value_type is None or value_type == "":
        return ""
    if isinstance(value_type, type):
        value_type = _PYTHON.get(value_type, value_type.__name__)
    text = str(getattr(value_type, "value", value_type)).strip()
    if text in VALUE_TYPES:
        return text
    lowered = text.lower()
    if lowered.startswith(("list[", "array[", "array<", "list<")):
        inner = canonical(text[text.find("[" if "[" in text else "<") + 1 : -1])
        if inner in _ITEMS:
            return f"List[{_ITEMS[inner]}]"
    if lowered.startswith("tuple["):
        return "Tuple"
    if lowered.startswith(("datetime64", "timestamp", "datetime")):
        return "datetime"
    found = _ALIASES.get(lowered, lowered)
    if found in VALUE_TYPES:
        return found
    raise InvalidArgumentError(
        f"there is no value type {text[:60]!r}.{nearest(text, VALUE_TYPES)}",
        fix=f"use one of: {', '.join(VALUE_TYPES)}",
    )


def from_arrow(arrow_type: Any) -> str:
    """The value type of an Arrow type; dictionaries are what they hold, unknown ones are texts.

    >>> import pyarrow as pa
    >>> from_arrow(pa.timestamp("ns", "UTC")), from_arrow(pa.list_(pa.int64()))
    ('datetime', 'List[int]')
    """
    types = require("pyarrow", feature="Arrow types of features").types
    if types.is_dictionary(arrow_type):
        return from_arrow(arrow_type.value_type)
    if types.is_temporal(arrow_type):
        return "int64" if types.is_duration(arrow_type) else "datetime"
    if types.is_decimal(arrow_type):
        return "float"
    if types.is_list(arrow_type) or types.is_large_list(arrow_type):
        return f"List[{_ITEMS.get(from_arrow(arrow_type.value_type), 'string')}]"
    if types.is_fixed_size_list(arrow_type):
        return f"List[{_ITEMS.get(from_arrow(arrow_type.value_type), 'string')}]"
    if types.is_binary(arrow_type) or types.is_large_binary(arrow_type):
        return "bytes"
    if types.is_fixed_size_binary(arrow_type):
        return "bytes"
    text = str(arrow_type)
    text = {"halffloat": "float16", "float": "float32", "double": "float"}.get(text, text)
    return text if text in _ARROW else "str"


def to_arrow(value_type: str) -> Any:
    """The Arrow type in which values of a type are stored; times are UTC microseconds.

    >>> str(to_arrow("datetime")), str(to_arrow("float")), str(to_arrow("List[int]"))
    ('timestamp[us, tz=UTC]', 'double', 'list<item: int64>')

    Raises:
        InvalidArgumentError: if there is no such type, or Arrow has none for it.
    """
    arrow = require("pyarrow", feature="Arrow types of features")
    name = canonical(value_type)
    if name in _LIST_ITEMS:
        return arrow.list_(to_arrow(_LIST_ITEMS[name]))
    if name == "datetime":
        return arrow.timestamp("us", tz="UTC")
    if name in ("int128", "uint128"):
        return arrow.decimal128(38, 0)
    if name not in _ARROW:
        raise InvalidArgumentError(
            f"values of type {name!r} cannot be stored", fix="declare a type with fixed form"
        )
    return getattr(arrow, _ARROW[name])()


def from_value(value: Any) -> str:
    """The value type of one value; empty if it is missing.

    >>> from_value(True), from_value(3), from_value([1.5]), from_value(None)
    ('bool', 'int64', 'List[float]', '')
    """
    if is_missing(value):
        return ""
    if isinstance(value, (list, tuple)):
        return f"List[{_ITEMS.get(from_values(value), 'string')}]"
    for kind, name in _PYTHON.items():
        if isinstance(value, kind):
            return name
    dtype = getattr(value, "dtype", None)
    if dtype is not None:
        if getattr(value, "ndim", 0):
            return f"List[{_ITEMS.get(from_pandas(dtype), 'string')}]"
        return from_pandas(dtype)
    return "str"


def from_values(values: Iterable[Any]) -> str:
    """The value type that all these values fit: int and float are float, other mixes are texts.

    >>> from_values([1, None, 2.5]), from_values(["a", 1]), from_values([])
    ('float', 'str', '')
    """
    kinds = {from_value(value) for value in values} - {""}
    if len(kinds) <= 1:
        return kinds.pop() if kinds else ""
    if kinds <= {"int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64"}:
        return "int64"
    if all(kind.startswith(("int", "uint", "float")) for kind in kinds):
        return "float"
    if all(is_list(kind) for kind in kinds):
        return "List[float]" if kinds <= {"List[int]", "List[float]"} else "List[string]"
    return "str"


def from_pandas(dtype: Any, values: Any = None) -> str:
    """The value type of a column.

    Args:
        dtype: Its pandas or numpy dtype.
        values: The column: where the dtype says nothing (object), its values are looked at.

    >>> import pandas as pd
    >>> from_pandas(pd.Series([1, None], dtype="Int64").dtype)
    'int64'
    >>> column = pd.Series([b"a", None], dtype=object)
    >>> from_pandas(column.dtype, column)
    'bytes'
    """
    arrow_type = getattr(dtype, "pyarrow_dtype", None)
    if arrow_type is not None:
        return from_arrow(arrow_type)
    categories = getattr(dtype, "categories", None)
    if categories is not None:
        return from_pandas(getattr(categories, "dtype", "object"), categories)
    kind = getattr(dtype, "kind", "O")
    if kind == "M" or str(dtype).startswith(("datetime64", "period")):
        return "datetime"
    if kind == "m":
        return "int64"
    if kind == "S":
        return "bytes"
    name = str(dtype).lower()
    if kind == "O" and name == "object":
        return (from_values(values) if values is not None else "") or "str"
    found = _ALIASES.get(name, name)
    return found if found in _ARROW else "str"
