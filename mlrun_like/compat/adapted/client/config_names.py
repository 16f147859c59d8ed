"""Names of `mlconf` that programs read: which of our settings they are, else their values here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from mlrun_like.compat.known import MLRUN_VERSION
from mlrun_like.settings import PATHS, SETTINGS

__all__ = ["DEFAULTS", "OURS", "default_tree"]

_PREFIX = "MLRUN_"


def _aliases() -> dict[str, str]:
    found = dict(PATHS)
    for row in SETTINGS:
        for alias in row.aliases:
            if alias.startswith(_PREFIX):
                found[alias.removeprefix(_PREFIX).lower().replace("__", ".")] = row.name
    return found


OURS: Mapping[str, str] = MappingProxyType(
    {
        **_aliases(),
        "active_project": "default_project",
        "artifacts.calculate_hash": "calculate_digest",
        "artifacts.datasets.max_preview_columns": "preview_columns",
        "hub.default_source.url": "hub_url",
        "hub_url": "hub_url",
        "vault_path": "vault_path",
    }
)
"""Dotted names of `mlconf` -> our settings."""

_IMAGE = "mlrun/mlrun"
_KINDS = ("job", "serving", "nuclio", "remote", "dask", "mpijob")
_EMPTY = "e30="  # {} in base 64, which is how these names are written

DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "api_base_version": "v1",
        "ce.mode": "full",
        "ce.release": "",
        "dask_kfp_image": _IMAGE,
        "default_base_image": _IMAGE,
        "default_function_pod_labels": _EMPTY,
        "default_function_pod_resources.limits.cpu": None,
        "default_function_pod_resources.limits.gpu": None,
        "default_function_pod_resources.limits.memory": None,
        "default_function_pod_resources.requests.cpu": None,
        "default_function_pod_resources.requests.gpu": None,
        "default_function_pod_resources.requests.memory": None,
        "default_project_image_name": ".mlrun-project-image-{name}",
        "default_tensorboard_logs_path": "/User/.tensorboard/{{project}}",
        "enrich_artifact_path_with_workflow_id": True,
        "events.mode": "disabled",
        "feature_store.data_prefixes.default": "",
        "feature_store.data_prefixes.nosql": "",
        "feature_store.default_job_image": _IMAGE,
        "feature_store.default_targets": "parquet,nosql",
        "feature_store.flush_interval": None,
        "function.application.default_sidecar_internal_port": 8050,
        "function.spec.security_context.default": _EMPTY,
        "function.spec.security_context.enrichment_group_id": 65534,
        "function.spec.security_context.enrichment_mode": "disabled",
        "function.spec.security_context.pipelines.kfp_pod_user_unix_id": 5,
        "function.spec.state_thresholds.default": {
            "pending_scheduled": "1h",
            "pending_not_scheduled": "-1",
            "image_pull_backoff": "1h",
            "executing": "24h",
        },
        **{f"function_defaults.image_by_kind.{kind}": _IMAGE for kind in _KINDS},
        "grafana_url": "",
        "http_retry_defaults.backoff_factor": 1,
        "http_retry_defaults.max_retries": 3,
        "http_retry_defaults.status_codes": [500, 502, 503, 504],
        "httpdb.api_url": "",
        "httpdb.authentication.mode": "none",
        "httpdb.builder.docker_registry_secret": "",
        "httpdb.dirpath": "",
        "httpdb.dsn": "",
        "httpdb.http.verify": True,
        "httpdb.logs.decode.errors": "replace",
        "httpdb.logs.nuclio.pull_deploy_status_default_interval": 10,
        "httpdb.logs.pull_logs_default_interval": 3,
        "httpdb.logs_path": "",
        "httpdb.nop_db.raise_error": False,
        "httpdb.nop_db.verbose": False,
        "httpdb.port": 8080,
        "httpdb.projects.leader": "mlrun",
        "httpdb.scheduling.min_allowed_interval": "10 minutes",
        "hub.catalog_filename": "catalog.json",
        "hub.default_source.name": "default",
        "igz_version": "",
        "iguazio_api_url": "",
        "images_registry": "",
        "images_tag": "",
        "images_to_enrich_registry": "",
        "ipython_widget": True,
        "kfp_default_workflow_timeout": "86400",
        "kfp_image": "mlrun/mlrun-kfp",
        "kfp_ttl": "14400",
        "log_collector.mode": "legacy",
        "log_format_override": None,
        "log_formatter": "human",
        "model_endpoint_monitoring.parquet_batching_max_events": 10_000,
        "model_endpoint_monitoring.parquet_batching_timeout_secs": 30,
        "model_endpoint_monitoring.tsdb.auto_create_database": True,
        "nest_asyncio_enabled": "",
        "nuclio_version": "",
        "package_path": "mlrun",
        "packagers.auto_pack_key": "artifact",
        "packagers.auto_pack_outputs": False,
        "packagers.auto_unpack_inputs": False,
        "packagers.enabled": True,
        "redis.type": "standalone",
        "redis.url": "",
        "scrape_metrics": False,
        "secret_stores.kubernetes.project_secret_name": "mlrun-project-secrets-{project}",
        "secret_stores.test_mode_mock_secrets": False,
        "spark_app_image_tag": "",
        "spark_operator_version": "spark-3",
        "submit_timeout": "280",
        "system_id": "",
        "ui.projects_prefix": "projects",
        "ui.url": "",
        "v3io_api": "",
        "v3io_framesd": "",
        "version": MLRUN_VERSION,
        "workflows.timeouts.kfp": 60,
        "workflows.timeouts.local": 120,
        "workflows.timeouts.remote": 300,
    }
)
"""What the other names are where no cluster is; setting them is remembered, and changes nothing."""


def default_tree() -> dict[str, Any]:
    """All names as nested mappings, as `default_config` had them."""
    from_ours = {row.name: row.default for row in SETTINGS}
    tree: dict[str, Any] = {}
    for path, value in {**DEFAULTS, **{p: from_ours[name] for p, name in OURS.items()}}.items():
        *groups, last = path.split(".")
        node = tree
        for group in groups:
            node = node.setdefault(group, {})
        node[last] = dict(value) if isinstance(value, dict) else value
    return tree
