"""The values of an aggregation as a column of numbers: extracted, filtered, missing ones NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.windows.stats import Floats
from mlrun_like.serving.steps.aggregate_field import FieldAggregator
from mlrun_like.serving.steps.aggregate_keys import number
from mlrun_like.serving.steps.aggregate_user import hashed

__all__ = ["numbers_of", "values_of"]


def numbers_of(column: Any, feature: str, texts: bool = False) -> Floats:
    """A column of values as floats; None, NaN and NA are NaN.

    Args:
        column: An array, series or list.
        feature: The feature, for errors.
        texts: Whether values may be texts, which count by their hash (`distinct_count`).

    Raises:
        InvalidArgumentError: if a value is not a number.

    >>> numbers_of([1, None, True], "n").tolist()
    [1.0, nan, 1.0]
    """
    if isinstance(column, np.ndarray) and column.dtype == np.float64:
        return column
    series = column if isinstance(column, pd.Series) else pd.Series(column, dtype=_dtype(column))
    kind = series.dtype
    if pd.api.types.is_bool_dtype(kind) or pd.api.types.is_numeric_dtype(kind):
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    if not (pd.api.types.is_object_dtype(kind) or pd.api.types.is_string_dtype(kind)):
        values = series.dropna()
        if values.empty:
            return np.full(len(series), np.nan)
        raise InvalidArgumentError(
            f"{values.iloc[0]!r:.80} cannot be aggregated: the column is of type {kind}",
            where=f"feature {feature!r}",
            fix="aggregate a column of numbers",
        )
    if texts:
        codes, values = pd.factorize(series)
        made = np.array([*(hashed(value) for value in values), np.nan])
        return made[codes]
    missing = series.isna().to_numpy()
    made = np.full(len(series), np.nan)
    try:
        made[~missing] = [number(value, feature) for value in series[~missing]]
    except InvalidArgumentError:
        _refuse_one_text(series[~missing], feature)
        raise
    return made


def _refuse_one_text(series: pd.Series[Any], feature: str) -> None:
    """One value that is no number makes texts of all of a file's column: name that one."""
    if not all(isinstance(value, str) for value in series):
        return
    wrong = series[pd.to_numeric(series, errors="coerce").isna()]
    if 0 < len(wrong) < len(series):
        raise InvalidArgumentError(
            f"{wrong.iloc[0]!r:.80} cannot be aggregated: it is no number, and so the whole column "
            "was read as text",
            where=f"feature {feature!r}",
            fix="correct it in the source, or leave it empty",
        )


def _dtype(column: Any) -> Any:
    return None if isinstance(column, np.ndarray) else object


def values_of(frame: pd.DataFrame, aggregator: FieldAggregator) -> Floats:
    """What an aggregator takes from each row of a frame; NaN: nothing.

    A function as field or filter is called with each row as a dictionary, as with events; a frame
    without the field's column has no values.

    Raises:
        InvalidArgumentError: if a value is not a number.

    >>> from mlrun_like.serving.steps.windows import FixedWindows
    >>> over = FixedWindows(["1h"])
    >>> spent = FieldAggregator("spent", "x", ["sum"], over, lambda row: row["x"] > 1)
    >>> values_of(pd.DataFrame({"x": [1, 2]}), spent).tolist()
    [nan, 2.0]
    """
    texts = aggregator.layout().hashes
    field, keep = aggregator.field, aggregator.aggr_filter
    rows = frame.to_dict("records") if callable(field) or keep is not None else []
    if callable(field):
        column: Any = [field(row) if keep is None or keep(row) else None for row in rows]
        return numbers_of(column, aggregator.name, texts)
    if field not in frame.columns:
        return np.full(len(frame), np.nan)
    if keep is None:
        return numbers_of(frame[field], aggregator.name, texts)
    kept = np.fromiter((bool(keep(row)) for row in rows), dtype=bool, count=len(rows))
    made = np.full(len(frame), np.nan)
    made[kept] = numbers_of(frame[field][kept], aggregator.name, texts)
    return made
