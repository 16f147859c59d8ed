"""A whole project on its way to another machine."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    MissingFileError,
)
from mlrun_like.projects import MlrunProject
from mlrun_like.projects.bundle import export_project
from mlrun_like.projects.reproduce import reproduce
from mlrun_like.projects.restoring import import_project
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store


@pytest.fixture
def archive(project: MlrunProject, tmp_path: Path) -> Path:
    """A project with runs, artifacts, a folder artifact and secrets, as a file."""
    project.set_secrets({"TOKEN": "very-secret-value"})
    data = project.log_dataset("input", pd.DataFrame({"x": [1, 2, 3]}), tag="gold")
    (tmp_path / "pictures" / "deep").mkdir(parents=True)
    (tmp_path / "pictures" / "deep" / "a.txt").write_text("picture")
    project.log_artifact("pictures", local_path=str(tmp_path / "pictures"), upload=True)
    project.log_artifact("inline", body="short", is_inline=True)
    project.run_function("train", params={"depth": 4}, inputs={"df": data.uri})
    project.params["leak"] = "very-secret-value"
    project.save()
    done = export_project(project, tmp_path / "demo.zip")
    assert done.counts["runs"] == 1 and done.counts["artifacts"] == 5 and not done.notes
    return tmp_path / "demo.zip"


@pytest.fixture
def packed(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The same file, made once for all tests that need nothing else."""
    if not _packed:
        _packed.append(request.getfixturevalue("archive").read_bytes())
    path = tmp_path / "packed.zip"
    path.write_bytes(_packed[0])
    return path


_packed: list[bytes] = []


def test_another_machine(archive: Path, home: Path, tmp_path: Path) -> None:
    (first,) = open_store().list_runs(RunQuery(project="demo"))
    home.rename(tmp_path / "gone")  # nothing may be read from the first machine
    with config.override(home=str(tmp_path / "home2")):
        project = import_project(archive, tmp_path / "there")
        assert project.params["leak"] == "***" and dict(project.secrets()) == {}
        (run,) = project.list_runs()
        assert run.status.results == first["status"]["results"]
        assert run.metrics() == {"loss": [(0, 0.5)]}
        assert "token is ***" in run.logs()
        assert project.get_artifact("input", tag="gold").to_dataitem().as_df().x.sum() == 6
        assert Path(project.get_artifact("train_model").target_path, "m.bin").read_bytes() == b"123"
        pictures = project.get_artifact("pictures").target_path
        assert Path(pictures, "deep", "a.txt").read_text() == "picture"
        assert project.get_artifact("inline").to_dataitem().get() == b"short"
        again = reproduce(run, tmp_path / "again")
        assert again.same and not again.differences
        with pytest.raises(ConflictError, match="already"):
            import_project(archive, tmp_path / "other")
        assert import_project(archive, tmp_path / "new", overwrite=True).list_runs()


def test_another_name(archive: Path, tmp_path: Path) -> None:
    project = import_project(archive, tmp_path / "there", "renamed")
    (run,) = project.list_runs()
    text = json.dumps([run.to_dict(), *[a.to_dict() for a in project.list_artifacts()]])
    assert '"demo"' not in text and "/demo/" not in text.replace("/demo/input", "")
    assert reproduce(run, tmp_path / "again").same
    assert len(open_store().list_projects()) == 2


def test_the_folder_must_be_free(archive: Path, folder: Path) -> None:
    with pytest.raises(ConflictError, match="not empty"):
        import_project(archive, folder, "other")


def test_bytes_that_changed_are_not_exported(project: MlrunProject, tmp_path: Path) -> None:
    made = project.log_artifact("note", body="hello", format="txt")
    Path(made.target_path).write_text("other")
    with pytest.raises(IntegrityError, match="'note'"):
        export_project(project, tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists() and not list(tmp_path.glob(".archive*"))
    os.unlink(made.target_path)
    assert "'note'" in export_project(project, tmp_path / "x.zip").notes[0]


def _members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def _write(path: Path, members: dict[str, bytes], seal: bool = True) -> None:
    manifest = json.loads(members.pop("manifest.json"))
    if seal:
        manifest["members"] = {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in members.items()
        }
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
        file.writestr("manifest.json", json.dumps(manifest))


Change = Callable[[dict[str, bytes]], object]


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/evil",
        "context/../../evil",
        "data/../../../evil",
        "context\\evil",
        "evil",
        "context//x",
        "logs/..",
    ],
)
def test_hostile_names(packed: Path, tmp_path: Path, name: str) -> None:
    members = _members(packed)
    members[name] = b"x"
    _write(tmp_path / "evil.zip", members)
    with pytest.raises((InvalidArgumentError, IntegrityError)):
        import_project(tmp_path / "evil.zip", tmp_path / "t", "evil")
    _nothing_left(tmp_path)


