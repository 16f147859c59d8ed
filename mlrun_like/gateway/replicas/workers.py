"""One worker as the gateway sees it: a socket with frames, and the requests that are in it."""

from __future__ import annotations

import asyncio
import functools
import json
import time
from collections.abc import Callable
from typing import Any

from mlrun_like.errors import EngineError
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.replicas.channel import Channel
from mlrun_like.gateway.replicas.dispatching import ending, refusal, refuse
from mlrun_like.gateway.wire import (
    ABORT,
    ANSWER,
    CANCEL,
    CHUNK,
    CREDIT,
    DRAIN,
    END,
    FAILED,
    READY,
    REQUEST,
    START,
    frame,
    heading,
)

__all__ = ["DRAINING", "ENDED", "READY_STATE", "STARTING", "Worker"]

STARTING, READY_STATE, DRAINING, ENDED = "starting", "ready", "draining", "ended"
_COLON = b": "
_REPORT = 0.2
"""Seconds that the zygote has to say how a worker ended whose socket closed."""
_now = time.monotonic


class Worker(Channel):
    """A replica: one process.

    Args:
        number: Number of the replica.
        slots: Requests that it works on at the same time; 0: what it says when it is ready.
        limit: Seconds it may work on one; 0: any time.
        on_ready: Called when it is ready.
        on_done: Called when it answered a request, or said that it left one undone.
        on_end: Called once when it is gone, with what it left in `busy`.
    """

    def __init__(
        self,
        number: int,
        slots: int,
        limit: float,
        on_ready: Callable[[Worker], None],
        on_done: Callable[[Worker, Call], None],
        on_end: Callable[[Worker], None],
    ) -> None:
        super().__init__()
        self.number, self.slots, self.limit = number, slots or 1, limit
        self._slots_given = bool(slots)
        self.pid = 0
        self.uid: int | None = None
        self.born, self.ready_at = _now(), 0.0
        self.state = STARTING
        self.why = ""
        """Why it ended, or is about to."""
        self.fault = False
        """Whether the function itself says that it cannot start."""
        self.traceback = ""
        self.excused = False
        """Whether its end says nothing about the next one: it was ended for a slow request."""
        self.state_before = STARTING
        """What its state was when it ended."""
        self.asked = False
        """Whether we killed it."""
        self.code: int | None = None
        self.busy: dict[int, Call] = {}
        """What it was given and has not answered, oldest first."""
        self.room = self.slots
        """How many it may be given."""
        self.served, self.took = 0, 0.0
        """Seconds of the last request."""
        self.since = 0.0
        """When it began with the oldest of `busy`, if it does one after the other."""
        self.idle_since = self.born
        self.left = 0.0
        """When it was told to finish."""
        self.phases: dict[str, float] = {}
        self.memory, self.processes, self.cpu = 0, 0, 0.0
        self.notes: tuple[str, ...] = ()
        self.killer: Callable[[Worker], None] | None = None
        """Ends its processes, all of them; given by who started it."""
        self.on_note: Callable[[Worker, int, bytes], None] | None = None
        """Gets its frames that belong to no answer: ACKED, NUMBERS."""
        self._on_ready, self._on_done, self._on_end = on_ready, on_done, on_end
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._last = 0
        self._late: asyncio.TimerHandle | None = None

    def send(self, call: Call) -> None:
        """Give it a request; before it is ready too, its socket keeps it."""
        self._last = number = self._last + 1 if self._last < 0xFFFFFFF0 else 1
        now = _now()
        call.worker, call.place, call.sent = self, number, now
        if self.slots > 1:
            call.deadline = now + self.limit if self.limit else 0.0
        elif not self.busy:
            self.since = now
            call.deadline = now + self.limit if self.limit else 0.0
        else:
            call.deadline = 0.0  # counts from when it is begun
        self.busy[number] = call
        first = b"%b %b" % (call.method, call.target)
        lines = b"\r\n".join((first, *map(_COLON.join, call.headers), b"\r\n"))
        body = call.body
        self.write(heading(number, REQUEST, len(lines) + len(body)) + lines)
        if body:
            self.write(body)

    def cancel(self, call: Call) -> None:
        """Nobody waits for this answer any more. It stays in `busy` until the worker says so."""
        if self.busy.get(call.place) is call:
            call.cancelled = True
            self.write(frame(call.place, CANCEL))

    def tell(self, kind: int, content: bytes) -> None:
        """Send a frame that belongs to no request: DRAINED, NUMBERS."""
        self.write(frame(0, kind, content))

    def drain(self, why: str = "") -> None:
        """It finishes what it has and ends."""
        if self.state in (STARTING, READY_STATE):
            self.state, self.room = DRAINING, 0
            self.why = self.why or why
            self.write(frame(0, DRAIN))

    def kill(self, why: str) -> None:
        """End it and all its processes at once."""
        if self.state == ENDED:
            return
        self.room = 0
        if not self._lost:
            self.why, self.asked = why, True
        if self.killer is not None:
            self.killer(self)

    async def wait_ready(self) -> None:
        """Until it is ready.

        Raises:
            EngineError: with the reason, if it ends instead.
        """
        await asyncio.shield(self._ready)

    @property
    def open(self) -> bool:
        """Whether it may be given requests."""
        return self.state in (STARTING, READY_STATE)

    def begun(self, call: Call) -> bool:
        """Whether it may have begun with a request."""
        if not self.ready_at:
            return False
        return self.slots > 1 or next(iter(self.busy.values()), None) is call

    def frame_received(self, number: int, kind: int, content: bytes) -> None:
        """See Channel."""
        if kind == ANSWER:
            call = self.busy.pop(number, None)
            if call is not None:
                if not call.cancelled:
                    call.status = status = content[0] << 8 | content[1]
                    call.reply.answer(status, content[2:])
                self._done(call)
        elif number and kind in (START, CHUNK, END, ABORT):
            self._part(number, kind, content)
        elif kind == READY:
            self._got_ready(json.loads(content))
        elif kind == FAILED:
            found = json.loads(content)
            self.fault, self.why = True, str(found.get("error") or "it could not start")
            self.traceback = str(found.get("traceback") or "")
            self.room = 0
        elif self.on_note is not None:
            self.on_note(self, kind, content)

    def broken(self, why: str) -> None:
        """See Channel."""
        self.kill(f"it sent what is no frame: {why}")

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._lost = True
        self.room = 0
        if self.code is not None:
            self._end()
        elif self._late is None:
            self._late = self._loop.call_later(_REPORT, self._end)

    def reported(self, code: int | None, reason: str = "") -> None:
        """The zygote says how it ended: a return code (negative: the signal), or why it has none.

        Args:
            code: As `subprocess.Popen.returncode`.
            reason: What the zygote says besides.
        """
        self.code = code if code is not None else -9
        self.why = self.why or reason
        if self._lost:
            self._end()
        elif self._late is None:
            # what it wrote is read first; something it started may hold its socket open
            self._late = self._loop.call_later(_REPORT, self._end)

    def _part(self, number: int, kind: int, content: bytes) -> None:
        call = self.busy.get(number)
        if call is None:
            return
        if kind in (CHUNK, START):
            # a body that goes on is work that goes on
            call.deadline = _now() + self.limit if self.limit else 0.0
            if call.cancelled:
                return
            if kind == CHUNK:
                call.reply.chunk(content)
            else:
                call.started = True
                call.status = content[0] << 8 | content[1]
                call.on_taken = functools.partial(self._credit, number)
                call.reply.start(call.status, content[2:])
            return
        del self.busy[number]
        if not call.cancelled:
            call.on_taken = None
            if call.started:
                call.reply.end(complete=kind == END)
            else:
                refuse(call, 502, refusal("the worker left this request", "no_answer"))
        self._done(call)

    def _credit(self, number: int, size: int) -> None:
        if number in self.busy:
            self.write(frame(number, CREDIT, size.to_bytes(4, "big")))

    def _got_ready(self, found: dict[str, Any]) -> None:
        self.pid = int(found.get("pid") or self.pid)
        self.phases = dict(found.get("phases") or {})
        if found.get("blocking"):
            self.slots = 1  # whatever was asked for
        elif not self._slots_given:
            self.slots = max(1, int(found.get("concurrency") or 1))
        self.notes += tuple(found.get("notes") or ())
        self.ready_at = self.since = self.idle_since = now = _now()
        if self.state == STARTING:
            self.state, self.room = READY_STATE, self.slots
        first = True
        for call in self.busy.values():  # time counts from when it could begin
            call.deadline = now + self.limit if self.limit and (first or self.slots > 1) else 0.0
            first = False
        if not self._ready.done():
            self._ready.set_result(None)
        self._on_ready(self)

    def _done(self, call: Call) -> None:
        now = _now()
        busy = self.busy
        if self.slots == 1:
            self.took, self.since = now - self.since, now
            if busy and self.limit:
                next(iter(busy.values())).deadline = now + self.limit
        else:
            self.took = now - call.sent
        if not busy:
            self.idle_since = now
        self.served += 1
        self._on_done(self, call)

    def _end(self) -> None:
        if self.state == ENDED:
            return
        if self._late is not None:
            self._late.cancel()
        if not self.why:
            self.why = ending(self.code)
        self.state_before, self.state, self.room = self.state, ENDED, 0
        if not self._ready.done():
            fix = "the function's log has its output"
            self._ready.set_exception(
                EngineError(f"the function cannot start: {self.why}", fix=fix)
            )
            self._ready.exception()  # nobody may be waiting
        self.abort()
        self._on_end(self)
        if not self.closed.done():
            self.closed.set_result(None)
