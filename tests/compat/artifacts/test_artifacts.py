"""Artifacts under MLRun's names: fields, places, manager, files to hand on."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError


@pytest.fixture
def mlrun(compat: ModuleType) -> Any:
    """The old package, with the modules that these tests use."""
    for name in ("artifacts.base", "artifacts.dataset", "artifacts.manager", "datastore"):
        import_module(f"mlrun.{name}")
    return import_module("mlrun")


def test_every_kind_of_artifact_has_its_class(mlrun: Any) -> None:
    kinds = {"dir", "link", "plot", "table", "model", "dataset", "plotly", "document", "code"}
    assert kinds | {"llm-prompt", "", "artifact"} <= set(mlrun.artifacts.artifact_types)
    for kind, made in mlrun.artifacts.artifact_types.items():
        found = mlrun.artifacts.dict_to_artifact({"kind": kind, "metadata": {"key": "k"}})
        assert type(found) is made
        assert found.key == "k"
    with pytest.raises(InvalidArgumentError, match="no artifact of kind 'modle'"):
        mlrun.artifacts.dict_to_artifact({"kind": "modle"})


def test_fields_are_attributes_that_can_be_set(mlrun: Any) -> None:
    made = mlrun.artifacts.Artifact("a", body="x")
    made.tag, made.iter, made.labels, made.format = "v1", 2, {"a": "b"}, "txt"
    assert (made.metadata.tag, made.metadata.iter, made.spec.format) == ("v1", 2, "txt")
    made.status.state = "ready"
    assert made.to_dict()["status"]["state"] == "ready"
    assert made.status.nothing is None
    assert "key: a" in made.to_yaml()
    other = made.copy()
    other.tag = "v2"
    assert made.tag == "v1"


@pytest.mark.parametrize(
    ("arguments", "kind", "expected"),
    [
        ({"src_path": "x/a.tar.gz"}, "project", "base/k.tar.gz"),
        ({"format": "csv"}, "run", "base/job/3/k.csv"),
        ({}, "run", "base/job/3/k"),
    ],
)
def test_target_paths(mlrun: Any, arguments: dict[str, Any], kind: str, expected: str) -> None:
    made = mlrun.artifacts.Artifact("k", **arguments)
    made.iter = 3
    producer = SimpleNamespace(kind=kind, name="job")
    assert mlrun.artifacts.base.generate_target_path(made, "base/", producer) == expected


def test_paths_named_after_the_bytes(mlrun: Any, tmp_path: Path) -> None:
    mlrun.mlconf.artifacts.generate_target_path_from_artifact_hash = True
    context = mlrun.get_or_create_ctx("hashed")
    logged = context.log_artifact("k", body="abc", format="txt", artifact_path=str(tmp_path))
    sha1 = mlrun.artifacts.base.calculate_blob_hash("abc")
    assert logged.target_path == f"{tmp_path}/{sha1}.txt"
    assert logged.to_dataitem().get() == b"abc"


def test_a_body_without_bytes_has_no_hash(mlrun: Any) -> None:
    with pytest.raises(TypeError):
        made = mlrun.artifacts.Artifact("k", body={"a": 1})
        made.resolve_body_target_hash_path(made.get_body(), "s3://bucket")


def test_the_manager_is_told_the_producer(mlrun: Any, tmp_path: Path) -> None:
    manager = mlrun.artifacts.ArtifactManager()
    producer = mlrun.artifacts.ArtifactProducer("project", "demo", "demo", tag="tree1")
    logged = manager.log_artifact(producer, "k", b"1", artifact_path=str(tmp_path))
    assert (logged.project, logged.tree, logged.producer["kind"]) == ("demo", "tree1", "project")
    assert [one["metadata"]["key"] for one in manager.artifact_list()] == ["k"]
    manager.delete_artifact(logged)
    with pytest.raises(LookupError):
        mlrun.get_dataitem(logged.uri)


def test_a_chart_is_a_page_with_lines(mlrun: Any) -> None:
    chart = mlrun.artifacts.ChartArtifact("latency", header=["test", "<ms>"])
    for row in ([1, 20.5], [2, 30], ["x", 1]):
        chart.add_row(row)
    page = chart.get_body()
    assert "<svg" in page
    assert "<ms>" not in page
    with pytest.raises(InvalidArgumentError, match="3 values for 2 columns"):
        chart.add_row([1, 2, 3])
    assert "<svg" not in mlrun.artifacts.ChartArtifact("none").get_body()


def test_data_sets_can_be_described_later(mlrun: Any, tmp_path: Path) -> None:
    context = mlrun.get_or_create_ctx("tables", project="demo")
    frame = pd.DataFrame({"a": [1, 2]})
    logged = context.log_dataset("t", frame, stats=False, artifact_path=str(tmp_path))
    assert logged.stats is None
    mlrun.artifacts.update_dataset_meta(
        logged.uri, frame, column_metadata={"a": "first"}, labels={"x": 1}, extra_data={"t": logged}
    )
    found, extra = mlrun.artifacts.get_artifact_meta(logged.uri)
    assert found.column_metadata == {"a": "first"}
    assert found.stats["a"]["mean"] == 1.5
    assert found.labels["x"] == "1"
    assert len(extra["t"].as_df()) == 2
    with pytest.raises(InvalidArgumentError, match="not dataset kind"):
        mlrun.artifacts.update_dataset_meta(context.log_artifact("f", body="x").uri)


def test_models_infer_features_with_names(mlrun: Any) -> None:
    model = mlrun.artifacts.ModelArtifact("net")
    model.infer_from_df(pd.DataFrame({"age": [1], "label": ["x"]}), ["label"])
    assert model.inputs[0].name == "age"
    assert model.outputs.to_dict() == [{"name": "label", "value_type": "str"}]
    assert list(model.feature_stats) == ["age", "label"]


@pytest.mark.parametrize(
    ("uri", "parts"),
    [("demo/abc-2", ("demo", "abc", "2")), ("abc", ("", "abc", "")), ("", ("", "", ""))],
)
def test_producers_are_read_from_their_uris(mlrun: Any, uri: str, parts: Any) -> None:
    assert mlrun.artifacts.ArtifactProducer.parse_uri(uri) == parts
