"""Rows of mlrun.serving: graphs, servers, models and routers are ours."""

from __future__ import annotations

from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_OURS = "mlrun_like.serving"
_ADAPTED = "mlrun_like.compat.adapted.serving"
_STEPS = f"{_OURS}.steps"

_STATES = {
    "BaseStep": f"{_OURS}.definition.step:GraphStep",
    "ErrorStep": f"{_ADAPTED}.states:ErrorStep",
    "FlowStep": f"{_ADAPTED}.states:RootFlowStep",
    "GraphError": "mlrun_like.errors:GraphError",
    "ParallelExecutionMechanisms": f"{_STEPS}.mechanisms:ParallelExecutionMechanisms",
    "QueueStep": f"{_ADAPTED}.states:QueueStep",
    "RootFlowStep": f"{_ADAPTED}.states:RootFlowStep",
    "RouterStep": f"{_ADAPTED}.states:RouterStep",
    "StepKinds": f"{_ADAPTED}.states:StepKinds",
    "TaskStep": f"{_ADAPTED}.states:TaskStep",
    "new_remote_endpoint": f"{_ADAPTED}.states:new_remote_endpoint",
}
_SERVER = {
    "GraphContext": f"{_OURS}.context:GraphContext",
    "GraphServer": f"{_ADAPTED}.server:GraphServer",
    "MockEvent": f"{_ADAPTED}.events:MockEvent",
    "MockTrigger": f"{_ADAPTED}.events:MockTrigger",
    "Response": f"{_ADAPTED}.events:Response",
    "async_execute_graph": f"{_OURS}.batch.job:async_execute_graph",
    "init_context": f"{_ADAPTED}.server:v2_serving_init",
    "create_graph_server": f"{_ADAPTED}.server:create_graph_server",
    "execute_graph": f"{_OURS}.batch.job:execute_graph",
    "v2_serving_handler": f"{_ADAPTED}.server:v2_serving_handler",
    "v2_serving_streaming_handler": f"{_ADAPTED}.server:v2_serving_streaming_handler",
    "v2_serving_init": f"{_ADAPTED}.server:v2_serving_init",
}
_MODELS = {
    "BaseModelRouter": f"{_OURS}.models.routing:BaseModelRouter",
    "EnrichmentModelRouter": f"{_OURS}.models.enrichment:EnrichmentModelRouter",
    "EnrichmentVotingEnsemble": f"{_OURS}.models.enrichment:EnrichmentVotingEnsemble",
    "ExecutorTypes": f"{_OURS}.models.parallel_options:ParallelRunnerModes",
    "ModelRouter": f"{_OURS}.models.router:ModelRouter",
    "ParallelRun": f"{_OURS}.models.parallel:ParallelRun",
    "ParallelRunnerModes": f"{_OURS}.models.parallel_options:ParallelRunnerModes",
    "V2ModelServer": f"{_OURS}.models.server:V2ModelServer",
    "VotingEnsemble": f"{_OURS}.models.voting:VotingEnsemble",
}
_RUNNERS = {
    "LLModel": f"{_ADAPTED}.models:LLModel",
    "Model": f"{_ADAPTED}.models:Model",
    "ModelRunner": f"{_ADAPTED}.runner:ModelRunner",
    "ModelRunnerError": "mlrun_like.compat.adapted.failures.classes:ModelRunnerError",
    "ModelRunnerSelector": f"{_ADAPTED}.models:ModelRunnerSelector",
    "ModelRunnerStep": f"{_ADAPTED}.runner_step:ModelRunnerStep",
    "ModelSelector": f"{_ADAPTED}.models:ModelSelector",
}
_REMOTE: dict[str, str | Missing] = {
    "BatchHttpRequests": f"{_ADAPTED}.remote:BatchHttpRequests",
    "RemoteStep": f"{_ADAPTED}.remote:RemoteStep",
}
_REMOTE |= {
    "MLRunAPIRemoteStep": Missing(
        "calling the API of MLRun's service as a step", 'graph.to("$remote", url=...) calls any API'
    ),
    "RemoteFunctionStep": f"{_ADAPTED}.remote:RemoteStep",
    "default_backoff_factor": f"{_OURS}.remote.step:BACKOFF",
    "default_retries": f"{_OURS}.remote.step:RETRIES",
}
_HELPERS = {
    "MonitoringApplicationToDict": f"{_ADAPTED}.helpers:MonitoringApplicationToDict",
    "RouterToDict": f"{_ADAPTED}.helpers:RouterToDict",
    "StepToDict": f"{_ADAPTED}.helpers:StepToDict",
    "OperationTypes": f"{_ADAPTED}.helpers:OperationTypes",
    "VotingTypes": f"{_ADAPTED}.helpers:VotingTypes",
    "get_data_from_path": f"{_ADAPTED}.helpers:get_data_from_path",
    "parse_versioned_object_uri": f"{_ADAPTED}.helpers:parse_versioned_object_uri",
    "set_data_by_path": f"{_ADAPTED}.helpers:set_data_by_path",
    "split_path": f"{_ADAPTED}.helpers:split_path",
    "event_id_key": f"{_ADAPTED}.helpers:EVENT_ID",
    "event_path_key": f"{_ADAPTED}.helpers:EVENT_PATH",
    "is_event_like": f"{_ADAPTED}.helpers:is_event_like",
}
_ENDPOINTS = {
    "APIHandlerConfig": f"{_ADAPTED}.endpoints:APIHandlerConfig",
    "BodyMappings": f"{_ADAPTED}.endpoints:BodyMappings",
    "EndpointConfig": f"{_ADAPTED}.endpoints:EndpointConfig",
    "EndpointMatch": f"{_ADAPTED}.endpoints:EndpointMatch",
    "_APIHandlerStep": f"{_ADAPTED}.admission:APIHandlerStep",
    "_RequestContext": f"{_ADAPTED}.admission:RequestContext",
    "ResultHandler": f"{_ADAPTED}.endpoints:ResultHandler",
}
_V1 = {
    "MLModelServer": f"{_ADAPTED}.v1:MLModelServer",
    "new_v1_model_server": f"{_ADAPTED}.v1:new_v1_model_server",
}
_PLATFORM = Missing(
    "monitoring that runs inside of MLRun's service",
    "fn.set_tracking() records requests here, and mlrun_like.monitoring judges them",
)
_HANDLER = Missing(
    "checking and reshaping requests and answers by their paths, in MLRun 1.11 and later",
    "a step at the start or the end of the graph does the same",
)
_INSIDE = Missing("the inside of MLRun's serving", "mlrun_like.serving has the same by other ways")
_SYSTEM = {
    **dict.fromkeys(
        (
            "CacheEntry",
            "DUMMY_STREAM",
            "ExplainHandler",
            "HTTPHandler",
            "InvokeResponseFormat",
            "MAX_MODELS_PER_ROUTER",
            "NuclioContext",
            "NuclioLogger",
            "PredictHandler",
            "UsageResponseKeys",
            "callable_prefix",
            "classes_map",
            "format_error",
            "get_current_function",
            "get_name",
            "graph_root_setter",
            "is_explicit_ack_supported",
            "local_routes",
            "nuclio_serving_handler",
            "nuclio_serving_init",
            "openai_mappings",
            "params_to_step",
            "path_splitter",
            "previous_step",
            "queue_class_names",
            "serving_handler",
        ),
        _INSIDE,
    ),
    **dict.fromkeys(
        (
            "BackgroundTaskStatus",
            "MatchingEndpointsState",
            "MockStreamPusher",
            "ModelRunnerErrorRaiser",
            "MonitoredStep",
            "MonitoringApplicationStep",
            "MonitoringData",
            "MonitoringPreProcessor",
            "SamplingStep",
            "add_error_raiser_step",
            "add_monitoring_general_steps",
            "add_system_steps_to_graph",
            "collect_model_endpoint_uids",
            "get_model_endpoints_creation_task_status",
        ),
        _PLATFORM,
    ),
    **dict.fromkeys(
        (
            "apply_body_map",
            "apply_body_map_with_dict_check",
            "check_body_and_path_parameters_overlapping",
            "collect_endpoint_matches",
            "combine_serving_endpoint_key",
            "compile_body_map",
            "compile_dynamic_path_patterns",
            "merge_body_maps",
            "ChatCompletionsEndpoints",
            "ENDPOINT_CLASSES",
            "OpenAIEndpoint",
            "ResponsesEndpoints",
        ),
        _HANDLER,
    ),
    "HubTaskStep": Missing("a step of the hub", 'graph.to("hub://name") adds one'),
    "OTelMetricsExporter": Missing(
        "sending metrics to an OpenTelemetry collector",
        "mlrun_like.serving.observe records metrics and traces",
    ),
}
_OTHERS = {
    "ChoiceByField": f"{_ADAPTED}.choosing:ChoiceByField",
    "Merge": f"{_STEPS}.merging:Merge",
}
_ALL: dict[str, str | Missing] = {
    **_STATES,
    **_SERVER,
    **_MODELS,
    **_RUNNERS,
    **_REMOTE,
    **_HELPERS,
    **_V1,
    **_ENDPOINTS,
    **_OTHERS,
    **_SYSTEM,
}

