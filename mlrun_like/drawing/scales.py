"""Round numbers and moments along an axis."""

from __future__ import annotations

import math
from datetime import datetime, timezone

from mlrun_like.drawing.markup import number

__all__ = ["number_ticks", "time_label", "time_ticks"]

_STEPS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
    86400, 172800, 604800, 1209600, 2592000, 7776000, 15552000, 31536000,
)  # fmt: skip
_FIRST, _LAST = -62135596800.0, 253402300799.0  # the years 1 to 9999


def number_ticks(low: float, high: float, most: int = 5) -> list[tuple[float, str]]:
    """Round numbers between two, with their labels.

    >>> number_ticks(0, 1)
    [(0.0, '0'), (0.2, '0.2'), (0.4, '0.4'), (0.6, '0.6'), (0.8, '0.8'), (1.0, '1')]
    """
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [(low, number(low))]
    power = 10.0 ** math.floor(math.log10(span / most))
    if not power:
        return [(low, number(low))]
    step = next((f * power for f in (1, 2, 5) if span / (f * power) <= most), 10 * power)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if last - first > 2 * most:
        return [(low, number(low))]
    digits = max(0, -math.floor(math.log10(step)))
    values = [round(at * step, digits) if digits < 300 else at * step
              for at in range(first, last + 1)]  # fmt: skip
    return [(value + 0.0, number(value, 6)) for value in values]


def time_ticks(low: float, high: float, most: int = 6) -> list[tuple[float, str]]:
    """Round moments between two, with labels in UTC.

    Args:
        low: Seconds since 1970.
        high: The same.
        most: About how many.

    >>> [label for _, label in time_ticks(0, 3600 * 5)]
    ['00:00', '01:00', '02:00', '03:00', '04:00', '05:00']
    """
    low, high = max(low, _FIRST), min(high, _LAST)
    span = high - low
    if not span > 0:
        return [(low, time_label(low))]
    step = next((each for each in _STEPS if span / each <= most), None)
    if step is None:
        step = math.ceil(span / most / _STEPS[-1]) * _STEPS[-1]
    first, last = math.ceil(low / step), math.floor(high / step)
    form = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 and span <= 86400 else (
        "%d %b %H:%M" if step < 86400 else "%d %b" if step < 31536000 else "%Y"
    )  # fmt: skip
    return [(float(at * step), _moment(at * step).strftime(form)) for at in range(first, last + 1)]


def time_label(seconds: float) -> str:
    """A moment in UTC, to the second.

    >>> time_label(0)
    '1970-01-01 00:00:00'
    """
    if not _FIRST <= seconds <= _LAST:
        return number(seconds)
    return _moment(seconds).strftime("%Y-%m-%d %H:%M:%S")


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=timezone.utc)
