"""Many requests on one event loop; answers that come together are written together."""

from __future__ import annotations

import asyncio
import collections
import json
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any

from mlrun_like.errors import MLRunLikeError
from mlrun_like.gateway import wire
from mlrun_like.gateway.worker.streaming import AsyncSink, Program

__all__ = ["ConcurrentWorker"]

_log = logging.getLogger("mlrun_like.gateway")


class ConcurrentWorker(asyncio.Protocol):
    """Reads frames and answers them until it is told to end.

    Args:
        channel: The worker's end of the socket.
        program: What answers.
        concurrency: Requests that are worked on at a time.
    """

    def __init__(self, channel: socket.socket, program: Program, concurrency: int) -> None:
        self._channel = channel
        self._program = program
        self._most = concurrency
        self._reader = wire.FrameReader()
        self._transport: Any = None
        self._tasks: dict[int, tuple[asyncio.Task[None], AsyncSink]] = {}
        self._waiting: collections.deque[tuple[int, Callable[[AsyncSink], Awaitable[None]]]] = (
            collections.deque()
        )
        self._out: list[bytes] = []
        self._draining = False
        self._served = 0
        self._pid = os.getpid()
        self._loop = asyncio.get_running_loop()
        self.over: asyncio.Future[None] = self._loop.create_future()
        """Done when the gateway is gone, or DRAIN came and all is answered."""
        self._lost: asyncio.Future[None] = self._loop.create_future()
        self._others: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """Take over the socket."""
        await self._loop.create_unix_connection(lambda: self, sock=self._channel)

    async def close(self) -> None:
        """Send what is left and close the socket."""
        self._flush()
        self._transport.close()
        await self._lost

    # Frames ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=8 << 20)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        try:
            for number, kind, content in self._reader.feed(data):
                if kind == wire.REQUEST:
                    self._request(number, content)
                else:
                    self._obey(number, kind, content)
        except MLRunLikeError as exc:
            _log.error("the gateway speaks another language: %s", exc)
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        for task, _ in self._tasks.values():
            task.cancel()
        self._waiting.clear()
        self._finish()
        if not self._lost.done():
            self._lost.set_result(None)

    def _request(self, number: int, content: bytes) -> None:
        try:
            found = self._program.now(content)
        except Exception:  # noqa: BLE001  the request boundary
            _log.exception("a request failed")
            self._write(wire.frame(number, wire.ABORT))
            return
        if isinstance(found, bytes):
            self._served += 1
            self._write(wire.frame(number, wire.ANSWER, found))
        elif len(self._tasks) < self._most:
            self._start(number, found)
        else:
            self._waiting.append((number, found))

    def _obey(self, number: int, kind: int, content: bytes) -> None:
        if kind == wire.CREDIT:
            if number in self._tasks and len(content) == 4:
                self._tasks[number][1].taken(int.from_bytes(content, "big"))
        elif kind == wire.CANCEL:
            if number in self._tasks:
                self._tasks[number][0].cancel()
            kept = [item for item in self._waiting if item[0] != number]
            if len(kept) < len(self._waiting):
                self._waiting = collections.deque(kept)
                self._write(wire.frame(number, wire.ABORT))
        elif kind == wire.DRAIN:
            self._draining = True
            self._look_for_end()
        elif kind == wire.DRAINED:
            self._aside(self._drained(number, content))
        elif kind == wire.NUMBERS:
            told = {**self._program.numbers(), **self.numbers()}
            self._write(wire.frame(number, wire.NUMBERS, json.dumps(told).encode()))

    # Work ------------------------------------------------------------------------------------

    def _start(self, number: int, work: Callable[[AsyncSink], Awaitable[None]]) -> None:
        sink = AsyncSink(number, self._send)
        task = self._loop.create_task(self._run(work, sink))
        self._tasks[number] = task, sink
        task.add_done_callback(lambda _: self._done(number))

    async def _run(self, work: Callable[[AsyncSink], Awaitable[None]], sink: AsyncSink) -> None:
        try:
            await work(sink)
        except Exception:  # noqa: BLE001  the request boundary
            _log.exception("a request failed")
        finally:
            if os.getpid() != self._pid:
                os._exit(0)  # a fork that came out of a handler: there must be one of us
            if not sink.ended:
                sink.end(complete=False)

    def _done(self, number: int) -> None:
        self._served += 1
        _, sink = self._tasks.pop(number)
        if not sink.ended:  # cancelled before it began
            sink.end(complete=False)
        if self._waiting and len(self._tasks) < self._most:
            self._start(*self._waiting.popleft())
        self._look_for_end()

    async def _drained(self, number: int, content: bytes) -> None:
        try:
            shards = json.loads(content or b"null")
        except ValueError:
            shards = None
        await self._program.drained(shards)
        self._write(wire.frame(number, wire.ACKED, b'{"kind": "drainDone"}'))

    def _aside(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)

    def _look_for_end(self) -> None:
        if self._draining and not self._tasks and not self._waiting:
            self._flush()
            self._finish()

    def _finish(self) -> None:
        if not self.over.done():
            self.over.set_result(None)

    # Writing ---------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        """At once: a step that comes next may keep the loop for long."""
        if self._out:
            self._flush()
        self._transport.write(data)

    def _send(self, data: bytes) -> None:
        """Soon, together with what other tasks send in this turn of the loop."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(data)

    def _flush(self) -> None:
        if self._out:
            out, self._out = self._out, []
            self._transport.write(out[0] if len(out) == 1 else b"".join(out))

    def acknowledge(self, number: int, kind: int, content: bytes) -> None:
        """Send a frame on behalf of `context.platform`."""
        self._send(wire.frame(number, kind, content))

    def numbers(self) -> dict[str, Any]:
        """What this process did."""
        busy = len(self._tasks)
        return {
            "served": self._served,
            "waiting": len(self._waiting),
            "busy": busy,
            "cpu": time.process_time(),
        }
