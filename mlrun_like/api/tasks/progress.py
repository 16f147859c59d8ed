"""What work tells while it goes on, and how it hears that nobody wants it any more."""

from __future__ import annotations

import threading

from mlrun_like.errors import TaskCancelledError

__all__ = ["Progress"]


class Progress:
    """Given to the work of a task.

    >>> progress = Progress()
    >>> progress.tell(3, 10, "deleting")
    >>> progress.now()
    (3, 10, 'deleting')
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: tuple[float, float, str] = (0.0, 0.0, "")
        self.wanted = True
        """Whether the work shall go on."""

    def tell(self, done: float, total: float = 0.0, message: str = "") -> None:
        """Say how far it is; costs nothing, so it can be called for each item.

        Raises:
            TaskCancelledError: if it shall stop; let it pass.
        """
        with self._lock:
            self._now = (done, total, message or self._now[2])
        if not self.wanted:
            raise TaskCancelledError("the task was cancelled")

    def now(self) -> tuple[float, float, str]:
        """What was told last: done, total, message."""
        with self._lock:
            return self._now
