"""Runs of pipelines as MLRun's users look at them: states as Kubeflow names them, waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, NotFoundError, RunError, RunTimeoutError
from mlrun_like.projects.workflow_spec import WorkflowSpec
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store

__all__ = [
    "STATES",
    "PipelineRunStatus",
    "get_pipeline",
    "get_run_status",
    "list_pipelines",
    "wait_for_pipeline_completion",
]

STATES: Mapping[str, str] = {
    "created": "Pending",
    "pending": "Pending",
    "running": "Running",
    "aborting": "Running",
    "completed": "Succeeded",
    "error": "Failed",
    "aborted": "Canceled",
    "skipped": "Skipped",
}
"""State of a run -> Kubeflow's name of it."""
_STABLE = frozenset(STATES[state] for state in TERMINAL)
_RUNNER = "workflow-runner"


class PipelineRunStatus:
    """The run of a workflow: its id, state and what it failed of.

    Args:
        run_id: The id of the pipeline's run, or of the run that carries it out elsewhere.
        project: The project's name.
        state: The state if it is known to be over.
        exc: What it failed of.
        settle: Called when it is over and was waited for.
        ask: Gives the state of a run that another service keeps.
    """

    def __init__(
        self,
        run_id: str,
        project: str,
        state: str = "",
        exc: Exception | None = None,
        settle: Callable[[], None] | None = None,
        ask: Callable[[], str] | None = None,
    ) -> None:
        self._id = run_id
        self._project = project
        self._state = state
        self._settle = settle
        self._ask = ask
        self.exc = exc
        self.workflow: WorkflowSpec | None = None
        """What was run, for those that were started here."""

    @property
    def run_id(self) -> str:
        """The id of the pipeline's run."""
        document = _find(self._id, self._project)
        found = document and document.get("status", {}).get("results", {}).get("workflow_id")
        return str(found or self._id)

    @property
    def state(self) -> str:
        """`Pending`, `Running`, `Succeeded`, `Failed`, `Canceled` or `Skipped`."""
        if self._state not in _STABLE:
            if self._ask is not None:
                state = self._ask()
            else:
                document = _find(self._id, self._project)
                state = (document or {}).get("status", {}).get("state", "created")
            self._state = STATES.get(state, state.capitalize())
        return self._state

    def wait_for_completion(
        self, timeout: float | None = None, expected_statuses: Sequence[str] | None = None
    ) -> str:
        """Wait for the end, and give the state.

        Args:
            timeout: Seconds to wait at most; None: an hour.
            expected_statuses: Raise if it ends in another state; None: any will do.

        Raises:
            RunError: if it ended in a state that was not expected.
            RunTimeoutError: if it is not over in time; it goes on.
        """
        limit = 3600.0 if timeout is None else float(timeout)
        end = time.monotonic() + limit
        while self.state not in _STABLE:
            if time.monotonic() > end:
                raise RunTimeoutError(
                    f"the workflow is still {self.state!r} after {limit:g} s",
                    where=f"run {self._project}@{self._id}",
                    fix="wait longer: wait_for_completion(timeout=...)",
                )
            time.sleep(0.1 if self._ask is None else 5.0)
        if self._settle is not None:
            self._settle()
        if expected_statuses and self.state not in expected_statuses:
            raise _unexpected(self._id, self._project, self.state, expected_statuses)
        return self.state

    def __str__(self) -> str:
        return self.run_id

    def __repr__(self) -> str:
        return f"<workflow run {self.run_id} {self.state}>"


def get_run_status(
    project: Any,
    run: PipelineRunStatus | str,
    timeout: float | None = None,
    expected_statuses: Sequence[str] | None = None,
) -> tuple[str, int, str]:
    """Wait for a workflow's run, and say how it went.

    Args:
        project: The project.
        run: What `project.run` gave, or its id.
        timeout: Seconds to wait at most; None: an hour; 0: do not wait.
        expected_statuses: Raise if it ends in another state.

    Returns:
        The state, the number of steps that failed, and a sentence with both.
    """
    found = run if isinstance(run, PipelineRunStatus) else PipelineRunStatus(str(run), project.name)
    state = found.state
    if timeout is None or timeout:
        state = found.wait_for_completion(timeout, expected_statuses)
    query = RunQuery(project=project.name, labels={"workflow": found.run_id})
    steps = open_store().list_runs(query)
    failed = sum(step["status"].get("state") == "error" for step in steps)
    text = f"Workflow {found.run_id} finished"
    text += f" with {failed} errors" if failed else ""
    return state, failed, f"{text}, state={state}"


