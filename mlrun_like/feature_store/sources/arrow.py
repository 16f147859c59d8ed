"""Arrow tables as frames whose types do not depend on where chunks begin."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
import pyarrow as pa

__all__ = ["plain_type", "to_frame"]

_WITH_NULLS = {
    pa.int8(): pd.Int8Dtype(), pa.int16(): pd.Int16Dtype(), pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(), pa.uint8(): pd.UInt8Dtype(), pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(), pa.uint64(): pd.UInt64Dtype(), pa.bool_(): pd.BooleanDtype(),
}  # fmt: skip


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type that a column is cast to: dates are times, decimals floats, dictionaries values."""
    if pa.types.is_dictionary(kind):
        return plain_type(kind.value_type)
    if pa.types.is_date(kind):
        return pa.timestamp("us")
    if pa.types.is_decimal(kind):
        return pa.float64()
    return kind


def to_frame(table: pa.Table, nullable: Collection[str]) -> pd.DataFrame:
    """A table as a frame.

    Args:
        table: The rows.
        nullable: Columns that have missing values somewhere in the source: whole numbers and
            true/false become pandas' types that have NA, in every chunk, so nothing is rounded.

    >>> frame = to_frame(pa.table({"a": [1, 2], "b": [1, 2]}), {"b"})
    >>> [str(kind) for kind in frame.dtypes]
    ['int64', 'Int64']
    """
    columns = {}
    for name, values in zip(table.schema.names, table.columns, strict=True):
        plain = plain_type(values.type)
        column = values if plain == values.type else values.cast(plain)
        if column.type in _WITH_NULLS and (name in nullable or column.null_count):
            columns[name] = column.to_pandas(types_mapper=_WITH_NULLS.get)
        else:
            columns[name] = column.to_pandas()
    index = pd.RangeIndex(table.num_rows)
    frame = pd.DataFrame(columns, index=index, copy=False)
    return frame if len(columns) else pd.DataFrame(index=index)
