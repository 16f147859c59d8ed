"""An application of the tests: a small server with the standard library only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

__all__: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """Answers what tests ask."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""

    def do_GET(self) -> None:
        """Routes."""
        parts = urlsplit(self.path)
        name = parts.path.strip("/").split("/")[-1]
        getattr(self, f"get_{name}", self.get_info)()

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """Count the body."""
        size, coding = 0, self.headers.get("transfer-encoding", "")
        left = int(self.headers.get("content-length") or 0)
        while left:
            data = self.rfile.read(min(left, 1 << 16))
            size, left = size + len(data), left - len(data)
        if self.path == "/die":
            os._exit(3)
        self.give({"size": size, "coding": coding})

    def give(self, found: object, status: int = 200, **headers: str) -> None:
        """Answer with JSON."""
        data = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def get_info(self) -> None:
        """What it sees of itself and of the request."""
        env = {key: value for key, value in os.environ.items() if key not in ("_",)}
        self.give({
            "pid": os.getpid(), "uid": os.getuid(), "path": self.path, "env": env,
            "headers": {key.lower(): value for key, value in self.headers.items()},
            "cwd": os.getcwd(), "files": sorted(os.listdir(".")), "argv": sys.argv[1:],
        })  # fmt: skip

    def get_go(self) -> None:
        """Send somewhere else, with a cookie."""
        self.give({}, 302, Location="/login", Set_Cookie="a=1; Path=/; HttpOnly")

    def get_stream(self) -> None:
        """Events, in chunks."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(3):
            data = f"data: {number}\n\n".encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def get_endless(self) -> None:
        """Write until the client is gone, and note that in a file."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        sent = 0
        try:
            while True:
                self.wfile.write(b"x" * 65536)
                sent += 65536
                with open("sent", "w") as file:
                    file.write(str(sent))
        except OSError:
            with open("gone", "w") as file:
                file.write("yes")
        self.close_connection = True

    def get_old(self) -> None:
        """A body that ends with the connection."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"until the end")
        self.close_connection = True

    def get_half(self) -> None:
        """Less than was promised."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"half")
        self.close_connection = True

    def get_garbage(self) -> None:
        """No HTTP at all."""
        self.wfile.write(b"\x00\x01 what\r\n\r\n")
        self.close_connection = True

    def get_slow(self) -> None:
        """Take long."""
        time.sleep(float(urlsplit(self.path).query or 1))
        self.give({"slow": True})

    def get_die(self) -> None:
        """End without an answer."""
        os._exit(3)

    def get_die_once(self) -> None:
        """End without an answer, the first time."""
        if os.path.exists("died"):
            self.give({"again": True})
            return
        with open("died", "w"):
            os._exit(3)

    def get_echo(self) -> None:
        """Change the protocol, and say everything again."""
        if self.headers.get("upgrade") != "echo":
            self.give({"error": "upgrade"}, 426, Upgrade="echo")
            return
        self.send_response(101)
        self.send_header("Connection", "upgrade")
        self.send_header("Upgrade", "echo")
        self.end_headers()
        while data := self.connection.recv(65536):
            self.connection.sendall(data)
        self.close_connection = True

    def get_hog(self) -> None:
        """Take memory."""
        self.server.held = b"x" * (200 << 20)  # type: ignore[attr-defined]
        time.sleep(20)

    def get_fork(self) -> None:
        """Start many processes, some of them in sessions of their own."""
        for number in range(30):
            subprocess.Popen(["sleep", "60"], start_new_session=bool(number % 2))
        self.give({})


if __name__ == "__main__":
    if "--sleep" in sys.argv:
        subprocess.Popen(["sleep", "61"], start_new_session=True)
    if "--fail" in sys.argv:
        sys.exit("it is broken on purpose")
    port = int(os.environ["PORT"])
    if "--port" in sys.argv:
        port = int(sys.argv[sys.argv.index("--port") + 1])
    if "--own" in sys.argv:
        port = 0
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
