"""get_model, load_model, update_model: what may be opened, and what is refused."""

from __future__ import annotations

import importlib
import io
import os
import pickle
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_like.artifacts.item import get_artifact, get_dataitem
from mlrun_like.artifacts.manager import ArtifactManager, Producer
from mlrun_like.artifacts.model import ModelArtifact
from mlrun_like.artifacts.models import get_model, load_model, update_model
from mlrun_like.configuration import config
from mlrun_like.errors import (
    IntegrityError,
    InvalidArgumentError,
    MissingFileError,
    NotFoundError,
    UntrustedFormatError,
)
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import close_stores, open_store


@pytest.fixture
def store() -> Iterator[Store]:
    yield open_store()
    close_stores()


@pytest.fixture
def run(store: Store) -> ArtifactManager:
    return ArtifactManager(store, Producer("run", "train", "demo@u1#0", "demo", "u1"))


class Evil:
    """Unpickling it leaves a mark."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("evil-was-here",)


def test_get_model(run: ArtifactManager, store: Store) -> None:
    model = run.log_model("m", body=b"123", model_file="m.onnx", extra_data={"kk": b"456"})
    store.flush()
    for uri in (
        model.uri,
        "store://models/demo/train_m",
        "store://demo/train_m",
        model,
        get_dataitem(model.uri, store=store),
    ):
        path, found, extra = get_model(uri, store=store)
        assert Path(path).read_bytes() == b"123" and found is not None
        assert found.spec.model_file == "m.onnx" and extra["kk"].get() == b"456"
    for url in (model.target_path, f"{model.target_path}model_spec.yaml"):
        path, found, extra = get_model(url)
        assert Path(path).read_bytes() == b"123" and found is None
        assert extra["kk"].get() == b"456"
    assert get_model(f"{model.target_path}/m.onnx")[0].endswith("m.onnx")


def test_get_model_from_plain_folders(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"1")
    assert get_model(str(tmp_path))[0] == str(tmp_path / "a.pkl")
    with pytest.raises(ValueError, match="cant resolve model file"):
        get_model(str(tmp_path), suffix=".onnx")
    (tmp_path / "b.pkl").write_bytes(b"1")
    with pytest.raises(ValueError, match="2 files end with"):
        get_model(str(tmp_path))
    with pytest.raises(MissingFileError):
        get_model(str(tmp_path / "none"))


def test_remote_models_are_copied(run: ArtifactManager, store: Store) -> None:
    model = run.log_model("m", body=b"123", model_file="m.onnx", artifact_path="memory://models")
    store.flush()
    path, _, _ = get_model(model.uri, store=store)
    assert Path(path).read_bytes() == b"123" and Path(path).name == "m.onnx"
    shutil.rmtree(Path(path).parent)


def test_objects(run: ArtifactManager, store: Store) -> None:
    linear = importlib.import_module("sklearn.linear_model")
    fitted = linear.LinearRegression().fit([[0], [1]], [0, 1])
    model = run.log_model("m", body=fitted)
    store.flush()
    assert (model.spec.model_file, model.spec.format, model.spec.framework) == (
        "m.pkl", "pkl", "sklearn",
    )  # fmt: skip
    assert model.metadata.labels == {"framework": "sklearn"}
    assert load_model(model.uri, store=store).predict([[2]])[0] == pytest.approx(2)
    assert load_model(model, store=store).coef_[0] == pytest.approx(1)
    with pytest.raises(InvalidArgumentError, match="cannot be written as"):
        run.log_model("m", body=fitted, model_file="m.onnx")
    with pytest.raises(InvalidArgumentError, match="cannot be pickled"):
        run.log_model("m", body=(n for n in range(3)))


def test_safe_formats_need_no_trust(run: ArtifactManager, store: Store, tmp_path: Path) -> None:
    numpy = importlib.import_module("numpy")
    buffer = io.BytesIO()
    numpy.savez(buffer, w=numpy.arange(3))
    (tmp_path / "w.npz").write_bytes(buffer.getvalue())
    (tmp_path / "m.json").write_text('{"w": [1]}')
    assert load_model(str(tmp_path / "w.npz"))["w"].tolist() == [0, 1, 2]
    assert load_model(str(tmp_path / "m.json")) == {"w": [1]}
    numpy.save(tmp_path / "evil.npy", numpy.array([Evil()], dtype=object), allow_pickle=True)
    with pytest.raises(InvalidArgumentError, match="broken"):
        load_model(str(tmp_path / "evil.npy"))
    (tmp_path / "m.xyz").touch()
    with pytest.raises(InvalidArgumentError, match="nothing loads"):
        load_model(str(tmp_path / "m.xyz"))


@pytest.mark.parametrize("suffix", ["pkl", "joblib", "pickle", "pt"])
def test_code_from_elsewhere_is_refused(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"m.{suffix}").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(UntrustedFormatError, match="not an artifact") as caught:
        load_model(str(tmp_path / f"m.{suffix}"))
    assert "trust=True" in caught.value.fix
    assert not (tmp_path / "evil-was-here").exists()
    if suffix == "pkl":
        load_model(str(tmp_path / "m.pkl"), trust=True)
        assert (tmp_path / "evil-was-here").exists()


def test_a_folder_cannot_vouch_for_itself(
    run: ArtifactManager, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copied model folder has its own record, even a consistent one, but no store knows it."""
    monkeypatch.chdir(tmp_path)
    model = run.log_model("m", body=pickle.dumps(Evil()), model_file="m.pkl", db_key=False)
    shutil.copytree(model.target_path, tmp_path / "copy")
    for uri in (str(tmp_path / "copy"), str(tmp_path / "copy" / "model_spec.yaml"), model):
        with pytest.raises(UntrustedFormatError):
            load_model(uri, store=store)
    spec = tmp_path / "copy" / "model_spec.yaml"
    document = yaml.safe_load(spec.read_text())
    document["spec"]["model_file"] = "../../m.pkl"
    spec.write_text(yaml.safe_dump(document))
    with pytest.raises(InvalidArgumentError, match="outside"):
        get_model(str(tmp_path / "copy"))
    for text in ("", "[1]", "{a: [", "kind: dataset"):
        spec.write_text(text)
        with pytest.raises(InvalidArgumentError):
            get_model(str(tmp_path / "copy"))
    assert not (tmp_path / "evil-was-here").exists()


