"""A corpus of broken projects: each is diagnosed, with the right cause and a fix, before it starts.

A project is a folder of files and what its owner does with it. Nothing may be recorded or running
afterwards; `bench/runtimes/diagnosis.py` measures how long the diagnosis takes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import MLRunLikeError, PreflightError
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store
from tests.e2e.broken_projects import PROJECTS, Project
from tests.e2e.more_broken_projects import MORE

ALL = [*PROJECTS, *MORE]


@pytest.mark.parametrize("project", ALL, ids=lambda project: project.name)
def test_the_cause_is_named_with_a_fix(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    project.prepare(tmp_path, monkeypatch)
    with pytest.raises(MLRunLikeError) as caught:
        project.act(tmp_path)
    text = _told(caught.value)
    assert re.search(project.cause, text, re.S), f"the cause is not in:\n{text}"
    assert re.search(project.fix, text, re.S), f"the fix is not in:\n{text}"
    store = open_store()
    assert store.list_runs(RunQuery(project="*")) == []


def _told(error: MLRunLikeError) -> str:
    parts: list[Any] = [error]
    if isinstance(error, PreflightError):
        parts += [f"{item['what']}\n{item['fix']}" for item in error.findings]
        assert all(item["fix"] for item in error.findings)
    else:
        assert error.fix or error.where
    return "\n".join(map(str, parts))


def test_the_corpus_is_large_enough() -> None:
    assert len({project.name for project in ALL}) == len(ALL) >= 80
