"""One timer thread per process, for steps that act by the clock."""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["Timer", "call_later"]

_logger = logging.getLogger("mlrun_like.serving")
_MANY = 1000


class Timer:
    """A call that is due; `cancel` keeps it from happening."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call: Callable[[], Any] | None = call

    @property
    def cancelled(self) -> bool:
        """Whether there is nothing to call any more."""
        return self._call is None

    def cancel(self) -> None:
        """Do not call; harmless if it was called already."""
        self._call = None

    def fire(self) -> None:
        """Call once, unless cancelled."""
        call, self._call = self._call, None
        if call is not None:
            call()


class _Clock:
    def __init__(self) -> None:
        self._due: list[tuple[float, int, Timer]] = []
        self._number = itertools.count()
        self._most = _MANY
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self.process = os.getpid()

    def add(self, seconds: float, call: Callable[[], Any]) -> Timer:
        timer = Timer(call)
        with self._changed:
            if len(self._due) > self._most:  # those far in the future, cancelled long ago
                self._due = [item for item in self._due if not item[2].cancelled]
                heapq.heapify(self._due)
                self._most = max(_MANY, 2 * len(self._due))
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._number), timer))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="graph-clock", daemon=True)
                self._thread.start()
            self._changed.notify()
        return timer

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._due:
                    self._changed.wait()
                wait = self._due[0][0] - time.monotonic()
                if wait > 0:
                    self._changed.wait(wait)
                    continue
                timer = heapq.heappop(self._due)[2]
            try:
                timer.fire()
            except BaseException:  # one step's failure, or exit, must not stop the clock of all
                _logger.exception("a timed action of a graph failed")


_clock = _Clock()


def call_later(seconds: float, call: Callable[[], Any]) -> Timer:
    """Call `call()` in the clock's thread after so many seconds; short work only.

    >>> import threading
    >>> done = threading.Event()
    >>> timer = call_later(0.001, done.set)
    >>> done.wait(5)
    True
    """
    global _clock
    if _clock.process != os.getpid():  # threads do not survive a fork
        _clock = _Clock()
    return _clock.add(seconds, call)
