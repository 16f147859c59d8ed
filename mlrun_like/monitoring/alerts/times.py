"""Times of alerts: seconds since 1970 in the store, ISO texts and datetimes for people."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.durations import parse_duration

__all__ = ["iso", "moment", "seconds", "shown_span"]


def iso(time: float) -> str:
    """A time in ISO form, UTC.

    >>> iso(0.0)
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(time, timezone.utc).isoformat()


def moment(value: Any) -> float:
    """Seconds since 1970 of a number, a datetime or an ISO text (without a zone: UTC).

    >>> moment("1970-01-01T00:01:00")
    60.0

    Raises:
        InvalidArgumentError: if it is no time.
    """
    try:
        if isinstance(value, str):
            value = datetime.fromisoformat(value.replace("Z", "+00:00"))
        if isinstance(value, datetime):
            value = value if value.tzinfo else value.replace(tzinfo=timezone.utc)
            return float(value.timestamp())
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if number and math.isfinite(value):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise InvalidArgumentError(
        f"{value!r:.60} is no time", fix='write "2026-01-31T12:00:00+00:00", or seconds since 1970'
    )


def seconds(text: str | float | None, default: float = 0.0) -> float:
    """Seconds of a time such as `"5m"`; None and empty: the default.

    >>> seconds("5m"), seconds(None)
    (300.0, 0.0)
    """
    return default if text is None or text == "" else parse_duration(text)


def shown_span(time: float) -> str:
    """A span of time for people.

    >>> shown_span(90), shown_span(7200), shown_span(200_000)
    ('90 s', '2 h', '2.31 d')
    """
    for size, unit in ((86_400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if time >= 2 * size:
            return f"{time / size:.3g} {unit}"
    return f"{time:.3g} s"
