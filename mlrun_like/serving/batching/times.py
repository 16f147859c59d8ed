"""What a batched call costs and how fast rows arrive, measured while serving."""

from __future__ import annotations

import math

__all__ = ["CallTimes"]

_FORGET = 0.9  # weight of the past at each call: about the last ten count
_SMOOTH = 0.25  # weight of the newest arrival rate
_SLOW = 0.01  # seconds; nobody waits for rows that come this rarely
_LONG = 0.002  # seconds; a longer call would hold up the other callers of an event loop
_SHORT = 0.001  # seconds; a call in a thread must be shorter than this to come back to the loop


class CallTimes:
    """Estimates for one call: `fixed + rows * per_row` seconds, and the gap between rows.

    The two numbers are a least-squares line through the latest calls, older ones counting less.

    >>> times = CallTimes()
    >>> for rows in (1, 8, 4, 16, 2):
    ...     times.record(rows, 0.010 + rows * 0.001)
    >>> round(times.fixed, 6), round(times.per_row, 6), round(times.expected(10), 6)
    (0.01, 0.001, 0.02)
    """

    __slots__ = (
        "_n",
        "_nn",
        "_nt",
        "_seen",
        "_skip",
        "_t",
        "_w",
        "fixed",
        "gap",
        "per_row",
        "threaded",
    )

    def __init__(self) -> None:
        self.fixed = 0.0
        """Seconds of a call, however few rows it has."""
        self.per_row = 0.0
        """Seconds that each row adds."""
        self.gap = math.inf
        """Seconds between the arrivals of two rows, on average."""
        self.threaded = True
        """Whether the call belongs in a thread; unknown calls do."""
        self._seen = self._skip = 0
        self._w = self._n = self._nn = self._t = self._nt = 0.0

    def record(self, rows: int, seconds: float) -> None:
        """Learn from one call."""
        self._seen += 1
        # the first call also loads and compiles things: the second one replaces it
        keep = _FORGET if self._seen > 2 else 0.0
        w = self._w = self._w * keep + 1.0
        n = self._n = self._n * keep + rows
        nn = self._nn = self._nn * keep + rows * rows
        t = self._t = self._t * keep + seconds
        nt = self._nt = self._nt * keep + rows * seconds
        spread = w * nn - n * n
        if spread > 1e-3 * nn:
            slope = (w * nt - n * t) / spread
            slope = min(max(slope, 0.0), t / n)
        else:  # all calls had the same size: what a row adds is not known
            slope = 0.0
        self.per_row = slope
        self.fixed = max(0.0, (t - slope * n) / w)

    def glance(self, rows: int, seconds: float) -> None:
        """Learn from one of many equal calls: from one in eight, or when it took much longer."""
        self._skip -= 1
        if self._skip < 0 or seconds > self.fixed + self.fixed:
            self._skip = 7
            self.record(rows, seconds)

    def expected(self, rows: int) -> float:
        """Seconds that a call with so many rows takes; 0 before the first one."""
        return self.fixed + self.per_row * rows

    def in_thread(self, rows: int) -> bool:
        """Whether the next call runs in a thread instead of on the event loop.

        It changes to a thread above 2 ms and back below 1 ms, so that it does not flutter.
        """
        if not self._seen:
            return True
        expected = self.fixed + self.per_row * rows
        if self.threaded:
            self.threaded = expected >= _SHORT
        else:
            self.threaded = expected > _LONG
        return self.threaded

    def arrived(self, rows: int, seconds: float) -> None:
        """Learn that so many rows came in so many seconds."""
        if rows <= 0:
            return
        gap = min(seconds / rows, _SLOW)  # an hour of silence must not be remembered for long
        self.gap = gap if self.gap == math.inf else self.gap + _SMOOTH * (gap - self.gap)

    def patience(self, rows: int) -> float:
        """Seconds that `rows` waiting rows should wait for one more; 0: they should not.

        Going now, a row that comes `gap` later waits for this call to end and then needs a call
        of its own: together `fixed` more than if this call had waited for it. Waiting costs every
        row here `gap + per_row`. So it pays while `fixed > (rows + 1) * gap + rows * per_row`, and
        the longest wait that still pays is `(fixed - rows * per_row) / (rows + 1)`.
        """
        longest = (self.fixed - rows * self.per_row) / (rows + 1)
        return longest if self.gap < longest else 0.0
