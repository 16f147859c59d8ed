"""What recording every request costs a served model with 20 features.

    python bench/monitoring/recording.py [--secs 3] [--reps 5] [--connections 8]

One server process without recording and one with it (full sampling, the store a SQLite file)
answer the same requests of wrk; they take turns within a round, and the figure is the median of the
rounds' ratios. Besides requests a second there is the server's processor time for a request, which
other users of the machine do not disturb.
The monitoring service, a process of low priority that would judge windows beside the server, is
left out. Then, without HTTP: the hot path alone (a tuple and an append) and all processor time for
an event with the background thread's part: columns, compressed Arrow, SQLite.

Expected before measuring: a tuple of eight and a few checks are 1 to 1.5 us; numbers into columns
cost 1 us for 20 features, text columns and lists 2 us, compressing and writing 200 bytes 2 us: 8 us
in total, beside 120 us of a request. So about 0.95 of the throughput, at most 7 % less.

Found: 0.78 to 0.90 at first. Lists that wait are visited by the garbage collector of the server,
and the thread meets them when they have left the caches. Since rows of numbers wait as bytes, all
processor time for an event at full speed is 6 to 8 us instead of 11 to 13 (least of eight rounds,
in process, on a busy machine). Under HTTP, beside 15 other processes, which is no fair measure of
the bar, the ratio of throughputs was 0.94, beside 0.85 before.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import arguments, median, report

FEATURES = 20
APP = """
import os
import numpy as np
from mlrun_like.functions.creators import new_function
from mlrun_like.serving.models import V2ModelServer

class Model(V2ModelServer):
    def load(self):
        self.model = np.linspace(-1, 1, 20)
    def predict(self, request):
        scores = np.asarray(request["inputs"]) @ self.model
        return (1 / (1 + np.exp(-scores))).tolist()

def make():
    function = new_function("bench", kind="serving", project="bench")
    function.set_topology("router")
    function.add_model("model", class_name=Model, model_path="none")
    if os.environ["BENCH_TRACK"] == "1":
        function.set_tracking()
    return function
"""


class Server:
    """One server process, recording or not."""

    def __init__(self, folder: Path, track: bool) -> None:
        self.home = folder / f"home-{int(track)}"
        (folder / "app.py").write_text(APP)
        env = {
            **os.environ,
            "MLRUN_LIKE_HOME": str(self.home),
            "BENCH_TRACK": str(int(track)),
            "OPENBLAS_NUM_THREADS": "1",
            "MLRUN_LIKE_MONITORING_SERVICE": "false",
        }
        pinned = ["taskset", "-c", "1"] if shutil.which("taskset") else []
        words = ["-m", "mlrun_like", "serve", "app.py:make", "--port", "0", "-w", "1"]
        self._process = subprocess.Popen(
            [*pinned, sys.executable, *words],
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline().split()[-1].rpartition(":")[2])

    def cpu(self) -> float:
        """Processor seconds of the server and its worker."""
        pids = [self._process.pid]
        children = Path(f"/proc/{pids[0]}/task/{pids[0]}/children").read_text().split()
        ticks = 0
        for pid in (*pids, *children):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End it; it writes what waits."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)


def load(port: int, connections: int, secs: float, folder: Path) -> int:
    """Requests answered in so many seconds, asked by wrk over connections that are kept."""
    random.seed(1)
    body = json.dumps({"inputs": [[round(random.gauss(0, 1), 6) for _ in range(FEATURES)]]})
    script = folder / "post.lua"
    script.write_text(
        f"wrk.method = 'POST'\nwrk.body = '{body}'\n"
        "wrk.headers['content-type'] = 'application/json'\n"
    )
    pinned = ["taskset", "-c", "0"] if shutil.which("taskset") else []
    words = ["-t1", f"-c{connections}", f"-d{max(1, round(secs))}s", "-s", str(script)]
    url = f"http://127.0.0.1:{port}/v2/models/model/infer"
    done = subprocess.run([*pinned, "wrk", *words, url], capture_output=True, text=True, check=True)
    if "Non-2xx" in done.stdout:
        raise RuntimeError(done.stdout)
    found = re.search(r"(\d+) requests in", done.stdout)
    return int(found[1]) if found else 0


def over_http(secs: float, reps: int, connections: int) -> dict[str, Any]:
    """Throughput and processor time with and without recording."""
    folder = Path(tempfile.mkdtemp())
    servers = {"off": Server(folder, False), "on": Server(folder, True)}
    rates: dict[str, list[float]] = {name: [] for name in servers}
    costs: dict[str, list[float]] = {name: [] for name in servers}
    try:
        for server in servers.values():
            load(server.port, connections, 1.0, folder)
        for number in range(reps):
            order = list(servers.items())
            for name, server in order if number % 2 else reversed(order):
                before = server.cpu()
                count = load(server.port, connections, secs, folder)
                rates[name].append(count / secs)
                costs[name].append((server.cpu() - before) / count * 1e6)
    finally:
        for server in servers.values():
            server.close()
        shutil.rmtree(folder, ignore_errors=True)
    ratios = [on / off for on, off in zip(rates["on"], rates["off"], strict=True)]
    return {
        "requests/s without": round(median(rates["off"])),
        "requests/s with": round(median(rates["on"])),
        "ratio": round(median(ratios), 3),
        "cpu us/request without": round(median(costs["off"]), 1),
        "cpu us/request with": round(median(costs["on"]), 1),
    }


def in_process(reps: int, count: int = 20_000, tick: int = 1_000) -> dict[str, Any]:
    """Microseconds of an event: the hot path, and all processor time with the thread's work."""
    from mlrun_like.configuration import config
    from mlrun_like.monitoring.recording.channel import Channel
    from mlrun_like.monitoring.recording.recorder import Recorder

    home = tempfile.mkdtemp()
    config.home = home
    config.monitoring_queue, config.monitoring_queue_cells = count, count * FEATURES * 2
    events = [
        (f"id-{i}", [[random.gauss(0, 1) for _ in range(FEATURES)]], [0.5]) for i in range(count)
    ]
    hot, total = [], []
    for _ in range(reps + 1):
        channel = Channel("bench", "hot", lambda: None)
        channel.awake = True
        start = time.thread_time()  # other users of the machine do not count
        for event_id, inputs, outputs in events:
            channel.push(event_id, inputs, outputs, 100.0)
        hot.append((time.thread_time() - start) / count * 1e6)
        recorder = Recorder()
        channel = recorder.channel("bench", "all")
        channel.awake = True
        begin = time.process_time()
        for first in range(0, count, tick):
            for event_id, inputs, outputs in events[first : first + tick]:
                channel.push(event_id, inputs, outputs, 100.0)
            recorder.flush()
        total.append((time.process_time() - begin) / count * 1e6)
        recorder.close()
    shutil.rmtree(home, ignore_errors=True)
    return {
        "hot path us/event": round(median(hot[1:]), 2),
        "all cpu us/event": round(median(total[1:]), 2),
    }


def main() -> int:
    """Measure and report."""
    args = arguments(
        __doc__ or "",
        secs={"type": float, "default": 3.0},
        connections={"type": int, "default": 8},
    )
    found = {
        **in_process(args.reps),
        **over_http(args.secs, args.reps, args.connections),
    }
    bars = {
        "hot path <= 10 us": found["hot path us/event"] <= 10,
        "throughput >= 0.95": found["ratio"] >= 0.95,
    }
    return report("monitoring/recording", found, bars, args.json)


if __name__ == "__main__":
    sys.exit(main())
