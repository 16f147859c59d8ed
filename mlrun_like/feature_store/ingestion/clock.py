"""The event time of rows: texts become moments, before any step sees them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError

__all__ = ["with_times"]


def with_times(frame: pd.DataFrame, timestamp_key: str | None, rows_before: int = 0) -> Any:
    """A frame whose time column holds moments.

    Args:
        frame: Rows of a source; not changed.
        timestamp_key: The column; texts in ISO form and the like become moments. Numbers stay.
        rows_before: Rows that came before, for messages.

    Raises:
        InvalidArgumentError: if a text is no time, with its row.

    >>> with_times(pd.DataFrame({"t": ["2026-01-01T00:00:00Z"]}), "t")["t"].dt.year.tolist()
    [2026]
    """
    if not timestamp_key or timestamp_key not in frame.columns:
        return frame
    values = frame[timestamp_key]
    dtype = values.dtype
    if not (pd.api.types.is_object_dtype(dtype) or pd.api.types.is_string_dtype(dtype)):
        return frame
    try:
        moments = pd.to_datetime(values, format="ISO8601")
    except (ValueError, TypeError):
        # several zones in one column, or another way to write times
        moments = pd.to_datetime(values, format="mixed", utc=True, errors="coerce")
        wrong = (moments.isna() & values.notna()).to_numpy()
        if wrong.any():
            row = int(wrong.argmax())
            raise InvalidArgumentError(
                f"{values.iloc[row]!r:.80} in row {rows_before + row} is no time",
                where=f"column {timestamp_key!r}, the timestamp_key",
                fix="write times in ISO form, such as 2026-01-31T12:00:00Z",
            ) from None
    return frame.assign(**{timestamp_key: moments})
