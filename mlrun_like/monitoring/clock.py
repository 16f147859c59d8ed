"""The time as monitoring sees it: the clock's, or a simulated one for tests and demonstrations."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["SimulatedClock", "is_simulated", "now", "simulated"]


class SimulatedClock:
    """A clock that stands until it is moved; for all threads of the process.

    Args:
        start: Seconds since 1970.
    """

    def __init__(self, start: float) -> None:
        self._now = float(start)
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds since 1970."""
        return self._now

    def advance(self, seconds: float) -> float:
        """Move on by so many seconds; the new time."""
        with self._lock:
            self._now += seconds
            return self._now

    def set(self, moment: float) -> None:
        """Jump to a time, in seconds since 1970."""
        with self._lock:
            self._now = float(moment)


_simulated: list[SimulatedClock] = []


def now() -> float:
    """Seconds since 1970: of the innermost simulated clock, else of the machine.

    >>> with simulated(1000.0) as clock:
    ...     clock.advance(60), now()
    (1060.0, 1060.0)
    """
    return _simulated[-1].now() if _simulated else time.time()


def is_simulated() -> bool:
    """Whether the time is simulated."""
    return bool(_simulated)


@contextmanager
def simulated(start: float | None = None) -> Iterator[SimulatedClock]:
    """Let time stand, and be moved by hand, for the whole process (threads see it, too).

    Args:
        start: Seconds since 1970; None: the present.
    """
    clock = SimulatedClock(time.time() if start is None else start)
    _simulated.append(clock)
    try:
        yield clock
    finally:
        _simulated.remove(clock)
