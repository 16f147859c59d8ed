"""How long a call takes, learned from calls: whether it may run inside an event loop."""

from __future__ import annotations

__all__ = ["Pace"]

SHORT = 0.002
"""Seconds: a hop to a thread and back costs a few per cent of this."""
_WEIGHT = 0.2


class Pace:
    """The time of a kind of call, an average that follows changes.

    Nothing is known before the first call, which therefore counts as long. A request with more
    rows than usual is expected to take longer in proportion.

    >>> pace = Pace()
    >>> pace.is_short(1)
    False
    >>> pace.note(0.0001, 1)
    >>> pace.is_short(1), pace.is_short(1000)
    (True, False)
    """

    __slots__ = ("rows", "seconds")

    def __init__(self) -> None:
        self.seconds: float | None = None
        self.rows = 1.0

    def forget(self) -> None:
        """Start anew."""
        self.seconds = None

    def note(self, seconds: float, rows: int) -> None:
        """Learn from a call."""
        known = self.seconds
        if known is None:
            self.seconds, self.rows = seconds, max(1.0, rows)
            return
        # a slow call counts at once, or several more would hold up the loop
        weight = 1.0 if seconds > SHORT > known else _WEIGHT
        self.seconds = known + weight * (seconds - known)
        self.rows += _WEIGHT * (max(1, rows) - self.rows)

    def is_short(self, rows: int) -> bool:
        """Whether a call with so many rows is expected to take less than 2 ms."""
        known = self.seconds
        return known is not None and known * max(1.0, rows / self.rows) < SHORT
