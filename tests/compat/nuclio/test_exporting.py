"""Notebooks as configurations of Nuclio."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from mlrun_like.compat.adapted.nuclio import documents, exporting
from mlrun_like.compat.adapted.nuclio.lines import EnvKeys
from mlrun_like.configuration import exchange_environment
from mlrun_like.errors import InvalidArgumentError, NotebookError


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    keys = vars(EnvKeys).items()
    names = {value: None for key, value in keys if not key.startswith("_")}
    before = exchange_environment(dict(names))
    yield
    exchange_environment(before)


def notebook(*cells: Any) -> dict[str, Any]:
    rows = [{"source": cell} if isinstance(cell, str) else dict(cell) for cell in cells]
    return {"cells": [{"cell_type": "code", **row} for row in rows]}


def export(*cells: Any, **known: str) -> tuple[str, dict[str, Any]]:
    text, _ = exporting.NuclioExporter().from_notebook_node(notebook(*cells), {"metadata": known})
    code, config = documents.load_config_data(text)
    return (code or "").partition("\n")[2].strip(), config


def test_code_and_settings() -> None:
    code, config = export(
        "%nuclio cmd pip install x\n%nuclio env A=1",
        "%nuclio config spec.maxReplicas = 3",
        "!ls\nx = 1",
        "# nuclio: ignore\nx = 2",
        {"source": "x = 3", "metadata": {"tags": ["mlrun-ignore"]}},
        "%nuclio handler answer\nevent.body",
        name="My book_1",
    )
    assert code == "x = 1\n\ndef answer(context, event):\n    return event.body"
    assert (config["apiVersion"], config["kind"]) == ("nuclio.io/v1", "Function")
    assert config["metadata"]["name"] == "my-book-1"
    spec = config["spec"]
    assert (spec["handler"], spec["maxReplicas"]) == ("handler:answer", 3)
    assert spec["env"] == [{"name": "A", "value": "1"}]
    assert spec["build"]["commands"] == ["pip install x"]
    assert exporting.handlers[-1] == "answer"


@pytest.mark.parametrize("word", ["nuclio", "mlrun"])
@pytest.mark.parametrize(
    ("name", "expected"), [("", "b = 2"), ("train", "d = 4"), ("Other", "b = 2")]
)
def test_marked_sections(word: str, name: str, expected: str) -> None:
    exchange_environment({EnvKeys.function_name: name})
    cells = (
        *("a = 1", f"# {word}: start-code\nb = 2\n# {word}: end-code\nc = 3"),
        *(f"# {word}: start-code train\nd = 4", f"# {word}: end-code train", "e = 5"),
    )
    assert export(*cells)[0] == expected


def test_what_the_environment_says(tmp_path: Path) -> None:
    keys = EnvKeys
    (tmp_path / "dev.env").write_text("# mine\nB=2\n\n")
    (tmp_path / "face.py").write_text("def other(context, event): ...\n")
    exchange_environment(
        {
            keys.env_files: json.dumps([str(tmp_path / "dev.env")]),
            keys.handler_path: str(tmp_path / "face.py"),
            keys.handler_name: "other",
            keys.ignored_tags: "mine",
        }
    )
    _, config = export({"source": "x = 3", "metadata": {"tags": ["mine"]}}, "%nuclio handler\n1")
    assert config["spec"]["handler"] == "face:other" == exporting.handler_name()
    assert config["spec"]["env"] == [{"name": "B", "value": "2"}]
    assert "def other" in documents.source_of(config)
    assert exporting.tags_to_ignore() == ["mine", "mlrun-ignore", "nuclio-ignore"]
    exchange_environment({keys.handler_path: None, keys.code_target_path: str(tmp_path / "c.py")})
    _, config = export("x = 1")
    assert "x = 1" in (tmp_path / "c.py").read_text()
    assert "functionSourceCode" not in config["spec"]["build"]


def test_files_that_come_along(tmp_path: Path) -> None:
    (tmp_path / "lib.py").write_text("y = 1\n")
    book = tmp_path / "a b.ipynb"
    book.write_text(json.dumps({**notebook("%nuclio add -f lib.py", "x = 1"), "nbformat": 4}))
    text, resources = exporting.NuclioExporter().from_filename(str(book))
    assert set(resources["outputs"]) == {"lib.py", "handler.py", "function.yaml"}
    assert yaml.safe_load(text)["metadata"]["name"] == "a-b"
    with book.open() as file, pytest.raises(NotebookError, match=r"lib\.py"):
        exporting.NuclioExporter().from_file(file)  # its folder is not known then


@pytest.mark.parametrize(
    "cells",
    [
        ("# nuclio: end-code\nx = 1\n# nuclio: start-code",),
        ("# nuclio: start-code", "# nuclio: start-code"),
        ("# nuclio: end-code", "# nuclio: end-code"),
        ("%nuclio config spec.maxReplicas",),
        ("%nuclio fly",),
        ("x = = 1",),
    ],
)
def test_notebooks_that_cannot_be_exported(cells: tuple[str, ...]) -> None:
    with pytest.raises(exporting.MagicError):
        export(*cells)


@pytest.mark.parametrize("text", ["", "[", "{}", '{"cells": 1}', "[" * 100_000, "\0"])
def test_files_that_are_no_notebooks(text: str, tmp_path: Path) -> None:
    with pytest.raises(NotebookError):
        exporting.NuclioExporter().from_file(io.StringIO(text))
    file = tmp_path / "a.ipynb"
    file.write_text(text)
    with pytest.raises(NotebookError):
        exporting.NuclioExporter().from_filename(str(file))


def test_a_file_of_variables_that_the_notebook_names(caplog: pytest.LogCaptureFixture) -> None:
    _, config = export("name = 'dev.env'\n%nuclio env_file $name", "x = 1")
    assert config["spec"]["env"] == [] and "$name" in caplog.text


def test_lines() -> None:
    assert exporting.parse_magic_line("x = 1") is None
    assert exporting.parse_magic_line("%%nuclio cmd -c ls") == ("cmd", "-c ls")
    with pytest.raises(exporting.MagicError, match="no command"):
        exporting.parse_magic_line("%nuclio")
    assert exporting.handler_code("f", "x = 1\nx") == (
        "def f(context, event):\n    x = 1\n    return x"
    )
    assert exporting.header().startswith("# Generated by nuclio.export.NuclioExporter")


@pytest.mark.parametrize("text", ["", "[1]", "a: 1", "spec: 1", "a: [", "\0", b"\xff\xfe\xfa"])
def test_documents_that_are_none(text: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        documents.load_config_data(text)
    with pytest.raises(InvalidArgumentError, match="code"):
        documents.load_config_data("spec: {build: {functionSourceCode: 'a*b'}}")


def test_the_names(compat: ModuleType) -> None:
    export_module = importlib.import_module("nuclio.export")
    assert export_module.NuclioExporter is exporting.NuclioExporter
    assert importlib.import_module("nuclio.utils").env_keys is EnvKeys
    assert importlib.import_module("nuclio.config").meta_keys.tag == "nuclio.io/tag"
