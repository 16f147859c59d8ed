"""An import that is killed at any moment can be done again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from mlrun_like.artifacts.item import get_artifact
from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError
from mlrun_like.projects import MlrunProject
from mlrun_like.projects.bundle import export_project
from mlrun_like.projects.restoring import import_project

DRIVER = """
import os, signal, sys
from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError
from mlrun_like.projects.restoring import import_project
import mlrun_like.tracking.connect

config.home, archive, folder = sys.argv[1:4]
EVENTS = ("os.rename", "os.mkdir", "os.rmdir", "shutil.move", "shutil.rmtree", "sqlite3.connect")
seen = 0

def count(name, args, last):
    global seen
    if name in EVENTS or (name == "open" and isinstance(args[2], int) and args[2] & os.O_CREAT):
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)

last, ended = 1, -1
while ended != 0:
    child = os.fork()
    if child == 0:
        sys.addaudithook(lambda name, args: count(name, args, last))
        try:
            import_project(archive, folder)
        except ConflictError as exc:  # only its last clean-up was killed
            assert "already" in str(exc)
        mlrun_like.tracking.connect.close_stores()
        os._exit(0)
    ended = os.waitpid(child, 0)[1]
    if ended not in (0, signal.SIGKILL):
        sys.exit(f"at event {last}: {ended}")
    last += int(sys.argv[4])
print(last)
"""


@pytest.mark.slow
def test_killed_at_many_moments(project: MlrunProject, tmp_path: Path) -> None:
    data = project.log_dataset("input", pd.DataFrame({"x": [1, 2, 3]}), tag="gold")
    run = project.run_function("train", inputs={"df": data.uri})
    (Path(project.context) / "deep").mkdir()
    (Path(project.context) / "deep" / "a.txt").write_text("a" * 100_000)
    export_project(project, tmp_path / "demo.zip")
    home, folder = tmp_path / "home2", tmp_path / "there"
    words = [sys.executable, "-c", DRIVER, str(home), str(tmp_path / "demo.zip"), str(folder), "7"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20
    assert (folder / "deep" / "a.txt").stat().st_size == 100_000
    with config.override(home=str(home)):
        (again,) = project.list_runs()
        assert again.logs() == run.logs() and again.metrics() == run.metrics()
        assert len(project.list_artifacts()) == 3
        assert get_artifact("store://datasets/demo/input:gold").to_dataitem().as_df().x.sum() == 6


def test_a_folder_with_something_else_is_not_taken_for_a_rest(
    project: MlrunProject, tmp_path: Path
) -> None:
    export_project(project, tmp_path / "demo.zip")
    for name, text in (("train.py", "mine"), ("other.txt", "mine")):
        place = tmp_path / name.partition(".")[0]
        place.mkdir()
        (place / name).write_text(text)
        second = config.override(home=str(tmp_path / "home2"))
        with second, pytest.raises(ConflictError, match="not empty"):
            import_project(tmp_path / "demo.zip", place)
        assert (place / name).read_text() == text
