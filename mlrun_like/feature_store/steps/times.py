"""Steps for times: TimeDifference, ToTimeZone."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.feature_store.steps import spark
from mlrun_like.feature_store.steps.adding import Added, Adding
from mlrun_like.feature_store.steps.dates import timestamp_of
from mlrun_like.serving.steps.checks import check_strings

__all__ = ["TimeDifference", "ToTimeZone"]

_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


class TimeDifference(Adding):
    """Adds how long it is from one time to another, as a number; missing if a time is missing.

    Times without a zone are UTC.

    Args:
        start: The column of the first time.
        end: The column of the second.
        unit: "ms", "s", "m", "h", "d" or "w".
        feature: The new column; by default `<start>_to_<end>_<unit>`.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if there is no such unit.

    >>> TimeDifference("a", "b", "h").do({"a": "2024-01-01", "b": "2024-01-01T06:30"})["a_to_b_h"]
    6.5
    """

    def __init__(
        self, start: str, end: str, unit: str = "s", feature: str | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        if unit not in _SECONDS:
            raise InvalidArgumentError(
                f"there is no unit {unit!r:.80}.{nearest(str(unit), _SECONDS)}",
                where=f"step {self.name!r}",
                fix=f"units: {', '.join(_SECONDS)}",
            )
        seconds = _SECONDS[unit]

        def compute(first: Any, second: Any) -> float | None:
            begin, finish = timestamp_of(first), timestamp_of(second)
            if begin is None or finish is None:
                return None
            return float((_utc(finish) - _utc(begin)) / pd.Timedelta(1, "us")) / (seconds * 1e6)

        def on_spark(first: Any, second: Any) -> Any:
            functions = spark.functions()
            begin, finish = (functions.unix_micros(c.cast("timestamp")) for c in (first, second))
            return (finish - begin).cast("double") / (seconds * 1e6)

        name = feature or f"{start}_to_{end}_{unit}"
        self._added = [Added(name, (start, end), compute, on_spark)]

    def added(self) -> Sequence[Added]:
        return self._added


class ToTimeZone(Adding):
    """Gives times the clock of a zone; times without a zone are UTC.

    With `naive` the result is what a clock there shows, without a zone: what parts of days should
    be taken of. On Spark, whose times have no zone of their own, the result is always that.

    Args:
        columns: The column of times, or several; they are changed.
        zone: The zone's name, such as "Europe/Rome".
        naive: Whether the result has no zone.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if there is no such zone.

    >>> ToTimeZone("at", "Asia/Tokyo", naive=True).do({"at": "2024-01-01T20:00"})["at"].hour
    5
    """

    def __init__(
        self, columns: str | Iterable[str], zone: str, naive: bool = False, **options: Any
    ) -> None:
        super().__init__(**options)
        try:
            self.zone = zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, TypeError, OSError) as exc:
            raise InvalidArgumentError(
                f"there is no time zone {zone!r:.80}",
                where=f"step {self.name!r}",
                fix='such as "UTC" or "Europe/Rome"',
            ) from exc
        found = self.zone

        def compute(value: Any) -> pd.Timestamp | None:
            moment = timestamp_of(value)
            if moment is None:
                return None
            there = _utc(moment).tz_convert(found)
            return there.tz_localize(None) if naive else there

        def on_spark(value: Any) -> Any:
            return spark.functions().from_utc_timestamp(value.cast("timestamp"), zone)

        names = check_strings(columns, "columns", "ToTimeZone")
        self._added = [Added(name, (name,), compute, on_spark) for name in names]

    def added(self) -> Sequence[Added]:
        return self._added


def _utc(moment: pd.Timestamp) -> pd.Timestamp:
    return moment if moment.tzinfo is not None else moment.tz_localize("UTC")
