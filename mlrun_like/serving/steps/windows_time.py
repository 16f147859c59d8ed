"""The time of an event in milliseconds, from whatever a body or event holds."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.serving.event import Event, to_time

__all__ = ["millis_of", "time_reader"]

# Moments of datetimes are whole microseconds first, so that bounds of buckets are exact.
_MILLIS = 1e11
"""Numbers from here on are milliseconds: as seconds they would be after the year 5000."""


def millis_of(value: Any, time_format: str | None = None) -> float:
    """A time in milliseconds since 1970.

    Args:
        value: A datetime (UTC if it has no time zone), text, or seconds or milliseconds since 1970.
        time_format: How texts are written, as for `datetime.strptime`; ISO 8601 by default.

    Raises:
        InvalidArgumentError: if it is none of these.

    >>> millis_of("1970-01-01T00:00:01"), millis_of(1), millis_of(1_600_000_000_000)
    (1000.0, 1000.0, 1600000000000.0)
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=timezone.utc)
        millis: float = round(value.timestamp() * 1e6) / 1000
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        millis = float(value) if abs(value) >= _MILLIS else value * 1000.0
    else:
        if isinstance(value, str) and time_format:
            try:
                return millis_of(datetime.strptime(value, time_format))
            except ValueError as exc:
                raise InvalidArgumentError(f"{value!r:.80} is not a time: {exc}") from exc
        millis = round(to_time(value).timestamp() * 1e6) / 1000
    if not math.isfinite(millis):
        raise InvalidArgumentError(f"{value!r:.80} is not a time")
    return millis


def time_reader(time_field: Any, time_format: str | None, step: str) -> Callable[[Event], float]:
    """What gives the time of an event.

    Args:
        time_field: A field of the body, a function of the event, or None: the event's own time.
        time_format: See `millis_of`.
        step: The step's class, for errors.

    Raises:
        InvalidTypeError: if `time_field` is something else.

    >>> time_reader("t", None, "AggregateByKey")(Event({"t": 5}))
    5000.0
    """
    if not time_field:
        return _own_time
    if callable(time_field):
        return lambda event: millis_of(time_field(event), time_format)
    if not isinstance(time_field, str):
        raise InvalidTypeError(
            f"time_field is expected to be either a callable or string but got {type(time_field)}",
            where=f"step class {step}",
        )

    def read(event: Event) -> float:
        body = event.body
        value = body.get(time_field) if isinstance(body, dict) else _missing(body, time_field)
        if type(value) is datetime and value.tzinfo is not None:
            millis: float = round(value.timestamp() * 1e6) / 1000
            return millis
        if value is None:
            raise InvalidArgumentError(
                f"the event has no time: its body has no {time_field!r}",
                where=f"step class {step}",
                fix="send it, or leave out time_field to use the time of arrival",
            )
        return millis_of(value, time_format)

    return read


def _own_time(event: Event) -> float:
    value = event.time
    if type(value) is datetime and value.tzinfo is not None:
        millis: float = round(value.timestamp() * 1e6) / 1000
        return millis
    return millis_of(value)


def _missing(body: Any, field: str) -> Any:
    try:
        return body.get(field)
    except AttributeError as exc:
        raise InvalidTypeError(
            f"the body must be a dictionary to have {field!r}, not a {type(body).__name__}"
        ) from exc
