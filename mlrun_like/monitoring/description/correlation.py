"""Pearson's correlation of all pairs of numeric columns, in bounded time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["MOST", "correlations", "strongest"]

MOST = 1000
"""Columns; their pairs are a million."""
_WORK = 4e9
_LEAST_ROWS = 2000


def correlations(frame: pd.DataFrame, seed: int = 1) -> tuple[list[str], Any, str]:
    """Names, the matrix, and what was left out.

    Missing values are left out pair by pair; columns without two different values have NaN.

    Args:
        frame: Numbers and missing values.
        seed: Of the sample, where there is too much to do.

    >>> names, matrix, note = correlations(pd.DataFrame({"a": [1, 2, 3], "b": [2, 4, 6]}))
    >>> names, matrix.round(6).tolist(), note
    (['a', 'b'], [[1.0, 1.0], [1.0, 1.0]], '')
    """
    note = ""
    if frame.shape[1] > MOST:
        note = f"correlation of the first {MOST:,} of {frame.shape[1]:,} numeric columns"
        frame = frame.iloc[:, :MOST]
    columns = frame.shape[1]
    if not columns or len(frame) < 2:
        return [str(name) for name in frame.columns], np.full((columns, columns), np.nan), note
    rows = max(_LEAST_ROWS, math.floor(_WORK / columns**2))
    if len(frame) > rows:
        note = f"{note}, " * bool(note) + f"correlation of {rows:,} rows, taken at random"
        frame = frame.sample(rows, random_state=seed)
    values = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    finite = np.isfinite(values)
    if finite.all():
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            matrix = np.atleast_2d(np.corrcoef(values, rowvar=False))
    else:
        cleaned = pd.DataFrame(np.where(finite, values, np.nan))
        matrix = cleaned.corr(min_periods=2).to_numpy()
    return [str(name) for name in frame.columns], np.clip(matrix, -1, 1), note


def strongest(names: Any, matrix: Any, most: int) -> tuple[list[str], Any]:
    """The columns that correlate most with another one, in their order, and their part.

    >>> strongest(["a", "b", "c"], np.array([[1, 0.1, 0.9], [0.1, 1, 0.2], [0.9, 0.2, 1]]), 2)[0]
    ['a', 'c']
    """
    found = np.asarray(matrix, dtype=np.float64)
    if len(names) <= most:
        return list(names), found
    apart = np.nan_to_num(np.abs(found - np.eye(len(names))), nan=-1.0)
    chosen = np.sort(np.argsort(-apart.max(axis=1), kind="stable")[:most])
    return [names[at] for at in chosen], found[np.ix_(chosen, chosen)]
