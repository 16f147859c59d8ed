"""The README's code runs: Python blocks in order as one program, `mlrun-like` lines as commands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def _run(command: list[str], folder: Path) -> str:
    home = {"MLRUN_LIKE_HOME": str(folder / "home")}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLRUN_")} | home
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_readme_runs(tmp_path: Path) -> None:
    blocks = _blocks("python")
    assert blocks, "the README shows no Python"
    program = tmp_path / "tour.py"
    program.write_text("\n".join(blocks), encoding="utf-8")
    # Named files in shell blocks are the tour itself, as a reader would save it.
    _run([sys.executable, str(program)], tmp_path)
    lines = [line for block in _blocks("bash") for line in block.splitlines()]
    commands = [line for line in lines if line.startswith("mlrun-like ")]
    assert commands, "the README shows no command"
    for line in commands:
        if line.split()[1] != "demo":  # has a test of its own
            words = shlex.split(line, comments=True)
            _run([sys.executable, "-m", "mlrun_like", *words[1:]], tmp_path)


def test_the_tour_is_short() -> None:
    code = [line for block in _blocks("python") for line in block.splitlines() if line.strip()]
    assert len(code) <= 30


def test_every_make_target_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    pages = TEXT + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:^|`)make ([a-z-]+)", pages, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_map_names_every_folder() -> None:
    shown = set(re.findall(r"^    (\S+)/", TEXT, re.MULTILINE))
    real = {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir() and not path.name.startswith(".") and any(path.iterdir())
    } - {"build", "dist"}
    assert real <= shown, real - shown
