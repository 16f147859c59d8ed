"""Rows of `nuclio` and `nuclio_sdk`, where they are not installed."""

from __future__ import annotations

from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_AT = "mlrun_like.compat.adapted.nuclio"
_ARCHIVES = f"{_AT}.archives"
_BUILDING = f"{_AT}.building"
_CONFIG = f"{_AT}.config"
_DASHBOARDS = f"{_AT}.dashboards"
_DEPLOYING = f"{_AT}.deploying"
_DOCUMENTS = f"{_AT}.documents"
_EXPORTING = f"{_AT}.exporting"
_LINES = f"{_AT}.lines"
_MAGICS = f"{_AT}.magics"
_LOGS = f"{_AT}.logs"
_SDK = f"{_AT}.sdk"
_STREAMS = "mlrun_like.runtimes.nuclio.stream_triggers"
_TRIGGERS = "mlrun_like.runtimes.nuclio.triggers"

_INSIDE = Missing(
    "turning notebooks into functions and talking to the dashboard of Nuclio, step by step",
    "nuclio.build_file makes a configuration, nuclio.deploy.deploy_config deploys it.",
)
_TESTS = Missing("the tests of nuclio_sdk itself")


def _of(place: str, names: str) -> dict[str, str]:
    return {name: f"{place}:{name}" for name in names.split()}


_TRIGGER_ROWS = {
    **_of(_TRIGGERS, "CronTrigger HttpTrigger"),
    **_of(_STREAMS, "KafkaTrigger"),
    **_of(f"{_AT}.triggers", "V3IOStreamTrigger"),
    "NuclioTrigger": "mlrun_like.runtimes.nuclio.trigger_base:NuclioTrigger",
}
_CONFIG_ROWS = {
    **_of(_CONFIG, "ConfigSpec Volume"),
    **_of(_DOCUMENTS, "create_or_update_env_var extend_config fill_config get_in load_config"),
    **_of(_DOCUMENTS, "load_config_data new_config set_commands set_env set_env_dict"),
    **_of(_DOCUMENTS, "set_external_source_env_dict set_handler update_in"),
    "meta_keys": f"{_DOCUMENTS}:MetaKeys",
    "update_env_var": f"{_DOCUMENTS}:create_or_update_env_var",
}
_LINES_ROWS = {
    **_of(_LINES, "create_logger iter_env_lines list2dict logger normalize_name"),
    **_of(_LINES, "notebook_file_name parse_config_line parse_env str2nametag"),
    "env_keys": f"{_LINES}:EnvKeys",
}
_ARCHIVE_ROWS = {
    **_of(_ARCHIVES, "ExternalRepo FileRepo GitRepo HttpRepo S3Repo V3ioRepo build_zip"),
    **_of(_ARCHIVES, "get_archive_config get_from_zip is_archive load_zip_config put_data"),
    **_of(_ARCHIVES, "upload_file url2repo"),
}
_BUILD_ROWS = {
    **_of(_BUILDING, "add_kind_footer archive_path build_file build_notebook"),
    **_of(_DOCUMENTS, "code2config get_lang_ext"),
    **_of(_DEPLOYING, "BuildError"),
}
_ALL_OF_SDK = {
    **_of(_SDK, "Context Event EventDeserializerKinds ExceptionWithResponse Platform"),
    **_of(_SDK, "QualifiedOffset Response TestPlatform TriggerInfo"),
    **_of(_LOGS, "Logger"),
}

