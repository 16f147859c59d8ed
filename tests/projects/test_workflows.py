"""`project.run`: workflow files, engines, schedules, states, what is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    MissingFileError,
    NotFoundError,
    RunError,
)
from mlrun_like.pipelines.pipeline import pipeline
from mlrun_like.projects.loading import new_project
from mlrun_like.projects.pipeline_runs import (
    PipelineRunStatus,
    get_pipeline,
    get_run_status,
    list_pipelines,
    wait_for_pipeline_completion,
)
from mlrun_like.projects.workflow_context import pipeline_context
from mlrun_like.schedules.service import Scheduler
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store

CODE = """
def prep(n: int):
    return n * 2

def train(rows: int, lr: float = 0.5, fail: bool = False):
    if fail:
        raise ValueError("boom")
    return rows * lr
"""
TRACED = """
from kfp import dsl
import mlrun

@dsl.pipeline(name="Fraud training")
def pipeline(n: int = 3, fail: bool = False):
    data = mlrun.run_function("prep", params={"n": n}, outputs=["rows"], returns=["rows"])
    mlrun.run_function(
        "train", params={"rows": data.outputs["rows"], "fail": fail}, returns=["auc"],
    ).after(data)
"""
EAGER = """
import mlrun
from mlrun import pipeline_context

def main(n=3, fail=False):
    project = mlrun.get_current_project()
    data = project.run_function("prep", params={"n": n}, returns=["rows"])
    assert data.outputs["rows"] == n * 2
    assert pipeline_context.project is project
    assert list(pipeline_context.runs_map.values()) == [data]
    for lr in (0.1, 0.5):
        run = mlrun.run_function(
            "train", params={"rows": data.outputs["rows"], "lr": lr, "fail": fail},
            returns=["auc"],
        ).after(data)
        if run.output("auc") > 1:
            break
"""
OLD = """
funcs = {}

def init_functions(functions, project=None, secrets=None):
    for name in functions:
        functions[name].set_env("FROM", project.name)

def kfpipeline(n=1):
    return funcs["prep"].step(params={"n": n}, returns=["rows"])
