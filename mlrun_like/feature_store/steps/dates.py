"""DateExtractor: parts of a time as columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

import pandas as pd

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.feature_store.steps import spark
from mlrun_like.feature_store.steps.base import FeatureStep, SetFacts, need_column
from mlrun_like.feature_store.steps.columns import column_of, is_missing, mapped, with_columns

__all__ = ["PARTS", "DateExtractor", "timestamp_of"]

_COUNTED = (
    "year", "month", "day", "hour", "minute", "second", "microsecond", "nanosecond", "quarter",
    "day_of_week", "dayofweek", "weekday", "day_of_year", "dayofyear", "days_in_month",
    "daysinmonth",
)  # fmt: skip
_TRUTHS = (
    "is_leap_year", "is_month_end", "is_month_start", "is_quarter_end", "is_quarter_start",
    "is_year_end", "is_year_start",
)  # fmt: skip
_WEEKS = ("week", "weekofyear")
_OTHERS = ("asm8", "date", "time", "tz", "tzinfo", "day_of_month", "dayofmonth")
PARTS = (*_COUNTED, *_WEEKS, *_TRUTHS, *_OTHERS)
"""The parts of a time: those of a pandas Timestamp; weeks are ISO's, Monday is day 0."""

_ALIASES = {
    "day_of_month": "day", "dayofmonth": "day", "dayofweek": "day_of_week",
    "weekday": "day_of_week", "dayofyear": "day_of_year", "daysinmonth": "days_in_month",
}  # fmt: skip
_SPARK = {
    "year": "year", "month": "month", "day": "dayofmonth", "hour": "hour", "minute": "minute",
    "second": "second", "quarter": "quarter", "day_of_year": "dayofyear", "dayofyear": "dayofyear",
    "week": "weekofyear", "weekofyear": "weekofyear", "day_of_week": "weekday",
    "dayofweek": "weekday", "weekday": "weekday",
}  # fmt: skip


_UNITS: tuple[tuple[Literal["ns", "us", "ms"], float], ...] = (
    ("ns", 1e17),
    ("us", 1e14),
    ("ms", 1e11),
)


