"""Steps that run now, with the ids of their runs."""

from __future__ import annotations

from dataclasses import replace

from mlrun_like.pipelines.engine.calls import STEP
from mlrun_like.tracking.abilities import StepRow
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.store import SqlStore

__all__ = ["with_runs"]

_GOING = ("created", "pending", "running", "aborting")
_MOST = 2000


def with_runs(store: SqlStore, project: str, uid: str, rows: list[StepRow]) -> list[StepRow]:
    """The rows; those of steps that run now with the ids of their runs, which a row has only when
    its step has ended."""
    if not any(row.state == "running" and not row.uid for row in rows):
        return rows
    query = RunQuery(project=project, labels={"workflow": uid}, states=_GOING, limit=_MOST)
    uids = {
        str((run["metadata"].get("annotations") or {}).get(STEP)): str(run["metadata"]["uid"])
        for run in store.list_runs(query)
    }
    return [
        replace(row, uid=uids.get(row.step, "")) if row.state == "running" and not row.uid else row
        for row in rows
    ]
