"""Rows of columns as blobs, made column by column: the same bytes as `encode_row` row by row.

Each column becomes texts of JSON, numbers of a whole column at once; a row is then one formatting
of bytes. That is twice as fast as a dictionary for each row, and leaves the garbage collector idle.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any, NamedTuple

import numpy as np
import orjson

from mlrun_like.feature_store.online.codec import plain_of

__all__ = ["Utc", "encode_rows"]

_SIGN = np.uint64(1 << 63)
_SIMPLE = {str, bool, type(None)}
Tokens = tuple[list[bytes], list[bool] | bool]
"""The values as JSON, and which of them have a tag (False: none, True: all)."""


class Utc(NamedTuple):
    """A column of times that know their zone, as `datetime64` in UTC."""

    moments: np.ndarray[Any, Any]


def encode_rows(
    names: Sequence[str], columns: Sequence[Any], times: Sequence[int] | np.ndarray[Any, Any]
) -> list[bytes]:
    """Rows of columns as blobs.

    Args:
        names: Names of the columns.
        columns: Lists of Python's values with None for what is missing; arrays of numbers, bool
            and `datetime64`; `Utc` of such.
        times: Event times in microseconds since 1970.

    Raises:
        InvalidTypeError: if a value has no stored form; the message names the column.

    >>> from mlrun_like.feature_store.online.codec import decode_row
    >>> [decode_row(blob) for blob in encode_rows(["a", "b"], [[1, 2], ["x", None]], [7, 8])]
    [{'a': 1, 'b': 'x'}, {'a': 2, 'b': None}]
    """
    moments = np.asarray(times, dtype=np.int64).view(np.uint64) ^ _SIGN
    raw = moments.astype(">u8").tobytes()
    heads = [raw[start : start + 8] for start in range(0, len(raw), 8)]
    made = [_tokens(name, column) for name, column in zip(names, columns, strict=True)]
    fields = b",".join(orjson.dumps(name).replace(b"%", b"%%") + b":%b" for name in names)
    template = b"%b%b{" + fields + b"}"
    formats = _formats([marks for _, marks in made], len(heads))
    return [template % row for row in zip(formats, heads, *(t for t, _ in made), strict=False)]


def _formats(marks: Sequence[list[bool] | bool], count: int) -> Any:
    some = [found for found in marks if found is not False]
    if not some:
        return repeat(b"\x01")
    if any(found is True for found in some):
        return repeat(b"\x02")
    listed = [found for found in some if isinstance(found, list)]
    return [b"\x02" if any(row) else b"\x01" for row in zip(*listed, strict=True)]


def _tokens(name: str, column: Any) -> Tokens:
    if isinstance(column, Utc):
        return _times(column.moments, b"+00:00")
    if isinstance(column, np.ndarray):
        if column.dtype.kind == "M":
            return _times(column, b"")
        if column.dtype.kind == "f":
            column = column.astype(np.float64)  # what readers get from a float32 is that number
            if not np.isinf(column).any():
                return _split(column), False
        elif column.dtype.kind in "iub":
            return _split(column), False
        column = column.tolist()
    if set(map(type, column)) <= _SIMPLE:
        return list(map(orjson.dumps, column)), False
    plain = [plain_of(name, value) for value in column]
    marks = [marked for _, marked in plain]
    return [orjson.dumps(value) for value, _ in plain], marks if any(marks) else False


def _split(column: np.ndarray[Any, Any]) -> list[bytes]:
    if not len(column):
        return []
    text = orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY)
    return text[1:-1].split(b",")


def _times(column: np.ndarray[Any, Any], zone: bytes) -> Tokens:
    moments = column.astype("datetime64[us]")
    missing = np.isnat(moments)
    whole = not (moments[~missing].astype(np.int64) % 1_000_000).any()
    texts = np.datetime_as_string(moments, unit="s" if whole else "us").tolist()
    made = [b'{"$t":"%b%b"}' % (text.encode(), zone) for text in texts]
    if not missing.any():
        return made, True
    for place in np.flatnonzero(missing).tolist():
        made[place] = b"null"
    return made, (~missing).tolist()
