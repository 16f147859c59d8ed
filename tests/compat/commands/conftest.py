"""MLRun's command line, in this process, with the switch on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from mlrun_like.cli.older.main import app


class Answer(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


Mlrun = Callable[..., Answer]

TRAIN = """
import os, sys

def train(context, depth=3, data=None):
    print("training", depth, os.path.basename(os.getcwd()))
    context.log_result("accuracy", depth * 2)
    if data is not None:
        context.log_result("rows", len(data.get()))
    if depth > 100:
        raise ValueError("too deep")
    return depth

class Model:
    def __init__(self, context=None, rate=1):
        self.rate = rate

    def fit(self, context, x=0):
        context.log_result("fitted", x)

if __name__ == "__main__":
    import mlrun
    context = mlrun.get_or_create_ctx("whole")
    context.log_result("words", sys.argv[1:])
    context.log_result("accuracy", context.get_param("depth", 1) * 2)
"""


@pytest.fixture
def mlrun(compat: ModuleType, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mlrun:
    """Call a command in an empty folder with the file `train.py`; checks its exit code."""
    (tmp_path / "train.py").write_text(TRAIN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLRUN_DEFAULT_ENV_FILE", str(home / "default.env"))

    def call(*words: str, code: int = 0, **variables: str) -> Answer:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            done = CliRunner().invoke(app, words)
        answer = Answer(done.exit_code, done.stdout, done.stderr)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert answer.code == code, answer
        return answer

    return call
