"""The guide to pipelines is true: its files run, its commands work, its messages are real."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "pipelines.md"
TEXT = PAGE.read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(python|bash|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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
    shown = ""
    ran = 0
    for language, block in _BLOCK.findall(TEXT):
        if language == "python":
            name = re.match(r"# (\w+\.py)\n", block)
            assert name is not None, f"a block without a file name:\n{block}"
            (tmp_path / name[1]).write_text(block, encoding="utf-8")
        elif language == "bash":
            for line in block.splitlines():
                shown = _run(line, tmp_path, home)
                ran += 1
        else:
            assert shown == block
    assert ran >= 7
    assert (tmp_path / "flow.svg").read_text(encoding="utf-8").startswith("<svg ")
    assert "completed" in (tmp_path / "run.svg").read_text(encoding="utf-8")


def test_the_page_is_short() -> None:
    assert len(TEXT.splitlines()) <= 200
