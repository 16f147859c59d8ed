"""Waiting longer after each failure."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """Delays that double from `first` to `most` seconds, each shortened at random by up to half.

    The randomness keeps many clients from coming back at one moment.

    >>> backoff = Backoff(first=0.0)
    >>> backoff.wait(), backoff.failures
    (True, 1)
    """

    def __init__(self, first: float = 0.05, most: float = 2.0) -> None:
        self._first = first
        self._most = most
        self.failures = 0

    def reset(self) -> None:
        """Something worked: start anew."""
        self.failures = 0

    def delay(self) -> float:
        """Count a failure and say how long to wait, in seconds."""
        seconds = min(self._most, self._first * float(2 ** min(self.failures, 30)))
        self.failures += 1
        return seconds * random.uniform(0.5, 1.0)

    def wait(
        self, deadline: float | None = None, sleep: Callable[[float], object] = time.sleep
    ) -> bool:
        """Count a failure and sleep; False at once if that would pass `deadline`.

        Args:
            deadline: In seconds of `time.monotonic()`; None: none.
            sleep: What sleeps, such as an `Event.wait` that can be cut short.
        """
        seconds = self.delay()
        if deadline is not None and time.monotonic() + seconds > deadline:
            return False
        sleep(seconds)
        return True
