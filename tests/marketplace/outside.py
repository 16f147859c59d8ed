"""The outside world of READMEs: an endpoint of models, a mail server, a chat's webhook."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["outside"]


class Endpoint(BaseHTTPRequestHandler):
    """Doubles numbers as a model server of either protocol, and takes what a chat is told."""

    def do_GET(self) -> None:
        """It is ready."""
        self._answer({})

    def do_POST(self) -> None:
        """The predictions of the rows."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}")
        rows = body.get("inputs") or body.get("instances") or []
        found = [2 * (row[0] if isinstance(row, list) else row) for row in rows]
        if "instances" in body:
            return self._answer(found)
        return self._answer({"id": "1", "model_name": "m", "outputs": found})

    do_PUT = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _answer(self, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Mail(socketserver.StreamRequestHandler):
    """Takes mails without TLS."""

    def handle(self) -> None:
        """One connection."""
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            self.wfile.write(b"354 go on\r\n" if word == b"DATA" else b"250 fine\r\n")
            if word == b"DATA":
                while self.rfile.readline() not in (b".\r\n", b""):
                    pass
                self.wfile.write(b"250 kept\r\n")


@contextmanager
def outside() -> Iterator[dict[str, str]]:
    """Start all of it; gives what stands for which text of a README."""
    with ExitStack() as stack:
        ports = []
        for server in (
            ThreadingHTTPServer(("127.0.0.1", 0), Endpoint),
            socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail),
        ):
            stack.enter_context(server)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            stack.callback(server.shutdown)
            ports.append(server.server_address[1])
        yield {
            "http://127.0.0.1:8080": f"http://127.0.0.1:{ports[0]}",
            "https://hooks.slack.com/services/...": f"http://127.0.0.1:{ports[0]}/hook",
            "smtp.example.org:587": f"127.0.0.1:{ports[1]} -p tls=none",
            # a machine that runs tests may be slow, and need not be busy for long
            "rate=200": "rate=20",
            "duration=10": "duration=1",
            "max_p99_ms=50": "max_p99_ms=60000",
        }
