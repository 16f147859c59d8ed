"""Instants as whole microseconds since 1970 in UTC, whatever form a time has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError

__all__ = ["MISSING", "TimeRange", "as_datetime", "column_micros", "iso", "to_micros"]

MISSING = np.iinfo(np.int64).min
"""What stands for a missing time (NumPy's NaT has the same bits)."""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def to_micros(value: Any, name: str = "time") -> int:
    """Microseconds since 1970 of a time; a time without a zone is UTC.

    Args:
        value: ISO text, a datetime, a date, or what `pandas.Timestamp` reads.
        name: The argument's name, for the error.

    >>> to_micros("1970-01-01T00:00:01Z"), to_micros("1970-01-01 02:00:01+02:00")
    (1000000, 1000000)

    Raises:
        InvalidArgumentError: if it is no time.
    """
    try:
        if isinstance(value, (bool, int, float)):
            raise ValueError("a number could be seconds, milliseconds or anything else")
        stamp: Any = pd.Timestamp(value)
        if stamp is pd.NaT:
            raise ValueError("it is missing")
        zoned = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
        return int(zoned.as_unit("us").asm8.view("int64"))
    except (ValueError, TypeError, OverflowError) as exc:
        raise InvalidArgumentError(
            f"{name}={value!r:.80} is no time: {exc!s:.120}", fix=f'{name}="2024-05-01T12:00:00Z"'
        ) from exc


def iso(micros: int) -> str:
    """An instant as ISO text in UTC.

    >>> iso(1000000)
    '1970-01-01T00:00:01+00:00'
    """
    return as_datetime(micros).isoformat()


def as_datetime(micros: int) -> datetime:
    """An instant as a datetime in UTC."""
    return _EPOCH + timedelta(microseconds=int(micros))


def column_micros(values: pd.Series[Any], name: str) -> np.ndarray[Any, Any]:
    """The instants of a column; a missing one is `MISSING`.

    >>> column_micros(pd.Series(["1970-01-01T00:00:00.000002Z", None]), "at")[0]
    np.int64(2)

    Raises:
        InvalidArgumentError: if it does not hold times; the message shows the first bad value.
    """
    times: Any = values
    if pd.api.types.is_numeric_dtype(times.dtype):
        raise InvalidArgumentError(
            f"column {name!r} holds numbers ({times.dtype}), not times",
            fix=f'parse_dates=["{name}"] with attributes={{"timestamp_unit": "s"}} makes times',
        )
    if not pd.api.types.is_datetime64_any_dtype(times.dtype):
        try:
            times = pd.to_datetime(times, utc=True, format="ISO8601")
        except (ValueError, TypeError, OverflowError):
            times = _mixed(times, name)
    if times.dt.tz is not None:
        times = times.dt.tz_convert("UTC").dt.tz_localize(None)
    found: np.ndarray[Any, Any] = times.dt.as_unit("us").to_numpy().view("int64")
    return found


def _mixed(values: Any, name: str) -> Any:
    try:
        return pd.to_datetime(values, utc=True, format="mixed")
    except (ValueError, TypeError, OverflowError) as exc:
        bad = pd.to_datetime(values, utc=True, format="mixed", errors="coerce").isna()
        first = values[bad & values.notna()]
        shown = repr(first.iloc[0])[:80] if len(first) else str(exc)[:120]
        raise InvalidArgumentError(
            f"column {name!r} does not hold times: {shown}",
            where=f"row {first.index[0]} of a chunk" if len(first) else "",
            fix="name the column that holds the time, or clean the values",
        ) from exc


@dataclass(frozen=True)
class TimeRange:
    """The rows with `start < time <= end`, in microseconds; None: no limit.

    >>> span = TimeRange(0, 5)
    >>> span.mask(np.array([0, 1, 5, 6, MISSING])).tolist()
    [False, True, True, False, False]
    """

    start: int | None = None
    end: int | None = None

    def __bool__(self) -> bool:
        return self.start is not None or self.end is not None

    def mask(self, micros: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Which of these instants are in it; a missing one is not."""
        keep: np.ndarray[Any, Any] = micros != MISSING
        if self.start is not None:
            keep &= micros > self.start
        if self.end is not None:
            keep &= micros <= self.end
        return keep

    def overlaps(self, low: int | None, high: int | None) -> bool:
        """Whether something between `low` and `high` (both may be reached) can be in it."""
        if self.start is not None and high is not None and high <= self.start:
            return False
        return not (self.end is not None and low is not None and low > self.end)
