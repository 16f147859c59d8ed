"""The guide to the gateway is true: its files are deployed and answer as it says."""

from __future__ import annotations

import contextlib
import dataclasses
import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like.cli.main import COMMANDS
from mlrun_like.gateway.deployment import Options

PAGE = Path(__file__).resolve().parents[2] / "docs" / "gateway.md"
TEXT = PAGE.read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(python|bash|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CHECKER = doctest.OutputChecker()


def _run(line: str, folder: Path, home: Path) -> str:
    words = shlex.split(line)
    start = [sys.executable] if words[0] == "python" else [sys.executable, "-m", "mlrun_like"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLRUN_")}
    own = {"MLRUN_LIKE_HOME": str(home), "MLRUN_LIKE_GATEWAY_PORT": "0"}
    python = f"{Path(sys.executable).parent}{os.pathsep}{kept.get('PATH', '')}"
    done = subprocess.run(
        [*start, *words[1:]],
        cwd=folder,
        env={**kept, **own, "PATH": python},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def place(tmp_path: Path, home: Path) -> Iterator[tuple[Path, Path]]:
    """A folder and a home, whose gateway is ended whatever happens."""
    try:
        yield tmp_path, home
    finally:
        with contextlib.suppress(AssertionError):
            _run("mlrun-like down", tmp_path, home)


@pytest.mark.slow
def test_the_page_runs(place: tuple[Path, Path]) -> None:
    folder, home = place
    shown = ""
    for language, block in _BLOCK.findall(TEXT):
        if language == "python":
            name = re.match(r"# (\w+\.py)\n", block)
            assert name is not None, f"a block without a file name:\n{block}"
            (folder / name[1]).write_text(block, encoding="utf-8")
        elif language == "bash":
            for line in block.splitlines():
                shown = _run(line, folder, home)
        else:
            # progress may stand before what the block shows
            end = "\n".join(shown.strip().splitlines()[-len(block.splitlines()) :]) + "\n"
            assert _CHECKER.check_output(block, end, doctest.ELLIPSIS), f"{block}is really\n{shown}"


def test_its_commands_exist() -> None:
    told = set(re.findall(r"mlrun-like (\w+)", TEXT))
    assert told <= set(COMMANDS), told - set(COMMANDS)


def test_its_options_exist() -> None:
    table = TEXT.partition("| option | default | meaning |")[2].partition("\n\n")[0]
    told = {
        name
        for line in table.splitlines()[2:]
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    }
    assert len(told) > 10
    assert told <= {item.name for item in dataclasses.fields(Options)}


def test_the_page_is_short() -> None:
    assert len(TEXT.splitlines()) <= 500
