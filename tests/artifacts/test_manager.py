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
)
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, MissingFileError
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
    target = home / "artifacts" / "demo" / "u1" / "note.txt"
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
    assert (
        item.meta is not None and item.meta.key == "note" and item.get_artifact_type() == "artifact"
    )
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
        heavy = ("pandas", "pyarrow", "matplotlib", "fsspec", "numpy", "cloudpickle", "rich")
        print([name for name in heavy if name in sys.modules])
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
    with pytest.raises(InvalidArgumentError, match=r"'descripton'.*'description'"):
        run.log_artifact("k", body="x", descripton="typo")
    described = run.log_artifact("k", body="x", description="fine", license="MIT")
    assert (described.metadata.description, described.spec.license) == ("fine", "MIT")


def test_local_file(run: ArtifactManager, tmp_path: Path, home: Path) -> None:
    (tmp_path / "plot.html").write_text("<p>")
    artifact = run.log_artifact("plot", local_path=tmp_path / "plot.html")
    assert artifact.target_path == str(home / "artifacts/demo/u1/plot.html")
    assert artifact.spec.viewer == "web-app" and artifact.to_dataitem().get() == b"<p>"
    stays = run.log_artifact("plot2", local_path=str(tmp_path / "plot.html"), upload=False)
    assert stays.target_path == str(tmp_path / "plot.html")
    assert stays.spec.digest == artifact.spec.digest
    with pytest.raises(InvalidArgumentError, match="does not exist"):
        run.log_artifact("none", local_path="nowhere.txt")
    with pytest.raises(InvalidArgumentError, match="no content"):
        run.log_artifact("none")
    again = run.log_artifact(
        "same", local_path=artifact.target_path, target_path=artifact.target_path, upload=True
    )
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
    assert copied.target_path.endswith("artifacts/demo/u1/d/")
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


def test_a_file_keeps_the_end_of_the_name_it_was_given(run: ArtifactManager) -> None:
    frame = pd.DataFrame({"x": [1, 2]})
    named = run.log_dataset("rows", frame, format="parquet", local_path="made/rows.pq")
    assert named.target_path.endswith("/rows.pq") and named.spec.format == "parquet"
    assert named.to_dataitem().as_df().x.tolist() == [1, 2]
    assert run.log_dataset("more", frame).target_path.endswith("/more.parquet")
    assert run.log_artifact("page", body="<b>", format="html").target_path.endswith("/page.html")


def test_a_class_may_make_its_content_when_it_is_asked(run: ArtifactManager) -> None:
    class Late(Artifact):
        """Written when it is logged."""

        kind = "late"
        lines: tuple[str, ...] = ()

        def get_body(self) -> str:
            """All lines."""
            return ",".join(self.lines)

    made = Late("rows", format="csv")
    made.lines = ("a", "b")
    assert run.log_artifact(made).to_dataitem().get() == b"a,b"
    with pytest.raises(InvalidArgumentError, match="no content"):
        run.log_artifact(Artifact("nothing"))


def test_runs_never_overwrite_each_other(store: Store) -> None:
    makers = [
        _producer(uri=f"demo@{uid}#{n}", tree=uid, iteration=n)
        for uid in ("u1", "u2")
        for n in (0, 1)
    ]
    logged = [
        ArtifactManager(store, maker).log_artifact("k", body=f"{maker.tree}{maker.iteration}")
        for maker in makers
    ]
    assert [a.to_dataitem().get().decode() for a in logged] == ["u10", "u11", "u20", "u21"]
    store.flush()
    assert [get_dataitem(a.uri, store=store).get() for a in logged] == [
        b"u10", b"u11", b"u20", b"u21",
    ]  # fmt: skip


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


def test_an_artifact_is_read_as_its_document() -> None:
    note = Artifact("note", body="x", project="p")
    assert note["metadata"]["key"] == note.get("metadata")["key"] == "note"
    assert "spec" in note and "nothing" not in note and note.get("nothing") is None
