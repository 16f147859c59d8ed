"""What becomes of a flow with a loop of its own when the program ends."""

from __future__ import annotations

import subprocess
import sys

FLOW = """
import asyncio
from mlrun_like.serving.stream_flow import SyncEmitSource, build_flow
from mlrun_like.serving.steps.maps import ForEach
async def show(body):
    await asyncio.sleep(0.01)
    print(body, flush=True)
controller = build_flow([SyncEmitSource(), ForEach(show)]).run()
for number in range(5):
    controller.emit(number)
"""


def ended(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", FLOW + code], capture_output=True, text=True, timeout=30, check=False
    )


def test_events_that_wait_are_not_lost() -> None:
    done = ended("")
    assert (done.returncode, done.stdout.split()) == (0, list("01234"))
    done = ended("controller.terminate()")
    assert (done.returncode, done.stdout.split()) == (0, list("01234"))


def test_a_program_that_fails_ends() -> None:
    done = ended("raise RuntimeError('broken')")
    assert done.returncode == 1
    assert "RuntimeError: broken" in done.stderr
    assert done.stdout.split() == list("01234")
