"""Parts of Parquet files in the shape of the whole table: columns of folders, older types."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["path_values", "shaped"]

_NULL = "__HIVE_DEFAULT_PARTITION__"


def path_values(path: str) -> dict[str, str]:
    """The columns that are in the folders of a path.

    Example:
        >>> path_values("city=New%20York/a.parquet")
        {'city': 'New York'}
    """
    parts = [part.partition("=") for part in path.replace("\\", "/").split("/")[:-1]]
    return {unquote(name): unquote(value) for name, sign, value in parts if sign}


def shaped(table: pa.Table, schema: pa.Schema, rows: int, constants: dict[str, str]) -> pa.Table:
    """A part of a file with the columns and types of the whole table.

    Args:
        table: The columns that the file has.
        schema: Those that are wanted; what the file does not have is null.
        rows: How many there are.
        constants: Columns that are in the file's path.
    """
    if table.schema.equals(schema):
        return table
    columns = []
    for field in schema:
        if field.name in table.column_names:
            column = table[field.name]
            columns.append(column if column.type == field.type else column.cast(field.type))
        elif field.name in constants:
            columns.append(_repeated(constants[field.name], field.type, rows))
        else:
            columns.append(pa.chunked_array([pa.nulls(rows, field.type)]))
    return pa.table(columns, schema=schema)


def _repeated(text: str, kind: Any, rows: int) -> pa.ChunkedArray:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if text == _NULL:
        return pa.chunked_array([pa.nulls(rows, kind)])
    one = pa.scalar(text == "True") if pa.types.is_boolean(kind) else pa.scalar(text)
    return pa.chunked_array([pa.repeat(pc.cast(one, kind), rows)])
