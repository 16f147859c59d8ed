"""The guide to the service is true: its commands and its Python run against a real one."""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mlrun_like.settings import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(python|bash)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VALUE = re.compile(r"^(.*?)  # -> (.*)$", re.MULTILINE)


def _port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.mark.slow
def test_the_page_runs(tmp_path: Path) -> None:
    port = _port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLRUN_")}
    server = {
        **kept,
        "MLRUN_LIKE_HOME": str(tmp_path / "service"),
        "MLRUN_LIKE_SERVICE_PORT": str(port),
        "MLRUN_LIKE_MONITORING_SERVICE": "false",
    }
    client = {
        **kept,
        "MLRUN_LIKE_HOME": str(tmp_path / "client"),
        "MLRUN_LIKE_DBPATH": f"http://127.0.0.1:{port}",
    }

    def run(words: list[str], environment: dict[str, str]) -> str:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout

    try:
        for language, block in _BLOCK.findall(TEXT):
            if language == "python":
                code = _VALUE.sub(r"print(repr(\1))", block)
                (tmp_path / "example.py").write_text(code, encoding="utf-8")
                shown = run(["example.py"], client).strip().splitlines()
                wanted = [match[1] for match in _VALUE.findall(block)]
                assert shown[-len(wanted) :] == wanted
                continue
            for line in block.splitlines():
                if line.startswith("mlrun-like"):
                    run(["-m", "mlrun_like", *shlex.split(line)[1:]], server)
        runs = run(["-m", "mlrun_like", "get", "runs", "--project", "fraud"], server)
        assert "train" in runs
    finally:
        run(["-m", "mlrun_like", "service", "stop"], server)


def test_its_settings_exist() -> None:
    known = {row.name for row in SETTINGS}
    named = set(re.findall(r"`(service_\w+)`", TEXT))
    assert named and named <= known


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(\.\./([^)]+)\)", TEXT):
        assert (ROOT / target).exists(), target
