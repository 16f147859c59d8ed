"""Single values as columns can hold them: numbers, short texts, JSON of what is nested."""

from __future__ import annotations

import contextlib
import json
import math
from array import array
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

__all__ = ["Cells", "text_column"]

_DEEPEST = 16
_LONGEST = 4000  # bits of a whole number
_NUMBERS = frozenset({int, float, bool})
_NONE = type(None)


class Cells:
    """Makes columns of values that clients sent, however odd they are.

    Args:
        limit: Characters that a text may have.
        numbers: Names of columns that hold numbers elsewhere in the same batch.

    Attributes:
        truncated: Values that were cut off so far.
        odd: Values that are no numbers in columns of numbers, by row and column.

    >>> cells = Cells(10)
    >>> cells.column([1, None, 2.5]).to_pylist()
    [1.0, None, 2.5]
    >>> cells.column(["a", [1, 2]]).to_pylist(), cells.truncated
    (['a', '[1,2]'], 0)
    >>> cells.column([1, 2, "three"], "x").to_pylist(), cells.odd
    ([1.0, 2.0, None], {2: {'x': 'three'}})
    """

    def __init__(self, limit: int, numbers: Collection[str] = ()) -> None:
        self.limit = limit
        self.numbers = numbers
        self.truncated = 0
        self.odd: dict[int, dict[str, str]] = {}

    def matrix(self, rows: Sequence[Any], width: int) -> np.ndarray[Any, Any] | None:
        """Rows of numbers, all of one width, as an array of columns; None if they are not.

        `array` takes numbers only: no text is read as a number, nothing nested is taken.
        """
        flat = array("d")
        try:
            for row in rows:
                flat.fromlist(row)
        except (TypeError, OverflowError, ValueError):
            return None
        if len(flat) != len(rows) * width:
            return None
        return np.ascontiguousarray(np.frombuffer(flat).reshape(len(rows), width).T)

    def column(self, values: Sequence[Any], name: str = "") -> pa.Array:
        """A column: of numbers, of truth values, or of texts.

        Where most values are numbers, the others are left out and noted in `odd`: one client's
        mistake must not make a text of everybody's number.
        """
        kinds = set(map(type, values))
        kinds.discard(_NONE)
        if kinds - _NUMBERS - {str}:
            values = [_simple(value) for value in values]
            kinds = set(map(type, values))
            kinds.discard(_NONE)
        if not kinds:
            return pa.nulls(len(values))
        if name in self.numbers:
            return self._mostly_numbers(values, name)
        if kinds == {bool}:
            return pa.array(values, pa.bool_())
        if kinds <= _NUMBERS:
            try:
                return pa.array(
                    [None if value is None else float(value) for value in values], pa.float64()
                )
            except OverflowError:
                pass
        if kinds & _NUMBERS:
            numbers = sum(type(value) in _NUMBERS for value in values)
            if 2 * numbers > len(values) - sum(value is None for value in values):
                return self._mostly_numbers(values, name)
        return text_column([None if value is None else self.text(value) for value in values])

    def _mostly_numbers(self, values: Sequence[Any], name: str) -> pa.Array:
        found: list[float | None] = []
        for row, value in enumerate(values):
            number = None
            if type(value) in _NUMBERS:
                with contextlib.suppress(OverflowError):
                    number = float(value)
            if number is None and value is not None:
                self.odd.setdefault(row, {})[name] = self.text(value)
            found.append(number)
        return pa.array(found, pa.float64())

    def text(self, value: Any) -> str:
        """Any value as a text that is not too long."""
        if isinstance(value, str):
            text = value
        elif type(value) in _NUMBERS:
            text = _number_text(value)
        else:
            budget = [self.limit]
            plain = _plain(value, budget, 0)
            text = plain if isinstance(plain, str) else _dumps(plain)
            if budget[0] <= 0 and len(text) <= self.limit:
                self.truncated += 1
        if len(text) <= self.limit:
            return text
        self.truncated += 1
        return text[: self.limit]


def text_column(values: Sequence[str | None]) -> pa.Array:
    """A column of texts; half surrogate pairs, which no file can hold, become question marks."""
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        clean = [
            None if value is None else value.encode("utf-8", "replace").decode() for value in values
        ]
        return pa.array(clean, pa.string())


def _dumps(plain: Any) -> str:
    return json.dumps(plain, separators=(",", ":"), ensure_ascii=False, default=repr)


def _number_text(value: float) -> str:
    if isinstance(value, int) and value.bit_length() > _LONGEST:
        return f"<whole number of {value.bit_length()} bits>"  # Python refuses to write it out
    return str(value)


def _simple(value: Any) -> Any:
    """Scalars of numpy as Python's; other values stay."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    return value


def _plain(value: Any, budget: list[int], depth: int) -> Any:
    """A value as JSON can hold it, until the budget of characters is spent."""
    value = _simple(value)
    if value is None or isinstance(value, (bool, int)):
        budget[0] -= 2
        return value if value is None or value.bit_length() < 64 else _number_text(value)
    if isinstance(value, float):
        budget[0] -= 8
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        kept = value[: max(0, budget[0])]
        budget[0] -= len(value)
        return kept
    if isinstance(value, (bytes, bytearray, memoryview)):
        budget[0] -= 20
        return f"<{len(value)} bytes>"
    if isinstance(value, np.ndarray):
        if value.size * 8 > budget[0]:
            budget[0] -= 40
            return f"<array {value.dtype} {list(value.shape)}>"
        return _plain(value.tolist(), budget, depth)
    if depth >= _DEEPEST:
        budget[0] = 0
        return "..."
    if isinstance(value, dict):
        found = {}
        for key, inner in value.items():
            if budget[0] <= 0:
                break
            name = str(key)[:100]
            budget[0] -= len(name) + 4
            found[name] = _plain(inner, budget, depth + 1)
        return found
    if isinstance(value, (list, tuple)):
        items = []
        for inner in value:
            if budget[0] <= 0:
                break
            budget[0] -= 1
            items.append(_plain(inner, budget, depth + 1))
        return items
    budget[0] -= 40
    return f"<{type(value).__name__}>"
