"""Trying again: with growing pauses, some chance, and an end."""

from __future__ import annotations

import random
import time
from email.utils import parsedate_to_datetime

__all__ = ["Patience", "retry_after"]

_FIRST = 0.1
_LONGEST = 5.0
_LONGEST_ASKED = 60.0


class Patience:
    """The time that one call may take with all its tries.

    Args:
        seconds: How long; 0: one try only.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.tries = 0
        self._end = time.monotonic() + seconds

    def timeout(self, most: float) -> float:
        """Seconds that the next try may take."""
        if self.tries == 0 or not self.seconds:
            return most
        return max(0.5, min(most, self._end - time.monotonic()))

    def wait(self, asked: float = 0.0) -> bool:
        """Wait before the next try; False, at once, if there is no time for one.

        Args:
            asked: Seconds that the service asks to be left alone; 0: it does not.
        """
        pause = min(_LONGEST, _FIRST * 2**self.tries) * random.uniform(0.5, 1.0)
        # many that were told the same moment must not all come in that moment
        pause = max(pause, asked * random.uniform(1.0, 1.2))
        self.tries += 1
        if time.monotonic() + pause > self._end:
            return False
        time.sleep(pause)
        return True


def retry_after(text: str) -> float:
    """Seconds that a `Retry-After` header asks for, by number or date; 0 if it cannot be read.

    >>> retry_after("2"), retry_after("soon")
    (2.0, 0.0)
    """
    try:
        return min(_LONGEST_ASKED, max(0.0, float(text)))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return min(_LONGEST_ASKED, max(0.0, moment - time.time()))
