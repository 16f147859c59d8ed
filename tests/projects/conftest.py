"""Projects with real folders, stores and git repositories."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlrun_like.projects import MlrunProject, new_project, set_current_project
from mlrun_like.tracking.connect import close_stores

TRAIN = """
import pandas as pd

def train(context, df=None, depth: int = 2):
    context.log_result("accuracy", depth / 10)
    if df is not None:
        data = df.as_df()
        context.log_dataset("table", data)
        context.log_metric("loss", 0.5)
        context.log_model("model", body=b"123", model_file="m.bin")
    print("token is", context.get_secret("TOKEN"))
    return depth * 2
"""


@pytest.fixture(autouse=True)
def alone(home: Path) -> Iterator[None]:
    """No current project and no store outlives its test."""
    yield
    set_current_project(None)
    close_stores()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file to train."""
    path = tmp_path / "work"
    path.mkdir()
    (path / "train.py").write_text(TRAIN, encoding="utf-8")
    return path


@pytest.fixture
def project(folder: Path) -> MlrunProject:
    """A project with one function."""
    made = new_project("demo", folder)
    made.set_function("train.py", "train", kind="local", handler="train")
    return made.save()


Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Git:
    """Run git as a user without settings of their own."""
    for name in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(name, "Ann")
    for name in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(name, "ann@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)

    def run(*words: str, cwd: Path = tmp_path) -> str:
        return subprocess.run(
            ["git", *words], cwd=cwd, check=True, capture_output=True, text=True
        ).stdout.strip()

    return run


@pytest.fixture
def origin(tmp_path: Path, git: Git) -> Path:
    """A bare repository with a project on `main` and another state on the branch `next`."""
    work, bare = tmp_path / "author", tmp_path / "origin.git"
    work.mkdir()
    git("init", "--quiet", "--initial-branch=main", cwd=work)
    (work / "train.py").write_text(TRAIN, encoding="utf-8")
    (work / "project.yaml").write_text(
        "kind: project\nmetadata: {name: fromgit}\nspec:\n  params: {depth: 3}\n  functions:\n"
        "  - {name: train, url: train.py, kind: local, handler: train}\n",
        encoding="utf-8",
    )
    git("add", ".", cwd=work)
    git("commit", "--quiet", "--message", "first", cwd=work)
    git("checkout", "--quiet", "-b", "next", cwd=work)
    (work / "new.txt").write_text("new", encoding="utf-8")
    git("add", ".", cwd=work)
    git("commit", "--quiet", "--message", "second", cwd=work)
    git("checkout", "--quiet", "main", cwd=work)
    git("clone", "--quiet", "--bare", str(work), str(bare))
    return bare
