"""One HTTP/1.1 connection to an application, used for one request after the other."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Protocol

import httptools

__all__ = ["Receiver", "Upstream"]

Headers = list[tuple[bytes, bytes]]
_SWITCHING = 101


class Receiver(Protocol):
    """Who asked, and gets what comes back. All are called on the event loop."""

    def head(self, status: int, reason: bytes, headers: Headers, length: int | None) -> None:
        """Status and headers; `length` of the body if it is known."""

    def data(self, data: bytes) -> None:
        """A part of the body, or of the tunnel after status 101."""

    def done(self) -> None:
        """The answer is complete."""

    def lost(self, why: str) -> None:
        """The connection broke, or what came is not HTTP."""

    def full(self) -> None:
        """Do not send more of the request now."""

    def drained(self) -> None:
        """Send on."""


class Upstream(asyncio.Protocol):
    """A connection; `begin` a request when it is `idle`.

    The answer's body goes to the receiver as it comes; `pause` stops the application from
    sending more than the client takes.
    """

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.closed = False
        self.used = 0
        self.free_since = 0.0
        self.touched = 0.0
        """When the last byte went one way or the other."""
        self._receiver: Receiver | None = None
        self._parser: Any = None
        self._tunnel = False
        self._forget()

    def _forget(self) -> None:
        self._headers: Headers = []
        self._reason = b""
        self._length: int | None = None
        self._until_close = False
        self._headed = False
        self._complete = False
        self._sent = False
        self._chunked = False
        self._head_only = False

    # Asking ----------------------------------------------------------------------------------

    def begin(self, receiver: Receiver, head: bytes, *, method: bytes, chunked: bool) -> None:
        """Send a request's head: its line and headers with the empty line at their end.

        Args:
            receiver: Who gets the answer.
            head: Bytes as they go to the application.
            method: HEAD has an answer without a body.
            chunked: Whether `send` shall write chunks.
        """
        self._forget()
        self._receiver, self._chunked, self._head_only = receiver, chunked, method == b"HEAD"
        self._parser = httptools.HttpResponseParser(self)
        self.used += 1
        self.touched = time.monotonic()
        self._write(head)

    def send(self, data: bytes) -> None:
        """Send a part of the request's body, or of the tunnel."""
        if not data:
            return
        self.touched = time.monotonic()
        self._write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def finish(self) -> None:
        """The request is complete."""
        if self._sent:
            return
        self._sent = True
        self.touched = time.monotonic()
        if self._chunked:
            self._write(b"0\r\n\r\n")
        if self._complete:
            self._over()

    def end_of_tunnel(self) -> None:
        """The client sends nothing more through the tunnel."""
        if self.transport is not None and not self.closed and self.transport.can_write_eof():
            self.transport.write_eof()

    def pause(self) -> None:
        """Take nothing more from the application for now."""
        if self.transport is not None and not self.closed:
            self.transport.pause_reading()

    def resume(self) -> None:
        """Take more."""
        if self.transport is not None and not self.closed:
            self.transport.resume_reading()

    def close(self) -> None:
        """Leave the request alone and close the connection: nobody waits any more."""
        self._receiver = None
        self.closed = True
        if self.transport is not None:
            self.transport.abort()

    @property
    def idle(self) -> bool:
        """Whether it can take a request."""
        return self._receiver is None and not self.closed and self.transport is not None

    def _write(self, data: bytes) -> None:
        if self.transport is not None and not self.closed:
            self.transport.write(data)

    # The transport ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self.transport = transport  # type: ignore[assignment] # a stream's
        self.free_since = time.monotonic()

    def connection_lost(self, exc: Exception | None) -> None:
        """The application closed it: the end of some answers, too early for others."""
        self.closed = True
        receiver, self._receiver = self._receiver, None
        if receiver is None:
            return
        if self._tunnel or (self._headed and self._until_close and exc is None):
            receiver.done()
        else:
            receiver.lost(f"the connection broke: {exc}" if exc else "the connection was closed")

    def eof_received(self) -> bool:
        """Nothing more comes."""
        return False

    def pause_writing(self) -> None:
        """The application takes the request slowly."""
        if self._receiver is not None:
            self._receiver.full()

    def resume_writing(self) -> None:
        """It has taken most of what was waiting."""
        if self._receiver is not None:
            self._receiver.drained()

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer."""
        receiver = self._receiver
        self.touched = time.monotonic()
        if receiver is None:  # nobody asked
            self.close()
            return
        if self._tunnel:
            receiver.data(data)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as exc:
            if self._receiver is None:
                return
            if not self._tunnel:
                self._broken("it changed the protocol without being asked")
            elif data[exc.args[0] :]:
                receiver.data(data[exc.args[0] :])
        except httptools.HttpParserError as exc:
            if self._receiver is not None:
                self._broken(f"what it sent is not HTTP/1.1: {exc}")
        if self._tunnel or not self._complete:
            return
        if self._head_only:
            self._parser = None
        if self._sent:
            self._over()

    def _broken(self, why: str) -> None:
        receiver = self._receiver
        self.close()
        if receiver is not None:
            receiver.lost(why)

    def _over(self) -> None:
        """Request and answer are both complete."""
        receiver, self._receiver = self._receiver, None
        self.free_since = time.monotonic()
        if not self._keep:
            self.close()
        if receiver is not None:
            receiver.done()

    # The parser ------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A status line comes."""
        self._headers, self._reason = [], b""
        if self._complete:  # a second answer to one request: it may not reach the next one
            self._keep = False

    def on_status(self, status: bytes) -> None:
        """Its reason."""
        self._reason += status

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Status and headers are there."""
        status = self._parser.get_status_code()
        if status < 200 and status != _SWITCHING:
            return
        receiver = self._receiver
        if receiver is None or self._complete:
            return
        lengths = {value for name, value in self._headers if name == b"content-length"}
        coded = any(name == b"transfer-encoding" for name, _ in self._headers)
        length = int(lengths.pop()) if len(lengths) == 1 and not coded else None
        empty = self._head_only or status in (204, 304)
        self._headed = True
        self._keep = self._parser.should_keep_alive()
        self._until_close = length is None and not coded and not empty
        if status == _SWITCHING:
            self._tunnel = True
        receiver.head(status, self._reason, self._headers, 0 if status in (204, 304) else length)
        if self._head_only and not self._tunnel:
            self._complete = True

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if self._receiver is not None and not self._complete:
            self._receiver.data(body)

    def on_message_complete(self) -> None:
        """The end of an answer; of a 1xx one, nothing."""
        if self._headed and not self._tunnel:
            self._complete = True

    _keep = False
