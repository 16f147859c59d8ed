"""What the values of a CSV file's column are: the first type that can hold all their texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from mlrun_like.serving.batch import csv_types
from mlrun_like.serving.batch.csv_types import ORDER

__all__ = ["TEXT", "Column", "fits", "leading_zero", "read_columns"]

TEXT = len(ORDER) - 1
"""The kind of columns that can only be text."""
_ZERO, _NINE, _PLUS, _MINUS = b"09+-"


@dataclass(frozen=True)
class Column:
    """What all values of a column are.

    Args:
        kind: Index of its type in `ORDER`.
        nulls: Whether some are missing.
        zoned: Whether some times have a zone.
        seen: Whether any is given.
    """

    kind: int = 0
    nulls: bool = False
    zoned: bool = False
    seen: bool = False

    @property
    def type(self) -> pa.DataType:
        """Its type; a column without values is text."""
        return ORDER[self.kind if self.seen else TEXT]


def leading_zero(values: pa.Array) -> bool:
    """Whether a text is `0` before a further digit, perhaps with a sign: no number, but a code.

    Args:
        values: Texts; none is null.

    >>> [leading_zero(pa.array([text])) for text in ("007", "-01", "0.5", "0", "10", "")]
    [True, True, False, False, False, False]
    """
    if not len(values):
        return False
    _, offsets, data = values.buffers()
    if data is None or not data.size:
        return False
    start = values.offset
    bounds = np.frombuffer(offsets, np.int32)[start : start + len(values) + 1]
    content = np.frombuffer(data, np.uint8)
    begin, end = bounds[:-1], bounds[1:]
    begin, end = begin[end > begin], end[end > begin]
    first = content[begin]
    signed = (first == _PLUS) | (first == _MINUS)
    if signed.any():
        begin = begin + signed
        begin, end = begin[begin < end], end[begin < end]
        first = content[begin]
    zero = (first == _ZERO) & (end - begin > 1)
    digit = content[begin[zero] + 1]
    return bool(((digit >= _ZERO) & (digit <= _NINE)).any())


def fits(values: pa.Array, kind: Any) -> bool:
    """Whether all these texts can be read as a type; none is null."""
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        if leading_zero(values):
            return False
        try:
            values.cast(kind)
        except pa.ArrowInvalid:
            return False
        return True
    return csv_types.fits(values, kind)


def read_columns(saved: Mapping[str, Any]) -> dict[str, Column]:
    """Columns as a position holds them."""
    return {
        name: Column(int(kind), bool(nulls), bool(zoned), bool(seen))
        for name, (kind, nulls, zoned, seen) in saved.items()
    }
