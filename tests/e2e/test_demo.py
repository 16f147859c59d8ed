"""The main job, as a new user starts it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlrun_like.cli.demo import run_demo


def _environment(home: Path) -> dict[str, str]:
    return {"MLRUN_LIKE_HOME": str(home), "PATH": "/usr/bin:/bin"}


def _cli(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mlrun_like", *arguments],
        env=_environment(home),
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.slow
def test_the_demo_succeeds_and_leaves_a_browsable_store(home: Path) -> None:
    done = _cli(home, "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "20 answers equal the model's own" in done.stdout
    listed = _cli(home, "get", "runs", "--project", "demo", "--json")
    names = {row["metadata"]["name"] for row in json.loads(listed.stdout)}
    assert names == {"demo", "prepare", "train", "evaluate", "register"}
    for line in done.stdout.partition("next:")[2].strip().splitlines():
        followed = subprocess.run(
            line.split(), env=_environment(home), capture_output=True, text=True, timeout=60
        )
        assert followed.returncode == 0, f"{line}: {followed.stderr}"


@pytest.mark.slow
def test_a_closed_gate_fails_the_demo_and_says_by_how_much(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_demo(least_auc=0.99999) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "not registered" in said and "0.99999" in said
