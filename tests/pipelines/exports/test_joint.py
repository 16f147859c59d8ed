"""What other engines run is one pipeline's run in tracking, with its steps' runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines import dsl, pipeline
from mlrun_like.pipelines.engine.calls import STEP
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.exports.joint import ENGINE_RUN
from mlrun_like.pipelines.exports.package import read_package, to_package
from mlrun_like.pipelines.exports.stepwise import Order, Outcome, run_node, workflow_id
from mlrun_like.pipelines.resume import resume
from mlrun_like.tracking.abilities import WorkflowStore
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store
from tests.pipelines.exports.test_github import add
from tests.pipelines.programs import rows, total

ENGINE = "github-7-1001"


@function(returns=["value"])
def needs_file(path: str) -> str:
    return Path(path).read_text()


@pipeline
def flow(path: str, n: int = 2) -> Any:
    made: Any = rows(n)
    with dsl.ParallelFor(made.output) as item:
        part: Any = add.step(name="part", params={"a": item})
    whole: Any = total(dsl.Collected(part.output))  # type: ignore[arg-type]
    with dsl.If(whole.output > 1000):
        add.step(name="large", params={"a": 1})
    return {"sum": whole, "text": needs_file(path)}


class Jobs:
    """An engine's jobs, each with what it would know."""

    def __init__(self, folder: Path, **arguments: Any) -> None:
        self.plan = read_package(to_package(flow.plan))
        self.folder = folder
        self.arguments = arguments

    def do(self, node: str) -> Outcome:
        order = Order(node, str(self.folder), ENGINE)
        return run_node(self.plan, order, self.arguments, lambda line: None)

    @property
    def run(self) -> dict[str, Any]:
        return open_store().read_run(config.default_project, workflow_id(ENGINE))


def test_jobs_make_one_run(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    jobs = Jobs(tmp_path / "state", path=str(tmp_path / "a.txt"), n=2)
    for node in ("needs_file", "rows", "part[0]", "part[1]"):
        jobs.do(node.replace("_", "-"))
        assert jobs.run["status"]["state"] == "running"
    assert jobs.run["metadata"]["labels"]["kind"] == "pipeline"
    assert jobs.run["metadata"]["annotations"][ENGINE_RUN] == ENGINE
    assert jobs.run["spec"]["parameters"] == jobs.arguments
    jobs.do("total")
    status = jobs.run["status"]
    assert (status["state"], status["results"]) == ("completed", {"sum": 32, "text": "text"})
    store = open_store()
    assert isinstance(store, WorkflowStore)
    steps = {row.step: row for row in store.list_steps(config.default_project, workflow_id(ENGINE))}
    assert {name: row.state for name, row in steps.items()} == dict.fromkeys(
        ("needs-file", "rows", "part[0]", "part[1]", "total"), "completed"
    )
    query = RunQuery(labels={"workflow": workflow_id(ENGINE)}, project=config.default_project)
    uids = {
        r["metadata"]["annotations"][STEP]: r["metadata"]["uid"] for r in store.list_runs(query)
    }
    assert uids == {name: row.uid for name, row in steps.items()}
    assert jobs.do("large").skipped and jobs.run["status"]["state"] == "completed"


def test_a_job_that_is_tried_again_opens_the_run_again(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "state", path=str(tmp_path / "a.txt"), n=0)
    jobs.do("rows")
    jobs.do("total")
    assert jobs.do("needs-file").failed
    status = jobs.run["status"]
    assert status["state"] == "error" and "step 'needs-file' failed" in status["error"]
    (tmp_path / "a.txt").write_text("now")
    assert jobs.do("needs-file").value == "completed"
    status = jobs.run["status"]
    assert status["state"] == "completed" and "error" not in status
    query = RunQuery(labels={"workflow": workflow_id(ENGINE)}, project=config.default_project)
    runs = [(r["metadata"]["annotations"][STEP], r["status"]["state"]) for r in
            open_store().list_runs(query)]  # fmt: skip
    assert sorted(runs) == [
        ("needs-file", "completed"), ("needs-file", "error"), ("rows", "completed"),
        ("total", "completed"),
    ]  # fmt: skip


def test_a_run_that_is_aborted_stops_at_its_next_job(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "state", path="x", n=0)
    jobs.do("rows")
    open_store().set_run_state(config.default_project, workflow_id(ENGINE), 0, "aborting", "")
    for _ in range(2):
        outcome = jobs.do("total")
        assert outcome.failed and outcome.reason == "the run was aborted"
    assert jobs.run["status"]["state"] == "aborted"


def test_what_failed_elsewhere_goes_on_here(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "state", path=str(tmp_path / "a.txt"), n=1)
    for node in ("rows", "part[0]", "total", "needs-file"):
        jobs.do(node)
    (tmp_path / "a.txt").write_text("mended")
    done = resume(workflow_id(ENGINE), engine=LocalEngine(report=None))
    assert done.outputs == {"sum": 11, "text": "mended"}
    assert {path for path, step in done.steps.items() if step.reused} == {
        "rows", "part[0]", "total",
    }  # fmt: skip


@pytest.mark.slow
def test_jobs_that_begin_and_end_side_by_side_make_one_run(tmp_path: Path, home: Path) -> None:
    @pipeline(name="side-by-side")
    def wide() -> Any:
        return {f"s{n}": add.step(name=f"s{n}", params={"a": n}) for n in range(6)}

    (tmp_path / "wide.json").write_text(to_package(wide.plan))
    jobs = [
        subprocess.Popen(
            [sys.executable, "-m", "mlrun_like", "run", "wide.json", "--step", f"s{n}",
             "--state", f"state-{n % 2}", "--workflow", ENGINE],
            cwd=tmp_path, env={**os.environ, "MLRUN_LIKE_HOME": str(home)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for n in range(6)
    ]  # fmt: skip
    for job in jobs:
        out, err = job.communicate(timeout=180)
        assert (job.returncode, out) == (0, "completed\n"), err
    run = open_store().read_run(config.default_project, workflow_id(ENGINE))
    assert run["status"]["state"] == "completed"
    assert run["status"]["results"] == {f"s{n}": n + 1 for n in range(6)}


def test_ids() -> None:
    uuid = "0193A4B2-7c11-7d00-8000-2f5e6b1c9a10"
    assert workflow_id(uuid) == uuid.replace("-", "").lower()
    assert workflow_id("github-1-2") != workflow_id("github-1-3")