def _nothing_left(tmp_path: Path) -> None:
    assert not (tmp_path / "t").exists() and not (tmp_path / "evil").exists()
    assert {row["metadata"]["name"] for row in open_store().list_projects()} <= {"demo"}
    assert not list(config.path("artifacts", "evil").glob("*"))


@pytest.mark.parametrize(
    ("change", "seal"),
    [
        (lambda m: m.update({"project.yaml": b"kind: project"}), False),
        (lambda m: m.update({"context/more.py": b"x"}), False),
        (lambda m: m.pop("runs.jsonl"), False),
        (lambda m: m.update({"manifest.json": b"{}"}), False),
        (lambda m: m.update({"manifest.json": b"[" * 100_000}), False),
    ],
)
def test_damage(packed: Path, tmp_path: Path, change: Change, seal: bool) -> None:
    members = _members(packed)
    change(members)
    if members["manifest.json"][:1] == b"[":
        with zipfile.ZipFile(tmp_path / "evil.zip", "w") as file:
            for name, data in members.items():
                file.writestr(name, data)
    elif members["manifest.json"] == b"{}":
        with zipfile.ZipFile(tmp_path / "evil.zip", "w") as file:
            file.writestr("manifest.json", b"{}")
    else:
        _write(tmp_path / "evil.zip", members, seal)
    with pytest.raises((InvalidArgumentError, IntegrityError)):
        import_project(tmp_path / "evil.zip", tmp_path / "t", "evil")
    _nothing_left(tmp_path)


def test_a_link_and_a_bomb(packed: Path, tmp_path: Path) -> None:
    members = _members(packed)
    _write(tmp_path / "link.zip", dict(members))
    info = zipfile.ZipInfo("context/link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    manifest = json.loads(_members(tmp_path / "link.zip")["manifest.json"])
    manifest["members"]["context/link"] = {"size": 11, "sha256": "0" * 64}
    rest = {k: v for k, v in members.items() if k != "manifest.json"}
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as file:
        for name, data in rest.items():
            file.writestr(name, data)
        file.writestr(info, "/etc/passwd")
        file.writestr("manifest.json", json.dumps(manifest))
    with pytest.raises(InvalidArgumentError, match="may hold"):
        import_project(tmp_path / "link.zip", tmp_path / "t", "evil")
    with pytest.raises(InvalidArgumentError, match="more than 100 bytes"):
        import_project(packed, tmp_path / "t", "evil", max_bytes=100)
    bomb = dict(members)
    manifest = json.loads(bomb["manifest.json"])
    bomb["context/big.txt"] = b"0" * 5_000_000
    manifest["members"]["context/big.txt"] = {"size": 5, "sha256": "0" * 64}
    bomb["manifest.json"] = json.dumps(manifest).encode()
    _write(tmp_path / "bomb.zip", bomb, seal=False)
    with pytest.raises(IntegrityError, match=r"big\.txt"):
        import_project(tmp_path / "bomb.zip", tmp_path / "t", "evil")
    _nothing_left(tmp_path)


def test_an_artifact_that_would_leave_its_folder(packed: Path, tmp_path: Path) -> None:
    members = _members(packed)
    rows = [json.loads(line) for line in members["artifacts.jsonl"].splitlines()]
    for row in rows:
        for file in row["files"]:
            file["name"] = "../../../../evil"
    members["artifacts.jsonl"] = b"\n".join(json.dumps(row).encode() for row in rows)
    _write(tmp_path / "evil.zip", members)
    with pytest.raises(InvalidArgumentError, match="outside"):
        import_project(tmp_path / "evil.zip", tmp_path / "t", "evil")
    assert not list(tmp_path.rglob("evil")) and not open_store().list_projects("evil")


def test_no_archive(tmp_path: Path, packed: Path) -> None:
    with pytest.raises(MissingFileError):
        import_project(tmp_path / "no.zip")
    for data in (b"", b"x" * 1000, packed.read_bytes()[:-200], packed.read_bytes()[:500]):
        (tmp_path / "bad.zip").write_bytes(data)
        with pytest.raises(InvalidArgumentError):
            import_project(tmp_path / "bad.zip", tmp_path / "t", "evil")
    with zipfile.ZipFile(tmp_path / "plain.zip", "w") as file:
        file.writestr("project.yaml", "kind: project")
    with pytest.raises(InvalidArgumentError, match=r"no manifest\.json"):
        import_project(tmp_path / "plain.zip", tmp_path / "t", "evil")
