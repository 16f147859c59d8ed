"""How far apart the writes of streams are: further when the event loop has much to do."""

from __future__ import annotations

import asyncio
import time

__all__ = ["Pace"]

_LEAST = 0.002  # seconds
_MOST = 0.05
_OFTEN = 0.05
_GRAIN = 0.0015  # seconds that a timer is late on an idle loop


class Pace:
    """Watches how late the loop is while there are streams.

    A write costs as much as ten values. When all streams together ask for more than the process
    can do, writing each of them less often makes room, at the price of some milliseconds.

    >>> Pace().apart
    0.002
    """

    def __init__(self) -> None:
        self.apart = _LEAST
        """Seconds between two writes of one stream."""
        self._streams = 0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def join(self) -> None:
        """A stream begins."""
        self._streams += 1
        if self._timer is None:
            self._wait()

    def leave(self) -> None:
        """A stream has ended."""
        self._streams -= 1

    def _wait(self) -> None:
        self._due = time.monotonic() + _OFTEN
        self._timer = asyncio.get_running_loop().call_later(_OFTEN, self._look)

    def _look(self) -> None:
        late = max(0.0, time.monotonic() - self._due - _GRAIN)
        wanted = min(_MOST, max(_LEAST, 4 * late))
        self.apart = 0.7 * self.apart + 0.3 * wanted
        self._timer = None
        if self._streams:
            self._wait()
        else:
            self.apart = _LEAST
