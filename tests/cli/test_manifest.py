"""`mlrun-like manifest`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

CODE = "def train(depth: int = 2):\n    return depth\n"


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """A file's handler in an image."""
    file = tmp_path / "train.py"
    file.write_text(CODE)
    return ["manifest", str(file), "--handler", "train", "--image", "reg/t:1"]


def test_a_file_as_a_job(call: Any, command: list[str]) -> None:
    text = call(*command, "-p", "depth=4").out
    holder, job = yaml.safe_load_all(text)
    assert (holder["kind"], job["kind"]) == ("ConfigMap", "Job")
    assert "depth=4" in job["spec"]["template"]["spec"]["containers"][0]["args"]
    assert call(*command, "-p", "depth=4").out == text


def test_a_schedule_into_a_file(call: Any, command: list[str], tmp_path: Path) -> None:
    target = tmp_path / "out.yaml"
    more = ["--schedule", "0 3 * * *", "--time-zone", "Europe/Rome", "-o", str(target)]
    assert call(*command, *more).out == ""
    *_, cron = yaml.safe_load_all(target.read_text())
    assert cron["spec"]["schedule"] == "0 3 * * *"
    assert cron["spec"]["timeZone"] == "Europe/Rome"


@pytest.mark.parametrize(("kind", "made"), [("spark", "SparkApplication"), ("mpijob", "MPIJob")])
def test_other_kinds_take_a_call_too(call: Any, command: list[str], kind: str, made: str) -> None:
    *_, body = yaml.safe_load_all(call(*command, "--kind", kind, "-p", "depth=4").out)
    assert body["kind"] == made
    assert "depth=4" in str(body["spec"])


def test_mistakes(call: Any, command: list[str], tmp_path: Path) -> None:
    assert "has no image" in call(*command[:-2], code=1).err
    assert "trian" in call(*command, "--handler", "trian", code=1).err
    assert "absent.py" in call("manifest", str(tmp_path / "absent.py"), code=1).err