def get_pipeline(run_id: str, project: str = "", **mlruns: Any) -> dict[str, Any]:
    """A pipeline's run as plain data: `run` (id, name, status, error, ...) and `steps`.

    Args:
        run_id: Its id.
        project: Its project; by default the default project.
        mlruns: MLRun's `namespace`, `format_type` and `remote`; they mean nothing here.

    Raises:
        NotFoundError: if there is none.
    """
    del mlruns
    place = project or config.default_project
    document = _followed(run_id, place)
    uid = document["metadata"]["uid"]
    store = open_store()
    steps = [
        {
            "name": row.step,
            "status": STATES.get(row.state, row.state),
            "run_uid": row.uid,
            "started_at": row.started,
            "finished_at": row.ended or None,
            **row.body,
        }
        for row in store.list_steps(place, uid)
    ]
    return {"run": _summary(document), "steps": steps}


def list_pipelines(
    project: str = "", name_contains: str = "", page_size: int = 0, **mlruns: Any
) -> tuple[int, None, list[dict[str, Any]]]:
    """The runs of pipelines, newest first.

    Args:
        project: Its project; `"*"`: all; by default the default project.
        name_contains: Only those with this in their name.
        page_size: At most so many; 0: all.
        mlruns: MLRun's other arguments; they mean nothing here.

    Returns:
        How many there are, None (there is no further page), and the runs.
    """
    del mlruns
    query = RunQuery(project=project or config.default_project, labels={"kind": "pipeline"})
    found = [_summary(item) for item in open_store().list_runs(query)]
    found = [item for item in found if name_contains in item["name"]]
    return len(found), None, found[: page_size or None]


def wait_for_pipeline_completion(
    run_id: PipelineRunStatus | str,
    timeout: float = 3600,
    expected_statuses: Sequence[str] = ("Succeeded",),
    namespace: str | None = None,
    remote: bool = True,
    project: str = "",
) -> dict[str, Any]:
    """Wait for the end of a pipeline's run; gives `get_pipeline`.

    Args:
        run_id: What `project.run` gave, or its id.
        timeout: Seconds to wait at most.
        expected_statuses: The states that are no failure.
        namespace: MLRun's; there are none here.
        remote: MLRun's; the store is asked in any case.
        project: Its project; by default the default project.

    Raises:
        RunError: if it ended in another state.
        RunTimeoutError: if it is not over in time.
        NotFoundError: if there is none.
    """
    del namespace, remote
    place = project or config.default_project
    status = run_id if isinstance(run_id, PipelineRunStatus) else PipelineRunStatus(run_id, place)
    if not isinstance(run_id, PipelineRunStatus):
        _followed(run_id, place)
    status.wait_for_completion(timeout, expected_statuses)
    return get_pipeline(status.run_id, status._project)


def _find(uid: str, project: str) -> dict[str, Any] | None:
    try:
        return open_store().read_run(project, uid)
    except NotFoundError:
        return None


def _followed(uid: str, project: str) -> dict[str, Any]:
    """A pipeline's run; of the run that carries one out, that one, as soon as there is one."""
    if not isinstance(uid, str) or not uid:
        raise InvalidArgumentError(f"run id {uid!r} must be a text", fix="run.run_id")
    document = open_store().read_run(project, uid)
    inner = document.get("status", {}).get("results", {}).get("workflow_id")
    is_runner = document["metadata"].get("labels", {}).get("job-type") == _RUNNER
    found = _find(str(inner), project) if is_runner and inner else None
    return found or document


def _summary(document: Mapping[str, Any]) -> dict[str, Any]:
    meta, status = document["metadata"], document.get("status", {})
    state = status.get("state", "created")
    return {
        "id": meta["uid"],
        "name": meta.get("name", ""),
        "project": meta.get("project", ""),
        "status": STATES.get(state, state),
        "error": status.get("error") or "",
        "created_at": status.get("start_time"),
        "finished_at": status.get("end_time"),
    }


def _unexpected(uid: str, project: str, state: str, wanted: Sequence[str]) -> RunError:
    document = _find(uid, project) or {}
    error = document.get("status", {}).get("error") or ""
    return RunError(
        f"the workflow ended {state!r}, not {' or '.join(wanted)}{': ' if error else ''}{error}",
        where=f"run {project}@{uid}",
        fix=f"mlrun-like logs {uid}",
    )
