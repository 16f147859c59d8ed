"""How many requests a model answered, and how fast."""

from __future__ import annotations

import threading
from typing import Any

__all__ = ["Counts"]


class Counts:
    """Requests, failures and times of one model; safe for threads.

    >>> counts = Counts()
    >>> counts.add(0.5)
    >>> counts.to_dict()
    {'requests': 1, 'failures': 0, 'seconds_mean': 0.5, 'seconds_max': 0.5}
    """

    __slots__ = ("_lock", "failures", "longest", "requests", "seconds")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        self.failures = 0
        self.seconds = 0.0
        self.longest = 0.0

    def add(self, seconds: float, failed: bool = False) -> None:
        """Count a request."""
        with self._lock:
            self.requests += 1
            self.failures += failed
            self.seconds += seconds
            if seconds > self.longest:
                self.longest = seconds

    def to_dict(self) -> dict[str, Any]:
        """The numbers as plain data; times in seconds."""
        with self._lock:
            mean = self.seconds / self.requests if self.requests else 0.0
            return {
                "requests": self.requests,
                "failures": self.failures,
                "seconds_mean": mean,
                "seconds_max": self.longest,
            }
