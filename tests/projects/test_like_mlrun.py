"""What scripts of MLRun's users expect of a project."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.artifacts import Artifact, get_dataitem, get_model
from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    MissingFileError,
    NotFoundError,
)
from mlrun_like.functions.creators import code_to_function, import_function
from mlrun_like.projects import (
    MlrunProject,
    ProjectMetadata,
    ProjectSpec,
    load_project,
    new_project,
    pipeline_context,
)

WORKFLOW = """
import mlrun
seen = []
def main(n=1):
    run = mlrun.run_function("train", params={"depth": n})
    assert run.state() == "completed" and run.outputs["accuracy"] == n / 10
    assert "accuracy" in run.to_yaml()
    mlrun.projects.pipeline_context.mine = run
"""


def test_a_project_of_its_parts() -> None:
    project = MlrunProject(ProjectMetadata("demo"), ProjectSpec(default_requirements=["a>1, <3"]))
    assert project.name == "demo" and MlrunProject().name == ""
    project.default_function_node_selector = {"gpu": "true"}
    project.spec.owner = None
    assert project.to_dict()["spec"]["default_function_node_selector"] == {"gpu": "true"}
    assert project.spec.owner is None
    assert ProjectMetadata.validate_project_name("a-b") and ProjectMetadata.validate_project_labels(
        {"key.some/a": "value"}
    )
    for bad in ({"a" * 64: "a"}, {"key": "a" * 64}, {"key/a/b": "x"}, {"": "x"}):
        assert not ProjectMetadata.validate_project_labels(bad, raise_on_failure=False)
    with pytest.raises(InvalidArgumentError):
        ProjectMetadata.validate_project_name("a_b")


def test_requirements_and_images(project: MlrunProject, tmp_path: Path) -> None:
    project.spec.default_requirements = ["shared"]
    (tmp_path / "req.txt").write_text("first\n")
    made = project.set_function(
        "train.py", "job", image="i", requirements=["own"], requirements_file=f"{tmp_path}/req.txt"
    )
    assert (made.spec.build.base_image, made.spec.image) == ("i", "")
    assert made.spec.build.requirements == ["first", "own"]
    enriched = project.get_function("job", enrich=True)
    assert enriched.spec.build.requirements == ["first", "own", "shared"]
    made.spec.build.requirements = ["else"]
    project.set_function(made, "job", requirements=["own"])
    assert made.spec.build.requirements == ["own"]
    project.build_config("img", requirements=["x"], commands=["echo"], set_as_default=True)
    again = load_project(project.save().context)
    assert (again.spec.build.image, again.spec.build.commands) == ("img", ["echo"])
    assert again.default_image == "img"
    with pytest.raises(InvalidArgumentError, match="<name>:<tag> or <name>"):
        project.set_function("train.py", "job:a:b")
    other = new_project("other", project.context, save=False)
    other.set_source("git://host/x.git")
    with pytest.raises(InvalidArgumentError, match="an image must be provided"):
        other.set_function("train.py", "job", with_repo=True)
    other.set_source("git://host/x.git", pull_at_runtime=True)
    assert other.set_function("train.py", "job", with_repo=True).spec.command == "train.py"


def test_folders(tmp_path: Path) -> None:
    project = new_project("demo", tmp_path, subpath="src", save=False)
    (tmp_path / "src").mkdir()
    (tmp_path / "flow.py").write_text("")
    assert project.spec.context == tmp_path
    assert project.spec.get_code_path() == str(tmp_path / "src")
    assert project.get_item_absolute_path("../flow.py") == (str(tmp_path / "flow.py"), True)
    assert project.get_item_absolute_path("v3io://a/b") == ("v3io://a/b", False)
    project.set_workflow("main", "../flow.py")
    for bad in ("./", "nothing.py", "https://host/flow"):
        with pytest.raises(InvalidArgumentError):
            project.set_workflow("main", bad)
    with pytest.raises(MissingFileError):
        project.set_artifact("a", "nothing.yaml")


def test_artifact_paths_of_a_project(project: MlrunProject, tmp_path: Path) -> None:
    project.artifact_path = str(tmp_path / "out")
    own = code_to_function("own", filename=Path(project.context, "train.py"), kind="local")
    assert own.run(handler="train", project="demo").spec.output_path == str(tmp_path / "out")
    (Path(project.context) / "flow.py").write_text(WORKFLOW)
    status = project.run(
        workflow_path="flow.py", workflow_handler="main", arguments={"n": 3}, local=True
    )
    assert status.exc is None
    run: Any = vars(pipeline_context)["mine"]
    assert run.output("accuracy") == 0.3
    assert run.spec.output_path == str(tmp_path / "out" / status.run_id)
    assert project.get_run_status(status) == (
        "Succeeded",
        0,
        f"Workflow {status.run_id} finished, state=Succeeded",
    )
    pipeline_context.clear(with_project=True)
    assert pipeline_context.project is None and not hasattr(pipeline_context, "mine")
    with config.override(artifact_path=str(tmp_path / "set")):
        other = code_to_function("other", filename=Path(project.context, "train.py"), kind="local")
        found = other.run(handler="train", project="unknown").spec.output_path
    assert found == str(tmp_path / "set")


def test_artifacts_go_from_project_to_project(project: MlrunProject, tmp_path: Path) -> None:
    table = project.log_dataset("table", pd.DataFrame({"x": [1, 2]}))
    model = project.log_model("net", body=b"123", model_file="m.bin")
    run = project.run_function("train", inputs={"df": table.uri})
    made = project.get_artifact("train_table")
    inline = project.log_artifact("note", body="short", is_inline=True)
    other = new_project("other", tmp_path / "other")
    for item in (table, model, made, inline):
        item.export(tmp_path / f"{item.key}-{item.kind}.zip")
        other.import_artifact(tmp_path / f"{item.key}-{item.kind}.zip", f"{item.key}-2")
    assert list(get_dataitem("store://datasets/other/table-2").as_df().x) == [1, 2]
    assert Path(get_model("store://models/other/net-2")[0]).read_bytes() == b"123"
    # who made it stays known, if a run did
    producer = other.get_artifact("table-2").producer
    assert producer["kind"] == "run" and producer["tag"] == run.metadata.uid
    assert other.get_artifact("net-2").producer["name"] == "other"
    inline.export(tmp_path / "other" / "note.yaml")
    found = other.import_artifact("note.yaml", "plain")
    assert found.spec.get_body() == "short" and found.spec.db_key == "plain"
    with pytest.raises(InvalidArgumentError, match="cannot be written as"):
        inline.export(tmp_path / "note.txt")


def _zip(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, text in members.items():
            made.writestr(name, text)
    return path


RECORD = f"kind: artifact\nmetadata: {{key: a}}\nspec: {{digest: {'a' * 64}}}\n"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "none of an artifact"),
        ({"_spec.yaml": "[1]"}, "no mapping"),
        ({"_spec.yaml": "a: ["}, "damaged"),
        ({"_spec.yaml": RECORD, "../evil": "x"}, "outside"),
        ({"_spec.yaml": RECORD, "/evil": "x"}, "outside"),
        ({"_spec.yaml": RECORD, "_body": "x"}, "differ from its digest"),
    ],
)
def test_hostile_artifacts(
    project: MlrunProject, tmp_path: Path, members: dict[str, str], words: str
) -> None:
    with pytest.raises((InvalidArgumentError, IntegrityError), match=words):
        project.import_artifact(_zip(tmp_path / "a.zip", members))
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 no zip")
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        project.import_artifact(tmp_path / "broken.zip")
    with pytest.raises(MissingFileError):
        project.import_artifact(tmp_path / "nothing.zip")


def test_owners_and_zips(
    project: MlrunProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("V3IO_USERNAME", "ann")
    assert project.log_artifact("x", body="1", format="txt").producer["owner"] == "ann"
    project.spec.owner = "somebody"
    project.export(tmp_path / "project.yaml")
    there = load_project(tmp_path / "there", tmp_path / "project.yaml", save=False)
    assert there.spec.owner is None
    project.export("memory://folder/x.zip")
    assert get_dataitem("memory://folder/x.zip").stat().size


def test_functions_of_a_catalogue(project: MlrunProject, tmp_path: Path) -> None:
    hub = tmp_path / "hub" / "my_trainer"
    hub.mkdir(parents=True)
    project.get_function("train").export(str(hub / "function.yaml"))
    with config.override(hub_url=str(tmp_path / "hub")):
        made = import_function("hub://my-trainer", project="other", new_name="mine")
    assert (made.metadata.project, made.name) == ("other", "mine")
    assert made.run(params={"depth": 4}).output("accuracy") == 0.4


def test_what_is_found(project: MlrunProject) -> None:
    project.run_function("train", params={"depth": 3}, labels={"team": "a"})
    runs = project.list_runs(labels="team=a")
    assert runs.to_objects()[0].output("accuracy") == 0.3
    assert list(runs.to_df()["state"]) == ["completed"]
    made = project.log_artifact("note", body="x", format="txt")
    assert list(project.list_artifacts("note").to_df()["path"]) == [made.target_path]
    with pytest.raises(InvalidArgumentError, match="data-force"):
        project.delete_artifact(made, "all")
    project.delete_artifact(made, "data-force")
    assert not project.list_artifacts("note") and not Path(made.target_path).exists()
    model = project.log_model("net", body=b"1", model_file="m.bin")
    assert [item.key for item in project.list_models()] == ["net"]
    project.delete_artifact(model)
    assert Path(model.target_path, "m.bin").exists() and not project.list_models()


def test_notifiers(project: MlrunProject) -> None:
    project.notifiers.add_notification("slack", {"webhook": "x"})
    project.notifiers.edit_notification("slack", {"webhook": "y"})
    (row,) = project.notifications
    assert row["params"] == {"webhook": "y"} and row["when"][0] == "running"
    project.notifiers.remove_notification("slack")
    assert project.notifications == []
    with pytest.raises(NotFoundError, match="no notification of kind 'slack'"):
        project.notifiers.remove_notification("slack")


def test_remotes_that_are_there(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    project = new_project("demo", folder)
    project.create_remote("https://host/a.git", "mine")
    with pytest.raises(ConflictError):
        project.create_remote("https://host/a.git", "mine")
    project.set_remote("https://host/b.git", "mine")
    with caplog.at_level(logging.WARNING):
        project.remove_remote("nothing")
    assert "no remote 'nothing'" in caplog.text


def test_an_artifact_that_was_declared_keeps_its_maker(tmp_path: Path) -> None:
    project = new_project("demo", tmp_path, save=False)
    made = Artifact("x", body="1", is_inline=True)
    made.producer = {"kind": "run", "name": "r", "uri": "first/abc", "owner": "ann"}
    project.set_artifact("x", made)
    project.save()
    again = load_project(tmp_path)
    assert again.get_artifact("x").producer == {
        "kind": "run",
        "name": "r",
        "tag": "abc",
        "owner": "ann",
    }
