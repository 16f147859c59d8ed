"""What code written for MLRun relies on of projects, in our own names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import (
    InvalidArgumentError,
    MissingDependencyError,
    MissingFileError,
)
from mlrun_like.projects.git import clone_repository
from mlrun_like.projects.workflow_context import pipeline_context
from mlrun_like.tracking.connect import open_store

CODE = "def double(x=1):\n    return x * 2\n"
FLOW = """
from mlrun_like import run_function

def flow(x: int = 1):
    run_function("double", params={"x": x})
"""


@pytest.fixture
def project(tmp_path: Path) -> Any:
    (tmp_path / "code.py").write_text(CODE)
    (tmp_path / "flow.py").write_text(FLOW)
    made = ml.new_project("older", str(tmp_path), save=False)
    made.set_function("code.py", "double", kind="local", handler="double")
    return made


def test_who_insists_on_a_cluster_gets_an_error(project: Any) -> None:
    given = {"workflow_path": "flow.py", "workflow_handler": "flow"}
    with pytest.raises(InvalidArgumentError, match="no Kubeflow Pipelines service") as caught:
        project.run("main", **given, local=False)
    assert isinstance(caught.value, ValueError)
    assert project.run("main", **given, local=False, engine="local").state == "Succeeded"
    assert project.run("main", **given).state == "Succeeded"


def test_a_run_tells_its_workflow(project: Any) -> None:
    project.set_workflow("main", "flow.py", handler="flow", ttl=60)
    assert project.run("main").workflow.cleanup_ttl == 60
    told = project.run("main", cleanup_ttl=1234, arguments={"x": 2}, local=True).workflow
    assert (told.cleanup_ttl, told.name, told.args, told.run_local) == (
        1234,
        "main",
        {"x": 2},
        True,
    )
    assert told.get_source_file("here") == "here/flow.py"


def test_a_missing_file_of_a_function(project: Any, tmp_path: Path) -> None:
    (tmp_path / "code.py").unlink()
    project.spec._function_objects.clear()
    with pytest.raises(MissingDependencyError, match=r"no file 'code\.py'"):
        project.sync_functions()
    assert project.sync_functions(silent=True) == {}
    with pytest.raises(MissingFileError):
        project.get_function("double", sync=True)


def test_another_default_image_is_given_to_those_that_name_none(project: Any) -> None:
    project.set_default_image("first")
    project.set_function("code.py", "named", kind="job", handler="double", image="first")
    project.set_function("code.py", "job", kind="job", handler="double")
    fn = ml.new_function("object", kind="job")
    project.set_function(fn)
    for name in ("job", "object", "named"):
        got = project.get_function(name, enrich=True, copy_function=False)
        assert got.spec.image == "first"
    project.set_default_image("second")
    images = {name: project.get_function(name).spec.image for name in ("job", "object", "named")}
    assert images == {"job": "second", "object": "second", "named": "first"}


def test_documents_of_artifacts_have_a_place_here_and_a_relative_one_in_files(
    project: Any, tmp_path: Path
) -> None:
    ml.new_project("maker", str(tmp_path / "maker"), save=False).log_artifact(
        "x", body="1", is_inline=True
    ).export(str(tmp_path / "x.yaml"))
    project.set_artifact("x", "x.yaml")
    assert project.spec.artifacts[0]["import_from"] == str(tmp_path / "x.yaml")
    assert project.to_dict()["spec"]["artifacts"][0]["import_from"] == "x.yaml"
    project.save()
    moved = tmp_path.parent / "moved"
    tmp_path.rename(moved)
    loaded = ml.load_project(str(moved), name="older-two", allow_cross_project=True)
    assert loaded.get_artifact("x").spec.get_body() == "1"
    with pytest.raises(MissingFileError, match="no artifact document"):
        loaded.set_artifact("y", "y.yaml")


def test_addresses_and_folders_that_cannot_be(project: Any, tmp_path: Path) -> None:
    for url in ("ssh://git@host/owner", "ftp://host/x"):
        with pytest.raises(InvalidArgumentError, match="Unsupported url scheme"):
            ml.load_project(str(tmp_path / "new"), url)
    with pytest.raises(InvalidArgumentError, match=r"code\.py' already exists and is not an empty"):
        clone_repository("git://host/x.git", tmp_path / "code.py")
    project.save()
    with pytest.raises(InvalidArgumentError, match="Project name mismatch"):
        ml.load_project(str(tmp_path), name="another", allow_cross_project=False)


def test_a_function_that_an_older_release_recorded(project: Any) -> None:
    fn = ml.new_function("plain", project="older", kind="job", image="x")
    document = fn.to_dict()
    document["metadata"]["name"] = "with_underscores"
    open_store().store_function(document)
    assert project.get_function("with_underscores").spec.image == "x"


def test_where_artifacts_go_may_be_said_for_a_while(project: Any, tmp_path: Path) -> None:
    project.artifact_path = str(tmp_path / "own")
    pipeline_context.workflow_artifact_path = str(tmp_path / "said")
    try:
        run = project.run_function("double")
        assert run.spec.output_path == str(tmp_path / "said")
    finally:
        pipeline_context.clear()
    pipeline_context.project = "only kept"
    assert pipeline_context.project == "only kept"
    pipeline_context.set(project)
    assert pipeline_context.project is project
    assert project.run_function("double").spec.output_path == str(tmp_path / "own")
