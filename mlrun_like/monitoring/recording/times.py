"""Times that users give, as seconds since 1970."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = ["seconds_of", "to_datetime"]


def seconds_of(moment: Any) -> float:
    """Seconds since 1970 of a datetime (without a zone: UTC), an ISO text or a number.

    Raises:
        InvalidArgumentError: if it is none of these.

    >>> seconds_of("1970-01-02T00:00:00Z")
    86400.0
    """
    if isinstance(moment, (int, float)) and not isinstance(moment, bool):
        if math.isfinite(moment):
            return float(moment)
    elif isinstance(moment, datetime):
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
        return aware.timestamp()
    elif isinstance(moment, str):
        try:
            return seconds_of(datetime.fromisoformat(moment.strip().replace("Z", "+00:00")))
        except (ValueError, OverflowError):
            pass
    raise InvalidArgumentError(
        f"{moment!r:.80} is no time", fix="a datetime, '2026-01-31T12:00:00+00:00' or seconds"
    )


def to_datetime(seconds: float) -> datetime:
    """The aware datetime (UTC) of seconds since 1970.

    >>> to_datetime(0.0).isoformat()
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(seconds, timezone.utc)
