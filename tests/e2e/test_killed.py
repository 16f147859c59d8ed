"""Whoever is killed with SIGKILL, and whenever: no run is left that says it is running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.reaper import mark_lost

JOB = """
import time

def work(context, seconds=1.0):
    context.log_result("begun", 1, commit=True)
    for number in range(20):
        print("line", number, flush=True)
        time.sleep(seconds / 20)
    context.log_result("done", 1)
"""
SUBMIT = """
import mlrun_like as ml

fn = ml.code_to_function("work", filename="job.py", handler="work", kind="process")
print("ready", flush=True)
fn.run(params={"seconds": 3.0}, watch=False)
"""


@pytest.fixture
def submitter(home: Path, tmp_path: Path) -> Any:
    (tmp_path / "job.py").write_text(JOB)
    (tmp_path / "submit.py").write_text(SUBMIT)
    process = subprocess.Popen(
        [sys.executable, "submit.py"],
        cwd=tmp_path,
        env={**os.environ, "MLRUN_LIKE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def settled() -> list[dict[str, Any]]:
    """All runs, when none is going on any more."""
    store = open_store()
    end = time.monotonic() + 20
    while time.monotonic() < end:
        mark_lost(store)
        found = store.list_runs(RunQuery(project="*"))
        if all(run["status"]["state"] in ("completed", "error", "aborted") for run in found):
            return found
        time.sleep(0.1)
    raise AssertionError(f"still going on: {found}")


def begun(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The run when its handler has begun."""
    store = open_store()
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        for run in store.list_runs(RunQuery(project="*", states=("running",))):
            if run["status"].get("results"):
                return run
        time.sleep(0.02)
    raise AssertionError("it never began")


@pytest.mark.parametrize("seconds", [0.0, 0.3, 1.0])
def test_the_submitter_is_killed(submitter: Any, seconds: float) -> None:
    time.sleep(seconds)
    submitter.kill()
    submitter.wait()
    for run in settled():
        assert run["status"]["state"] in ("error", "aborted")
        assert run["status"]["error"]


def test_the_submitter_is_killed_in_mid_run(submitter: Any) -> None:
    pid = begun(submitter)["status"]["pid"]
    submitter.kill()
    submitter.wait()
    (run,) = settled()
    assert run["status"]["error"]
    end = time.monotonic() + 10
    while _alive(pid):
        assert time.monotonic() < end, "the run's process outlived its submitter"
        time.sleep(0.1)


def test_the_process_of_the_run_is_killed(submitter: Any) -> None:
    os.kill(begun(submitter)["status"]["pid"], signal.SIGKILL)
    assert submitter.wait(timeout=30) != 0
    (run,) = settled()
    assert run["status"]["state"] == "error"
    assert "SIGKILL" in run["status"]["error"]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
