"""The present moment as text, for records and answers."""

from __future__ import annotations

import time

__all__ = ["now"]

_second: tuple[int, str] = (0, "")


def now() -> str:
    """The time in UTC as ISO text with microseconds; the date is written once a second.

    >>> now()[10], now()[-6:]
    ('T', '+00:00')
    """
    global _second
    nanoseconds = time.time_ns()
    second = nanoseconds // 1_000_000_000
    known, text = _second
    if second != known:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _second = (second, text)
    return f"{text}.{nanoseconds // 1000 % 1_000_000:06d}+00:00"
