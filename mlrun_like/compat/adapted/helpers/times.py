"""Times and their texts."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any

from mlrun_like.registry import require

__all__ = [
    "DEFAULT_TIME_PARTITIONING_GRANULARITY",
    "DEFAULT_TIME_PARTITIONS",
    "LEGAL_TIME_UNITS",
    "datetime_from_iso",
    "datetime_min",
    "datetime_now",
    "datetime_to_iso",
    "datetime_to_mysql_ts",
    "enrich_datetime_with_tz_info",
    "ensure_tz_aware",
    "format_datetime",
    "has_timezone",
    "now_date",
    "str_to_timestamp",
    "to_date_str",
    "validate_and_convert_date",
]

LEGAL_TIME_UNITS = ["year", "month", "day", "hour", "minute", "second"]
DEFAULT_TIME_PARTITIONS = ["year", "month", "day", "hour"]
DEFAULT_TIME_PARTITIONING_GRANULARITY = "hour"


def now_date(tz: tzinfo = timezone.utc) -> datetime:
    """Now."""
    return datetime.now(tz)


datetime_now = now_date


def datetime_min(tz: tzinfo = timezone.utc) -> datetime:
    """The beginning of Unix time."""
    return datetime(1970, 1, 1, tzinfo=tz)


def ensure_tz_aware(dt: datetime | None, tz: tzinfo = timezone.utc) -> datetime | None:
    """A time with a zone: its own, else this."""
    return dt.replace(tzinfo=tz) if dt is not None and dt.tzinfo is None else dt


def to_date_str(d: date | None) -> str:
    """ISO text; empty for None."""
    return d.isoformat() if d else ""


def datetime_to_iso(time_obj: datetime | None) -> str | None:
    """ISO text; None for None."""
    return time_obj.isoformat() if time_obj else None


def datetime_from_iso(time_str: str) -> datetime | None:
    """The time in UTC of an ISO text; None for an empty one.

    >>> datetime_from_iso("2024-05-01T12:00:00+02:00").isoformat()
    '2024-05-01T10:00:00+00:00'
    """
    found = ensure_tz_aware(_parsed(time_str)) if time_str else None
    return found.astimezone(timezone.utc) if found else None


def datetime_to_mysql_ts(datetime_object: datetime) -> datetime:
    """A time of whole milliseconds."""
    found = ensure_tz_aware(datetime_object) or datetime_object
    rest = round(found.microsecond / 1000) * 1000 - found.microsecond
    return found + timedelta(microseconds=rest)


def has_timezone(timestamp: Any) -> bool:
    """Whether a time, or its text, names a zone."""
    try:
        found = _parsed(timestamp) if isinstance(timestamp, str) else timestamp
        return found.tzinfo is not None
    except ValueError:
        return False


def enrich_datetime_with_tz_info(timestamp_string: str | None) -> datetime | None:
    """The time of a text, in the zone of this machine if it names none; None for none."""
    if not timestamp_string:
        return None
    found = _parsed(timestamp_string)
    return found.astimezone() if found.tzinfo is None else found


def format_datetime(dt: datetime | None, fmt: str | None = None) -> str:
    """A time with its zone, as `2024-05-01 12:00:00.000000+00:00`; empty for None."""
    found = ensure_tz_aware(dt)
    if found is None:
        return ""
    text = found.strftime(fmt or "%Y-%m-%d %H:%M:%S.%f%z")
    return f"{text[:-2]}:{text[-2:]}"


def validate_and_convert_date(date_input: str) -> str:
    """Any text of a time as ISO text in UTC, ending with Z.

    Raises:
        ValueError: if it is no time.
    """
    try:
        found = ensure_tz_aware(_parsed(date_input)) or datetime_min()
    except (ValueError, OverflowError) as exc:
        raise ValueError(f"Invalid date format: {date_input}") from exc
    return found.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def str_to_timestamp(time_str: Any, now_time: Any = None) -> Any:
    """The pandas time of a text such as `now`, `now - 1d2h floor 1H`, or of a date.

    Raises:
        ValueError: if it cannot be read.
    """
    if not isinstance(time_str, str):
        return time_str
    pandas = require("pandas", feature="times as text")
    text, _, floor = time_str.strip().partition("floor")
    text = text.strip()
    if not text.lower().startswith("now"):
        return pandas.Timestamp(time_str)
    found = now_time if now_time is not None else pandas.Timestamp.now(tz="UTC")
    delta = text[3:].strip()
    if delta:
        if delta[0] not in "+-":
            raise ValueError(f"illegal time string expression {time_str}")
        found = found + pandas.Timedelta(delta.replace(" ", "").replace("d", "D"))
    return found.floor(floor.strip().replace("H", "h")) if floor.strip() else found


def _parsed(text: str) -> datetime:
    found: datetime = require("dateutil.parser", feature="times as text").parse(text)
    return found
