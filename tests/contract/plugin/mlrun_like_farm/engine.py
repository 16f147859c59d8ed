"""A farm of one machine: takes jobs by HTTP and runs each as a program in a folder of its own."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

__all__ = ["main"]

_MOST = 1 << 20
_GRACE = 5.0
_RUN = """
import sys
from mlrun_like.runtimes.child import Request, run
with open(sys.argv[1], encoding="utf-8") as file:
    request = Request.read(file)
run(request)  # SIGTERM ends it in order, so that it reports its own abort
"""


class _Jobs:
    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="farm-")
        self._jobs: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def start(self, request: dict[str, Any]) -> str:
        """Run a payload; gives the job's id."""
        with self._lock:
            identity = str(len(self._jobs))
            folder = Path(self._folder.name, identity)
            folder.mkdir(mode=0o700)
            job = {"argument": request["payload"], "cwd": str(folder), "path": []}
            (folder / "job.json").write_text(json.dumps(job))
            with open(folder / "output", "wb") as output:
                self._jobs[identity] = subprocess.Popen(
                    [sys.executable, "-u", "-c", _RUN, "job.json"],
                    cwd=folder,
                    env={**os.environ, "PYTHONIOENCODING": "utf-8", **request["variables"]},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
        return identity

    def look(self, identity: str, offset: int) -> dict[str, Any]:
        """The exit code (None: it runs) and the output from an offset."""
        code = self._jobs[identity].poll()
        with open(Path(self._folder.name, identity, "output"), "rb") as output:
            output.seek(offset)
            data = output.read(_MOST)
        return {"code": code, "output": base64.b64encode(data).decode()}

    def stop(self, identity: str) -> None:
        """Ask a job to end, and kill it and what it started if it does not."""
        self._signal(identity, signal.SIGTERM)
        timer = threading.Timer(_GRACE, self._signal, [identity, signal.SIGKILL])
        timer.daemon = True
        timer.start()

    def _signal(self, identity: str, number: int) -> None:
        process = self._jobs[identity]
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)

    def close(self) -> None:
        """Kill all and forget them."""
        for identity, process in self._jobs.items():
            self._signal(identity, signal.SIGKILL)
            process.wait(10)
        self._folder.cleanup()


class _Handler(BaseHTTPRequestHandler):
    jobs: _Jobs

    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        self._answer({"id": self.jobs.start(json.loads(self.rfile.read(length)))})

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?offset=")
        self._answer(self.jobs.look(path.rpartition("/")[2], int(query or 0)))

    def do_DELETE(self) -> None:
        self.jobs.stop(self.path.rpartition("/")[2])
        self._answer({})

    def _answer(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        return


def main() -> None:
    """Serve on a free port of this machine, which is printed, until standard input ends."""
    _Handler.jobs = _Jobs()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()
    server.shutdown()
    _Handler.jobs.close()


if __name__ == "__main__":
    main()
