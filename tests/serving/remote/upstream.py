"""Servers that remote steps are tested against: a well-behaved one, and one that plays a script."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

__all__ = ["Got", "Script", "Upstream"]


class Got(NamedTuple):
    """One request that came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients may leave whenever they like."""


class Upstream:
    """An HTTP/1.1 server with keep-alive on a port of its own.

    Known paths: `/echo`, `/json`, `/text`, `/empty`, `/status/<n>` (as JSON), `/plain/<n>` (as
    text), `/slow/<seconds>`, `/counted/<seconds>` (the same, in `most_running`), `/flaky/<n>`
    (fails n times with 500), `/to/<status>` (redirects to /json), `/away?<url>`, `/loop`,
    `/close` (answers and ends the connection).
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.got: list[Got] = []
        self.connections = 0
        self.running = self.most_running = 0
        self.counts: dict[str, int] = {}
        self.lock = threading.Lock()
        upstream = self

        class Handler(_Handler):
            owner = upstream

        self._server = _Server(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = int(self._server.server_address[1])
        self.url = f"{'https' if context else 'http'}://localhost:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )
        self._thread.start()

    def clear(self) -> None:
        self.got.clear()
        self.counts.clear()
        self.connections = self.most_running = 0

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: Upstream
    timeout = 30

    def setup(self) -> None:
        super().setup()
        with self.owner.lock:
            self.owner.connections += 1

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def answer(
        self, status: int, body: bytes = b"", kind: str = "", headers: Iterable[Any] = ()
    ) -> None:
        self.send_response(status)
        if kind:
            self.send_header("Content-Type", kind)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self) -> None:
        owner = self.owner
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with owner.lock:
            owner.got.append(Got(self.command, self.path, headers, body))
        self.route(body)

    def rest(self, seconds: float, counted: bool) -> None:
        owner = self.owner
        with owner.lock:
            owner.running += counted
            owner.most_running = max(owner.most_running, owner.running)
        time.sleep(seconds)
        with owner.lock:
            owner.running -= counted

    def route(self, body: bytes) -> None:
        _, name, *rest = self.path.partition("?")[0].split("/")
        if name == "echo":
            self.answer(200, body, self.headers.get("Content-Type", ""))
        elif name == "text":
            self.answer(200, b"my str", "text/plain")
        elif name == "empty":
            self.answer(204)
        elif name == "status":
            text = json.dumps({"error": f"said {rest[0]}", "code": "x"}).encode()
            extra = [("Retry-After", "7")] if rest[0] == "503" else []
            self.answer(int(rest[0]), text, "application/json", extra)
        elif name == "plain":
            self.answer(int(rest[0]), b"no luck today", "text/plain")
        elif name in ("slow", "counted"):
            self.rest(float(rest[0]), name == "counted")
            self.answer(200, b'{"slow": true}', "application/json")
        elif name == "flaky":
            with self.owner.lock:
                count = self.owner.counts.get(self.path, 0)
                self.owner.counts[self.path] = count + 1
            if count < int(rest[0]):
                self.answer(500, b"Failed")
            else:
                self.answer(200, body or b"{}", "application/json")
        elif name == "to":
            self.answer(int(rest[0]), headers=[("Location", "/json")])
        elif name == "away":
            self.answer(307, headers=[("Location", self.path.partition("?")[2])])
        elif name == "loop":
            self.answer(302, headers=[("Location", "/loop")])
        elif name == "close":
            self.answer(200, b"1", headers=[("Connection", "close")])
            self.close_connection = True
        else:
            self.answer(200, b'{"ok": true}', "application/json; charset=utf-8")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any


class Script:
    """A server that plays one function on each connection, in order; the last one again and again.

    A function receives the connected socket after the request's first bytes came.
    """

    def __init__(self, *plays: Callable[[socket.socket], None]) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/"
        self.connections = 0
        self.requests: list[bytes] = []
        self._plays = plays
        self._ended = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connected, _ = self._listening.accept()
            except OSError:
                return
            play = self._plays[min(self.connections, len(self._plays) - 1)]
            self.connections += 1
            threading.Thread(target=self._play, args=(play, connected), daemon=True).start()

    def _play(self, play: Callable[[socket.socket], None], connected: socket.socket) -> None:
        with connected, contextlib.suppress(OSError):  # the other side, or the test, ends it
            connected.settimeout(0.05)
            while not self._ended.is_set():
                try:
                    data = connected.recv(1 << 16)
                except TimeoutError:
                    continue
                if not data:
                    return
                self.requests.append(data)
                connected.settimeout(5)
                play(connected)
                connected.settimeout(0.05)

    def __enter__(self) -> Script:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