"""


@pytest.fixture
def project(tmp_path: Path) -> Any:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "steps.py").write_text(CODE)
    for name, text in (("traced", TRACED), ("eager", EAGER), ("old", OLD)):
        (folder / f"{name}.py").write_text(text)
    made = new_project("fraud", str(folder), save=False)
    for name in ("prep", "train"):
        made.set_function("steps.py", name, kind="process", handler=name)
    made.set_workflow("traced", "traced.py")
    made.set_workflow("eager", "eager.py", handler="main", n=2)
    made.set_workflow("old", "old.py", embed=True)
    return made


def steps_of(run: PipelineRunStatus) -> dict[str, str]:
    query = RunQuery(project="fraud", labels={"workflow": run.run_id})
    return {r["metadata"]["name"]: r["status"]["state"] for r in open_store().list_runs(query)}


def test_a_traced_workflow_runs_here(project: Any) -> None:
    run = project.run("traced", arguments={"n": 4}, local=True)
    assert (run.state, run.exc) == ("Succeeded", None)
    assert steps_of(run) == {"prep": "completed", "train": "completed"}
    assert run.wait_for_completion() == "Succeeded"
    found = get_pipeline(run.run_id, "fraud")
    assert found["run"]["name"] == "fraud-training"
    assert [(s["name"], s["status"]) for s in found["steps"]] == [
        ("prep", "Succeeded"),
        ("train", "Succeeded"),
    ]
    count, token, rows = list_pipelines("fraud", "training")
    assert (count, token, rows[0]["id"]) == (1, None, run.run_id)
    assert get_run_status(project, run) == (
        "Succeeded",
        0,
        f"Workflow {run.run_id} finished, state=Succeeded",
    )


def test_an_eager_workflow_runs_call_by_call(project: Any) -> None:
    run = project.run("eager", local=True, arguments={"n": 2})
    assert (run.state, run.exc) == ("Succeeded", None)
    assert [s["name"] for s in get_pipeline(run.run_id, "fraud")["steps"]] == [
        "prep",
        "train",
        "train-2",
    ]
    assert pipeline_context.project is project and pipeline_context.workflow_id is None
    assert pipeline_context.runs_map == {}


def test_old_style_embedded_workflow(project: Any) -> None:
    assert "code" in project.get_workflow("old")
    run = project.run("old", local=True)
    assert (run.state, run.exc) == ("Succeeded", None)


@pytest.mark.parametrize("name", ["traced", "eager"])
def test_a_failure_does_not_raise(project: Any, name: str) -> None:
    run = project.run(name, arguments={"fail": True}, local=True, watch=True)
    assert run.state == "Failed"
    assert isinstance(run.exc, RunError)
    assert "boom" in str(run.exc)
    state, failed, text = get_run_status(project, run)
    assert (state, failed) == ("Failed", 1)
    assert "with 1 errors" in text
    with pytest.raises(RunError, match="ended 'Failed', not Succeeded"):
        wait_for_pipeline_completion(run.run_id, project="fraud")
    wait_for_pipeline_completion(run, expected_statuses=["Failed"])


def test_a_function_as_handler_and_a_path(project: Any) -> None:
    @pipeline
    def mine(n: int = 1) -> None:
        project.run_function("prep", params={"n": n}, returns=["rows"])

    def bare(n: int = 1) -> Any:
        return project.run_function("prep", params={"n": n}, returns=["rows"])

    assert project.run(workflow_handler=mine, local=True).state == "Succeeded"
    assert project.run(workflow_handler=bare, local=True).state == "Succeeded"
    run = project.run(workflow_path="eager.py", workflow_handler="main", local=True)
    assert (run.state, run.exc) == ("Succeeded", None)


def test_what_is_refused(project: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="which workflow"):
        project.run()
    with pytest.raises(NotFoundError, match=r"no workflow 'trced'.*'traced'"):
        project.run("trced")
    with pytest.raises(NotFoundError, match="no handler 'nope'"):
        project.run("traced", workflow_handler="nope")
    with pytest.raises(MissingFileError):
        project.run(workflow_path="none.py")
    with pytest.raises(InvalidArgumentError, match="engine 'argo'"):
        project.run("traced", engine="argo")
    with pytest.raises(InvalidArgumentError, match="remotely and locally"):
        project.run("traced", engine="remote", local=True)
    with pytest.raises(InvalidArgumentError, match="no schedule of its own"):
        project.run("traced", schedule=True)
    with pytest.raises(InvalidArgumentError, match="function of this process"):
        project.run(workflow_handler=lambda: None, engine="remote")
    run = project.run("traced", arguments={"m": 1}, local=True)
    assert run.state == "Failed"
    assert "no parameter 'm'" in str(run.exc)


def test_arguments_by_schema(project: Any) -> None:
    schema = [{"name": "n", "required": True}, {"name": "fail", "default": False}]
    project.set_workflow("checked", "traced.py", args_schema=schema)
    with pytest.raises(InvalidArgumentError, match="n are required and were not specified"):
        project.run("checked", local=True)
    assert project.run("checked", arguments={"n": 1}, local=True).state == "Succeeded"


def test_uncommitted_files_are_refused(project: Any) -> None:
    folder = project.spec.context
    subprocess.run(["git", "init", "-q", folder], check=True)
    project.spec.source = "git://example.org/fraud#main"
    with pytest.raises(ConflictError, match="not committed"):
        project.run("traced", local=True)
    assert project.run("traced", local=True, dirty=True).state == "Succeeded"


def test_notifications_tell_start_and_end(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    project.set_notification("console", name="all", when=["running", "completed", "error"])
    note = {"kind": "console", "name": "bad", "when": ["error"], "message": "look at it"}
    run = project.run("traced", local=True, notifications=[note])
    out = capsys.readouterr().out
    assert "[info] fraud-training: running" in out
    assert "[info] fraud-training: completed" in out
    assert "look at it" not in out
    status = open_store().read_run("fraud", run.run_id)["status"]
    assert status["notifications"]["all"]["status"] == "sent"
    project.run("eager", arguments={"fail": True}, local=True, notifications=[note])
    out = capsys.readouterr().out
    assert "[info] look at it" in out
    assert "main: running" in out


@pytest.mark.slow
def test_a_remote_workflow_runs_in_a_process_of_its_own(project: Any) -> None:
    run = project.run("traced", engine="remote:local", arguments={"n": 5})
    assert run.state in ("Pending", "Running")
    assert run.wait_for_completion(60) == "Succeeded"
    found = get_pipeline(run.run_id, "fraud")
    assert found["run"]["name"] == "fraud-training"
    assert len(found["steps"]) == 2
    run = project.run("eager", engine="remote", arguments={"fail": True}, watch=True, timeout=60)
    assert run.state == "Failed"
    assert "boom" in str(run.exc)


@pytest.mark.slow
def test_a_scheduled_workflow_runs_at_its_time(project: Any) -> None:
    assert project.run("traced", schedule="0 4 * * *", arguments={"n": 1}) is None
    store = open_store()
    (document,) = store.list_schedules("fraud")
    assert document["name"] == "traced"
    store.store_schedule(document, 1.0)
    with Scheduler(store) as service:
        service.tick()
    (firing, *_) = store.list_firings("fraud", "traced")
    assert firing.outcome == "completed"
    assert list_pipelines("fraud")[0] == 1


def test_kubeflow_needs_a_service_and_a_plan(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLRUN_KFP_URL", raising=False)
    with pytest.raises(InvalidArgumentError, match="no Kubeflow Pipelines service"):
        project.run("traced", engine="kfp")
    with pytest.raises(InvalidArgumentError, match="cannot be exported"):
        project.run("eager", engine="kfp")
