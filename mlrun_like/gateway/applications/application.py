"""One version of an application at work: its replicas, and the requests that wait for them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlrun_like.gateway.applications.calls import CallAsker, request_of
from mlrun_like.gateway.applications.copies import Copies
from mlrun_like.gateway.applications.exchange import Asker, Exchange, Request
from mlrun_like.gateway.applications.launch import keeps_prefix, root_path_of
from mlrun_like.gateway.applications.replica import READY, Replica
from mlrun_like.gateway.applications.rewriting import Outside
from mlrun_like.gateway.applications.scaling import numbers_of, scale
from mlrun_like.gateway.applications.tunnels import TunnelAsker
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Version
from mlrun_like.gateway.replicas.dispatching import Delays, PoolNumbers

if TYPE_CHECKING:
    from mlrun_like.gateway.http.tunnel import Tunnel

__all__ = ["Application"]

_TICK = 0.1
_MOST = 10_000
"""Requests at a time in one replica that has no limit of its own."""
_GIVE_UP = 3
"""Failed starts after which requests are refused at once, as long as it rests."""
_GONE = 499
_now = time.monotonic


class Application(Copies):
    """One version of an application; the same face as a pool of workers, and `exchange`.

    Args:
        key: `<project>/<name>`.
        version: What runs.
        home: The gateway's folder.
        on_finished: Called once for each call that is over.
        log: Where starts, ends and crashes are told.
    """

    def __init__(
        self,
        key: str,
        version: Version,
        home: Path,
        on_finished: Callable[[Call], None],
        log: logging.Logger,
    ) -> None:
        super().__init__(key, version, home, log)
        self.queue: deque[Exchange] = deque()
        self.service = 0.0
        self.served = self.refused = self.timeouts = self.retried = 0
        self.last_call = _now()
        self.delays = Delays()
        self.active: set[Exchange] = set()
        self._calls: dict[Call, Exchange] = {}
        self._finished = on_finished
        self._base = root_path_of(key, version) if keeps_prefix(version) else ""
        self.slots = self.options.concurrency or _MOST
        self.decisions: deque[dict[str, Any]] = deque(maxlen=50)
        """The last changes of the number of replicas, the youngest last."""
        self._timer: asyncio.TimerHandle | None = None

    def submit(self, call: Call) -> None:
        """Answer a call, sooner or later; never raises."""
        asker = CallAsker(call, self._call_over)
        exchange = self.exchange(request_of(call, self._base), asker)
        asker.exchange = exchange
        if not exchange.over:
            self._calls[call] = exchange

    def open(self, tunnel: Tunnel, call: Call) -> TunnelAsker:
        """Let a client and a replica talk as they like; see `http/tunnel.py`.

        Args:
            tunnel: The client's connection.
            call: The request for it; it counts as one that is answered when the tunnel ends.
        """
        asker = TunnelAsker(tunnel, call, self._call_over)
        request = Request(
            call.method, self._base.encode() + call.target, call.headers,
            Outside.told_by(call.headers), body=None, upgrade=True,
        )  # fmt: skip
        asker.exchange = self.exchange(request, asker)
        return asker

    def cancel(self, call: Call) -> None:
        """Nobody waits for it any more."""
        exchange = self._calls.pop(call, None)
        if exchange is None or call.finished:
            return
        call.cancelled = call.finished = True
        call.status = _GONE
        exchange.abort()
        self._finished(call)

    def withdraw(self) -> list[Call]:
        """Take out the calls that no replica was given yet."""
        waiting = set(self.queue)
        found = [call for call, exchange in self._calls.items() if exchange in waiting]
        for call in found:
            exchange = self._calls.pop(call)
            self.queue.remove(exchange)
            exchange.over = True
        return found

    async def drain(self, grace: float) -> None:
        """Finish what waits and what is under way, within `grace` seconds; then end."""
        until = _now() + grace
        while (self.queue or self.active) and _now() < until:
            await asyncio.sleep(0.02)
        self.closed = True
        while self.queue:
            self._refuse(self.queue.popleft(), 503, "this version was stopped", "stopped", 1.0)
        await self.end(max(0.0, until - _now()))
        for exchange in list(self.active):
            exchange.refuse(503, "this version was stopped", "stopped", 1.0)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def numbers(self) -> PoolNumbers:
        """How it does."""
        return numbers_of(self)

    def exchange(self, request: Request, asker: Asker) -> Exchange:
        """Begin with a request; it waits if no replica is ready.

        Args:
            request: What is asked.
            asker: Who gets the answer, or the refusal.
        """
        self.last_call = _now()
        exchange = Exchange(request, asker, self._over)
        exchange.on_lost = self._lost
        self._arm()
        if not self.queue and self._give(exchange):
            return exchange
        if self.closed or not self.maximum:
            self._refuse(exchange, 503, "this version was stopped", "stopped", 1.0)
        elif self._broken:
            self._refuse_broken(exchange)
        elif len(self.queue) >= self.options.queue:
            text = f"{len(self.queue)} requests wait for this application already"
            self._refuse(exchange, 429, text, "queue_full", 1.0)
        else:
            self.queue.append(exchange)
            if not self.workers and not self._starting:
                self.wanted = max(1, self.wanted)
                self.check()
        return exchange

    def demand(self) -> bool:
        """See Copies."""
        return bool(self.queue)

    def helpers(self) -> list[asyncio.Task[None]]:
        """See Copies."""
        mine = self._loop.create_task(scale(self, self.decisions))
        return [*super().helpers(), mine]

    def feed(self) -> None:
        """See Copies."""
        while self.queue:
            if self.queue[0].over or self._give(self.queue[0]):  # its client went away
                self.queue.popleft()
            else:
                return

    def hopeless(self) -> None:
        """See Copies."""
        while self._broken and self.queue:
            self._refuse_broken(self.queue.popleft())

    @property
    def _broken(self) -> bool:
        return (
            self.backoff.failures >= _GIVE_UP
            and not self.workers
            and self.backoff.left(_now()) > 0
        )  # fmt: skip

    def _give(self, exchange: Exchange) -> bool:
        ready = [one for one in self.workers if one.state == READY and one.busy < self.slots]
        if not ready:
            return False
        replica = min(ready, key=lambda one: one.busy)
        replica.busy += 1
        now = _now()
        exchange.replica, exchange.sent = replica, now
        exchange.attempts += 1
        self.delays.add((now, now - exchange.received))
        self.active.add(exchange)
        upstream = replica.free(safe=exchange.request.retryable)
        if upstream is not None:
            exchange.send(upstream)
            return True
        task = self._loop.create_task(self._connect(exchange, replica))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _connect(self, exchange: Exchange, replica: Replica) -> None:
        try:
            upstream = await replica.connect()
        except (OSError, TimeoutError) as exc:
            if not exchange.over:
                self._lost(exchange, f"it does not accept connections: {exc}")
            return
        if exchange.over:  # its client went away
            replica.release(upstream)
        else:
            exchange.send(upstream)

    def _lost(self, exchange: Exchange, why: str) -> None:
        """The connection broke before an answer began."""
        task = self._loop.create_task(self._after_loss(exchange, why))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _after_loss(self, exchange: Exchange, why: str) -> None:
        replica = exchange.replica
        await asyncio.wait([replica.closed], timeout=0.2)  # its end may say more
        if exchange.over:
            return
        if (exchange.again or exchange.untouched) and not self.closed:
            self.active.discard(exchange)
            replica.busy -= 1
            exchange.waits_again()
            self.retried += 1
            self.queue.appendleft(exchange)
            self.check()
            self.feed()
            return
        told = replica.why if replica.closed.done() and replica.why else why
        exchange.refuse(502, f"the application gave no answer: {told}", "application_lost")

    def _over(self, exchange: Exchange, complete: bool) -> None:
        if exchange in self.active:
            self.active.discard(exchange)
            replica = exchange.replica
            replica.busy -= 1
            replica.served += 1
            self.served += 1
            took = _now() - exchange.sent
            if exchange.status != 101:
                self.service += (took - self.service) * 0.05 if self.service else took
            if exchange.upstream is not None:
                replica.release(exchange.upstream)
            self.last_call = _now()
            if self.queue:
                self._loop.call_soon(self.feed)
        elif exchange in self.queue:
            self.queue.remove(exchange)

    def _call_over(self, call: Call) -> None:
        self._calls.pop(call, None)
        self._finished(call)

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(_TICK, self._tick)

    def _tick(self) -> None:
        self._timer = None
        limit = self.options.queue_timeout
        now = _now()
        while limit and self.queue and now - self.queue[0].received > limit:
            text = f"no replica was ready within {limit:g} s"
            if self.last_error and not any(one.state == READY for one in self.workers):
                text += f"; the last one: {self.last_error}"
            rest = max(1.0, self.backoff.left(now))
            self._refuse(self.queue.popleft(), 503, text, "queue_timeout", rest)
        limit = self.options.request_timeout
        for exchange in list(self.active) if limit else ():
            if exchange.quiet > limit:
                self.timeouts += 1
                text = f"the application did not begin to answer within {limit:g} s"
                exchange.refuse(504, text, "request_timeout")
        if self.queue or self.active:
            self._arm()

    def _refuse(self, exchange: Exchange, status: int, text: str, code: str, after: float) -> None:
        self.refused += 1
        exchange.refuse(status, text, code, after)

    def _refuse_broken(self, exchange: Exchange) -> None:
        text = f"the application cannot start: {self.backoff.error}"
        left = max(1.0, self.backoff.left(_now()))
        self._refuse(exchange, 503, text, "cannot_start", left)
