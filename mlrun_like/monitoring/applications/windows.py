"""Which windows of an endpoint are due: arithmetic only, in seconds since 1970.

Windows are [k * period, (k + 1) * period) for whole k, counted from 1970 in UTC, so they are the
same on every machine, in every time zone and after every restart. If the period of an application
changes, one shorter window fills the gap up to the next of the new ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Due", "due_span", "split"]

_EPSILON = 1e-6
"""Of a period: what rounding of k * period may differ by."""


class Due(NamedTuple):
    """What is to be done: windows from `start` to `end`; `missed` is where the gap began whose
    windows are too old, None: there is none."""

    start: float
    end: float
    missed: float | None = None


def due_span(
    period: float,
    done: float | None,
    seen: tuple[float, float],
    now: float,
    settle: float,
    limit: float,
) -> Due | None:
    """The span whose windows are complete and not done.

    Args:
        period: Length of a window, in seconds.
        done: End of the last finished window; None: there is none yet.
        seen: The endpoint's first and last request. The last window is the one that holds the
            last request: silence opens no windows.
        now: The time.
        settle: Seconds that a window stays open after its end, for requests on their way.
        limit: Seconds back that windows are made up for.

    >>> due_span(60.0, None, (65.0, 130.0), 1000.0, 10, 1e6)
    Due(start=60.0, end=180.0, missed=None)
    >>> due_span(60.0, 120.0, (65.0, 130.0), 185.0, 10, 1e6) is None
    True
    """
    first, last = seen
    end = min(_floor(now - settle, period), _floor(last, period) + period)
    start = _floor(first, period) if done is None else done
    oldest = _floor(now - limit, period)
    missed = None
    if start < oldest:
        missed, start = start, min(oldest, max(end, start))
    if end <= start and missed in (None, start):
        return None
    return Due(start, max(start, end), missed)


def split(start: float, end: float, period: float) -> Iterator[tuple[float, float]]:
    """The windows of a span; the first is shorter if the span begins inside of one.

    >>> list(split(30.0, 180.0, 60.0))
    [(30.0, 60.0), (60.0, 120.0), (120.0, 180.0)]
    """
    number = math.floor(start / period + _EPSILON) + 1
    begin = start
    while begin < end - period * _EPSILON:
        stop = min(number * period, end)
        yield begin, stop
        begin = stop
        number += 1


def _floor(moment: float, period: float) -> float:
    return math.floor(moment / period + _EPSILON) * period
