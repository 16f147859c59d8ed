"""`mlrun-like project`, `projects` and `reproduce`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mlrun_like.cli.main import app
from mlrun_like.projects import MlrunProject
from mlrun_like.tracking.connect import open_store


def call(*words: str, code: int = 0) -> str:
    """Run one command line; what it prints."""
    done = CliRunner().invoke(app, words)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


def test_a_project_is_made_and_shown(folder: Path) -> None:
    shown = call("project", str(folder), "--name", "fresh", "--param", "depth=4")
    assert "fresh" in shown and "{'depth': 4}" in shown
    assert "fresh" in call("project", str(folder))
    assert (folder / "project.yaml").is_file()
    assert "no project" in call("project", str(folder.parent), code=1)
    assert "--run names none" in call("project", str(folder), "-a", "x=1", code=1)


@pytest.mark.slow
def test_a_workflow_runs(project: MlrunProject, folder: Path) -> None:
    (folder / "flow.py").write_text(
        "import mlrun_like.projects as mlrun\n"
        "def pipeline(depth=1):\n"
        "    mlrun.run_function('train', params={'depth': depth})\n"
    )
    project.set_workflow("main", "flow.py", handler="pipeline")
    project.save()
    out = call("project", str(folder), "--run", "main", "--arguments", "depth=7", "--watch")
    assert "main" in out
    assert project.list_runs("train")[0].output("return") == 14
    assert "no workflow" in call("project", str(folder), "--run", "mian", code=1)


def test_projects(project: MlrunProject, tmp_path: Path) -> None:
    project.set_secrets({"TOKEN": "very-secret-value"})
    run = project.run_function("train")
    assert "demo" in call("projects", "list") and json.loads(call("projects", "list", "--json"))
    shown = call("projects", "show", "demo")
    assert "TOKEN" in shown and "very-secret" not in shown and "1 runs" in shown
    target = str(tmp_path / "demo.zip")
    assert "1 runs" in call("projects", "export", "demo", target)
    assert "already" in call("projects", "import", target, code=1)
    words = ("projects", "import", target, "--name", "two", "--context", str(tmp_path / "two"))
    assert "1 runs" in call(*words)
    assert "not empty" in call("projects", "delete", "two", code=1)
    assert "deleted with" in call("projects", "delete", "two", "--deletion-strategy", "cascade")
    assert len(open_store().list_projects()) == 1
    again = call("reproduce", run.metadata.uid[:20], "--folder", str(tmp_path / "again"))
    assert "nothing differs" in again
    prepared = json.loads(call("reproduce", run.uri, "--dry-run", "--json"))
    assert prepared["run"] is None and prepared["differences"] == []
    assert "no run" in call("reproduce", "feedface", code=1)


def test_nothing_there() -> None:
    assert "No projects found" in call("projects", "list")


@pytest.mark.parametrize(
    "words", [("project",), ("projects",), ("projects", "import"), ("reproduce",)]
)
def test_help_teaches(words: tuple[str, ...]) -> None:
    assert f"mlrun-like {words[0]} " in call(*words, "--help") or len(words) == 1


def test_a_function_of_the_project_by_its_name(
    project: MlrunProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.context)
    shown = call("run", "-f", "train", "--local", "--dump", "-p", "depth=3")
    assert "state: completed" in shown and "accuracy: 0.3" in shown
    assert "Did you mean 'train'" in call("run", "--func-url", "trian", code=1)
