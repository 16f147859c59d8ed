"""Rows of `mlrun.utils`."""

from __future__ import annotations

from mlrun_like.compat.adapted.helpers import patterns
from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_OLD = "mlrun_like.compat.adapted.helpers."
_CLUSTER = Missing("MLRun's service and its cluster")
_NOTIFY = Missing(
    "sending notifications from inside of MLRun",
    "fn.run(notifications=[...]) and project.notifiers send them",
)
_V3IO = Missing("clients of v3io", "mlrun.get_dataitem(url); the setting v3io_root")

_FILES = {
    "checking": (
        "get_regex_list_as_string tag_name_regex_as_string validate_artifact_key_name "
        "validate_function_name validate_tag_name validate_v3io_stream_consumer_group "
        "verify_field_regex"
    ),
    "encoding": "MyEncoder dict_to_json dict_to_yaml",
    "files": (
        "LogBatchWriter are_strings_in_exception_chain_messages calculate_dataframe_hash "
        "calculate_local_file_hash enrich_image_url fill_function_hash fill_object_hash "
        "filter_warnings flatten format_run gen_html_table gen_md_table get_project_url "
        "get_run_url get_workflow_url is_file_path is_ipython is_jupyter "
        "is_running_in_jupyter_notebook is_running_in_runtime is_safe_path is_valid_port "
        "run_in_threadpool to_parquet validate_inline_artifact_body_size"
    ),
    "finding": (
        "create_class create_function get_caller_globals get_class get_function "
        "get_handler_extended get_relative_module_name_from_path set_paths"
    ),
    "matching": "match_labels match_times match_value match_value_options",
    "names": (
        "DB_SCHEMA RunKeys StorePrefix check_if_hub_uri ensure_batch_job_suffix "
        "generate_artifact_uri generate_object_uri get_artifact_target hub_prefix "
        "is_link_artifact is_parquet_file is_relative_path is_store_uri is_yaml_path join_urls "
        "lock_hub_uri_version normalize_name normalize_project_username normalize_workflow_name "
        "parse_artifact_uri remove_image_protocol_prefix remove_tag_from_artifact_uri "
        "resolve_git_reference_from_source split_handler_module_and_function split_path "
        "template_artifact_path"
    ),
    "times": (
        "DEFAULT_TIME_PARTITIONING_GRANULARITY DEFAULT_TIME_PARTITIONS LEGAL_TIME_UNITS "
        "datetime_from_iso datetime_min datetime_now datetime_to_iso datetime_to_mysql_ts "
        "enrich_datetime_with_tz_info ensure_tz_aware format_datetime has_timezone now_date "
        "str_to_timestamp to_date_str validate_and_convert_date"
    ),
    "trying": "retry_until_successful retry_until_successful_async run_with_retry",
    "values": (
        "as_dict as_list as_number dict_to_list dict_to_str get_data_from_dict get_in "
        "get_in_artifact get_pretty_types_names iterate_list_by_chunks "
        "merge_dicts_with_precedence missing set_data_by_path str_to_bool "
        "to_non_empty_values_dict update_in verify_and_update_in verify_dict_items_type "
        "verify_field_list_of_type verify_field_of_type verify_list_and_update_in "
        "verify_list_items_type"
    ),
}
_HELPERS: dict[str, str | Missing] = {
    name: f"{_OLD}{file}:{name}" for file, names in _FILES.items() for name in names.split()
}
_TRYING = (
    "AsyncRetryer Retryer create_exponential_backoff create_linear_backoff create_step_backoff"
)
_LOGS = (
    "CustomFormatter FormatterKinds HumanReadableExtendedFormatter HumanReadableFormatter "
    "JSONFormatter Logger context_id_var create_logger create_test_logger resolve_formatter_by_kind"
)
_OWN: dict[str, str | Missing] = {
    **_HELPERS,
    "extend_hub_uri_if_needed": "mlrun_like.compat.adapted.runs.tasks:extend_hub_uri_if_needed",
    "get_serving_spec": Missing("the graph of a serving pod", "fn.to_mock_server()"),
    **{name: f"{_OLD}logs:{name}" for name in _LOGS.split()},
    **{name: f"{_OLD}trying:{name}" for name in _TRYING.split()},
    "list2dict": "mlrun_like.compat.adapted.client.secrets:list2dict",
    "logger": f"{_OLD}logs:logger",
    "run_keys": f"{_OLD}names:RunKeys",
}

ROWS: Rows = {
    "mlrun.utils": {**_OWN, "*": _CLUSTER},
    "mlrun.utils.helpers": {**_OWN, "*": _CLUSTER},
    "mlrun.utils.async_http": {"*": Missing("calls of MLRun's service", "httpx or aiohttp")},
    "mlrun.utils.azure_vault": {"*": Missing("Azure's vault", "project.set_secrets")},
    "mlrun.utils.clones": {
        "clone_git": "mlrun_like.compat.adapted.projects.cloning:clone_git",
        "clone_tgz": "mlrun_like.compat.adapted.projects.cloning:clone_archive",
        "clone_zip": "mlrun_like.compat.adapted.projects.cloning:clone_archive",
        "*": Missing("copying a project's source", "mlrun.load_project(context, url)"),
    },
    "mlrun.utils.condition_evaluator": {"*": _NOTIFY},
    "mlrun.utils.http": {"*": Missing("calls of MLRun's service", "requests or httpx")},
    "mlrun.utils.logger": {
        **{name: f"{_OLD}logs:{name}" for name in _LOGS.split()},
        "errors": "mlrun_like.errors",
    },
    "mlrun.utils.notifications": {"*": _NOTIFY},
    "mlrun.utils.notifications.notification": {"*": _NOTIFY},
    "mlrun.utils.notifications.notification.base": {"*": _NOTIFY},
    "mlrun.utils.notifications.notification.console": {"*": _NOTIFY},
    "mlrun.utils.notifications.notification.git": {"*": _NOTIFY},
    "mlrun.utils.notifications.notification.ipython": {"*": _NOTIFY},
    "mlrun.utils.notifications.notification.mail": {"*": _NOTIFY},
    "mlrun.utils.notifications.notification.slack": {"*": _NOTIFY},
    "mlrun.utils.notifications.notification.webhook": {"*": _NOTIFY},
    "mlrun.utils.notifications.notification_pusher": {"*": _NOTIFY},
    "mlrun.utils.regex": {name: f"{_OLD}patterns:{name}" for name in patterns.__all__},
    "mlrun.utils.retryer": {name: f"{_OLD}trying:{name}" for name in _TRYING.split()},
    "mlrun.utils.singleton": {
        "AbstractSingleton": f"{_OLD}files:Singleton",
        "Singleton": f"{_OLD}files:Singleton",
    },
    "mlrun.utils.telemetry": {"*": _CLUSTER},
    "mlrun.utils.thread": {"*": _CLUSTER},
    "mlrun.utils.v3io_clients": {"*": _V3IO},
    "mlrun.utils.version": {"Version": "mlrun_like.compat.adapted.client.root:Version"},
    "mlrun.utils.version.version": {"Version": "mlrun_like.compat.adapted.client.root:Version"},
}
