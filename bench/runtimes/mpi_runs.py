"""What submitting an MPI run costs beyond a bare `mpirun` of an equal script.

Run: python bench/runtimes/mpi_runs.py [rounds]
Bar: the medians differ by at most 150 ms.
"""

from __future__ import annotations

import base64
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mlrun_like.configuration import config
from mlrun_like.names import new_uid
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.mpi.launch import Plan, command_line, find_launcher
from mlrun_like.runtimes.mpi.runtime import MpiRuntime
from mlrun_like.runtimes.zygote_client import close_zygotes
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata, FunctionSpec
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import close_stores, open_store

BAR = 0.150
RANKS = 2
HANDLER = "def handler(rank):\n    print('rank', rank)\n    return rank\n"
SCRIPT = "import os\nprint('rank', os.environ['OMPI_COMM_WORLD_RANK'])\n"


def main() -> int:
    """Measure in turns, print the medians, and fail above the bar."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as folder, config.override(home=folder):
        store = open_store()
        script = Path(folder, "script.py")
        script.write_text(SCRIPT)
        cold, warm, bare = [], [], []
        _through(store)
        for _ in range(rounds):
            bare.append(_timed(lambda: _bare(script)))
            warm.append(_timed(lambda: _through(store)))
        with config.override(warm=False):
            cold += [_timed(lambda: _through(store)) for _ in range(3)]
        close_zygotes()
        close_stores()
    base = statistics.median(bare)
    over = statistics.median(warm) - base
    print(f"bare mpirun, {RANKS} ranks      {base * 1000:7.0f} ms")
    print(f"run, warm                 {(base + over) * 1000:7.0f} ms  (+{over * 1000:.0f} ms)")
    print(f"run, new interpreters     {statistics.median(cold) * 1000:7.0f} ms")
    print(f"bar                       +{BAR * 1000:6.0f} ms  {'met' if over <= BAR else 'MISSED'}")
    return 0 if over <= BAR else 1


def _timed(work: Callable[[], None]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _bare(script: Path) -> None:
    plan = Plan(RANKS, python=sys.executable)
    command = command_line(find_launcher("mpirun"), plan)
    command = [*command[: -len(plan.command)], sys.executable, str(script)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def _through(store: Store) -> None:
    document = FunctionDoc(
        kind="mpijob",
        metadata=FunctionMetadata(name="bench", project="default"),
        spec=FunctionSpec(replicas=RANKS, launcher="mpirun"),
    )
    document.spec.build.functionSourceCode = base64.b64encode(HANDLER.encode()).decode()
    run = RunDoc(
        metadata=RunMetadata(name="bench", uid=new_uid(), project="default"),
        spec=RunSpec(handler="handler"),
    )
    done = MpiRuntime().launch(Job(function=document, run=run, store=store))
    if done.status.state != "completed":
        raise RuntimeError(done.status.error)


if __name__ == "__main__":
    sys.exit(main())
