"""All rows in one table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mlrun_like.settings.access import ACCESS
from mlrun_like.settings.alerts import ALERTS
from mlrun_like.settings.artifacts import ARTIFACTS
from mlrun_like.settings.engines import ENGINES
from mlrun_like.settings.execution import EXECUTION
from mlrun_like.settings.features import FEATURES
from mlrun_like.settings.gateway import GATEWAY
from mlrun_like.settings.general import GENERAL
from mlrun_like.settings.images import IMAGES
from mlrun_like.settings.monitoring import MONITORING
from mlrun_like.settings.service import SERVICE
from mlrun_like.settings.serving import SERVING
from mlrun_like.settings.setting import Setting

__all__ = ["PATHS", "SECRETS", "SETTINGS"]

SETTINGS: tuple[Setting, ...] = (
    *(*GENERAL, *ENGINES, *IMAGES, *SERVING, *GATEWAY, *FEATURES, *MONITORING, *ALERTS),
    *(*SERVICE, *ACCESS, *EXECUTION),
    *ARTIFACTS,
)

SECRETS = frozenset(
    {
        "access_key",
        "exec",
        "gateway_admin_token",
        "grafana_token",
        "oidc_client_secret",
        "registry_auth",
        "service_secret_keys",
        "serving_token",
        "sql_url",
        "token",
    }
)
"""Those whose values are never printed."""

_TRACKING = "external_platform_tracking"
PATHS: Mapping[str, str] = MappingProxyType(
    {
        f"{_TRACKING}.enabled": "track_external",
        f"{_TRACKING}.mlflow.enabled": "track_mlflow",
        f"{_TRACKING}.mlflow.match_experiment_to_runtime": "mlflow_match_experiment_to_runtime",
        f"{_TRACKING}.mlflow.control_run": "mlflow_control_run",
    }
)
"""Dotted names of MLRun's `mlconf` -> settings."""
