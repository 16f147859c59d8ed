"""Many clients that log metrics through one service: latency, memory, and nothing lost when it is
killed in the middle.

The service is the real one (`mlrun-like service run`: a supervisor, its workers and the background
process). Each client is a store of its own with a queue, a spool and connections of its own, in one
of a few processes; it logs so many points a second, one by one, as a training loop does, and sends
what has gathered four times a second. Latency is that of each of these requests as the client sees
it; while the service is killed, those that were refused are counted apart. In the end all points
are read back. `work` is the processor time of the service for one request, `cores` how much of the
machine it took; the clients run on the same machine.

Expected before measuring: 64 clients that flush four times a second are 256 requests a second of
25 points; at 1 ms of one core each the service takes a quarter of a core, and p99 is what the
scheduler makes of it: some 10 ms.

    python bench/service/clients.py --seconds 60 [--kill] [--clients 64] [--rate 100]
                                    [--workers 1] [--store postgresql://…]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

CLIENTS = """
import json, logging, sys, time
import mlrun_like as ml
home, url, first, count, rate, seconds = sys.argv[1:]
ml.config.home, ml.config.remote_deadline = home, 60.0
logging.getLogger("mlrun_like.tracking").setLevel(logging.ERROR)
from mlrun_like.tracking.base import MetricPoint
from mlrun_like.tracking.remote.client import Client
from mlrun_like.tracking.remote.store import RemoteStore

took, puts, failed = [], [], []
plain = Client.deliver

def timed(self, *given):
    began = time.perf_counter()
    try:
        answer = plain(self, *given)
    except Exception as exc:
        failed.append(repr(exc)[:200])
        raise
    took.append(time.perf_counter() - began)
    return answer

Client.deliver = timed
rate, seconds = int(rate), float(seconds)
stores = [RemoteStore.at(url) for _ in range(int(count))]
for number, store in enumerate(stores):
    uid = f"client{int(first) + number}"
    store.store_run({"metadata": {"name": "bench", "project": "bench", "uid": uid},
                     "status": {"state": "running"}})
print("ready", flush=True)
sys.stdin.readline()
began, done = time.perf_counter(), 0
took.clear()
failed.clear()
while True:
    now = time.perf_counter() - began
    if now >= seconds:
        break
    due = int(now * rate)
    for step in range(done, due):
        for number, store in enumerate(stores):
            start = time.perf_counter()
            uid = f"client{int(first) + number}"
            store.log_metrics("bench", uid, 0, [MetricPoint("loss", 0.5 * step, step, time.time())])
            puts.append(time.perf_counter() - start)
    done = due
    time.sleep(0.01)
end = time.perf_counter() + 90
for store in stores:
    while True:
        store.flush()
        store.writer.settle()
        if not store.writer.spooling or time.perf_counter() > end:
            break
        time.sleep(0.2)
    store.close()
