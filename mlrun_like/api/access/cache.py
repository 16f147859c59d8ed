"""Callers that were checked a moment ago: most requests ask nothing of the store."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Recent"]

_V = TypeVar("_V")
_MOST = 10_000


class Recent(Generic[_V]):
    """Values by key for a few seconds.

    Args:
        seconds: How long a value counts; 0: not at all.
        clock: Seconds; for tests.

    >>> recent = Recent(2.0, clock=lambda: 0.0)
    >>> recent.put(b"key", 1)
    >>> recent.get(b"key"), recent.get(b"other")
    (1, None)
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._values: dict[bytes, tuple[float, _V]] = {}

    def get(self, key: bytes) -> _V | None:
        """The value, if it is young enough."""
        found = self._values.get(key)
        if found is None or self._clock() >= found[0]:
            return None
        return found[1]

    def put(self, key: bytes, value: _V) -> None:
        """Remember a value."""
        if self.seconds <= 0:
            return
        if len(self._values) >= _MOST:
            now = self._clock()
            young = {key: kept for key, kept in self._values.items() if kept[0] > now}
            self._values = young if len(young) < _MOST // 2 else {}
        self._values[key] = (self._clock() + self.seconds, value)

    def clear(self) -> None:
        """Forget all: a right has changed."""
        self._values.clear()
