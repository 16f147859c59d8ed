"""`mlrun get`, `logs`, `config`, `project`, `build`, `deploy` and the rest."""

from __future__ import annotations

import os
import stat
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_like.cli.older.main import COMMANDS
from mlrun_like.compat.adapted.client.config import config as mlconf
from mlrun_like.compat.env_file import read_user_file
from mlrun_like.errors import InvalidArgumentError, RunTimeoutError
from mlrun_like.registry import resolve
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store
from tests.compat.commands.conftest import Mlrun


def test_each_row_is_a_command_and_others_are_our_own(mlrun: Mlrun) -> None:
    for name, (target, _) in COMMANDS.items():
        assert callable(resolve(target))
        assert "Usage:" in mlrun(name, "--help").out
    assert "hub list" in mlrun("hub", "list", "--help").out
    assert "No such command" in mlrun("nothing", code=2).err


def test_records(mlrun: Mlrun) -> None:
    mlrun("run", "train.py", "--handler", "train", "--uid", "abc123", "--label", "team=a")
    assert "train-train" in mlrun("get", "runs", "-s", "team=a").out
    assert "No runs found" in mlrun("get", "runs", "-s", "team=b").out
    assert yaml.safe_load(mlrun("get", "run", "abc123").out)["status"]["state"] == "completed"
    assert "Unsupported argument" in mlrun("get", "runs", "--tag", "6").out
    assert yaml.safe_load(mlrun("get", "func", "train").out)["metadata"]["name"] == "train"
    assert "train" in mlrun("get", "functions").out
    meta = {"name": "other", "project": "default", "labels": {"owner": "ann"}}
    open_store().store_function({"kind": "job", "metadata": meta, "spec": {}})
    said = mlrun("get", "func", "-s", "owner=ann").out
    assert "other" in said and "train" not in said
    assert "No functions found" in mlrun("get", "func", "-s", "owner=bob").out
    assert "No artifacts found" in mlrun("get", "artifacts").out
    assert "PROJECT" in mlrun("get", "workflows").out
    assert "mlrun-like ps" in mlrun("get", "runtimes").out
    assert "there are no 'cats'" in mlrun("get", "cats", code=1).err
    assert "there is no run" in mlrun("get", "run", "nobody", code=1).err
    said = mlrun("logs", "abc123").out
    assert "training 3" in said and "Final state: completed" in said
    assert mlrun("logs", "abc123", "--offset", "9").out.startswith("3 ")
    assert "gc" in mlrun("clean", "job", "abc123", "--force").out


def test_another_place_of_records(mlrun: Mlrun, tmp_path: Path) -> None:
    place = str(tmp_path / "records")
    mlrun("run", "train.py", "--handler", "train", "--uid", "u1", "--db", place)
    assert "Final state: completed" in mlrun("logs", "u1", "--db", place).out


def test_version(mlrun: Mlrun) -> None:
    assert mlrun("version").out.startswith("MLRun version: {'version': ")


