"""log_artifact, log_dataset, log_model, link: bytes, record, lineage."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from mlrun_like.artifacts.artifact import (
    Artifact,
    DatasetArtifact,
    ModelArtifact,
    TableArtifact,
)
from mlrun_like.artifacts.item import get_artifact, get_dataitem, set_in_memory_item
from mlrun_like.artifacts.manager import (
    ArtifactManager,
    Producer,
    expand_artifact_path,
    extend_artifact_path,
)
from mlrun_like.artifacts.paths import generate_target_path, resolve_artifact_path
from mlrun_like.config import config
from mlrun_like.errors import InvalidArgumentError, MissingFileError, NotFoundError
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


def test_text_artifact(run: ArtifactManager, store: Store, home: Path) -> None:
    artifact = run.log_artifact("note", body="héllo", format="txt", tag="v1", labels={"a": 1})
    store.flush()
    target = home / "artifacts" / "demo" / "u1" / "train" / "0" / "note.txt"
    assert artifact.target_path == str(target)
    data = target.read_bytes()
    assert data.decode() == "héllo"
    assert artifact.uri == "store://artifacts/demo/train_note#0@u1"
    document = store.read_artifact("demo", "train_note", tag="v1")
    assert document["spec"]["digest"] == hashlib.sha256(data).hexdigest()
    assert document["metadata"]["hash"] == hashlib.sha1(data).hexdigest()
    assert document["spec"]["size"] == 6
    assert document["metadata"]["labels"] == {"a": "1"}
    assert document["spec"]["producer"] == {
        "kind": "run", "name": "train", "uri": "demo@u1#0", "owner": "ann",
    }  # fmt: skip
    assert document["spec"]["sources"] == [{"key": "in", "path": "x.csv"}]
    item = get_dataitem(artifact.uri, store=store)
    assert item.get(encoding="utf-8") == "héllo" and item.artifact_url == artifact.uri
    assert item.meta is not None and item.meta.key == "note" and item.get_artifact_type() == ""
    for uri in ("store://demo/train_note", "store://artifacts/demo/train_note:v1"):
        assert get_dataitem(uri, store=store).get() == data
    edges = store.lineage("demo", "u1")
    assert [(e["artifact_uri"], e["direction"]) for e in edges] == [(artifact.uri, "write")]


def test_nothing_heavy_is_imported(home: Path) -> None:
    code = textwrap.dedent(
        """
        import sys
        from mlrun_like.artifacts.manager import ArtifactManager, Producer
        from mlrun_like.tracking.connect import open_store
        store = open_store()
        ArtifactManager(store, Producer("run", "r", "p@u", "p", "u")).log_artifact("n", body=b"x")
        store.close()
        print([n for n in ("pandas", "pyarrow", "matplotlib", "fsspec", "numpy") if n in sys.modules])
        """
    )
    env = {**os.environ, "MLRUN_LIKE_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("body", [b"", "", b"\x00\xff", bytearray(b"x"), "x" * 3_000_000])
def test_bodies(run: ArtifactManager, body: Any) -> None:
    artifact = run.log_artifact("b", body=body)
    expected = body.encode() if isinstance(body, str) else bytes(body)
    assert artifact.to_dataitem().get() == expected
    assert artifact.spec.size == len(expected)


def test_json_bodies(run: ArtifactManager) -> None:
    artifact = run.log_artifact("config", body={"a": [1, 2]})
    assert artifact.target_path.endswith("config.json")
    assert artifact.to_dataitem().get() == b'{"a": [1, 2]}'
    for bad in (object(), 5, {1, 2}, {"a": object()}):
        with pytest.raises(InvalidArgumentError, match="'x'"):
            run.log_artifact("x", body=bad)


def test_frames_as_body(run: ArtifactManager) -> None:
    table = run.log_artifact("t", body=FRAME)
    assert isinstance(table, TableArtifact) and table.target_path.endswith("t.csv")
    assert table.to_dataitem().as_df().equals(FRAME) and table.spec.header == list(FRAME.columns)
    assert isinstance(run.log_artifact("d", body=FRAME, format="parquet"), DatasetArtifact)


@pytest.mark.parametrize(
    "key", ["", "../up", "a/b", "-x", "x.", "a b", "é", "x" * 300, "a\0b", "..", None, 5]
)
def test_hostile_keys(run: ArtifactManager, key: Any, home: Path) -> None:
    with pytest.raises(InvalidArgumentError):
        run.log_artifact(key, body="x")
    with pytest.raises(InvalidArgumentError):
        run.log_artifact("ok", body="x", db_key="../x")
    assert not (home / "artifacts").exists()


def test_hostile_tags_labels_and_fields(run: ArtifactManager) -> None:
    with pytest.raises(InvalidArgumentError, match="tag"):
        run.log_artifact("k", body="x", tag="a/b")
    with pytest.raises(InvalidArgumentError, match="label"):
        run.log_artifact("k", body="x", labels={"a": "b c"})
    with pytest.raises(InvalidArgumentError, match="'descripton'.*'description'"):
        run.log_artifact("k", body="x", descripton="typo")
    described = run.log_artifact("k", body="x", description="fine", license="MIT")
    assert (described.metadata.description, described.spec.license) == ("fine", "MIT")


def test_local_file(run: ArtifactManager, tmp_path: Path, home: Path) -> None:
    (tmp_path / "plot.html").write_text("<p>")
    artifact = run.log_artifact("plot", local_path=tmp_path / "plot.html")
    assert artifact.target_path == str(home / "artifacts/demo/u1/train/0/plot.html")
    assert artifact.spec.viewer == "web-app" and artifact.to_dataitem().get() == b"<p>"
    stays = run.log_artifact("plot2", local_path=str(tmp_path / "plot.html"), upload=False)
    assert stays.target_path == str(tmp_path / "plot.html")
    assert stays.spec.digest == artifact.spec.digest
    with pytest.raises(InvalidArgumentError, match="does not exist"):
        run.log_artifact("none", local_path="nowhere.txt")
    with pytest.raises(InvalidArgumentError, match="no content"):
        run.log_artifact("none")
    again = run.log_artifact("same", local_path=artifact.target_path,
                             target_path=artifact.target_path, upload=True)
    assert again.to_dataitem().get() == b"<p>" and again.spec.digest == artifact.spec.digest


def test_target_path(run: ArtifactManager, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be relative"):
        run.log_artifact("t", body="x", target_path="a/b.txt")
    written = run.log_artifact("t", body="x", target_path=str(tmp_path / "a" / "b.txt"))
    assert (tmp_path / "a" / "b.txt").read_text() == "x" and written.spec.digest
    named = run.log_artifact("t2", target_path=str(tmp_path / "later.txt"))
    with pytest.raises(MissingFileError):
        named.to_dataitem().get()
    (tmp_path / "src.txt").write_text("y")
    run.log_artifact("t3", local_path=str(tmp_path / "src.txt"), target_path=str(tmp_path / "c"))
    assert not (tmp_path / "c").exists()


def test_remote_local_path(run: ArtifactManager) -> None:
    url = set_in_memory_item("there.txt", "x")
    artifact = run.log_artifact("r", local_path=url)
    assert artifact.target_path == url and artifact.to_dataitem().get() == b"x"
    with pytest.raises(ValueError, match="cannot be uploaded"):
        run.log_artifact("r", local_path=url, upload=True)
    there = run.log_artifact("m", body="y", artifact_path="memory://bucket/{{run.uid}}")
    assert there.target_path == "memory://bucket/u1/train/0/m"
    assert get_dataitem(there.target_path).get() == b"y"


def test_folder(run: ArtifactManager, tmp_path: Path) -> None:
    (tmp_path / "d" / "sub").mkdir(parents=True)
    (tmp_path / "d" / "a.txt").write_text("a")
    (tmp_path / "d" / "sub" / "b.txt").write_text("b")
    stays = run.log_artifact("d", local_path=str(tmp_path / "d"))
    assert stays.kind == "dir" and stays.target_path == str(tmp_path / "d")
    copied = run.log_artifact("d", local_path=str(tmp_path / "d"), upload=True)
    assert copied.target_path.endswith("train/0/d/")
    assert (Path(copied.target_path) / "sub" / "b.txt").read_text() == "b"
    assert copied.spec.digest == stays.spec.digest and copied.spec.size == 2
    (tmp_path / "d" / "a.txt").write_text("changed")
    other = run.log_artifact("d", local_path=str(tmp_path / "d"))
    assert other.spec.digest != stays.spec.digest


def test_inline(run: ArtifactManager, store: Store, home: Path) -> None:
    artifact = run.log_artifact("x", body="123", is_inline=True)
    assert artifact.get_body() == "123" and artifact.spec.size == 3
    store.flush()
    assert not (home / "artifacts").exists()
    found = get_artifact(artifact.uri, store=store)
    assert found.get_body() == "123" and found.to_dataitem().get() == b"123"
    with pytest.raises(InvalidArgumentError, match="too large"):
        run.log_artifact("x", body="x" * (16 * 2**20 + 1), is_inline=True)
    with pytest.raises(InvalidArgumentError, match="not text"):
        run.log_artifact("x", body=b"\xff", is_inline=True)


def test_db_key(run: ArtifactManager, project: ArtifactManager, store: Store) -> None:
    assert project.log_artifact("k", body="x").uri == "store://artifacts/demo/k"
    assert run.log_artifact("k", body="x", db_key="other").spec.db_key == "other"
    hidden = run.log_artifact("secret", body="x", db_key=False)
    store.flush()
    keys = {d["spec"]["db_key"] for d in store.list_artifacts(ArtifactQuery(project="demo"))}
    assert keys == {"k", "other"}
    assert hidden.to_dataitem().get() == b"x"


def test_runs_never_overwrite_each_other(store: Store) -> None:
    logged = [
        ArtifactManager(store, _producer(uri=f"demo@{uid}#{n}", tree=uid, iteration=n)).log_artifact(
            "k", body=f"{uid}{n}"
        )
        for uid in ("u1", "u2") for n in (0, 1)
    ]  # fmt: skip
    assert [a.to_dataitem().get().decode() for a in logged] == ["u10", "u11", "u20", "u21"]
    store.flush()
    assert [get_dataitem(a.uri, store=store).get() for a in logged] == [
        b"u10", b"u11", b"u20", b"u21",
    ]  # fmt: skip


def test_artifact_paths(home: Path) -> None:
    run = _producer()
    assert expand_artifact_path("s3://b/{{ project }}/{{workflow.uid}}", "p", "u") == "s3://b/p/u"
    assert expand_artifact_path("{{run.project}}/{{run.uid}}", "p", "") == "p/project"
    with pytest.raises(InvalidArgumentError, match=r"'user'"):
        expand_artifact_path("{{user}}", "p", "u")
    for path, first, second in [
        ("", "", "yz"), ("./", "./", "./"), ("abc", "abc", "abc"), ("+/", "", "yz/"), ("+/x", "x", "yz/x"),
    ]:  # fmt: skip
        assert (extend_artifact_path(path, ""), extend_artifact_path(path, "yz")) == (first, second)
    assert resolve_artifact_path(run, "+/sub") == str(home / "artifacts/demo/u1/sub")
    assert resolve_artifact_path(run, "rel") == os.path.abspath("rel")
    with config.override(artifact_path="memory://x/{{run.uid}}"):
        assert resolve_artifact_path(run, None) == "memory://x/u1"
        assert resolve_artifact_path(_producer(artifact_path="memory://own"), "+/a") == "memory://own/a"
    assert resolve_artifact_path(Producer("project", "demo", "", "demo", ""), None) == str(
        home / "artifacts/demo/project"
    )


def test_generate_target_path() -> None:
    run, project = _producer(name="j1"), Producer("project", "p", "", "p", "")
    cases = [
        ("x", Artifact("k1"), run, "x/j1/0/k1"),
        ("", Artifact("k2", format="html"), _producer(name="j1", iteration=1), "j1/1/k2.html"),
        ("", Artifact("k3", src_path="model.pkl"), run, "j1/0/k3.pkl"),
        ("x", Artifact("k4", src_path="a.b"), project, "x/k4.b"),
        ("", ModelArtifact("k5", model_dir="y", model_file="model.pkl"), run, "j1/0/k5/"),
        ("x", ModelArtifact("k6", model_file="a.b"), project, "x/k6/"),
    ]
    for path, artifact, producer, expected in cases:
        assert generate_target_path(artifact, path, producer) == expected


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


def test_a_table_that_cannot_be_written_leaves_nothing(run: ArtifactManager, store: Store, home: Path) -> None:
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
    assert spec["metrics"] == {"acc": 0.9} and spec["extra_data"] == {"kk": "kk", "url": "memory://x"}
    assert model.metadata.labels == {"framework": "sklearn"}
    assert model.uri == "store://models/demo/train_m#0@u1"


def test_model_files(run: ArtifactManager, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"net")
    (tmp_path / "extra.txt").write_text("extra")
    by_dir = run.log_model("a", model_dir=str(tmp_path), model_file="net.onnx",
                           extra_data={"e": "extra.txt"})
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


def test_artifact_objects(run: ArtifactManager) -> None:
    logged = run.log_artifact(Artifact("obj", body="abc", format="txt", labels={"a": "b"}))
    assert logged.target_path.endswith("obj.txt") and logged.metadata.labels == {"a": "b"}
    assert Artifact("data", body="abc").uri.startswith("store://artifacts/")
    assert ModelArtifact("data").uri.startswith("store://models/")
    assert logged.format == "txt" and logged.project == "demo"
    with pytest.raises(AttributeError, match="nonsense"):
        _ = logged.nonsense
    assert TableArtifact(df=FRAME).get_body().startswith("age,score")
    assert TableArtifact(body="just text").get_body() == "just text"
    foreign = {**logged.to_dict(), "extra": 1}
    foreign["spec"] = {**foreign["spec"], "their_field": {"a": 1}}
    assert Artifact.from_dict(foreign).to_dict() == foreign


def test_digests_can_be_switched_off(run: ArtifactManager) -> None:
    with config.override(calculate_digest=False):
        artifact = run.log_artifact("k", body="x")
    assert not artifact.spec.digest and not artifact.metadata.hash and artifact.spec.size == 1


def test_logger_killed_half_way(home: Path) -> None:
    """A record is never there without its bytes, and no bytes are half there."""
    code = textwrap.dedent(
        """
        from mlrun_like.artifacts.manager import ArtifactManager, Producer
        from mlrun_like.tracking.connect import open_store
        manager, n = ArtifactManager(open_store(), Producer("run", "r", "p@u", "p", "u")), 0
        print("ready", flush=True)
        while True:
            n += 1
            manager.log_artifact(f"k{n}", body=str(n % 10) * 300_000)
        """
    )
    env = {**os.environ, "MLRUN_LIKE_HOME": str(home)}
    for wait in (0.05, 0.15):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env)
        assert child.stdout is not None and child.stdout.readline() == b"ready\n"
        time.sleep(wait)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        store = open_store()
        for document in store.list_artifacts(ArtifactQuery(project="p")):
            data = Artifact.from_dict(document).to_dataitem().get()
            assert hashlib.sha256(data).hexdigest() == document["spec"]["digest"]
        close_stores()
