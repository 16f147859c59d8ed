"""Stop reading while the next function is behind."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from mlrun_like.serving.queues.push import QueuePush

__all__ = ["Pressure"]

_MOST_IN_MEMORY = 100_000
_EVERY = 0.5
"""Seconds between looks, because others push too."""


class Pressure:
    """Looks at the queues that a function pushes to and other functions read.

    Args:
        outputs: The steps that push.
        most: How many records may wait in a queue that says nothing itself; None: a limit for
            streams that are kept in memory, none for those on disk.
    """

    def __init__(self, outputs: Sequence[QueuePush], most: int | None) -> None:
        self._outputs = [output for output in outputs if output.groups]
        self._most = most
        self._looked = 0.0
        self._high = False
        self._room = 0.0
        """How many records may be pushed before it is worth looking again."""

    def pushed(self, count: int) -> None:
        """So many records were pushed since."""
        self._room -= count

    def is_high(self) -> bool:
        """Whether to wait; a cheap question most of the time."""
        if not self._outputs:
            return False
        if time.monotonic() - self._looked < _EVERY and (self._high or self._room > 0):
            return self._high
        self._room = min(self._left(output) for output in self._outputs)
        self._looked = time.monotonic()
        self._high = self._room <= 0
        return self._high

    def _left(self, output: QueuePush) -> float:
        most = output.max_depth or self._most
        if most is None:
            if not output.stream.in_memory:
                return math.inf
            most = _MOST_IN_MEMORY
        # once high it stays high until a fifth is gone: no stopping and starting at the brim
        limit = most * 0.8 if self._high else most
        return limit - max(output.stream.depth(group) for group in output.groups)
