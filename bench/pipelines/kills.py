"""kill -9 of a pipeline's engine at random moments: resumed, each step has happened exactly once.

    python bench/pipelines/kills.py [--moments 20] [--seed 1] [--only threads,processes,eager]

The exit code is 1 if a record holds a step twice or not at all, or a result is wrong.
"""

from __future__ import annotations

import argparse
import collections
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config, environment_copy
from mlrun_like.pipelines.engine.calls import STEP
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.resume import resume
from mlrun_like.tracking.abilities import WorkflowStore
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import close_stores, open_store

STEPS = """
import time, mlrun_like as ml
from mlrun_like.pipelines import LocalEngine, dsl, pipeline

@ml.function(returns=["x"]KIND)
def add(x: int, y: int = 1) -> int:
    time.sleep(0.05)
    return x + y

@ml.function(returns=["xs"]KIND)
def spread(n: int) -> list:
    return list(range(n))

@ml.function(returns=["sum"]KIND)
def total(xs: list) -> int:
    return sum(xs)

@ml.function(returns=["said"]KIND)
def tell(status: dict) -> str:
    return status["state"]
"""
PLANNED = (
    STEPS
    + """
@pipeline
def inner(n: int = 2):
    with dsl.ParallelFor(spread(n).output) as item:
        part = add(item, y=100)
    return {"sum": total(dsl.Collected(part))}

@pipeline
def flow(n: int = SIZE):
    first = add(n)
    second = add(first).set_retry(2, 0.01)
    with dsl.ExitHandler(tell()):
        with dsl.ParallelFor(spread(n).output) as item:
            one = add(item)
            with dsl.If(one.output > 2):
                two = add(x=one, y=10).set_caching_options(True)
            with dsl.Else():
                three = add(x=one, y=20)
        with dsl.If(second.output > 500):
            never = add(second)
        with dsl.Else():
            last = add(second)
        nested = inner(3)
    return {"one": total(dsl.Collected(one)), "last": last, "nested": nested.outputs["sum"]}

if __name__ == "__main__":
    print("go", flush=True)
    LocalEngine(report=None).run(flow.plan, origin=flow.origin)
"""
)
EAGER = (
    STEPS
    + """
@pipeline(dynamic=True)
def flow(n: int = SIZE):
    rows = [add(item) for item in spread(n)]
    if add(n).output > 2:
        rows.append(add(rows[0], 7))
    return {"sum": total([row.output for row in rows])}

if __name__ == "__main__":
    print("go", flush=True)
    flow.run()
"""
)


def expected(size: int, eager: bool) -> tuple[dict[str, Any], int]:
    """The outputs, and how many steps are completed."""
    if eager:
        return {"sum": sum(range(1, size + 1)) + 8}, size + 4
    one = sum(range(1, size + 1))
    return {"one": one, "last": size + 3, "nested": 303}, 2 + 1 + 2 * size + 1 + 5 + 1 + 1


def program(folder: Path, which: str) -> tuple[Path, tuple[dict[str, Any], int]]:
    """Write a program; gives its file and what is right."""
    size = 4 if which == "processes" else 8
    kind = ', kind="process"' if which == "processes" else ""
    text = (EAGER if which == "eager" else PLANNED).replace("KIND", kind)
    text = text.replace("0.05", "0.3") if which == "processes" else text
    file = folder / f"killed_{which}.py"
    file.write_text(text.replace("SIZE", str(size)))
    return file, expected(size, which == "eager")


def completed(uid: str) -> collections.Counter[str]:
    """How often each step was completed, by the record."""
    rows = open_store().list_runs(RunQuery(project="*", labels={"workflow": uid}))
    done = [row for row in rows if row["status"]["state"] == "completed"]
    return collections.Counter(row["metadata"]["annotations"][STEP] for row in done)


def problems(uid: str, right: tuple[dict[str, Any], int]) -> list[str]:
    """What is wrong in the record of a run."""
    outputs, count = right
    row = open_store().read_run("default", uid)
    found = [f"step {name} was run {n} times" for name, n in completed(uid).items() if n != 1]
    store = open_store()
    assert isinstance(store, WorkflowStore)
    done = [step.step for step in store.list_steps("default", uid) if step.state == "completed"]
    if row["status"]["state"] != "completed" or row["status"].get("results") != outputs:
        found.append(f"{row['status']['state']} with {row['status'].get('results')}")
    if len(done) != count:
        found.append(f"{len(done)} steps, not {count}: {sorted(done)}")
    return found


def begun(command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """A process whose pipeline begins now."""
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def kill_and_resume(which: str, moments: int, dice: random.Random) -> int:
    """The number of killed runs whose record is wrong."""
    wrong = kept = 0
    with tempfile.TemporaryDirectory() as folder, config.override(home=folder):
        file, right = program(Path(folder), which)
        environment = {**environment_copy(), "MLRUN_LIKE_HOME": folder}
        command = [sys.executable, str(file)]
        process = begun(command, environment)
        start = time.monotonic()
        process.wait()
        length = time.monotonic() - start
        for number in range(moments):
            process = begun(command, environment)
            time.sleep(dice.uniform(0.25, 1.0) * length)
            process.kill()
            process.wait()
            rows = open_store().list_runs(RunQuery(project="*", labels={"kind": "pipeline"}))
            for row in rows:
                uid = row["metadata"]["uid"]
                if row["status"]["state"] != "completed":
                    before = sum(completed(uid).values())
                    kept += before > 0
                    resume(uid, engine=LocalEngine(report=None))
                found = problems(uid, right)
                if found and row is rows[0]:
                    wrong += 1
                    sys.stdout.write(f"{which} {number} {uid}: {'; '.join(found)}\n")
        late = [uid for row in rows if problems(uid := row["metadata"]["uid"], right)]
        close_stores()
    sys.stdout.write(
        f"{which}: {moments} kills, {kept} of them between the first and the last step, "
        f"{wrong} wrong, {len(late)} wrong at the end\n"
    )
    return wrong + len(late)


def main() -> int:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--only", default="threads,processes,eager")
    given = parser.parse_args()
    sys.stdout.write(f"seed {given.seed}\n")
    dice = random.Random(given.seed)
    wrong = sum(kill_and_resume(which, given.moments, dice) for which in given.only.split(","))
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
