"""The thread that writes queued operations: started when first needed, asleep when idle."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

__all__ = ["FlushThread"]

_log = logging.getLogger("mlrun_like.tracking")


class FlushThread:
    """Calls `action` once, `interval` seconds after `wake`.

    Args:
        action: What to do; returns whether it must be done again without being woken.
        interval: Seconds.
        again: Seconds until the next call when there is more to do.
    """

    def __init__(self, action: Callable[[], bool], interval: float, again: float) -> None:
        self.awake = False
        """Whether a call is due; who queues something looks here first."""
        self._action = action
        self._interval = interval
        self._again = again
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def wake(self) -> None:
        """Have `action` called soon."""
        self.awake = True
        self._wake.set()
        if self._thread is None:
            with self._lock:
                if self._thread is None and not self._stop.is_set():
                    self._thread = threading.Thread(
                        target=self._run, name="mlrun-like-writer", daemon=True
                    )
                    self._thread.start()

    def stop(self, timeout: float) -> None:
        """End the thread after the call it is in."""
        self._stop.set()
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _run(self) -> None:
        more = False
        while not self._stop.is_set():  # the wake-up of `stop` may have been cleared below
            self._wake.wait(self._again if more else None)
            if self._stop.wait(self._interval):
                return
            self._wake.clear()
            # in this order: what is queued after this line wakes the thread again
            self.awake = False
            try:
                more = self._action()
            except Exception:  # noqa: BLE001  the thread's own boundary: it must live on
                _log.exception("queued records could not be written; trying again")
                more = True
