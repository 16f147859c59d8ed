"""Versioned definitions in the store, over each database."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import ConflictError, NotFoundError, SpecError
from mlrun_like.tracking.abilities import DocumentStore
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.records import content_hash

KIND = "feature-set"


def _document(name: str = "a", project: str = "p", state: str = "", **spec: Any) -> dict[str, Any]:
    return {
        "kind": "FeatureSet",
        "metadata": {"name": name, "project": project, "labels": spec.pop("labels", {})},
        "spec": spec,
        "status": {"state": state},
    }


def test_versions_and_tags(store: FullStore) -> None:
    assert isinstance(store, DocumentStore)
    first = store.store_document(KIND, _document(ttl=1), "v1")
    second = store.store_document(KIND, _document(ttl=2))
    assert first != second
    assert store.read_document(KIND, "p", "a")["spec"] == {"ttl": 2}
    old = store.read_document(KIND, "p", "a", "v1")
    assert old["spec"] == {"ttl": 1}
    assert old["metadata"]["tag"] == "v1" and old["metadata"]["uid"] == first
    assert store.read_document(KIND, "p", "a", uid=first)["spec"] == {"ttl": 1}
    tags = [row["metadata"].get("tag") for row in store.list_documents(KIND, tag="*")]
    assert sorted(str(tag) for tag in tags) == ["None", "v1"]


def test_the_same_content_is_the_same_version(store: FullStore) -> None:
    first = store.store_document(KIND, _document(ttl=1, labels={"a": "1"}))
    again = store.store_document(KIND, _document(ttl=1, state="ready", labels={"a": "2"}))
    assert first == again
    found = store.read_document(KIND, "p", "a")
    assert found["status"] == {"state": "ready"} and found["metadata"]["labels"] == {"a": "2"}


def test_an_old_version_does_not_become_the_latest_by_its_status(store: FullStore) -> None:
    old = store.store_document(KIND, _document(ttl=1), "v1")
    new = store.store_document(KIND, _document(ttl=2))
    assert store.store_document(KIND, _document(ttl=1, state="ready"), "v1") == old
    assert store.read_document(KIND, "p", "a", "v1")["status"] == {"state": "ready"}
    assert store.read_document(KIND, "p", "a")["metadata"]["uid"] == new
    store.store_document(KIND, _document(ttl=1))
    assert store.read_document(KIND, "p", "a")["metadata"]["uid"] == old


def test_without_versions_the_old_one_goes(store: FullStore) -> None:
    first = store.store_document(KIND, _document(ttl=1), versioned=False)
    store.store_document(KIND, _document(ttl=2), versioned=False)
    with pytest.raises(NotFoundError, match=f"no feature set 'a@{first}'.* Other versions"):
        store.read_document(KIND, "p", "a", uid=first)
    kept = store.store_document(KIND, _document(ttl=3), "keep", versioned=False)
    store.store_document(KIND, _document(ttl=4), versioned=False)
    assert store.read_document(KIND, "p", "a", uid=kept)["spec"] == {"ttl": 3}


def test_lists(store: FullStore) -> None:
    for name, labels in (("stocks", {"team": "x"}), ("quotes", {"team": "y"}), ("a_b%", {})):
        store.store_document(KIND, _document(name, labels=labels))
    store.store_document(KIND, _document("stocks", "q"))
    store.store_document("feature-vector", _document("vector"))

    def names(**filters: Any) -> list[str]:
        return [row["metadata"]["name"] for row in store.list_documents(KIND, **filters)]

    assert names(project="p") == ["a_b%", "quotes", "stocks"]
    assert len(names()) == len(names(project="*")) == 4
    assert names(project="p", name="~TOC") == ["stocks"]
    assert names(project="p", name="~_b%") == ["a_b%"] and names(name="~x%") == []
    assert names(project="p", labels={"team": "x"}) == ["stocks"]
    assert names(project="p", labels={"team": None}) == ["quotes", "stocks"]
    assert names(tag="v9") == []


def test_what_is_missing_is_named(store: FullStore) -> None:
    store.store_document(KIND, _document("stocks"))
    with pytest.raises(NotFoundError, match=r"no feature set 'stokcs'\. Did you mean 'stocks'"):
        store.read_document(KIND, "p", "stokcs")
    with pytest.raises(NotFoundError, match="'stocks:v2'"):
        store.read_document(KIND, "p", "stocks", "v2")
    with pytest.raises(SpecError, match="needs a name"):
        store.store_document(KIND, {"metadata": {}})
    with pytest.raises(SpecError, match="cannot be recorded"):
        store.store_document(KIND, _document(bad=object()))


def test_delete(store: FullStore) -> None:
    first = store.store_document(KIND, _document(ttl=1), "v1")
    store.store_document(KIND, _document(ttl=2), "v2")
    assert store.delete_document(KIND, "p", "a", tag="v9") == 0
    assert store.delete_document(KIND, "p", "a", tag="v2") == 1
    assert store.read_document(KIND, "p", "a")["metadata"]["uid"] == first, "latest moves back"
    assert store.delete_document(KIND, "p", "a") == 1
    assert store.list_documents(KIND, tag="*") == []
    store.store_document(KIND, _document())
    store.delete_project("p")
    assert store.list_documents(KIND) == []


def test_a_published_tag_never_moves(store: FullStore) -> None:
    first = store.store_document(KIND, _document(ttl=1), "v1", fixed=True)
    with pytest.raises(ConflictError, match="tag 'v1' of feature-set 'a' was published"):
        store.store_document(KIND, _document(ttl=2), "v1")
    assert store.read_document(KIND, "p", "a")["metadata"]["uid"] == first, "nothing has changed"
    again = store.store_document(KIND, _document(ttl=1, state="ready"), "v1")
    assert again == first
    with pytest.raises(ConflictError):
        store.store_document(KIND, _document(ttl=2), "v1", fixed=True)
    with pytest.raises(SpecError, match="no tag to publish"):
        store.store_document(KIND, _document(), "latest", fixed=True)


def test_many_save_at_once(url: str) -> None:
    failed: list[BaseException] = []

    def save(number: int) -> None:
        try:
            for turn in range(5):
                document = _document(ttl=number * 10 + turn)
                open_store(url).store_document(KIND, document, f"t{number}")
        except BaseException as exc:
            failed.append(exc)
            raise

    threads = [threading.Thread(target=save, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    store = open_store(url)
    for number in range(4):
        found = store.read_document(KIND, "p", "a", f"t{number}")
        assert found["spec"] == {"ttl": number * 10 + 4}
    assert store.read_document(KIND, "p", "a")["spec"]["ttl"] % 10 == 4


WRITER = """
import sys
from mlrun_like.configuration import config
from mlrun_like.tracking.connect import open_store
url, home = sys.argv[1:]
config.home = home
store = open_store(url)
number = 0
while True:
    number += 1
    document = {"metadata": {"name": "a", "project": "p"}, "spec": {"number": number}}
    store.store_document("feature-set", document, "v", versioned=False)
    print(number, flush=True)
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_a_whole_record(url: str, home: Path) -> None:
    command = [sys.executable, "-c", WRITER, url, str(home)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(5):
        last = int(writer.stdout.readline())
    writer.kill()
    last = max([last, *(int(line) for line in writer.stdout.read().split())])
    writer.wait()
    writer.stdout.close()
    rows = open_store(url).list_documents(KIND, tag="*")
    numbers = {row["spec"]["number"] for row in rows}
    assert len(numbers) == 1 and numbers <= {last, last + 1}


def test_the_hash_is_of_the_content() -> None:
    first = _document(ttl=1, state="x")
    assert content_hash(first) == content_hash({**first, "status": {}})
    assert content_hash(first) != content_hash(_document(ttl=2))
    read = _document(ttl=1, source={"path": "x"}, analysis={"a": "b"})
    assert content_hash(read, KIND) == content_hash(_document(ttl=1), KIND)
    assert content_hash(read) != content_hash(_document(ttl=1))
    assert content_hash({"metadata": {"name": "\ud800"}})
