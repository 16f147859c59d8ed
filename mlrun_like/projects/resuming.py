"""Pipelines that go on in a process of their own: how a service resumes them."""

from __future__ import annotations

from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import PipelineError, StateError
from mlrun_like.functions.checking import RUN_OPTIONS
from mlrun_like.functions.creators import new_function
from mlrun_like.functions.running import run_function
from mlrun_like.names import new_uid, normalize_name
from mlrun_like.pipelines.resume import resume
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.object import RunObject
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.connect import open_store

__all__ = ["check_resumable", "resume_here", "resume_pipeline"]

_HANDLER = "mlrun_like.projects.resuming.resume_here"
_LABELS = {"job-type": "workflow-runner"}


def check_resumable(uid: str, project: str) -> str:
    """The name of a pipeline whose run can go on.

    Raises:
        NotFoundError: if there is no such run.
        PipelineError: if it is the run of something else.
        StateError: if it has not ended.
    """
    run = open_store().read_run(project, uid)
    meta = run["metadata"]
    if (meta.get("labels") or {}).get("kind") != "pipeline":
        raise PipelineError(f"run {uid!r:.80} is not the run of a pipeline")
    state = (run.get("status") or {}).get("state")
    if state not in TERMINAL:
        raise StateError(f"the run is {state!r}, so it cannot be resumed", where=f"{project}@{uid}")
    return str(meta.get("name") or uid)


def resume_pipeline(uid: str, project: str, runner: str = "") -> RunObject:
    """Let a pipeline's run go on in a process of its own, and wait for its end.

    Args:
        uid: The run.
        project: Its project.
        runner: The uid that the run of that process gets.

    Raises:
        RunError: if it fails again.
    """
    name = check_resumable(uid, project)
    function = new_function(normalize_name(f"resume-{name}"[:63]), project, kind="process")
    given: dict[str, Any] = {**dict.fromkeys(RUN_OPTIONS), "artifact_path": "", "project": ""}
    given.update(
        handler=_HANDLER,
        name=f"resume-{name}"[:63],
        uid=runner or new_uid(),
        labels={**_LABELS, "resumes": uid},
        watch=False,
        params={"uid": uid, "project": project},
    )
    return run_function(function, given)


def resume_here(context: MLClientCtx, uid: str = "", project: str = "") -> None:
    """Resume a run: the handler of that process.

    Args:
        context: Its own.
        uid: The run of the pipeline.
        project: Its project.

    Raises:
        RunError: if it fails again.
    """
    context.log_result("workflow_id", uid)
    context.commit()
    # This process does nothing else: functions of the file that name no project belong to this one.
    config.default_project = project or config.default_project
    resume(uid, project).check()
