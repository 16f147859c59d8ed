"""Cold starts: a function with numpy, pandas, scikit-learn and a model, from zero, through HTTP.

Each trial finds the function without a replica, opens a connection, posts three rows and waits for
the first byte of the predictions. In the same run, the same work: a fork of a process that has all
imported; a child of multiprocessing's fork server with the modules preloaded; a new interpreter.

Expected before measuring: the fork itself is 1 to 2 ms for 100 MB of mapped memory, the model and
the first prediction 2 to 4 ms, since pages are copied when they are first written; the gateway adds
an order to the zygote and two messages. A new interpreter pays all imports, more than a second.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from rig import MODEL, Rig, arguments, gateway, head, median, percentile, report

ROWS = [[number / 10 for number in range(10)]] * 3
FRESH = """
import sys, json, joblib
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
model = joblib.load(sys.argv[1])
frame = pd.DataFrame(json.loads(sys.argv[2]))
print(model.predict(frame.to_numpy()).tolist(), flush=True)
"""
WORK = """
import json
import joblib
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
def predict(model, rows):
    frame = pd.DataFrame(json.loads(rows))
    return json.dumps(joblib.load(model).predict(frame.to_numpy()).tolist()).encode()
def child(pipe, model, rows):
    pipe.send_bytes(predict(model, rows))
"""
FORK = """
import sys, json, os, time
sys.path.insert(0, sys.argv[4])
import cold_work
cold_work.predict(*sys.argv[1:3])
times = []
for _ in range(int(sys.argv[3])):
    read, write = os.pipe()
    begin = time.perf_counter()
    pid = os.fork()
    if not pid:
        os.write(write, cold_work.predict(*sys.argv[1:3]))
        os._exit(0)
    os.read(read, 1)
    times.append(time.perf_counter() - begin)
    os.waitpid(pid, 0); os.close(read); os.close(write)
    time.sleep(0.02)
print(json.dumps(times))
"""
SERVER = """
import sys, json, time, multiprocessing
sys.path.insert(0, sys.argv[4])
import cold_work
context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["cold_work"])
times = []
for number in range(int(sys.argv[3]) + 1):
    read, write = context.Pipe(False)
    begin = time.perf_counter()
    process = context.Process(target=cold_work.child, args=(write, *sys.argv[1:3]))
    process.start()
    read.recv_bytes()
    if number:
        times.append(time.perf_counter() - begin)
    process.join(); read.close(); write.close()
print(json.dumps(times))
"""


def train(path: Path) -> None:
    """Write a small model."""
    code = (
        "import numpy as np, joblib, sys\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "x = np.random.default_rng(1).random((500, 10))\n"
        "joblib.dump(LogisticRegression().fit(x, x[:, 0] > 0.5), sys.argv[1])\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    path.chmod(0o644)


def by_processes(code: str, model: str, trials: int) -> list[float]:
    """Seconds that each process took, as another interpreter measures them."""
    folder = Path(model).parent
    (folder / "cold_work.py").write_text(WORK, encoding="utf-8")
    command = [sys.executable, "-c", code, model, json.dumps(ROWS), str(trials), str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(folder)}  # the fork server imports it too
    done = subprocess.run(command, capture_output=True, check=True, env=environment)
    return list(json.loads(done.stdout))


def fresh(model: str, trials: int) -> list[float]:
    """New interpreters."""
    times = []
    for number in range(trials + 1):
        begin = time.perf_counter()
        command = [sys.executable, "-c", FRESH, model, json.dumps(ROWS)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.read(1) == b"["
        if number:
            times.append(time.perf_counter() - begin)
        process.stdout.read()
        process.wait()
        process.stdout.close()
    return times


def trial(rig: Rig, request: bytes) -> float:
    """Seconds from opening a connection to the first byte of the predictions."""
    begin = time.perf_counter()
    with socket.create_connection(rig.address, 60) as sock:
        sock.sendall(request)
        data = sock.recv(1 << 16)
        took = time.perf_counter() - begin
        while b"]}" not in data:
            data += sock.recv(1 << 16)
    assert data.startswith(b"HTTP/1.1 200"), data
    return took


def through_gateway(trials: int) -> tuple[list[float], dict[str, list[float]], list[list[float]]]:
    """Times of the gateway, the phases of its starts, and the peers' times in the same run."""
    with gateway() as rig:
        model = rig.folder / "model.joblib"
        train(model)
        options = {"idle_timeout": 0.05, "scale_down_delay": 0.05}
        rig.deploy("cold", MODEL.format(model=model), options)
        request = head("/default/cold/", json.dumps({"rows": ROWS}).encode())
        times: list[float] = []
        phases: dict[str, list[float]] = {}
        for number in range(trials + 2):
            rig.until_asleep("cold")
            time.sleep(0.05)  # the next child is made ready in between, as always
            took = trial(rig, request)
            if number < 2:
                continue
            times.append(took)
            for name, value in rig.pool("cold")["cold_starts"][-1].items():
                phases.setdefault(name, []).append(value)
        peers = [by_processes(code, str(model), trials // 2) for code in (FORK, SERVER)]
        peers.append(fresh(str(model), trials // 10))
    return times, phases, peers


def main() -> int:
    """Measure and compare."""
    args = arguments(__doc__ or "", trials={"type": int, "default": 100})
    times, phases, (forked, served, new) = through_gateway(args.trials)
    half, most = median(times) * 1e3, percentile(times, 0.95) * 1e3
    figures = {
        f"first byte, p50 of {len(times)}, ms": half,
        "first byte, p95, ms": most,
        **{f"  of it {name}, p50, ms": median(row) * 1e3 for name, row in phases.items()},
        "fork of a preloaded process, p50, ms": median(forked) * 1e3,
        "multiprocessing's fork server, p50, ms": median(served) * 1e3,
        "a new interpreter, p50, ms": median(new) * 1e3,
        "times faster than a new interpreter": median(new) * 1e3 / half,
        "processors": os.cpu_count(),
    }
    bars = {
        "p50 <= 20 ms": half <= 20,
        "p95 <= 50 ms": most <= 50,
        ">= 50 x a new interpreter": median(new) * 1e3 / half >= 50,
    }
    return report("gateway: cold start", figures, bars, args.json)


if __name__ == "__main__":
    sys.exit(main())
