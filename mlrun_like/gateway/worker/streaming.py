"""Answers as frames; parts of a body go only as far ahead as the client takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from mlrun_like.gateway.wire import ABORT, ANSWER, CHUNK, END, START, WINDOW, frame

__all__ = ["AsyncSink", "BlockingSink", "ClientGone", "Program", "status_of"]

_PART = 256 * 1024
_STATUS = {status: status.to_bytes(2, "big") for status in range(100, 600)}


class ClientGone(BaseException):
    """Nobody waits for the answer any more; no error, and not for handlers to catch."""


def status_of(status: int) -> bytes:
    """The two bytes of a status."""
    return _STATUS.get(status) or _STATUS[500]


class Program(Protocol):
    """A loaded function."""

    blocking: bool
    """Whether it works on one request after the other."""
    needs_loop: bool
    """Whether it runs on an event loop."""

    def init(self) -> None:
        """Called before the first request."""

    async def begin(self) -> None:
        """Called on the loop after `init`, if there is a loop."""

    def respond(self, content: bytes, sink: BlockingSink) -> None:
        """Answer a request in the main thread."""

    def now(self, content: bytes) -> bytes | Callable[[AsyncSink], Awaitable[None]]:
        """On a loop: the answer, if there is one without waiting, else what is awaited for it."""

    async def drained(self, shards: Any) -> None:
        """Shards of a stream go to somebody else."""

    async def end(self) -> None:
        """The worker ends."""

    def numbers(self) -> dict[str, Any]:
        """Metrics of its own."""


class BlockingSink:
    """Where one answer goes; waits in `chunk` until the client has taken enough.

    Args:
        number: The request's.
        send: Sends bytes to the gateway.
        read: Takes in frames, waiting for them or not; raises ClientGone if this was cancelled.
    """

    __slots__ = ("_read", "_send", "ended", "number", "started", "unread")

    def __init__(
        self, number: int, send: Callable[[bytes], object], read: Callable[[bool], None]
    ) -> None:
        self.number = number
        self._send = send
        self._read = read
        self.started = self.ended = False
        self.unread = 0
        """Bytes that the client has not taken."""

    def answer(self, content: bytes) -> None:
        """The whole answer."""
        self.ended = True
        self._send(frame(self.number, ANSWER, content))

    def start(self, head: bytes) -> None:
        """Status and header lines."""
        self.started = True
        self._send(frame(self.number, START, head))

    def chunk(self, data: bytes) -> None:
        """A part of the body.

        Raises:
            ClientGone: if nobody waits for it any more.
        """
        self._read(False)
        for at in range(0, len(data), _PART):
            while self.unread >= WINDOW:
                self._read(True)
            part = data[at : at + _PART] if len(data) > _PART else data
            self.unread += len(part)
            self._send(frame(self.number, CHUNK, part))

    def end(self, *, complete: bool) -> None:
        """The end of the body."""
        self.ended = True
        self._send(frame(self.number, END if complete else ABORT))


class AsyncSink:
    """The same on an event loop.

    Args:
        number: The request's.
        send: Sends bytes to the gateway, at once or soon.
    """

    __slots__ = ("_room", "_send", "ended", "number", "started", "unread")

    def __init__(self, number: int, send: Callable[[bytes], object]) -> None:
        self.number = number
        self._send = send
        self._room: asyncio.Event | None = None
        self.started = self.ended = False
        self.unread = 0

    def answer(self, content: bytes) -> None:
        """The whole answer."""
        self.ended = True
        self._send(frame(self.number, ANSWER, content))

    def start(self, head: bytes) -> None:
        """Status and header lines."""
        self.started = True
        self._send(frame(self.number, START, head))

    async def chunk(self, data: bytes) -> None:
        """A part of the body; waits while the client has too much before it."""
        for at in range(0, len(data), _PART):
            while self.unread >= WINDOW:
                self._room = asyncio.Event()
                await self._room.wait()
            part = data[at : at + _PART] if len(data) > _PART else data
            self.unread += len(part)
            self._send(frame(self.number, CHUNK, part))

    def taken(self, size: int) -> None:
        """The client took so many bytes."""
        self.unread -= size
        if self._room is not None and self.unread < WINDOW:
            self._room.set()

    def end(self, *, complete: bool) -> None:
        """The end of the body."""
        self.ended = True
        self._send(frame(self.number, END if complete else ABORT))
