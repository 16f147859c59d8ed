"""`run_function`, `build_function`, `deploy_function`: on functions of the current project.

In the body of a pipeline they record steps; in the body of an eager workflow, and elsewhere, they
act at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.function import Function
from mlrun_like.functions.tasks import RunTemplate, new_task
from mlrun_like.functions.tracing import TRACER
from mlrun_like.projects.building import (
    BuildStatus,
    DeployStatus,
    build_function,
    deploy_function,
)
from mlrun_like.projects.current import WORKFLOW, get_current_project
from mlrun_like.projects.functions import find_function
from mlrun_like.projects.workflow_context import pipeline_context

__all__ = ["BuildStatus", "DeployStatus", "build_function", "deploy_function", "run_function"]


def run_function(  # noqa: PLR0913 - MLRun's signature
    function: Any,
    handler: Any = None,
    name: str = "",
    params: Mapping[str, Any] | None = None,
    hyperparams: Mapping[str, Any] | None = None,
    hyper_param_options: Any = None,
    inputs: Mapping[str, Any] | None = None,
    outputs: Sequence[str] | None = None,
    workdir: str = "",
    labels: Mapping[str, Any] | None = None,
    base_task: Any = None,
    watch: bool = True,
    local: bool | None = None,
    verbose: bool | None = None,
    selector: str | None = None,
    project_object: Any = None,
    auto_build: bool | None = None,
    schedule: Any = None,
    artifact_path: str | None = None,
    notifications: Sequence[Any] | None = None,
    returns: Sequence[Any] | None = None,
    builder_env: Mapping[str, Any] | None = None,
    reset_on_run: bool | None = None,
) -> Any:
    """Run a function of the project; in the body of a pipeline, add a step that does.

    Args:
        function: Its name in the project, `hub://...`, `db://...`, or the object.
        handler: Another entry point than the default one.
        name: The run's (or step's) name.
        params: Values for the handler's arguments.
        hyperparams: Lists of values to sweep over.
        hyper_param_options: How to sweep.
        inputs: URLs for the handler's data arguments.
        outputs: MLRun's list of what later steps use; not needed here.
        workdir: The working folder.
        labels: Labels of the run.
        base_task: A task (`new_task`) with defaults for all of this.
        watch: Show the run's output here while it runs.
        local: True: run in this process whatever the kind.
        verbose: Log at debug level.
        selector: `max.<result>` or `min.<result>`: the best trial of a sweep.
        project_object: Another project than the current one.
        auto_build: Build the function's image first, if it needs one and has none.
        schedule: Do not run now but at these times.
        artifact_path: Where artifacts go; by default what the workflow or project says.
        notifications: Whom to tell when the run is over.
        returns: Log hints for returned values.
        builder_env: Variables of the build.
        reset_on_run: Also read the modules anew that the handler's module imports.

    Returns:
        The run; in a pipeline's body the step.

    Raises:
        InvalidArgumentError: if a name is given and there is no project, or a pipeline's step is
            given a schedule.
        NotFoundError: if the project has no such function.
        RunError: if the run failed.
    """
    del outputs
    workflow = WORKFLOW.get()
    project = project_object or get_current_project(silent=True)
    found = find_function(function, project)
    tracer = TRACER.get()
    if tracer is not None and schedule is not None:
        raise InvalidArgumentError(
            f"step {name or found.name!r} of a pipeline cannot have a schedule of its own",
            fix="schedule the pipeline",
        )
    if isinstance(found, Function) and (workdir or builder_env):
        found = found._changed(workdir, builder_env)
    given: dict[str, Any] = {
        "handler": handler,
        "name": name,
        "params": params,
        "inputs": inputs,
        "hyperparams": hyperparams,
        "hyper_param_options": _selecting(hyper_param_options, selector),
        "labels": labels,
        "local": workflow.local if local is None and workflow is not None else local,
        "verbose": verbose,
        "auto_build": auto_build,
        "schedule": schedule,
        "artifact_path": artifact_path
        or (workflow.artifact_path if workflow else pipeline_context.workflow_artifact_path)
        or (project.artifact_path if project is not None else ""),
        "returns": returns,
        "notifications": notifications,
        "reset_on_run": reset_on_run,
        "runspec": _task(base_task, project),
    }
    if given["runspec"] is not None and returns is None and isinstance(found, Function):
        # a pipeline knows the outputs of a step by these
        given["returns"] = getattr(base_task, "spec", found.spec).returns or None
    options = {key: value for key, value in given.items() if value not in (None, "")}
    if tracer is not None:
        return found.step(**(options or {"params": {}}))
    if project is not None:
        options["project"] = project.name
    return found.run(**options, watch=watch)


def _selecting(options: Any, selector: str | None) -> Any:
    if not selector:
        return options
    plain = options.to_dict() if hasattr(options, "to_dict") else dict(options or {})
    return {**plain, "selector": selector}


def _task(base: Any, project: Any) -> Any:
    """The task, with the project's secrets: by place, so that no value is written down."""
    sources = project.secret_sources() if project is not None else []
    if not sources or not (base is None or isinstance(base, RunTemplate)):
        return base
    if base is None and not any(source["kind"] == "inline" for source in sources):
        return {"spec": {"secret_sources": sources}}
    task = new_task() if base is None else base.copy()
    task.secret_sources = [*sources, *task.secret_sources]
    return task
