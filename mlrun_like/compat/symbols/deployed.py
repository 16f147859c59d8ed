"""Rows of `mlrun.runtimes.nuclio` and `mlrun.platforms`: functions that are deployed."""

from __future__ import annotations

from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_OLD = "mlrun_like.compat.adapted.runtimes"
_SPEC = "mlrun_like.specs.function:FunctionSpec"
_AUTH = Missing(
    "the login of somebody whom MLRun's service deploys for",
    "mlrun-like login; fn.with_auth(...) says who may call.",
)
_GATEWAY = "mlrun_like.runtimes.nuclio.api_gateway"
_STATUS = Missing(
    "the state of a function in a cluster as an object",
    "fn.status is a mapping; fn.is_deployed() tells whether it is ready.",
)
_EXEC = Missing(
    "how MLRun loads and calls handlers inside of a run",
    "fn.run(local=True) does all of it; function_to_module loads code.",
)
_NSPEC = Missing(
    "batching and asynchronous answers of a Nuclio HTTP trigger",
    "fn.with_http(...) says how the gateway answers; graphs have steps that batch.",
)
_DASH = Missing(
    "talking to the dashboard of Nuclio",
    "fn.deploy() does it where the setting nuclio_dashboard_url names one.",
)
_ENTRY = Missing(
    "starting jobs and servers inside of a Nuclio function",
    "fn.deploy() starts them at the local gateway.",
)
_SERVING = Missing(
    "parts of the serving function and its document",
    "fn.set_topology, fn.add_model and fn.add_trigger write them.",
)


def _of(place: str, names: str) -> dict[str, str]:
    return {name: f"{place}:{name}" for name in names.split()}


def _gone(why: Missing, names: str) -> dict[str, Missing]:
    return dict.fromkeys(names.split(), why)


ROWS: Rows = {
    "mlrun.platforms": {
        **_of(f"{_OLD}.streams", "V3ioStreamClient watch_stream"),
        **_of(
            "mlrun_like.functions.modifiers",
            "VolumeMount mount_configmap mount_hostpath mount_pvc mount_s3 "
            "mount_secret set_env_variables",
        ),
        **_of(
            f"{_OLD}.platforms",
            "add_or_refresh_credentials is_iguazio_session_cookie v3io_to_vol",
        ),
        **_of(
            f"{_OLD}.mounts",
            "auto_mount mount_spark_conf mount_v3io mount_v3iod set_env_vars_from_secret v3io_cred",
        ),
    },
    "mlrun.platforms.iguazio": {
        **_of(
            f"{_OLD}.streams",
            "HTTPOutputStream KafkaOutputStream OutputStream V3ioStreamClient",
        ),
        "VolumeMount": "mlrun_like.functions.modifiers:VolumeMount",
        **_of(
            f"{_OLD}.platforms",
            "add_or_refresh_credentials is_iguazio_endpoint is_iguazio_session "
            "is_iguazio_session_cookie min_iguazio_versions parse_path "
            "sanitize_username split_path v3io_to_vol",
        ),
        **_of(f"{_OLD}.mounts", "mount_spark_conf mount_v3io mount_v3iod v3io_cred"),
    },
    "mlrun.platforms.other": {
        **_of(f"{_OLD}.mounts", "auto_mount"),
        **_of(
            "mlrun_like.functions.modifiers",
            "mount_configmap mount_hostpath mount_pvc mount_s3 mount_secret set_env_variables",
        ),
    },
    "mlrun.runtimes.nuclio": {
        "APIGateway": f"{_GATEWAY}:APIGateway",
        "RemoteRuntime": "mlrun_like.functions.nuclio:NuclioFunction",
        "ServingRuntime": "mlrun_like.serving.function:ServingFunction",
        "min_nuclio_versions": _DASH,
        "multiple_port_sidecar_is_supported": _DASH,
    },
    "mlrun.runtimes.nuclio.api_gateway": {
        "APIGateway": f"{_GATEWAY}:APIGateway",
        **_of(f"{_GATEWAY}_spec", "APIGatewayMetadata APIGatewaySpec APIGatewayStatus"),
        **_of(
            f"{_GATEWAY}_auth",
            "APIGatewayAuthenticator AccessKeyAuth BasicAuth IguazioAuth NoneAuth",
        ),
        "Authenticator": f"{_GATEWAY}_auth:APIGatewayAuthenticator",
        "NuclioAuthKinds": _AUTH,
        "min_iguazio_versions": _DASH,
        "min_nuclio_versions": _DASH,
    },
    "mlrun.runtimes.nuclio.application": {
        "ApplicationRuntime": "mlrun_like.functions.application:ApplicationFunction",
    },
    "mlrun.runtimes.nuclio.application.application": {
        "ApplicationRuntime": "mlrun_like.functions.application:ApplicationFunction",
        "is_relative_path": "mlrun_like.compat.adapted.helpers.names:is_relative_path",
        "ApplicationSpec": _SPEC,
        "ApplicationStatus": _STATUS,
        **_of(f"{_OLD}.kinds", "NuclioIngressAddTemplatedIngressModes ProbeTimeConfig ProbeType"),
    },
    "mlrun.runtimes.nuclio.function": {
        "NuclioSpec": _SPEC,
        "RemoteRuntime": "mlrun_like.functions.nuclio:NuclioFunction",
        **_gone(_NSPEC, "AsyncSpec BatchingSpec"),
        "AuthInfo": _AUTH,
        "NuclioStatus": "mlrun_like.functions.nuclio_status:NuclioStatus",
        **_of("mlrun_like.runtimes.nuclio.stream_triggers", "RabbitMQTrigger V3IOStreamTrigger"),
        **_gone(
            _DASH,
            "SENSITIVE_PATHS_IN_TRIGGER_CONFIG deploy_op "
            "enrich_nuclio_function_from_headers extract_credentials_from_url "
            "fake_nuclio_context find_dashboard_url get_deploy_status get_fullname "
            "get_nuclio_deploy_status min_nuclio_versions "
            "multiple_port_sidecar_is_supported parse_logs submit "
            "validate_nuclio_version_compatibility",
        ),
        "FunctionStatus": _STATUS,
        "split_path": f"{_OLD}.platforms:split_path",
    },
    "mlrun.runtimes.nuclio.nuclio": {
        "nuclio_init_hook": "mlrun_like.compat.adapted.serving.server:nuclio_init_hook",
        **_gone(_ENTRY, "nuclio_jobs_handler nuclio_jobs_init nuclio_serving_init"),
        **_of(f"{_OLD}.kinds", "serving_subkind"),
        "get_func_arg": _ENTRY,
    },
    "mlrun.runtimes.nuclio.triggers": {
        "NuclioTrigger": "mlrun_like.runtimes.nuclio.trigger_base:NuclioTrigger",
        "RabbitMQTrigger": "mlrun_like.runtimes.nuclio.stream_triggers:RabbitMQTrigger",
        **_gone(_DASH, "UrlCredentials extract_credentials_from_url"),
    },
}
