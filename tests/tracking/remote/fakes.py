"""Other ends of a connection: a server that answers what a test says."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Asked", "Fake", "error", "fake", "json_of"]

Reply = tuple[int, dict[str, str], bytes]


class Asked:
    """A request that came."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.method, self.path, self.headers, self.body = method, path, headers, body


class Fake:
    """What a fake server was asked, and how it answers."""

    def __init__(self, reply: Callable[[Asked], Reply | None]) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self.url = ""
        self.reply = reply


def json_of(data: Any, status: int = 200, **headers: str) -> Reply:
    """An answer of JSON."""
    return status, {"Content-Type": "application/json", **headers}, json.dumps(data).encode()


def error(code: str, status: int, **headers: str) -> Reply:
    """An answer that is an error of ours."""
    detail = {"code": code, "what": f"it is {code}", "reason": code, "where": "", "fix": ""}
    return json_of({"detail": detail}, status, **headers)


@contextlib.contextmanager
def fake(reply: Callable[[Asked], Reply | None]) -> Iterator[Fake]:
    """A server that answers by `reply`; None: it hangs up without an answer."""
    told = Fake(reply)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self) -> None:
            told.connections += 1
            super().setup()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, body)
            told.asked.append(asked)
            found = told.reply(asked)
            if found is None:
                self.close_connection = True
                return
            status, sent, content = found
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **sent}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
