"""Requests one after the other, in the main thread; what else comes is taken in between.

Every answer is sent before the next request is begun, also when more are there already: if the
process dies over a request, the gateway knows by the answers which one that was.
"""

from __future__ import annotations

import asyncio
import collections
import json
import os
import socket
import time
from typing import Any

from mlrun_like.gateway import wire
from mlrun_like.gateway.worker.streaming import BlockingSink, ClientGone, Program

__all__ = ["BlockingWorker"]

_AT_ONCE = 256 * 1024
_LOOK = 0.002  # seconds between two looks at the socket while a body is sent


class BlockingWorker:
    """Reads frames and answers them until it is told to end.

    Args:
        channel: The worker's end of the socket.
        program: What answers.
    """

    def __init__(self, channel: socket.socket, program: Program) -> None:
        self._channel = channel
        self._program = program
        self._reader = wire.FrameReader()
        self._waiting: collections.deque[tuple[int, bytes]] = collections.deque()
        self._cancelled: set[int] = set()
        self._sink: BlockingSink | None = None
        self._draining = False
        self._looked = 0.0
        self._served = 0
        self._pid = os.getpid()

    def serve(self) -> None:
        """Answer until DRAIN and all that came before it is done, or the gateway is gone."""
        waiting, send = self._waiting, self._channel.sendall
        respond, read = self._program.respond, self._look
        getpid, pid = os.getpid, self._pid
        while True:
            while not waiting:
                if self._draining or not self._receive():
                    return
            number, content = waiting.popleft()
            if number in self._cancelled:
                self._cancelled.discard(number)
                send(wire.frame(number, wire.ABORT))
                continue
            self._sink = sink = BlockingSink(number, send, read)
            try:
                respond(content, sink)
            except OSError:
                if getpid() != pid:
                    os._exit(0)
                return  # the gateway is gone
            finally:
                if getpid() != pid:
                    os._exit(0)  # a fork that came out of the handler: there must be one of us
                self._sink = None
                self._cancelled.discard(number)
            self._served += 1

    def _receive(self, flags: int = 0) -> bool:
        """Take in what is there; False when the gateway is gone."""
        data = self._channel.recv(_AT_ONCE, flags)
        if not data:
            return False
        for number, kind, content in self._reader.feed(data):
            if kind == wire.REQUEST:
                self._waiting.append((number, content))
            else:
                self._obey(number, kind, content)
        return True

    def _obey(self, number: int, kind: int, content: bytes) -> None:
        if kind == wire.CREDIT:
            if self._sink is not None and self._sink.number == number and len(content) == 4:
                self._sink.unread -= int.from_bytes(content, "big")
        elif kind == wire.CANCEL:
            current = self._sink is not None and self._sink.number == number
            if current or any(number == each for each, _ in self._waiting):
                self._cancelled.add(number)
        elif kind == wire.DRAIN:
            self._draining = True
        elif kind == wire.DRAINED:
            asyncio.run(self._program.drained(_shards(content)))
            self._channel.sendall(wire.frame(number, wire.ACKED, b'{"kind": "drainDone"}'))
        elif kind == wire.NUMBERS:
            told = {**self._program.numbers(), **self.numbers()}
            self._channel.sendall(wire.frame(number, wire.NUMBERS, json.dumps(told).encode()))

    def _look(self, wait: bool) -> None:
        """Take in frames while a body is sent.

        Raises:
            ClientGone: if nobody waits for the body any more.
            OSError: if the gateway is gone.
        """
        now = time.monotonic()
        if wait:
            if not self._receive():
                raise ConnectionResetError("the gateway is gone")
        elif now - self._looked >= _LOOK:
            self._looked = now
            try:
                if not self._receive(socket.MSG_DONTWAIT):
                    raise ConnectionResetError("the gateway is gone")
            except BlockingIOError:
                pass
        if self._sink is not None and self._sink.number in self._cancelled:
            raise ClientGone

    def numbers(self) -> dict[str, Any]:
        """What this process did."""
        return {"served": self._served, "waiting": len(self._waiting), "cpu": time.process_time()}


def _shards(content: bytes) -> Any:
    try:
        return json.loads(content or b"null")
    except ValueError:
        return None