def test_the_file_of_settings(mlrun: Mlrun, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "default.env"
    assert (
        "not found, creating" in mlrun("config", "set", "-a", "./db", "-e", "A=1", "-e", "B=2").out
    )
    mlrun("config", "set", "-e", "A=x y", "-k", "key1")
    assert file.read_text() == "MLRUN_DBPATH='./db'\nB='2'\nV3IO_ACCESS_KEY='key1'\nA='x y'\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for name in ("A", "B", "MLRUN_DBPATH", "V3IO_ACCESS_KEY"):
        monkeypatch.setenv(name, "")
    read_user_file()
    assert (os.environ["A"], os.environ["MLRUN_DBPATH"]) == ("x y", "./db")
    assert yaml.safe_load(mlrun("config", "get").out)["dbpath"] == "./db"
    assert "cannot be set" in mlrun("config", "set", "-e", "A=it's", code=1).err
    assert "no name of a variable" in mlrun("config", "set", "-e", "A-B=1", code=1).err
    assert "Deleting" in mlrun("config", "clear").out and not file.exists()
    assert "not found" in mlrun("config", "clear").out
    assert "does not exist" in mlrun("config", "get", "-f", "none.env", code=1).err
    assert "Unsupported config option" in mlrun("config", "shake", code=1).err


def test_secret_settings_are_not_printed(mlrun: Mlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    others = {"token": "hid-4", "dsn": "mysql://root:hid-5@db/mlrun", "all": ["redis://u:hid-6@h"]}
    monkeypatch.setitem(mlconf._cfg, "httpdb", {**mlconf._cfg["httpdb"], **others})
    said = mlrun(
        "config", "get",
        MLRUN_ACCESS_KEY="hid-1", MLRUN_LIKE_SQL_URL="postgresql://me:hid-2@host/db",
        MLRUN_DBPATH="http://me:hid-3@host/api",
    ).out  # fmt: skip
    assert "hid-" not in said
    shown = yaml.safe_load(said)
    assert (shown["access_key"], shown["sql"]["url"], shown["httpdb"]["token"]) == ("***",) * 3
    assert (shown["dbpath"], shown["httpdb"]["all"]) == ("http://***@host/api", ["redis://***@h"])


def test_the_file_is_not_read_if_it_is_to_be_ignored(
    mlrun: Mlrun, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "default.env").write_text("NOBODY_HAS_THIS=1\n")
    monkeypatch.setenv("MLRUN_IGNORE_ENV_FILE", "1")
    read_user_file()
    assert "NOBODY_HAS_THIS" not in os.environ


_PROJECT = """
kind: project
metadata: {name: demo}
spec:
  functions:
  - {url: train.py, name: fn, kind: local, handler: train}
  workflows:
  - {path: flow.py, name: main, engine: local}
"""
_FLOW = """
import mlrun
def pipeline(depth=1):
    mlrun.run_function("fn", params={"depth": depth})
"""


def test_a_project_and_its_workflow(mlrun: Mlrun, tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text(_PROJECT)
    (tmp_path / "flow.py").write_text(_FLOW)
    shown = mlrun("project", ".", "-x", "place=here", "--secrets", "env=HOME").out
    assert "Loading project demo into ." in shown and "place: here" in shown
    done = mlrun("project", ".", "-r", "main", "-a", "depth=4", "-w", "--dirty")
    assert "workflow main" in done.out and "Succeeded" in done.out
    mlrun("project", ".", "-r", "flow.py", "--engine", "local", "-w")
    depths = [
        run["spec"]["parameters"]["depth"]
        for run in open_store().list_runs(RunQuery(project="demo"))
        if "depth" in run["spec"].get("parameters", {}) and run["metadata"]["name"].startswith("fn")
    ]
    assert sorted(depths) == [1, 4]
    assert mlrun("project", ".", "-r", "main", "-a", "depth=400", "-w", code=1).code == 1
    assert "there is no project" in mlrun("project", "none", code=1).err


@pytest.mark.parametrize(
    ("text", "said"),
    [("file=none.json", "cannot be read"), ("[1]", "must be a dict"), ("{", "cannot be read")],
)
def test_broken_notifications(mlrun: Mlrun, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "project.yaml").write_text(_PROJECT)
    (tmp_path / "flow.py").write_text(_FLOW)
    done = mlrun("project", ".", "-r", "main", "-nt", text, code=1)
    assert said in done.out + done.err


def test_who_is_told_learns_that_a_workflow_did_not_run(mlrun: Mlrun, tmp_path: Path) -> None:
    (tmp_path / "project.yaml").write_text(_PROJECT)
    (tmp_path / "flow.py").write_text("raise RuntimeError('no such thing')")
    done = mlrun("project", ".", "-r", "main", "-nt", '{"console": {}}', code=1)
    assert "workflow main of project demo failed" in done.out + done.err


@pytest.mark.parametrize("broken", [False, True])
def test_who_is_told_is_not_told_of_what_goes_on(
    mlrun: Mlrun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: bool
) -> None:
    (tmp_path / "project.yaml").write_text(_PROJECT)

    def run(*_: object, **__: object) -> None:
        raise InvalidArgumentError("the first") if broken else RunTimeoutError("it goes on")

    def send(*_: object) -> None:
        raise RuntimeError("the second")

    monkeypatch.setattr("mlrun_like.projects.project.MlrunProject.run", run)
    monkeypatch.setattr("mlrun_like.cli.older.projects.send", send)
    done = mlrun("project", ".", "-r", "main", "-nt", '{"console": {"when": "error"}}', code=1)
    said = done.out + done.err
    assert ("the first" if broken else "it goes on") in said
    assert ("nobody could be told: the second" in said) == broken


def test_an_archive_of_what_the_document_names(
    mlrun: Mlrun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("A = 1")
    document = {"kind": "job", "metadata": {"name": "f"}, "spec": {"build": {"source": "./code"}}}
    (tmp_path / "function.yaml").write_text(yaml.safe_dump(document))
    monkeypatch.setattr("mlrun_like.functions.function.Function.deploy", lambda *_, **__: True)
    said = mlrun("build", "function.yaml", "-a", str(tmp_path / "archives")).out
    assert "Function built, state=ready" in said
    with tarfile.open(tmp_path / "archives" / "src-default-f-latest.tar.gz") as archive:
        assert [name for name in archive.getnames() if name] == ["a.py"]


def test_load_source(mlrun: Mlrun, tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "a.py").write_text("A = 1")
    target = tmp_path / "new" / "place"
    said = mlrun("load-source", str(tmp_path / "code"), "-t", str(target)).out
    assert f"Successfully loaded source to: {target}" in said
    assert (target / "a.py").read_text() == "A = 1"
    (target / "a.py").write_text("A = 0")
    (target / "kept.txt").write_text("mine")
    mounted = target.stat().st_ino  # a volume is neither moved nor replaced
    mlrun("load-source", str(tmp_path / "code"), "-t", str(target))
    assert (target / "a.py").read_text() == "A = 1" and target.stat().st_ino == mounted
    assert (target / "kept.txt").read_text() == "mine"
    assert "no archive" in mlrun("load-source", "none.zip", "-t", str(target / "x"), code=1).err


def test_load_source_with_links(mlrun: Mlrun, tmp_path: Path) -> None:
    code, target, outside = (tmp_path / name for name in ("code", "target", "outside"))
    for folder in (code, target, outside):
        folder.mkdir()
    (code / "sub").mkdir()
    for name in ("a.py", "sub/b.py"):
        (code / name).write_text("new")
    (code / "link").symlink_to("a.py")
    (code / "folder").symlink_to("sub")
    own = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(code))
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", *own, *words], check=True)
    source = f"git+file://{code}#main"
    (outside / "b.py").write_text("mine")
    (target / "a.py").symlink_to(outside / "b.py")
    (target / "sub").symlink_to(outside)
    (target / "link").write_text("a file")
    for _ in range(2):
        mlrun("load-source", source, "-t", str(target))
        assert (outside / "b.py").read_text() == "mine"
        assert (target / "sub" / "b.py").read_text() == (target / "a.py").read_text() == "new"
        assert (target / "link").is_symlink() and (target / "folder").is_symlink()
    for name in ("a.py", "link"):
        (target / name).unlink()
        (target / name).mkdir()
        assert "cannot be copied" in mlrun("load-source", source, "-t", str(target), code=1).err
        (target / name).rmdir()
    (target / "sub" / "b.py").unlink()
    (target / "sub").rmdir()
    (target / "sub").write_text("a file")
    assert "cannot be copied" in mlrun("load-source", source, "-t", str(target), code=1).err


def test_build_and_deploy_say_what_is_missing(mlrun: Mlrun) -> None:
    assert "Function path or url are required" in mlrun("build", code=1).out
    assert (
        "Source file doesnt exist (no.py)"
        in mlrun("build", "-r", '{"metadata": {"name": "x"}}', "-s", "no.py", code=1).out
    )
    assert "a function is required" in mlrun("deploy", code=1).err
    assert "must be a dict" in mlrun("deploy", "[1]", code=1).out


def test_deploy_says_what_a_kind_does_not_take(
    mlrun: Mlrun, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, serving = (
        f'{{"kind": "{kind}", "metadata": {{"name": "f"}}}}' for kind in ("job", "serving")
    )
    built = []

    def deploy(function: Any, *words: Any, **options: Any) -> bool:
        built.append((function.metadata.project, function.metadata.tag, words, options))
        return True

    monkeypatch.setattr("mlrun_like.functions.function.Function.deploy", deploy)
    said = mlrun("deploy", job, "-p", "demo", "--tag", "v9", "--verbose").out
    assert "Function built, image=" in said and built == [("demo", "v9", (), {})]
    assert "takes no --model" in mlrun("deploy", job, "-m", "a=b", code=1).err
    assert "takes no --kind" in mlrun("deploy", job, "-k", "serving", code=1).err
    for wrong in ('{"name": "m", "path": "x"}', '{"key": "m", 1: 2}'):
        assert "is not what add_model takes" in mlrun("deploy", serving, "-m", wrong, code=1).err
    assert len(built) == 1
