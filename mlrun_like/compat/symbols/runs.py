"""Rows of runs: `mlrun.run`, `mlrun.execution`, `mlrun.model`, `mlrun.lists`, `mlrun.render`."""

from __future__ import annotations

from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_LISTS = "mlrun_like.compat.adapted.runs.lists"
_MODELS = "mlrun_like.compat.adapted.runs.models"
_TABLES = "mlrun_like.compat.adapted.runs.tables"
_TASKS = "mlrun_like.compat.adapted.runs.tasks"
_WAITING = "mlrun_like.compat.adapted.runs.waiting"
_CREATORS = "mlrun_like.functions.creators"
_PIPELINES = "mlrun_like.projects.pipeline_runs"
_RUN = "mlrun_like.specs.run"

_KUBEFLOW = "Workflows are run by the product itself: `mlrun-like pipeline`, project.run()."
_LAUNCHER = Missing(
    "choosing whether a run goes to a service or stays in the process",
    "fn.run(local=True) runs here; the setting `dbpath` names a service.",
)
_SHOWN = Missing("the JavaScript and links of tables in notebooks", "run.show() shows a run.")

ROWS: Rows = {
    "mlrun.execution": {
        "is_relative_path": "mlrun_like.compat.adapted.helpers.names:is_relative_path",
        "MLClientCtx": "mlrun_like.runs.context:MLClientCtx",
    },
    "mlrun.launcher": {"*": _LAUNCHER},
    "mlrun.launcher.base": {
        "BaseLauncher": _LAUNCHER,
        "run_modes": f"{_TASKS}:run_modes",
    },
    "mlrun.launcher.client": {"*": _LAUNCHER},
    "mlrun.launcher.factory": {"*": _LAUNCHER},
    "mlrun.launcher.local": {"*": _LAUNCHER},
    "mlrun.launcher.remote": {"*": _LAUNCHER},
    "mlrun.lists": {
        "ArtifactList": f"{_LISTS}:ArtifactList",
        "FunctionList": f"{_LISTS}:FunctionList",
        "RunList": f"{_LISTS}:RunList",
        "flatten": f"{_LISTS}:flatten",
        "iter_index": f"{_LISTS}:iter_index",
        "list_header": f"{_LISTS}:list_header",
        "parameters_index": f"{_LISTS}:parameters_index",
        "results_index": f"{_LISTS}:results_index",
        "state_index": f"{_LISTS}:state_index",
    },
    "mlrun.model": {
        "BaseMetadata": f"{_MODELS}:BaseMetadata",
        "Credentials": f"{_MODELS}:Credentials",
        "DataSource": "mlrun_like.feature_store.sources.base:Source",
        "DataTarget": "mlrun_like.feature_store.targets.base:BaseStoreTarget",
        "DataTargetBase": "mlrun_like.feature_store.targets.base:BaseStoreTarget",
        "EntrypointParam": f"{_MODELS}:EntrypointParam",
        "FeatureSetProducer": Missing(
            "who made the data of a feature set", "feature_set.status.targets[0] tells the run."
        ),
        "FunctionEntrypoint": f"{_MODELS}:FunctionEntrypoint",
        "HyperParamOptions": "mlrun_like.specs.values:HyperParamOptions",
        "HyperParamStrategies": f"{_MODELS}:HyperParamStrategies",
        "ImageBuilder": "mlrun_like.specs.function:Build",
        "ModelObj": f"{_MODELS}:ModelObj",
        "Notification": "mlrun_like.specs.notification:Notification",
        "ObjectDict": "mlrun_like.compat.adapted.runs.children:ObjectDict",
        "ObjectList": "mlrun_like.compat.adapted.runs.children:ObjectList",
        "RUN_ID_PLACE_HOLDER": f"{_MODELS}:RUN_ID_PLACE_HOLDER",
        "Retry": "mlrun_like.specs.values:Retry",
        "RetryBackoff": f"{_MODELS}:RetryBackoff",
        "RunMetadata": f"{_RUN}:RunMetadata",
        "RunObject": "mlrun_like.runs.object:RunObject",
        "RunSpec": f"{_RUN}:RunSpec",
        "RunStatus": f"{_RUN}:RunStatus",
        "RunTemplate": "mlrun_like.functions.tasks:RunTemplate",
        "TargetPathObject": f"{_MODELS}:TargetPathObject",
        "VersionedObjMetadata": f"{_MODELS}:VersionedObjMetadata",
        "new_task": "mlrun_like.functions.tasks:new_task",
    },
    "mlrun.render": {
        "JUPYTER_SERVER_ROOT": _SHOWN,
        "artifacts_html": f"{_TABLES}:artifacts_html",
        "artifacts_to_html": f"{_TABLES}:artifacts_to_html",
        "dict_html": f"{_TABLES}:dict_html",
        "get_style": f"{_TABLES}:get_style",
        "get_tblframe": f"{_TABLES}:get_tblframe",
        "html_crop": f"{_TABLES}:html_crop",
        "html_dict": f"{_TABLES}:html_dict",
        "html_summary": f"{_TABLES}:html_summary",
        "inputs_html": f"{_TABLES}:inputs_html",
        "ipython_display": f"{_TABLES}:ipython_display",
        "is_jupyter": f"{_TABLES}:is_jupyter",
        "jscripts": _SHOWN,
        "link_html": f"{_TABLES}:link_html",
        "link_to_ipython": f"{_TABLES}:link_to_ipython",
        "run_to_html": f"{_TABLES}:run_to_html",
        "runs_to_html": f"{_TABLES}:runs_to_html",
        "sources_list_html": f"{_TABLES}:sources_list_html",
        "supported_viewers": _SHOWN,
        "table_sum": f"{_TABLES}:table_sum",
        "tblframe": _SHOWN,
        "uri_to_ipython": _SHOWN,
    },
    "mlrun.run": {
        "DatabricksRuntime": Missing(
            "running a function on Databricks", "kind='spark' runs on a Spark cluster."
        ),
        "get_model_provider": Missing(
            "a client of language models",
            "the steps for language models in mlrun_like.serving",
        ),
        "RunStatuses": "mlrun_like.compat.adapted.projects.statuses:RunStatuses",
        "add_code_metadata": f"{_TASKS}:add_code_metadata",
        "code_to_function": f"{_CREATORS}:code_to_function",
        "create_ipython_display": Missing(
            "a table in a notebook that is updated", "A pipeline shows its steps by itself."
        ),
        "download_object": f"{_TASKS}:download_object",
        "extend_hub_uri_if_needed": f"{_TASKS}:extend_hub_uri_if_needed",
        "format_summary_from_kfp_run": Missing("showing a Kubeflow run", _KUBEFLOW),
        "function_to_module": f"{_CREATORS}:function_to_module",
        "get_dataitem": "mlrun_like.artifacts.item:get_dataitem",
        "get_object": "mlrun_like.compat.adapted.client.root:get_object",
        "get_or_create_ctx": "mlrun_like.runs.session:get_or_create_ctx",
        "get_pipeline": f"{_PIPELINES}:get_pipeline",
        "get_runtime_class": f"{_TASKS}:get_runtime_class",
        "global_context": f"{_TASKS}:global_context",
        "import_function": f"{_CREATORS}:import_function",
        "import_function_to_dict": f"{_TASKS}:import_function_to_dict",
        "list_pipelines": f"{_PIPELINES}:list_pipelines",
        "load_func_code": f"{_TASKS}:load_func_code",
        "new_function": f"{_CREATORS}:new_function",
        "parse_versioned_object_uri": f"{_TASKS}:parse_versioned_object_uri",
        "retry_pipeline": Missing(
            "starting a failed Kubeflow run again",
            "`mlrun-like pipeline resume <uid>` starts it where it ended.",
        ),
        "run_local": f"{_TASKS}:run_local",
        "show_kfp_run": Missing("drawing a Kubeflow run", _KUBEFLOW),
        "terminate_pipeline": Missing(
            "stopping a Kubeflow run", "`mlrun-like pipeline abort <uid>` stops it."
        ),
        "wait_for_pipeline_completion": f"{_PIPELINES}:wait_for_pipeline_completion",
        "wait_for_runs_completion": f"{_WAITING}:wait_for_runs_completion",
    },
}
