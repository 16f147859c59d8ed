"""Keys of two tables as whole numbers that are equal exactly where the keys are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlrun_like.errors import InvalidTypeError
from mlrun_like.feature_store.offline.times import is_time

__all__ = ["agree", "codes", "convert"]

_Numbers = np.ndarray[Any, Any]
_ROOM = 1 << 34
"""Codes stay below: they must fit into one number together with the position of a row."""
_NARROW = 1 << 20
"""Of one column among several: products of columns must fit as well."""


def agree(left: Any, right: Any, *, name: str, where: str) -> Any:
    """The Arrow type in which keys of two columns are compared.

    Whole numbers of all widths agree, and with floats (1.0 is 1); texts of all kinds agree; times
    of all units and zones agree.

    Args:
        left: Type of the column in the entity rows or in the table joined so far.
        right: Type of the column in the feature set.
        name: The entity, for messages.
        where: The feature set, for messages.

    Raises:
        InvalidTypeError: if values of the two can never be equal, such as numbers and texts.

    Example:
        >>> agree(pa.int8(), pa.float64(), name="user", where="set clicks")
        DataType(int64)
    """
    left, right = _plain(left), _plain(right)
    kinds = {_kind(left), _kind(right)}
    if "nothing" in kinds:
        kinds = kinds - {"nothing"} or kinds
        left = right if _kind(left) == "nothing" else left
        right = left if _kind(right) == "nothing" else right
    if kinds == {"whole"}:
        return pa.uint64() if left == right == pa.uint64() else pa.int64()
    if kinds == {"whole", "real"}:
        return pa.int64()
    if kinds == {"real"}:
        return pa.float64()
    if kinds == {"text"}:
        return pa.large_string()
    if kinds == {"bytes"}:
        return pa.large_binary()
    if kinds == {"time"}:
        return pa.timestamp("us")
    if len(kinds) == 1 and left == right:
        return left
    raise InvalidTypeError(
        f"the entity {name!r} is {left} on one side and {right} on the other, so no keys can match",
        where=where,
        fix=f"give {name!r} the same type on both sides, such as rows[{name!r}].astype(...)",
    )


def _plain(kind: Any) -> Any:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _kind(kind: Any) -> str:
    types = pa.types
    if types.is_integer(kind):
        return "whole"
    if types.is_floating(kind):
        return "real"
    if types.is_string(kind) or types.is_large_string(kind) or str(kind) == "string_view":
        return "text"
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind):
        return "bytes"
    if is_time(kind):
        return "time"
    return "nothing" if types.is_null(kind) else str(kind)


def convert(values: pa.ChunkedArray, kind: Any) -> pa.ChunkedArray:
    """A column in the type of `agree`; what cannot be said in it is null and matches nothing."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if values.type == kind and not pa.types.is_floating(kind):
        return values
    if pa.types.is_floating(values.type):
        values = values.cast(pa.float64())
        if kind == pa.int64():
            fits = pc.and_(pc.equal(values, pc.floor(values)), _within(values))
            return pc.if_else(fits, values, None).cast(pa.int64())
        values = pc.add(values, 0.0)  # -0.0 and 0.0 are one key
        return pc.if_else(pc.is_nan(values), None, values)
    if values.type == pa.uint64() and kind == pa.int64():
        fits = pc.less(values, pa.scalar(1 << 63, pa.uint64()))
        return pc.if_else(fits, values, None).cast(pa.int64())
    if pa.types.is_timestamp(values.type):
        return values.cast(pa.timestamp("us", values.type.tz), safe=False).cast(kind)
    return values.cast(kind)


def _within(values: pa.ChunkedArray) -> pa.ChunkedArray:
    limit = float(1 << 63)
    return pc.and_(pc.greater_equal(values, -limit), pc.less(values, limit))


def codes(
    left: Sequence[pa.ChunkedArray], right: Sequence[pa.ChunkedArray]
) -> tuple[_Numbers, _Numbers, int]:
    """Numbers for the keys of two tables: equal where all columns are; -1 matches nothing.

    Args:
        left: The key columns of one table, each of one type with its partner in `right`.
        right: Those of the other one.

    Returns:
        The codes of both tables, and a number that all of them are below.

    Example:
        >>> one, two = pa.chunked_array([["a", None, "b"]]), pa.chunked_array([["b", "c"]])
        >>> codes([one], [two])
        (array([-1, -1,  0]), array([0, 1]), 2)
    """
    if not left:
        raise ValueError("keys need at least one column")
    room = _ROOM if len(left) == 1 else _NARROW
    one, two, count = _column(left[0], right[0], room)
    for mine, yours in zip(left[1:], right[1:], strict=True):
        first, second, more = _column(mine, yours, room)
        one = np.where((one < 0) | (first < 0), -1, one * more + first)
        two = np.where((two < 0) | (second < 0), -1, two * more + second)
        count *= more
        if count >= _ROOM:
            one, two, count = _numbered(_nulled(one), _nulled(two))
    return one, two, count


def _column(
    left: pa.ChunkedArray, right: pa.ChunkedArray, room: int
) -> tuple[_Numbers, _Numbers, int]:
    if left.type == pa.timestamp("us"):
        left, right = left.cast(pa.int64()), right.cast(pa.int64())
    if left.type == pa.int64():
        found = _spread(left, right, room)
        if found is not None:
            return found
    return _numbered(left, right)


def _spread(
    left: pa.ChunkedArray, right: pa.ChunkedArray, room: int
) -> tuple[_Numbers, _Numbers, int] | None:
    """Whole numbers in a narrow range are codes themselves; None if the range is wide."""
    one, two = pc.min_max(left), pc.min_max(right)
    if not one["min"].is_valid or not two["min"].is_valid:
        return np.full(len(left), -1), np.full(len(right), -1), 1
    low = max(one["min"].as_py(), two["min"].as_py())
    high = min(one["max"].as_py(), two["max"].as_py())
    if high < low:
        return np.full(len(left), -1), np.full(len(right), -1), 1
    if high - low >= room:
        return None
    return (
        _offset(left, one, low, high),
        _offset(right, two, low, high),
        high - low + 1,
    )


def _offset(values: pa.ChunkedArray, limits: Any, low: int, high: int) -> _Numbers:
    outside = limits["min"].as_py() < low or limits["max"].as_py() > high
    if not values.null_count and not outside:
        found: _Numbers = values.to_numpy() - low if low else values.to_numpy()
        return found
    numbers = pc.fill_null(values, high if low == high else low).to_numpy()
    good = (numbers >= low) & (numbers <= high)
    if values.null_count:
        good &= pc.is_valid(values).to_numpy()
    with np.errstate(over="ignore"):
        return np.where(good, numbers - low, -1)


def _nulled(numbers: _Numbers) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(numbers, mask=numbers < 0)])


def _numbered(left: pa.ChunkedArray, right: pa.ChunkedArray) -> tuple[_Numbers, _Numbers, int]:
    """Codes by the dictionary of the shorter column: probing it skips what cannot match."""
    few = left if len(left) <= len(right) else right
    known = pc.drop_null(pc.unique(few))
    return _positions(left, known), _positions(right, known), max(1, len(known))


def _positions(values: pa.ChunkedArray, known: pa.Array) -> _Numbers:
    if not len(known):
        return np.full(len(values), -1)
    found = pc.index_in(values, value_set=known)
    numbers: _Numbers = pc.fill_null(found, -1).to_numpy().astype(np.int64)
    return numbers
