"""One request on its way to an application, and the answer on its way back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from mlrun_like.gateway.applications.rewriting import Outside, answer_headers, request_head
from mlrun_like.gateway.applications.upstream import Upstream

__all__ = ["Asker", "Exchange", "Request"]

Headers = list[tuple[bytes, bytes]]
_RETRIES = 3


class Asker(Protocol):
    """The client's side. All are called on the event loop."""

    def start(self, status: int, reason: bytes, headers: Headers, length: int | None) -> None:
        """Status and headers of the answer; 101: what follows is a tunnel."""

    def part(self, data: bytes) -> None:
        """A part of its body."""

    def end(self) -> None:
        """It is complete."""

    def broken(self, why: str) -> None:
        """It breaks off."""

    def refused(self, status: int, error: str, code: str, retry_after: float) -> None:
        """There is no answer, and why."""

    def hold(self) -> None:
        """Give no more of the request's body for now."""

    def go_on(self) -> None:
        """Give more."""


class Request:
    """What is asked.

    Args:
        method: In capitals.
        target: Path and query as the application shall see them.
        headers: Names in lower case.
        outside: How the client sees the application.
        body: All of it; None: it comes in parts.
        length: Of a body in parts, if it is known.
        upgrade: Whether the client wants another protocol, such as a websocket.
        retryable: Whether it may be sent again when it is not known what became of it.
    """

    __slots__ = (
        "body", "headers", "length", "method", "outside", "retryable", "target", "upgrade",
    )  # fmt: skip

    def __init__(
        self,
        method: bytes,
        target: bytes,
        headers: Headers,
        outside: Outside,
        *,
        body: bytes | None = b"",
        length: int | None = None,
        upgrade: bool = False,
        retryable: bool = False,
    ) -> None:
        self.method, self.target, self.headers, self.outside = method, target, headers, outside
        self.body, self.length, self.upgrade, self.retryable = body, length, upgrade, retryable


