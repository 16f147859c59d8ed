"""Pins: an item is the pinned version with the pinned bytes, or an error."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

import mlrun_like as ml
from mlrun_like.cli.main import app
from mlrun_like.configuration import config
from mlrun_like.errors import IntegrityError, NotFoundError, SpecError
from mlrun_like.marketplace.importing import import_module
from mlrun_like.marketplace.pins import Pin, pin_of, read_pins, write_pin
from mlrun_like.marketplace.resolving import find_item, function_file
from mlrun_like.marketplace.sharing.publishing import publish
from mlrun_like.marketplace.source import HubSource, store_source
from mlrun_like.tracking.connect import open_store
from tests.marketplace.catalogues import item


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    """Two catalogues, a and b, with an item in two versions each; pins are read from a file."""
    config.hub_lock = str(tmp_path / "hub.lock")
    for at, name in enumerate("ab"):
        for number in range(2):
            folder = item(tmp_path / f"{name}{number}", version=f"1.{number}.0",
                          code=f"\nAT = {at * 10 + number}\n")  # fmt: skip
            publish(folder, tmp_path / name, test="none", resolve=False)
        store_source(open_store(), HubSource(name, str(tmp_path / name)))
    return tmp_path


def at(name: str) -> int:
    """Which of the versions a name leads to."""
    found: int = import_module(f"hub://{name}").AT
    return found


def test_a_pinned_item_is_that_version_of_that_source(hub: Path) -> None:
    assert (at("clean_text"), at("b/clean_text"), at("a/clean_text:1.0.0")) == (1, 11, 0)
    digest = function_file(open_store(), "clean_text", "1.0.0", "b").digest
    path = write_pin(Pin("b", "clean_text", "1.0.0", digest))
    assert path == hub / "hub.lock" and path.stat().st_mode & 0o777 == 0o644
    assert (at("clean_text"), at("clean-text:latest"), at("b/clean_text")) == (10, 10, 10)
    # what is asked for by another version or source is not pinned
    assert (at("clean_text:1.1.0"), at("a/clean_text")) == (1, 1)
    store = open_store()
    assert find_item(store, "", "clean-text").version == "1.0.0"
    assert find_item(store, "", "clean_text", pinned=False).version == "1.1.0"
    write_pin(Pin("b", "clean_text", "", ""), remove=True)
    assert read_pins() == [] and at("clean_text") == 1


def test_copied_files_are_the_pinned_ones_too(hub: Path, tmp_path: Path) -> None:
    digest = function_file(open_store(), "clean_text", "1.0.0", "b").digest
    write_pin(Pin("b", "clean_text", "1.0.0", digest))
    place = tmp_path / "copied"
    place.mkdir()
    assert import_module("hub://clean_text", local_path=str(place)).AT == 10
    write_pin(Pin("b", "clean_text", "1.0.0", "sha256:" + "0" * 64))
    with pytest.raises(IntegrityError, match="is not what is pinned"):
        import_module("hub://clean_text", local_path=str(place))


def test_other_bytes_or_a_version_that_is_gone_are_errors(hub: Path) -> None:
    write_pin(Pin("b", "clean_text", "1.0.0", "sha256:" + "0" * 64))
    with pytest.raises(IntegrityError, match="is not what is pinned"):
        ml.import_function("hub://clean_text")
    write_pin(Pin("b", "clean_text", "7.0.0", "sha256:" + "0" * 64))
    with pytest.raises(NotFoundError):
        ml.import_function("hub://clean_text")
    assert [pin.version for pin in read_pins()] == ["7.0.0"]


def test_a_pin_of_function_yaml_alone_says_how_to_pin_again(hub: Path) -> None:
    found = find_item(open_store(), "b", "clean_text", "1.0.0")
    assert found.digest and found.digest != found.seal
    write_pin(Pin("b", "clean_text", "1.0.0", found.digest))
    for call in (
        lambda: ml.import_function("hub://clean_text"),
        lambda: find_item(open_store(), "", "clean_text"),
        lambda: import_module("hub://clean_text"),
    ):
        with pytest.raises(IntegrityError, match="was made by an older version") as caught:
            call()
        assert "mlrun-like hub pin b/clean_text:1.0.0" in caught.value.fix
    done = CliRunner().invoke(app, ["hub", "pin", "b/clean_text:1.0.0"])
    assert done.exit_code == 0 and read_pins() == [Pin("b", "clean_text", "1.0.0", found.seal)]
    assert at("clean_text") == 10


def test_an_index_that_drops_its_digests_unpins_nothing(hub: Path) -> None:
    digest = function_file(open_store(), "clean_text", "1.0.0", "b").digest
    write_pin(Pin("b", "clean_text", "1.0.0", digest))
    index = hub / "b/functions/master/catalog.json"
    text = index.read_text()
    assert '"digest"' in text and find_item(open_store(), "", "clean_text").seal == digest
    index.write_text(text.replace('"digest"', '"once"').replace('"files"', '"had"'))
    os.utime(index, (1, 1))
    assert not find_item(open_store(), "b", "clean_text", "1.0.0", pinned=False).seal
    with pytest.raises(IntegrityError, match="is not what is pinned"):
        find_item(open_store(), "", "clean_text")
    assert find_item(open_store(), "b", "clean_text", "1.1.0").version == "1.1.0"  # another one


@pytest.mark.parametrize(
    "text",
    ["", "[]", "5", "{", '{"items": []}', '{"items": {"a": {}}}', '{"items": {"a/b": 5}}',
     '{"items": {"a/../b": {"version": "1", "digest": "sha256:x"}}}', "[" * 100_000,
     '{"items": {"a/b": {"version": "1", "digest": 5}}}', '{"items": {"a/b": {"version": "1", '
     '"digest": "md5:x"}}}', "x" * (2 << 20)],
)  # fmt: skip
def test_a_file_that_pins_nothing_is_an_error_and_stays(tmp_path: Path, text: str) -> None:
    path = tmp_path / "hub.lock"
    path.write_text(text)
    config.hub_lock = str(path)
    with pytest.raises(SpecError):
        pin_of("describe", "", "")
    with pytest.raises(SpecError):
        write_pin(Pin("a", "b", "1.0.0", "sha256:x"))
    assert path.read_text() == text


def test_no_file_pins_nothing_and_a_failing_writer_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.hub_lock = str(tmp_path / "none" / "hub.lock")
    assert read_pins() == []
    config.hub_lock = str(tmp_path)
    with pytest.raises(SpecError):
        read_pins()
    config.hub_lock = str(tmp_path / "hub.lock")
    kept = Pin("a", "b", "1.0.0", "sha256:x")
    write_pin(kept)

    def failing(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(KeyboardInterrupt):
        write_pin(Pin("a", "c", "1.0.0", "sha256:x"))
    assert read_pins() == [kept] and os.listdir(tmp_path) == ["hub.lock"]
