"""`config`: explained, written, and never a secret shown."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_like.settings import SETTINGS


def test_explain_shows_all(spawn: Any) -> None:
    answer = spawn("config", "explain", "--json")
    assert [row["name"] for row in answer.json] == [row.name for row in SETTINGS]
    assert "MLRUN_LIKE_HOME" in spawn("config", "explain").out


def test_set_get_unset(spawn: Any, home: Path) -> None:
    answer = spawn("config", "set", "default_project", "fraud")
    assert "default_project = fraud" in answer.out
    assert yaml.safe_load((home / "config.yaml").read_text()) == {"default_project": "fraud"}
    assert spawn("config", "get", "default_project").out == "fraud\n"
    explained = spawn("config", "explain", "default_project", "--json").json
    assert explained["origin"] == str(home / "config.yaml")
    spawn("config", "unset", "default_project")
    assert spawn("config", "get", "default_project", "--json").json["origin"] == "default"
    assert spawn("config", "unset", "default_project", code=1).err.startswith("error: ")


def test_values_have_their_types(spawn: Any, home: Path) -> None:
    spawn("config", "set", "warm", "off")
    spawn("config", "set", "preview_rows", "7")
    assert yaml.safe_load((home / "config.yaml").read_text()) == {"warm": False, "preview_rows": 7}


def test_the_environment_still_wins(spawn: Any) -> None:
    answer = spawn("config", "set", "log_level", "DEBUG", MLRUN_LIKE_LOG_LEVEL="ERROR")
    assert "MLRUN_LIKE_LOG_LEVEL still wins" in answer.err


def test_a_named_file(spawn: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("warm: true\n")
    spawn("config", "set", "warm", "0", MLRUN_LIKE_CONFIG_FILE=str(path))
    assert yaml.safe_load(path.read_text()) == {"warm": False}


def test_secrets_are_masked(spawn: Any, home: Path) -> None:
    outs = [spawn("config", "set", "token", "s3cr3t").out]
    outs += [spawn("config", *words).out for words in (["get", "token"], ["explain"])]
    outs += [spawn("config", "explain", "token", "--json").out, spawn("doctor", "--json").out]
    assert not any("s3cr3t" in out for out in outs)
    assert "***" in outs[1]
    assert "s3cr3t" in (home / "config.yaml").read_text()
    assert (home / "config.yaml").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["set", "wram", "1"], "Did you mean 'warm'"),
        (["get", "wram"], "Did you mean 'warm'"),
        (["explain", "wram"], "Did you mean 'warm'"),
        (["unset", "wram"], "Did you mean 'warm'"),
        (["set", "preview_rows", "many"], "whole number"),
        (["set", "home", "/x"], "MLRUN_LIKE_HOME"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_settings(spawn: Any, home: Path, words: list[str], message: str) -> None:
    assert message in spawn("config", *words, code=1).err
    assert not (home / "config.yaml").exists()


@pytest.mark.parametrize("text", ["- a\n", "a: [", "nothing: 1\n", "\x00"])
def test_a_broken_file_is_kept(spawn: Any, home: Path, text: str) -> None:
    (home / "config.yaml").write_text(text)
    answer = spawn("config", "set", "warm", "0", code=1)
    assert "config.yaml" in answer.err and "Traceback" not in answer.err
    assert (home / "config.yaml").read_text() == text


def test_a_write_that_is_killed_leaves_the_old_file(spawn: Any, home: Path) -> None:
    """The new text goes to another file first; the old one is replaced in one step."""
    path = home / "config.yaml"
    path.write_text("warm: true\n")
    os.link(path, home / "witness")
    spawn("config", "set", "warm", "0")
    assert (home / "witness").read_text() == "warm: true\n"
    assert [item.name for item in home.iterdir() if item.name.startswith(".config-")] == []
