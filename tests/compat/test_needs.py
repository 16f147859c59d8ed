"""What a script needs, read from its text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlrun_like.compat.needs import files_in, needs_of
from mlrun_like.errors import MissingFileError

_ABSENT = "mlrun.runtimes.DatabricksRuntime"


def _file(folder: Path, text: str, name: str = "old.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_works_differs_missing(tmp_path: Path) -> None:
    text = """
import mlrun, storey as st
import mlrun.serving.states
from mlrun import errors as failures
from mlrun.runtimes import DatabricksRuntime
from mlrun.platforms import auto_mount
from mlrun.nowhere import thing
import mlrun_like

project = mlrun.get_or_create_project("p").set_function
mlrun.mlconf.artifact_path = "x"
try:
    st.build_flow([])
except failures.MLRunNotFoundError.x:
    mlrun.new_projekt()
"""
    found = {need.name: need for need in needs_of(_file(tmp_path, text))}
    states = {name: need.state for name, need in found.items()}
    assert states["mlrun.get_or_create_project"] == "works"
    assert states["mlrun.errors.MLRunNotFoundError"] == "works"
    assert states["storey.build_flow"] == "works"
    assert states["mlrun.mlconf"] == "differs" and found["mlrun.mlconf"].note
    assert states[_ABSENT] == "missing" and found[_ABSENT].note
    assert states["mlrun.nowhere"] == "missing"
    assert states["mlrun.new_projekt"] == "missing"
    assert found["mlrun.get_or_create_project"].where.endswith("old.py:10")
    assert not any("mlrun_like" in name for name in found)


def test_notebooks_have_cells_and_magics(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": "import mlrun.x"},
        {"cell_type": "code", "source": ["%nuclio cmd -c pip install x\n", "import mlrun\n"]},
        {"cell_type": "code", "source": "%%bash\nimport nothing (here"},
        {"cell_type": "code", "source": f"!ls\nif 1:\n    %time x\n{_ABSENT}()"},
    ]
    path = _file(tmp_path, json.dumps({"cells": cells, "nbformat": 4}), "a.ipynb")
    (need,) = needs_of(path)
    assert need.name == _ABSENT and need.where.endswith("a.ipynb cell 4:4")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "import mlrun\ndef f(:"),
        ("a.py", "\0"),
        ("a.ipynb", "{"),
        ("a.ipynb", '{"cells": 3}'),
        ("a.ipynb", '{"cells": [{"cell_type": "code", "source": "def f(:"}], "nbformat": 4}'),
        ("deep.py", "(" * 5000 + ")" * 5000),
    ],
)
def test_files_that_cannot_be_read(tmp_path: Path, name: str, text: str) -> None:
    (need,) = needs_of(_file(tmp_path, text, name))
    assert need.state == "unreadable" and need.note and name in need.where


def test_empty_and_binary_files(tmp_path: Path) -> None:
    assert needs_of(_file(tmp_path, "")) == []
    path = tmp_path / "b.py"
    path.write_bytes(b"\xff\xfe\x00import mlrun")
    assert needs_of(path)[0].state == "unreadable"


def test_folders(tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "in").mkdir()
    _file(tmp_path / ".hidden", "", "no.py")
    _file(tmp_path / "in", "", "yes.py")
    assert [path.name for path in files_in([str(tmp_path)])] == ["yes.py"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingFileError, match=r"no \.py"):
        files_in([str(tmp_path / "empty")])
    with pytest.raises(MissingFileError):
        files_in([str(tmp_path / "gone")])
