"""Metrics and listings of the tracking store, against raw SQLite in the same run.

Expected before measuring: 32,000 points are 30 group commits of the writer thread and about 3 µs
of Python a point on two cores, so 150,000 a second; a caller pays one append.
"""

from __future__ import annotations

import contextlib
import gc
import io
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

from common import arguments, median, peer, percentile, report

import mlrun_like as ml
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import close_stores, open_store

PROCESSES, POINTS, RUNS = 16, 2000, 100_000
MLFLOW = """
import json, logging, os, tempfile, time
os.chdir(tempfile.mkdtemp())
import mlflow
from mlflow.entities import Metric
logging.getLogger("mlflow").setLevel(logging.ERROR)
logging.getLogger("alembic").setLevel(logging.ERROR)
mlflow.set_tracking_uri("sqlite:///m.db")
client = mlflow.MlflowClient()
run = client.create_run(mlflow.create_experiment("bench")).info.run_id
start = time.perf_counter()
for begin in range(0, 20_000, 1000):
    client.log_batch(run, metrics=[Metric("m", i * 0.1, 0, i) for i in range(begin, begin + 1000)])
print(json.dumps({"points_s": 20_000 / (time.perf_counter() - start)}))
"""
KILLED = """
import os, sys, time
import mlrun_like as ml
ml.config.home = sys.argv[1]
context = ml.get_or_create_ctx("killed")
number = 0
while True:
    context.log_metric("m", number)
    number += 1
    if number % 100 == 0:
        os.write(1, f"{number} {time.time()}\\n".encode())
        time.sleep(0.002)
"""


def _work(home: str, number: int, barrier: object, done: object) -> None:
    ml.config.home = home
    store = open_store()
    context = ml.get_or_create_ctx(f"worker-{number}")
    barrier.wait()
    for step in range(POINTS):
        context.log_metric("loss", step * 0.1, step)
    store.flush()
    done.put((number, time.perf_counter()))
    barrier.wait()  # what ending a process costs is not part of it
    context.commit(completed=True)


def throughput() -> float:
    """Points a second from the barrier until all processes have everything on disk."""
    home = tempfile.mkdtemp()
    with ml.config.override(home=home):
        open_store().close()
    close_stores()
    spawn = multiprocessing.get_context("spawn")
    barrier, done = spawn.Barrier(PROCESSES + 1), spawn.Queue()
    workers = [spawn.Process(target=_work, args=(home, n, barrier, done)) for n in range(PROCESSES)]
    for worker in workers:
        worker.start()
    barrier.wait()
    start = time.perf_counter()
    end = max(done.get()[1] for _ in workers)
    barrier.wait()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    database = sqlite3.connect(os.path.join(home, "store.db"))
    assert database.execute("select count(*) from metrics").fetchone()[0] == PROCESSES * POINTS
    assert database.execute("pragma integrity_check").fetchone()[0] == "ok"
    return PROCESSES * POINTS / (end - start)


def raw_throughput() -> float:
    """The limit: one process, prepared rows, transactions of a thousand."""
    database = sqlite3.connect(os.path.join(tempfile.mkdtemp(), "t.db"), isolation_level=None)
    database.executescript("pragma journal_mode=wal;create table metric(run,k,v,step,ts);")
    start = time.perf_counter()
    for begin in range(0, PROCESSES * POINTS, 1000):
        database.execute("begin")
        database.executemany(
            "insert into metric values(1,'m',?,?,?)",
            [(i * 0.1, i, 0.0) for i in range(begin, begin + 1000)],
        )
        database.execute("commit")
    return PROCESSES * POINTS / (time.perf_counter() - start)


def latency() -> tuple[float, float]:
    """What the caller of log_metric pays: median and p99 in µs, while the writer works."""
    with ml.config.override(home=tempfile.mkdtemp()):
        context = ml.get_or_create_ctx("latency")
        times = []
        for step in range(100_000):
            start = time.perf_counter()
            context.log_metric("loss", step * 0.1, step)
            times.append((time.perf_counter() - start) * 1e6)
        context.commit(completed=True)
        close_stores()
    return median(times), percentile(times, 0.99)


def lost_seconds() -> float:
    """Seconds of metrics lost when a process is killed at full speed; the file must be sound."""
    home = tempfile.mkdtemp()
    child = subprocess.Popen([sys.executable, "-c", KILLED, home], stdout=subprocess.PIPE)
    time.sleep(3)
    os.kill(child.pid, signal.SIGKILL)
    lines = [line.split() for line in child.communicate()[0].decode().splitlines()]
    database = sqlite3.connect(os.path.join(home, "store.db"))
    kept = database.execute("select count(*) from metrics").fetchone()[0]
    assert database.execute("pragma integrity_check").fetchone()[0] == "ok"
    last = float(lines[-1][1])
    times = [float(when) for number, when in lines if int(number) > kept]
    return last - times[0] if times else 0.0


def listing() -> float:
    """Milliseconds for the newest 100 of 100,000 runs that carry a label."""
    with ml.config.override(home=tempfile.mkdtemp()):
        store = open_store()
        for number in range(RUNS):
            store.store_run(
                {
                    "metadata": {
                        "name": "r",
                        "uid": f"{number:032x}",
                        "project": "p",
                        "labels": {"team": f"t{number % 10}"},
                    },
                    "spec": {"parameters": {"p": number}},
                    "status": {
                        "state": "completed",
                        "start_time": f"2026-01-01T{number // 3600 % 24:02}:"
                        f"{number // 60 % 60:02}:{number % 60:02}+00:00",
                        "results": {"auc": 0.9},
                    },
                },
                wait=False,
            )
        store.flush()
        query = RunQuery(project="p", labels={"team": "t3"}, limit=100)
        assert len(store.list_runs(query)) == 100
        times = []
        for _ in range(20):
            start = time.perf_counter()
            store.list_runs(query)
            times.append((time.perf_counter() - start) * 1e3)
        close_stores()
    return median(times)


def main() -> int:
    """Measure all and report."""
    args = arguments(__doc__ or "")
    ours = median([throughput() for _ in range(args.reps)])
    with contextlib.redirect_stdout(io.StringIO()):
        caller, slowest = latency()
    gc.collect()
    lost, listed, raw = lost_seconds(), listing(), raw_throughput()
    figures: dict[str, object] = {
        "16 processes x 2,000 metrics, points/s": ours,
        "raw SQLite, one process, points/s": raw,
        "log_metric in the caller, median µs": caller,
        "log_metric in the caller, p99 µs": slowest,
        "metrics lost by kill -9, s": lost,
        "newest 100 of 100,000 runs by label, ms": listed,
    }
    bars = {
        ">= 50,000 points/s": ours >= 50_000,
        "p99 <= 20 µs": slowest <= 20,
        "kill -9 loses <= 1 s": lost <= 1,
        "listing < 20 ms": listed < 20,
    }
    mlflow = peer(args.peers, MLFLOW)
    if mlflow:
        figures["mlflow on SQLite, batches of 1,000, points/s"] = mlflow["points_s"]
        bars["faster than mlflow"] = ours > mlflow["points_s"]
    return report("metrics", figures, bars, args.json)


if __name__ == "__main__":
    sys.exit(main())
