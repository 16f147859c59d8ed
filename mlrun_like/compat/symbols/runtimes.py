"""Rows of functions of all kinds: `mlrun.runtimes`."""

from __future__ import annotations

from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_OLD = "mlrun_like.compat.adapted.runtimes"
_SPEC = "mlrun_like.specs.function:FunctionSpec"
_FUNCTION = "mlrun_like.functions.function:Function"
_DATABRICKS = Missing(
    "running a function on Databricks",
    "kind='spark' runs on a Spark cluster; a job there can run `mlrun-like run`.",
)
_STATUS = Missing(
    "the state of a function in a cluster as an object",
    "fn.status is a mapping; fn.is_deployed() tells whether it is ready.",
)
_KFP = Missing(
    "a step of a Kubeflow pipeline",
    "fn.as_step(...) and project.run() make steps of the pipelines here.",
)
_EXEC = Missing(
    "how MLRun loads and calls handlers inside of a run",
    "fn.run(local=True) does all of it; function_to_module loads code.",
)
_RST = Missing(
    "reading parts of a docstring",
    "funcdoc.parse_rst reads a whole one.",
)
_REFERENCE = Missing(
    "child functions of a serving graph in a document",
    "fn.add_child_function(...) adds one.",
)
_ENRICH = Missing(
    "completing functions and runs on the service of MLRun",
    "What a run gets by itself is in its labels: kind, owner, host.",
)
_POD = Missing(
    "the conversion of pods on the service of MLRun",
    "fn.to_manifest() gives the objects of a cluster.",
)
_DASH = Missing(
    "talking to the dashboard of Nuclio",
    "fn.deploy() does it where the setting nuclio_dashboard_url names one.",
)
_IGZ = Missing(
    "the Spark image of Iguazio",
    "spec.image names an image with Spark.",
)
_PCP = Missing(
    "the chart of a sweep",
    "Each sweep has it as its artifact parallel_coordinates.",
)
_IMAGE = Missing(
    "the names of images that the service of MLRun builds",
    "The setting function_image_template says how; build_config(image=...) names one.",
)


def _of(place: str, names: str) -> dict[str, str]:
    return {name: f"{place}:{name}" for name in names.split()}


def _gone(why: Missing, names: str) -> dict[str, Missing]:
    return dict.fromkeys(names.split(), why)


