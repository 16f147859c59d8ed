"""The home folder's disk is full: whoever started a run learns that its record is not kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import missing

pytestmark = pytest.mark.slow

JOB = """
def work(context, seven: int = 7):
    context.log_result("answer", seven * 6)


def fail(context):
    raise ValueError("of its own")
"""
PROGRAM = """
import os, sys, time
import mlrun_like
from mlrun_like.errors import MLRunLikeError, RecordLostError
from mlrun_like.tracking.connect import open_store

home, kind, handler, way = os.environ["MLRUN_LIKE_HOME"], *sys.argv[1:]
function = mlrun_like.code_to_function(
    name="job", filename="job.py", kind=kind, handler=handler
)
function.run(handler="work")
file = os.open(f"{home}/fill", os.O_WRONLY | os.O_CREAT)
try:
    while True:
        os.write(file, bytes(4096))
except OSError:
    pass
if way == "cli":
    from mlrun_like.cli.main import main
    sys.argv[1:] = ["run", "job.py", "--handler", handler, "--kind", kind]
    main()
try:
    function.run()
    print("returned")
except MLRunLikeError as exc:
    lost = exc if isinstance(exc, RecordLostError) else exc.__cause__
    print(type(exc).__name__, type(lost).__name__)
    print(lost)
    print(lost.run["status"].get("results"), lost.run["status"]["state"])
if way == "room":
    os.unlink(f"{home}/fill")
    os.close(file)
    meta = lost.run["metadata"]
    for _ in range(100):
        try:
            found = open_store().read_run(meta["project"], meta["uid"])
            if found["status"]["state"] == "completed":
                print("written", found["status"]["results"])
                break
        except MLRunLikeError:
            pass
        time.sleep(0.1)
os._exit(0)
"""


def in_full_home(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The program, whose home folder is a disk of its own."""
    if not sys.platform.startswith("linux") or not shutil.which("unshare") or os.geteuid():
        missing("a disk of one's own: Linux, unshare and root")
    home = folder / "home"
    home.mkdir()
    (folder / "job.py").write_text(JOB)
    (folder / "program.py").write_text(PROGRAM)
    mount = 'mount -t tmpfs -o size=4m none "$1" && shift && exec "$@"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", mount, "sh", str(home), sys.executable, "program.py", *words],
        cwd=folder,
        env={**os.environ, "MLRUN_LIKE_HOME": str(home), "MLRUN_LIKE_STORE_TIMEOUT": "2"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if "mount: " in done.stderr or "unshare: " in done.stderr:
        missing(f"a disk of one's own: {done.stderr.strip()[:200]}")
    return done


@pytest.mark.parametrize("kind", ["local", "process"])
def test_a_run_whose_record_is_not_kept_is_an_error_with_its_results(
    tmp_path: Path, kind: str
) -> None:
    done = in_full_home(tmp_path, kind, "work", "room")
    assert "RecordLostError RecordLostError" in done.stdout, done.stdout + done.stderr
    assert "run 'job-work' completed, but its record is not kept: " in done.stdout
    assert "No space left on device" in done.stdout
    assert "{'answer': 42} completed" in done.stdout
    assert "written {'answer': 42}" in done.stdout, "as soon as there was room"


def test_a_run_that_fails_keeps_its_own_error(tmp_path: Path) -> None:
    done = in_full_home(tmp_path, "local", "fail", "plain")
    assert "RunError RecordLostError" in done.stdout, done.stdout + done.stderr
    assert "run 'job-fail' failed, but its record is not kept: " in done.stdout


@pytest.mark.parametrize("handler", ["work", "fail"])
def test_the_command_line_shows_the_run_and_the_error(tmp_path: Path, handler: str) -> None:
    done = in_full_home(tmp_path, "local", handler, "cli")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "its record is not kept" in done.stderr
    assert ("answer" if handler == "work" else "of its own") in done.stdout + done.stderr
