"""The guide to data validation is true: its files run and print what it says."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mlrun_like.monitoring.validation import ColumnSchema
from mlrun_like.monitoring.validation.anomalies import KINDS
from mlrun_like.monitoring.validation.policy import ACTIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "data-validation.md"
TEXT = PAGE.read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(python|bash|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CHECKER = doctest.OutputChecker()


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
    for language, block in _BLOCK.findall(TEXT):
        if language == "python":
            name = re.match(r"# (\w+\.py)\n", block)
            assert name is not None, f"a block without a file name:\n{block}"
            (tmp_path / name[1]).write_text(block, encoding="utf-8")
        elif language == "bash":
            for line in block.splitlines():
                shown = _run(line, tmp_path, home)
        else:
            flags = doctest.NORMALIZE_WHITESPACE
            assert _CHECKER.check_output(block, shown, flags), f"{block}is really\n{shown}"


def test_it_tells_all_keys_and_kinds() -> None:
    told = set(re.findall(r"`(\w+)`", TEXT))
    assert set(ColumnSchema.model_fields) - {"description"} <= told
    assert all(kind in TEXT for kind in KINDS)
    assert all(action in TEXT for action in ACTIONS)
