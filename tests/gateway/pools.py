"""Replicas inside this process: the face of a pool, for tests of what is above pools."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from mlrun_like.errors import EngineError
from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Deployment, Options, Version
from mlrun_like.gateway.releases.service import FunctionService
from mlrun_like.gateway.replicas.dispatching import PoolNumbers, refusal, refuse


class Answers:
    """A client's side of a call."""

    def __init__(self) -> None:
        self.status = 0
        self.content = b""
        self.parts: list[bytes] = []
        self.complete: bool | None = None
        self.answered = 0

    def answer(self, status: int, content: bytes) -> None:
        self.status, self.content = status, content
        self.answered += 1

    def start(self, status: int, headers: bytes) -> None:
        self.status, self.content = status, headers

    def chunk(self, data: bytes) -> None:
        self.parts.append(data)

    def end(self, *, complete: bool) -> None:
        self.complete = complete
        self.answered += 1

    @property
    def body(self) -> bytes:
        return self.content.partition(b"\r\n\r\n")[2] or b"".join(self.parts)


Handler = Callable[[Call], tuple[int, bytes]]


class LocalPool:
    """Answers by a function of the call, at once or when `hold` is over.

    The version's document says how: `fails` (text: it does not start), `delay` (seconds).
    """

    def __init__(
        self, version: Version, finished: Callable[[Call], None], handler: Handler
    ) -> None:
        self.version, self._finished, self._handler = version, finished, handler
        self.hold = False
        self.queue: list[Call] = []
        self.least, self.most = version.options.min_replicas, version.options.max_replicas
        self.wanted = 0
        self.closed = False
        self.backoff = 0.0
        self.cancelled: list[Call] = []
        self.decisions: list[str] = []
        self._loop = asyncio.get_running_loop()

    def submit(self, call: Call) -> None:
        if self.closed:
            refuse(call, 503, refusal("closed", "stopped"))
            self._finished(call)
            return
        self.wanted = max(1, self.wanted)
        self.queue.append(call)
        if not self.hold:
            delay = float(self.version.document.get("delay", 0.0))
            if delay:
                self._loop.call_later(delay, self.answer, call)
            else:
                self._loop.call_soon(self.answer, call)

    def answer(self, call: Call) -> None:
        if call not in self.queue:
            return
        self.queue.remove(call)
        call.status, body = self._handler(call)
        call.finished = True
        if call.target == b"/stream":
            call.reply.start(call.status, b"content-type: text/plain")
            call.reply.chunk(body)
            call.reply.end(complete=True)
        else:
            call.reply.answer(call.status, b"content-type: text/plain\r\n\r\n" + body)
        self._finished(call)

    def release(self) -> None:
        self.hold = False
        for call in list(self.queue):
            self.answer(call)

    def cancel(self, call: Call) -> None:
        if call in self.queue:
            self.queue.remove(call)
            self.cancelled.append(call)
            call.cancelled, call.status = True, 499
            self._finished(call)

    def bounds(self, minimum: int | None = None, maximum: int | None = None) -> None:
        self.least = self.least if minimum is None else minimum
        self.most = self.most if maximum is None else maximum
        self.wanted = max(self.wanted, self.least)

    def withdraw(self) -> list[Call]:
        found, self.queue = self.queue, []
        return found

    async def scale(self, wanted: int, why: str) -> None:
        self.wanted = wanted
        self.decisions.append(why)

    async def start_one(self) -> None:
        await asyncio.sleep(0)
        if fault := self.version.document.get("fails"):
            raise EngineError(str(fault))
        self.wanted = max(1, self.wanted)

    async def drain(self, grace: float) -> None:
        until = time.monotonic() + grace
        while self.queue and time.monotonic() < until:
            await asyncio.sleep(0.005)
        self.closed = True
        self.wanted = 0

    def numbers(self) -> PoolNumbers:
        ready = 0 if self.backoff else self.wanted
        return PoolNumbers(
            ready=ready, queued=len(self.queue), backoff=self.backoff, last_error="boom"
        )


class Rig:
    """A service whose versions answer in this process, and what it saved."""

    def __init__(self, deployment: Deployment | None = None) -> None:
        self.pools: dict[int, LocalPool] = {}
        self.handlers: dict[int, Handler] = {}
        self.saved: list[str] = []
        self.last = Deployment("p", "f")
        self.service = FunctionService(
            deployment or Deployment("p", "f"), self.make, self.save, grace=2.0, tick=0.01
        )
        self.service.resume()

    def make(self, version: Version, finished: Callable[[Call], None]) -> LocalPool:
        def plain(call: Call) -> tuple[int, bytes]:
            return 200, b"v%d" % version.number

        pool = LocalPool(version, finished, self.handlers.get(version.number, plain))
        self.pools[version.number] = pool
        return pool

    def save(self, deployment: Deployment) -> None:
        self.last = Deployment.from_dict(deployment.to_dict())
        self.saved.append(deployment.history[-1]["what"])

    def send(
        self, client: str = "", target: bytes = b"/", *headers: tuple[bytes, bytes]
    ) -> Answers:
        """A request, under way."""
        reply = Answers()
        call = Call(b"GET", target, list(headers), b"", reply)
        call.client = client
        self.service.submit(call)
        return reply

    async def ask(
        self, count: int = 1, client: str = "", *headers: tuple[bytes, bytes]
    ) -> list[bytes]:
        """The bodies of answers."""
        found = [self.send(client, b"/", *headers) for _ in range(count)]
        while not all(one.answered for one in found):
            await asyncio.sleep(0.001)
        assert all(one.answered == 1 for one in found)
        return [one.body for one in found]


def version(digest: str, options: Options | None = None, **document: object) -> Version:
    """A version as somebody deploys it."""
    return Version(0, "nuclio", dict(document), options or Options(), by="ann", digest=digest)


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(0.005)
