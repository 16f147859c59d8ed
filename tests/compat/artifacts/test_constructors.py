"""Artifacts made by hand: MLRun's positions of arguments, its kinds, its fields."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


@pytest.fixture
def artifacts(compat: ModuleType) -> Any:
    """`mlrun.artifacts`."""
    return import_module("mlrun.artifacts")


def test_a_plain_file_has_a_kind(artifacts: Any) -> None:
    made = artifacts.Artifact("note", "text", "web-app", False, "txt", 4, "/place/note.txt", "demo")
    assert made.kind == "artifact" and made.to_dict()["kind"] == "artifact"
    spec = made.spec
    assert (spec.viewer, spec.format, spec.size, spec.target_path) == (
        "web-app", "txt", 4, "/place/note.txt",
    )  # fmt: skip
    assert made.metadata.project == "demo"


def test_plain_files_are_listed_by_their_kind(artifacts: Any, home: Path) -> None:
    project = import_module("mlrun").get_or_create_project("demo", str(home / "context"))
    project.log_artifact("note", body="text", format="txt")
    project.log_dataset("rows", df=FRAME)
    for kind, key in (("artifact", "note"), ("dataset", "rows")):
        assert [found["metadata"]["key"] for found in project.list_artifacts(kind=kind)] == [key]
    assert project.get_artifact("note").kind == "artifact"


def test_the_schema_of_a_data_set_is_a_field(artifacts: Any) -> None:
    made = artifacts.DatasetArtifact("rows", FRAME)
    assert [field["name"] for field in made.spec.schema["fields"]] == ["index", "a", "b"]
    assert made.spec.schema == made.schema == made.to_dict()["spec"]["schema"]
    made.spec.schema = {"fields": []}
    assert made.schema == {"fields": []}


def test_positions_of_a_data_set(artifacts: Any) -> None:
    made = artifacts.DatasetArtifact(
        "rows", FRAME, 1, "csv", True, "/place", {"more": "x"}, {"a": "age"}, False, "b"
    )
    spec = made.spec
    assert (spec.format, spec.target_path, spec.label_column) == ("csv", "/place", "b")
    assert spec.column_metadata == {"a": "age"} and spec.extra_data == {"more": "x"}
    assert len(spec.preview) == 1 and spec.stats


def test_positions_of_a_table(artifacts: Any) -> None:
    made = artifacts.TableArtifact(
        "rows", None, FRAME, "table", True, True, "csv", ["p", "q"], {"fields": []}
    )
    assert made.spec.header == ["p", "q"] and made.spec.format == "csv"
    assert made.spec.get_body() == "a,b\n1,x\n2,y\n", "inline: it is in the record"


def test_positions_of_a_model(artifacts: Any) -> None:
    made = artifacts.ModelArtifact(
        "net", b"1", "onnx", "net.onnx", {"auc": 1}, "/place/", {"lr": 2}, ["a"], ["y"], "onnx"
    )
    spec = made.spec
    assert (spec.format, spec.model_file, spec.framework) == ("onnx", "net.onnx", "onnx")
    assert (spec.metrics, spec.parameters, spec.target_path) == ({"auc": 1}, {"lr": 2}, "/place/")
    assert [item["name"] for item in (*spec.inputs, *spec.outputs)] == ["a", "y"]


def test_bins_of_the_statistics_of_a_model(artifacts: Any) -> None:
    made = artifacts.ModelArtifact("net")
    made.infer_from_df(FRAME, ["b"], True, 5)
    assert len(made.spec.feature_stats["a"]["hist"][0]) == 5
    made.infer_from_df(FRAME, ["b"])
    assert len(made.spec.feature_stats["a"]["hist"][0]) == 20


def test_the_source_of_a_document_comes_first(artifacts: Any) -> None:
    made = artifacts.DocumentArtifact("https://host/manual.txt", key="manual")
    assert made.spec.original_source == "https://host/manual.txt" and made.key == "manual"


def test_a_model_by_the_name_of_its_argument(artifacts: Any, tmp_path: Path) -> None:
    (tmp_path / "net.pkl").write_bytes(b"net")
    path, record, extra = artifacts.get_model(model_dir=str(tmp_path), suffix=".pkl")
    assert Path(path).read_bytes() == b"net" and record is None and not extra
