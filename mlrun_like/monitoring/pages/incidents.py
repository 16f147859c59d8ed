"""Incidents as plain data, and what may be done with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlrun_like.errors import NotFoundError
from mlrun_like.monitoring.actions.lineage import what_came_of
from mlrun_like.tracking.alert_abilities import Activation, ActivationFilter, AlertStore
from mlrun_like.types import Document

__all__ = ["OPEN", "incident_data", "incident_rows"]

OPEN = ("open", "acknowledged")
"""States of incidents that have not ended."""

_WANTED = 5000


def incident_rows(
    store: Any,
    project: str = "",
    *,
    states: Sequence[str] = OPEN,
    severities: Sequence[str] = (),
    entity: str = "",
    limit: int = 200,
) -> list[Document]:
    """Incidents, newest first.

    Args:
        store: The store.
        project: The project; empty: all.
        states: In these states; none: in any.
        severities: Of these severities; none: of any.
        entity: About this endpoint's uid, or any of its results.
        limit: At most so many.
    """
    if not isinstance(store, AlertStore):
        return []
    chosen = ActivationFilter(
        states=tuple(states), severities=tuple(severities), limit=_WANTED if entity else limit
    )
    found = store.list_activations(project or "*", chosen)
    if entity:
        found = [row for row in found if row.entity_id.partition(".")[0] == entity]
    return [_row(row) for row in found[:limit]]


def incident_data(store: Any, project: str, number: int) -> Document:
    """One incident with its time line, and what its actions began: runs, models.

    Raises:
        NotFoundError: if there is no such incident.
    """
    found: list[Activation] = []
    if isinstance(store, AlertStore) and number > 0:
        found = store.list_activations(project, ActivationFilter(number=number))
    if not found:
        raise NotFoundError(f"there is no incident {number}", where=f"project {project!r}")
    lines = store.alert_lines(project, number)
    return {
        **_row(found[0]),
        "actions": what_came_of(project, str(number), store=store, note=False),
        "time_line": [{"time": line.time, "kind": line.kind, "body": line.body} for line in lines],
    }


def _row(row: Activation) -> Document:
    body = row.body
    return {
        "project": row.project,
        "number": row.number,
        "name": row.name,
        "severity": row.severity,
        "state": row.state,
        "entity_kind": row.entity_kind,
        "entity_id": row.entity_id,
        "opened": row.opened,
        "updated": row.updated,
        "resolved": row.resolved,
        "summary": str(body.get("summary") or ""),
        "reason": str(body.get("reason") or ""),
        "firings": body.get("firings") or 1,
        "acknowledged_by": str(body.get("acknowledged_by") or ""),
        "resolution": str(body.get("resolution") or ""),
    }
