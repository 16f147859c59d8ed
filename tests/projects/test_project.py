"""Projects: made, loaded, written, completed by their hook."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import func, select

from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    MissingFileError,
    NotFoundError,
    SpecError,
)
from mlrun_like.functions.decorators import function
from mlrun_like.projects import (
    MlrunProject,
    delete_project,
    get_current_project,
    get_or_create_project,
    get_project_param,
    load_project,
    new_project,
)
from mlrun_like.projects.documents import read_project_file
from mlrun_like.specs.project import ProjectDoc
from mlrun_like.tracking.abilities import (
    CachedStep,
    ModelChange,
    ModelEvent,
    StageMove,
    StepRow,
)
from mlrun_like.tracking.connect import open_database, open_store
from mlrun_like.tracking.schema import metadata

FOREIGN = """
kind: project
metadata:
  name: fraud
  created: 2024-01-01 10:00:00
  labels: {team: a}
spec:
  description: from MLRun
  params: {rate: 0.1}
  functions:
  - url: train.py
    name: train
    kind: job
    image: mlrun/mlrun
    handler: train
    future_key: kept
  workflows:
  - {name: main, path: workflow.py, engine: local}
  artifacts: []
  conda: ''
  their_own: {deep: [1, 2]}
status: {state: online}
"""


def test_a_foreign_document_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text(FOREIGN)
    (tmp_path / "train.py").write_text("def train(): return 1\n")
    project = load_project(tmp_path, save=False)
    project.export()
    again = yaml.safe_load((tmp_path / "project.yaml").read_text())
    assert again["spec"]["their_own"] == {"deep": [1, 2]}
    assert again["spec"]["functions"][0]["future_key"] == "kept"
    assert again["metadata"]["labels"] == {"team": "a"}
    assert project.get_function("train").spec.image == "mlrun/mlrun"
    assert read_project_file(tmp_path / "project.yaml").to_dict() == again


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1, 2]", "mapping"),
        ("", "mapping"),
        ("kind: function", "kind 'function'"),
        ("version: 99\nmetadata: {name: a}", "upgrade"),
        ("metadata: {name: [1]}", "metadata.name"),
        ("a: [b", "not YAML"),
        ("a: &a [x,x,x]\n" + "b: &b [*a,*a]\n", "mapping|unfolds|project"),
        ("\xff", "not YAML|UTF-8|mapping"),
        ("spec: {params: 3}", "params"),
    ],
)
def test_damaged_documents(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "project.yaml"
    path.write_text(text, encoding="latin-1")
    if words.startswith("mapping|unfolds"):
        assert read_project_file(path).foreign
        return
    with pytest.raises(SpecError, match=words):
        read_project_file(path)


def test_a_bomb_of_aliases(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    rows += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    (tmp_path / "project.yaml").write_text("\n".join(rows))
    with pytest.raises(SpecError, match="too many"):
        read_project_file(tmp_path / "project.yaml")


def test_a_flat_old_document() -> None:
    document = ProjectDoc.from_dict({"name": "old", "description": "d", "params": {"a": 1}})
    assert (document.metadata.name, document.spec.params) == ("old", {"a": 1})


def test_new_projects(folder: Path) -> None:
    project = new_project("one", folder, description="d", parameters={"a": 1})
    assert get_current_project() is project and config.default_project == "one"
    assert (folder / "project.yaml").is_file() and get_project_param("a") == 1
    with pytest.raises(ConflictError, match="overwrite=True"):
        new_project("one", folder)
    assert new_project("one", folder, overwrite=True).params == {}
    for wrong in ("", "Big", "a_b", "x" * 64):
        with pytest.raises(InvalidArgumentError):
            new_project(wrong, folder)
    with pytest.raises(InvalidArgumentError, match="subpath"):
        new_project("two", folder, from_template="a.yaml", subpath="s")
    with pytest.raises(InvalidArgumentError, match=r"project\.yaml, a \.zip"):
        new_project("two", folder, from_template="a.txt")
    assert new_project("me", folder, user_project=True, save=False).name.startswith("me-")


def test_templates(folder: Path, tmp_path: Path, project: MlrunProject) -> None:
    project.export(tmp_path / "t.zip")
    made = new_project("copy", tmp_path / "copy", from_template=str(tmp_path / "t.zip"))
    assert made.name == "copy" and made.run_function("train").output("return") == 4
    other = new_project("b", tmp_path / "b", from_template=str(folder / "project.yaml"))
    assert other.get_function_names() == ["train"]


def test_no_current_project() -> None:
    assert get_current_project(silent=True) is None
    with pytest.raises(InvalidArgumentError, match="get_or_create_project"):
        get_current_project()


def test_get_or_create(folder: Path, tmp_path: Path) -> None:
    first = get_or_create_project("demo", folder, parameters={"a": 1})
    first.set_function("train.py", "train", kind="local", handler="train")
    first.save()
    again = get_or_create_project("demo", folder)
    assert again.params == {"a": 1} and again.get_function_names() == ["train"]
    delete_project("demo")
    assert get_or_create_project("demo", folder).get_function_names() == ["train"]
    with pytest.raises(InvalidArgumentError, match="allow_cross_project"):
        get_or_create_project("other", folder, allow_cross_project=False)


def test_another_name(
    folder: Path, project: MlrunProject, caplog: pytest.LogCaptureFixture
) -> None:
    assert load_project(folder, name="other").name == "other"
    assert "loaded as 'other'" in caplog.text
    caplog.clear()
    assert load_project(folder, name="third", allow_cross_project=True).name == "third"
    assert not caplog.text


def test_what_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"project_setup\.py"):
        load_project(tmp_path)
    with pytest.raises(NotFoundError, match="no project 'nope'"):
        load_project(tmp_path, "db://nope")
    with pytest.raises(NotFoundError):
        load_project(tmp_path, "nope")
    for url in ("ftp://x/y", "https://host/page"):
        with pytest.raises(InvalidArgumentError, match="Unsupported url scheme"):
            load_project(tmp_path, url)
    with pytest.raises(InvalidArgumentError, match="needs a folder"):
        load_project("")
    (tmp_path / "x.zip").write_bytes(b"no zip")
    with pytest.raises(InvalidArgumentError):
        load_project(tmp_path / "new", tmp_path / "x.zip")
    assert not (tmp_path / "new").exists()


def test_a_folder_with_a_function_only(tmp_path: Path) -> None:
    (tmp_path / "f.py").write_text("def f(): return 5\n")
    from_file = MlrunProject.from_dict({"metadata": {"name": "x"}}, tmp_path)
    made = from_file.set_function("f.py", "f", kind="local", handler="f")
    made.export(str(tmp_path / "function.yaml"))
    loaded = load_project(tmp_path, name="single")
    assert loaded.run_function("f").output("return") == 5


def test_the_hook(folder: Path) -> None:
    hook = folder / "project_setup.py"
    (folder / "hook_helper.py").write_text("NAME = 'train'\n")
    hook.write_text(
        "from hook_helper import NAME\n"
        "def setup(project):\n"
        "    fn = project.set_function('train.py', NAME, kind='local', handler='train')\n"
        "    fn.spec.description = str(project.get_param('depth'))\n"
        "    return project\n"
    )
    project = load_project(folder, name="hooked", parameters={"depth": 7})
    assert project.get_function("train").spec.description == "7"
    assert open_store().read_project("hooked")["spec"]["functions"]
    hook.write_text("def setup(project):\n    return 3\n")
    with pytest.raises(InvalidArgumentError, match="return project"):
        load_project(folder, name="hooked")
    hook.write_text("x = 1\n")
    assert load_project(folder, name="hooked").name == "hooked"
    sys.modules.pop("hook_helper", None)


def test_odd_rows_of_functions(folder: Path) -> None:
    head = "kind: project\nmetadata: {name: odd}\nspec:\n  functions: "
    (folder / "project.yaml").write_text(f"{head}[{{url: train.py, kind: local}}, {{}}]\n")
    project = load_project(folder, sync_functions=True)
    assert project.get_function_names() == ["train"]
    assert project.run_function("train", handler="train").output("accuracy") == 0.2
    (folder / "project.yaml").write_text(f"{head}[{{name: a, spec: 5}}]\n")
    with pytest.raises(SpecError, match="no mapping"):
        load_project(folder).get_function("a")


def test_a_hook_that_fails(folder: Path) -> None:
    (folder / "project_setup.py").write_text("def setup(project):\n    1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        new_project("hooked", folder)
    assert get_current_project(silent=True) is None
    assert open_store().list_projects("hooked") == []
    assert str(folder.absolute()) not in sys.path
    (folder / "project_setup.py").write_text("def setup(project):\n    return project\n")
    assert new_project("hooked", folder).name == "hooked"
    (folder / "project_setup.py").write_text("def setup(project:\n")
    with pytest.raises(SyntaxError):
        load_project(folder)


def test_functions_from_everywhere(project: MlrunProject, folder: Path, tmp_path: Path) -> None:
    @function()
    def twice(x: int = 2) -> int:
        return 2 * x

    project.set_function(twice, "double")
    assert project.run_function("double", params={"x": 4}).output("return") == 8
    project.get_function("train").export(str(folder / "train.yaml"))
    project.get_function("train").save()
    assert project.set_function("train.yaml", "doc").name == "doc"
    assert project.set_function("db://demo/train", "stored", image="i:1").spec.image == "i:1"
    hub = tmp_path / "hub" / "my_trainer" / "1.0" / "src"
    hub.mkdir(parents=True)
    project.get_function("train").export(str(hub / "function.yaml"))
    with pytest.raises(NotFoundError, match="no catalogue has a function"):
        project.set_function("hub://my-trainer", "fromhub")
    with config.override(hub_url=str(tmp_path / "hub")):
        made = project.set_function("hub://my-trainer:1.0", "fromhub")
        assert made.metadata.project == "demo"
        with pytest.raises(NotFoundError, match="no catalogue has a function"):
            project.set_function("hub://other", "x")
        with pytest.raises(InvalidArgumentError, match="catalogue"):
            project.set_function("hub://a/b/c/d", "x")
    tagged = project.set_function("train.py", "train:v1", handler="train")
    assert tagged.metadata.tag == "v1"
    assert project.get_function("train", tag="v1").metadata.tag == "v1"
    with pytest.raises(InvalidArgumentError, match="must match"):
        project.set_function("train.py", "train:v1", tag="v2")
    with pytest.raises(MissingFileError, match=r"Did you mean 'train\.py'"):
        project.set_function("trian.py", "x")
    with pytest.raises(InvalidArgumentError, match="not something"):
        project.set_function("train.sh", "x")
    with pytest.raises(InvalidArgumentError, match="@function"):
        project.set_function(print, "x")
    with pytest.raises(InvalidArgumentError, match="name its module"):
        project.set_function(name="x", handler="train")
    assert project.set_function(name="inside", handler="pkg.mod.train", image="i:2").kind == "job"
    project.remove_function("fromhub")
    project.save()
    names = load_project(folder).sync_functions()
    assert {"double", "doc", "stored", "train", "inside"} <= set(names)


def test_looking_up(project: MlrunProject) -> None:
    project.set_default_image("base:1")
    project.set_function("train.py", "my_job", handler="train")
    assert project.get_function("my_job", enrich=True).spec.image == "base:1"
    assert project.get_function("my-job").spec.image == ""
    assert project.get_function("train", enrich=True).spec.image == ""
    with pytest.raises(NotFoundError, match="Did you mean 'train'"):
        project.get_function("trian")
    project.remove_function("my_job")
    assert project.get_function_names() == ["train"]
    with pytest.raises(NotFoundError):
        project.remove_function("my_job")
    project.get_function("train").save("v7")
    project.remove_function("train")
    assert project.get_function("train", tag="v7").metadata.name == "train"
    assert [fn.name for fn in project.list_functions()] == ["train"]


def test_artifacts(project: MlrunProject, folder: Path) -> None:
    (folder / "data.csv").write_text("a\n1\n")
    project.set_artifact("raw", target_path="data.csv", tag="v1")
    project.register_artifacts()
    project.register_artifacts()
    assert len(project.list_artifacts("raw")) == 1
    found = project.get_artifact("raw", tag="v1")
    assert found.to_dataitem().as_df().a.tolist() == [1]
    text = project.log_artifact("note", body="hello", format="txt", labels={"k": "v"})
    assert project.get_dataitem(text.uri).get() == b"hello"
    assert [a.key for a in project.list_artifacts(labels=["k=v"])] == ["note"]
    assert project.get_artifact_uri("m", "model", tag="v1") == "store://models/demo/m:v1"
    project.log_model("m", body=b"1", model_file="m.bin", framework="x")
    assert [m.key for m in project.list_models()] == ["m"]
    imported = project.import_artifact(text.uri, "note2")
    assert imported.to_dataitem().get() == b"hello"
    with pytest.raises(InvalidArgumentError, match="target_path"):
        project.set_artifact("x")
    with pytest.raises(InvalidArgumentError, match="no filter"):
        project.list_artifacts(wrong=1)
    with pytest.raises(NotFoundError):
        project.get_artifact("nope")


def test_workflow_rows(project: MlrunProject, folder: Path) -> None:
    (folder / "flow.py").write_text("def pipeline():\n    pass\n")
    project.set_workflow("main", "flow.py", engine="local", args_schema=[{"name": "x"}], x=1)
    project.set_workflow("inside", "flow.py", embed=True)
    assert project.get_workflow("main") == {
        "name": "main",
        "path": "flow.py",
        "engine": "local",
        "args": {"x": 1},
        "args_schema": [{"name": "x"}],
    }
    assert "code" in project.get_workflow("inside")
    project.save_workflow("main", str(folder / "main.yaml"))
    assert yaml.safe_load((folder / "main.yaml").read_text())["path"] == "flow.py"
    for wrong in ("", "no.py"):
        with pytest.raises((InvalidArgumentError, MissingFileError)):
            project.set_workflow("w", wrong)
    with pytest.raises(InvalidArgumentError, match="unknown"):
        project.set_workflow("w", "flow.py", engine="locla")
    with pytest.raises(InvalidArgumentError, match="schedule"):
        project.set_workflow("w", "flow.py", engine="local", schedule="0 * * * *")
    with pytest.raises(NotFoundError, match="Did you mean 'main'"):
        project.get_workflow("mian")
    project.remove_workflow("main")
    assert [row["name"] for row in project.workflows] == ["inside"]


def _fill_tables(project: MlrunProject) -> None:
    """A row in every table that names a project."""
    store = open_store()
    model = project.log_model("net", body=b"1", model_file="m.bin", tag="x")
    (version,) = store.model_versions("demo", "net")
    event = ModelEvent(version.number, version.uid, "stage", 1.0, {})
    move = StageMove(version.uid, version.stage, "staging")
    store.change_model("demo", "net", ModelChange(stages=[move], events=[event]))
    store.record_use("demo", "0123", model.uri, "read")
    store.store_step("demo", "wf", StepRow("a", "completed"))
    store.store_cached("demo", "a", "k", CachedStep("wf", "a", "u", 1.0, {}))
    store.flush()


def _rows() -> dict[str, int]:
    """How many rows of the project each table has."""
    found = {}
    with open_database().database.read() as connection:
        for table in metadata.tables.values():
            if "project" in table.c:
                rows = select(func.count()).select_from(table).where(table.c.project == "demo")
                found[table.name] = int(connection.execute(rows).scalar() or 0)
    return found


def test_deleting(project: MlrunProject, home: Path) -> None:
    project.set_secrets({"A": "1"})
    project.run_function("train", labels={"team": "a"})
    _fill_tables(project)
    for strategy in ("restrict", "check"):
        with pytest.raises(ConflictError, match="1 runs"):
            delete_project("demo", strategy)
    assert delete_project("demo", "cascade")["runs"] == 1
    assert not (home / "secrets" / "demo.json").exists()
    for table, left in _rows().items():
        assert not left, f"{table} still holds {left}"
    assert get_current_project(silent=True) is None
    with pytest.raises(NotFoundError):
        delete_project("demo")
    with pytest.raises(InvalidArgumentError, match="restrict"):
        delete_project("demo", "all")


def test_notifications_and_reload(project: MlrunProject) -> None:
    project.set_notification("slack", {"webhook": "x"}, when=["error"])
    project.set_notification("slack", {"webhook": "y"}, when=["error"])
    assert len(project.notifications) == 1
    project.save()
    project.params["lost"] = 1
    assert project.reload(sync=True).params == {}
    assert project.notifications[0]["params"] == {"webhook": "y"}


def test_writing_is_whole_or_not_at_all(project: MlrunProject, folder: Path) -> None:
    before = (folder / "project.yaml").read_text()
    code = (
        "import os, sys\n"
        "from mlrun_like.projects import documents\n"
        "os.replace = lambda a, b: os._exit(9)\n"
        "documents.write_file(sys.argv[1], 'x' * 100000)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder / "project.yaml")], timeout=60)
    assert done.returncode == 9 and (folder / "project.yaml").read_text() == before
    with pytest.raises(InvalidArgumentError, match=r"use \.yaml"):
        project.export(folder / "project.txt")


def test_the_store(project: MlrunProject) -> None:
    store: Any = open_store()
    assert [row["metadata"]["name"] for row in store.list_projects("~EM")] == ["demo"]
    assert store.project_content("other") == {
        "runs": 0,
        "artifacts": 0,
        "functions": 0,
        "schedules": 0,
        "endpoints": 0,
        "running": 0,
    }
    assert store.delete_project("demo") and not store.delete_project("demo")
