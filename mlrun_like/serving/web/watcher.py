"""What the connections of a process share: a clock, the date, their limits in time."""

from __future__ import annotations

import asyncio
import email.utils
import time
from typing import TYPE_CHECKING, Any

from mlrun_like.serving.web.answers import Answers
from mlrun_like.serving.web.wire import JSON_HEAD

if TYPE_CHECKING:
    from mlrun_like.serving.web.protocol import GraphProtocol

__all__ = ["Watcher"]

_OFTEN = 0.5  # seconds between two looks at all connections


class Watcher:
    """Looks at all connections now and then, which costs less than a timer for each request.

    Args:
        answers: What the graph answers.
        keep_alive: Seconds that an unused connection is kept.
        linger: Seconds that an unused connection is kept for one more request when the server
            ends, so that no client sends into a closed connection.
    """

    def __init__(self, answers: Answers, keep_alive: float = 75.0, linger: float = 0.0) -> None:
        self.answers = answers
        self.keep_alive = keep_alive
        self.linger = linger
        self.max_body = answers.options.max_body
        self.io_timeout = answers.options.io_timeout
        self.draining = False
        """Whether the server ends: each connection carries one more request at most."""
        self.loop: asyncio.AbstractEventLoop
        self.now = 0.0
        """Seconds of the loop's clock, as of the last look."""
        self.date = b""
        """The header `Date`, as a line."""
        self.json_head = b""
        """The start of a JSON answer, as far as it is the same for all."""
        self.tasks: set[Any] = set()
        self._connections: set[Any] = set()
        self._interval = min(_OFTEN, (self.io_timeout or 60) / 5, keep_alive / 5)
        self._timer: asyncio.TimerHandle | None = None

    def join(self, connections: set[Any], tasks: set[Any]) -> None:
        """Keep connections and tasks in these sets: the server waits for them when it ends."""
        self._connections, self.tasks = connections, tasks

    def add(self, connection: GraphProtocol) -> None:
        """Watch a connection."""
        if self._timer is None:
            self.loop = asyncio.get_running_loop()
            self._look(begin=True)
        connection.since = self.now
        self._connections.add(connection)

    def discard(self, connection: GraphProtocol) -> None:
        """A connection has ended."""
        self._connections.discard(connection)

    def _look(self, begin: bool = False) -> None:
        self.now = now = self.loop.time()
        self.date = b"date: %b\r\n" % email.utils.formatdate(time.time(), usegmt=True).encode()
        self.json_head = JSON_HEAD + self.date
        for connection in list(self._connections):
            connection.check(now)
        # without connections there is nothing to look at, and the loop can rest
        more = begin or self._connections
        self._timer = self.loop.call_later(self._interval, self._look) if more else None