ROWS: Rows = {
    "mlrun.runtimes": {
        "ApplicationRuntime": "mlrun_like.functions.application:ApplicationFunction",
        "BaseRuntime": _FUNCTION,
        "DaskCluster": "mlrun_like.functions.dask:DaskFunction",
        "HandlerRuntime": _FUNCTION,
        "KubeResource": _FUNCTION,
        "KubejobRuntime": _FUNCTION,
        "LocalRuntime": _FUNCTION,
        "MpiRuntimeV1": "mlrun_like.functions.mpi:MpiFunction",
        "RemoteRuntime": "mlrun_like.functions.nuclio:NuclioFunction",
        "RemoteSparkRuntime": "mlrun_like.functions.spark:SparkFunction",
        "ServingRuntime": "mlrun_like.serving.function:ServingFunction",
        "Spark3Runtime": "mlrun_like.functions.spark:SparkFunction",
        "APIGateway": "mlrun_like.runtimes.nuclio.api_gateway:APIGateway",
        "DatabricksRuntime": _DATABRICKS,
        **_of(f"{_OLD}.kinds", "MPIJobCRDVersions RuntimeClassMode RuntimeKinds serving_subkind"),
        "RunError": "mlrun_like.errors:RunError",
        **_of(f"{_OLD}.servers", "new_model_server new_v1_model_server new_v2_model_server"),
        "get_runtime_class": "mlrun_like.compat.adapted.runs.tasks:get_runtime_class",
        "nuclio_init_hook": "mlrun_like.compat.adapted.serving.server:nuclio_init_hook",
        **_of(f"{_OLD}.values", "resolve_spark_operator_version"),
    },
    "mlrun.runtimes.base": {
        "BaseRuntime": _FUNCTION,
        "FunctionSpec": "mlrun_like.specs.function:FunctionSpec",
        "FunctionStatus": _STATUS,
        "RunError": "mlrun_like.errors:RunError",
        "RunStates": "mlrun_like.compat.adapted.common.states:RunStates",
        **_of(f"{_OLD}.kinds", "RuntimeClassMode"),
        **_of(f"{_OLD}.values", "calc_hash mlrun_footer spec_fields"),
        "mlrun_op": _KFP,
        "get_parsed_docker_registry": _IMAGE,
        "ImageBuilder": "mlrun_like.specs.function:Build",
    },
    "mlrun.runtimes.constants": {
        **_of(f"{_OLD}.kinds", "RuntimeKinds"),
    },
    "mlrun.runtimes.daskjob": {
        "DaskCluster": "mlrun_like.functions.dask:DaskFunction",
        "DaskSpec": _SPEC,
        "DaskStatus": "mlrun_like.functions.dask:DaskStatus",
        **_gone(_EXEC, "exec_from_params load_module"),
        "FunctionStatus": _STATUS,
    },
    "mlrun.runtimes.databricks_job": {
        "*": _DATABRICKS,
    },
    "mlrun.runtimes.databricks_job.databricks_cancel_task": {
        "*": _DATABRICKS,
    },
    "mlrun.runtimes.databricks_job.databricks_runtime": {
        "*": _DATABRICKS,
    },
    "mlrun.runtimes.databricks_job.databricks_wrapper": {
        "*": _DATABRICKS,
    },
    "mlrun.runtimes.funcdoc": {
        **_gone(_RST, "ASTVisitor rst_read_doc rst_read_section"),
        **_of(
            f"{_OLD}.funcdoc",
            "ann_type as_func ast_code ast_func_info ast_param_dict clean "
            "filter_funcs find_handler_markers find_handlers func_dict func_info "
            "func_lineno get_attr_path inspect_default inspect_param is_marked "
            "iter_elems merge_doc param_dict parse_rst py_eval type_name "
            "update_function_entry_points",
        ),
    },
    "mlrun.runtimes.function_reference": {
        "FunctionReference": _REFERENCE,
        "enrich_function_from_dict": _ENRICH,
    },
    "mlrun.runtimes.generators": {
        **_of(
            f"{_OLD}.trials",
            "GridGenerator ListGenerator RandomGenerator TaskGenerator "
            "default_max_errors default_max_iterations get_generator get_run_copy "
            "hyper_types parse_selector selector",
        ),
    },
    "mlrun.runtimes.kubejob": {
        "KubeResource": _FUNCTION,
        "KubejobRuntime": _FUNCTION,
        "build_op": _KFP,
    },
    "mlrun.runtimes.local": {
        "HandlerRuntime": _FUNCTION,
        "LocalRuntime": _FUNCTION,
        "Event": "nuclio_sdk:Event",
        "mlrun_handler_decorator": "mlrun_like.runs.handler:handler",
        **_gone(
            _EXEC,
            "ParallelRunner exec_from_params extract_source get_func_arg "
            "get_handler_extended load_module remote_handler_wrapper run_exec "
            "set_paths",
        ),
        "global_context": "mlrun_like.compat.adapted.runs.tasks:global_context",
    },
    "mlrun.runtimes.mounts": {
        **_of(
            "mlrun_like.functions.modifiers",
            "VolumeMount mount_configmap mount_hostpath mount_pvc mount_s3 "
            "mount_secret set_env_variables",
        ),
        **_of(
            f"{_OLD}.mounts",
            "auto_mount mount_spark_conf mount_v3io mount_v3iod set_env_vars_from_secret v3io_cred",
        ),
        **_of(f"{_OLD}.platforms", "v3io_to_vol"),
    },
    "mlrun.runtimes.mpijob": {
        "AbstractMPIJobRuntime": "mlrun_like.functions.mpi:MpiFunction",
        "MpiRuntimeV1": "mlrun_like.functions.mpi:MpiFunction",
    },
    "mlrun.runtimes.mpijob.abstract": {
        "AbstractMPIJobRuntime": "mlrun_like.functions.mpi:MpiFunction",
        "MPIResourceSpec": _SPEC,
    },
    "mlrun.runtimes.mpijob.v1": {
        "MPIV1Spec": _SPEC,
        "MpiRuntimeV1": "mlrun_like.functions.mpi:MpiFunction",
        "MPIV1ResourceSpec": _SPEC,
    },
    "mlrun.runtimes.pod": {
        "KubeResource": _FUNCTION,
        "KubeResourceSpec": _SPEC,
        **_of(f"{_OLD}.kinds", "AutoMountType PreemptionModes SecurityContextEnrichmentModes"),
        "FunctionSpec": "mlrun_like.specs.function:FunctionSpec",
        **_gone(
            _POD,
            "generate_preemptible_nodes_affinity_terms get_sanitized_attribute "
            "sanitized_attributes sanitized_types "
            "transform_attribute_to_k8s_class_instance validate_node_selectors",
        ),
        **_of(
            f"{_OLD}.values",
            "get_gpu_from_resource_requirement get_item_name sanitize_attribute "
            "set_named_item verify_limits verify_requests",
        ),
    },
    "mlrun.runtimes.remotesparkjob": {
        "RemoteSparkRuntime": "mlrun_like.functions.spark:SparkFunction",
        "RemoteSparkSpec": _SPEC,
        **_of(f"{_OLD}.kinds", "RemoteSparkProviders"),
        "igz_spark_pre_hook": _IGZ,
    },
    "mlrun.runtimes.sparkjob": {
        "Spark3Runtime": "mlrun_like.functions.spark:SparkFunction",
    },
    "mlrun.runtimes.sparkjob.spark3job": {
        "Spark3JobSpec": _SPEC,
        "Spark3Runtime": "mlrun_like.functions.spark:SparkFunction",
    },
    "mlrun.runtimes.utils": {
        "RunError": "mlrun_like.errors:RunError",
        **_of("mlrun_like.compat.adapted.runs.tasks", "add_code_metadata global_context"),
        **_of(
            f"{_OLD}.values",
            "calc_hash generate_resources get_func_selector "
            "get_gpu_from_resource_requirement get_item_name log_std "
            "resolve_node_selectors resolve_owner resolve_run_user_template "
            "resolve_spark_operator_version results_to_iter set_named_item "
            "verify_limits verify_requests",
        ),
        **_gone(
            _ENRICH,
            "enrich_function_from_code_artifact enrich_function_from_dict "
            "enrich_run_labels helpers",
        ),
        "enrich_gateway_timeout_annotations": _DASH,
        **_gone(
            _IMAGE,
            "fill_function_image_name_template "
            "resolve_function_target_image_name_prefix "
            "resolve_function_target_image_registries_to_enforce_prefix",
        ),
        **_gone(_PCP, "gen_pcp_plot log_iter_artifacts"),
    },
}
