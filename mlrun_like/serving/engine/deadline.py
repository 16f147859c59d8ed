"""Until when the caller of the event under way waits, for what sees only the event's body."""

from __future__ import annotations

import time
from contextvars import ContextVar

__all__ = ["DEADLINE", "time_left"]

DEADLINE: ContextVar[float | None] = ContextVar("mlrun_like_deadline", default=None)
"""In seconds of `time.monotonic()`; set while an event that has a deadline is in its graph."""


def time_left() -> float | None:
    """Seconds that the caller still waits, negative if it does no longer; None: for ever.

    >>> mark = DEADLINE.set(time.monotonic() + 60)
    >>> round(time_left())
    60
    >>> DEADLINE.reset(mark)
    """
    deadline = DEADLINE.get()
    return None if deadline is None else deadline - time.monotonic()
