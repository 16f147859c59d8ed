"""Rows of `mlrun.common`: constants, schemas, formats."""

from __future__ import annotations

from mlrun_like.compat.adapted.common import constants, helpers
from mlrun_like.compat.adapted.common.schemas import modules
from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_OLD = "mlrun_like.compat.adapted.common."
_ALERTS = "mlrun_like.monitoring.alerts."
_RESULTS = "mlrun_like.monitoring.applications.results:"
_SCHEMAS = "mlrun.common.schemas"
_SERVICE = Missing("MLRun's service", "mlrun-like service start is ours")

_MADE = modules()
_CONSTANTS = {name: f"{_OLD}constants:{name}" for name in constants.__all__}
_HELPERS = {name: f"{_OLD}helpers:{name}" for name in helpers.__all__}

_OWN: Rows = {
    "mlrun.common.constants": {
        **_CONSTANTS,
        "*": Missing("folders and secrets of MLRun's pods"),
    },
    "mlrun.common.helpers": _HELPERS,
    "mlrun.common.model_monitoring": {"*": _SERVICE},
    "mlrun.common.model_monitoring.helpers": {
        **_HELPERS,
        **{
            name: f"mlrun_like.compat.adapted.monitoring.histograms:{name}"
            for name in (
                *("BinCounts", "BinEdges", "FeatureStats", "Histogram"),
                *("pad_features_hist", "pad_hist"),
            )
        },
        "*": _SERVICE,
    },
    "mlrun.common.secrets": {**_HELPERS, "*": _SERVICE},
    "mlrun.common.types": {"StrEnum": f"{_OLD}schemas:StrEnum"},
    "mlrun.common.runtimes.constants": {
        "RunStates": f"{_OLD}states:RunStates",
        "ThresholdStates": f"{_OLD}states:ThresholdStates",
        "*": Missing("checks of pods"),
    },
    "mlrun.common.runtimes.validators": {"*": Missing("checks of pods")},
    f"{_SCHEMAS}.alert": {
        "AlertActivation": f"{_ALERTS}activation:AlertActivation",
        "AlertActivations": f"{_ALERTS}activation:AlertActivations",
        "AlertActiveState": f"{_ALERTS}kinds:AlertActiveState",
        "AlertCriteria": f"{_ALERTS}model:AlertCriteria",
        "AlertNotification": f"{_ALERTS}model:AlertNotification",
        "AlertSeverity": f"{_ALERTS}kinds:AlertSeverity",
        "AlertTemplate": f"{_ALERTS}model:AlertTemplate",
        "AlertTrigger": f"{_ALERTS}model:AlertTrigger",
        "Event": f"{_ALERTS}model:Event",
        "EventEntities": f"{_ALERTS}model:EventEntities",
        "EventEntityKind": f"{_ALERTS}kinds:EventEntityKind",
        "EventKind": f"{_ALERTS}kinds:EventKind",
        "ResetPolicy": f"{_ALERTS}kinds:ResetPolicy",
    },
    f"{_SCHEMAS}.constants": _CONSTANTS,
    f"{_SCHEMAS}.hub": {"last_source_index": f"{_OLD}constants:last_source_index"},
    f"{_SCHEMAS}.serving": {"MAX_BATCH_JOB_DURATION": f"{_OLD}constants:MAX_BATCH_JOB_DURATION"},
    f"{_SCHEMAS}.model_monitoring": {
        **_CONSTANTS,
        "*": Missing("names inside of MLRun's monitoring", "mlrun_like.monitoring has ours"),
    },
    _SCHEMAS: {"*": _SERVICE},
    f"{_SCHEMAS}.model_monitoring.constants": {
        **_CONSTANTS,
        "MonitoringStrEnum": f"{_OLD}schemas:MonitoringStrEnum",
        "ResultKindApp": f"{_RESULTS}ResultKindApp",
        "ResultStatusApp": f"{_RESULTS}ResultStatusApp",
        "*": Missing("names inside of MLRun's monitoring", "mlrun_like.monitoring has ours"),
    },
    f"{_SCHEMAS}.project": {"*": _SERVICE},
    f"{_SCHEMAS}.runtime_resource": {"*": _SERVICE},
    f"{_SCHEMAS}.model_monitoring.model_endpoints": {
        "*": Missing("records of monitored models", "mlrun_like.monitoring.endpoints has ours")
    },
    f"{_SCHEMAS}.partition_interval": {"*": Missing("partitions of the service's database")},
}

ROWS: Rows = {
    module: {**_MADE.get(module, {}), **_OWN.get(module, {})} for module in {**_MADE, **_OWN}
}
