"""kill -9 at random moments: the rows and windows are those of a process nobody killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Redis, redis_server

PROGRAM = Path(__file__).parents[3] / "bench" / "feature_store" / "kills.py"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with redis_server() as found:
        yield found


def _run(what: str, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), what, "--kills", "20", *options],
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_batch() -> None:
    assert "no difference" in _run("batch", "--rows", "6000")


def test_stream(server: Redis) -> None:
    url = f"{server.url}/{server.new_name()}"
    assert "no difference" in _run("stream", "--rows", "3000", "--url", url)
