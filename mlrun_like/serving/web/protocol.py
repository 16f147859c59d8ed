"""HTTP/1.1 for a graph (RFC 9112), in the place of uvicorn's own protocol.

A request that the plan can answer without waiting is parsed, answered and written within one call
of the event loop: no task, no messages, one write. Everything else becomes a task that ends when
its client leaves. Requests are limited in size and time before they cost memory (`WebOptions`);
heads of more than 64 kB get 431, URLs of more than 16 kB 414.

uvicorn keeps the process: sockets, signals, lifespan, graceful shutdown.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from typing import Any

import httptools

from mlrun_like.serving.event import Response
from mlrun_like.serving.web.answer import refusal
from mlrun_like.serving.web.body import too_slow
from mlrun_like.serving.web.parsing import RequestReader
from mlrun_like.serving.web.reply_task import ReplyTask
from mlrun_like.serving.web.request import HttpEvent
from mlrun_like.serving.web.stream import is_stream
from mlrun_like.serving.web.watcher import Watcher
from mlrun_like.serving.web.wire import CLOSE, CONTINUE, head

__all__ = ["GraphProtocol"]

_MOST_WAITING = 64 * 1024  # bytes of pipelined requests after which no more are read
_BIG = 32 * 1024  # bodies above this are not copied behind their head
_TURN = 16  # requests of one connection before others get their turn
_LINGER = 3.0  # seconds in which a refused client may finish sending, so that it reads why
_PROBE = 1.0  # seconds after which a half-closed connection is asked whether it is still there


class GraphProtocol(RequestReader, asyncio.Protocol):
    """One connection.

    Args:
        watcher: What all connections of a process share.
    """

    def __init__(self, watcher: Watcher) -> None:
        super().__init__(watcher)
        self.answers = watcher.answers
        self.transport: asyncio.Transport
        self.client: Any = None
        self.task: ReplyTask | None = None
        """The request that is being worked on."""
        self.paused_at = 0.0
        """Since when the client takes nothing of what was written; 0: there is not much left."""
        self.half_closed = self.lingering = False
        self._unsent = 0
        self._drained: asyncio.Event | None = None

    # Connection ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.client = transport.get_extra_info("peername")
        self.watcher.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.watcher.discard(self)
        self.refused = True
        self.waiting.clear()
        self.resume_writing()
        if self.task is not None:
            self.task.cancel()
        self.parser = None

    def eof_received(self) -> bool:
        if self.refused or self.task is None:
            return False
        if self.task.streaming:  # nobody reads on: a stream has no other way to know
            self.task.cancel()
            return False
        self.half_closed = True
        self.since = self.watcher.now
        return True

    def pause_writing(self) -> None:
        self.paused_at = self.watcher.now
        self._unsent = self.transport.get_write_buffer_size()
        self._drained = asyncio.Event()

    def resume_writing(self) -> None:
        self.paused_at = 0.0
        if self._drained is not None:
            self._drained.set()
            self._drained = None
        if self.waiting and self.task is None:
            self.serve()

    async def drain(self) -> None:
        """Wait until the client has taken most of what was written."""
        if self._drained is not None:
            await self._drained.wait()

    def shutdown(self) -> None:
        """End the connection after the requests that are under way (called by uvicorn)."""
        if self._is_idle() and not self.watcher.linger:
            self.transport.close()

    def check(self, now: float) -> None:
        """Look at what has taken too long; called by the watcher."""
        limit = self.watcher.io_timeout
        age = now - self.since
        if self.paused_at:
            unsent = self.transport.get_write_buffer_size()
            if unsent < self._unsent:  # slow, but alive
                self.paused_at = now
            self._unsent = unsent
            if limit and now - self.paused_at > limit:
                self.transport.abort()
        elif self.refused:
            if (self.lingering and age > _LINGER) or (limit and age > limit):
                self.transport.abort()
        elif self.task is not None:
            if self.half_closed and age > _PROBE and not self.task.started:
                # legal before any answer; if the client has really gone, its system resets us
                self.transport.write(CONTINUE)
                self.since = now
        elif self.reading:
            if limit and age > limit:
                self.refuse(too_slow(limit))
        elif age > (self.watcher.linger if self.watcher.draining else self.watcher.keep_alive):
            self.transport.close()

    def _is_idle(self) -> bool:
        return self.task is None and not self.waiting and not self.reading

    def data_received(self, data: bytes) -> None:
        if self.refused:
            return  # what a refused client still sends is read, so that it gets to read the answer
        try:
            self.read(data)
        except httptools.HttpParserError as exc:
            self.serve()
            self.refuse(refusal(400, "http", f"the request is not HTTP/1.1: {exc!s:.100}"))
            return
        if self.waiting and self.task is None:
            self.serve()
        if self.waiting or (self.task is not None and self.size > _MOST_WAITING):
            self.transport.pause_reading()

    def invite(self) -> None:
        if self.task is None and not self.waiting:
            self.transport.write(CONTINUE)

    # Answering -------------------------------------------------------------------------------

    def serve(self) -> None:
        """Answer the requests that have arrived, in their order."""
        waiting = self.waiting
        for _ in range(_TURN):
            if not waiting or self.task is not None or self.paused_at or self.refused:
                return
            event, body, keep = waiting.popleft()
            self._answer(event, body, keep and not self.watcher.draining)
        if waiting:
            self.watcher.loop.call_soon(self.serve)

    def _answer(self, event: HttpEvent, body: bytes, keep: bool) -> None:
        answers = self.answers
        found: Response | bytes | None = answers.refuse(event)
        started = time.perf_counter() if answers.log is not None else 0.0
        if found is None:
            # a context of its own: what a step leaves in context variables is not for the next
            found = contextvars.copy_context().run(answers.now, event, body)
            if found is None:
                self.task = ReplyTask(self, event, body, None, keep)
                return
        if isinstance(found, Response) and is_stream(found.body):
            self.task = ReplyTask(self, event, body, found, keep)
            return
        status, size = self.write_answer(event, found, keep)
        if answers.log is not None:
            answers.note(event, status, size, started, self.client)
        self._done(keep)

    def write_answer(
        self, event: HttpEvent, found: Response | bytes, keep: bool
    ) -> tuple[int, int]:
        """Write an answer that is no stream; gives its status and size."""
        answers, watcher = self.answers, self.watcher
        if type(found) is bytes and answers.access.everything:
            tail = b"" if keep else CLOSE
            start = b"%bcontent-length: %d\r\n%b\r\n" % (watcher.json_head, len(found), tail)
            self._write(start, found)
            return 200, len(found)
        response = found if isinstance(found, Response) else answers.as_json(found)
        status, headers, content = answers.pieces(response, event)
        more = watcher.date if keep else watcher.date + CLOSE
        self._write(head(status, headers, more), b"" if event.method == "HEAD" else content)
        return status, len(content)

    def finished(self, keep: bool) -> None:
        """The task has written its answer."""
        self.task = None
        if not self.refused:
            self._done(keep and not self.half_closed)
            if self.waiting:
                self.serve()

    def _done(self, keep: bool) -> None:
        self.since = self.watcher.now
        if not keep or self.unread:
            self.refused = True
            self.waiting.clear()
            self.transport.close()
        elif not self.waiting:
            self.transport.resume_reading()

    def _write(self, start: bytes, content: bytes) -> None:
        if len(content) < _BIG:
            self.transport.write(start + content)
        else:
            self.transport.write(start)
            self.transport.write(content)

    def refuse(self, response: Response) -> None:
        """Answer with a failure and end the connection once the client has read it."""
        if self.refused:
            return
        self.since = self.watcher.now
        if self.task is not None or self.waiting:  # an answer before this one is on its way
            self.unread = True
            return
        self.refused = self.lingering = True
        event = self.event or HttpEvent.of("", "", b"", [])
        status, headers, content = self.answers.pieces(response, event)
        self.answers.note(event, status, len(content), time.perf_counter(), self.client)
        self._write(head(status, headers, self.watcher.date + CLOSE), content)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        else:
            self.transport.close()
