"""What a message advises can be done where it is read: on the command line as in Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlrun_like.cli.main import app

HEAD = "import os\n"


@pytest.mark.parametrize(
    ("words", "body", "python", "shell"),
    [
        ("check --handler go", "def go(depth): ...", "fn.run(params={'depth'", "-p depth=..."),
        ("run --handler go", "def go(depth): ...", "fn.run(params={'depth'", "-p depth=..."),
        (
            "check --handler go",
            "import no_such_module\ndef go(): ...",
            "fn.with_requirements(['no-such-module'])",
            "-q no-such-module for `mlrun-like build`",
        ),
        (
            "check --handler go",
            "def go(): return os.environ['NOT_SET']",
            'fn.set_env("NOT_SET", "...")',
            "--env-file with NOT_SET=...",
        ),
        (
            "check --handler go",
            "def go(context): return context.get_secret('TOKEN')",
            "with_secrets(",
            "--env-file secrets.env",
        ),
        (
            "check --handler Model::go",
            "class Model:\n    def __init__(self, size): ...\n    def go(self): ...",
            'fn.run(params={"_init_args"',
            "-p \"_init_args={'size': ...}\"",
        ),
        (
            "build --archive x.tar -c make --builder oci",
            "def go(): ...",
            "builder='podman'",
            "--builder podman",
        ),
    ],
)
def test_both_ways(
    words: str,
    body: str,
    python: str,
    shell: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code.py").write_text(f"{HEAD}{body}\n")
    command, *rest = words.split()
    done = CliRunner().invoke(app, [command, "code.py", *rest])
    said = done.stdout + done.stderr
    assert python in said and shell in said, said
