"""Requests whose body is there as a whole: those of triggers, shadows and smoke tests."""

from __future__ import annotations

from collections.abc import Callable

from mlrun_like.gateway.applications.exchange import Exchange, Request
from mlrun_like.gateway.applications.rewriting import Outside
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.replicas.dispatching import refusal
from mlrun_like.gateway.wire import WINDOW

__all__ = ["CallAsker", "request_of"]

Headers = list[tuple[bytes, bytes]]
_WHOLE = 1 << 20
"""Bytes of an answer of known length that is given in one piece."""


def request_of(call: Call, base: str) -> Request:
    """A call as a request to an application.

    Args:
        call: It.
        base: The path that the application wants to see before its own; empty: none.
    """
    outside = Outside.told_by(call.headers)
    retryable = call.retryable or any(name == b"idempotency-key" for name, _ in call.headers)
    return Request(
        call.method, base.encode() + call.target, call.headers, outside, body=call.body,
        retryable=retryable,
    )  # fmt: skip


class CallAsker:
    """Gives the answer of an exchange to a call.

    Args:
        call: Who asked.
        on_finished: Called when it has its answer.
    """

    def __init__(self, call: Call, on_finished: Callable[[Call], None]) -> None:
        self.call, self._on_finished = call, on_finished
        self.exchange: Exchange | None = None
        self._lines = b""
        self._parts: list[bytes] | None = None
        self._behind = 0

    def start(self, status: int, reason: bytes, headers: Headers, length: int | None) -> None:
        """See Asker."""
        call = self.call
        call.status = status
        self._lines = b"".join(b"%b: %b\r\n" % pair for pair in headers)
        if length is not None and length <= _WHOLE:
            self._parts = []
            return
        call.started = True
        call.on_taken = self._taken
        if not call.cancelled:
            call.reply.start(status, self._lines)

    def part(self, data: bytes) -> None:
        """See Asker."""
        if self._parts is not None:
            self._parts.append(data)
        elif not self.call.cancelled:
            self._behind += len(data)
            if self._behind > WINDOW and self.exchange is not None:
                self.exchange.pause()
            self.call.reply.chunk(data)

    def _taken(self, size: int) -> None:
        self._behind -= size
        if self._behind <= WINDOW // 2 and self.exchange is not None:
            self.exchange.resume()

    def end(self) -> None:
        """See Asker."""
        call = self.call
        call.on_taken = None
        if not call.cancelled:
            if self._parts is not None:
                body = b"".join(self._parts)
                call.reply.answer(call.status, b"%b\r\n%b" % (self._lines, body))
            else:
                call.reply.end(complete=True)
        self._over()

    def broken(self, why: str) -> None:
        """See Asker."""
        call = self.call
        call.on_taken = None
        if self._parts is not None:  # nothing of it has been given
            self.refused(502, f"the application broke off: {why}", "application_lost", 0.0)
            return
        if not call.cancelled:
            call.reply.end(complete=False)
        self._over()

    def refused(self, status: int, error: str, code: str, retry_after: float) -> None:
        """See Asker."""
        call = self.call
        call.status = status
        if not call.cancelled:
            call.reply.answer(status, refusal(error, code, retry_after))
        self._over()

    def hold(self) -> None:
        """See Asker: all of the body is here already."""

    def go_on(self) -> None:
        """See Asker."""

    def _over(self) -> None:
        if not self.call.finished:
            self.call.finished = True
            self._on_finished(self.call)
