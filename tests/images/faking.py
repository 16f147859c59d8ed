"""Servers that misbehave: a proxy that cuts connections, and a registry of prepared answers."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

__all__ = ["Asked", "Flaky", "Given", "answering", "flaky_proxy"]


class Flaky:
    """Passes bytes on to a server; while `cuts` is above 0, connections break after `after` bytes.

    Args:
        port: Of the server.
        after: Bytes towards the server (or from it, with `backwards`) before a cut.
        cuts: How many connections are cut.
        backwards: Cut the server's answers instead of the requests.
    """

    def __init__(self, port: int, *, after: int, cuts: int, backwards: bool = False) -> None:
        self._port, self.after, self.cuts, self._backwards = port, after, cuts, backwards
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.host = f"127.0.0.1:{self.port}"
        self.opened = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                self.opened += 1
                self._open += [client, server]
                for pair in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, backwards: bool) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if backwards == self._backwards and self.cuts > 0:
                    data = data[: self.after - passed]
                    passed += len(data)
                    target.sendall(data)
                    if passed >= self.after:
                        self.cuts -= 1
                        break
                else:
                    target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                # closed with a reset, as by a router that loses its table
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)
                end.close()

    def close(self) -> None:
        for end in (self._listener, *self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits on it
            end.close()


@contextmanager
def flaky_proxy(port: int, *, after: int, cuts: int, backwards: bool = False) -> Iterator[Flaky]:
    """A running proxy."""
    proxy = Flaky(port, after=after, cuts=cuts, backwards=backwards)
    try:
        yield proxy
    finally:
        proxy.close()


class Asked(NamedTuple):
    """A request."""

    method: str
    path: str
    headers: Message
    body: bytes


class Given(NamedTuple):
    """An answer: status, headers, body; `length` is announced instead of the body's own."""

    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b""
    length: int = -1


@contextmanager
def answering(answer: Callable[[Asked], Given]) -> Iterator[str]:
    """A server whose answers come from a function of the requests; its host.

    A request that breaks off reaches the function too, with what came of its body.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = b""
            left = int(self.headers.get("Content-Length") or 0)
            with suppress(OSError):
                while left and (data := self.rfile.read1(min(left, 1 << 16))):
                    left -= len(data)
                    body += data
            given = answer(Asked(self.command, self.path, self.headers, body))
            if left:  # the client is gone
                self.close_connection = True
                return
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            length = len(given.body) if given.length < 0 else given.length
            self.send_header("Content-Length", str(length))
            self.end_headers()
            if self.command != "HEAD":
                with suppress(OSError):
                    self.wfile.write(given.body)
            self.close_connection = length > len(given.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
