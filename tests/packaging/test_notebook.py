"""Notebooks to source: cell choice, magics, configuration, bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import NotebookError
from mlrun_like.packaging.notebook import to_source


def notebook(*cells: str, **more: Any) -> dict[str, Any]:
    return {"cells": [{"cell_type": "code", "source": cell} for cell in cells], **more}


def code(*cells: str, name: str | None = None) -> str:
    source, _ = to_source(notebook(*cells), name)
    return "\n".join(source.splitlines()[1:]).strip()


START, END = "# mlrun: start-code", "# mlrun: end-code"
SECTIONS: list[tuple[str, list[str], str, str]] = [
    ("all", ["a = 1", "b = 2"], "", "a = 1\n\nb = 2"),
    ("ignore", ["# mlrun: ignore\na = 1", "b = 2"], "", "b = 2"),
    ("ignore behind code", ["a = 1  # mlrun:ignore", "b = 2"], "", "b = 2"),
    ("only ignored", ["# mlrun: ignore\na = 1"], "", ""),
    ("start", ["a = 1", START, "b = 2", "c = 3"], "", "b = 2\n\nc = 3"),
    ("end", ["a = 1", END, "b = 2"], "", "a = 1"),
    ("start and end", ["a = 1", START, "b = 2", END, "c = 3"], "", "b = 2"),
    ("text after start", [f"a = 1\n{START}\nb = 2", "c = 3"], "", "b = 2\n\nc = 3"),
    ("text before end", ["a = 1", f"b = 2\n{END}\nc = 3"], "", "a = 1\n\nb = 2"),
    ("both in a cell", [f"a = 1\n{START}\nb = 2\n{END}\nc = 3"], "", "b = 2"),
    ("two sections", [START, "a = 1", END, "b = 2", START, "c = 3", END], "", "a = 1\n\nc = 3"),
    ("named", ["a = 1", f"{START} f", "b = 2", f"{END} f", "c = 3"], "f", "b = 2"),
    ("named of another", [f"{START} f", "b = 2", f"{END} f", "c = 3"], "g", "b = 2\n\nc = 3"),
    ("second name", [f"{START} f", "b = 2", f"{END} f", f"{START} g", "c = 3"], "g", "c = 3"),
    ("name in other spelling", [f"{START} my_f", "b = 2"], "my-f", "b = 2"),
    ("nameless for unknown", [START, "b = 2", END, f"{START} f", "c = 3"], "g", "b = 2"),
    ("named wins", [START, "b = 2", END, f"{START} f", "c = 3"], "f", "c = 3"),
    ("other end is no end", [f"{START} f", "b = 2", f"{END} g", "c = 3"], "f", "b = 2\n\nc = 3"),
    ("named twice", [f"{START} f", "a = 1", f"{END} f", "x = 0", f"{START} f", "b = 2"], "f",
     "a = 1\n\nb = 2"),
    ("short forms", ["# nuclio: start", "a = 1", "# nuclio: end", "b = 2"], "", "a = 1"),
    ("marker in a string", [f'a = """\n{END}\n"""', "b = 2"], "", f'a = """\n{END}\n"""\n\nb = 2'),
    ("comments stay", ["# about a\na = 1  # one"], "", "# about a\na = 1  # one"),
]  # fmt: skip


@pytest.mark.parametrize("keyword", ["mlrun", "nuclio"])
@pytest.mark.parametrize(
    ("cells", "name", "expected"), [row[1:] for row in SECTIONS], ids=[row[0] for row in SECTIONS]
)
def test_sections(cells: list[str], name: str, expected: str, keyword: str) -> None:
    cells = [cell.replace("mlrun:", f"{keyword}:") for cell in cells]
    assert code(*cells, name=name) == expected.replace("mlrun:", f"{keyword}:")


@pytest.mark.parametrize(
    "cells",
    [
        [START, "a = 1", START, "b = 2"],
        ["a = 1", END, "b = 2", END],
        ["a = 1", f"{END}\nb = 2\n{START}", "c = 3"],
    ],
)
def test_markers_out_of_order(cells: list[str]) -> None:
    with pytest.raises(NotebookError, match=r"cell \d, line \d"):
        code(*cells)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("!pip install x\na = 1", "a = 1"),
        ("%matplotlib inline\na = 1", "a = 1"),
        ("!pip install \\\n  x \\\n  y\na = 1", "a = 1"),
        ("# %matplotlib inline\na = 1", "a = 1"),
        ("#!ls\na = 1", "a = 1"),
        ("a = '''\n!ls\n%time\n'''", "a = '''\n!ls\n%time\n'''"),
        ("a = (7\n% 4)", "a = (7\n% 4)"),
        ("a = 7 \\\n% 4", "a = 7 \\\n% 4"),
        ("if True:\n    !ls\nb = 1", "if True:\n    pass\nb = 1"),
        ("if True:\n    !ls\n    %cd x\nb = 1", "if True:\n    pass\nb = 1"),
        ("if True:\n    a = 1\n    !ls\nb = 1", "if True:\n    a = 1\nb = 1"),
        ("def f():\n    !ls\n    return 1", "def f():\n    return 1"),
        ("print?\n?print\na = 1", "a = 1"),
        ("%time a = 1", "a = 1"),
        ("a = %time 1 + 1", "a = 1 + 1"),
        ("%timeit a = 1\nb = 1", "b = 1"),
        ("%%time\na = 1\n!ls", "a = 1"),
        ("%%capture out\na = 1", "a = 1"),
        ("%%bash\nls -l 'x", ""),
        ("%%writefile x.py\na = (", ""),
        ("# note\n%%html\n<b>", "# note"),
        ("get_ipython().run_line_magic('matplotlib', 'inline')\na = 1", "a = 1"),
        ("a != 1 if (a := 2) else 0", "a != 1 if (a := 2) else 0"),
        ("a = 1\r\nb = 2", "a = 1\nb = 2"),
        ("a = 'x?'", "a = 'x?'"),
        ("", ""),
        ("\n\n", ""),
    ],
)
def test_ipython_lines(cell: str, expected: str) -> None:
    assert code(cell) == expected


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("a = 1\nfiles = !ls", r"cell 2, line 2"),
        ("x = %sql select 1", r"%sql"),
        ("a = 1\n%%bash\nls", r"first line of its cell"),
        ("def f(:\n  pass", r"cell 2, line 1"),
        ("await x", r"cell 2, line 1"),
        ("ip = get_ipython()", r"get_ipython"),
        ("a = '\x00'", r"cell|null"),
        ("(" * 400 + ")" * 400, r"notebook"),
        ("a = '\ud800'", r"notebook"),
        ("%nuclio", r"unknown magic"),
        ("%nuclio cmdd ls", r"Did you mean 'cmd'"),
        ("%nuclio env NAME", r"NAME=value"),
        ("%nuclio config a", r"not a setting"),
        ("%nuclio config a = b c", r"not JSON"),
        ("%nuclio config spec.env.x = 1", r"'env' holds"),
        ("%nuclio mount /a", r"mount needs"),
        ("%nuclio mount -t floppy /a b", r"floppy"),
        ("%nuclio mount '", r"cannot be read"),
        ("%nuclio env_file missing.env", r"missing\.env"),
        ("%nuclio add -f missing.csv", r"missing\.csv"),
        ("%%nuclio handler 1x\n1", r"cannot name"),
    ],
)
def test_errors_name_the_cell(cell: str, message: str) -> None:
    with pytest.raises(NotebookError, match=message):
        code("ok = 1", cell)


def test_config_magics(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WHO", "me")
    (tmp_path / "more.env").write_text("# note\nC=3\n\nA=9\n")
    cells = [
        "%nuclio cmd pip install ${WHO}\n%nuclio cmd -c apt-get update",
        "%%nuclio cmd --config-only\nls ${UNSET_ONE}\n# no\n\npip install b",
        "%%nuclio env\nA=1\nB=${WHO}",
        "%nuclio env -l LOCAL=1\n%nuclio env -c D=4\n%nuclio env_file more.env",
        '%nuclio config kind = "nuclio:serving"\n%mlrun config spec.maxReplicas = 5',
        '%%nuclio config\nspec.build.commands += "last"\nspec.list += [1, 2]\n'
        'metadata.labels.\\a.b/c\\ = "x"\nspec.flag = True',
        "%nuclio mount -t pvc -n vol -r /data claim",
        "# %nuclio cmd never",
        "# mlrun: ignore\n%nuclio cmd never",
    ]
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps(notebook(*cells, nbformat=4, metadata={})))
    source, found = to_source(path)
    assert len(source.split()) < 8
    spec = found["spec"]
    assert spec["build"]["commands"] == [
        "pip install me", "apt-get update", "ls ${UNSET_ONE}", "pip install b", "last",
    ]  # fmt: skip
    assert {item["name"]: item["value"] for item in spec["env"]} == {
        "A": "9", "B": "me", "D": "4", "C": "3",
    }  # fmt: skip
    assert found["kind"] == "nuclio:serving"
    assert (spec["maxReplicas"], spec["list"], spec["flag"]) == (5, [1, 2], True)
    assert found["metadata"]["labels"] == {"a.b/c": "x"}
    assert spec["volumes"] == [
        {
            "volumeMount": {"name": "vol", "mountPath": "/data", "readOnly": True},
            "volume": {"name": "vol", "persistentVolumeClaim": {"claimName": "claim"}},
        }
    ]


def test_config_comes_from_cells_outside_sections_too() -> None:
    cells = [START, "a = 1", END, "%nuclio cmd ls\nb = 2"]
    source, found = to_source(notebook(*cells))
    assert found["spec"]["build"]["commands"] == ["ls"]
    assert "b = 2" not in source


def test_config_can_be_left_out() -> None:
    assert to_source(notebook("%nuclio cmd ls\na = 1"), with_config=False)[1] == {}


@pytest.mark.parametrize("mark", ["%", "%%"])
def test_handler_cell(mark: str) -> None:
    cell = f"{mark}nuclio handler\nif event:\n    'early'  # nuclio: return\nx = 1\n\nx"
    source, found = to_source(notebook(cell, "%%nuclio handler\n    # nuclio:return\n    'é' + 'a'",
                                       "%%nuclio handler named\nx = 1"))  # fmt: skip
    scope: dict[str, Any] = {}
    exec(source, scope)
    assert scope["handler"](None, 1) == "early"
    assert scope["handler"](None, 0) == 1
    assert scope["handler_1"](None, 0) == "éa"
    assert scope["named"](None, 0) is None
    assert found["spec"]["handler"] == "handler:named"


def test_tags_and_other_cells() -> None:
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "source": "# mlrun: ignore ("},
        {"cell_type": "code", "source": ["a = 1\n", "b = 2"], "metadata": {"tags": ["keep"]}},
        {"cell_type": "code", "source": "c = 3", "metadata": {"tags": ["mlrun-ignore"]}},
        {"cell_type": "code", "source": "d = 4", "metadata": {"tags": ["mine"]}},
        {"cell_type": "code", "source": "e = 5", "metadata": {"tags": ["other"]}},
    ]
    with config.override(ignored_notebook_tags="mine"):
        source, _ = to_source({"cells": cells}, ignored_tags="x; other")
    assert source.splitlines()[1:] == ["", "a = 1", "b = 2"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"nbformat": 3, "worksheets": []}, "nbconvert"),
        ({"nbformat": 4}, "no list of cells"),
        ({"cells": [3]}, "cell 1"),
        ({"cells": [{"cell_type": "code", "source": 3}]}, "cell 1"),
        ({"cells": [], "metadata": {"kernelspec": {"language": "R"}}}, "'R'"),
        ([], "no list|dict"),
    ],
)
def test_bad_documents(document: Any, message: str) -> None:
    with pytest.raises(NotebookError, match=message):
        to_source(document)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"{", "not a notebook"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"3", "no list of cells"),
        (b"[" * 100_000, "not a notebook"),
    ],
)
def test_bad_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "n.ipynb"
    path.write_bytes(content)
    with pytest.raises(NotebookError, match=message):
        to_source(path)


def test_missing_and_folder(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="does not exist"):
        to_source(tmp_path / "none.ipynb")
    with pytest.raises(NotebookError, match="cannot be read"):
        to_source(tmp_path)


def test_huge_cell() -> None:
    with pytest.raises(NotebookError, match="16 MB"):
        code("a" * (17 * 2**20))


def test_many_cells_stay_in_order() -> None:
    source = code(*(f"x{i} = {i}" for i in range(2000)))
    assert [line for line in source.splitlines() if line] == [f"x{i} = {i}" for i in range(2000)]
