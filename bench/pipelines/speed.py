"""What the local engine costs: ten steps in a line, ten side by side and a join; a large loop.

Every step is a recorded run, on disk before the next begins. Expected before measuring: a run is
1 ms of work and one synced commit (0.3 ms here), so 21 steps take 30 ms and a bit; in warm
processes a fork, a file and a second connection come to it, 8 ms a step. Rounds of a loop are
prepared once and written in groups: under 1 ms each, and memory that does not grow with what they
return. The limit is a bare process pool, which records nothing.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import arguments, median, peer, report

import mlrun_like as ml
from mlrun_like.pipelines import dsl
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.tracking.base import RunQuery

ROUNDS = 10_000
MLRUN = """
import json, os, tempfile, time
folder = tempfile.mkdtemp(); os.chdir(folder)
os.environ["MLRUN_DBPATH"] = ""
import mlrun
mlrun.utils.logger.set_logger_level("ERROR")
open("fn.py", "w").write("def inc(context, x=0):\\n    context.log_result('y', int(x) + 1)\\n")
open("wf.py", "w").write('''
import mlrun
def pipeline():
    x, t = 0, 0
    for i in range(10):
        x = mlrun.run_function("t", handler="inc", name=f"l{i}", params={"x": x}).outputs["y"]
    for i in range(10):
        t += int(mlrun.run_function("t", handler="inc", name=f"w{i}", params={"x": x}).outputs["y"])
    mlrun.run_function("t", handler="inc", name="join", params={"x": t})
''')
project = mlrun.new_project("bench", context=folder, overwrite=False, save=False)
project.set_function("fn.py", "t", kind="job", image="mlrun/mlrun", handler="inc")
times = []
for _ in range(4):
    t = time.perf_counter()
    project.run(workflow_path="wf.py", engine="local", local=True, artifact_path=folder + "/a")
    times.append(time.perf_counter() - t)
print(json.dumps({"seconds": sorted(times[1:])[1]}))
"""


@ml.function(returns=["y"])
def inc(x: int) -> int:
    """One more."""
    return x + 1


@ml.function(returns=["y"], kind="process")
def inc_apart(x: int) -> int:
    """One more, in a process."""
    return x + 1


@ml.function(returns=["total"])
def join(xs: list[int]) -> int:
    """The sum."""
    return sum(xs)


@ml.function(returns=["total"], kind="process")
def join_apart(xs: list[int]) -> int:
    """The sum, in a process."""
    return sum(xs)


@ml.function(returns=["items"])
def spread(n: int) -> list[int]:
    """What the loop goes over."""
    return list(range(n))


def flow(one: Any, last: Any) -> Any:
    """Ten in a line, ten side by side, a join."""

    def line_and_fan(x: int = 0) -> Any:
        for number in range(10):
            x = one.step(name=f"line-{number}", params={"x": x})
        wide = [one.step(name=f"wide-{number}", params={"x": x}) for number in range(10)]
        return last.step(name="join", params={"xs": [step.output for step in wide]})

    return ml.pipeline(line_and_fan)


@ml.pipeline
def loop(n: int = 10) -> None:
    """A step for each item of a list that a step gave."""
    items: Any = spread(n)
    with dsl.ParallelFor(items.output) as x:
        inc(x)


def seconds_of(plan: Any, reps: int) -> float:
    """Median of several runs after a first one; each step is in the store when it ends."""
    times = []
    for number in range(reps + 1):
        start = time.perf_counter()
        run = LocalEngine(report=None).run(plan).check()
        if number:
            times.append(time.perf_counter() - start)
        assert run.outputs["total"] == 110, run.outputs
    rows = ml.get_run_db().list_runs(RunQuery(labels={"workflow": run.uid}))
    assert [row["status"]["state"] for row in rows] == ["completed"] * 21
    return median(times)


def add_one(x: int) -> int:
    """For the pool."""
    return x + 1


def pool(reps: int) -> float:
    """The same calls in a bare pool of processes, started before."""
    times = []
    with ProcessPoolExecutor(2) as workers:
        for number in range(reps + 1):
            start, x = time.perf_counter(), 0
            for _ in range(10):
                x = workers.submit(add_one, x).result()
            assert sum(workers.map(add_one, [x] * 10)) == 110
            if number:
                times.append(time.perf_counter() - start)
    return median(times)


def rounds() -> None:
    """A large loop; what it took and by how much this process grew, as JSON."""
    engine = LocalEngine(report=None)
    engine.run(loop.plan, {"n": 100}).check()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    run = engine.run(loop.plan, {"n": ROUNDS}).check()
    took = time.perf_counter() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert run.steps[f"inc[{ROUNDS - 1}]"].outputs["y"] == ROUNDS
    sys.stdout.write(json.dumps({"ms": took / ROUNDS * 1e3, "megabytes": grown}) + "\n")


def main() -> int:
    """Measure and compare."""
    args = arguments(__doc__ or "", loop={"action": "store_true", "help": "only the loop, as JSON"})
    with tempfile.TemporaryDirectory() as home, ml.config.override(home=home):
        if args.loop:
            rounds()
            return 0
        threads = seconds_of(flow(inc, join).plan, args.reps)
        processes = seconds_of(flow(inc_apart, join_apart).plan, args.reps)
        limit = pool(args.reps)
    loops = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, __file__, "--loop"], capture_output=True, text=True, check=True
        )
        loops.append(json.loads(done.stdout.splitlines()[-1]))
    a_round = median([row["ms"] for row in loops])
    grown = max(row["megabytes"] for row in loops)
    figures = {
        "21 steps in threads, s": threads,
        "21 steps in warm processes, s": processes,
        "bare process pool, s": limit,
        f"a loop of {ROUNDS}, ms a round": a_round,
        "grown by it, MB": grown,
    }
    bars = {
        "threads <= 0.06 s": threads <= 0.06,
        "warm processes <= 0.25 s": processes <= 0.25,
        "a round <= 1 ms": a_round <= 1,
        "the loop takes < 40 MB": grown < 40,
    }
    mlrun = peer(args.peers, MLRUN)
    if mlrun:
        figures["MLRun's local engine, s"] = mlrun["seconds"]
        figures["times faster than MLRun"] = mlrun["seconds"] / threads
        bars[">= 4 x MLRun"] = mlrun["seconds"] / threads >= 4
    return report("pipelines", figures, bars, args.json)


if __name__ == "__main__":
    sys.exit(main())
