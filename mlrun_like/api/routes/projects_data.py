"""Projects as plain data: their summaries, and what a project's home shows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from mlrun_like.errors import NotFoundError
from mlrun_like.monitoring.pages.incidents import incident_rows
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.project_counts import project_names, recent_counts
from mlrun_like.tracking.schedules import SqlSchedules
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = [
    "project_document",
    "project_home",
    "project_summaries",
    "project_summary",
    "summaries_at_hand",
]

_COUNTS = (
    *("artifacts", "models", "datasets", "functions", "schedules", "feature_sets"),
    *("feature_vectors", "endpoints", "alerts", "open_incidents"),
)
_GOING_ON = ("running", "pending", "aborting", "created")
_DAY = 86400.0
_FEW = 10


def project_document(store: SqlStore, project: str) -> Document:
    """A project's document; one that only has content gets the least that there can be.

    Raises:
        NotFoundError: if there is neither.
    """
    try:
        return store.read_project(project)
    except NotFoundError:
        if not any(store.project_content(project).values()):
            raise
    return {
        "kind": "project",
        "metadata": {"name": project},
        "spec": {},
        "status": {"state": "online"},
    }


def project_summaries(store: SqlStore, names: Sequence[str] | None = None) -> list[Document]:
    """A summary of each project by name: who it is, and how much it holds.

    Args:
        store: The store.
        names: Only these; None: all.
    """
    names = project_names(store) if names is None else names
    return _summaries(store, names, recent_counts(store, names) or {})


def project_summary(store: SqlStore, project: str) -> Document:
    """The summary of one project; it says nothing of one that has just been deleted."""
    found = project_summaries(store, [project])
    return found[0] if found else _summary(project, {}, {})


def summaries_at_hand(store: SqlStore, names: Sequence[str]) -> list[Document] | None:
    """The same without waiting: None if counting would take long, and nobody has done it lately."""
    counts = recent_counts(store, names, wait=False)
    return None if counts is None else _summaries(store, names, counts)


def _summaries(
    store: SqlStore, names: Sequence[str], counts: dict[str, dict[str, Any]]
) -> list[Document]:
    wanted = set(names)
    documents = {
        row["metadata"]["name"]: row
        for row in store.list_projects()
        if row["metadata"]["name"] in wanted
    }
    there = documents.keys() | {name for name, held in counts.items() if held}
    return [
        _summary(name, documents.get(name) or {}, counts.get(name) or {}) for name in sorted(there)
    ]


def _summary(name: str, document: Document, counts: Document) -> Document:
    metadata, spec = document.get("metadata") or {}, document.get("spec") or {}
    runs, pipelines = counts.get("runs") or {}, counts.get("pipelines") or {}
    return {
        "name": name,
        "description": str(spec.get("description") or ""),
        "owner": str(spec.get("owner") or ""),
        "labels": metadata.get("labels") or {},
        "created": metadata.get("created"),
        "state": str((document.get("status") or {}).get("state") or "online"),
        "runs": sum(runs.values()),
        "runs_by_state": runs,
        "runs_running": sum(runs.get(state, 0) for state in _GOING_ON),
        "runs_failed": runs.get("error", 0),
        "pipelines": sum(pipelines.values()),
        "pipelines_by_state": pipelines,
        **{word: counts.get(word, 0) for word in _COUNTS},
    }


def project_home(store: SqlStore, project: str) -> Document:
    """What the first page of a project shows.

    Raises:
        NotFoundError: if there is no such project.
    """
    document = project_document(store, project)
    day = store.count_runs(project, time.time() - _DAY)
    last_day: dict[str, int] = {}
    for row in day:
        last_day[row.state] = last_day.get(row.state, 0) + row.runs
    return {
        "project": document,
        "summary": project_summary(store, project),
        "last_day": last_day,
        "recent_runs": store.list_runs(RunQuery(project=project, limit=_FEW)),
        "recent_pipelines": store.list_runs(
            RunQuery(project=project, labels={"kind": "pipeline"}, limit=_FEW)
        ),
        "open_incidents": incident_rows(store, project, limit=_FEW),
        "schedules": _next_schedules(store, project),
    }


def _next_schedules(store: SqlSchedules, project: str) -> list[dict[str, Any]]:
    rows = [row for row in store.list_schedules(project) if row.get("next_run_time")]
    rows.sort(key=lambda row: str(row["next_run_time"]))
    return [{"name": row["name"], "next_run_time": row["next_run_time"]} for row in rows[:_FEW]]
