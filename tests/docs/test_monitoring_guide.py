"""The guide to monitoring is true: its files run and print what it says."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import mlrun_like.monitoring as mm
from mlrun_like.configuration import config

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "monitoring.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(python|bash|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CHECKER = doctest.OutputChecker()


def _run(line: str, folder: Path, home: Path) -> str:
    words = shlex.split(line)
    start = [sys.executable] if words[0] == "python" else [sys.executable, "-m", "mlrun_like"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLRUN_")}
    done = subprocess.run(
        [*start, *words[1:]],
        cwd=folder,
        env={**kept, "MLRUN_LIKE_HOME": str(home), "COLUMNS": "200"},
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
    for language, block in _BLOCK.findall(TEXT):
        if language == "python":
            name = re.match(r"# (\w+\.py)\n", block)
            assert name is not None, f"a block without a file name:\n{block}"
            (tmp_path / name[1]).write_text(block, encoding="utf-8")
        elif language == "bash":
            outputs = [_run(line, tmp_path, home) for line in block.splitlines()]
            shown = outputs[-1]
        else:
            flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
            assert _CHECKER.check_output(block, shown, flags), f"{block}is really\n{shown}"
    assert "radius" in (tmp_path / "drift.html").read_text(encoding="utf-8")
    assert len(list((tmp_path / "boards").rglob("*.json"))) == 10


def test_the_names_in_it_exist() -> None:
    for name in re.findall(r"\bmm\.(\w+)", TEXT):
        assert hasattr(mm, name), name
    for name in re.findall(r"`(monitoring_\w+)`", TEXT):
        assert name == "monitoring_context" or hasattr(config, name), name