class DateExtractor(FeatureStep):
    """Adds parts of a time as columns `<column>_<part>` (MLRun's step).

    Args:
        parts: The parts, see `PARTS`; of a dictionary, its keys.
        timestamp_col: The column of the time; by default the feature set's timestamp key, else
            "timestamp". Texts are read as pandas reads them,
            numbers as `timestamp_of` says.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if a time has no such part, or an event has no such column.

    >>> DateExtractor(["day_of_week", "hour"], "at").do({"at": "2024-02-29T13:00"})
    {'at': '2024-02-29T13:00', 'at_day_of_week': 3, 'at_hour': 13}
    """

    vectorised: ClassVar[bool] = True

    def __init__(
        self,
        parts: Mapping[str, str] | Iterable[str],
        timestamp_col: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.parts = [parts] if isinstance(parts, str) else list(parts)
        self.timestamp_col = timestamp_col or "timestamp"
        self._chosen = bool(timestamp_col)
        for part in self.parts:
            if part not in PARTS:
                raise InvalidArgumentError(
                    f"a time has no part {part!r:.80}.{nearest(str(part), PARTS)}",
                    where=f"step {self.name!r}",
                    fix=f"parts: {', '.join(PARTS)}",
                )

    def attach(self, facts: SetFacts) -> None:
        if not self._chosen and facts.timestamp_key:
            self.timestamp_col = facts.timestamp_key

    def _moment(self, value: Any) -> pd.Timestamp | None:
        return timestamp_of(value)

    def _name(self, part: str) -> str:
        return f"{self.timestamp_col}_{part}"

    def _do_storey(self, event: Any) -> dict[str, Any]:
        made = dict(event)
        if self.timestamp_col not in made:
            raise _absent(self.timestamp_col, self.name)
        moment = self._moment(made[self.timestamp_col])
        for part in self.parts:
            made[self._name(part)] = None if moment is None else _part(moment, part)
        return made

    def _do_pandas(self, event: Any) -> pd.DataFrame:
        frame: pd.DataFrame = event
        if self.timestamp_col not in frame.columns:
            raise _absent(self.timestamp_col, self.name)
        series = frame[self.timestamp_col]
        if getattr(series.dtype, "kind", "") != "M":
            series = mapped(series, self._moment)
        made = {}
        for part in self.parts:
            made[self._name(part)] = _column(series, part)
        return with_columns(frame, made)

    def _do_spark(self, event: Any) -> Any:
        functions = spark.functions()
        need_column(event.columns, self.timestamp_col, self)
        frame = event
        moment = event[self.timestamp_col].cast("timestamp")
        for part in self.parts:
            frame = frame.withColumn(self._name(part), _of_spark(functions, moment, part, self))
        return frame


def timestamp_of(value: Any) -> pd.Timestamp | None:
    """A time as a Timestamp; None if it is missing.

    A number is the time since 1970 (UTC, without a zone) in seconds below 1e11, then in milli-,
    from 1e14 in micro- and from 1e17 in nanoseconds.

    Raises:
        InvalidArgumentError: if it is no time.

    >>> timestamp_of("2024-01-31").day
    31
    """
    if type(value) is pd.Timestamp:
        return value
    if is_missing(value):
        return None
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            unit = next((name for name, least in _UNITS if abs(value) >= least), "s")
            found: Any = pd.Timestamp(value, unit=unit)
        else:
            found = pd.Timestamp(value)
    except (ValueError, TypeError, OverflowError) as exc:
        raise InvalidArgumentError(
            f"{value!r:.80} is not a time: {exc}",
            fix="give a datetime, ISO text (2024-01-31T12:00:00+00:00) or seconds since 1970",
        ) from exc
    return None if found is pd.NaT else found


def _part(moment: pd.Timestamp, part: str) -> Any:
    found = getattr(moment, _ALIASES.get(part, part))
    return found() if part in ("date", "time") else found


def _column(series: pd.Series[Any], part: str) -> pd.Series[Any]:
    """A part of all times of a column."""
    if getattr(series.dtype, "kind", "") != "M" or part in ("asm8", "tz", "tzinfo"):
        return mapped(series, lambda moment: None if moment is None else _part(moment, part))
    missing = series.isna()
    accessor: Any = series.dt
    if part in _WEEKS:
        found = accessor.isocalendar()["week"].astype("Int64")
    else:
        found = getattr(accessor, _ALIASES.get(part, part))
    if part in ("date", "time"):
        return column_of([None if value is pd.NaT else value for value in found.tolist()])
    if not missing.any():
        kind = "bool" if part in _TRUTHS else "int64"
        made: pd.Series[Any] = found.astype(kind)
    else:
        kind = "boolean" if part in _TRUTHS else "Int64"
        made = found.astype(object).where(~missing, None).astype(kind)
    return made.reset_index(drop=True)


def _of_spark(functions: Any, moment: Any, part: str, step: DateExtractor) -> Any:
    name = _SPARK.get(_ALIASES.get(part, part))
    if name is not None:
        return getattr(functions, name)(moment).cast("long")
    year, month, day = (getattr(functions, n)(moment) for n in ("year", "month", "dayofmonth"))
    last = functions.dayofmonth(functions.last_day(moment))
    if part in ("days_in_month", "daysinmonth"):
        return last.cast("long")
    if part == "is_leap_year":
        return (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    if part == "date":
        return moment.cast("date")
    starts, ends = day == 1, day == last
    truths = {
        "is_month_start": starts,
        "is_month_end": ends,
        "is_quarter_start": starts & (month % 3 == 1),
        "is_quarter_end": ends & (month % 3 == 0),
        "is_year_start": starts & (month == 1),
        "is_year_end": ends & (month == 12),
    }
    if part in truths:
        return truths[part]
    raise InvalidArgumentError(
        f"DateExtractor with spark engine doesn't support {part} param",
        where=f"step {step.name!r}",
        fix=f"parts on Spark: {', '.join((*_SPARK, *_TRUTHS, 'days_in_month', 'date'))}",
    )


def _absent(column: str, step: str) -> Exception:
    return InvalidArgumentError(
        f"{column} does not exist in the event",
        where=f"step {step!r}",
        fix="name the column of the time: DateExtractor(parts, timestamp_col=...)",
    )
