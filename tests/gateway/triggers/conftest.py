"""A small data plane that answers as the gateway does, and triggers that post to it."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.gateway.triggers.running import Running

Respond = Callable[["Request"], "tuple[int, bytes, dict[str, str]]"]


class Request:
    """What the data plane was asked."""

    def __init__(self, target: str, headers: Mapping[str, str], body: bytes) -> None:
        self.target, self.body = target, body
        self.headers = {name.lower(): value for name, value in headers.items()}

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def batch(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.body)["events"]
        return found


class Plane:
    """A server of HTTP on a Unix socket.

    Args:
        path: The socket.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.requests: list[Request] = []
        self.respond: Respond = lambda request: (200, b"ok", {})
        self.most = self._now = 0
        self._lock = threading.Lock()
        self._server: Any = None
        self._open: list[Any] = []

    @property
    def bodies(self) -> list[str]:
        return [request.text for request in list(self.requests)]

    def slow(self, seconds: float) -> None:
        """Take so long over each answer."""

        def respond(request: Request) -> tuple[int, bytes, dict[str, str]]:
            time.sleep(seconds)
            return 200, b"", {}

        self.respond = respond

    def start(self) -> None:
        plane = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                body = self.rfile.read(length)
                if len(body) < length:  # it was stopped over this request
                    self.close_connection = True
                    return
                request = Request(self.path, dict(self.headers.items()), body)
                with plane._lock:
                    plane.requests.append(request)
                    plane._now += 1
                    plane.most = max(plane.most, plane._now)
                try:
                    status, content, headers = plane.respond(request)
                finally:
                    with plane._lock:
                        plane._now -= 1
                try:
                    self.send_response(status)
                    for name, value in {"content-length": str(len(content)), **headers}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    self.close_connection = True

            def address_string(self) -> str:
                return "local"

            def log_message(self, *args: Any) -> None:
                """Says nothing."""

        class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
            daemon_threads = True
            request_queue_size = 128

            def get_request(self) -> tuple[Any, Any]:
                sock, _ = super().get_request()
                plane._open.append(sock)
                return sock, ("local", 0)

            def handle_error(self, *args: Any) -> None:
                """A client that broke off is nothing to tell."""

        self.path.unlink(missing_ok=True)
        self._server = Server(str(self.path), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """End as a killed gateway does: requests under way get no answer."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
        for sock in self._open:
            with contextlib.suppress(OSError):
                sock.shutdown(2)
        self._open.clear()


def until(
    condition: Callable[[], Any], seconds: float = 30.0, told: Callable[[], Any] = str
) -> Any:
    """Wait for a condition; what it gave."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    pytest.fail(f"it did not come to that: {told()}")


def load_servers() -> Any:
    """The module `tests/servers.py`, wherever pytest was started."""
    if "tests_servers" not in sys.modules:
        path = Path(__file__).parents[2] / "servers.py"
        spec = importlib.util.spec_from_file_location("tests_servers", path)
        if spec is None or spec.loader is None:
            raise ImportError(path)
        module = importlib.util.module_from_spec(spec)
        sys.modules["tests_servers"] = module
        spec.loader.exec_module(module)
    return sys.modules["tests_servers"]


@pytest.fixture(scope="session")
def redis() -> Iterator[Any]:
    with load_servers().redis_server() as server:
        yield server


@pytest.fixture(scope="session")
def kafka() -> Iterator[Any]:
    with load_servers().kafka_server() as server:
        yield server


@pytest.fixture
def nats() -> Iterator[Any]:
    with load_servers().nats_server() as server:
        yield server


@pytest.fixture
def mosquitto() -> Iterator[Any]:
    with load_servers().mosquitto_server() as server:
        yield server


@pytest.fixture(scope="session")
def rabbit() -> Iterator[Any]:
    with load_servers().rabbit_server() as server:
        yield server


@pytest.fixture
def gateway_folder() -> Iterator[Path]:
    """A gateway's folder with a short path, as sockets need it."""
    folder = Path(tempfile.mkdtemp(prefix="gw"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def plane(gateway_folder: Path) -> Iterator[Plane]:
    """A data plane that runs."""
    found = Plane(gateway_folder / "control.sock")
    found.start()
    yield found
    found.stop()


@pytest.fixture
def wait() -> Callable[..., Any]:
    return until


Run = Callable[..., Running]


class HostProcess:
    """The trigger host as a process, which a test may kill."""

    def __init__(self, plane: Plane, home: Path) -> None:
        self._plane, self._home = plane, home
        self.process: subprocess.Popen[str] | None = None

    def start(self, *triggers: TriggerConfig) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlrun_like.gateway.triggers.host"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        rows = [config.to_dict() for config in triggers]
        where = {"socket": str(self._plane.path), "home": str(self._home)}
        self.tell({"do": "run", "triggers": rows, **where})

    def tell(self, order: Mapping[str, Any]) -> None:
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def status(self) -> list[dict[str, Any]]:
        self.tell({"do": "status", "number": 7})
        assert self.process is not None and self.process.stdout is not None
        answer = json.loads(self.process.stdout.readline())
        assert answer["number"] == 7
        found: list[dict[str, Any]] = answer["triggers"]
        return found

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def leave(self) -> int:
        """Close its orders, as its parent does when it ends, however it ends."""
        assert self.process is not None
        self.process.communicate(timeout=60)
        return int(self.process.returncode)


@pytest.fixture
def host(plane: Plane, gateway_folder: Path) -> Iterator[HostProcess]:
    found = HostProcess(plane, gateway_folder)
    yield found
    found.kill()


@pytest.fixture
def run(plane: Plane, gateway_folder: Path) -> Iterator[Run]:
    """Start triggers, in Nuclio's layout; they end with the test."""
    started: list[Running] = []

    def call(spec: Mapping[str, Any], name: str = "t", home: Path | None = None) -> Running:
        attributes = {"retry": {"delay": "20ms", "maxDelay": "50ms"}, **spec.get("attributes", {})}
        config = TriggerConfig.read("p/f", name, {**spec, "attributes": attributes})
        started.append(Running(config, str(plane.path), home or gateway_folder))
        started[-1].start()
        return started[-1]

    yield call
    for running in started:
        running.close(2.0)