with open(home + ".json", "w") as file:  # a pipe that nobody reads yet would be full
    json.dump({"steps": done, "took": took, "failed": failed[:3],
               "failures": len(failed), "put": sorted(puts)[len(puts) // 2]}, file)
"""


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--store", default="", help="an empty PostgreSQL database; else SQLite")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-clients-") as name:
        print(json.dumps(measure(given, Path(name)), indent=1))


def measure(given: argparse.Namespace, folder: Path) -> dict[str, object]:
    """The numbers of one run."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = int(sock.getsockname()[1])
    url = f"http://127.0.0.1:{port}"
    store = given.store or f"sqlite:///{folder}/service/store.db"
    service, _ = _serve(folder, store, port, given.workers)
    each = given.clients // given.processes
    clients = [
        subprocess.Popen(
            [
                *(sys.executable, "-c", CLIENTS, str(folder / f"home{n}"), url, str(n * each)),
                *(str(each), str(given.rate), str(given.seconds)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for n in range(given.processes)
    ]
    for client in clients:
        assert client.stdout is not None and client.stdout.readline() == "ready\n"
    for client in clients:
        assert client.stdin is not None
        client.stdin.write("\n")
        client.stdin.flush()
    memory: list[float] = []
    began, worked, back, again = time.time(), _work(service.pid), 0.0, False
    spent = 0.0
    while any(client.poll() is None for client in clients):
        time.sleep(0.5)
        past = time.time() - began
        if given.kill and not again and past > given.seconds / 2:
            spent = _work(service.pid) - worked
            _kill(service)
            time.sleep(2.0)
            service, back = _serve(folder, store, port, given.workers)
            again, memory, worked = True, [], 0.0
        if past < given.seconds:
            memory.append(_memory(service.pid))
            at_end = spent + _work(service.pid) - worked
        if past > given.seconds + 120:
            break
    told = [
        json.loads((folder / f"home{number}.json").read_text()) for number in range(len(clients))
    ]
    found, doubled = _read_back(url, given.clients)
    service.terminate()
    service.wait(60)
    wanted = sum(one["steps"] * each for one in told)
    took = sorted(value for one in told for value in one["took"])
    quarter = len(memory) // 4 or 1
    return {
        "clients": given.clients,
        "points_written": wanted,
        "points_read_back": found,
        "points_doubled": doubled,
        "lost": wanted - found,
        "requests": len(took),
        "failures": sum(one["failures"] for one in told),
        "first_failures": [text for one in told for text in one["failed"]][:2],
        "p50_ms": round(took[len(took) // 2] * 1e3, 2),
        "p99_ms": round(took[int(len(took) * 0.99)] * 1e3, 2),
        "max_ms": round(took[-1] * 1e3, 2),
        "work_ms": round(at_end / len(took) * 1e3, 3),
        "cores": round(at_end / given.seconds, 2),
        "put_us": round(sorted(one["put"] for one in told)[len(told) // 2] * 1e6, 2),
        "memory_mb_after_a_quarter": memory[quarter] if len(memory) > quarter else None,
        "memory_mb_at_the_end": memory[-1] if memory else None,
        "seconds_until_it_answered_again": round(back, 1) if given.kill else None,
        "load": os.getloadavg()[0],
    }


def _serve(
    folder: Path, store: str, port: int, workers: int
) -> tuple[subprocess.Popen[bytes], float]:
    """A service, and how long it took to answer."""
    home = folder / "service"
    home.mkdir(exist_ok=True)
    names = {**os.environ, "MLRUN_LIKE_HOME": str(home), "MLRUN_LIKE_DBPATH": store}
    # as installed: compiled modules are kept
    names.pop("PYTHONDONTWRITEBYTECODE", None)
    names.setdefault("PYTHONPYCACHEPREFIX", str(folder / "compiled"))
    began = time.monotonic()
    with open(home / "output", "ab") as output:
        service = subprocess.Popen(
            [
                *(sys.executable, "-m", "mlrun_like", "service", "run"),
                *("--port", str(port), "--workers", str(workers)),
            ],
            env=names,
            stdout=output,
            stderr=output,
        )
    while service.poll() is None and time.monotonic() - began < 120:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).close()
            return service, time.monotonic() - began
        except OSError:
            time.sleep(0.1)
    raise SystemExit((home / "output").read_text()[-2000:])


def _kill(service: subprocess.Popen[bytes]) -> None:
    """All its processes at once, as when the machine's memory runs out."""
    for pid in _processes(service.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    service.wait()


def _processes(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _processes(int(child)))]


def _work(pid: int) -> float:
    """Seconds of processor time of a service so far."""
    total = 0.0
    for one in _processes(pid):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def _memory(pid: int) -> float:
    """Megabytes of all processes of a service, shared pages by their share."""
    total = 0
    for one in _processes(pid):
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return round(total / 1024, 1)


def _read_back(url: str, clients: int) -> tuple[int, int]:
    from mlrun_like.tracking.remote.store import RemoteStore

    store, found, doubled = RemoteStore.at(url), 0, 0
    for number in range(clients):
        points = store.read_metrics("bench", f"client{number}").get("loss", [])
        steps = {point.step for point in points}
        found += len(steps)
        doubled += len(points) - len(steps)
    store.close()
    return found, doubled


if __name__ == "__main__":
    main()
