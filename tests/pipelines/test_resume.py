"""Pipelines that go on after they failed, were stopped, or their engine was killed."""

from __future__ import annotations

import collections
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config, environment_copy
from mlrun_like.errors import NotFoundError, PipelineError, RunError, StateError
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines import dsl
from mlrun_like.pipelines.eager import EagerEngine
from mlrun_like.pipelines.engine.calls import STEP
from mlrun_like.pipelines.engine.local import LocalEngine
from mlrun_like.pipelines.pipeline import pipeline
from mlrun_like.pipelines.resume import pipeline_in, resume
from mlrun_like.pipelines.workflow import load_workflow
from mlrun_like.tracking.abilities import WorkflowStore
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store

SILENT = LocalEngine(report=None)

FLOW = """
import time
import mlrun_like as ml
from mlrun_like.pipelines import dsl, pipeline, LocalEngine

@ml.function(returns=["x"])
def add(x: int, y: int = 1) -> int:
    time.sleep(0.02)
    return x + y

@ml.function(returns=["xs"])
def spread(n: int) -> list:
    return list(range(n))

@ml.function(returns=["sum"])
def total(xs: list) -> int:
    return sum(xs)

@pipeline
def flow(n: int = 8):
    first = add(n)
    second = add(first)
    with dsl.ParallelFor(spread(n).output) as item:
        one = add(item)
        two = add(x=one, y=10)
    with dsl.If(second.output > 5):
        last = add(second)
    return {"sum": total(dsl.Collected(two)), "last": last}

if __name__ == "__main__":
    LocalEngine(report=None).run(flow.plan, origin=flow.origin)
"""


def completed(uid: str) -> collections.Counter[str]:
    """How often each step of a pipeline's run was completed, by the record."""
    rows = open_store().list_runs(RunQuery(project="*", labels={"workflow": uid}))
    done = [row for row in rows if row["status"]["state"] == "completed"]
    return collections.Counter(row["metadata"]["annotations"][STEP] for row in done)


def newest(store: Any) -> dict[str, Any]:
    found: dict[str, Any] = store.list_runs(RunQuery(project="*", labels={"kind": "pipeline"}))[0]
    return found


@pytest.mark.slow
def test_the_engine_is_killed_at_random(tmp_path: Path) -> None:
    file = tmp_path / "flow_file.py"
    file.write_text(FLOW)
    seed = random.randrange(1 << 30)
    moments = random.Random(seed)
    for _ in range(4):
        env = {**environment_copy(), "MLRUN_LIKE_HOME": str(config.path(""))}
        process = subprocess.Popen([sys.executable, str(file)], env=env)
        time.sleep(0.5 + moments.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        runs = open_store().list_runs(RunQuery(project="*", labels={"kind": "pipeline"}))
        for row in runs:
            if row["status"]["state"] != "completed":
                run = resume(row["metadata"]["uid"], engine=SILENT)
                assert run.check().outputs == {"sum": 116, "last": 11}, seed
    for row in open_store().list_runs(RunQuery(project="*", labels={"kind": "pipeline"})):
        done = completed(row["metadata"]["uid"])
        assert set(done.values()) == {1} and len(done) == 21, (seed, done)


def test_mended_code_is_taken_and_what_finished_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "mended_file.py"
    broken = FLOW.replace("return sum(xs)", "return sum(x for x in xs if x.ok)")
    file.write_text(broken)
    flow = pipeline_in(str(file))
    run = SILENT.run(flow.plan, origin=flow.origin)
    assert run.state == "error" and run.steps["total"].state == "error"
    uids = {name: step.uid for name, step in run.steps.items() if name != "total"}
    file.write_text(FLOW)
    again = resume(run.uid, engine=SILENT)
    assert again.uid == run.uid and again.outputs == {"sum": 116, "last": 11}
    assert {name: step.uid for name, step in again.steps.items() if name != "total"} == uids
    assert all(step.reused for name, step in again.steps.items() if name != "total")
    record = open_store().read_run("default", run.uid)
    assert record["status"]["state"] == "completed"
    assert record["status"]["results"] == {"sum": 116, "last": 11}
    assert "error" not in record["status"] and completed(run.uid)["total"] == 1
    store = open_store()
    assert isinstance(store, WorkflowStore)
    rows = {row.step: row for row in store.list_steps("default", run.uid)}
    assert rows["add"].ended < rows["total"].started and not rows["add"].body
    assert all(row.state in ("completed", "skipped") for row in rows.values())


def test_without_its_file_the_recorded_plan_runs(tmp_path: Path) -> None:
    file = tmp_path / "gone_file.py"
    file.write_text(FLOW.replace("return sum(xs)", "import flag_module; return sum(xs)"))
    flow = pipeline_in(str(file))
    run = SILENT.run(flow.plan, {"n": 3}, origin=flow.origin)
    assert run.state == "error"
    file.unlink()
    module = type(sys)("flag_module")
    sys.modules["flag_module"] = module
    try:
        assert resume(run.uid, engine=SILENT).outputs == {"sum": 36, "last": None}
    finally:
        del sys.modules["flag_module"]


@function(returns=["n"])
def wait(n: int, seconds: float = 30) -> int:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.01)
    return n


