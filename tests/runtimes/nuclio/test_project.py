"""Project folders and archives."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlrun_like as ml
from mlrun_like.errors import (
    InvalidArgumentError,
    MissingDependencyError,
    MissingFileError,
    PackagingError,
)
from mlrun_like.runtimes.nuclio.notebook import notebook_config
from mlrun_like.runtimes.nuclio.project import write_archive, write_project

CODE = "def handler(context, event):\n    return 'ok'\n"


def function() -> Any:
    return ml.new_function("fn", project="shop", kind="nuclio").with_code(body=CODE)


def test_a_folder(tmp_path: Path) -> None:
    fn = function()
    assert fn.export_nuclio(tmp_path / "a" / "b") == str(tmp_path / "a" / "b")
    folder = tmp_path / "a" / "b"
    assert sorted(os.listdir(folder)) == ["function.yaml", "handler.py"]
    assert (folder / "handler.py").read_text() == CODE
    assert yaml.safe_load((folder / "function.yaml").read_text()) == fn.to_nuclio()
    assert "&id" not in (folder / "function.yaml").read_text()
    (folder / "own.txt").write_text("stays")
    os.chmod(folder / "handler.py", 0o600)
    fn.export_nuclio(folder)
    assert (folder / "own.txt").read_text() == "stays"
    assert stat.S_IMODE((folder / "handler.py").stat().st_mode) == 0o600


def test_an_archive_is_the_same_each_time(tmp_path: Path) -> None:
    fn = function()
    first, second = tmp_path / "a.zip", tmp_path / "b.zip"
    fn.export_nuclio(first)
    fn.export_nuclio(second)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.namelist() == ["function.yaml", "handler.py"]
        assert archive.read("handler.py").decode() == CODE


def test_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PackagingError, match="cannot be written"):
        function().export_nuclio(tmp_path / "file" / "below")
    with pytest.raises(PackagingError, match="cannot be written"):
        write_archive({"a": "b"}, tmp_path / "file" / "a.zip")
    with pytest.raises(InvalidArgumentError, match="no name of an archive"):
        write_archive({"a": "b"}, tmp_path / "a.tar")


def test_a_write_that_is_cut_off_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project({"a.py": "old"}, tmp_path)

    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_project({"a.py": "new"}, tmp_path)
    assert (tmp_path / "a.py").read_text() == "old" and os.listdir(tmp_path) == ["a.py"]


def test_notebooks_by_nuclio_jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingFileError):
        notebook_config(tmp_path / "none.ipynb")
    (tmp_path / "nb.ipynb").write_text("{}")
    monkeypatch.setitem(__import__("sys").modules, "nuclio", None)
    with pytest.raises(MissingDependencyError, match=r"mlrun-like\[nuclio\]"):
        notebook_config(tmp_path / "nb.ipynb")
