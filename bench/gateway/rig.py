"""A gateway of one's own for a benchmark: a home that is thrown away and a free port."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import arguments, median, percentile, report

import mlrun_like as ml
from mlrun_like.gateway.control import deploying, starting
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.gateway.places import gateway_home

__all__ = [
    "ECHO", "MODEL", "Load", "Rig", "arguments", "exchange", "gateway", "head", "median",
    "memory_of", "name_of", "percentile", "report", "wait", "wrk",
]  # fmt: skip

ECHO = """
def handler(context, event):
    return {"sum": sum(event.body["values"])}
"""
MODEL = """
import joblib
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

def init_context(context):
    context.user_data.model = joblib.load("{model}")

def handler(context, event):
    frame = pd.DataFrame(event.body["rows"])
    return {{"predictions": context.user_data.model.predict(frame.to_numpy()).tolist()}}
"""


class Rig:
    """What a benchmark asks of its gateway."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = starting.up()[0]
        self.address = ("127.0.0.1", int(urlsplit(self.url).port or 0))
        self.client = GatewayClient(timeout=60.0)

    def deploy(
        self,
        name: str,
        code: str,
        options: Mapping[str, Any] | None = None,
        rollout: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Deploy code as a function of kind nuclio; gives its status."""
        path = self.folder / f"{name}.py"
        path.write_text(textwrap.dedent(code), encoding="utf-8")
        function = ml.code_to_function(name, filename=str(path), kind="nuclio", handler="handler")
        return deploying.deploy(function, rollout, options, lambda line: None)

    def status(self, name: str) -> dict[str, Any]:
        """What `ps` shows."""
        return self.client.status(f"default/{name}")

    def pool(self, name: str) -> dict[str, Any]:
        """Numbers of the version with most traffic."""
        status = self.status(name)
        rows = [row for row in status["versions"] if row["number"] == status["version"]]
        return dict(rows[0].get("pool") or {"ready": 0, "starting": 0, "draining": 0})

    def until_asleep(self, name: str) -> None:
        """Wait until a function has no replica."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            numbers = self.pool(name)
            if not numbers["ready"] + numbers["starting"] + numbers["draining"]:
                return
            time.sleep(0.02)
        raise TimeoutError(f"{name} does not go to sleep: {numbers}")

    def processes(self) -> list[int]:
        """The holder and all below it."""
        holder = int(starting.process_file(gateway_home())["holder"])
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError, ValueError):
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                    children.setdefault(int(fields[1]), []).append(int(entry.name))
        found, left = [], [holder]
        while left:
            found.append(left.pop())
            left += children.get(found[-1], [])
        return found


@contextlib.contextmanager
def gateway(**settings: Any) -> Iterator[Rig]:
    """Run a gateway; all its processes are ended after it."""
    folder = Path(tempfile.mkdtemp(prefix="bench-gateway-"))
    folder.chmod(0o755)  # workers run as another user and read the model
    # Other programs must have the byte code before anything is timed.
    package = Path(ml.__file__).parent
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(package)], check=False)
    values = {"home": str(folder / "home"), "gateway_port": 0, **settings}
    try:
        with ml.config.override(**values):
            try:
                yield Rig(folder)
            except BaseException:
                log = gateway_home() / "gateway.log"
                if log.exists():
                    sys.stderr.write(log.read_text(encoding="utf-8", errors="replace")[-3000:])
                raise
            finally:
                starting.down()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def head(path: str, body: bytes = b"", method: str = "POST", *lines: str) -> bytes:
    """The bytes of a request.

    >>> head("/a", method="GET")
    b'GET /a HTTP/1.1\\r\\nhost: bench\\r\\ncontent-length: 0\\r\\n\\r\\n'
    """
    more = "".join(f"{line}\r\n" for line in lines)
    kind = "content-type: application/json\r\n" if body else ""
    text = f"{method} {path} HTTP/1.1\r\nhost: bench\r\n{kind}{more}content-length: {len(body)}"
    return text.encode() + b"\r\n\r\n" + body