@function(returns=["n"])
def quick(n: int) -> int:
    return n


@pipeline
def slow(seconds: float = 30) -> Any:
    first: Any = quick(1)
    waiting: Any = wait(first, seconds)
    return {"n": quick(waiting)}


def test_an_abort_ends_the_steps_and_the_run_can_go_on() -> None:
    store = open_store()
    with config.override(heartbeat_interval=0.1):
        found: list[Any] = []
        thread = threading.Thread(target=lambda: found.append(SILENT.run(slow.plan)))
        thread.start()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            rows = store.list_runs(RunQuery(project="*", name="wait", states=("running",)))
            if rows:
                break
            time.sleep(0.05)
        uid = newest(store)["metadata"]["uid"]
        with pytest.raises(StateError, match="it has not ended"):
            resume(uid, plan=slow.plan, engine=SILENT)
        store.set_run_state("default", uid, 0, "aborting", "")
        thread.join(20)
        assert not thread.is_alive()
    (run,) = found
    states = {name: step.state for name, step in run.steps.items()}
    assert states == {"quick": "completed", "wait": "error", "quick-2": "skipped"}
    assert store.read_run("default", uid)["status"]["state"] == "aborted"
    assert store.read_run("default", run.steps["wait"].uid)["status"]["state"] == "aborted"
    assert isinstance(store, WorkflowStore)
    kept = {row.step: row.state for row in store.list_steps("default", uid)}
    assert kept == states


def test_what_cannot_go_on() -> None:
    run = quick.run(params={"n": 1}, watch=False)
    with pytest.raises(NotFoundError):
        resume("nothing")
    with pytest.raises(PipelineError, match="not the run of a pipeline"):
        resume(run.uid())
    done = SILENT.run(slow.plan, {"seconds": 0.0})
    assert resume(done.uid, plan=slow.plan, engine=SILENT).outputs == {"n": 1}


def test_a_mended_helper_module_is_taken_too(tmp_path: Path) -> None:
    helper, file = tmp_path / "sums_helper.py", tmp_path / "helped_file.py"
    helper.write_text("def add_up(xs):\n    return sum(xs) / 0\n")
    file.write_text(
        "from sums_helper import add_up\n" + FLOW.replace("return sum(xs)", "return add_up(xs)")
    )
    flow = pipeline_in(str(file))
    run = SILENT.run(flow.plan, origin=flow.origin)
    assert run.state == "error"
    helper.write_text("def add_up(xs):\n    return sum(xs)\n")
    assert resume(run.uid, engine=SILENT).check().outputs == {"sum": 116, "last": 11}


DYNAMIC = """
import mlrun_like as ml
from mlrun_like.pipelines import pipeline

@ml.function(returns=["x"])
def add(x: int, y: int = 1) -> int:
    return x + y

@ml.function(returns=["x"])
def half(x: int) -> float:
    return x / 0

@pipeline(dynamic=True)
def flow(n: int = 8):
    found = add(n)
    if found.output > 5:
        found = half(found)
    return {"n": found}
"""


def test_a_dynamic_pipeline_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "dynamic_file.py"
    file.write_text(DYNAMIC)
    flow = pipeline_in(str(file))
    with pytest.raises(RunError, match="division by zero"):
        flow.run(n=9)
    uid = newest(open_store())["metadata"]["uid"]
    file.write_text(DYNAMIC.replace("x / 0", "x / 2"))
    run = resume(uid, engine=SILENT)
    assert run.check().outputs == {"n": 5.0}
    assert {name: step.reused for name, step in run.steps.items()} == {"add": True, "half": False}
    assert resume(uid, engine=SILENT).outputs == {"n": 5.0}
    assert set(completed(uid).values()) == {1}


