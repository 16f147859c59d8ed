"""Actions that run a workflow of the project, a file, or a pipeline without a plan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.monitoring.actions.execute import execute
from mlrun_like.projects import new_project, set_current_project
from mlrun_like.tracking.connect import open_store

FLOWS = "tests.monitoring.actions.flows"
WORKFLOW = """
import mlrun_like as ml

@ml.function(returns=["twice"])
def double(size: int) -> int:
    return size * 2

def pipeline(size: int = 1):
    double.step(params={"size": size})
"""


def activation(number: int = 1) -> dict[str, Any]:
    return {"id": f"a{number}", "project": "shop", "name": "drift"}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A project with a workflow."""
    (tmp_path / "flow.py").write_text(WORKFLOW, encoding="utf-8")
    project = new_project("shop", tmp_path)
    project.set_workflow("retrain", "flow.py")
    project.save()
    yield tmp_path
    set_current_project(None)


def check(told: dict[str, Any]) -> None:
    assert told["state"] == "completed", told["reason"]
    run = open_store().read_run("shop", told["uid"])
    assert run["metadata"]["labels"]["mlrun-like/alert"] == "drift"


def test_a_workflow_of_the_project_at_hand(folder: Path) -> None:
    action = {"kind": "pipeline", "workflow": "retrain", "where": "here"}
    check(execute({**action, "arguments": {"size": 2}}, activation()))
    told = execute({**action, "workflow": "nothing"}, activation(2))
    assert told["state"] == "failed" and "nothing" in told["reason"]


def test_a_workflow_of_a_project_in_a_folder(folder: Path) -> None:
    set_current_project(None)
    action = {"kind": "pipeline", "workflow": "retrain", "context": str(folder), "where": "here"}
    check(execute(action, activation()))


def test_a_pipeline_in_a_file(folder: Path) -> None:
    action = {"kind": "pipeline", "pipeline": f"{folder / 'flow.py'}:pipeline", "where": "here"}
    check(execute(action, activation()))


def test_a_pipeline_without_a_plan_is_told_the_incident() -> None:
    check(
        execute({"kind": "pipeline", "pipeline": f"{FLOWS}:eager", "where": "here"}, activation())
    )


@pytest.mark.parametrize("text", ["nowhere.py:flow", "nowhere:flow", "nowhere", "tests.nobody.x"])
def test_a_pipeline_that_is_not_there_is_a_failure(text: str) -> None:
    told = execute({"kind": "pipeline", "pipeline": text, "where": "here"}, activation())
    assert told["state"] == "failed" and text.partition(":")[0].rpartition(".")[0] in told["reason"]