ROWS: Rows = {
    "nuclio": {
        **_of(_CONFIG, "ConfigSpec Volume"),
        **_of(_DEPLOYING, "build_file delete_func deploy_code deploy_file"),
        **_of(_SDK, "Context Event"),
        **_TRIGGER_ROWS,
        "deploy_model": _INSIDE,
        **_of(_MAGICS, "load_ipython_extension print_handler_code"),
    },
    "nuclio.archive": {"*": _INSIDE, **_ARCHIVE_ROWS},
    "nuclio.auth": {"*": _INSIDE},
    "nuclio.build": {
        "*": _INSIDE,
        **_ARCHIVE_ROWS,
        **_CONFIG_ROWS,
        **_LINES_ROWS,
        **_BUILD_ROWS,
    },
    "nuclio.config": {
        "*": _INSIDE,
        **_CONFIG_ROWS,
        **_of(_ARCHIVES, "url2repo"),
        **_of(_LINES, "logger parse_env"),
        **_of(_TRIGGERS, "HttpTrigger"),
        "split_path": "mlrun_like.compat.adapted.runtimes.platforms:split_path",
    },
    "nuclio.deploy": {
        "*": _INSIDE,
        **_ARCHIVE_ROWS,
        **_CONFIG_ROWS,
        **_LINES_ROWS,
        **_BUILD_ROWS,
        **_of(_DASHBOARDS, "ReturnAddressModes deploy_config find_dashboard_url"),
        **_of(_DASHBOARDS, "find_or_create_project get_address get_deploy_status"),
        **_of(_DASHBOARDS, "get_function_status list_functions process_resp project_name"),
        **_of(_DEPLOYING, "DeployError delete_func deploy_code deploy_file"),
    },
    "nuclio.export": {
        "*": _INSIDE,
        **_CONFIG_ROWS,
        **_LINES_ROWS,
        **_of(_EXPORTING, "MagicError NuclioExporter annotation_prefix cell_magic"),
        **_of(_EXPORTING, "default_ignored_tags exporter_name gen_config handler_code"),
        **_of(_EXPORTING, "handler_decl handler_name handlers header indent_prefix line_magic"),
        **_of(_EXPORTING, "module_name parse_magic_line tags_to_ignore"),
        "log": f"{_LINES}:logger",
        "magic_module": _MAGICS,
    },
    "nuclio.magic": {
        "*": _INSIDE,
        **_of(_CONFIG, "ConfigSpec"),
        **_of(_DEPLOYING, "BuildError DeployError build_file"),
        **_LINES_ROWS,
        **_of(_MAGICS, "add build cmd commands config deploy env env_file handler help mount"),
        **_of(_MAGICS, "nuclio print_handler_code show verbose"),
    },
    "nuclio.request": {
        "_running_in_jupyter_notebook": f"{_MAGICS}:in_notebook",
        **_of(_SDK, "Context Event TriggerInfo inject_context"),
        **_of(_LOGS, "HumanReadableFormatter Logger"),
    },
    "nuclio.triggers": {
        **_TRIGGER_ROWS,
        **_of(f"{_AT}.triggers", "Constants"),
        **_of(_LINES, "logger"),
    },
    "nuclio.utils": {
        "*": _INSIDE,
        **_LINES_ROWS,
        **_of(_DEPLOYING, "BuildError DeployError"),
    },
    "nuclio_sdk": _ALL_OF_SDK,
    "nuclio_sdk.context": _of(_SDK, "Context"),
    "nuclio_sdk.event": _of(_SDK, "Event EventDeserializerKinds TriggerInfo"),
    "nuclio_sdk.exceptions": _of(_SDK, "ExceptionWithResponse"),
    "nuclio_sdk.helpers": {
        "*": Missing("telling Python 2 from Python 3", "It is always Python 3 here.")
    },
    "nuclio_sdk.json_encoder": _of(_LOGS, "Encoder"),
    "nuclio_sdk.logger": _of(_LOGS, "HumanReadableFormatter JSONFormatter Logger"),
    "nuclio_sdk.platform": _of(_SDK, "Platform"),
    "nuclio_sdk.qualified_offset": _of(_SDK, "QualifiedOffset"),
    "nuclio_sdk.response": {**_of(_SDK, "Response"), "*": _INSIDE},
    "nuclio_sdk.test": {"*": _TESTS, "TestPlatform": f"{_SDK}:TestPlatform"},
    "nuclio_sdk.test.mock_platform": {"Platform": f"{_SDK}:TestPlatform"},
    "nuclio_sdk.test.test_case": {"*": _TESTS},
    "nuclio_sdk.test.test_event": {"*": _TESTS},
    "nuclio_sdk.test.test_logger": {"*": _TESTS},
    "nuclio_sdk.test.test_qualified_offset": {"*": _TESTS},
    "nuclio_sdk.test.test_response": {"*": _TESTS},
    "nuclio_sdk.test.test_streaming": {"*": _TESTS},
}
