"""Columns from pandas into Arrow and back, without loss of digits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError

__all__ = ["arrow_column", "entity_frame", "pandas_frame", "taken_rows"]

_EXACT = 1 << 53
"""Whole numbers beyond it lose digits as floats."""


def entity_frame(rows: Any) -> pd.DataFrame:
    """Entity rows as a frame with a plain index; a named index becomes columns, as in MLRun.

    Raises:
        InvalidTypeError: if they are no rows.
        InvalidArgumentError: if two columns have one name.
    """
    if isinstance(rows, pa.Table):
        rows = rows.to_pandas()
    elif hasattr(rows, "compute"):
        rows = rows.compute()  # Dask
    elif hasattr(rows, "rdd") or hasattr(rows, "toPandas"):
        rows = rows.toPandas()  # Spark
    elif isinstance(rows, Mapping) or (
        isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows)
    ):
        rows = pd.DataFrame(rows)
    if not isinstance(rows, pd.DataFrame):
        raise InvalidTypeError(
            f"entity_rows is {type(rows).__name__}, not a frame",
            where="get_offline_features",
            fix="pass a pandas DataFrame with the entities, and the times if there are any",
        )
    named = any(name is not None for name in rows.index.names)
    found = rows.reset_index(drop=not named)
    doubled = sorted({str(name) for name in found.columns[found.columns.duplicated()]})
    if doubled:
        raise InvalidArgumentError(
            f"entity_rows has several columns named {', '.join(doubled)}",
            where="get_offline_features",
            fix="rename one of them",
        )
    return found


def arrow_column(frame: pd.DataFrame, name: str, where: str) -> pa.ChunkedArray:
    """A column of a frame.

    Raises:
        InvalidTypeError: if its values have no common type.
    """
    try:
        found = pa.Array.from_pandas(frame[name])
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as exc:
        raise InvalidTypeError(
            f"the column {name!r} has values of several types or too large ones: {exc}",
            where=where,
            fix=f"give {name!r} one type, such as rows[{name!r}].astype(str)",
        ) from exc
    return found if isinstance(found, pa.ChunkedArray) else pa.chunked_array([found])


def pandas_frame(columns: Mapping[str, pa.ChunkedArray], size: int) -> pd.DataFrame:
    """Columns as a frame: what is missing is NaN, or None among truth values.

    Whole numbers with missing ones are floats as everywhere in pandas, but stay whole numbers
    (`Int64`) where floats would lose digits.

    Args:
        columns: Equally long columns; they may be emptied to save memory if it is a dict.
        size: Number of rows.
    """
    exact = {}
    for name, column in columns.items():
        if column.null_count and pa.types.is_integer(column.type) and _large(column):
            exact[name] = column.to_pandas(types_mapper=_nullable)
    rest = {name: column for name, column in columns.items() if name not in exact}
    frame: pd.DataFrame = pa.table(rest).to_pandas(split_blocks=True, self_destruct=True)
    if not rest:
        frame = pd.DataFrame(index=range(size))
    for name, series in exact.items():
        frame[name] = series.array
    return frame[list(columns)] if exact else frame


def _large(column: pa.ChunkedArray) -> bool:
    limits = pc.min_max(column)
    low, high = limits["min"].as_py(), limits["max"].as_py()
    return low is not None and (low < -_EXACT or high > _EXACT)


def _nullable(kind: Any) -> Any:
    names = {pa.int64(): "Int64", pa.uint64(): "UInt64"}
    return getattr(pd, names[kind] + "Dtype")() if kind in names else None


def taken_rows(frame: pd.DataFrame, rows: Sequence[int] | np.ndarray[Any, Any]) -> pd.DataFrame:
    """Rows by position; -1 gives a row without values."""
    places = np.asarray(rows)
    if len(places) and (places < 0).any():
        return frame.reindex(np.where(places < 0, -1, places)).reset_index(drop=True)
    return frame.take(places).reset_index(drop=True)
