"""Workflows of a project on Kubeflow Pipelines."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.pipelines.pipeline import Pipeline
from mlrun_like.pipelines.workflow import plan_of
from mlrun_like.projects.current import WORKFLOW, WorkflowContext
from mlrun_like.projects.pipeline_runs import PipelineRunStatus
from mlrun_like.registry import resolve

__all__ = ["run_exported"]

_CLIENT = "mlrun_like.pipelines.exports.kubeflow.client"


def run_exported(
    project: Any, flow: Pipeline, arguments: Mapping[str, Any], artifact_path: str = ""
) -> PipelineRunStatus:
    """Export a pipeline and submit it to the service of the setting `kfp_url`.

    Args:
        project: The project.
        flow: The pipeline.
        arguments: Values of its parameters.
        artifact_path: Where artifacts go.

    Raises:
        InvalidArgumentError: if its body asks for values while it is built, or no service is known.
    """
    mark = WORKFLOW.set(WorkflowContext("", project, artifact_path=artifact_path))
    try:
        plan = plan_of(flow)
    finally:
        WORKFLOW.reset(mark)
    if plan is None:
        raise InvalidArgumentError(
            f"workflow {flow.name!r} asks for values while it is built, so it cannot be exported "
            "to Kubeflow Pipelines",
            fix='engine="local", or compare outputs by dsl.If(...) instead of if',
        )
    host = config.kfp_url
    if not host:
        raise InvalidArgumentError(
            f"workflow {flow.name!r} has engine='kfp', and no Kubeflow Pipelines service is known",
            fix="set kfp_url (MLRUN_LIKE_KFP_URL, also MLRUN_KFP_URL), or use engine='local'",
        )
    with tempfile.TemporaryDirectory() as folder:
        made = resolve(f"{_CLIENT}:submit")(
            plan, dict(arguments), host=host, folder=folder, project=project.name
        )

    def ask() -> str:
        watch = resolve(f"{_CLIENT}:watch")
        return str(watch(made.uid, host=host, timeout=0.0, project=project.name).state)

    return PipelineRunStatus(made.uid, project.name, ask=ask)
