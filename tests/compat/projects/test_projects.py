"""Projects and pipelines of old code, with the local engine."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_CODE = """
import mlrun
from mlrun import DataItem

def double(context: mlrun.MLClientCtx, x: int = 1):
    context.log_result("y", x * 2)
"""
_FLOW = """
import mlrun
from kfp import dsl
from mlrun.utils import normalize_name

@dsl.pipeline(name="flow", description="two steps")
def pipe(x: int = 2):
    first = mlrun.run_function("double", params={"x": x}, outputs=["y"])
    again = mlrun.projects.run_function("double", params={"x": first.outputs["y"]}).after(first)
    assert normalize_name("A_b") == "a-b"
"""


@pytest.fixture
def old(compat: ModuleType) -> Any:
    return importlib.import_module("mlrun")


def test_a_project_with_a_workflow(old: Any, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(_CODE)
    (tmp_path / "flow.py").write_text(_FLOW)
    project = old.get_or_create_project("demo", str(tmp_path))
    function = project.set_function("code.py", "double", kind="job", image="mlrun/mlrun",
                                    handler="double")  # fmt: skip
    assert function.metadata.tag == "latest"
    run = project.run_function("double", params={"x": 4}, local=True)
    assert run.output("y") == 8
    project.set_workflow("main", "flow.py")
    project.save()
    status = project.run("main", arguments={"x": 3}, local=True, watch=True)
    statuses = importlib.import_module("mlrun_pipelines.common.models").RunStatuses
    assert status.state == statuses.succeeded
    runs = old.get_run_db().list_runs(project="demo", labels="kind=job")
    assert {run["status"]["results"]["y"] for run in runs} >= {6, 12}
    again = old.load_project(str(tmp_path), name="demo")
    assert list(again.spec._function_definitions) == ["double"]
    assert again.get_function("double").metadata.tag == "latest"


def test_names_with_tags(old: Any, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(_CODE)
    project = old.new_project("tags", str(tmp_path), save=False)
    project.set_function("code.py", "double", tag="v1", image="i")
    project.set_function("code.py", "other:v2", image="i")
    assert set(project.spec._function_objects) == {"double", "double:v1", "other:v2"}
    assert project.get_function("double").metadata.tag == "v1"
    definitions = project.spec._function_definitions
    assert definitions["double:v1"]["url"] == "code.py"
    definitions["third"] = {"url": "code.py", "image": "i", "kind": "job"}
    del definitions["double:v1"]
    assert project.get_function("third").metadata.name == "third" and len(definitions) == 2


def test_texts_that_programs_look_for(old: Any, tmp_path: Path) -> None:
    project = old.new_project("texts", str(tmp_path), save=False)
    errors = old.errors
    for call, text in (
        (lambda: project.set_workflow("m", ""), "workflow_path must be provided"),
        (lambda: project.set_workflow("m", "no.py"), "Got a path to a non-existing file"),
        (lambda: project.set_workflow("m", "https://host"), "without a file suffix"),
        (lambda: project.set_function("a.py", "f:v1", tag="v2"), "must match"),
    ):
        with pytest.raises(errors.MLRunInvalidArgumentError, match=text):
            call()  # type: ignore[no-untyped-call]
    with pytest.raises(errors.MLRunNotFoundError, match="Function nope not found"):
        project.get_function("nope")


def test_a_hook_must_return_the_project(old: Any, tmp_path: Path) -> None:
    (tmp_path / "project_setup.py").write_text("def setup(project): return 5")
    with pytest.raises(ValueError, match="must return a project object"):
        old.new_project("hooked", str(tmp_path), save=False)


def test_a_workflow_spec(old: Any, tmp_path: Path) -> None:
    spec = old.projects.pipelines.WorkflowSpec(code="x = 1")
    assert Path(spec.get_source_file()).read_text() == "x = 1"
    assert old.projects.pipelines.WorkflowSpec(path="/a.py").get_source_file("b") == "/a.py"
    with pytest.raises(ValueError, match="code or path"):
        old.projects.pipelines.WorkflowSpec().get_source_file()


def test_the_folder_as_a_repository(old: Any, tmp_path: Path) -> None:
    project = old.new_project("gitted", str(tmp_path), save=False)
    project.create_remote("https://host/a.git", name="mine")
    assert "mine" in [remote.name for remote in project.spec.repo.remotes]


def test_arguments_by_position(old: Any, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(_CODE)
    project = old.new_project("positions", str(tmp_path), save=False)
    project.set_function("code.py", "double", "local", "image", "double")
    run = project.run_function("double", "double", "named", {"x": 2}, None, None, {}, [])
    assert run.output("y") == 4 and run.metadata.name == "named"
