"""Where rows come from: the key and time that each had in the source."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.steps.columns import values_of
from mlrun_like.serving.event import Event, to_time
from mlrun_like.serving.steps.windows_time import millis_of

__all__ = ["Origin", "column_micros", "micros_of", "moment_of"]

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_MICROSECOND = datetime.timedelta(microseconds=1)


class Origin:
    """The rows of a chunk as the source gave them.

    Args:
        frame: The chunk.
        entities: The names of the entities.
        timestamp_key: The column of the time, or an empty string.
        first: The number of the first row in the whole source, for errors.
    """

    def __init__(
        self, frame: pd.DataFrame, entities: Sequence[str], timestamp_key: str, first: int
    ) -> None:
        self.first = first
        self._frame = frame
        self._entities = [name for name in entities if name in frame.columns]
        self._whole = len(self._entities) == len(entities) > 0
        self._time = timestamp_key if timestamp_key in frame.columns else ""

    @functools.cached_property
    def keys(self) -> list[Any] | None:
        """The key of each row: the entity's value, or a list of the values of several."""
        if not self._whole:
            return None
        columns = [values_of(self._frame[name]) for name in self._entities]
        if len(columns) == 1:
            return columns[0]
        return [list(values) for values in zip(*columns, strict=True)]

    @functools.cached_property
    def times(self) -> list[Any] | None:
        """The time of each row, with a zone; None where there is none."""
        if not self._time:
            return None
        series = self._frame[self._time]
        if getattr(series.dtype, "kind", "") == "M":
            if getattr(series.dtype, "tz", None) is None:
                series = series.dt.tz_localize("UTC")
            return values_of(series)
        return [None if value is None else moment_of(value) for value in values_of(series)]

    def event(self, body: Any, row: int) -> Event:
        """An event of one row."""
        event = Event(body)
        if self.keys is not None:
            event.key = self.keys[row]
        if self.times is not None and self.times[row] is not None:
            event.time = self.times[row]
        return event

    def key_columns(self, rows: np.ndarray[Any, Any] | None) -> list[Any]:
        """The entities' columns, of these rows or of all; one of None if the source has none."""
        if not self._whole:
            return [[None] * (len(self._frame) if rows is None else len(rows))]
        columns = [self._frame[name] for name in self._entities]
        return columns if rows is None else [column.iloc[rows] for column in columns]

    def micros(self, rows: np.ndarray[Any, Any] | None) -> np.ndarray[Any, Any]:
        """The times in microseconds since 1970; now, where there is none."""
        count = len(self._frame) if rows is None else len(rows)
        if not self._time:
            return np.full(count, _now(), dtype=np.int64)
        series = self._frame[self._time]
        return column_micros(series if rows is None else series.iloc[rows])


def column_micros(series: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """A column of times in microseconds since 1970; naive ones are UTC, missing ones now."""
    if getattr(series.dtype, "kind", "") == "M":
        missing = series.isna().to_numpy()
        if getattr(series.dtype, "tz", None) is not None:
            series = series.dt.tz_convert("UTC").dt.tz_localize(None)
        found = series.to_numpy().astype("M8[us]").view(np.int64)
        return np.where(missing, _now(), found) if missing.any() else found
    moment = _now()
    values = [moment if value is None else micros_of(value) for value in values_of(series)]
    return np.array(values, dtype=np.int64)


def micros_of(value: Any) -> int:
    """A time in microseconds since 1970: a datetime, ISO text, seconds or milliseconds.

    >>> micros_of("1970-01-01T00:00:01")
    1000000
    """
    if isinstance(value, datetime.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return int((aware - _EPOCH) // _MICROSECOND)
    return round(millis_of(value) * 1000)


def moment_of(value: Any) -> datetime.datetime:
    """A time with a zone (UTC if none): a datetime, text, or seconds since 1970.

    Raises:
        InvalidArgumentError: if it is none of these.

    >>> moment_of("2024-01-31T12:00").isoformat()
    '2024-01-31T12:00:00+00:00'
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return datetime.datetime.fromtimestamp(millis_of(value) / 1000, datetime.timezone.utc)
    try:
        return to_time(value)
    except InvalidArgumentError:
        try:  # as frames read them: 2024-01-31 12:00, 31 Jan 2024
            return to_time(pd.Timestamp(value).to_pydatetime(warn=False))
        except (ValueError, TypeError, OverflowError) as exc:
            raise InvalidArgumentError(
                f"{value!r:.80} is not a time: {exc}",
                where="the column of the feature set's timestamp_key",
                fix="give datetimes, ISO texts, or seconds since 1970",
            ) from exc


def _now() -> int:
    return int(datetime.datetime.now(datetime.timezone.utc).timestamp() * 1e6)
