"""A zygote process and its workers, spoken to over their real sockets."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from mlrun_like.gateway import wire

__all__ = ["Answered", "ZygoteProcess", "ZygoteWorker", "document", "order"]

_PATIENCE = 60.0


def document(code: str, handler: str = "handler", kind: str = "nuclio", **spec: Any) -> Any:
    """The document of a function with this code."""
    build = {"functionSourceCode": base64.b64encode(code.encode()).decode(), "origin_module": "fn"}
    return {
        "kind": kind,
        "metadata": {"name": "fn", "project": "p"},
        "spec": {"default_handler": handler, "build": build, **spec},
    }


def order(doc: Any, **values: Any) -> dict[str, Any]:
    """An order for it."""
    return {
        "key": "p/fn",
        "project": "p",
        "name": "fn",
        "version": 1,
        "kind": doc["kind"],
        "document": doc,
        "options": {},
        "env": {},
        "replica": 0,
        "sent": time.monotonic(),
        **values,
    }


class Answered:
    """An ANSWER."""

    def __init__(self, content: bytes) -> None:
        self.status = int.from_bytes(content[:2], "big")
        head, _, self.body = content[2:].partition(b"\r\n\r\n")
        self.headers = {}
        for line in head.decode("latin-1").split("\r\n"):
            name, _, value = line.partition(": ")
            self.headers[name] = value

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)


class ZygoteWorker:
    """The gateway's side of a worker."""

    def __init__(self, zygote: ZygoteProcess, number: int, channel: socket.socket) -> None:
        self.zygote, self.number, self.channel = zygote, number, channel
        self._reader = wire.FrameReader()
        self._frames: deque[tuple[int, int, bytes]] = deque()
        self._next = 0

    def frame(self, timeout: float = _PATIENCE) -> tuple[int, int, bytes] | None:
        """The next frame; None at the end."""
        until = time.monotonic() + timeout
        while not self._frames:
            self.channel.settimeout(max(0.001, until - time.monotonic()))
            try:
                data = self.channel.recv(1 << 20)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._frames.extend(self._reader.feed(data))
        return self._frames.popleft()

    def ready(self) -> dict[str, Any]:
        """What READY says."""
        found = self.frame()
        assert found is not None, "the worker ended before it was ready"
        assert found[1] == wire.READY, found
        told: dict[str, Any] = json.loads(found[2])
        return told

    def failure(self) -> dict[str, Any]:
        """What FAILED says."""
        found = self.frame()
        assert found is not None and found[1] == wire.FAILED, found
        told: dict[str, Any] = json.loads(found[2])
        return told

    def send(self, kind: int, content: bytes = b"", number: int = 0) -> None:
        """Send a frame."""
        self.channel.settimeout(_PATIENCE)
        self.channel.sendall(wire.frame(number, kind, content))

    def post(
        self, body: bytes = b"", target: str = "/", method: str = "POST", **headers: str
    ) -> int:
        """Send a request; gives its number."""
        self._next += 1
        lines = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
        content = wire.joined(method.encode(), target.encode(), lines, body)
        self.send(wire.REQUEST, content, self._next)
        return self._next

    def ask(
        self, body: bytes = b"", target: str = "/", method: str = "POST", **headers: str
    ) -> Answered:
        """Send a request and wait for its answer."""
        number = self.post(body, target, method, **headers)
        found = self.frame()
        assert found is not None, "the worker ended over a request"
        assert found[:2] == (number, wire.ANSWER), found
        return Answered(found[2])

    def stream(self, number: int, *, take: bool = True) -> Iterator[tuple[int, bytes]]:
        """Kinds and contents of the frames of a request up to its end."""
        while True:
            found = self.frame()
            assert found is not None and found[0] == number, found
            yield found[1], found[2]
            if found[1] in (wire.ANSWER, wire.END, wire.ABORT):
                return
            if found[1] == wire.CHUNK and take:
                self.send(wire.CREDIT, len(found[2]).to_bytes(4, "big"), number)

    def ended(self) -> dict[str, Any]:
        """What the zygote says about the end."""
        return self.zygote.until("ended", self.number)

    def log(self) -> str:
        """What it wrote."""
        return self.zygote.logs[self.number].read_bytes().decode("utf-8", "replace")

    def close(self) -> None:
        """Close the socket."""
        self.channel.close()


class ZygoteProcess:
    """A zygote; `with` ends it."""

    def __init__(self, folder: Path, *modules: str, home: str = "", **env: str) -> None:
        self.folder = folder
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.logs: dict[int, Path] = {}
        self._told: list[dict[str, Any]] = []
        self._count = 0
        self._workers: list[ZygoteWorker] = []
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlrun_like.gateway.worker.zygote", str(theirs.fileno()),
                 home, *modules],
                pass_fds=[theirs.fileno()],
                env={**os.environ, **env},
            )  # fmt: skip

    def until(self, name: str, number: int | None = None) -> dict[str, Any]:
        """The next message of this kind."""
        until = time.monotonic() + _PATIENCE
        while True:
            for told in self._told:
                if name in told and (number is None or told[name] == number):
                    self._told.remove(told)
                    return told
            left = until - time.monotonic()
            assert left > 0 and select.select([self.control], [], [], left)[0], self._told
            data = self.control.recv(1 << 20)
            assert data, "the zygote is gone"
            self._told.append(json.loads(data))

    def tell(self, message: Any, descriptors: tuple[int, ...] = ()) -> None:
        """Send a packet."""
        data = message if isinstance(message, bytes) else json.dumps(message).encode()
        if descriptors:
            socket.send_fds(self.control, [data], list(descriptors))
        else:
            self.control.send(data)

    def start(self, wanted: Any) -> ZygoteWorker:
        """Start a worker; `wanted` is an order, or bytes in its place."""
        self._count += 1
        number = self._count
        ours, theirs = socket.socketpair()
        data = wanted if isinstance(wanted, bytes) else json.dumps(wanted).encode()
        file = os.memfd_create("order", os.MFD_CLOEXEC)
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
        log = self.logs[number] = self.folder / f"{number}.log"
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.tell({"start": number}, (theirs.fileno(), file, output))
        theirs.close()
        os.close(file)
        os.close(output)
        self._workers.append(ZygoteWorker(self, number, ours))
        return self._workers[-1]

    def close(self) -> None:
        """End it; its workers end with it."""
        for worker in self._workers:
            worker.close()
        self.control.close()
        try:
            self.process.wait(20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
                self.process.wait()

    def __enter__(self) -> ZygoteProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
