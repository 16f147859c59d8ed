"""`mlrun-like compat run | pytest | check`, as programs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

_CODE = "from mlrun_like.cli.compat import app; app()"


def _compat(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _CODE, *arguments],
        capture_output=True, text=True, timeout=120, cwd=cwd, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_run_is_as_python_would(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("VALUE = 5")
    script = tmp_path / "old.py"
    script.write_text(
        "import sys, mlrun, beside\n"
        "print(__name__, sys.argv[1:], beside.VALUE, mlrun.__spec__.origin)\n"
        "class Here: pass\n"
        "import pickle; assert type(pickle.loads(pickle.dumps(Here()))) is Here\n"
        "if 'fail' in sys.argv: {}['a']\n"
        "sys.exit(int(sys.argv[-1]))\n"
    )
    done = _compat("run", "old.py", "--help", "-q", "3", cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert "__main__ ['--help', '-q', '3'] 5 mlrun_like.compat" in done.stdout
    done = _compat("run", "old.py", "fail", cwd=tmp_path)
    assert done.returncode == 1
    assert "KeyError: 'a'" in done.stderr and 'old.py", line 5' in done.stderr
    assert "script.py" not in done.stderr and "exec(" not in done.stderr
    script.write_text("def f(:")
    done = _compat("run", "old.py", cwd=tmp_path)
    assert done.returncode == 1 and "SyntaxError" in done.stderr
    script.write_text("raise SystemExit('enough')")
    done = _compat("run", "old.py", cwd=tmp_path)
    assert done.returncode == 1 and "enough" in done.stderr


@pytest.mark.slow
def test_a_module_runs_too(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import sys, mlrun\nprint(__name__, sys.argv[1:])\n{}['a']")
    done = _compat("run", "-m", "mine", "-q", cwd=tmp_path)
    assert done.returncode == 1 and "__main__ ['-q']" in done.stdout, done.stderr
    assert "KeyError: 'a'" in done.stderr and "runpy" not in done.stderr
    done = _compat("run", "-m", "mlrun", "version", cwd=tmp_path)
    assert done.returncode == 0 and "MLRun version" in done.stdout, done.stderr
    done = _compat("run", "-m", "nothing_here", cwd=tmp_path)
    assert done.returncode == 1 and "nothing_here" in done.stderr


@pytest.mark.slow
def test_pytest_gets_its_arguments(tmp_path: Path) -> None:
    (tmp_path / "test_old.py").write_text(
        "import mlrun\n"
        "def test_one(): assert mlrun.errors.MLRunNotFoundError\n"
        "def test_two(): assert False\n"
    )
    done = _compat("pytest", "-q", "-k", "one", "-p", "no:cacheprovider", cwd=tmp_path)
    assert done.returncode == 0 and "1 passed, 1 deselected" in done.stdout, done.stderr
    assert _compat("pytest", "-q", cwd=tmp_path).returncode == 1
    assert "--collect-only" in _compat("pytest", "--help", cwd=tmp_path).stdout


@pytest.mark.slow
def test_check_says_what_is_missing(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.py", tmp_path / "bad.py"
    good.write_text("import mlrun\nmlrun.get_run_db()\n")
    bad.write_text("from mlrun.runtimes import DatabricksRuntime\n")
    done = _compat("check", "good.py", cwd=tmp_path)
    assert done.returncode == 0 and "1 file: 1 works" in done.stdout
    done = _compat("check", str(tmp_path), cwd=tmp_path)
    assert done.returncode == 1
    assert "mlrun.runtimes.DatabricksRuntime" in done.stdout and "bad.py:1" in done.stdout
    assert "mlrun.get_run_db" not in done.stdout
    found = json.loads(_compat("check", "--json", str(tmp_path), cwd=tmp_path).stdout)
    assert {row["state"] for row in found} == {"works", "missing"}
