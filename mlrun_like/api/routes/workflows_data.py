"""Runs that start a workflow: what became of a start, before and after its pipeline's run."""

from __future__ import annotations

import time
from collections.abc import Mapping

from mlrun_like.errors import NotFoundError
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["is_going_on", "last_start", "start_data"]

_RUNNER = {"job-type": "workflow-runner"}
_PATIENCE = 60.0  # seconds until a process must have told that it is there


def start_data(store: SqlStore, project: str, uid: str) -> Document | None:
    """What is known of the start of a workflow.

    Args:
        store: The store.
        project: The project.
        uid: The run that starts the workflow: what `submit` gave as `run_id`.

    Returns:
        `uid`, `name`, `state`, `error`, `told` (the error with how to mend it), `arguments`, and
        `pipeline`: the uid of the pipeline's run, empty as long as there is none. None if the run
        is something else.

    Raises:
        NotFoundError: if there is no such run, and it is too late to wait for it.
    """
    try:
        run = store.read_run(project, uid)
    except NotFoundError:
        if not _is_young(uid):
            raise
        return {"uid": uid, "name": "", "state": "created", "error": "", "told": "",
                "arguments": {}, "pipeline": ""}  # fmt: skip
    if (run["metadata"].get("labels") or {}).get("job-type") != _RUNNER["job-type"]:
        return None
    return _row(store, run)


def last_start(store: SqlStore, project: str, name: str) -> Document | None:
    """The newest start of a workflow, as `start_data` gives it; None: it was never started."""
    query = RunQuery(project=project, labels={**_RUNNER, "workflow-name": name}, limit=1)
    found = store.list_runs(query)
    return _row(store, found[0]) if found else None


def is_going_on(store: SqlStore, project: str, runner: str) -> bool:
    """Whether the process that lets a pipeline go on is still at work, or about to begin."""
    try:
        run = store.read_run(project, runner)
    except NotFoundError:
        return _is_young(runner)
    return (run.get("status") or {}).get("state") not in TERMINAL


def _row(store: SqlStore, run: Document) -> Document:
    meta, status = run["metadata"], run.get("status") or {}
    given = ((run.get("spec") or {}).get("parameters") or {}).get("workflow_arguments")
    pipeline = str((status.get("results") or {}).get("workflow_id") or "")
    if pipeline and not store.list_runs(
        RunQuery(project=str(meta["project"]), uid=pipeline, labels={"kind": "pipeline"}, limit=1)
    ):
        pipeline = ""  # its id is known before its run is
    return {
        "uid": str(meta["uid"]),
        "name": str(meta.get("name") or ""),
        "state": str(status.get("state") or "created"),
        "error": str(status.get("error") or ""),
        "told": str(status.get("traceback") or status.get("error") or ""),
        "arguments": dict(given) if isinstance(given, Mapping) else {},
        "pipeline": pipeline,
        "start_time": status.get("start_time"),
    }


def _is_young(uid: str) -> bool:
    try:
        made = int(uid[:12], 16) / 1000  # ids begin with the time in ms
    except ValueError:
        return False
    return len(uid) == 32 and abs(time.time() - made) < _PATIENCE