def test_a_workflow_file_without_decorator_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "plain_file.py"
    text = DYNAMIC.replace("@pipeline(dynamic=True)\ndef flow", "def kf_main")
    file.write_text(text)
    run = EagerEngine().run(load_workflow(file, "kf_main"))
    assert run.state == "error"
    file.write_text(text.replace("x / 0", "x / 2"))
    again = resume(run.uid, engine=SILENT)
    assert again.check().outputs == {"n": 4.5} and again.uid == run.uid


def test_a_dynamic_run_that_goes_on_elsewhere_is_left_alone() -> None:
    seen: list[str] = []

    @pipeline(dynamic=True)
    def own() -> Any:
        store = open_store()
        uid = newest(store)["metadata"]["uid"]
        with pytest.raises(StateError, match="it has not ended"):
            own.resume(uid)
        seen.append(uid)
        return {"n": quick(1)}

    assert own.run().outputs == {"n": 1} and len(seen) == 1


@function(returns=["state"])
def clean_up(status: dict[str, Any]) -> str:
    return str(status["state"])


@function(returns=["n"])
def deaf(seconds: float = 3.0) -> int:
    time.sleep(seconds)  # nothing ends this from another thread
    return 1


@pipeline
def guarded() -> Any:
    with dsl.ExitHandler(clean_up.step(params={})):
        first: Any = quick(1)
        wait(first)
        quick.step(name="later", params={"n": 2}).after("wait")
    with dsl.ExitHandler(clean_up.step(name="not-begun")):
        quick.step(name="latest", params={"n": 3}).after("later")


def test_an_exit_handler_runs_after_an_abort_if_its_part_has_begun() -> None:
    store = open_store()

    def abort(line: str) -> None:
        if "quick completed" in line:
            store.set_run_state("default", newest(store)["metadata"]["uid"], 0, "aborting", "")

    with config.override(heartbeat_interval=0.1):
        run = LocalEngine(report=abort).run(guarded.plan)
    states = {name: step.state for name, step in run.steps.items()}
    assert states.pop("wait") == "error"
    skipped = dict.fromkeys(["later", "latest", "not-begun"], "skipped")
    assert states == {"quick": "completed", "clean-up": "completed", **skipped}
    assert run.steps["clean-up"].outputs == {"state": "error"}


def test_nobody_waits_long_for_a_deaf_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlrun_like.pipelines.engine.execution._AT_KEYBOARD", 0.1)

    @pipeline
    def flow() -> None:
        waiting: Any = deaf()
        quick.step(name="then", params={"n": waiting})
        quick(1)

    def interrupt(line: str) -> None:
        if "quick completed" in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        LocalEngine(report=interrupt).run(flow.plan)
    (deaf_one,) = [each for each in threading.enumerate() if each.name == "pipeline-0"]
    assert deaf_one.daemon and deaf_one.is_alive()  # so Python can end without it
    store = open_store()
    assert isinstance(store, WorkflowStore)
    uid = newest(store)["metadata"]["uid"]
    kept = {row.step: row.state for row in store.list_steps("default", uid)}
    assert kept == {"deaf": "aborted", "then": "skipped", "quick": "completed"}
    assert store.read_run("default", uid)["status"]["state"] == "aborted"
    deaf_one.join(20)


def test_another_pipeline_is_not_the_one_to_go_on() -> None:
    run = SILENT.run(slow.plan, {"seconds": 0.0})
    with pytest.raises(PipelineError, match="is a run of pipeline 'slow', not of 'guarded'"):
        resume(run.uid, plan=guarded.plan, engine=SILENT)


def test_what_an_equal_step_stood_in_for_is_kept_too() -> None:
    broken: list[bool] = []

    @function(returns=["n"])
    def fails_once(n: int) -> int:
        if broken:
            raise ValueError("not yet")
        return n

    @pipeline
    def flow() -> None:
        one: Any = quick(1)
        fails_once(one)

    first = LocalEngine(report=None, cache=True).run(flow.plan)
    broken.append(True)
    second = LocalEngine(report=None, cache=True, refresh=["fails-once"]).run(flow.plan)
    assert second.steps["quick"].reused and second.state == "error"
    broken.clear()
    again = resume(second.uid, plan=flow.plan, engine=SILENT)
    assert again.state == "completed"
    assert again.steps["quick"].uid == first.steps["quick"].uid
