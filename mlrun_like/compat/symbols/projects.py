"""Rows of `mlrun.projects`, `mlrun_pipelines` and, where it is not installed, `kfp`."""

from __future__ import annotations

from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_OURS = "mlrun_like.projects."
_OLD = "mlrun_like.compat.adapted.projects."
_RUNS = f"{_OURS}pipeline_runs:"
_KFP = Missing(
    "building objects of Kubeflow", "project.run(engine='local'), or mlrun-like pipeline export"
)
_RECORDS = ("PipelineExperiment", "PipelineManifest", "PipelineRun")
_REMOTE = Missing(
    "workflows that MLRun's service starts", "project.run(name), mlrun-like pipeline submit"
)
_GIT = Missing("reading a project's repository", "mlrun.load_project(context, url)")

_DSL = "mlrun_like.pipelines.dsl"
_WORDS = ("Condition", "Elif", "Else", "ExitHandler", "If", "OneOf", "ParallelFor")

ROWS: Rows = {
    "kfp": {"dsl": _DSL, "*": _KFP},
    "kfp.compiler": {"*": _KFP},
    "kfp.components": {"*": _KFP},
    "kfp.dsl": {**{name: f"{_DSL}:{name}" for name in (*_WORDS, "pipeline")}, "*": _KFP},
    "mlrun.projects": {
        "load_and_run": f"{_OURS}remote_workflows:load_and_run",
        "load_and_run_workflow": f"{_OURS}remote_workflows:load_and_run",
        "pipeline_context": f"{_OURS}workflow_context:pipeline_context",
        "*": _REMOTE,
    },
    "mlrun.projects.operations": {
        "BuildStatus": f"{_OURS}building:BuildStatus",
        "DeployStatus": f"{_OURS}building:DeployStatus",
        "build_function": f"{_OURS}operations:build_function",
        "deploy_function": f"{_OURS}operations:deploy_function",
        "pipeline_context": f"{_OURS}workflow_context:pipeline_context",
        "run_function": f"{_OURS}operations:run_function",
        "enrich_function_object": Missing(
            "giving a function its project's settings", "project.get_function(name, enrich=True)"
        ),
    },
    "mlrun.projects.pipelines": {
        "FunctionsDict": f"{_OURS}workflow_context:ProjectFunctionsView",
        "get_pipeline": f"{_RUNS}get_pipeline",
        "load_and_run": f"{_OURS}remote_workflows:load_and_run",
        "load_and_run_workflow": f"{_OURS}remote_workflows:load_and_run",
        "pipeline_context": f"{_OURS}workflow_context:pipeline_context",
        "wait_for_pipeline_completion": f"{_RUNS}wait_for_pipeline_completion",
        "AutoMountType": Missing(
            "how volumes are mounted by themselves", "the setting auto_mount_type"
        ),
        "WorkflowSpec": f"{_OURS}workflow_spec:WorkflowSpec",
        "create_pipeline": _KFP,
        "get_db_function": Missing("a function of the store", "project.get_function(name)"),
        "get_workflow_engine": Missing("what runs a workflow", "project.run(engine=...)"),
        "github_webhook": Missing("a handler for GitHub's calls", "mlrun-like trigger add"),
        "*": _REMOTE,
    },
    "mlrun.projects.project": {
        "MlrunProject": f"{_OURS}project:MlrunProject",
        "ProjectMetadata": "mlrun_like.specs.project:ProjectMetadata",
        "ProjectSpec": "mlrun_like.specs.project:ProjectSpec",
        "ProjectStatus": Missing("a project's state", "project.status is a mapping"),
        "ProjectError": "mlrun_like.errors:MLRunLikeError",
        "get_or_create_project": f"{_OURS}loading:get_or_create_project",
        "load_project": f"{_OURS}loading:load_project",
        "new_project": f"{_OURS}loading:new_project",
        "import_remote_project": Missing(
            "taking over another service's project", "project.export(), mlrun.load_project"
        ),
        "ImageBuilder": Missing("MLRun's own builder of images", "project.build_image()"),
        "VectorStoreCollection": Missing("documents in stores of vectors", "log_document"),
        "_run_project_setup": f"{_OLD}setup:run_project_setup",
        "clone_git": f"{_OLD}cloning:clone_git",
        "clone_tgz": f"{_OLD}cloning:clone_archive",
        "clone_zip": f"{_OLD}cloning:clone_archive",
        "init_repo": _GIT,
        "*": Missing("inside of MLRun's projects", "mlrun.get_or_create_project"),
    },
    "mlrun_pipelines": {"*": _KFP},
    "mlrun_pipelines.client": {"*": _KFP},
    "mlrun_pipelines.common.client": {"*": _KFP},
    "mlrun_pipelines.common.constants": {"*": _KFP},
    "mlrun_pipelines.common.helpers": {
        "FUNCTION_ANNOTATION": _KFP,
        "FlexibleMapper": f"{_OLD}kfp_records:FlexibleMapper",
        "*": _KFP,
    },
    "mlrun_pipelines.common.imports": {"*": _KFP},
    "mlrun_pipelines.common.models": {"RunStatuses": f"{_OLD}statuses:RunStatuses"},
    "mlrun_pipelines.common.mounts": {"VolumeMount": "mlrun_like.functions.modifiers:VolumeMount"},
    "mlrun_pipelines.common.ops": {"*": _KFP},
    "mlrun_pipelines.helpers": {"*": _KFP},
    "mlrun_pipelines.imports": {
        "dsl": "mlrun_like.pipelines.dsl",
        "kfp": f"{_OLD}kfp:kfp",
        "*": _KFP,
    },
    "mlrun_pipelines.mixins": {"*": _KFP},
    "mlrun_pipelines.models": {
        **{name: f"{_OLD}kfp_records:{name}" for name in _RECORDS},
        "*": _KFP,
    },
    "mlrun_pipelines.mounts": {"*": Missing("volumes of pods", "mlrun.runtimes.mounts has them")},
    "mlrun_pipelines.ops": {"*": _KFP},
    "mlrun_pipelines.utils": {"*": _KFP},
}
