"""One request on a blocking socket."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable, Iterator

from mlrun_like.serving.web.reply import Reply, ReplyReader

__all__ = ["SocketStream", "is_readable"]

_READ = 256 * 1024


class SocketStream:
    """One reply on its way: `reply` is its head, iterating gives its body's parts.

    Args:
        give_back: Takes the connection once the reply is complete.
        connection: Connected.
        state: Reads the reply.
        data: The request.
        timeout: Seconds for each part; None: for ever.
    """

    def __init__(
        self,
        give_back: Callable[[socket.socket], None],
        connection: socket.socket,
        state: ReplyReader,
        data: bytes,
        timeout: float | None,
    ) -> None:
        self._give_back, self._connection = give_back, connection
        self._state = state
        self._open = True
        self.until: float | None = None
        """When the whole reply must be there, in seconds of `time.monotonic()`."""
        self._first = b""
        try:
            connection.settimeout(timeout)
            connection.sendall(data)
            while not state.has_head:
                self._first = self._receive()
        except BaseException:
            self.close()
            raise

    @property
    def reply(self) -> Reply:
        return self._state.reply

    def __iter__(self) -> Iterator[bytes]:
        if self._first:
            yield self._first
        while not self._state.done:
            part = self._receive()
            if part:
                yield part

    def _receive(self) -> bytes:
        if self.until is not None:
            self._connection.settimeout(max(0.001, self.until - time.monotonic()))
        return self._state.feed(self._connection.recv(_READ))

    def close(self) -> None:
        """Keep the connection for the next request if the reply is complete, else end it."""
        if not self._open:
            return
        self._open = False
        if self._state.done and self._state.keep_alive:
            self._give_back(self._connection)
        else:
            self._connection.close()

    def __enter__(self) -> SocketStream:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def is_readable(connection: socket.socket) -> bool:
    """Whether an idle connection has something to read, which can only be its end."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
