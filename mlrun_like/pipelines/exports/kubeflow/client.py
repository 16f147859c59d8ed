"""Submit a package to a Kubeflow Pipelines service and watch the run, through `kfp.Client`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlrun_like.errors import PipelineError
from mlrun_like.pipelines.engine.local import check_arguments
from mlrun_like.pipelines.exports.kubeflow.channels import type_of_parameter
from mlrun_like.pipelines.exports.kubeflow.package import export_kubeflow
from mlrun_like.pipelines.exports.kubeflow.record import KubeflowRecord
from mlrun_like.pipelines.nodes import REQUIRED
from mlrun_like.pipelines.plan import Plan
from mlrun_like.registry import require

__all__ = ["KubeflowRun", "as_arguments", "submit", "watch"]

_ENDED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")
_ENDS = {"SKIPPED": "completed"}
_STATES = {"SUCCEEDED": "completed", "FAILED": "error", "CANCELED": "aborted"}


@dataclass(frozen=True)
class KubeflowRun:
    """A run on a Kubeflow service, as it was when it was asked for.

    Args:
        uid: Its id there; runs of its steps have it as label `workflow`.
        state: `completed`, `error`, `aborted`, or Kubeflow's word for what goes on.
        steps: The states of its tasks, by name, in Kubeflow's words.
        error: What the service says went wrong.
    """

    uid: str
    state: str
    steps: Mapping[str, str] = field(default_factory=dict)
    error: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in _STATES.values() or self.state in _ENDED


def submit(
    plan: Plan,
    arguments: Mapping[str, Any] | None = None,
    *,
    host: str,
    folder: str | Path = "",
    experiment: str = "",
    image: str = "",
    project: str = "",
    options: Mapping[str, Any] | None = None,
) -> KubeflowRun:
    """Export a plan, and run it on a Kubeflow Pipelines service.

    Args:
        plan: The pipeline.
        arguments: Values of its parameters; they are checked before anything is sent.
        host: URL of the service.
        folder: Where the package is written; by default the working folder.
        experiment: Kubeflow's group of runs; by default the pipeline's name.
        image: See `export_kubeflow`.
        project: Where the run is recorded; by default the default project. Steps record to the
            store that the package names; it must be the one that is used here.
        options: Further options of `kfp.Client`, such as `existing_token` and `namespace`.

    Raises:
        PipelineError: if the arguments are wrong or the service refuses the run.
        MissingDependencyError: without the package `kfp`.
    """
    given = check_arguments(plan, arguments or {})
    sent = as_arguments(plan, given)
    client = _client(host, options)
    target = Path(folder) / f"{plan.name}.yaml"
    export_kubeflow(plan, target, image=image)
    try:
        made = client.create_run_from_pipeline_package(
            str(target),
            arguments=sent,
            run_name=plan.name,
            experiment_name=experiment or plan.name,
        )
    except Exception as exc:
        raise _refused(exc, host) from exc
    KubeflowRecord(str(made.run_id), project).begin(plan.name, plan, given)
    return KubeflowRun(str(made.run_id), "PENDING")


def as_arguments(plan: Plan, given: Mapping[str, Any]) -> dict[str, Any]:
    """Values of parameters as the service takes them.

    None is left out; a parameter whose type nobody knows takes JSON as text.

    Raises:
        PipelineError: if a value is None and the default is another, which would be taken.
    """
    for name, value in given.items():
        if value is None and plan.parameters[name].default not in (None, REQUIRED):
            raise PipelineError(
                f"parameter {name!r} is None, for which Kubeflow takes its default "
                f"{plan.parameters[name].default!r:.80}",
                where=f"pipeline {plan.name!r}",
                fix=f"make None the default of {name!r}",
            )
    return {
        name: value if type_of_parameter(plan.parameters[name]) else json.dumps(value)
        for name, value in given.items()
        if value is not None
    }


def watch(
    uid: str,
    *,
    host: str,
    timeout: float | None = None,
    poll: float = 5.0,
    report: Callable[[str], None] | None = None,
    project: str = "",
    options: Mapping[str, Any] | None = None,
) -> KubeflowRun:
    """Wait for a run's end, and record it.

    Args:
        uid: Its id.
        host: URL of the service.
        timeout: Seconds; None: as long as it takes.
        poll: Seconds between two looks.
        report: Receives a line whenever a task's state changes.
        project: Where it is recorded; by default the default project.
        options: Further options of `kfp.Client`.

    Returns:
        The run; not over if the time was.

    Raises:
        PipelineError: if the service does not answer.
    """
    client = _client(host, options)
    deadline = None if timeout is None else time.monotonic() + timeout
    seen: dict[str, str] = {}
    while True:
        try:
            run = _read(client.get_run(uid))
        except Exception as exc:
            raise _refused(exc, host) from exc
        for name, state in run.steps.items():
            if seen.get(name) != state and report is not None:
                report(f"{name} {state.lower()}")
        seen = dict(run.steps)
        if run.is_over:
            KubeflowRecord(uid, project).end(_ENDS.get(run.state, run.state), run.error)
        if run.is_over or (deadline is not None and time.monotonic() >= deadline):
            return run
        time.sleep(poll)


def _client(host: str, options: Mapping[str, Any] | None) -> Any:
    kfp = require("kfp", extra="kfp", feature="runs on Kubeflow Pipelines")
    try:
        return kfp.Client(host=host, **(options or {}))
    except Exception as exc:
        raise _refused(exc, host) from exc


def _read(run: Any) -> KubeflowRun:
    rows = getattr(run.run_details, "task_details", None) or []
    steps = {str(row.display_name): str(row.state) for row in rows if row.display_name}
    state = str(run.state)
    error = str(getattr(run.error, "message", "") or "")
    return KubeflowRun(str(run.run_id), _STATES.get(state, state), steps, error)


def _refused(exc: Exception, host: str) -> PipelineError:
    status = getattr(exc, "status", None)
    text = f"HTTP {status}: {getattr(exc, 'reason', '')}" if status else f"{exc}"[:300]
    return PipelineError(
        f"Kubeflow Pipelines did not do what it was asked: {text}",
        where=host,
        fix="check the URL, and the token in options={'existing_token': ...}",
    )
