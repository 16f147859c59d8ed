"""Processes that take one step of a pipeline after the other."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.pipeline import pipeline
from mlrun_like.runtimes.process import ProcessRuntime
from mlrun_like.runtimes.zygote_client import release
from mlrun_like.specs.run import RunDoc

if TYPE_CHECKING:
    from tests.runtimes.conftest import Bench

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork"),
]
PID = "import os\ndef handler(context):\n    context.log_result('pid', os.getpid())\n"


class Together:
    """Runs that may share a process."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def run(self, code: str = PID, **spec: Any) -> RunDoc:
        job = self._bench.job(self._bench.doc(code, **spec))
        job.together = "me"
        return ProcessRuntime().launch(job)

    def pid(self, code: str = PID, **spec: Any) -> int:
        run = self.run(code, **spec)
        assert run.status.state == "completed", run.status.error
        return int(run.status.results["pid"])


@pytest.fixture
def together(bench: Bench) -> Iterator[Together]:
    config.warm = True
    yield Together(bench)
    release("me")


def test_equal_surroundings_share_a_process(together: Together, bench: Bench) -> None:
    first = together.pid()
    assert together.pid() == first
    other = together.pid(env=[{"name": "A", "value": "1"}])
    assert other != first
    assert together.pid() == first and together.pid(env=[{"name": "A", "value": "1"}]) == other
    assert bench.run(PID).status.results["pid"] not in (first, other), "a run of nobody's pipeline"


DIRT = """
import logging, os, random, sys, warnings
import mlrun_like
count = 0
def handler(context):
    global count
    count += 1
    seen = {
        "pid": os.getpid(), "count": count, "dirt": os.environ.get("DIRT", ""), "cwd": os.getcwd(),
        "path": "/dirt" in sys.path, "log": len(logging.root.handlers), "mask": os.umask(0o077),
        "warnings": len(warnings.filters), "random": random.random(),
        "project": mlrun_like.config.default_project,
    }
    for key, value in seen.items():
        context.log_result(key, value)
    os.environ["DIRT"] = "1"
    os.chdir("/")
    sys.path.insert(0, "/dirt")
    logging.root.addHandler(logging.NullHandler())
    warnings.simplefilter("ignore")
    random.seed(1)
    mlrun_like.config.default_project = "dirt"
"""


def test_a_run_finds_nothing_of_the_one_before(together: Together) -> None:
    first, second, third = (together.run(DIRT).status.results for _ in range(3))
    assert first["pid"] == second["pid"] == third["pid"]
    assert second["random"] != third["random"], "both follow random.seed(1)"
    for results in (first, second, third):
        results.pop("random")
    assert first == second == third


def test_output_goes_to_its_own_run(together: Together, bench: Bench) -> None:
    runs = [
        together.run(f"import sys\ndef handler():\n    print('n{n}'); sys.stderr.write('e{n}')")
        for n in range(3)
    ]
    for number, run in enumerate(runs):
        assert sorted(bench.log(run).split()) == [b"e%d" % number, b"n%d" % number]


@pytest.mark.parametrize(
    "line",
    [
        "import threading as t, time; t.Thread(target=time.sleep, args=(9,), daemon=True).start()",
        "import subprocess; subprocess.Popen(['sleep', '9'])",
        "import atexit; atexit.register(print)",
    ],
    ids=["thread", "child", "exit-handler"],
)
def test_what_leaves_something_behind_ends_its_process(together: Together, line: str) -> None:
    first = together.pid()
    assert together.pid(f"{PID}    {line}\n") == first
    assert together.pid() != first


def test_a_failure_ends_its_process(together: Together) -> None:
    first = together.pid()
    failed = together.run("def handler():\n    raise ValueError('boom')\n")
    assert failed.status.error == "ValueError: boom"
    assert together.pid() != first


def test_one_that_is_killed_while_it_waits_is_replaced(together: Together) -> None:
    first = together.pid()
    os.kill(first, signal.SIGKILL)
    _wait_for_end(first)
    assert together.pid() != first


def test_released_processes_end(together: Together) -> None:
    first = together.pid()
    release("me")
    _wait_for_end(first)


def test_a_time_limit_holds_in_a_process_used_before(together: Together, bench: Bench) -> None:
    first = together.pid()
    code = "import time\ndef handler():\n    time.sleep(60)\n"
    job = bench.job(bench.doc(code), timeout=0.5)
    job.together = "me"
    run = ProcessRuntime().launch(job)
    assert run.status.state == "error" and "timeout" in str(run.status.error)
    _wait_for_end(first)


@function(kind="process", returns=["pid"])
def where(after: int = 0) -> int:
    return os.getpid()


@pytest.mark.parametrize("reuse", [True, False])
def test_steps_of_a_pipeline(home: Path, reuse: bool) -> None:
    config.reuse_processes = reuse

    @pipeline
    def flow() -> Any:
        first: Any = where()
        second: Any = where(first)
        return {"first": first, "second": second}

    outputs = LocalEngine(report=None).run(flow.plan).check().outputs
    assert (outputs["first"] == outputs["second"]) is reuse
    _wait_for_end(outputs["first"])


def _wait_for_end(pid: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.02)
    state = Path(f"/proc/{pid}/stat").read_text() if sys.platform == "linux" else "it runs"
    raise AssertionError(f"process {pid} has not ended: {state}")
