"""`mlrun-like hub`: look, use, pin, give; every command in a terminal and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mlrun_like.cli.main import app
from mlrun_like.configuration import config
from mlrun_like.tracking.connect import open_store
from tests.marketplace.catalogues import item, mlrun_hub

COMMANDS = (
    *("list", "search", "show", "use", "pin", "validate", "test", "publish", "withdraw", "init"),
    *("source list", "source add", "source accept", "source remove"),
)


def call(*words: object, code: int = 0) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, ["hub", *map(str, words)])
    assert done.exit_code == code, done.output
    return done.output


def read(*words: object) -> Any:
    """What a command prints as JSON."""
    done = CliRunner().invoke(app, ["hub", *map(str, words), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path) -> None:
    config.hub_shipped = False
    config.hub_lock = str(tmp_path / "hub.lock")


def test_a_folder_means_the_same_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hub").mkdir()
    assert f"ours: {tmp_path / 'hub'}," in call("source", "add", "ours", "./hub")


def test_sources_are_added_listed_and_removed(tmp_path: Path) -> None:
    mlrun_hub(tmp_path / "hub")
    added = call("source", "add", "ours", tmp_path / "hub")
    assert "number 1 in the order" in added and "it offers 2 items" in added
    added = call("source", "add", "first", "http://127.0.0.1:9/hub", "--place", "1")
    assert "warning: the catalogue 'first' cannot be reached" in added
    assert [row["source"]["metadata"]["name"] for row in read("source", "list")] == [
        "first",
        "ours",
    ]
    assert "http://127.0.0.1:9/hub" in call("source", "list")
    assert "first: removed" in call("source", "remove", "first")
    assert "there is no catalogue 'first'" in call("source", "remove", "first", code=1)
    for name, path in (("../x", "/x"), ("x", "https://u:p@host/"), ("default", "/x")):
        assert "error:" in call("source", "add", name, path, code=1)
    assert "is no key" in call("source", "add", "x", "/x", "--key", "abc", code=1)
    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "none", tmp_path / "file", f"file://{tmp_path}/none"):
        assert "so it is no catalogue" in call("source", "add", "x", place, code=1)
    assert [row["source"]["metadata"]["name"] for row in read("source", "list")] == ["ours"]
    (tmp_path / "empty").mkdir()
    assert "nothing is in its channel 'dev'" in call(
        "source", "add", "x", tmp_path / "empty", "--channel", "dev"
    )
    assert "has no key" in call("source", "accept", "ours", code=1)


def test_without_the_service_what_needs_none_is_listed() -> None:
    config.hub_shipped = True
    with config.override(dbpath="http://127.0.0.1:9", remote_deadline=60.0):
        for words in (("list",), ("list", "--source", "default"), ("search", "describe")):
            done = CliRunner().invoke(app, ["hub", *words])
            assert done.exit_code == 0 and "describe " in done.stdout
            (line,) = done.stderr.splitlines()
            assert "added in http://127.0.0.1:9 are left out: the tracking service cannot" in line
        told = call("list", "--source", "ours", code=1)
    assert "error: the tracking service cannot be reached" in told, (
        "nobody knows whether it is there"
    )


def test_items_are_listed_searched_and_shown(tmp_path: Path) -> None:
    mlrun_hub(tmp_path / "hub")
    call("source", "add", "ours", tmp_path / "hub")
    (tmp_path / "none").mkdir()
    call("source", "add", "away", tmp_path / "none")
    (tmp_path / "none").rmdir()
    lines = call("list").splitlines()
    assert lines[0].split() == ["NAME", "KIND", "VERSION", "DESCRIPTION", "SOURCE"]
    assert lines[1].split() == ["describe", "job", "1.1.0", "looks", "at", "data", "ours"]
    assert "warning: catalogue away: the catalogue 'away' is not there" in lines[-1]
    assert [row["metadata"]["name"] for row in read("list", "--kind", "steps")["items"]] == [
        "verify"
    ]
    assert len(read("list", "--all", "--source", "ours")["items"]) == 3
    assert "describe" in call("search", "LOOKS", "data")
    assert "Nothing is like this" in call("search", "rocket")
    assert "--kind 'things' is unknown" in call("list", "--kind", "things", code=1)
    shown = call("show", "ours/describe")
    assert "1.1.0" in shown and 'import_function("hub://ours/describe")' in shown
    assert "sha256:" in shown
    assert call("show", "hub://ours/describe:1.1.0", "--code").startswith("def run")
    assert read("show", "ours/describe")["item"]["metadata"]["name"] == "describe"
    for name in ("none", "ours/a/b", "", "../x"):
        assert "error:" in call("show", f"ours/{name}" if name == "none" else name, code=1)
    assert "has no example to print" in call("show", "ours/verify", "--example", code=1)


def test_an_item_is_used_and_pinned(tmp_path: Path) -> None:
    call("publish", item(tmp_path), tmp_path / "hub", "--no-test", "--offline")
    call("source", "add", "ours", tmp_path / "hub")
    assert "hub://ours/clean_text 1.0.0 -> db://demo/mine" in call(
        *("use", "clean_text", "--project", "demo", "--name", "mine", "--pin")
    )
    assert open_store().read_function("demo", "mine")["spec"]["default_handler"] == "clean_text"
    assert "clean_text  1.0.0" in call("pin")
    call("publish", item(tmp_path / "new", version="1.1.0"), tmp_path / "hub", "--no-test")
    assert "1.0.0" in read("show", "clean_text")["item"]["metadata"]["version"]
    call("use", "clean_text", "--project", "demo", "--pin")  # what is used is what is pinned
    assert [row["version"] for row in read("pin")] == ["1.0.0"]
    assert [row["version"] for row in read("pin", "clean_text")] == ["1.1.0"]
    assert [row["version"] for row in read("pin", "clean_text:1.0.0")] == ["1.0.0"]
    assert "Nothing is pinned" in call("pin", "clean_text", "--remove")
    assert "is not pinned" in call("pin", "clean_text", "--remove", code=1)
    done = CliRunner().invoke(app, ["run", "hub://clean_text", "-p", "rows=3", "--local"])
    assert done.exit_code == 0 and "rows = 3" in done.output, done.output


def test_an_item_is_made_checked_and_published(tmp_path: Path) -> None:
    assert "hub test" in call("init", "clean_text", "--folder", tmp_path, "--kind", "steps")
    folder = tmp_path / "clean_text"
    assert "error:" in call("init", "clean_text", "--folder", tmp_path, code=1)
    assert "clean_text: ok" in call("validate", folder, "--offline")
    target = tmp_path / "hub"
    done = read("publish", folder, target, "--no-test", "--offline")
    assert done["new"] and done["tested"] == "not tested" and done["version"] == "1.0.0"
    assert "published already" in call("publish", folder, target, "--no-test", "--offline")
    (folder / "README.md").unlink()
    assert "clean_text: 1 to correct" in call("validate", folder, "--offline", code=1)
    assert "there is no such file" in call("publish", folder, target, "--offline", code=1)


@pytest.mark.slow
def test_an_item_is_tested(tmp_path: Path) -> None:
    folder = item(tmp_path)
    told = call("test", folder, "--here")
    assert "test_clean_text.py::" in told and "clean_text: 2 passed in" in told.splitlines()[-1]
    told = call("test", folder, "--here", "--quiet")
    assert len(told.splitlines()) == 1 and "2 passed" in told
    done = CliRunner().invoke(app, ["hub", "test", str(folder), "--here", "--json"])
    assert json.loads(done.stdout)["passed"] is True and "PASSED" in done.stderr
    test = folder / "test_clean_text.py"
    test.write_text("import pytest\n\n\ndef test_it():\n    pytest.skip('no camera')\n")
    assert "every test was skipped, so nothing is known" in call("test", folder, "--here")
    done = read("publish", folder, tmp_path / "hub", "--here", "--offline")
    assert done["tested"].startswith("skipped: 1 skipped")
    (folder / "test_clean_text.py").write_text("def test_it():\n    assert 1 == 2\n")
    assert "assert 1 == 2" in call("test", folder, "--here", code=1)
    assert "assert 1 == 2" in call("test", folder, "--here", "--quiet", code=1)
    assert "does not pass" in call("publish", folder, tmp_path / "hub", "--here", code=1)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str) -> None:
    assert f"mlrun-like hub {command}" in call(*command.split(), "--help").replace("\n", " ")
