"""The story of monitoring: from a drift to a retrained model, on one command."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mlrun_like.cli.demo_monitoring import run_monitoring_demo


@pytest.mark.slow
def test_the_day_is_told_from_the_drift_to_the_recovery(home: Path) -> None:
    environment = {"MLRUN_LIKE_HOME": str(home), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-m", "mlrun_like", "demo", "monitoring", "--per-hour", "60"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    stages = (
        "deployed", "a new microscope", "no longer looks like the training data",
        "features moved", "report", "the model is wrong too often", "retraining with",
        "passed", "promoted", "well again",
    )  # fmt: skip
    places = [said.find(stage) for stage in stages]
    assert -1 not in places and places == sorted(places), said
    report = Path(re.findall(r"report +(\S+)", said)[0])
    assert b"<html" in report.read_bytes().lower() and report.stat().st_size < 300_000
    for line in said.partition("to look at it:")[2].strip().splitlines():
        setting, *command = line.split()
        followed = subprocess.run(
            command,
            env={**environment, "MLRUN_LIKE_HOME": setting.partition("=")[2]},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert followed.returncode == 0, f"{line}: {followed.stderr}"


@pytest.mark.slow
def test_a_stage_that_did_not_happen_fails_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_monitoring_demo(30, gates=["accuracy >= 0.99999", "roc_auc >= 2"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "did not pass the gates" in said and "failed" in said and "promoted" not in said