class Exchange:
    """A request and its answer; what connects an asker and an Upstream.

    Args:
        request: What is asked.
        asker: Who.
        on_over: Called once when nothing is left to do, with whether the answer was complete.
    """

    def __init__(
        self, request: Request, asker: Asker, on_over: Callable[[Exchange, bool], None]
    ) -> None:
        self.request, self.asker = request, asker
        self.received = time.monotonic()
        self.sent = 0.0
        """When a replica was given it; 0: it waits."""
        self.attempts = 0
        self.headed = False
        """Whether its answer has begun."""
        self.over = False
        self.replica: Any = None
        self.upstream: Upstream | None = None
        self.status = 0
        self.on_lost: Callable[[Exchange, str], None] | None = None
        """Takes over when the connection breaks before the answer began."""
        self._on_over = on_over
        self._tunnel = False
        self._pending: list[bytes] = []
        self._finished = request.body is not None
        self._given = False
        """Whether a part of a body that cannot be had again was sent."""
        self._held = False
        if request.body is None:
            self._hold()

    # From the client -------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """A part of the request's body, or of the tunnel."""
        if self.over:
            return
        if self.upstream is not None and (self._tunnel or not self.request.upgrade):
            self._given = True
            self.upstream.send(data)
        else:
            self._pending.append(data)

    def finish(self) -> None:
        """The body is complete; of a tunnel: the client sends nothing more."""
        if self._finished and not self._tunnel:
            return
        self._finished = True
        if self.upstream is not None:
            if self._tunnel:
                self.upstream.end_of_tunnel()
            else:
                self.upstream.finish()

    def pause(self) -> None:
        """The client takes the answer slowly."""
        if self.upstream is not None:
            self.upstream.pause()

    def resume(self) -> None:
        """It has taken what there was."""
        if self.upstream is not None:
            self.upstream.resume()

    def abort(self) -> None:
        """Nobody waits any more: the application's connection is closed."""
        if not self.over:
            self._finish(complete=False, close=True)

    # To the application ----------------------------------------------------------------------

    def send(self, upstream: Upstream) -> None:
        """Send the request on a connection."""
        request = self.request
        self.upstream = upstream
        head = request_head(
            request.method, request.target, request.headers, request.outside,
            upgrade=request.upgrade,
        )  # fmt: skip
        chunked = False
        if request.body is not None:
            if request.body or request.method in (b"POST", b"PUT", b"PATCH"):
                head += b"content-length: %d\r\n" % len(request.body)
        elif request.upgrade:
            pass
        elif request.length is not None:
            head += b"content-length: %d\r\n" % request.length
        else:
            chunked = True
            head += b"transfer-encoding: chunked\r\n"
        upstream.begin(self, head + b"\r\n", method=request.method, chunked=chunked)
        if request.body:
            upstream.send(request.body)
        elif not request.upgrade:
            for data in self._taken():
                self._given = True
                upstream.send(data)
        if self._finished or request.upgrade:
            upstream.finish()
        if not request.upgrade:
            self._go_on()

    @property
    def again(self) -> bool:
        """Whether it can be sent to another replica though it is not known what became of it."""
        return (
            self.request.retryable and not self._given and not self.headed
            and self.attempts < _RETRIES
        )  # fmt: skip

    @property
    def untouched(self) -> bool:
        """Whether nothing of it has been sent."""
        return self.upstream is None and not self.headed and self.attempts < _RETRIES

    @property
    def quiet(self) -> float:
        """Seconds without an answer's beginning since the last byte went; 0 once it began."""
        if self.headed or not self.sent:
            return 0.0
        touched = self.upstream.touched if self.upstream is not None else self.sent
        return time.monotonic() - touched

    def refuse(self, status: int, error: str, code: str, retry_after: float = 0.0) -> None:
        """Say that there is no answer; breaks off one that had begun."""
        if self.over:
            return
        if self.headed:
            self.asker.broken(error)
        else:
            self.status = status
            self.asker.refused(status, error, code, retry_after)
        self._finish(complete=False, close=True)

    def waits_again(self) -> None:
        """Back to the queue, as if it had not been sent."""
        if self.upstream is not None:
            self.upstream.close()
        self.upstream, self.replica, self.sent = None, None, 0.0
        if self.request.body is None and not self._finished:
            self._hold()

    # From the application (upstream.Receiver) ------------------------------------------------

    def head(self, status: int, reason: bytes, headers: Headers, length: int | None) -> None:
        """See Receiver."""
        if self.over:
            return
        self.headed, self.status = True, status
        self._tunnel = status == 101
        found = answer_headers(headers, self.request.outside, upgraded=self._tunnel)
        self.asker.start(status, reason, found, length)
        if self._tunnel and self.upstream is not None:
            for data in self._taken():
                self.upstream.send(data)
            self._go_on()

    def data(self, data: bytes) -> None:
        """See Receiver."""
        if not self.over:
            self.asker.part(data)

    def done(self) -> None:
        """See Receiver."""
        if self.over:
            return
        self._finish(complete=True, close=False)

    def lost(self, why: str) -> None:
        """See Receiver."""
        if self.over:
            return
        if not self.headed and self.on_lost is not None:
            self.on_lost(self, why)
        else:
            self.refuse(502, f"the application broke off: {why}", "application_lost")

    def full(self) -> None:
        """See Receiver."""
        self._hold()

    def drained(self) -> None:
        """See Receiver."""
        self._go_on()

    # -----------------------------------------------------------------------------------------

    def _hold(self) -> None:
        if not self._held:
            self._held = True
            self.asker.hold()

    def _go_on(self) -> None:
        if self._held:
            self._held = False
            self.asker.go_on()

    def _taken(self) -> list[bytes]:
        pending, self._pending = self._pending, []
        return pending

    def _finish(self, *, complete: bool, close: bool) -> None:
        self.over = True
        self._pending = []
        if close and self.upstream is not None:
            self.upstream.close()
        self._on_over(self, complete)
        if complete:
            self.asker.end()
        self._go_on()