def test_changed_files_are_refused(
    run: ArtifactManager, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = run.log_model("m", body=pickle.dumps({"w": 1}), model_file="m.pkl")
    store.flush()
    assert load_model(model.uri, store=store) == {"w": 1}
    Path(model.target_path, "m.pkl").write_bytes(pickle.dumps(Evil()))
    for call in (load_model, get_model):
        with pytest.raises(IntegrityError) as caught:
            call(model.uri, store=store)
        recorded = model.status["files"]["m.pkl"]
        assert recorded in caught.value.what and caught.value.what.count("sha256") == 1
    assert not (tmp_path / "evil-was-here").exists()
    assert get_model(model.uri, store=store, trust=True)[0].endswith("m.pkl")


def test_the_overwriter_is_named(run: ArtifactManager, store: Store) -> None:
    first = run.log_model("m", body=b"1", model_file="m.json", artifact_path="memory://shared")
    other = ArtifactManager(store, Producer("run", "train", "demo@u2#0", "demo", "u2"))
    other.log_model("m", body=b"2", model_file="m.json", artifact_path="memory://shared")
    store.flush()
    with pytest.raises(IntegrityError, match="overwritten by demo@u2#0"):
        load_model(first.uri, store=store)


def test_without_digest_code_is_not_run(run: ArtifactManager, store: Store) -> None:
    with config.override(calculate_digest=False):
        model = run.log_model("m", body=pickle.dumps(1), model_file="m.pkl")
        plain = run.log_model("j", body=b"1", model_file="m.json")
        store.flush()
        assert load_model(plain.uri, store=store) == 1
    with pytest.raises(UntrustedFormatError, match="no recorded digest"):
        load_model(model.uri, store=store)


def test_broken_models(run: ArtifactManager, store: Store) -> None:
    for data in (b"", b"\x80nonsense", b"\xff" * 1000):
        model = run.log_model("m", body=data, model_file="m.pkl")
        store.flush()
        with pytest.raises(InvalidArgumentError, match="broken"):
            load_model(model.uri, store=store)


def test_wrong_kinds(run: ArtifactManager, store: Store) -> None:
    note = run.log_artifact("note", body="x")
    store.flush()
    for call in (get_model, load_model, update_model):
        with pytest.raises(ValueError, match="not a model"):
            call(note.uri, store=store)
        with pytest.raises(NotFoundError):
            call("store://models/demo/none", store=store)


def test_update_model(run: ArtifactManager, store: Store) -> None:
    model = run.log_artifact(ModelArtifact("my-model", model_file="a.pkl"), upload=False)
    store.flush()
    uri = "store://artifacts/demo/train_my-model"
    update_model(
        uri, parameters={"a": 1}, metrics={"b": 2}, inputs=[{"name": "f1"}], outputs=["f2"],
        feature_vector="vec", feature_weights=[1, 2], key_prefix="test-", labels={"lbl": "tst"},
        write_spec_copy=False, store=store,
    )  # fmt: skip
    path, found, _ = get_model(uri, store=store)
    assert path.endswith("my-model/a.pkl") and found is not None and found.uri == model.uri
    assert found.parameters == {"a": 1} and found.metrics == {"test-b": 2}
    assert found.inputs[0]["name"] == "f1" and found.outputs == [{"name": "f2"}]
    assert found.feature_vector == "vec" and found.feature_weights == [1, 2]
    assert found.metadata.labels == {"lbl": "tst"}


def test_update_model_files(run: ArtifactManager, store: Store) -> None:
    model = run.log_model("m", body=b"{}", model_file="m.json")
    store.flush()
    update_model(model.uri, metrics={"acc": 1}, extra_data={"more": b"x"}, store=store)
    found = get_artifact(model.uri, store=store)
    assert isinstance(found, ModelArtifact) and set(found.status["files"]) == {"m.json", "more"}
    written = yaml.safe_load(Path(model.target_path, "model_spec.yaml").read_text())
    assert written["spec"]["metrics"] == {"acc": 1}
    assert load_model(model.uri, store=store) == {}
    assert get_model(model.uri, store=store)[2]["more"].get() == b"x"
    changed = update_model(model.uri, metrics={"acc": 2}, store_object=False, store=store)
    assert changed.spec.metrics == {"acc": 2}
    assert get_artifact(model.uri, store=store).spec.metrics == {"acc": 1}
