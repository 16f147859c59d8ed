"""The command line, in this process or in one of its own, with a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from mlrun_like.cli.main import app

TRAIN = """
import sys

def train(context, depth: int = 3, rate: float = 0.1):
    print("training", depth)
    if depth > 100:
        raise ValueError("too deep")
    return 1 - rate / depth

def slow(seconds: float = 60.0):
    import time
    print("begun", flush=True)
    time.sleep(seconds)

if __name__ == "__main__":
    print("whole file", sys.argv[1:])
"""


class Answer(NamedTuple):
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout as JSON; constants that JSON does not know are refused."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


Call = Callable[..., Answer]


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """A child's environment: this test's home, and nothing of ours besides."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLRUN_")}
    # Compiled modules make each start three times faster.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, "MLRUN_LIKE_HOME": str(home), "COLUMNS": "120"}


@pytest.fixture
def call(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Run one command line in this process."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str, code: int = 0) -> Answer:
        done = CliRunner().invoke(app, words)
        answer = Answer(done.exit_code, done.stdout, done.stderr)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert answer.code == code, answer
        return answer

    return run


@pytest.fixture
def spawn(environment: dict[str, str], tmp_path: Path) -> Call:
    """Run one command line in a process of its own, as a shell does."""

    def run(*words: str, code: int = 0, **variables: str) -> Answer:
        done = subprocess.run(
            [sys.executable, "-m", "mlrun_like", *words],
            cwd=tmp_path,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        answer = Answer(done.returncode, done.stdout, done.stderr)
        assert answer.code == code, answer
        return answer

    return run


@pytest.fixture
def train(tmp_path: Path) -> str:
    """A file with a handler that trains, one that is slow, and a main part."""
    (tmp_path / "train.py").write_text(TRAIN, encoding="utf-8")
    return "train.py"
