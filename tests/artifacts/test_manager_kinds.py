"""log_dataset, log_model and link: their files, records and rules."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from mlrun_like.artifacts.artifact import DatasetArtifact, ModelArtifact, TableArtifact
from mlrun_like.artifacts.item import get_artifact, get_dataitem
from mlrun_like.artifacts.manager import (
    ArtifactManager,
    Producer,
)
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.tracking.base import ArtifactQuery, Store
from mlrun_like.tracking.connect import close_stores, open_store

FRAME = pd.DataFrame({"age": [42, 52, 36], "score": [25, 94, 57], "name": ["a", "b", "c"]})


@pytest.fixture
def store() -> Iterator[Store]:
    yield open_store()
    close_stores()


def _producer(**changes: Any) -> Producer:
    values = {"kind": "run", "name": "train", "uri": "demo@u1#0", "project": "demo", "tree": "u1"}
    return Producer(**{**values, **changes})


@pytest.fixture
def run(store: Store) -> ArtifactManager:
    return ArtifactManager(store, _producer(owner="ann", sources=[{"key": "in", "path": "x.csv"}]))


@pytest.fixture
def project(store: Store) -> ArtifactManager:
    return ArtifactManager(store, Producer("project", "demo", "demo", "demo", ""))


def test_dataset(run: ArtifactManager, store: Store) -> None:
    artifact = run.log_dataset("d", FRAME, label_column="score", extra_data={"k": "v"})
    store.flush()
    assert artifact.uri == "store://datasets/demo/train_d#0@u1"
    assert artifact.target_path.endswith("/d.parquet")
    item = get_dataitem(artifact.uri, store=store)
    pd.testing.assert_frame_equal(item.as_df(), FRAME, check_dtype=False)
    spec = store.read_artifact("demo", "train_d")["spec"]
    assert spec["length"] == 3 and spec["label_column"] == "score" and spec["format"] == "parquet"
    assert len(spec["stats"]["age"]["hist"][0]) == 20
    assert spec["preview"][0] == [0, 42, 25, "a"] and spec["schema"]["fields"]
    found = get_artifact(artifact.uri, store=store)
    assert isinstance(found, DatasetArtifact) and found.spec.schema_ == artifact.spec.schema_
    csv = run.log_dataset("c", FRAME, format="csv", index=False)
    assert csv.to_dataitem().as_df().equals(FRAME)
    with pytest.raises(ValueError, match="label column 'none'"):
        run.log_dataset("d", FRAME, label_column="none")
    with pytest.raises(ValueError, match="unsupported format"):
        run.log_dataset("d", FRAME, format="doc")
    with pytest.raises(InvalidArgumentError, match="int"):
        run.log_dataset("d", 5)


def test_dataset_targets(run: ArtifactManager, tmp_path: Path) -> None:
    here = run.log_dataset("d", FRAME, target_path=str(tmp_path / "x.csv"))
    assert here.spec.format == "csv" and pd.read_csv(tmp_path / "x.csv").equals(FRAME)
    only_record = run.log_dataset("d", FRAME, upload=False)
    assert only_record.spec.preview and not only_record.target_path
    with pytest.raises(NotFoundError, match="no bytes"):
        only_record.to_dataitem()
    empty = run.log_dataset("e", pd.DataFrame())
    assert empty.to_dataitem().as_df().empty and empty.spec.length == 0
    FRAME.to_csv(tmp_path / "own.csv", index=False)
    own = run.log_dataset("own", None, local_path=str(tmp_path / "own.csv"), format="csv")
    assert own.to_dataitem().as_df().equals(FRAME)


@pytest.mark.parametrize("name", ["data.txt", "part.0", "export", "data.csv"])
def test_a_table_file_is_read_in_the_format_it_was_logged_with(
    run: ArtifactManager, tmp_path: Path, name: str
) -> None:
    FRAME.to_csv(tmp_path / name, index=False)
    kept = run.log_artifact("k", local_path=str(tmp_path / name), format="csv")
    assert kept.to_dataitem().as_df().equals(FRAME)
    table = run.log_dataset("d", None, local_path=str(tmp_path / name), format="csv")
    assert table.to_dataitem().as_df().equals(FRAME)
    FRAME.to_csv(tmp_path / f"{name}.csv", index=False)
    other = run.log_artifact("o", local_path=str(tmp_path / f"{name}.csv"), format="text")
    assert other.to_dataitem().as_df().equals(FRAME)  # tables have no such format: by suffix


@pytest.mark.parametrize("name", ["column_metadata", "extra_data", "schema"])
def test_what_maps_no_names_is_named(name: str) -> None:
    made: Any = TableArtifact if name == "schema" else DatasetArtifact
    with pytest.raises(InvalidArgumentError, match=name):
        made("d", df=FRAME, **{name: ["x"]})


@pytest.mark.parametrize("bins", [2.5, -1, "x"])
def test_bins_are_a_number(bins: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="num_bins"):
        ModelArtifact("m").infer_from_df(FRAME, num_bins=bins)


def test_a_table_that_cannot_be_written_leaves_nothing(
    run: ArtifactManager, store: Store, home: Path
) -> None:
    with pytest.raises(InvalidArgumentError, match="parquet"):
        run.log_dataset("d", pd.DataFrame([[1, 2]], columns=["x", "x"]))
    store.flush()
    assert not [p for p in (home / "artifacts").rglob("*") if p.is_file()]
    assert not store.list_artifacts(ArtifactQuery(project="demo"))


def test_model(run: ArtifactManager, store: Store) -> None:
    model = run.log_model(
        "m", body=b"123", model_file="model.onnx", framework="sklearn", algorithm="rf", tag="best",
        metrics={"acc": 0.9}, parameters={"n": 5}, extra_data={"kk": b"456", "url": "memory://x"},
        training_set=FRAME, label_column="score",
    )  # fmt: skip
    store.flush()
    folder = Path(model.target_path)
    assert sorted(os.listdir(folder)) == ["kk", "model.onnx", "model_spec.yaml"]
    written = yaml.safe_load((folder / "model_spec.yaml").read_text())
    assert "tag" not in written["metadata"] and written["spec"]["digest"] == model.spec.digest
    spec = store.read_artifact("demo", "train_m", tag="best")["spec"]
    assert spec["inputs"] == [
        {"name": "age", "value_type": "int"}, {"name": "name", "value_type": "str"},
    ]  # fmt: skip
    assert spec["outputs"] == [{"name": "score", "value_type": "int"}]
    assert list(spec["feature_stats"]) == ["age", "score", "name"]
    assert spec["metrics"] == {"acc": 0.9} and spec["extra_data"] == {
        "kk": "kk",
        "url": "memory://x",
    }
    assert model.metadata.labels == {"framework": "sklearn"}
    assert model.uri == "store://models/demo/train_m#0@u1"


def test_model_files(run: ArtifactManager, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"net")
    (tmp_path / "extra.txt").write_text("extra")
    by_dir = run.log_model(
        "a", model_dir=str(tmp_path), model_file="net.onnx", extra_data={"e": "extra.txt"}
    )
    assert sorted(os.listdir(by_dir.target_path)) == ["extra.txt", "model_spec.yaml", "net.onnx"]
    by_file = run.log_model("b", model_file=tmp_path / "net.onnx")
    assert sorted(os.listdir(by_file.target_path)) == ["model_spec.yaml", "net.onnx"]
    stays = run.log_model("c", model_dir=str(tmp_path), model_file="net.onnx", upload=False)
    assert stays.target_path == str(tmp_path) and stays.status["files"] == by_file.status["files"]
    whole = run.log_model("d", model_dir=str(tmp_path))
    assert set(os.listdir(whole.target_path)) >= {"net.onnx", "extra.txt"}
    with pytest.raises(ValueError, match="does not exist"):
        run.log_model("x", model_file="none.pkl")
    with pytest.raises(ValueError, match="does not exist"):
        run.log_model("x", model_dir=str(tmp_path), model_file="none.pkl")
    with pytest.raises(InvalidArgumentError, match="no model_file"):
        run.log_model("x", body=b"1")
    with pytest.raises(InvalidArgumentError, match="together"):
        run.log_model("x", body=b"1", model_file="m", inputs=["a"], training_set=FRAME)
    for bad in ({"../up": b"x"}, {"model_spec.yaml": b"x"}, {"x": object()}):
        with pytest.raises(InvalidArgumentError, match="extra_data"):
            run.log_model("x", body=b"1", model_file="m", extra_data=bad)
    with pytest.raises(InvalidArgumentError, match="model_file"):
        run.log_model("x", body=b"1", model_file="../../m")


def test_links_are_followed(store: Store) -> None:
    child = ArtifactManager(store, _producer(uri="demo@u1#2", iteration=2))
    parent = ArtifactManager(store, _producer())
    best = child.log_artifact("model", body="best")
    link = parent.link("model", best.uri, 2)
    store.flush()
    assert link.uri == "store://artifacts/demo/train_model#0@u1" and link.kind == "link"
    assert get_dataitem(link.uri, store=store).get() == b"best"
    assert get_artifact(link.uri, store=store).metadata.iter == 2


def test_missing_artifacts_name_near_keys(run: ArtifactManager, store: Store) -> None:
    run.log_artifact("model", body="x")
    store.flush()
    for wrong in ("store://demo/train_modle", "store://demo/model"):
        with pytest.raises(NotFoundError, match="train_model"):
            get_dataitem(wrong, store=store)
    with pytest.raises(NotFoundError, match="not this tag"):
        get_dataitem("store://demo/train_model:v9", store=store)
    with pytest.raises(NotFoundError, match="no artifacts"):
        get_dataitem("store://other/model", store=store)
    with pytest.raises(InvalidArgumentError):
        get_dataitem("store://demo/train_model#x", store=store)
