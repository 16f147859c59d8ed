"""Rows of `nuclio` and `nuclio_sdk`, where they are not installed."""

from __future__ import annotations

from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_CONFIG = "mlrun_like.compat.adapted.nuclio.config"
_DEPLOYING = "mlrun_like.compat.adapted.nuclio.deploying"
_LOGS = "mlrun_like.compat.adapted.nuclio.logs"
_SDK = "mlrun_like.compat.adapted.nuclio.sdk"
_STREAMS = "mlrun_like.runtimes.nuclio.stream_triggers"
_TRIGGERS = "mlrun_like.runtimes.nuclio.triggers"

_INSIDE = Missing(
    "turning notebooks into functions and talking to the dashboard of Nuclio, step by step",
    "code_to_function(filename=...) reads notebooks with their %nuclio lines; fn.deploy() deploys.",
)
_MAGIC = Missing(
    "the %nuclio commands of a running notebook",
    "code_to_function reads them from the notebook; elsewhere set_env and with_commands do it.",
)
_TESTS = Missing("the tests of nuclio_sdk itself")


def _of(place: str, names: str) -> dict[str, str]:
    return {name: f"{place}:{name}" for name in names.split()}


_TRIGGER_ROWS = {
    **_of(_TRIGGERS, "CronTrigger HttpTrigger"),
    **_of(_STREAMS, "KafkaTrigger V3IOStreamTrigger"),
    "NuclioTrigger": "mlrun_like.runtimes.nuclio.trigger_base:NuclioTrigger",
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
        "load_ipython_extension": _MAGIC,
    },
    "nuclio.archive": {"*": _INSIDE},
    "nuclio.auth": {"*": _INSIDE},
    "nuclio.build": {"*": _INSIDE, **_of(_DEPLOYING, "BuildError build_file")},
    "nuclio.config": {"*": _INSIDE, **_of(_CONFIG, "ConfigSpec Volume")},
    "nuclio.deploy": {
        "*": _INSIDE,
        **_of(_DEPLOYING, "DeployError delete_func deploy_code deploy_file"),
    },
    "nuclio.export": {"*": _INSIDE},
    "nuclio.magic": {"*": _MAGIC},
    "nuclio.request": {
        **_of(_SDK, "Context Event TriggerInfo inject_context"),
        **_of(_LOGS, "HumanReadableFormatter Logger"),
    },
    "nuclio.triggers": {
        **_TRIGGER_ROWS,
        "Constants": _INSIDE,
        "logger": _INSIDE,
    },
    "nuclio.utils": {"*": _INSIDE, **_of(_DEPLOYING, "BuildError DeployError")},
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
