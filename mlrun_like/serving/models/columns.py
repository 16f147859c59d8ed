"""Rows of a request as the array or table that a model was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy
import pandas

from mlrun_like.errors import InvalidArgumentError

__all__ = ["Columns", "is_columns"]

_FIX = 'send {"inputs": [[row 1], [row 2], ...]}, or rows as {"column": value}'


class Columns:
    """What a model expects of its rows.

    Args:
        names: Names of the columns in their order; None: the model does not know them.
        count: How many there are; None: not known.
        where: Put into errors.

    >>> Columns(["a", "b"]).table([{"b": 2, "a": 1}]).to_dict("records")
    [{'a': 1, 'b': 2}]
    >>> Columns(count=2).table([[1, 2]]).shape
    (1, 2)
    """

    def __init__(
        self, names: Sequence[Any] | None = None, count: int | None = None, where: str = ""
    ) -> None:
        self.names = [str(name) for name in names] if names is not None else None
        self.count = len(self.names) if self.names is not None else count
        self.where = where

    def table(self, inputs: Any) -> Any:
        """Rows (lists or mappings), or a mapping of columns, as a table or an array.

        A table if the names are known or given, else an array.

        Raises:
            InvalidArgumentError: if they do not fit the model.
        """
        if isinstance(inputs, Mapping):
            return self._named(self._of_columns(inputs))
        if len(inputs) == 1 and is_columns(inputs[0]):
            return self._named(self._of_columns(inputs[0]))
        if any(isinstance(row, Mapping) for row in inputs):
            return self._named(self._of_mappings(inputs))
        return self._of_lists(inputs)

    def misfit(self, what: str) -> InvalidArgumentError:
        """The error that says why rows do not fit."""
        return InvalidArgumentError(what, where=self.where, fix=_FIX)

    def _of_columns(self, columns: Mapping[Any, Any]) -> Any:
        lengths = {len(column) if isinstance(column, list) else -1 for column in columns.values()}
        if -1 in lengths or len(lengths) > 1:
            raise self.misfit("the columns are not lists of one length")
        return pandas.DataFrame({str(name): column for name, column in columns.items()})

    def _of_mappings(self, rows: Sequence[Any]) -> Any:
        wanted = self.names if self.names is not None else [str(key) for key in rows[0]]
        for number, row in enumerate(rows):
            if not isinstance(row, Mapping):
                raise self.misfit(f"row {number} is a {type(row).__name__}, not a mapping")
            missing = [name for name in wanted if name not in row]
            if missing:
                text = "the rows have" if number == 0 else f"row {number} has"
                raise self.misfit(f"{text} no {', '.join(missing)}")
        return pandas.DataFrame([{name: row[name] for name in wanted} for row in rows])

    def _named(self, frame: Any) -> Any:
        missing = [name for name in self.names or () if name not in frame.columns]
        if missing:
            raise self.misfit(f"the rows have no {', '.join(missing)}")
        if self.names is None and self.count is not None and frame.shape[1] != self.count:
            raise self.misfit(f"each row must have {self.count} values, not {frame.shape[1]}")
        return self._cleaned(frame if self.names is None else frame[self.names])

    def _of_lists(self, inputs: Sequence[Any]) -> Any:
        try:
            rows = numpy.asarray(inputs)
        except ValueError as exc:
            raise self.misfit("the rows differ in length") from exc
        if self.count is not None and (rows.ndim != 2 or rows.shape[1] != self.count):
            if rows.dtype == object and rows.ndim == 1:
                raise self.misfit("a row is not a list")
            raise self.misfit(f"each row must have {self.count} values; the shape is {rows.shape}")
        if rows.dtype.kind in "OUS" and rows.ndim == 2:
            return self._mixed(inputs)
        if rows.dtype == object:
            raise self.misfit("a value is not a number or text")
        return rows if self.names is None else pandas.DataFrame(rows, columns=self.names)

    def _mixed(self, inputs: Sequence[Any]) -> Any:
        """Cells of several types: each column keeps its own, and an absent number is NaN."""
        frame = self._cleaned(pandas.DataFrame(list(inputs), columns=self.names))
        if self.names is not None:
            return frame
        numbers = all(dtype.kind in "biuf" for dtype in frame.dtypes)
        return frame.to_numpy(dtype="float64" if numbers else object)

    def _cleaned(self, frame: Any) -> Any:
        """The table, with columns of numbers that came with nulls as floats."""
        changed = []
        for name, column in frame.items():
            if column.dtype != object:
                continue
            kinds = {type(value) for value in column}
            for kind in kinds - {type(None)}:
                if not issubclass(kind, (str, int, float)):
                    raise self.misfit(
                        f"a value is not a number or text: a {kind.__name__} in {name!r}"
                    )
            if str not in kinds:
                changed.append(name)
        return frame.astype(dict.fromkeys(changed, "float64")) if changed else frame


def is_columns(value: Any) -> bool:
    """Whether a value is a mapping of columns: MLRun's clients send `[{"x": [1, 2]}]`.

    >>> is_columns({"x": [1, 2]}), is_columns({"x": 1}), is_columns([1])
    (True, False, False)
    """
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(column, list) for column in value.values())
    )
