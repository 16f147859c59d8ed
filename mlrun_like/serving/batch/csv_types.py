"""The types of a CSV file's columns, from all its rows: the same wherever chunks begin."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from mlrun_like.errors import InvalidArgumentError

__all__ = ["BLOCK", "FALSE", "ORDER", "TRUE", "column_types", "fits"]

BLOCK = 8 << 20
"""Bytes that are read at once; a row must fit."""

ORDER: tuple[pa.DataType, ...] = (pa.int64(), pa.float64(), pa.bool_(), pa.string())
"""The types of columns; the first that fits all values is taken."""
_LEADING_ZERO = r"^[+-]?0[0-9]"
TRUE, FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")
"""The words of columns that are true or false."""


def column_types(opened: Callable[[], IO[bytes]], name: str) -> dict[str, pa.DataType]:
    """Whole numbers, numbers, true/false, else text; numbers that begin with 0 stay text.

    Args:
        opened: Opens the file.
        name: Shown in errors.

    Raises:
        InvalidArgumentError: if it is no CSV file.
    """
    types: dict[str, int] = {}
    seen: set[str] = set()
    text = _all_text(opened, name)
    if not text:
        return {}
    options = pcsv.ConvertOptions(column_types=text, strings_can_be_null=True, null_values=[""])
    try:
        with opened() as stream, _reader(stream, options) as reader:
            for batch in reader:
                for column, values in zip(batch.schema.names, batch.columns, strict=True):
                    given = values.drop_null()
                    if not len(given):
                        continue
                    seen.add(column)
                    kind = types.get(column, 0)
                    while not fits(given, ORDER[kind]):
                        kind += 1
                    types[column] = kind
    except (pa.ArrowInvalid, UnicodeDecodeError) as exc:
        raise InvalidArgumentError(
            f"the CSV file cannot be read: {exc!s:.300}", where=name
        ) from exc
    return {column: ORDER[types[column]] if column in seen else pa.string() for column in text}


def _all_text(opened: Callable[[], IO[bytes]], name: str) -> dict[str, pa.DataType]:
    try:
        with opened() as stream, _reader(stream, pcsv.ConvertOptions()) as reader:
            return {column: pa.string() for column in reader.schema.names}
    except (pa.ArrowInvalid, UnicodeDecodeError) as exc:
        if "Empty CSV" in str(exc):
            return {}
        raise InvalidArgumentError(
            f"the CSV file cannot be read: {exc!s:.300}", where=name
        ) from exc


def _reader(stream: Any, options: Any) -> Any:
    return pcsv.open_csv(
        stream, read_options=pcsv.ReadOptions(block_size=BLOCK), convert_options=options
    )


def fits(values: pa.Array, kind: pa.DataType) -> bool:
    """Whether all these texts can be read as a type."""
    if pa.types.is_string(kind):
        return True
    if pa.types.is_boolean(kind):
        return bool(pc.all(pc.is_in(values, pa.array([*TRUE, *FALSE]))).as_py())
    if pc.any(pc.match_substring_regex(values, _LEADING_ZERO)).as_py():
        return False
    try:
        pc.cast(values, kind)
    except pa.ArrowInvalid:
        return False
    return True
