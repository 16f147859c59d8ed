"""Functions that are deleted and tags that are taken away, over each database."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from mlrun_like.errors import NotFoundError
from mlrun_like.functions.documents import record_version
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.tracking import known_versions
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document


def _function(name: str, project: str = "p", image: str = "") -> dict[str, Any]:
    return {
        "kind": "job",
        "metadata": {"name": name, "project": project},
        "spec": {"image": image},
    }


def test_a_function_goes_with_its_versions(store: FullStore) -> None:
    for image in ("a", "b"):
        store.store_function(_function("f", image=image), tag=f"v{image}")
    store.store_function(_function("g"))
    store.store_function(_function("f", "q"))
    assert store.delete_functions("p", "f") == 2
    assert store.delete_functions("p", "f") == 0
    assert [item["metadata"]["name"] for item in store.list_functions("p")] == ["g"]
    assert store.read_function("q", "f")
    for tag in ("", "va"):
        with pytest.raises(NotFoundError):
            store.read_function("p", "f", tag=tag)
    store.store_function(_function("f"))  # it may come again
    assert store.read_function("p", "f")["spec"] == {"image": ""}


def test_what_was_deleted_is_recorded_again_by_the_next_run(store: FullStore) -> None:
    documents = [FunctionDoc.from_dict(_function(name)) for name in "fg"]

    def run() -> list[str]:
        for document in documents:
            record_version(store, document, "p")
        return sorted(item["metadata"]["name"] for item in store.list_functions("p"))

    assert run() == ["f", "g"]
    store.delete_functions("p", "f")
    assert run() == ["f", "g"]
    store.delete_project("p")
    assert run() == ["f", "g"]


def test_what_others_deleted_is_recorded_again_soon(
    store: FullStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known_versions, "_BELIEVED", 1000.0)
    document, asked = FunctionDoc.from_dict(_function("f")), list[str]()
    record = store.store_function

    def counting(function: Document, *, tag: str = "") -> str:
        asked.append(tag)
        return record(function, tag=tag)

    monkeypatch.setattr(store, "store_function", counting)
    for _ in range(3):
        record_version(store, document, "p")
    assert len(asked) == 1, "runs one after the other record it once"
    with monkeypatch.context() as patch:  # as another process
        patch.setattr(known_versions, "_known", WeakKeyDictionary())
        assert store.delete_functions("p", "f") == 1
    monkeypatch.setattr(known_versions, "_BELIEVED", 0.0)  # it was long ago
    record_version(store, document, "p")
    assert len(asked) == 2 and store.read_function("p", "f")


def test_what_another_user_of_the_process_deleted_is_recorded_again(tmp_path: Path) -> None:
    mine, theirs = (SqlStore(f"sqlite:///{tmp_path}/both.db") for _ in range(2))
    document = FunctionDoc.from_dict(_function("f"))
    for one in (mine, theirs):
        one.connect()
    record_version(mine, document, "p")
    assert theirs.delete_functions("p", "f") == 1
    record_version(mine, document, "p")
    assert mine.read_function("p", "f")
    for one in (mine, theirs):
        one.close()


def test_a_tag_is_taken_away(store: FullStore) -> None:
    for project, key in (("p", "x"), ("p", "y"), ("p", "z"), ("q", "x")):
        artifact = {
            "kind": "artifact",
            "metadata": {"key": key, "project": project, "tree": "t"},
            "spec": {"db_key": key},
        }
        store.store_artifact(artifact, tag="good")

    def tagged(project: str) -> list[str]:
        found = store.list_artifacts(ArtifactQuery(project, tag="good"))
        return sorted(str(item["metadata"]["key"]) for item in found)

    uid = store.read_artifact("p", "x")["metadata"]["uid"]
    assert store.untag_artifact("p", "good", "x", "another") == 0
    assert store.untag_artifact("p", "good", "x", uid) == 1
    assert tagged("p") == ["y", "z"]
    assert store.artifact_tags("p") == ["good", "latest"]
    assert store.artifact_tags("p", "x", uid) == store.artifact_tags("p", uid=uid) == ["latest"]
    assert store.untag_artifact("p", "good") == 2
    assert tagged("p") == [] and tagged("q") == ["x"]
    assert store.read_artifact("p", "x")["metadata"]["uid"] == uid


def test_all_tags_are_listed(store: FullStore) -> None:
    for key, kind in (("x", "model"), ("y", "artifact")):
        document = {
            "kind": kind,
            "metadata": {"key": key, "project": "p", "tree": "t"},
            "spec": {"db_key": key},
        }
        store.store_artifact(document)
        uid = store.read_artifact("p", key)["metadata"]["uid"]
        for number in (2, 1):
            store.tag_artifact("p", key, uid, f"{key}{number}")
    assert store.artifact_tags("p") == ["latest", "x1", "x2", "y1", "y2"]
    assert store.artifact_tags("p", "y") == ["latest", "y1", "y2"]
    assert store.artifact_tags("p", category="model") == ["latest", "x1", "x2"]
    assert store.artifact_tags("q") == store.artifact_tags("p", "x", uid) == []
