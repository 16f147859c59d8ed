"""Training data as tables: names of columns, features and labels side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy
import pandas

from mlrun_like.artifacts.item import DataItem, get_dataitem
from mlrun_like.errors import InvalidArgumentError

__all__ = ["SAMPLE_ROWS", "joined", "labels_of", "sample", "to_frame"]

SAMPLE_ROWS = 100_000
"""Rows of a sample at most: statistics of more say the same."""


def to_frame(values: Any, prefix: str = "f") -> pandas.DataFrame:
    """Rows as a DataFrame whose columns have names.

    Args:
        values: A DataFrame, Series, array, tensor, sparse matrix, list of rows, DataItem or URI.
        prefix: Names of columns that have none: `f0`, `f1`, ...

    >>> to_frame([[1, 2], [3, 4]]).columns.tolist()
    ['f0', 'f1']

    Raises:
        InvalidArgumentError: if the values are no table.
    """
    if isinstance(values, str):
        values = get_dataitem(values)
    if isinstance(values, DataItem):
        values = values.as_df()
    if isinstance(values, pandas.DataFrame):
        return values.rename(columns=str) if not _all_text(values.columns) else values
    if isinstance(values, pandas.Series):
        return values.to_frame(str(values.name) if values.name is not None else f"{prefix}0")
    if hasattr(values, "tocsr") and hasattr(values, "toarray"):
        values = values.tocsr()[:SAMPLE_ROWS].toarray()
    elif hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    elif hasattr(values, "to_pandas"):
        return to_frame(values.to_pandas(), prefix)
    try:
        array = numpy.asarray(values)
    except ValueError as exc:
        raise InvalidArgumentError(f"the rows have different lengths: {exc}") from exc
    if array.ndim == 0:
        raise InvalidArgumentError(f"a {type(values).__name__} is no table of rows")
    array = array.reshape(len(array), -1)
    return pandas.DataFrame(array, columns=[f"{prefix}{n}" for n in range(array.shape[1])])


def _all_text(names: Any) -> bool:
    return all(isinstance(name, str) for name in names)


def labels_of(values: Any) -> Any:
    """Labels as an array: one dimension for one output, two for several."""
    array = to_frame(values).to_numpy() if not isinstance(values, numpy.ndarray) else values
    return array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array


def joined(
    x: Any, y: Any = None, names: Sequence[Any] | str | None = None
) -> tuple[pandas.DataFrame, list[str]]:
    """Features and labels in one table, and the names of the label columns.

    Args:
        x: The features.
        y: The labels; None: `x` holds them already, or there are none.
        names: Names of the label columns; by default their own, or `y` (`y0`, `y1`, ...).

    >>> joined([[1, 2], [3, 4]], [0, 1])[1]
    ['y']

    Raises:
        InvalidArgumentError: if there are not as many labels as rows, or as names.
    """
    frame = to_frame(x)
    given = [names] if isinstance(names, str) else [str(name) for name in names or ()]
    if y is None:
        return frame, [name for name in given if name in frame.columns]
    right = to_frame(y, "y")
    own = isinstance(y, pandas.DataFrame) or getattr(y, "name", None) is not None
    found = given or [str(c) for c in right.columns]
    if not given and not own and len(found) == 1:
        found = ["y"]
    if len(found) != right.shape[1]:
        raise InvalidArgumentError(
            f"there are {right.shape[1]} label columns, but the names {found}", fix="y_columns="
        )
    rows = len(frame)
    if len(right) < rows or (len(right) > rows and rows != SAMPLE_ROWS):
        raise InvalidArgumentError(f"there are {len(right)} labels for {rows} rows")
    found = [name if name not in frame.columns else f"{name}_label" for name in found]
    right = right.iloc[:rows].set_axis(found, axis=1).set_axis(frame.index, axis=0)
    return pandas.concat([frame, right], axis=1), found


def sample(frame: pandas.DataFrame) -> pandas.DataFrame:
    """At most SAMPLE_ROWS rows, the same ones each time."""
    if len(frame) <= SAMPLE_ROWS:
        return frame
    return frame.sample(SAMPLE_ROWS, random_state=0).sort_index()
