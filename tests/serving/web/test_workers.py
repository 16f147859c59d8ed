"""Several processes: replaced when they die, renewed without a failed request, ended gracefully."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

APP = """
import os, time
from mlrun_like.serving import flow

VERSION = 1
{more}

def tell(body):
    if body == "die":
        os._exit(9)
    if body == "wait":
        time.sleep(0.7)
    return {{"pid": os.getpid(), "version": VERSION, "body": body}}

graph = flow()
graph.to(tell).respond()
"""


class Served:
    """`mlrun-like serve` in a process, and calls to it."""

    def __init__(self, folder: Path, *words: str, more: str = "") -> None:
        self.file = folder / "app.py"
        self.file.write_text(APP.format(more=more))
        self.log = (folder / "log").open("w+")
        command = [sys.executable, "-m", "mlrun_like", "serve", "app.py", "--port", "0", *words]
        environment = {
            **os.environ, "OPENBLAS_NUM_THREADS": "1", "MLRUN_LIKE_LOG_LEVEL": "INFO",
            "MLRUN_LIKE_SERVING_GRACE": "3",
        }  # fmt: skip
        self.process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip().rpartition("/")[2]

    def call(self, body: Any, connection: http.client.HTTPConnection | None = None) -> Any:
        used = connection or http.client.HTTPConnection(self.address, timeout=10)
        used.request("POST", "/", json.dumps(body), {"content-type": "application/json"})
        answer = used.getresponse()
        assert answer.status == 200
        document = json.loads(answer.read())
        if connection is None:
            used.close()
        return document

    def logged(self) -> str:
        self.log.flush()
        return Path(self.log.name).read_text()

    def wait_for(self, text: str, count: int = 1) -> None:
        until = time.monotonic() + 15
        while self.logged().count(text) < count:
            assert time.monotonic() < until, self.logged()
            time.sleep(0.02)

    def wait_for_version(self, version: int) -> None:
        """The old workers have stopped accepting once they are told; that takes a moment."""
        until = time.monotonic() + 10
        while self.call(1)["version"] != version:
            assert time.monotonic() < until

    def pids(self, count: int) -> set[int]:
        """Workers that answer, asked until there are so many."""
        found: set[int] = set()
        until = time.monotonic() + 10
        while len(found) < count and time.monotonic() < until:
            found.add(self.call(1)["pid"])
        return found

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.log.close()


@pytest.fixture
def served(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Served]:
    words, more = getattr(request, "param", (("--workers", "2"), ""))
    found = Served(tmp_path, *words, more=more)
    yield found
    found.stop()


class Hammer:
    """Clients that call without a pause, over kept connections."""

    def __init__(self, served: Served, count: int = 6) -> None:
        self.seen: Counter[tuple[int, int]] = Counter()
        self.errors: list[str] = []
        self._served = served
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        connection = http.client.HTTPConnection(self._served.address, timeout=10)
        while not self._stop.is_set():
            try:
                answer = self._served.call(1, connection)
                self.seen[answer["pid"], answer["version"]] += 1
            except Exception as exc:  # noqa: BLE001  every failure counts
                self.errors.append(repr(exc))
                connection.close()
        connection.close()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


TWO_WAYS = [(("--workers", "2"), ""), (("--workers", "2", "--no-preload"), "")]


@pytest.mark.parametrize("served", TWO_WAYS, indirect=True, ids=["preload", "no-preload"])
def test_a_reload_under_load_fails_no_request(served: Served) -> None:
    hammer = Hammer(served)
    for version in (2, 3):
        served.file.write_text(
            served.file.read_text().replace(f"VERSION = {version - 1}", f"VERSION = {version}")
        )
        later = time.time() + 10 * version  # compiled files are compared by whole seconds
        os.utime(served.file, (later, later))
        served.process.send_signal(signal.SIGHUP)
        served.wait_for("the new workers have taken over", version - 1)
        time.sleep(0.3)
    before = Counter(version for _, version in hammer.seen.elements())
    time.sleep(0.5)
    hammer.stop()
    assert not hammer.errors
    versions = Counter(version for _, version in hammer.seen.elements())
    assert set(versions) == {1, 2, 3} and versions[3] > before[3]
    assert len({pid for pid, version in hammer.seen if version == 3}) == 2


def test_a_dead_worker_is_replaced(served: Served) -> None:
    first = served.pids(2)
    assert len(first) == 2
    os.kill(first.pop(), signal.SIGKILL)
    served.wait_for("died (signal 9) and is replaced")
    assert len(served.pids(2) - first) == 1
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        served.call("die")
    served.wait_for("died (exit code 9) and is replaced")
    assert len(served.pids(2)) == 2


def test_a_broken_new_version_leaves_the_old_one_at_work(served: Served) -> None:
    old = served.pids(2)
    good = served.file.read_text()
    served.file.write_text("this is no Python")
    served.process.send_signal(signal.SIGHUP)
    served.wait_for("could not start")
    assert served.pids(2) == old and "not valid Python" in served.logged()
    served.file.write_text(good)
    served.process.send_signal(signal.SIGHUP)
    served.wait_for("the new workers have taken over")
    time.sleep(0.5)  # the old ones stop accepting within a tick
    assert not served.pids(2) & old


@pytest.mark.parametrize("served", [(("--workers", "1"), "")], indirect=True)
def test_sigterm_lets_running_requests_end(served: Served) -> None:
    found: list[Any] = []
    caller = threading.Thread(target=lambda: found.append(served.call("wait")))
    caller.start()
    time.sleep(0.3)
    served.process.terminate()
    caller.join()
    assert found[0]["body"] == "wait"
    assert served.process.wait(10) == 0
    with pytest.raises(ConnectionError):
        served.call(1)


def test_workers_end_when_their_parent_is_killed(served: Served) -> None:
    workers = served.pids(2)
    served.process.kill()
    served.process.wait()
    until = time.monotonic() + 10
    while time.monotonic() < until and any(Path(f"/proc/{pid}").exists() for pid in workers):
        time.sleep(0.05)
    assert not any(Path(f"/proc/{pid}/cmdline").exists() for pid in workers)


@pytest.mark.parametrize(
    "served",
    [(("--workers", "2"), "open('loaded', 'a').write('x')")],
    indirect=True,
)
def test_loading_once_shares_what_was_loaded(served: Served) -> None:
    assert len(served.pids(2)) == 2
    assert (served.file.parent / "loaded").read_text() == "x"


@pytest.mark.parametrize(
    "served",
    [(("--workers", "2"), "import threading; threading.Thread(target=time.sleep, args=(60,), "
      "daemon=True).start()")],
    indirect=True,
)  # fmt: skip
def test_what_has_threads_is_not_forked(served: Served) -> None:
    assert len(served.pids(2)) == 2
    assert "each worker loads the graph itself: it has 2 threads" in served.logged()


@pytest.mark.parametrize("served", [(("--reload",), "")], indirect=True)
def test_reload_follows_the_file(served: Served) -> None:
    assert served.call(1)["version"] == 1
    served.file.write_text(served.file.read_text().replace("VERSION = 1", "VERSION = 2"))
    later = time.time() + 10  # compiled files are compared by whole seconds
    os.utime(served.file, (later, later))
    served.wait_for("the new workers have taken over")
    served.wait_for_version(2)


def test_metrics_are_those_of_all_workers(served: Served) -> None:
    served.pids(2)
    for _ in range(20):
        served.call(1)
    connection = http.client.HTTPConnection(served.address)
    counts = []
    for _ in range(5):
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        line = next(x for x in text.splitlines() if 'requests_total{status="200"}' in x)
        counts.append(float(line.split()[-1]))
    connection.close()
    assert min(counts) >= 22


def test_a_graph_that_cannot_start_ends_the_command(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from mlrun_like.serving import flow\ngraph = flow()\ngraph.to('nowhere').respond()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mlrun_like", "serve", "app.py", "--port", "0", "--workers", "2"],
        cwd=tmp_path, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 1 and "there is no 'nowhere'" in done.stderr
    assert "the workers could not start" in done.stderr and "Traceback" not in done.stderr
