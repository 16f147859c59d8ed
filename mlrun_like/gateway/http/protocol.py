"""One HTTP/1.1 connection of a client (RFC 9112): reads requests, lets functions answer.

No task and no future for a request: it is parsed, routed and handed on within one call of the event
loop, and its answer is one write when it comes. What takes time is watched by `Front`, which looks
at all connections now and then. Pipelined requests are answered one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from mlrun_like.gateway.call import Call
from mlrun_like.gateway.http.admission import decide
from mlrun_like.gateway.http.answers import CONTINUE, refusal
from mlrun_like.gateway.http.exchange import Exchange
from mlrun_like.gateway.http.front import Front, Site
from mlrun_like.gateway.http.headers import told_of
from mlrun_like.gateway.http.limits import address_of
from mlrun_like.gateway.http.parsing import RequestReader
from mlrun_like.gateway.http.repeats import Repeat
from mlrun_like.gateway.http.tunnel import Tunnel

__all__ = ["FrontProtocol"]

_MOST_WAITING = 64 * 1024  # bytes of a pipelined body after which no more are read
_TURN = 16  # requests of one connection before others get their turn


class FrontProtocol(RequestReader, asyncio.Protocol):
    """One connection.

    Args:
        front: What all connections share.
        site: Where this one came in.
    """

    def __init__(self, front: Front, site: Site) -> None:
        super().__init__(front, site)
        self.transport: asyncio.Transport
        self.peer = ""
        """The client's address for logs and limits; of IPv6 its network."""
        self.told: tuple[tuple[bytes, bytes], ...] = ()
        """Headers that tell functions who the client is."""
        self.current: Exchange | None = None
        """The request that is being answered."""
        self.paused_at = 0.0
        """Since when the client takes nothing of what was written; 0: there is not much left."""
        self.unsent_since = 0.0
        """Since when it is watched how the client reads; 0: it is not."""
        self.unsent = self.taken = 0
        """Bytes that it has not taken; that it took meanwhile."""
        self.tunnel: Tunnel | None = None
        self.half_closed = 0
        """Whether the client sends no more; and how often it was asked if it is still there."""
        self.fresh = True
        """Whether it has sent nothing yet."""
        self.lingering = self.linger_began = 0.0
        """When something came last behind a refused request, and since when that is waited for."""
        self._serving = self._stopped = False
        self._known: Repeat | None = None

    # Connection --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        peer = transport.get_extra_info("peername")
        self.peer, self.told = address_of(peer), told_of(peer, self.site.scheme)
        room = self.front.add(self)
        self.since = self.front.loop.time()
        if not room:
            what = "the gateway has too many connections"
            exchange = Exchange(self)
            exchange.refusal = refusal(503, "overloaded", what, headers=b"retry-after: 1\r\n")
            self.turn_away(exchange)

    def connection_lost(self, exc: Exception | None) -> None:
        self.front.connections.discard(self)
        self.deaf = True
        self.paused_at = 0.0
        tunnel, self.tunnel = self.tunnel, None
        if tunnel is not None and tunnel.sink is not None:
            tunnel.sink.lost()
        left = [*([self.current] if self.current else ()), *self.waiting]
        if self.arriving is not None:
            left.append(self.arriving)
        self.current = self.arriving = None
        self.waiting.clear()
        for exchange in left:
            exchange.abandon()
        self.parser = None

    def eof_received(self) -> bool:
        if self.tunnel is not None and self.tunnel.sink is not None:
            self.tunnel.sink.eof()
            return self.site.scheme != b"https"
        current = self.current
        if self.lingering or (current is None and not self.waiting) or self.reading:
            return False
        if self.site.scheme == b"https" or (current is not None and current.begun):
            return False  # nobody reads on: a stream has no other way to know
        self.half_closed = 1
        self.since = self.front.loop.time()
        return True

    def pause_writing(self) -> None:
        self.paused_at = self.front.loop.time()
        self.unsent_since = 0.0
        if self.tunnel is not None and self.tunnel.sink is not None:
            self.tunnel.sink.pause()

    def resume_writing(self) -> None:
        self.paused_at = self.unsent_since = 0.0
        if self.tunnel is not None and self.tunnel.sink is not None:
            self.tunnel.sink.resume()
        elif self.current is not None:
            self.current.drained()
        elif self.waiting and not self._serving:
            self.serve()

    def drain(self) -> None:
        """The gateway ends: one more request at most."""
        self.since = max(self.since, self.front.loop.time())

    # Reading -----------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self.deaf:
            self._more(data)
            return
        known, waiting = self._known, self.waiting
        if (
            known is not None
            and len(data) == known.whole
            and data.startswith(known.head)
            and not (self.reading or waiting or self.current or self.paused_at)
            and known.table is self.front.router.table
        ):
            self.current = exchange = Exchange(self)
            known.fill(exchange, data, self.front.transactions.of(None))
            found = exchange.refusal
            if found is None:
                exchange.submit()
            else:
                exchange.answer(found.status, found.content)
            return
        self.fresh = False
        alone = not (self.reading or waiting)
        self.read(data)
        if waiting:
            if alone and len(waiting) == 1 and not (self.reading or self.rare):
                self._known = Repeat.of(self, data, waiting[0])
            if self.current is None:
                self.serve()
            if waiting:
                self.pause_reading()
        if self.reading and self.size > _MOST_WAITING and self.current is not None:
            self.pause_reading()

    def _more(self, data: bytes) -> None:
        """What comes when no request is read any more."""
        if self.tunnel is not None and self.tunnel.sink is not None:
            self.tunnel.sink.data(data)
        elif self.lingering:
            self.lingering = self.front.loop.time()
        elif self.waiting and self.waiting[-1].upgrade:
            self.rest += data
            self.pause_reading()

    def pause_reading(self) -> None:
        """Let the client wait with what it sends."""
        if not self._stopped and not self.transport.is_closing():
            self._stopped = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Let it send again."""
        if self._stopped and not self.transport.is_closing():
            self._stopped = False
            self.transport.resume_reading()

    def invite(self) -> None:
        if self.current is None and not self.waiting:
            self.transport.write(CONTINUE)

    def wait(self, exchange: Exchange, expects: bool) -> None:
        future, loop = exchange.pending, self.front.loop
        assert future is not None
        self.pause_reading()

        def tell(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._decided, exchange, expects)

        future.add_done_callback(tell)

    def _decided(self, exchange: Exchange, expects: bool) -> None:
        """A thread has looked at the caller's password."""
        future, gate = exchange.pending, exchange.gate
        if exchange.connection is None or self.parser is None or future is None or gate is None:
            return
        failed = future.cancelled() or future.exception() is not None
        found = gate.guard.answer(None if failed else future.result())
        if exchange.refusal is None:
            exchange.refusal = decide(exchange, self.peer, found)
        exchange.pending = None
        self.resume_reading()
        if exchange is self.arriving:
            if exchange.refusal is not None:
                self.turn_away(exchange)
            elif expects and not exchange.old:
                self.invite()
        elif self.current is None:
            self.serve()

    # Answering ---------------------------------------------------------------------------------

    def serve(self) -> None:
        """Answer the requests that have arrived, in their order."""
        waiting = self.waiting
        if self._serving:
            return
        self._serving = True
        turns = _TURN
        try:
            while waiting and self.current is None and not self.paused_at:
                exchange = waiting[0]
                if exchange.pending is not None:
                    return
                if not turns:
                    self.front.loop.call_soon(self.serve)
                    return
                turns -= 1
                waiting.popleft()
                self.current = exchange
                found = exchange.refusal
                if found is not None:
                    exchange.answer(found.status, found.content)
                elif exchange.upgrade:
                    self._open(exchange)
                else:
                    exchange.submit()
        finally:
            self._serving = False

    def _open(self, exchange: Exchange) -> None:
        """Let the service and the client talk as they like."""
        gate = exchange.gate
        assert gate is not None
        service: Any = gate.service
        call: Call = exchange.called(gate)
        tunnel = Tunnel(self, exchange)
        sink = service.open(tunnel, call)
        if sink is None or exchange.connection is None:
            return  # it was refused, by the call's reply or by the tunnel
        self.tunnel, tunnel.sink = tunnel, sink
        rest, self.rest = self.rest, b""
        self.resume_reading()
        if rest:
            sink.data(rest)

    def finished(self, keep: bool, complete: bool) -> None:
        """The current request has its answer."""
        current, self.current = self.current, None
        self.since = self.front.loop.time()
        if not complete:
            self.deaf = True
            self.waiting.clear()
            self.transport.abort()
        elif not keep or (self.half_closed and not self.waiting):
            refused = current is not None and current.refusal is not None
            self._end(linger=refused or self.front.draining)
        elif self.waiting:
            if not self._serving:
                self.serve()
        elif self._stopped:
            self.resume_reading()

    def turn_away(self, exchange: Exchange) -> None:
        """Answer with a failure, now or after those before it, and end the connection."""
        self.deaf = True
        exchange.keep = False
        exchange.pending = None
        self.arriving, self.reading = None, False
        self.waiting.append(exchange)
        if self.current is None:
            self.serve()

    def _end(self, linger: bool) -> None:
        """End the connection; one that still sends is listened to, so that it reads why."""
        self.deaf = True
        self.waiting.clear()
        if not linger:
            self.transport.close()
            return
        self.lingering = self.linger_began = self.front.loop.time()
        self.resume_reading()
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
