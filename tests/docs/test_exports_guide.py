"""The guide to exports is true: its files run and its commands work."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.registry import known

PAGE = Path(__file__).resolve().parents[2] / "docs" / "exports.md"
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
    for language, block in _BLOCK.findall(TEXT):
        if language == "python":
            name = re.match(r"# (\w+\.py)\n", block)
            assert name is not None, f"a block without a file name:\n{block}"
            (tmp_path / name[1]).write_text(block, encoding="utf-8")
        else:
            for line in block.splitlines():
                _run(line, tmp_path, home)
    files = [".github/workflows/nightly.yml", ".gitlab-ci.yml", "nightly.yaml", "nightly-kfp.yaml"]
    for file in [*files, "dags/nightly.py"]:
        assert "Made by mlrun_like" in (tmp_path / file).read_text(encoding="utf-8")
    shown: Any = json.loads(_run("mlrun-like pipeline show nightly --json", tmp_path, home))
    assert (shown["state"], shown["outputs"]) == ("completed", {"best": 2.0})
    assert {row["step"] for row in shown["steps"]} == {
        "prepare", "score[0]", "score[1]", "best-of", "publish",
    }  # fmt: skip


def test_the_page_is_short_and_knows_all_targets() -> None:
    assert len(TEXT.splitlines()) <= 200
    for name in known("exporters"):
        assert name in TEXT.lower()
