"""Cron expressions: which times come next, in a time zone.

The fields and the nights in which clocks change follow Debian's cron, by the package `cronsim`.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.registry import require

__all__ = ["check_cron", "explained", "next_time", "shortest_gap", "times_between"]

_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EXAMPLE = '"0 9 * * MON-FRI" (minute, hour, day of month, month, day of week), or @daily'


def check_cron(cron: str, time_zone: str = "") -> None:
    """Refuse an expression or time zone that is none.

    Raises:
        InvalidArgumentError: naming the field that is wrong.
        MissingDependencyError: if the package that reads expressions is not installed.

    >>> check_cron("*/5 * * * *", "Europe/Berlin")
    """
    next(_times(cron, time_zone, 0.0), None)


def explained(cron: str, time_zone: str = "") -> str:
    """An expression in words.

    Raises:
        InvalidArgumentError: as `check_cron`.

    >>> explained("0 6 * * MON-FRI", "Europe/Berlin")
    'At 06:00 on Monday through Friday (Europe/Berlin)'
    """
    check_cron(cron, time_zone)
    cronsim = require("cronsim", feature="schedules", extra="schedules")
    text = " ".join(str(cron).split())
    words = cronsim.CronSim(_NAMED.get(text.lower(), text), datetime.now(timezone.utc)).explain()
    return f"{words} ({time_zone or 'UTC'})"


def next_time(cron: str, time_zone: str, after: float) -> float | None:
    """The first time after another one; both in seconds since 1970. None: there is none.

    >>> next_time("0 0 * * *", "", 0.0)
    86400.0
    """
    return next(_times(cron, time_zone, after), None)


def times_between(
    cron: str, time_zone: str, first: float, last: float, limit: int
) -> tuple[list[float], int]:
    """The times from `first` (which is one) to `last`.

    Returns:
        The newest `limit` of them, oldest first, and how many there are.
    """
    found, total = [first], 1
    for when in _times(cron, time_zone, first):
        if when > last:
            break
        total += 1
        found.append(when)
        if len(found) > limit:
            del found[0]
    return found, total


def shortest_gap(cron: str, time_zone: str, after: float) -> float:
    """Seconds between the closest two of the next sixty times."""
    times = []
    for when in _times(cron, time_zone, after):
        times.append(when)
        if len(times) == 60:
            break
    return min((b - a for a, b in itertools.pairwise(times)), default=float("inf"))


def _times(cron: str, time_zone: str, after: float) -> Iterator[float]:
    cronsim = require("cronsim", feature="schedules", extra="schedules")
    text = " ".join(str(cron).split())
    text = _NAMED.get(text.lower(), text)
    start = datetime.fromtimestamp(after, tz=_zone(time_zone))
    try:
        times = cronsim.CronSim(text, start)
    except cronsim.CronSimError as exc:
        raise InvalidArgumentError(
            f"cron expression {str(cron)[:100]!r} cannot be read: {str(exc).lower()}",
            fix=f"write for example {_EXAMPLE}",
        ) from exc
    for when in times:
        yield when.timestamp()


@functools.lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    if not name:
        return timezone.utc
    try:
        found = ZoneInfo(name)
        found.utcoffset(datetime(2000, 1, 1) + timedelta())
    except (KeyError, ValueError, OSError) as exc:
        raise InvalidArgumentError(
            f"time zone {name!r} is unknown.{nearest(name, available_timezones())}",
            fix='use an IANA name such as "Europe/Berlin", or leave it out for UTC',
        ) from exc
    return found