def exchange(sock: socket.socket, request: bytes) -> tuple[int, bytes]:
    """Send one request over an open connection; status and body of the answer.

    Raises:
        ConnectionError: if the other side ends the connection before the answer is complete.
    """
    sock.sendall(request)
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(sock)
    start, _, body = data.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: *(\d+)", start)
    length = int(found[1]) if found else 0
    while len(body) < length:
        body += _more(sock)
    return int(start[9:12]), body


def _more(sock: socket.socket) -> bytes:
    data = sock.recv(1 << 16)
    if not data:
        raise ConnectionError("the connection ended before the answer was complete")
    return data


class Load:
    """Clients that ask without a break, each over one connection, and count what came back.

    A client opens another connection only when the gateway has said that it ends this one, or when
    it ended between two requests: RFC 9112, section 9.3.1, lets any server do that, and any client
    sends such a request again. A connection that ends after a part of an answer is a failure.

    Args:
        address: Of the gateway.
        request: What is sent.
        clients: How many.
    """

    def __init__(self, address: tuple[str, int], request: bytes, clients: int = 8) -> None:
        self._address, self._request = address, request
        self.answers: dict[int, int] = {}
        self.bodies: dict[bytes, int] = {}
        self.failures: list[str] = []
        self.again = 0
        self.times: list[float] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(90)

    @property
    def total(self) -> int:
        """Requests that were answered."""
        return sum(self.answers.values())

    def _run(self) -> None:
        sock: socket.socket | None = None
        while not self._stop.is_set():
            began = time.perf_counter()
            reused = sock is not None
            try:
                if sock is None:
                    sock = socket.create_connection(self._address, 60)
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.sendall(self._request)
                first = sock.recv(1 << 16)
                if not first:
                    sock.close()
                    sock = None
                    if reused:
                        self.again += 1
                        continue
                    raise ConnectionError("no answer on a new connection")
                status, body, ends = self._rest(sock, first)
            except OSError as exc:
                self.failures.append(f"{type(exc).__name__}: {exc}")
                if sock is not None:
                    sock.close()
                    sock = None
                continue
            self.times.append(time.perf_counter() - began)
            self.answers[status] = self.answers.get(status, 0) + 1
            if status == 200:
                self.bodies[body[:64]] = self.bodies.get(body[:64], 0) + 1
            else:
                self.failures.append(f"{status}: {body[:200].decode('utf-8', 'replace')}")
            if ends:
                sock.close()
                sock = None

    def _rest(self, sock: socket.socket, data: bytes) -> tuple[int, bytes, bool]:
        while b"\r\n\r\n" not in data:
            data += _more(sock)
        start, _, body = data.partition(b"\r\n\r\n")
        found = re.search(rb"(?i)content-length: *(\d+)", start)
        length = int(found[1]) if found else 0
        while len(body) < length:
            body += _more(sock)
        return int(start[9:12]), body, b"connection: close" in start.lower()


def wrk(url: str, connections: int, seconds: int, script: str = "") -> tuple[float, float]:
    """Requests per second and the median latency in microseconds, by wrk with one thread.

    Raises:
        RuntimeError: if an answer was no success.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    command += ["-s", script] if script else []
    done = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(done.stdout)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    half = re.search(r"50%\s+([\d.]+)(us|ms|s)", done.stdout)
    assert rate and half, done.stdout
    return float(rate[1]), float(half[1]) * {"us": 1.0, "ms": 1e3, "s": 1e6}[half[2]]


def wait(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Wait until something is there."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError("it did not happen")
        time.sleep(0.02)
    return found


def memory_of(pid: int) -> dict[str, int]:
    """Kilobytes of a process: `Pss`, and `Private`, what nobody shares."""
    found: dict[str, int] = {}
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in ("Pss", "Private_Clean", "Private_Dirty"):
                found[name[:7]] = found.get(name[:7], 0) + int(rest.split()[0])
    return found


def name_of(pid: int) -> str:
    """The command of a process."""
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        return text.strip()[:60]
    return str(os.getpid() if pid == os.getpid() else "?")
