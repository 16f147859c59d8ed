"""Rows of `mlrun` itself, as far as they are no other module's."""

from __future__ import annotations

from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_CLIENT = "mlrun_like.compat.adapted.client."
_CREATORS = "mlrun_like.functions.creators:"
_PROJECTS = "mlrun_like.projects."
_PLATFORM = Missing(
    "the login to the commercial platform", "mlrun-like login, and settings for credentials"
)

_LANGUAGE = Missing(
    "a client of language models", "the steps for language models in mlrun_like.serving"
)
_RUNTIME = Missing(
    "defaults of functions that are made in a with block", "set them on each function"
)

_RETRY = Missing("a pipeline's run in Kubeflow", "project.run(...), and mlrun-like pipeline resume")

ROWS: Rows = {
    "mlrun.k8s_utils": {"*": Missing("objects of Kubernetes, inside of MLRun's service")},
    "mlrun.runtime_configuration_context": {"*": _RUNTIME},
    "mlrun": {
        "Credentials": "mlrun_like.tracking.clients:Credentials",
        "DataItem": "mlrun_like.artifacts.item:DataItem",
        "Function": "mlrun_like.functions.function:Function",
        "HyperParamOptions": "mlrun_like.specs.values:HyperParamOptions",
        "MLClientCtx": "mlrun_like.runs.context:MLClientCtx",
        "MLRUN_ACTIVE_PROJECT": "mlrun_like.compat.adapted.common.constants:MLRUN_ACTIVE_PROJECT",
        "MLRunInvalidArgumentError": "mlrun_like.errors:InvalidArgumentError",
        "run_local": "mlrun_like.compat.adapted.runs.tasks:run_local",
        "MLRunNotFoundError": "mlrun_like.errors:NotFoundError",
        "MlrunProject": f"{_PROJECTS}project:MlrunProject",
        "ProjectMetadata": "mlrun_like.specs.project:ProjectMetadata",
        "Resources": "mlrun_like.specs.values:Resources",
        "Retry": "mlrun_like.specs.values:Retry",
        "RunObject": "mlrun_like.runs.object:RunObject",
        "Version": f"{_CLIENT}root:Version",
        "__version__": "mlrun_like.compat.known:MLRUN_VERSION",
        "build_function": f"{_PROJECTS}operations:build_function",
        "code_to_function": f"{_CREATORS}code_to_function",
        "deploy_function": f"{_PROJECTS}operations:deploy_function",
        "function": "mlrun_like.functions.decorators:function",
        "function_to_module": f"{_CREATORS}function_to_module",
        "get_current_project": f"{_PROJECTS}current:get_current_project",
        "get_dataitem": "mlrun_like.artifacts.item:get_dataitem",
        "get_model": "mlrun_like.artifacts.models:get_model",
        "get_model_monitoring_url": f"{_CLIENT}root:get_model_monitoring_url",
        "get_object": f"{_CLIENT}root:get_object",
        "get_or_create_ctx": "mlrun_like.runs.session:get_or_create_ctx",
        "get_or_create_project": f"{_PROJECTS}loading:get_or_create_project",
        "get_run_db": f"{_CLIENT}run_db:get_run_db",
        "get_sample_path": f"{_CLIENT}root:get_sample_path",
        "get_secret_or_env": f"{_CLIENT}secrets:get_secret_or_env",
        "get_version": f"{_CLIENT}root:get_version",
        "handler": "mlrun_like.runs.handler:handler",
        "igz_domain": _PLATFORM,
        "import_function": f"{_CREATORS}import_function",
        "kfp_ep": _PLATFORM,
        "load_model": "mlrun_like.artifacts.models:load_model",
        "load_project": f"{_PROJECTS}loading:load_project",
        "mlconf": f"{_CLIENT}config:config",
        "new_function": f"{_CREATORS}new_function",
        "new_project": f"{_PROJECTS}loading:new_project",
        "new_task": "mlrun_like.functions.tasks:new_task",
        "pipeline": "mlrun_like.pipelines.pipeline:pipeline",
        "run_function": f"{_PROJECTS}operations:run_function",
        "set_env_from_file": f"{_PROJECTS}environment:set_env_from_file",
        "set_environment": f"{_PROJECTS}environment:set_environment",
        "sync_secret_tokens": f"{_CLIENT}root:sync_secret_tokens",
        "get_pipeline": f"{_PROJECTS}pipeline_runs:get_pipeline",
        "get_model_provider": _LANGUAGE,
        "ModelProvider": _LANGUAGE,
        "wait_for_pipeline_completion": f"{_PROJECTS}pipeline_runs:wait_for_pipeline_completion",
        "Client": f"{_CLIENT}sessions:Client",
        "RuntimeConfigurationContext": _RUNTIME,
        "v3io_cred": "mlrun_like.compat.adapted.runtimes.mounts:v3io_cred",
        "mounts": "mlrun.runtimes.mounts",
        "new_model_server": "mlrun_like.compat.adapted.runtimes.servers:new_model_server",
        "retry_pipeline": _RETRY,
        "terminate_pipeline": _RETRY,
        "when": "mlrun_like.pipelines.dsl:when",
    },
}
