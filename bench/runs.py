"""A tracked run (1 parameter, 3 results, 1 small artifact) against MLflow and raw SQLite.

Expected before measuring: two durable commits (0.3 ms each here), one file written and synced, two
JSON documents and some SQL: 2 ms. MLflow opens several sessions a call.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
import time

from common import arguments, median, peer, percentile, report

import mlrun_like as ml

MLFLOW = """
import json, logging, os, tempfile, time
os.chdir(tempfile.mkdtemp())
import mlflow
for name in ("mlflow", "alembic"):
    logging.getLogger(name).setLevel(logging.ERROR)
mlflow.set_tracking_uri("sqlite:///m.db")
mlflow.create_experiment("bench", artifact_location="file://" + os.getcwd() + "/art")
mlflow.set_experiment("bench")
def one(i):
    with mlflow.start_run():
        mlflow.log_param("p", i)
        mlflow.log_metrics({{k: i * 0.1 for k in "abc"}})
        mlflow.log_text("hello", "art.txt")
one(0)
times = []
for i in range({runs}):
    t = time.perf_counter(); one(i); times.append(time.perf_counter() - t)
print(json.dumps({{"ms": sorted(times)[len(times) // 2] * 1e3}}))
"""


@ml.function()
def handler(context: ml.MLClientCtx, p: int) -> None:
    """Record three results and a small file."""
    for key in "abc":
        context.log_result(key, p * 0.1)
    context.log_artifact("art", body=b"hello", local_path="art.txt")


def raw_sqlite(runs: int) -> float:
    """The limit: the same facts in one durable transaction a run, and the file."""
    folder = tempfile.mkdtemp()
    db = sqlite3.connect(os.path.join(folder, "t.db"), isolation_level=None)
    db.executescript(
        "pragma journal_mode=wal;pragma synchronous=full;create table run(id integer primary key,"
        "body);create table artifact(run,key,path);"
    )
    times = []
    for number in range(runs):
        start = time.perf_counter()
        path = os.path.join(folder, f"{number}.txt")
        with open(path, "wb") as stream:
            stream.write(b"hello")
        db.execute("begin immediate")
        db.execute("insert into run(body) values(?)", (json.dumps({"p": number}),))
        db.execute("insert into artifact values(?,?,?)", (number, "art", path))
        db.execute("commit")
        times.append(time.perf_counter() - start)
    return median(times) * 1e3


args = arguments(__doc__, runs={"type": int, "default": 200})
with ml.config.override(home=tempfile.mkdtemp()):
    handler.run(params={"p": 0})
    ours_times = []
    for number in range(args.runs):
        begin = time.perf_counter()
        run = handler.run(params={"p": number})
        ours_times.append((time.perf_counter() - begin) * 1e3)
    assert run.outputs["c"] == number * 0.1 and run.artifact("art").get() == b"hello"
    stored = ml.get_run_db().read_run(run.metadata.project, run.uid())
    assert stored["status"]["state"] == "completed"
ours = median(ours_times)
figures = {
    "ours, ms a run": ours,
    "ours, p95 ms": percentile(ours_times, 0.95),
    "raw SQLite, ms a run": raw_sqlite(args.runs),
}
bars = {"<= 4 ms a run": ours <= 4}
mlflow = peer(args.peers, MLFLOW.format(runs=args.runs))
if mlflow:
    figures["mlflow on SQLite, ms a run"] = mlflow["ms"]
    figures["times faster than mlflow"] = mlflow["ms"] / ours
    bars[">= 7 x mlflow"] = mlflow["ms"] / ours >= 7
sys.exit(report("runs", figures, bars, args.json))
