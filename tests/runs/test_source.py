"""Code that is brought when a run starts."""

from __future__ import annotations

import importlib
import sys
import zipfile
from pathlib import Path

import pytest

import mlrun_like as ml
from mlrun_like.errors import RunError


@pytest.fixture
def archive(tmp_path: Path) -> str:
    """A project as a zip file: a package, and data beside it."""
    path = tmp_path / "project.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("steps/__init__.py", "")
        file.writestr(
            "steps/fetched_training.py",
            "from pathlib import Path\nfrom steps.fetched_helper import double\n"
            "def train(x: int):\n    return double(x)\n"
            "def read():\n    return Path('note.txt').read_text()\n",
        )
        file.writestr("steps/fetched_helper.py", "def double(x):\n    return 2 * x\n")
        file.writestr("data/note.txt", "hello")
    return str(path)


@pytest.mark.parametrize("kind", ["local", "process"])
def test_a_run_brings_its_source(archive: str, kind: str) -> None:
    fn = ml.new_function("train", kind=kind)
    fn.with_source_archive(archive, handler="steps.fetched_training.train")
    run = fn.run(params={"x": 4})
    assert run.outputs["return"] == 8
    assert list(ml.config.path("sources").iterdir()) == []


def test_a_loaded_module_of_the_same_name_is_not_in_the_way(
    archive: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "steps.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path / "own")
    own = importlib.import_module("steps")
    monkeypatch.setitem(sys.modules, "steps", own)  # undone at the end of the test
    path = list(sys.path)
    fn = ml.new_function("train")
    fn.with_source_archive(archive, handler="steps.fetched_training.train")
    assert fn.run(params={"x": 4}).outputs["return"] == 8
    assert sys.modules["steps"] is own
    assert "steps.fetched_training" not in sys.modules
    assert sys.path == path


def test_a_changed_source_is_run_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "project.zip"
    fn = ml.new_function("train")
    fn.with_source_archive(str(path), handler="changing_steps.train")
    for answer in (1, 2):
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("changing_steps.py", f"def train():\n    return {answer}\n")
        assert fn.run().outputs["return"] == answer


def test_a_process_works_in_the_folder_that_is_named(archive: str) -> None:
    fn = ml.new_function("read", kind="process")
    fn.with_source_archive(archive, workdir="data", handler="steps.fetched_training.read")
    assert fn.run().outputs["return"] == "hello"


def test_a_source_that_is_not_there_is_the_runs_error(tmp_path: Path) -> None:
    fn = ml.new_function("train", kind="process")
    fn.with_source_archive(str(tmp_path / "none.zip"), handler="steps.fetched_training.train")
    with pytest.raises(RunError, match=r"none\.zip"):
        fn.run(params={"x": 4})
