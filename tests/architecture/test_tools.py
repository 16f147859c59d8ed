"""Formatting, lint and types are settled by tools; these tests run them on everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def _tool(root: Path, *command: str) -> None:
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run(
        [str(program), *command[1:]], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_lint(root: Path) -> None:
    _tool(root, "ruff", "check", "--quiet", ".")


def test_format(root: Path) -> None:
    _tool(root, "ruff", "format", "--check", "--quiet", ".")


@pytest.mark.slow
def test_types(root: Path) -> None:
    _tool(root, "mypy")
