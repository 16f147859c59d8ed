"""Functions that are deleted and tags that are taken away, over each database."""

from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.errors import NotFoundError
from mlrun_like.functions.documents import record_version
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.full import FullStore


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
    assert store.untag_artifact("p", "good") == 2
    assert tagged("p") == [] and tagged("q") == ["x"]
    assert store.read_artifact("p", "x")["metadata"]["uid"] == uid