_MODULES = (
    "api_handler endpoint_mapping merger openai_mappings otel remote result_handler routers server "
    "serving_wrapper states steps system_steps utils v1_serving v2_serving"
)

_RUNTIME: dict[str, str | Missing] = {
    "ServingRuntime": f"{_OURS}.function:ServingFunction",
    **_ENDPOINTS,
    "ServingSpec": f"{_OURS}.definition.spec:ServingSpec",
    "serving_subkind": f"{_ADAPTED}.server:SERVING_SUBKIND",
    "KafkaTrigger": "mlrun_like.runtimes.nuclio.stream_triggers:KafkaTrigger",
    "NuclioTrigger": "mlrun_like.runtimes.nuclio.trigger_base:NuclioTrigger",
    "*": _INSIDE,
}

ROWS: Rows = {
    "mlrun.runtimes.nuclio.serving": _RUNTIME,
    "mlrun.runtimes.serving": _RUNTIME,
    "mlrun.serving": _ALL,
    **{f"mlrun.serving.{module}": _ALL for module in _MODULES.split()},
    # what Nuclio calls, and no decorator of that name
    "mlrun.serving.serving_wrapper": {**_ALL, "handler": f"{_ADAPTED}.server:v2_serving_handler"},
}
"""All modules have all names: where MLRun had one changed from version to version."""
