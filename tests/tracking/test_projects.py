"""Projects in the store, over each database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mlrun_like.errors import NotFoundError
from mlrun_like.tracking.abilities import ProjectStore
from mlrun_like.tracking.base import MetricPoint, RunQuery
from mlrun_like.tracking.full import FullStore


def _project(name: str, **spec: Any) -> dict[str, Any]:
    return {"kind": "project", "metadata": {"name": name}, "spec": spec}


def test_documents(store: FullStore) -> None:
    assert isinstance(store, ProjectStore)
    store.store_project(_project("b", description="old"))
    store.store_project(_project("b", description="new"))
    store.store_project(_project("a"))
    assert store.read_project("b")["spec"] == {"description": "new"}
    assert [row["metadata"]["name"] for row in store.list_projects()] == ["a", "b"]
    assert len(store.list_projects("~A")) == 1 and not store.list_projects("c")
    with pytest.raises(NotFoundError, match="no project 'c'"):
        store.read_project("c")


def test_the_end_of_a_project(store: FullStore, make_run: Callable[..., dict[str, Any]]) -> None:
    for name in ("p", "q"):
        store.store_project(_project(name))
        store.store_run(make_run("u1", "completed", project=name))
        store.store_run(make_run("u2", "running", project=name))
        store.log_metrics(name, "u1", 0, [MetricPoint("loss", 0.5, 0, 1.0)])
        store.append_log(name, "u1", b"text")
        store.store_artifact(
            {"kind": "", "metadata": {"key": "a", "project": name, "uid": "1"}, "spec": {}},
            tag="v1",
        )
        store.store_function({"kind": "job", "metadata": {"name": "f", "project": name}})
    content = store.project_content("p")
    assert content == {
        "runs": 2,
        "artifacts": 1,
        "functions": 1,
        "schedules": 0,
        "endpoints": 0,
        "running": 1,
    }
    assert store.delete_project("p") and not store.delete_project("p")
    assert not any(store.project_content("p").values())
    assert store.log_size("p", "u1") == 0 and store.log_size("q", "u1") == 4
    assert len(store.list_runs(RunQuery(project="q"))) == 2
    assert store.read_artifact("q", "a", tag="v1")
