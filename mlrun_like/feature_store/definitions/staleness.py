"""How long a value holds after its event time."""

from __future__ import annotations

import datetime
import math
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.durations import parse_duration

__all__ = ["check_ttl", "ttl_millis"]

_LONGEST = 100 * 366 * 86_400_000


def check_ttl(ttl: Any) -> str | float | None:
    """A ttl as it stands in documents: text such as `"30d"`, seconds, or None: values hold forever.

    >>> check_ttl(datetime.timedelta(days=1)), check_ttl("1h 30m"), check_ttl(None)
    (86400.0, '1h 30m', None)

    Raises:
        InvalidArgumentError: if it is no time, or not positive.
    """
    if isinstance(ttl, datetime.timedelta):
        ttl = ttl.total_seconds()
    ttl_millis(ttl)
    return None if ttl is None or ttl == "" else ttl


def ttl_millis(ttl: Any) -> int | None:
    """A ttl in milliseconds, or None: values hold forever.

    >>> ttl_millis("30d"), ttl_millis(1.5), ttl_millis("-1")
    (2592000000, 1500, None)

    Raises:
        InvalidArgumentError: if it is no time, or not positive.
    """
    if ttl is None or ttl == "":
        return None
    if isinstance(ttl, bool) or not isinstance(ttl, (str, int, float, datetime.timedelta)):
        raise InvalidArgumentError(f"ttl {ttl!r:.60} is no time", fix='write "30d" or seconds')
    if isinstance(ttl, datetime.timedelta):
        seconds = ttl.total_seconds()
    else:
        seconds = float(ttl) if isinstance(ttl, (int, float)) else _parsed(ttl)
    if seconds == -1 or seconds == math.inf:
        return None
    millis = seconds * 1000
    if not 1 <= millis <= _LONGEST:
        raise InvalidArgumentError(
            f"ttl {ttl!r:.60} is not between a millisecond and 100 years",
            fix="leave it out if values hold forever",
        )
    return round(millis)


def _parsed(text: str) -> float:
    try:
        return parse_duration(text)
    except (InvalidArgumentError, OverflowError) as exc:
        raise InvalidArgumentError(
            f"ttl {text!r:.60} is no time", fix='write "90s", "15m", "1h 30m" or "30d"'
        ) from exc
