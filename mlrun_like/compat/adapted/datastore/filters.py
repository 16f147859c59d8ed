"""Rows and columns of frames that were asked for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require

__all__ = [
    "filter_df_generator",
    "filter_df_start_end_time",
    "select_columns_from_df",
    "select_columns_generator",
    "transform_list_filters_to_tuple",
    "validate_additional_filters",
]


def filter_df_start_end_time(
    df: Any, time_column: str | None = None, start_time: Any = None, end_time: Any = None
) -> Any:
    """The rows with start_time < time <= end_time.

    Args:
        df: A frame, or an iterator of frames.
        time_column: The column of the time; None: all rows.
        start_time: Rows after it.
        end_time: Rows until it, itself included.
    """
    if not time_column:
        return df
    if hasattr(df, "columns"):
        return _between(df, time_column, start_time, end_time)
    return filter_df_generator(df, time_column, start_time, end_time)


def filter_df_generator(
    dfs: Iterator[Any], time_field: str, start_time: Any, end_time: Any
) -> Iterator[Any]:
    """The same for each frame of an iterator."""
    for df in dfs:
        yield _between(df, time_field, start_time, end_time)


def _between(df: Any, column: str, start: Any, end: Any) -> Any:
    pandas = require("pandas", feature="filters of times")
    df[column] = times = pandas.to_datetime(df[column], format="mixed", yearfirst=True)
    if start is not None:
        df, times = df[times > start], times[times > start]
    return df if end is None else df[times <= end]


def select_columns_from_df(df: Any, columns: Sequence[str] | None) -> Any:
    """Some columns of a frame, or of each frame of an iterator."""
    if not columns:
        return df
    return df[list(columns)] if hasattr(df, "columns") else select_columns_generator(df, columns)


def select_columns_generator(dfs: Iterator[Any], columns: Sequence[str]) -> Iterator[Any]:
    """Some columns of each frame."""
    for df in dfs:
        yield df[list(columns)]


def transform_list_filters_to_tuple(additional_filters: Any) -> list[tuple[Any, ...]]:
    """Filters as tuples: JSON has made lists of them.

    >>> transform_list_filters_to_tuple([["x", "=", 3]])
    [('x', '=', 3)]

    Raises:
        InvalidArgumentError: if they are none.
    """
    validate_additional_filters(additional_filters)
    return [tuple(one) for one in additional_filters or ()]


def validate_additional_filters(additional_filters: Any) -> None:
    """See that it is a list of `(column, operator, value)`.

    Raises:
        InvalidArgumentError: if it is not.
    """
    for one in additional_filters or ():
        if isinstance(one, (list, tuple)) and not one:
            continue
        if not isinstance(one, (list, tuple)):
            raise InvalidArgumentError(
                "mlrun supports additional_filters only as a list of tuples. "
                f"Current additional_filters: {additional_filters!r:.300}",
                fix='additional_filters=[("bid", ">", 50)]',
            )
        if isinstance(one[0], (list, tuple)):
            raise InvalidArgumentError(
                "additional_filters does not support nested list inside filter tuples except in "
                f"-in- logic. Current filter_tuple: {one!r:.300}."
            )
        if len(one) != 3:
            raise InvalidArgumentError(
                f"illegal filter tuple length, {one!r:.300} in additional filters: "
                f"{additional_filters!r:.300}"
            )
        values = one[2] if isinstance(one[2], (list, tuple)) else [one[2]]
        if any(isinstance(value, float) and math.isnan(value) for value in values):
            raise InvalidArgumentError("using NaN in additional_filters is not supported")
