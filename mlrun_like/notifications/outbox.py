"""Messages on their way: no run waits for a receiver that is slow, down or hostile.

Each receiver (a kind with its params) has a queue of its own and at most one thread, so one that
hangs holds back its own messages and nobody else's, and messages to one receiver keep their order.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mlrun_like.notifications.sending import Outcome, send
from mlrun_like.specs.notification import Notification

__all__ = ["Outbox", "flush"]

_LOG = logging.getLogger(__name__)
_HERE = ("console", "ipython")
"""Kinds that only write here: sent at once, in the order of what else is written."""
_MOST = 1000
"""Messages that may wait for one receiver."""
_AT_EXIT = 10.0
"""Seconds that the end of the process waits for what is on its way."""


class _Letter(NamedTuple):
    notification: Notification
    runs: Sequence[Mapping[str, Any]]
    secrets: Mapping[str, str]
    text: str
    outcome: Outcome
    arrived: Callable[[], None]


class _Post:
    """The queues of all receivers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queues: dict[str, deque[_Letter]] = {}

    def put(self, letter: _Letter) -> bool:
        """Queue a letter; False if too many wait."""
        note = letter.notification
        key = repr((note.kind, dict(note.params), dict(note.secret_params)))
        with self._changed:
            queue = self._queues.get(key)
            if queue is not None and len(queue) >= _MOST:
                return False
            if queue is None:
                queue = self._queues[key] = deque()
                name = f"notification-{note.kind}"
                threading.Thread(target=self._work, args=(key,), name=name, daemon=True).start()
            queue.append(letter)
        return True

    def _work(self, key: str) -> None:
        while True:
            with self._changed:
                queue = self._queues[key]
                if not queue:
                    del self._queues[key]
                    self._changed.notify_all()
                    return
                letter = queue[0]
            letter.outcome.update(send(*letter[:4]))
            letter.arrived()
            with self._changed:
                queue.popleft()

    def flush(self, seconds: float) -> int:
        """Wait until all have arrived; how many have not."""
        with self._changed:
            self._changed.wait_for(lambda: not self._queues, seconds)
            return sum(map(len, self._queues.values()))


_POST = _Post()


def _forget() -> None:
    global _POST
    _POST = _Post()  # a forked child has none of the threads; its parent sends what waits


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def flush(seconds: float = 10.0) -> int:
    """Wait until the messages of this process have arrived or failed.

    Args:
        seconds: At most so long.

    Returns:
        How many are still on their way.
    """
    return _POST.flush(seconds)


@atexit.register
def _last_call() -> None:
    left = flush(_AT_EXIT)
    if left:
        _LOG.warning("%d notifications had not arrived when the process ended", left)


class Outbox:
    """The messages about one run, and what became of them.

    Args:
        secrets: Values of secrets, besides the environment's.
    """

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._secrets = secrets
        self._changed = threading.Condition()
        self._coming = 0
        self._late: Callable[[], None] | None = None
        self.outcomes: dict[str, Outcome] = {}
        """By the notification's name; those on their way have the status `sending`."""

    def send(
        self,
        notifications: Iterable[Notification],
        runs: Sequence[Mapping[str, Any]],
        text: str = "",
    ) -> None:
        """Send each; those that go to other machines are on their way then.

        Args:
            notifications: Those that are due.
            runs: The documents of the runs that they are about.
            text: What is said by those that have no message of their own.
        """
        for note in notifications:
            outcome = self.outcomes[note.name] = {"kind": note.kind, "status": "sending"}
            if note.kind in _HERE:
                outcome.update(send(note, runs, self._secrets, text))
                continue
            with self._changed:
                self._coming += 1
            letter = _Letter(note, runs, self._secrets, text, outcome, self._arrived)
            if not _POST.put(letter):
                said = f"{_MOST} earlier messages still wait for this receiver"
                outcome.update(status="error", attempts=0, reason=said)
                self._arrived()

    def _arrived(self) -> None:
        with self._changed:
            self._coming -= 1
            self._changed.notify_all()
            late = self._late if not self._coming else None
        if late is not None:
            late()

    def wait(self, seconds: float, late: Callable[[], None]) -> bool:
        """Wait until all have arrived or failed, and say whether they have.

        Args:
            seconds: At most so long.
            late: Called from another thread when the last one has, if that is not now.
        """
        end = time.monotonic() + seconds
        with self._changed:
            while self._coming:
                left = end - time.monotonic()
                if left <= 0:
                    self._late = late
                    return False
                self._changed.wait(left)
        return True
