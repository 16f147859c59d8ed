"""An action that runs a pipeline: retraining, with the newest window as its data."""

from __future__ import annotations

import inspect
import time
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, NotFoundError
from mlrun_like.monitoring.actions.action import Action
from mlrun_like.monitoring.actions.claims import ActionRecord
from mlrun_like.monitoring.actions.incident import Incident
from mlrun_like.monitoring.actions.outcome import Outcome, annotations_of, labels_of
from mlrun_like.monitoring.actions.window import newest_window
from mlrun_like.pipelines.ordered import ordered
from mlrun_like.pipelines.pipeline import Pipeline
from mlrun_like.pipelines.workflow import as_pipeline, load_workflow, plan_of
from mlrun_like.registry import resolve
from mlrun_like.specs.run import TERMINAL

__all__ = ["found_pipeline", "run_pipeline"]

_INCIDENT = "incident"
"""Parameter of a pipeline that gets the incident, if it has one of this name."""


def run_pipeline(action: Action, incident: Incident, record: ActionRecord, store: Any) -> Outcome:
    """Run the workflow or pipeline of an action to its end, under the id of the record.

    Args:
        action: `workflow` (of the project) or `pipeline` (`file.py:name` or `module:name`),
            `arguments`, and `dataset`: the parameter that gets the newest window's URI.
        incident: What started it.
        record: The claim.
        store: The tracking store.

    Returns:
        `completed` or `failed`, with links to the run and the data set.
    """
    links: dict[str, Any] = {"run": record.uid}
    arguments = dict(action.options.get("arguments") or {})
    if action.options.get("dataset"):
        window = newest_window(action, incident, store)
        arguments[str(action.options["dataset"])] = window.uri
        links |= {"dataset": window.uri, "window": window.to_dict()}
    with ordered(record.uid, labels_of(record), annotations_of(record)):
        if action.options.get("workflow"):
            failure = _run_workflow(action, incident, arguments)
        else:
            flow = found_pipeline(str(action.options["pipeline"]))
            if _INCIDENT in inspect.signature(flow._body).parameters:
                arguments.setdefault(_INCIDENT, dict(incident.body))
            failure = _run(flow, arguments, incident.project)
    links["run"] = _existing(store, incident.project, record.uid) or links["run"]
    if failure is not None:
        return Outcome("failed", str(failure), links)
    return Outcome("completed", f"run {links['run']} of the pipeline completed", links)


def found_pipeline(text: str) -> Pipeline:
    """The pipeline at `file.py:name`, `module:name` or `module.name`.

    Raises:
        MissingFileError: if there is no such file.
        NotFoundError: if it has no such pipeline.
    """
    place, mark, name = text.rpartition(":")
    if mark and place.endswith(".py"):
        return load_workflow(Path(place), name)
    if text.endswith(".py"):
        return load_workflow(Path(text))
    if not mark:
        place, _, name = text.rpartition(".")
    try:
        return as_pipeline(resolve(f"{place}:{name}"))
    except (ImportError, AttributeError, ValueError) as exc:
        raise NotFoundError(
            f"there is no pipeline {text!r}: {exc}",
            fix='"pipeline": "flows/retrain.py:retrain" or "package.module:retrain"',
        ) from exc


def _run(flow: Pipeline, arguments: dict[str, Any], project: str) -> Exception | None:
    # the project is named, not made the default: other threads may be at work for another one
    try:
        plan = plan_of(flow)
        if plan is None:
            eager = resolve("mlrun_like.pipelines.eager:EagerEngine")(None)
            eager.run(flow, arguments, project).check()
        else:
            engine = resolve("mlrun_like.pipelines.engine.local:LocalEngine")(report=None)
            engine.run(plan, arguments, project, origin=flow.origin).check()
    except MLRunLikeError as exc:
        return exc
    return None


def _run_workflow(
    action: Action, incident: Incident, arguments: dict[str, Any]
) -> Exception | None:
    project = _project(action, incident.project)
    row = project.get_workflow(str(action.options["workflow"]))
    known = [str(item.get("name")) for item in row.get("args_schema") or ()]
    if _INCIDENT in known:
        arguments.setdefault(_INCIDENT, dict(incident.body))
    run = project.run(
        str(action.options["workflow"]), arguments=arguments, engine="local", dirty=True
    )
    if run is None or run.state == "Succeeded":
        return None
    return run.exc or InvalidArgumentError(f"the workflow ended in state {run.state!r}")


def _project(action: Action, name: str) -> Any:
    """The project at hand, else in the folder that the action names, else as it is stored."""
    current = resolve("mlrun_like.projects.current:get_current_project")(silent=True)
    if current is not None and current.name == name:
        return current
    load = resolve("mlrun_like.projects.loading:load_project")
    context = str(action.options.get("context") or "")
    if context:
        return load(context, name=name, save=False)
    return load("./", url=f"db://{name}", save=False)


def _existing(store: Any, project: str, uid: str) -> str:
    """The uid, if its run is recorded and over; the last records may still be on their way."""
    store.flush()
    for _ in range(20):
        try:
            state = store.read_run(project, uid)["status"].get("state")
        except NotFoundError:
            return ""
        if state in TERMINAL:
            break
        time.sleep(0.05)
    return uid
