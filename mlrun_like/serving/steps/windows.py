"""Time windows: which spans of time the aggregates of an event cover."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "FixedWindow",
    "FixedWindowType",
    "FixedWindows",
    "SlidingWindow",
    "SlidingWindows",
    "WindowBase",
    "WindowsBase",
    "parse_duration",
]

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"([0-9]{1,12})(ms|[smhd])")
_PER_WINDOW = 2
"""Periods in one unit of the smallest window, if the user names no period (storey's number)."""


class FixedWindowType(Enum):
    """Which fixed window a query is about."""

    CurrentOpenWindow = 1
    LastClosedWindow = 2


def parse_duration(text: Any) -> int:
    """A span such as `"90s"`, `"10m"`, `"24h"` or `"7d"` in milliseconds.

    >>> parse_duration("10m")
    600000

    Raises:
        InvalidArgumentError: if it is not a number and one of the units ms, s, m, h, d.
    """
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None or int(found[1]) == 0:
        raise InvalidArgumentError(
            f'Failed to parse time "{text!s:.80}"',
            fix="write a number above 0 and a unit: 30s, 10m, 24h or 7d",
        )
    return int(found[1]) * _UNITS[found[2]]


def _unit(text: str) -> int:
    return _UNITS[text.lstrip("0123456789")]


def _sorted(windows: Any) -> list[tuple[int, str]]:
    if isinstance(windows, str):
        windows = [windows]
    if not isinstance(windows, Sequence) or not windows:
        raise InvalidArgumentError(
            f"Windows list can not be empty: {windows!r:.80}",
            fix="name one or more spans, such as ['1h', '24h']",
        )
    return sorted({(parse_duration(window), window) for window in windows})


def _divide(total: int, parts: int) -> int | float:
    return total // parts if total % parts == 0 else total / parts


class WindowsBase:
    """Windows of several lengths over the same buckets.

    Attributes:
        windows: `(milliseconds, text)` of each, the shortest first.
        period_millis: Length of a bucket.
        smallest_window_millis: Length of the shortest.
        max_window_millis: Length of the longest.
        total_number_of_buckets: Buckets in the least common multiple of all.
    """

    kind = ""

    def __init__(self, period: int | float, windows: list[tuple[int, str]]) -> None:
        self.windows = windows
        self.period_millis = period
        self.smallest_window_millis = windows[0][0]
        self.max_window_millis = windows[-1][0]
        self.window_millis = math.lcm(*(millis for millis, _ in windows))
        self.total_number_of_buckets = int(self.window_millis / period)

    def names(self) -> list[str]:
        """The windows as they were written, the shortest first."""
        return [text for _, text in self.windows]


class FixedWindows(WindowsBase):
    """Windows that begin at whole multiples of their length since 1970 (UTC): `1h` each full hour.

    Args:
        windows: Spans such as `["1h", "24h"]`.

    Raises:
        InvalidArgumentError: if there is none, or one cannot be read.

    >>> FixedWindows(["2h", "1h"]).names()
    ['1h', '2h']
    """

    kind = "FixedWindow"

    def __init__(self, windows: Sequence[str]) -> None:
        spans = _sorted(windows)
        self.smallest_window_unit_millis = _unit(spans[0][1])
        super().__init__(_divide(math.gcd(*(millis for millis, _ in spans)), _PER_WINDOW), spans)

    def round_up_time_to_window(self, timestamp: float) -> int:
        """The next full unit of the shortest window after `timestamp` (milliseconds)."""
        unit = self.smallest_window_unit_millis
        return int(timestamp // unit) * unit + unit

    def get_window_start_time_by_time(self, timestamp: float) -> int:
        """Where the least common multiple of all windows around `timestamp` begins."""
        return int(timestamp // self.window_millis) * self.window_millis

    def __repr__(self) -> str:
        return f"FixedWindows({self.names()!r})"


class SlidingWindows(WindowsBase):
    """Windows that end now, in steps of a period.

    A window covers the period that is under way and enough before it to make up its length.

    Args:
        windows: Spans such as `["1h", "24h"]`.
        period: How far they move at a time; half a unit of the shortest window by default
            (`"1h"`: 30 minutes).

    Raises:
        InvalidArgumentError: if there is no window, one cannot be read, or the period does not
            divide each of them.

    >>> SlidingWindows(["1h", "24h"], "10m").total_number_of_buckets
    144
    """

    kind = "SlidingWindow"

    def __init__(self, windows: Sequence[str], period: str | None = None) -> None:
        spans = _sorted(windows)
        millis: int | float = _divide(_unit(spans[0][1]), _PER_WINDOW)
        self.period = period
        if period:
            millis = parse_duration(period)
            for window in spans:
                if window[0] % millis:
                    raise InvalidArgumentError(
                        "Period must be a divisor of every window, "
                        f"but period {period} does not divide {window[1]}",
                        fix="choose a period such as 10m for windows of 1h and 24h",
                    )
        super().__init__(millis, spans)

    def get_window_start_time_by_time(self, timestamp: float) -> int | float:
        """Where the period around `timestamp` begins."""
        return int(timestamp // self.period_millis) * self.period_millis

    def __repr__(self) -> str:
        return f"SlidingWindows({self.names()!r}, {self.period!r})"


class WindowBase:
    """One window of the `Window` step.

    Attributes:
        window_millis: Its length.
        period_millis: Length of a bucket.
        window_str: As it was written.
    """

    def __init__(self, window: int, period: int | float, window_str: str) -> None:
        self.window_millis = window
        self.period_millis = period
        self.window_str = window_str

    def get_total_number_of_buckets(self) -> int:
        """How many buckets are kept."""
        return int(self.window_millis / self.period_millis)

    def get_window_start_time(self) -> float:
        """Where the first bucket begins, in milliseconds since 1970."""
        return _now()


class FixedWindow(WindowBase):
    """A window that begins at whole multiples of its length.

    Args:
        window: Its length, such as `"1h"`.

    >>> FixedWindow("1h").get_total_number_of_buckets()
    4
    """

    def __init__(self, window: str) -> None:
        millis = parse_duration(window)
        super().__init__(millis, _divide(millis, _PER_WINDOW), window)

    def get_total_number_of_buckets(self) -> int:
        return _PER_WINDOW * 2

    def get_window_start_time(self) -> float:
        return self.get_current_window()

    def get_current_window(self) -> float:
        """Where the window of now begins."""
        return int(_now() // self.window_millis) * self.window_millis

    def get_current_period(self) -> float:
        """Where the bucket of now begins."""
        return int(_now() // self.period_millis) * self.period_millis


class SlidingWindow(WindowBase):
    """A window that ends now.

    Args:
        window: Its length, such as `"1h"`.
        period: Length of a bucket, such as `"10m"`.

    Raises:
        InvalidArgumentError: if the period does not divide the window.

    >>> SlidingWindow("30m", "5m").get_total_number_of_buckets()
    6
    """

    def __init__(self, window: str, period: str) -> None:
        millis, step = parse_duration(window), parse_duration(period)
        if millis % step:
            raise InvalidArgumentError(
                f"period must be a divider of the window, but {period} does not divide {window}"
            )
        super().__init__(millis, step, window)


def _now() -> float:
    return datetime.now(timezone.utc).timestamp() * 1000
