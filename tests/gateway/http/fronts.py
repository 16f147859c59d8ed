"""A front in a thread of its own, services that answer at once, clients with raw sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mlrun_like.gateway.call import Call
from mlrun_like.gateway.deployment import Options, Version
from mlrun_like.gateway.http.accesslog import AccessLog
from mlrun_like.gateway.http.audit import Audit
from mlrun_like.gateway.http.front import Front, Limits
from mlrun_like.gateway.http.listen import Listener, serve
from mlrun_like.gateway.http.routes import Router
from mlrun_like.gateway.http.tls import Certificate


class Echo:
    """Answers with what it was asked."""

    def __init__(self, key: str = "p/f", **options: Any) -> None:
        self.key = key
        self.version = Version(1, "nuclio", {}, Options(**options))
        self.cancelled: list[Call] = []

    def submit(self, call: Call) -> None:
        call.version, call.sent = 1, call.received
        told = {
            "key": self.key,
            "method": call.method.decode(),
            "target": call.target.decode("latin-1"),
            "headers": [[name.decode("latin-1"), v.decode("latin-1")] for name, v in call.headers],
            "size": len(call.body),
            "body": call.body[:100].decode("latin-1"),
            "client": call.client,
            "trigger": call.trigger,
            "retryable": call.retryable,
        }
        body = json.dumps(told).encode()
        head = b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        call.reply.answer(200, head + body)

    def cancel(self, call: Call) -> None:
        self.cancelled.append(call)


class Held(Echo):
    """Keeps its calls until the test answers them."""

    def __init__(self, key: str = "p/f", **options: Any) -> None:
        super().__init__(key, **options)
        self.calls: queue.Queue[Call] = queue.Queue()

    def submit(self, call: Call) -> None:
        call.version, call.sent = 1, call.received
        self.calls.put(call)

    def next(self) -> Call:
        return self.calls.get(timeout=20)


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["code"])

    @property
    def told(self) -> dict[str, str]:
        """Headers that the function saw."""
        return {name: value for name, value in self.json["headers"]}


class Client:
    """A connection with raw bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.sock.settimeout(20)
        self._held = b""

    def send(self, *parts: bytes) -> Client:
        for part in parts:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.sock.sendall(part)
        return self

    def ask(self, data: bytes, *, head: bool = False) -> Answer:
        return self.send(data).answer(head=head)

    def answer(self, *, head: bool = False) -> Answer:
        """The next answer; 100 is passed over."""
        while True:
            lines = self._until(b"\r\n\r\n").split(b"\r\n")
            status = int(lines[0].split(b" ")[1])
            if status != 100:
                break
        pairs = [line.decode("latin-1").split(": ", 1) for line in lines[1:] if line]
        headers = {name.lower(): value for name, value in pairs}
        assert len(headers) == len(pairs), lines
        if head or status in (204, 304):
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self._until(b"\r\n"), 16):
                body += self._exactly(size + 2)[:-2]
            self._until(b"\r\n")
        elif "content-length" in headers:
            body = self._exactly(int(headers["content-length"]))
        else:
            body = self.rest()
        return Answer(status, headers, body)

    def rest(self) -> bytes:
        """All until the end of the connection."""
        with contextlib.suppress(ConnectionResetError):
            while data := self.sock.recv(65536):
                self._held += data
        found, self._held = self._held, b""
        return found

    def is_over(self) -> bool:
        """Whether the other side ends the connection and nothing is left."""
        return self.rest() == b""

    def close(self) -> None:
        self.sock.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError(f"the connection ended after {self._held!r}")
        self._held += data

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._held:
            self._more()
        found, _, self._held = self._held.partition(mark)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._held) < size:
            self._more()
        found, self._held = self._held[:size], self._held[size:]
        return found


class Server:
    """The front; everything of it happens on its own loop."""

    def __init__(
        self,
        *services: Any,
        limits: Limits | None = None,
        home: Path | None = None,
        certificate: Certificate | None = None,
        loop: str = "",
    ) -> None:
        self.router = Router()
        self.router.set(services)
        self.log = AccessLog(home / "access.log") if home is not None else None
        self.audit = Audit(home / "invocations") if home is not None else None
        self.front = Front(self.router, limits, log=self.log, audit=self.audit)
        self.loop = _loop(loop)
        self.errors: list[dict[str, Any]] = []
        self.loop.set_exception_handler(lambda _, context: self.errors.append(context))
        self.listener: Listener
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self._path = home / "s" if home is not None else None
        self._certificate = certificate
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self.loop.run_forever)

    def start(self) -> None:
        sockets = [self._socket]
        if self._path is not None:
            local = socket.socket(socket.AF_UNIX)
            local.bind(str(self._path))
            sockets.append(local)
        for item in sockets:
            item.listen(256)
            item.setblocking(False)
        self._thread.start()
        self.listener = self.run(serve(self.front, sockets, self._certificate))

    def stop(self) -> None:
        try:
            self.run(self.listener.close(0.2))
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(20)
            self.loop.close()
            for item in (self.log, self.audit):
                if item is not None:
                    item.close()
        assert not self.errors, self.errors
        assert self.front.buffered == 0
        assert all(gate.numbers.in_flight == 0 for gate in self.router.gates)

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def do(self, action: Callable[..., Any], *args: Any) -> Any:
        """Call something on the front's loop."""

        async def work() -> Any:
            return action(*args)

        return self.run(work())

    def set(self, *services: Any) -> None:
        self.do(self.router.set, services)

    def client(self) -> Client:
        return Client(socket.create_connection(("127.0.0.1", self.port)))

    def trusted(self) -> Client:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(self._path))
        return Client(sock)

    def ask(self, data: bytes, *, head: bool = False) -> Answer:
        """One request on a connection of its own."""
        with self.client() as client:
            return client.ask(data, head=head)


@contextlib.contextmanager
def serving(*services: Any, **more: Any) -> Iterator[Server]:
    server = Server(*services, **more)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def request(
    target: str = "/p/f/", method: str = "GET", body: bytes | None = None, **headers: str
) -> bytes:
    """A request; `_` in names of headers stands for `-`."""
    lines = [f"{method} {target} HTTP/1.1", "Host: here"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def until(condition: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)
    return found


def _loop(kind: str) -> asyncio.AbstractEventLoop:
    if kind != "asyncio":
        try:
            import uvloop
        except ImportError:
            pass
        else:
            return uvloop.new_event_loop()
    return asyncio.new_event_loop()
