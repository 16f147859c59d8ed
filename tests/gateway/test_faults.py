"""Bad functions and killed processes, by HTTP: contained, named in `ps`, harmless to others."""

from __future__ import annotations

import contextlib
import http.client
import os
import select
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import EngineError
from mlrun_like.functions.creators import code_to_function
from mlrun_like.gateway.control import deploying, starting
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.gateway.places import gateway_home

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]

STEADY = """
def handler(context, event):
    return "steady"
"""
HOG = """
def handler(context, event):
    if event.path == "/hog":
        held = []
        while True:
            held.append(bytearray(b"x") * (8 << 20))
    return "fine"
"""
LOOP = """
def handler(context, event):
    while event.path == "/loop":
        pass
    return "fine"
"""
BOMB = """
import os, time

def handler(context, event):
    if event.path == "/bomb":
        for _ in range(8):
            try:
                os.fork()
            except OSError:
                pass
        time.sleep(60)
    return "fine"
"""
DEAF = """
import time

def handler(context, event):
    if event.path == "/deaf":
        time.sleep(60)
    return "fine"
"""
SLOW = """
import os, time

def handler(context, event):
    time.sleep(0.3)
    return str(os.getpid())
"""


class Rig:
    """The gateway of this module's tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.enter()
        self.url = starting.up()[0]
        self.client = GatewayClient()
        self.port = int(urlsplit(self.url).port or 0)
        self.deploy("steady", STEADY, min_replicas=1)

    def enter(self) -> None:
        """Settings of this process: a test's fixture has made others."""
        config.home = str(self.folder / "home")
        config.gateway_port = 0
        config.gateway_grace = 10.0

    def deploy(self, name: str, code: str, rollout: Any = None, **options: Any) -> dict[str, Any]:
        path = self.folder / f"{name}.py"
        path.write_text(code, encoding="utf-8")
        function = code_to_function(name, filename=str(path), kind="nuclio", handler="handler")
        return deploying.deploy(function, rollout, options, lambda line: None)

    def ask(
        self, name: str, path: str = "/", method: str = "GET", body: bytes | None = None
    ) -> tuple[int, str]:
        """Status and body of an answer; 0: the connection broke."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, f"/default/{name}{path}", body)
            response = connection.getresponse()
            return response.status, response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as exc:
            return 0, repr(exc)
        finally:
            connection.close()

    def pool(self, name: str) -> dict[str, Any]:
        status = self.client.status(f"default/{name}")
        rows = [one for one in status["versions"] if one["number"] == status["version"]]
        return dict(rows[0]["pool"])

    def pids(self, name: str) -> list[int]:
        return [one["pid"] for one in self.pool(name)["replicas"] if one["state"] == "ready"]

    @contextlib.contextmanager
    def neighbour(self) -> Iterator[list[tuple[int, str]]]:
        """Somebody who uses another function meanwhile, and must not notice anything."""
        found: list[tuple[int, str]] = []
        over = threading.Event()

        def run() -> None:
            while not over.wait(0.01):
                found.append(self.ask("steady"))

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield found
        finally:
            until(lambda: found)
            over.set()
            thread.join()
        assert found and set(found) == {(200, "steady")}


def until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def running() -> Iterator[Rig]:
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    folder.chmod(0o755)  # what nobody may enter is hidden from workers
    before = dict(config._set)
    rig = None
    try:
        rig = Rig(folder)
        yield rig
    finally:
        config.home = str(folder / "home")
        holder = int(starting.process_file(gateway_home()).get("holder") or 0)
        try:
            starting.down()
        except EngineError:
            if holder:
                os.kill(holder, signal.SIGKILL)
        config._set.clear()
        config._set.update(before)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def rig(running: Rig, home: Path) -> Rig:
    running.enter()
    return running


def test_a_memory_hog(rig: Rig) -> None:
    rig.deploy("hog", HOG, memory=200 << 20)
    with rig.neighbour():
        status, text = rig.ask("hog", "/hog", "POST", b"x")
        assert status in (500, 502), text  # the kernel's limit may end it by a MemoryError
        assert "emory" in text
        assert rig.ask("hog")[0] == 200
    if status == 502:
        assert "memory" in rig.pool("hog")["last_error"]


def test_an_endless_loop(rig: Rig) -> None:
    rig.deploy("loop", LOOP, request_timeout=1.0)
    with rig.neighbour():
        status, text = rig.ask("loop", "/loop", "POST", b"x")
        assert status == 504 and "1 s" in text
        assert rig.ask("loop") == (200, "fine")
    assert rig.pool("loop")["timeouts"] == 1
    assert "request_timeout" in rig.pool("loop")["last_error"]


def test_a_fork_bomb(rig: Rig) -> None:
    rig.deploy("bomb", BOMB, processes=20, request_timeout=5.0)
    with rig.neighbour():
        status, text = rig.ask("bomb", "/bomb", "POST", b"x")
        assert status in (502, 504), text
        assert rig.ask("bomb") == (200, "fine")
    assert any(word in rig.pool("bomb")["last_error"] for word in ("processes", "request_timeout"))
    alive = {one["pid"] for one in rig.pool("bomb")["replicas"]}
    until(lambda: _named("bomb") <= alive)  # nothing of it is left


def _named(word: str) -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes()
                if command.startswith(b"mlrun-like") and word.encode() in command:
                    found.add(int(entry.name))
    return found


def test_a_crash_at_import(rig: Rig) -> None:
    with rig.neighbour():
        with pytest.raises(EngineError, match="no_such_module"):
            rig.deploy("broken", "import no_such_module\n" + STEADY)
        assert rig.ask("broken")[0] == 404
        rig.deploy("breaks", STEADY)
        with pytest.raises(EngineError, match="ZeroDivisionError"):
            rig.deploy("breaks", "1 / 0\n" + STEADY)
        assert rig.ask("breaks") == (200, "steady")
    status = rig.client.status("default/breaks")
    assert status["version"] == 1 and "ZeroDivisionError" in status["history"][-1]["why"]


def test_a_function_that_can_not_start_later(rig: Rig) -> None:
    flag = rig.folder / "flag"
    flag.write_text("here")
    code = f"open({str(flag)!r}).close()\n{STEADY}"
    rig.deploy("later", code, idle_timeout=0.1, scale_down_delay=0.1)
    until(lambda: not rig.pool("later")["replicas"])
    flag.unlink()
    with rig.neighbour():
        status, text = rig.ask("later")
        assert status == 503 and "FileNotFoundError" in text
        told = rig.client.status("default/later")
        assert told["state"] == "error" and "FileNotFoundError" in told["reason"]
        flag.write_text("again")
        until(lambda: rig.ask("later") == (200, "steady"))


def test_a_body_of_a_gigabyte(rig: Rig) -> None:
    with rig.neighbour(), socket.create_connection(("127.0.0.1", rig.port), 60) as sock:
        head = b"POST /default/steady/ HTTP/1.1\r\nhost: x\r\ncontent-length: 1073741824\r\n\r\n"
        sock.sendall(head)
        assert b" 413 " in sock.recv(65536).split(b"\r\n")[0]
    with rig.neighbour(), socket.create_connection(("127.0.0.1", rig.port), 60) as sock:
        sock.sendall(
            b"POST /default/steady/ HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        part = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
        with contextlib.suppress(OSError):
            for _ in range(1024):
                sock.sendall(part)
                if _waiting(sock):
                    break
        assert b" 413 " in sock.recv(65536).split(b"\r\n")[0]


def _waiting(sock: socket.socket) -> bool:
    return bool(select.select([sock], [], [], 0)[0])


def test_a_function_that_never_reads_its_input(rig: Rig) -> None:
    rig.deploy("deaf", DEAF, max_replicas=1, request_timeout=2.0, queue_timeout=3.0)
    found: list[tuple[int, str]] = []

    def send() -> None:
        found.append(rig.ask("deaf", "/deaf", "POST", bytes(8 << 20)))

    with rig.neighbour():
        threads = [threading.Thread(target=send) for _ in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {status for status, _ in found} <= {503, 504} and len(found) == 10
        until(lambda: rig.ask("deaf") == (200, "fine"))
    assert "request_timeout" in rig.pool("deaf")["last_error"]


def test_a_killed_worker(rig: Rig) -> None:
    rig.deploy("slow", SLOW, min_replicas=1, max_replicas=1)
    for method, wanted in (("GET", 200), ("POST", 502)):
        found: list[tuple[int, str]] = []
        body = b"x" if method == "POST" else None
        thread = threading.Thread(
            target=lambda found=found, method=method, body=body: found.append(
                rig.ask("slow", "/", method, body)
            )
        )
        until(lambda: rig.pids("slow"))
        with rig.neighbour():
            thread.start()
            until(lambda: rig.pool("slow")["in_flight"])
            victim = rig.pids("slow")[0]
            os.kill(victim, signal.SIGKILL)
            thread.join()
        assert found[0][0] == wanted, found
        if wanted == 200:
            assert found[0][1] != str(victim)  # another one tried again
        else:
            assert "SIGKILL" in found[0][1]
    assert "SIGKILL" in rig.pool("slow")["last_error"] and rig.pool("slow")["restarts"] == 2


def test_a_graceful_restart_loses_nothing(rig: Rig) -> None:
    rig.deploy("slow", SLOW, min_replicas=1, max_replicas=1)
    before = rig.client.info()["pid"]
    found: list[tuple[int, str]] = []
    thread = threading.Thread(target=lambda: found.append(rig.ask("slow", "/", "POST", b"x")))
    with rig.neighbour():
        thread.start()
        starting.restart()
        thread.join()
        assert rig.ask("slow")[0] == 200
    assert found[0][0] == 200 and rig.client.info()["pid"] != before


def test_a_killed_gateway_goes_on_where_it_was(rig: Rig) -> None:
    rig.deploy("twice", STEADY.replace("steady", "one"))
    rig.deploy("twice", STEADY.replace("steady", "two"), {"weight": 30})
    pid = rig.client.info()["pid"]
    os.kill(pid, signal.SIGKILL)

    def another() -> bool:
        try:
            return bool(rig.client.info()["pid"] != pid)
        except EngineError:
            return False

    until(another)
    answers = [rig.ask("twice")[1] for _ in range(40)]
    assert set(answers) == {"one", "two"} and abs(answers.count("two") - 12) <= 2
    status = rig.client.status("default/twice")
    assert status["rollout"]["version"] == 2 and not _orphans(pid)
    rig.client.promote("default/twice")
    assert {rig.ask("twice")[1] for _ in range(5)} == {"two"}


def _orphans(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == parent:
                    found.append(int(entry.name))
    return found
