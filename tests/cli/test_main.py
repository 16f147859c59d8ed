"""Help, errors, exit codes, and that only the chosen command is loaded."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from mlrun_like.cli.main import COMMANDS, app
from mlrun_like.errors import InvalidArgumentError

HEAVY = {"pydantic", "sqlalchemy", "pandas", "numpy", "pyarrow", "rich", "alembic", "fsspec"}


def test_help_is_cheap(environment: dict[str, str]) -> None:
    code = (
        "import json, sys\n"
        "from mlrun_like.cli.main import main\n"
        "sys.argv = ['mlrun-like', '--help']\n"
        "try:\n    main()\n"
        "except SystemExit:\n    sys.stderr.write(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stderr)}
    assert not loaded & HEAVY
    for name in COMMANDS:
        assert f"  {name} " in done.stdout


@pytest.mark.slow
def test_help_takes_a_quarter_of_a_second(environment: dict[str, str], tmp_path: Path) -> None:
    """Measured as processor time, which a busy machine does not stretch."""
    compiled = {**environment, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    compiled.pop("PYTHONDONTWRITEBYTECODE", None)
    times = []
    for _ in range(6):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "mlrun_like", "--help"],
            env=compiled,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.25


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    answer = CliRunner().invoke(app, [name, "--help"])
    assert answer.exit_code == 0
    assert answer.output.startswith("Usage: ")


def test_no_command_shows_the_help(call: Any) -> None:
    answer = call(code=2)
    assert "Commands:" in answer.out + answer.err


def test_a_wrong_command_suggests_the_right_one(call: Any) -> None:
    answer = call("rn", code=2)
    assert "Did you mean 'run'" in answer.err
    assert not answer.out


@pytest.mark.parametrize(
    "words",
    [
        ["get"],
        ["get", "runs", "--limit", "-1"],
        ["get", "runs", "--no-such-option"],
        ["show", "run"],
        ["config", "nothing"],
        ["gc", "--keep-days", "soon"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_2(words: list[str]) -> None:
    assert CliRunner().invoke(app, words).exit_code == 2


def test_an_error_has_no_traceback(spawn: Any) -> None:
    answer = spawn("get", "nonsense", code=1)
    assert answer.err.startswith("error: there are no 'nonsense'")
    assert "fix: use one of: runs, artifacts, functions" in answer.err
    assert "Traceback" not in answer.err and not answer.out


def test_debug_shows_the_traceback(spawn: Any) -> None:
    assert "Traceback" in spawn("--debug", "get", "nonsense", code=1).err


def test_debug_in_process_raises() -> None:
    answer = CliRunner().invoke(app, ["--debug", "get", "nonsense"])
    assert isinstance(answer.exception, InvalidArgumentError)


def test_version(call: Any) -> None:
    assert call("version").out.startswith("mlrun-like ")
    assert set(call("version", "--json").json) == {"version", "python"}


def test_a_reader_that_leaves_is_no_error(environment: dict[str, str], tmp_path: Path) -> None:
    # 100 settings lines are more than `head` reads, so the writer meets a closed pipe.
    command = f"{sys.executable} -m mlrun_like config explain --json | head -n 1"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[\n" and done.stderr == ""
