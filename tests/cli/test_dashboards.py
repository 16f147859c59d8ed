"""`mlrun-like dashboards` and `mlrun-like pages`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.monitoring.dashboards.files import files


def test_build(call: Any, tmp_path: Path) -> None:
    made = call("dashboards", "build", "--out", str(tmp_path), "--json")
    assert len(made.json["changed"]) == len(files())
    again = call("dashboards", "build", "--out", str(tmp_path))
    assert "as they should be" in again.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("push",), "which Grafana?"),
        (("push", "--url", "ftp://x"), "is no address"),
        (("check",), "which server?"),
        (("check", "--prometheus", "http://127.0.0.1:1"), "does not answer"),
        (("check", "--prometheus", "file:///etc/passwd"), "is no address"),
        (("check", "--postgres", "mysql://x"), "is no PostgreSQL"),
    ],
)
def test_mistakes_are_told(call: Any, words: tuple[str, ...], told: str) -> None:
    assert told in call("dashboards", *words, code=1).err


@pytest.mark.slow
def test_pages_until_interrupted(home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mlrun_like", "pages", "--port", "0", "--read-only"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "MLRUN_LIKE_HOME": str(home), "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line
        with urllib.request.urlopen(found[0], timeout=60) as answer:
            assert b"No model is watched yet" in answer.read()
        process.send_signal(signal.SIGINT)
        process.wait(30)
    finally:
        process.kill()
        process.communicate()
