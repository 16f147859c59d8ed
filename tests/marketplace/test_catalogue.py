"""Catalogues in a folder: MLRun's layout, plain folders; broken, huge and hostile ones."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import (
    IntegrityError,
    InvalidArgumentError,
    NotFoundError,
    SpecError,
    StoreUnavailableError,
    TooLargeError,
)
from mlrun_like.functions.creators import import_function
from mlrun_like.marketplace.catalogue import read_catalogue
from mlrun_like.marketplace.resolving import (
    digest_of,
    find_function,
    find_item,
    function_file,
    read_asset,
)
from mlrun_like.marketplace.source import HubSource, store_source
from mlrun_like.marketplace.using import use_item
from mlrun_like.tracking.connect import open_store
from tests.marketplace.catalogues import FUNCTION, mlrun_hub, write

ITEM = "name: describe\nversion: 1.1.0\ncategories: [data]\nspec:\n  kind: job\n  handler: run\n"


def test_the_layout_of_mlrun(tmp_path: Path) -> None:
    source = mlrun_hub(tmp_path)
    found = read_catalogue(source)
    assert [(item.name, item.tag, item.object_type) for item in found.items] == [
        ("describe", "latest", "functions"),
        ("describe", "1.1.0", "functions"),
        ("verify", "latest", "steps"),
    ]
    assert found.items[0].url == "hub://ours/describe" and found.problems == []
    assert found.items[1].url == "hub://ours/describe:1.1.0"
    store = open_store()
    store_source(store, source)
    assert find_function("describe").endswith("/describe/latest/src/function.yaml")
    assert import_function("hub://ours/describe:1.1.0", project="p").metadata.name == "describe"
    assert import_function("hub://describe", project="p").kind == "job"
    item = find_item(store, "", "describe", "1.1.0")
    assert read_asset(store, item, "source").data.startswith(b"def run")
    assert read_asset(store, item, "src/function.yaml").data == FUNCTION.encode()
    with pytest.raises(NotFoundError, match="Did you mean 'describe'"):
        find_function("descrbe")
    with pytest.raises(NotFoundError):
        import_function("hub://theirs/describe", project="p")


def test_a_plain_folder_is_looked_through(tmp_path: Path) -> None:
    write(tmp_path, "my_trainer/function.yaml", FUNCTION)
    write(tmp_path, "my_trainer/1.0/src/function.yaml", FUNCTION)
    write(tmp_path, "describe/src/item.yaml", ITEM)
    write(tmp_path, "not a name/function.yaml", FUNCTION)
    write(tmp_path, "empty/readme.md", "nothing")
    found = read_catalogue(HubSource("ours", str(tmp_path)))
    assert [(item.name, item.tag) for item in found.items] == [
        ("describe", "latest"),
        ("my_trainer", "latest"),
        ("my_trainer", "1.0"),
    ]
    assert found.items[0].version == "1.1.0" and found.items[0].categories == ("data",)
    assert len(found.problems) == 1 and "not a name" in found.problems[0]
    with config.override(hub_url=str(tmp_path)):
        assert find_function("my-trainer").endswith("my_trainer/function.yaml")
        assert "1.0" in find_function("my-trainer", "1.0")


def test_sources_are_asked_in_their_order_and_one_that_is_away_ends_the_search(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    write(first, "one/function.yaml", FUNCTION)
    write(second, "one/function.yaml", FUNCTION)
    write(second, "two/function.yaml", FUNCTION)
    store = open_store()
    store_source(store, HubSource("a", str(first)))
    store_source(store, HubSource("b", str(second)))
    assert find_function("one").startswith(str(first))
    assert find_function("two").startswith(str(second))
    assert find_function("one", source="b").startswith(str(second))
    os.rename(first, tmp_path / "gone")
    # what stands behind it could be another function of that name
    with pytest.raises(StoreUnavailableError, match="catalogue 'a' cannot be asked for 'two'"):
        find_function("two")
    assert find_function("two", source="b").startswith(str(second))


@pytest.mark.parametrize("text", ["", "[]", "5", "{", "\xff", "[" * 100_000, "null"])
def test_a_catalogue_that_is_none(tmp_path: Path, text: str) -> None:
    write(tmp_path, "functions/master/catalog.json", text)
    with pytest.raises(SpecError):
        read_catalogue(HubSource("ours", str(tmp_path)))


def test_broken_entries_are_left_out_and_named(tmp_path: Path) -> None:
    good = {"latest": {"spec": {"kind": "job"}, "assets": {"x": "../../etc/passwd"}}}
    rows: dict[str, Any] = {
        "good": good,
        "../evil": good,
        "tags": {"../../x": {}, "ok": 5},
        "list": [1],
        "odd": {"latest": {"spec": 5, "categories": {"a": 1}, "labels": [1], "version": {}}},
    }
    write(tmp_path, "functions/master/catalog.json", json.dumps(rows))
    found = read_catalogue(HubSource("ours", str(tmp_path)))
    assert [item.name for item in found.items] == ["good", "odd"]
    assert found.items[0].assets == {} and found.items[1].categories == ()
    assert len(found.problems) == 4


def test_huge_catalogues_and_functions_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "functions/master/catalog.json"
    place.parent.mkdir(parents=True)
    with place.open("wb") as file:
        file.truncate(17 << 20)
    with pytest.raises(TooLargeError):
        read_catalogue(HubSource("ours", str(tmp_path)))
    write(tmp_path, "big/function.yaml", "#" * ((4 << 20) + 10))
    with config.override(hub_url=str(tmp_path)), pytest.raises(TooLargeError):
        find_function("big")


@pytest.mark.parametrize(
    "path", ["../x", "/etc/passwd", "src/../../x", "a\\..\\b", "", "a//b", "~"]
)
def test_paths_never_leave_an_item(tmp_path: Path, path: str) -> None:
    source = mlrun_hub(tmp_path / "hub")
    store = open_store()
    store_source(store, source)
    item = find_item(store, "ours", "describe")
    with pytest.raises((InvalidArgumentError, NotFoundError)):
        read_asset(store, item, path)


def test_links_and_pipes_of_a_catalogue_are_not_followed(tmp_path: Path) -> None:
    hub = tmp_path / "hub"
    (tmp_path / "secret").write_text(FUNCTION)
    (hub / "link").mkdir(parents=True)
    (hub / "link" / "function.yaml").symlink_to(tmp_path / "secret")
    (hub / "pipe").mkdir()
    os.mkfifo(hub / "pipe" / "function.yaml")
    with config.override(hub_url=str(hub)):
        for name in ("link", "pipe"):
            with pytest.raises(NotFoundError):
                find_function(name)
    assert read_catalogue(HubSource("ours", str(hub))).items == []


def test_using_an_item_stores_a_function_and_runs_nothing(tmp_path: Path) -> None:
    source = mlrun_hub(tmp_path, digest=digest_of(FUNCTION.encode()))
    store = open_store()
    store_source(store, source)
    made = use_item(store, "p", find_item(store, "", "describe"), name="mine", tag="prod")
    assert made["metadata"]["name"] == "mine" and made["metadata"]["project"] == "p"
    notes = made["metadata"]["annotations"]
    assert notes["hub/item"] == "hub://ours/describe" and notes["hub/version"] == "1.1.0"
    assert notes["hub/digest"] == digest_of(FUNCTION.encode())
    assert store.read_function("p", "mine", tag="prod")["metadata"]["hash"]
    step = use_item(store, "p", find_item(store, "ours", "verify"))
    assert step["spec"]["default_class"] == "Verify" and step["spec"]["build"]["functionSourceCode"]
    assert function_file(store, "describe").digest == digest_of(FUNCTION.encode())
    # what is latest by an index with digests is read from its version's folder
    write(tmp_path, "functions/master/describe/latest/src/function.yaml", "broken")
    use_item(store, "p", find_item(store, "", "describe"))
    write(
        tmp_path, "functions/master/describe/1.1.0/src/function.yaml", FUNCTION + "verbose: true\n"
    )
    with pytest.raises(IntegrityError):
        import_function("hub://describe")
    with pytest.raises(IntegrityError):
        use_item(store, "p", find_item(store, "", "describe"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a",
        "kind: [job",
        "a: &a [x, x, x]\nb: &b [*a, *a, *a]\n" + "c: &c [*b, *b]\n",
        "kind: job\nkind: job\n",
        "x: " + "[" * 3000,
        "!!python/object/apply:os.system [echo]",
        "kind: 5\nmetadata: 5\nspec: 5\n",
    ],
)
def test_hostile_documents_are_refused_as_such(tmp_path: Path, text: str) -> None:
    write(tmp_path, "bad/function.yaml", text)
    source = HubSource("ours", str(tmp_path))
    store = open_store()
    store_source(store, source)
    read_catalogue(source)  # one that cannot be read does not stop the others
    item = read_catalogue(source).items or None
    if item is None:
        assert read_catalogue(source).problems
    try:
        use_item(store, "p", find_item(store, "ours", "bad"))
    except (SpecError, NotFoundError):
        assert store.list_functions("p") == []
