"""The guide to projects is true: its files run, its commands work."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "projects.md"
TEXT = PAGE.read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(python|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _run(line: str, folder: Path, home: Path) -> str:
    words = shlex.split(line)
    start = [sys.executable] if words[0] == "python" else [sys.executable, "-m", "mlrun_like"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLRUN_")}
    done = subprocess.run(
        [*start, *words[1:]],
        cwd=folder,
        env={**kept, "MLRUN_LIKE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_page_runs(tmp_path: Path, home: Path) -> None:
    shown = {}
    for language, block in _BLOCK.findall(TEXT):
        if language == "python":
            name = re.match(r"# (\w+\.py)\n", block)
            assert name is not None, f"a block without a file name:\n{block}"
            (tmp_path / name[1]).write_text(block, encoding="utf-8")
        else:
            shown.update({line: _run(line, tmp_path, home) for line in block.splitlines()})
    assert len(shown) == 9
    made = shown["python make.py"].splitlines()
    assert "completed 0.4" in made and "Succeeded" in made
    assert shown["python share.py"].splitlines()[-1] == "fraud-copy ['train'] 3"
    assert "completed" in shown["mlrun-like get runs --project fraud2"]
    assert "only-for-this-machine" not in "".join(shown.values())
    assert (tmp_path / "again" / "code" / "train.py").is_file()


def test_the_page_is_short() -> None:
    assert len(TEXT.splitlines()) <= 200
