"""One request on its way through the gateway, whoever sent it: a client, a trigger, a shadow."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["IDEMPOTENT", "Call", "Reply"]

IDEMPOTENT = frozenset({b"GET", b"HEAD", b"PUT", b"DELETE", b"OPTIONS", b"TRACE"})
"""Methods that may be sent again when a worker died over them (RFC 9110, section 9.2.2)."""


class Reply(Protocol):
    """Where an answer goes. All are called on the gateway's event loop, never twice at once."""

    def answer(self, status: int, content: bytes) -> None:
        """The whole answer.

        Args:
            status: HTTP status.
            content: Header lines, an empty line, the body; as in `wire.ANSWER`.
        """

    def start(self, status: int, headers: bytes) -> None:
        """The beginning of an answer whose length is not known: header lines."""

    def chunk(self, data: bytes) -> None:
        """A part of its body; `Call.taken` tells the worker when the client has it."""

    def end(self, *, complete: bool) -> None:
        """The end of its body; not complete: its generator failed or its worker died."""


class Call:
    """A request and what became of it.

    Args:
        method: As in HTTP, capitals.
        target: Path and query as the function shall see them.
        headers: Names in lower case, and values; cleaned of what clients may not say.
        body: All of it.
        reply: Where the answer goes.
    """

    __slots__ = (
        "attempts", "body", "cancelled", "client", "deadline", "finished", "headers", "id",
        "method", "on_taken", "place", "received", "reply", "retryable", "sent", "service",
        "started", "status", "target", "trigger", "version", "worker",
    )  # fmt: skip

    def __init__(
        self,
        method: bytes,
        target: bytes,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        reply: Reply,
    ) -> None:
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.reply = reply
        self.received = time.monotonic()
        self.sent = 0.0
        """When a worker was given it; 0: it waits."""
        self.deadline = 0.0
        """By `time.monotonic()`; set when it is sent."""
        self.started = False
        """Whether a part of the answer has gone out: it can not be tried again then."""
        self.finished = False
        self.cancelled = False
        """Whether nobody waits for the answer any more."""
        self.attempts = 0
        self.status = 0
        self.retryable = method in IDEMPOTENT
        """Whether it may be given to another worker when its own died; also a request with the
        header `idempotency-key` may."""
        self.id = b""
        """The transaction id: `x-request-id` of the client, or a new one."""
        self.client = ""
        """Who asked, for the log: an address or the name of a caller."""
        self.trigger = ""
        """Name of the trigger that it comes from; empty: HTTP."""
        self.version = 0
        self.place = 0
        """Its number on its worker's socket."""
        self.worker: Any = None
        self.service: Any = None
        """The function that an API gateway gave it to; None: it came to the function itself."""
        self.on_taken: Callable[[int], None] | None = None

    def taken(self, size: int) -> None:
        """The client took so many bytes of the body's parts."""
        if self.on_taken is not None:
            self.on_taken(size)
