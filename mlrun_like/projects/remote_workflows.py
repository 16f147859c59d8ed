"""Workflows that run in a run of their own: a process here, or a job where there is an image."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.functions.checking import RUN_OPTIONS
from mlrun_like.functions.creators import new_function
from mlrun_like.functions.running import run_function
from mlrun_like.names import new_uid, normalize_name
from mlrun_like.pipelines.ordered import ordered
from mlrun_like.projects.loading import load_project
from mlrun_like.projects.pipeline_runs import PipelineRunStatus
from mlrun_like.registry import resolve
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.specs.notification import Notification

__all__ = ["load_and_run", "run_remotely"]

_HANDLER = "mlrun_like.projects.remote_workflows.load_and_run"
_LABELS = {"job-type": "workflow-runner"}


def run_remotely(
    project: Any, asked: Mapping[str, Any], notes: list[Notification], schedule: Any
) -> PipelineRunStatus | None:
    """Start the run that runs a workflow, or let it start at the times of a schedule.

    Args:
        project: The project.
        asked: The fields of `workflows.Asked`.
        notes: Who is told when the workflow starts and ends.
        schedule: A cron expression or `Schedule`; None: now.

    Returns:
        Its status; None with a schedule.

    Raises:
        InvalidArgumentError: if the workflow's handler is an object of this process.
    """
    if callable(asked["handler"]):
        raise InvalidArgumentError(
            f"handler {asked['name']!r} is a function of this process, which no other can run",
            where=f"project {project.name!r}",
            fix="write it to a file: project.run(workflow_path=..., workflow_handler='name')",
        )
    row, options = asked["row"], asked["options"]
    image = str(row.get("image") or "")
    kind = "job" if image or project.spec.default_image else "process"
    image = image or (project.spec.default_image if kind == "job" else "")
    name = normalize_name(f"workflow-runner-{asked['name']}"[:63])
    runner = new_function(name, project.name, kind=kind, image=image)
    if options.get("selector"):
        runner.with_node_selection(node_selector=dict(options["selector"]))
    document = project.to_dict()
    document["spec"]["workflows"] = [
        *(w for w in document["spec"].get("workflows", ()) if w.get("name") != asked["name"]),
        {**row, "name": asked["name"]},
    ]
    source = options.get("source")
    given: dict[str, Any] = {**dict.fromkeys(RUN_OPTIONS), "artifact_path": "", "project": ""}
    given.update(
        handler=_HANDLER,
        name=asked["name"],
        uid=new_uid(),
        labels={**_LABELS, "workflow-name": asked["name"]},
        watch=False,
        schedule=schedule,
        notifications=notes,
        params={
            "project_document": {} if source else document,
            "project_name": project.name,
            "project_context": str(Path(project.spec.context).absolute()),
            "url": source or "",
            "workflow_name": asked["name"],
            "workflow_path": str(row.get("path") or "") if source else "",
            "workflow_arguments": asked["arguments"],
            "workflow_handler": asked["handler"] or "",
            "artifact_path": options.get("artifact_path") or "",
            "engine": asked["inner"],
            "local": options.get("local"),
        },
    )
    if schedule is not None:
        del given["uid"]
        run_function(runner, given)
        return None
    return _started(runner, given, project.name)


def _started(runner: Any, given: dict[str, Any], project: str) -> PipelineRunStatus:
    uid = given["uid"]

    def work() -> None:
        try:
            run_function(runner, given)
        except MLRunLikeError as exc:
            status.exc = exc
            if not _recorded(uid, project):
                status._state = "Failed"

    # the context says how its code reaches the store
    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(work,), name=f"workflow-{given['name']}"
    )
    status = PipelineRunStatus(uid, project, settle=thread.join)
    thread.start()
    return status


def _recorded(uid: str, project: str) -> bool:
    try:
        resolve("mlrun_like.tracking.connect:open_store")().read_run(project, uid)
    except MLRunLikeError:
        return False
    return True


def load_and_run(  # noqa: PLR0913 - MLRun's signature
    context: MLClientCtx,
    project_document: dict[str, Any] | None = None,
    project_name: str = "",
    project_context: str = "./",
    url: str = "",
    workflow_name: str = "",
    workflow_path: str = "",
    workflow_arguments: dict[str, Any] | None = None,
    workflow_handler: str = "",
    artifact_path: str = "",
    engine: str = "local",
    local: bool | None = None,
) -> None:
    """Load a project and run one of its workflows: the handler of a workflow runner.

    Args:
        context: The runner's; its result `workflow_id` is the pipeline's run.
        project_document: The project, or empty: it is loaded.
        project_name: Its name.
        project_context: Its folder.
        url: Load it from there instead.
        workflow_name: The workflow.
        workflow_path: Its file, for one that the loaded project does not have.
        workflow_arguments: Values of its parameters.
        workflow_handler: The function in its file.
        artifact_path: Where its artifacts go.
        engine: What runs it.
        local: True: all its functions run in this process.

    Raises:
        RunError: if it fails.
    """
    if project_document:
        kind = resolve("mlrun_like.projects.project:MlrunProject")
        project = kind.from_dict(project_document, project_context)
        resolve("mlrun_like.projects.current:set_current_project")(project)
    else:
        project = load_project(project_context, url or None, project_name or None, save=False)
    known = {str(row.get("name")) for row in project.spec.workflows}
    named = workflow_name in known
    uid = new_uid()
    if engine == "local":  # whoever started it looks for the pipeline's run now, not at the end
        context.log_result("workflow_id", uid)
        context.commit()
    with ordered(uid):
        run = project.run(
            name=workflow_name,
            workflow_path=None if named else workflow_path,
            arguments=workflow_arguments,
            workflow_handler=workflow_handler or None,
            artifact_path=artifact_path or None,
            engine=engine,
            local=local,
            dirty=True,
        )
    context.log_result("workflow_id", run.run_id)
    context.log_result("engine", engine)
    run.wait_for_completion()
    if run.exc is not None:
        raise run.exc
    run.wait_for_completion(expected_statuses=["Succeeded"])
