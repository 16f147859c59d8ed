"""Rows of any shape as columns: lists, mappings, single values, and what is no table at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from mlrun_like.monitoring.recording.cells import Cells

__all__ = ["columns_of", "names_of"]

_WHOLE = "inputs"
"""Name of the one column of inputs that are no table."""


def columns_of(
    rows: list[Any], names: Sequence[str], prefix: str, cells: Cells, most: int
) -> dict[str, Any]:
    """The columns of rows: lists, mappings or single values."""
    kinds = set(map(type, rows))
    if kinds == {dict}:
        keys = tuple(rows[0])
        if len(keys) <= most and all(tuple(row) == keys for row in rows):
            rows = [list(row.values()) for row in rows]
            names, kinds = [str(key)[:100] for key in keys], {list}
            if len(set(names)) < len(names):
                names = ()
    elif kinds <= {int, float, bool}:
        rows, kinds = [[value] for value in rows], {list}
    if kinds == {list}:
        width = len(rows[0])
        if 0 < width <= most and all(len(row) == width for row in rows):
            found = names_of(names, width, prefix)
            matrix = cells.matrix(rows, width)
            if matrix is not None:
                return {name: pa.array(matrix[i]) for i, name in enumerate(found)}
            transposed = zip(*rows, strict=True)
            return {
                name: cells.column(values, name)
                for name, values in zip(found, transposed, strict=True)
            }
    return _ragged(rows, names, prefix, cells, most)


def _ragged(
    rows: list[Any], names: Sequence[str], prefix: str, cells: Cells, most: int
) -> dict[str, Any]:
    """Columns of rows that differ in form; what is no row of a table becomes one text."""
    columns: dict[str, list[Any]] = {}
    for number, row in enumerate(rows):
        values: dict[str, Any]
        if row is None:
            continue
        if isinstance(row, np.ndarray) and row.ndim == 1:
            row = row.tolist()
        if isinstance(row, dict) and len(row) <= most:
            values = {f"{prefix}:{str(key)[:100]}": value for key, value in row.items()}
        elif isinstance(row, (list, tuple)) and 0 < len(row) <= most and _fits(names, len(row)):
            values = dict(zip(names_of(names, len(row), prefix), row, strict=True))
        elif isinstance(row, (dict, list, tuple, np.ndarray)):
            values = {f"{prefix}:{_WHOLE}": cells.text(row)}
        else:
            values = {names_of(names, 1, prefix)[0]: row}
        for name, value in values.items():
            column = columns.get(name)
            if column is None:
                if len(columns) >= most:
                    cells.truncated += 1
                    continue
                column = columns[name] = [None] * len(rows)
            column[number] = value
    return {name: cells.column(values, name) for name, values in columns.items()}


def _fits(names: Sequence[str], width: int) -> bool:
    return not names or len(names) == width


def names_of(names: Sequence[str], width: int, prefix: str) -> list[str]:
    """Names of columns: those that are known, if there are as many, else numbered ones."""
    if len(names) == width:
        return [f"{prefix}:{name}" for name in names]
    return [f"{prefix}:{prefix}{i}" for i in range(width)]
