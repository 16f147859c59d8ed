"""`get_run_db()` with MLRun's method names and arguments, and the names around it."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.errors import ConflictError, InvalidArgumentError, NotFoundError
from mlrun_like.tracking.base import RunQuery


@pytest.fixture
def old(compat: ModuleType) -> Any:
    return importlib.import_module("mlrun")


def test_runs(old: Any) -> None:
    db = old.get_run_db()
    assert old.get_run_db() is db and old.db.get_run_db() is db and db.connect() is db
    for number, state in enumerate(("completed", "error")):
        status = {"state": state, "end_time": f"2024-05-0{number + 1}T00:00:00"}
        labels = {"owner": "me", "n": str(number)}
        run = {"metadata": {"name": f"r{number}", "labels": labels}, "status": status}
        db.store_run(run, f"u{number}", "p")
    assert [run["metadata"]["name"] for run in db.list_runs(project="p", state="error")] == ["r1"]
    names = old.common.runtimes.constants.RunStates
    assert len(db.list_runs(project="p", states=[names.completed, names.error])) == 2
    assert len(db.list_runs("r0", project="p", labels="owner=me,n")) == 1
    assert len(db.list_runs(project="p", labels={"n": 1})) == 1
    assert len(db.list_runs(project="p", end_time_from="2024-05-02")) == 1
    page, token = db.paginated_list_runs(project="p", page=2, page_size=1)
    assert len(page) == 1 and token is None
    assert len(db.list_runs(RunQuery(project="p"))) == 2  # our own call
    db.update_run({"status.results.accuracy": 0.9}, "u0", "p")
    assert db.read_run("u0", "p")["status"]["results"] == {"accuracy": 0.9}
    db.store_log("u0", "p", b"one\n")
    db.store_log("u0", "p", "two\n")
    assert db.get_log("u0", "p", 4) == ("completed", b"two\n") and db.get_log_size("u0", "p") == 8
    db.del_runs(project="p", labels="n=1")
    assert [run["metadata"]["uid"] for run in db.list_runs(project="p")] == ["u0"]
    with pytest.raises(NotFoundError):
        db.read_run("gone", "p")


def test_artifacts_and_functions(old: Any) -> None:
    db = old.get_run_db()
    artifact = {"kind": "model", "spec": {"target_path": "/m"}, "metadata": {"labels": {"a": "1"}}}
    db.store_artifact("m", artifact, tree="t1", project="p", tag="v1")
    db.store_artifact("m", artifact, tree="t2", project="p")
    assert db.read_artifact("m", tag="v1", project="p")["metadata"]["tree"] == "t1"
    assert len(db.list_artifacts(project="p")) == 1
    assert len(db.list_artifacts("m", "p", "*", kind="model", labels=["a=1"])) == 2
    db.tag_artifacts(db.list_artifacts("m", "p", "v1"), "p", "prod")
    assert {"latest", "prod"} <= set(db.list_artifact_tags("p"))
    db.del_artifact("m", tag="v1", project="p")
    assert len(db.list_artifacts("m", "p", "*")) == 1
    document = {"kind": "job", "metadata": {"labels": {"team": "x"}}, "spec": {}}
    hash_key = db.store_function(document, "f", "p", tag="v2", versioned=True)
    assert db.get_function("f", "p", hash_key=hash_key)["metadata"]["name"] == "f"
    assert len(db.list_functions(project="p", labels="team=x", kind="job")) == 1
    assert db.list_functions(project="p", labels="team=y") == []


def test_projects_and_what_belongs_to_them(old: Any) -> None:
    db = old.get_run_db()
    project = old.projects.MlrunProject(old.ProjectMetadata("fraud"))
    assert db.create_project(project).name == "fraud"
    assert db.list_projects() == ["fraud"] and db.list_projects(format_="full")[0].name == "fraud"
    db.patch_project("fraud", {"spec": {"description": "d"}})
    assert db.get_project("fraud").spec.description == "d"
    db.create_project_secrets("fraud", "kubernetes", {"TOKEN": "x"})
    keys = db.list_project_secret_keys("fraud")
    assert keys.secret_keys == ["TOKEN"]
    db.delete_project_secrets("fraud", secrets=["TOKEN"])
    assert db.list_schedules("fraud").schedules == []
    assert db.list_pipelines("fraud")[0] == 0
    schemas = importlib.import_module("mlrun.common.schemas")
    db.delete_project("fraud", schemas.DeletionStrategy.cascade)
    assert db.list_projects() == []
    assert db.list_api_gateways("fraud").api_gateways == {}


def test_a_project_is_deleted_where_it_was_asked_for(old: Any, tmp_path: Path) -> None:
    here, there = old.get_run_db(), old.get_run_db(str(tmp_path / "other"))
    for db in (here, there):
        db.create_project(old.projects.MlrunProject(old.ProjectMetadata("both")))
        db.store_run({"metadata": {"name": "r"}, "status": {"state": "completed"}}, "u", "both")
    with pytest.raises(ConflictError, match="already"):
        there.create_project({"metadata": {"name": "both"}})
    here.create_project_secrets("both", "kubernetes", {"TOKEN": "x"})
    there.delete_project("both", "cascade")
    assert there.list_projects() == [] and there.list_runs(project="both") == []
    assert here.list_projects() == ["both"] and len(here.list_runs(project="both")) == 1
    assert here.list_project_secret_keys("both").secret_keys == ["TOKEN"]
    here.delete_project("both", "cascade")


def test_secrets(old: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store = old.secrets.SecretsStore()
    (tmp_path / "s.env").write_text("FILE_KEY=f\n# no\n")
    monkeypatch.setenv("FROM_ENV", "e")
    store.add_source("inline", "{'A': 1}", prefix="x_")
    store.add_source("file", str(tmp_path / "s.env"))
    store.add_source("env", "FROM_ENV, NOT_THERE")
    assert dict(store.items()) == {"x_A": "1", "FILE_KEY": "f", "FROM_ENV": "e"}
    again = old.secrets.SecretsStore.from_list(store.to_serial())
    assert again.get("FILE_KEY") == "f" and again.get("none", "d") == "d"
    for kind, source in (("inline", "__import__('os')"), ("vault", {}), ("nowhere", {})):
        with pytest.raises(InvalidArgumentError):
            store.add_source(kind, source)
    monkeypatch.setenv("LISTED", '[{"name": "INSIDE", "value": "v"}]')
    assert old.get_secret_or_env("INSIDE") == "v"
    assert old.get_secret_or_env("KEY", lambda key: key * 2) == "KEYKEY"
    assert old.get_secret_or_env("FROM_ENV", prefix="NO", default="d") == "d"


def test_what_the_root_has(old: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAMPLE_DATA_SOURCE_URL_PREFIX", str(tmp_path))
    (tmp_path / "a.csv").write_text("x\n1\n")
    assert old.get_sample_path("/a.csv") == f"{tmp_path}/a.csv"
    known = "https://s3.wasabisys.com/iguazio/a.csv"
    assert old.get_object(known) == b"x\n1\n" and old.get_dataitem(known).as_df().x[0] == 1
    assert old.get_model_monitoring_url("p") is None


def test_what_a_run_of_this_program_logged_is_read_at_once(old: Any, tmp_path: Path) -> None:
    project = old.new_project("live", context=str(tmp_path), save=False)
    context = old.get_or_create_ctx("explore", project="live")
    for number in range(20):
        context.log_result("rows", number)
        assert project.list_runs(name="explore")[0].status.results == {"rows": number}
        context.log_result("more", number)
        [found] = old.get_run_db().list_runs("explore", project="live")
        assert found["status"]["results"].pop("more") == number
        assert old.get_run_db().read_run(context.uid, "live")["status"]["results"]["more"] == number
        del context._run.status.results["more"]
    context.commit(completed=True)
