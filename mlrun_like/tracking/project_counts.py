"""Which projects there are, and what they hold, counted with a query for each kind of thing.

Names are found without looking at each run. Counting looks at all of a project's runs, so in a
large store counts are kept for a minute, and one thread counts while others wait for its result.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, func, select, true

from mlrun_like.tracking import schema as t
from mlrun_like.tracking.schema_alerts import alert_activations, alert_documents
from mlrun_like.tracking.schema_documents import documents
from mlrun_like.tracking.schema_monitoring import model_endpoints
from mlrun_like.tracking.store import SqlStore
from mlrun_like.tracking.walking import distinct

__all__ = ["count_projects", "project_names", "recent_counts"]

_Counts = dict[str, dict[str, Any]]
_LARGE = 30_000  # runs; fewer are counted in a moment
_KEPT = 60.0  # seconds, in a large store
_MOST_KEPT = 5000
_lock = threading.Lock()
_counting = threading.Lock()
_kept: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}

_MOST_NAMES = 10_000
_HOLDING = ("runs", "artifacts", "functions", "schedules", "model_endpoints")
"""Tables that have an index which begins with the project."""


def project_names(store: SqlStore) -> list[str]:
    """Names of all projects that have a document or anything else."""
    found = {str(row["metadata"]["name"]) for row in store.list_projects()}
    with store.database.read() as connection:
        for table in _HOLDING:
            found.update(distinct(connection, table, "project", _MOST_NAMES) or ())
    return sorted(name for name in found if name)


def recent_counts(store: SqlStore, names: Sequence[str], *, wait: bool = True) -> _Counts | None:
    """Counts by project: of now in a small store, at most a minute old in a large one.

    Args:
        store: The store.
        names: Which projects.
        wait: Whether to count, however long that takes, if there are none yet; else: None.
    """
    if not _is_large(store):
        return count_projects(store, names)
    found = _at_hand(store, names)
    if found is not None or not wait:
        return found
    with _counting:
        found = _at_hand(store, names)  # whoever had the lock may have counted the same
        if found is not None:
            return found
        counted = count_projects(store, names)
        now = time.monotonic()
        with _lock:
            if len(_kept) > _MOST_KEPT:
                _kept.clear()
            _kept.update({(store.url, name): (now, counted.get(name, {})) for name in names})
    return counted


def _is_large(store: SqlStore) -> bool:
    with store.database.read() as connection:
        last = connection.execute(select(func.max(t.runs.c.run_id))).scalar()
    return (last or 0) > _LARGE


def _at_hand(store: SqlStore, names: Sequence[str]) -> _Counts | None:
    now = time.monotonic()
    with _lock:
        rows = {name: _kept.get((store.url, name)) for name in names}
    fresh = {name: row[1] for name, row in rows.items() if row and now - row[0] < _KEPT}
    return fresh if len(fresh) == len(rows) else None


def count_projects(store: SqlStore, names: Sequence[str] | None = None) -> _Counts:
    """Counts of now by project; one without anything is not in it.

    Args:
        store: The store.
        names: Only these projects; None: all.

    Returns:
        Of each project: `runs` (by state), `pipelines` (by state), `artifacts`, `models`,
        `datasets`, `functions`, `schedules`, `feature_sets`, `feature_vectors`, `endpoints`,
        `alerts`, `open_incidents`.
    """
    found: _Counts = {}

    def of(project: str) -> dict[str, Any]:
        return found.setdefault(project, {"runs": {}, "pipelines": {}})

    store.flush()
    with store.database.read() as connection:
        r = t.runs.c
        statement = (
            select(r.project, r.kind, r.state, func.count())
            .where(_in(t.runs, names), r.iter == 0, r.deleted_at.is_(None), r.state != "")
            .group_by(r.project, r.kind, r.state)
        )
        for project, kind, state, count in connection.execute(statement):
            states = of(project)["pipelines" if kind == "pipeline" else "runs"]
            states[state] = states.get(state, 0) + count
        a = t.artifacts.c
        statement = (
            select(a.project, a.category, func.count(a.key.distinct()))
            .where(_in(t.artifacts, names), a.deleted_at.is_(None), a.category != "link")
            .group_by(a.project, a.category)
        )
        for project, category, count in connection.execute(statement):
            mine = of(project)
            mine["artifacts"] = mine.get("artifacts", 0) + count
            if category in ("model", "dataset"):
                mine[f"{category}s"] = count
        for word, table, column in _PLAIN:
            counted = func.count(table.c[column].distinct())
            statement = select(table.c.project, counted).where(_in(table, names))
            for project, count in connection.execute(statement.group_by(table.c.project)):
                of(project)[word] = count
        d = documents.c
        statement = select(d.project, d.kind, func.count(d.name.distinct())).where(
            _in(documents, names), d.kind.in_(("feature-set", "feature-vector"))
        )
        for project, kind, count in connection.execute(statement.group_by(d.project, d.kind)):
            of(project)[kind.replace("-", "_") + "s"] = count
        v = alert_activations.c
        statement = select(v.project, func.count()).where(
            _in(alert_activations, names), v.state != "resolved"
        )
        for project, count in connection.execute(statement.group_by(v.project)):
            of(project)["open_incidents"] = count
        x = alert_documents.c
        statement = select(x.project, func.count()).where(
            _in(alert_documents, names), x.kind == "config"
        )
        for project, count in connection.execute(statement.group_by(x.project)):
            of(project)["alerts"] = count
    return found


_PLAIN = (
    ("functions", t.functions, "name"),
    ("schedules", t.schedules, "name"),
    ("endpoints", model_endpoints, "uid"),
)


def _in(table: Table, names: Sequence[str] | None) -> ColumnElement[bool]:
    return true() if names is None else table.c.project.in_(list(names))
