"""One request and the place of its answer on a connection (the `Reply` of its `Call`)."""

from __future__ import annotations

from concurrent.futures import Future
from time import monotonic
from typing import TYPE_CHECKING

from mlrun_like.gateway.call import Call
from mlrun_like.gateway.http.answers import (
    BODILESS,
    CLOSE,
    LAST,
    NO_END,
    Refusal,
    body_of,
    chunk,
    clean_lines,
    declared_length,
    refusal,
)
from mlrun_like.gateway.http.cors import unsaid

if TYPE_CHECKING:
    from mlrun_like.gateway.http.audit import Sample
    from mlrun_like.gateway.http.auth import Caller
    from mlrun_like.gateway.http.front import Front
    from mlrun_like.gateway.http.gate import Gate
    from mlrun_like.gateway.http.protocol import FrontProtocol

__all__ = ["Exchange"]

_BIG = 32 * 1024  # bodies above this are not copied behind their head
_CHUNKED, _COUNTED, _TO_THE_END, _NOTHING = 1, 2, 3, 4  # how the body of a stream is sent


class Exchange:
    """A request, first as it arrives, then as it waits for its answer.

    What is the same for most requests stands in the class: an instance costs only what differs.
    """

    gate: Gate | None = None
    call: Call | None = None
    method = b""
    target = inner = b""
    """As sent; as the function sees it."""
    headers: list[tuple[bytes, bytes]] = []  # noqa: RUF012  replaced, never changed
    body = b""
    id = b""
    lines = b""
    """Header lines of the answer that are ours: transaction id, CORS."""
    keep = True
    """Whether the connection may carry another request after this one."""
    head_only = False
    repeatable = False
    """Whether it carries an `idempotency-key`: it may be sent to another worker again."""
    old = False
    """Whether the client speaks HTTP/1.0."""
    client = ""
    trigger = ""
    refusal: Refusal | None = None
    """The answer, if it is there before the function is asked."""
    pending: Future[Caller | None] | None = None
    """Who looks up the caller's password."""
    large = 0
    """Bytes of the body that are counted against the limit of all bodies."""
    upgrade = False
    """Whether the connection shall become a tunnel."""
    begun = False
    """Whether a part of the answer was written."""
    sample: Sample | None = None
    status = 0
    sent = 0
    """Bytes of the answer's body until now."""
    _mode = 0
    _left = 0
    _owed = 0
    _complete = True

    def __init__(self, connection: FrontProtocol) -> None:
        self.connection: FrontProtocol | None = connection

    def submit(self) -> None:
        """Hand the request to its function."""
        gate = self.gate
        assert gate is not None
        gate.service.submit(self.called(gate))

    def called(self, gate: Gate) -> Call:
        """The call, counted as one that waits for its answer."""
        self.call = call = Call(self.method, self.inner, self.headers, self.body, self)
        call.id, call.client, call.trigger = self.id, self.client, self.trigger
        if self.repeatable:
            call.retryable = True
        gate.numbers.in_flight += 1
        return call

    # Answers -----------------------------------------------------------------------------------

    def answer(self, status: int, content: bytes) -> None:
        """Write a whole answer."""
        connection = self.connection
        if connection is None or self.begun:
            return
        front = connection.front
        try:
            if self.head_only:
                content, at, size = self._head_of(status, content)
            else:
                content, at = body_of(status, content)
                size = len(content) - at
            start = front.ok if status == 200 else front.start(status)
        except ValueError as exc:
            what = f"the function's answer is not one: {exc}"
            return self.answer(502, refusal(502, "bad_answer", what).content)
        self.begun = True
        self.status, self.sent = status, size
        if front.draining and not connection.waiting:
            self.keep = False
        gate = self.gate
        lines = self.lines if self.keep else self.lines + CLOSE
        if gate is not None and gate.cors is not None:
            lines = unsaid(lines, content[:at])
        if size < _BIG:
            connection.transport.write(b"".join((start, lines, content)))
        else:
            connection.transport.write(b"".join((start, lines, content[:at])))
            connection.transport.write(memoryview(content)[at:])
        if gate is not None and gate.audit and front.audit is not None and self.call is not None:
            self.sample = front.audit.sample(gate.audit)
            self._sample_type(content[:at])
            if self.sample is not None and size:
                self.sample.add(content[at:])
        self._done()
        return None

    def _head_of(self, status: int, content: bytes) -> tuple[bytes, int, int]:
        """The head of the answer to HEAD: its length is that of the body which GET would bring."""
        at = 0 if content.startswith(b"\r\n") else content.find(b"\r\n\r\n") + 2
        if at == 1:
            raise ValueError(NO_END)
        lines = content[:at]
        declared = declared_length(lines)
        length = declared if declared >= 0 else len(content) - at - 2
        made = clean_lines(lines)
        if status not in BODILESS:
            made += b"content-length: %d\r\n" % length
        made += b"\r\n"
        return made, len(made), 0

    def start(self, status: int, headers: bytes) -> None:
        """Write the head of a stream."""
        connection = self.connection
        if connection is None or self.begun:
            return
        front = connection.front
        try:
            first = front.start(status)
        except ValueError as exc:
            what = f"the function's answer is not one: {exc}"
            self.answer(502, refusal(502, "bad_answer", what).content)
            return
        self.begun, self.status = True, status
        if self.call is not None:
            self.call.started = True
        length = declared_length(headers)
        more = b""
        if self.head_only or status in BODILESS:
            self._mode = _NOTHING
        elif length >= 0:
            self._mode, self._left = _COUNTED, length
        elif self.old:
            self._mode, self.keep = _TO_THE_END, False
        else:
            self._mode, more = _CHUNKED, b"transfer-encoding: chunked\r\n"
        if length >= 0 and status not in BODILESS:
            more = b"content-length: %d\r\n" % length
        if front.draining and not connection.waiting:
            self.keep = False
        gate, lines = self.gate, self.lines
        if gate is not None and gate.cors is not None:
            lines = unsaid(lines, headers)
        parts = (first, lines, b"" if self.keep else CLOSE, more)
        connection.transport.write(b"".join((*parts, clean_lines(headers), b"\r\n")))
        if gate is not None and gate.audit and front.audit is not None:
            self.sample = front.audit.sample(gate.audit)
            self._sample_type(headers)

    def chunk(self, data: bytes) -> None:
        """Write a part of a stream."""
        connection = self.connection
        if connection is None or not self._mode or not data:
            return
        size = len(data)
        if self._mode == _CHUNKED:
            connection.transport.write(chunk(data))
        elif self._mode == _TO_THE_END:
            connection.transport.write(data)
        elif self._mode == _COUNTED:
            data = data[: self._left]  # more would be read as the next answer
            self._left -= len(data)
            connection.transport.write(data)
        self.sent += size
        if self.sample is not None:
            self.sample.add(data)
        if connection.paused_at:
            self._owed += size
        elif self.call is not None:
            self.call.taken(size)

    def end(self, *, complete: bool) -> None:
        """End a stream."""
        connection = self.connection
        if connection is None or not self._mode:
            return
        complete = complete and not (self._mode == _COUNTED and self._left)
        if complete and self._mode == _CHUNKED:
            connection.transport.write(LAST)
        self._complete = complete
        self._done()

    def drained(self) -> None:
        """The client has taken most of what was written."""
        if self._owed and self.call is not None:
            owed, self._owed = self._owed, 0
            self.call.taken(owed)

    # The end -----------------------------------------------------------------------------------

    def abandon(self) -> None:
        """The client has left; a tunnel has ended."""
        if self.connection is None:
            return
        self.status = self.status or 499
        gate, call = self.gate, None if self.upgrade else self.call
        self._complete = self.upgrade
        if gate is not None and call is not None:
            call.cancelled = True
            gate.numbers.of(call.version).cancelled += 1
        self._note(self.connection.front)
        self.connection = self.call = None
        if gate is not None and call is not None:
            gate.service.cancel(call)

    def _done(self) -> None:
        connection = self.connection
        assert connection is not None
        self._note(connection.front)
        self.connection = self.call = None  # so that nothing has to look for circles
        connection.finished(self.keep, self._complete)

    def _note(self, front: Front) -> None:
        gate, call = self.gate, self.call
        if self.large:
            front.buffered -= self.large
            self.large = 0
        version, seconds, delay = 0, 0.0, -1.0
        if call is not None:
            version, call.status = call.version, self.status
            received = call.received
            seconds = monotonic() - received
            if call.sent:
                delay = call.sent - received
        if gate is not None:
            numbers = gate.numbers
            if call is not None:
                numbers.in_flight -= 1
            counted = numbers.versions.get(version) or numbers.of(version)
            counted.count(self.status, seconds, delay, len(self.body), self.sent)
            if not self._complete and self.status != 499:
                counted.torn += 1
            if self.sample is not None and call is not None and front.audit is not None:
                front.audit.add(gate.key, call, self.sample, (seconds, delay), self._complete)
        if front.log is not None:
            front.log.note(
                (self.id, gate.key if gate is not None else "", self.client, self.trigger),
                (self.method, self.target, len(self.body)),
                (version, self.status, self.sent),
                (seconds, delay),
            )

    def _sample_type(self, lines: bytes) -> None:
        if self.sample is not None:
            for line in lines.split(b"\r\n"):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-type":
                    self.sample.type = value.strip()
