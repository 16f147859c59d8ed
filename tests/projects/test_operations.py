"""`run_function` and its like, in and outside of pipelines."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.functions.creators import new_function
from mlrun_like.functions.decorators import function
from mlrun_like.functions.tasks import new_task
from mlrun_like.pipelines.pipeline import pipeline
from mlrun_like.projects import (
    MlrunProject,
    build_function,
    deploy_function,
    new_project,
    run_function,
)

SERVED = "def handler(context, event):\n    return 'hello ' + event.body.decode()\n"


@function(returns=["value"])
def double(x: int = 1) -> int:
    """Twice as much."""
    return 2 * x


def test_names_need_a_project() -> None:
    with pytest.raises(InvalidArgumentError, match="there is none"):
        run_function("train")
    assert run_function(double, params={"x": 4}).output("value") == 8


def test_the_current_project_counts(project: MlrunProject, tmp_path: Path) -> None:
    project.artifact_path = str(tmp_path / "out")
    run = run_function(
        "train", name="mine", labels={"k": "v"}, base_task=new_task(params={"depth": 5})
    )
    assert (run.output("return"), run.metadata.name, run.metadata.project) == (10, "mine", "demo")
    assert run.metadata.labels["k"] == "v"
    made = run_function(double, params={"x": 2}, returns=["value:object"])
    assert made.metadata.project == "demo"
    assert list((tmp_path / "out").rglob("value*"))
    with pytest.raises(NotFoundError, match="Function nope not found"):
        run_function("nope")
    swept = run_function("train", hyperparams={"depth": [1, 3]}, selector="max.accuracy")
    assert swept.output("best_iteration") == 2


def test_another_project(project: MlrunProject, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    new_project("other", tmp_path / "b")
    assert project.run_function("train").metadata.project == "demo"
    assert run_function("train", project_object=project).metadata.project == "demo"


def test_a_job_runs_here_when_asked(project: MlrunProject, folder: Path) -> None:
    project.set_function("train.py", "job", kind="job", image="i:1", handler="train")
    run = run_function("job", local=True, workdir=str(folder))
    assert run.state() == "completed"


def test_in_a_pipeline(project: MlrunProject) -> None:
    project.set_secrets({"TOKEN": "very-secret-value"})
    project.set_function(double, "double")

    @pipeline
    def flow(depth: int = 3) -> object:
        first = run_function("train", params={"depth": depth}, name="first")
        last = run_function("double", params={"x": first.outputs["return"]}).after(first)
        return last.outputs["value"]

    assert [step.name for step in flow.plan.steps] == ["first", "double"]
    assert "very-secret-value" not in repr(flow.plan)
    done = flow.run(depth=4)
    assert done.state == "completed" and list(done.outputs.values()) == [16]
    first = project.list_runs("first")[0]
    assert first.metadata.labels["workflow"] == done.uid and "token is ***" in first.logs()

    @pipeline
    def scheduled() -> None:
        run_function("train", schedule="0 * * * *")

    with pytest.raises(InvalidArgumentError, match="schedule the pipeline"):
        _ = scheduled.plan


def test_build_and_deploy_are_steps(project: MlrunProject) -> None:
    project.set_function("train.py", "job", kind="job", handler="train")
    served = new_function("web", "demo", kind="nuclio").with_code(body=SERVED)
    project.set_function(served, "web")

    @pipeline
    def flow() -> None:
        built = build_function("job", requirements=["pandas"])
        deploy_function("web", env={"A": "1"}, mock=True).after(built)

    steps = flow.plan.steps
    assert [step.action for step in steps] == ["build", "deploy"]
    with pytest.raises(InvalidArgumentError, match="use deploy_function"):
        build_function("web")
    with pytest.raises(InvalidArgumentError, match="it is run"):
        deploy_function("job")


def test_a_mock_deployment(project: MlrunProject) -> None:
    served = new_function("web", "demo", kind="nuclio").with_code(body=SERVED)
    project.set_function(served, "web")
    status = project.deploy_function("web", mock=True, env={"A": "1"})
    assert (status.state, status.outputs) == ("ready", {"endpoint": "Mock", "name": "web"})
    assert status.after(1) is status
    assert b"hello ann" in _body(status.function.invoke("/", body="ann"))


def _body(answer: object) -> bytes:
    return answer if isinstance(answer, bytes) else str(answer).encode()
