"""Rows of `mlrun.config`, `.db`, `.secrets`, `.hub`, `.auth` and `.client`."""

from __future__ import annotations

from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_OLD = "mlrun_like.compat.adapted.client."
_HUB = "mlrun_like.marketplace.importing:"
_PLATFORM = Missing(
    "tokens of the commercial platform", "mlrun-like login, or the setting access_key"
)
_VAULT = Missing("secrets in Azure's vault", "project.set_secrets, or the provider vault")

ROWS: Rows = {
    "mlrun.auth": {"*": _PLATFORM},
    "mlrun.auth.nuclio": {"*": _PLATFORM},
    "mlrun.auth.providers": {"*": _PLATFORM},
    "mlrun.auth.utils": {"*": _PLATFORM},
    "mlrun.client": {
        "Client": f"{_OLD}sessions:Client",
        "Credentials": "mlrun_like.tracking.clients:Credentials",
        "get_active_client": "mlrun_like.tracking.clients:get_active_client",
    },
    "mlrun.config": {
        "Config": f"{_OLD}config:Config",
        "config": f"{_OLD}config:config",
        "default_config": f"{_OLD}config:default_config",
        "default_env_file": f"{_OLD}config:default_env_file",
        "env_file_key": f"{_OLD}config:env_file_key",
        "env_prefix": f"{_OLD}config:env_prefix",
        "is_running_as_api": f"{_OLD}config:is_running_as_api",
        "read_env": f"{_OLD}config:read_env",
    },
    "mlrun.db": {
        "get_or_set_dburl": f"{_OLD}run_db:get_or_set_dburl",
        "get_run_db": f"{_OLD}run_db:get_run_db",
    },
    "mlrun.db.base": {
        "RunDBError": "mlrun_like.errors:MLRunLikeError",
        "RunDBInterface": f"{_OLD}run_db:RunDB",
    },
    "mlrun.db.factory": {
        "*": Missing("making the client of a store", "mlrun.get_run_db(url) opens any of ours")
    },
    "mlrun.db.httpdb": {
        "HTTPRunDB": f"{_OLD}run_db:RunDB",
        "*": Missing("inside of MLRun's HTTP client", "mlrun.get_run_db()"),
    },
    "mlrun.db.nopdb": {
        "NopDB": f"{_OLD}run_db:RunDB",
    },
    "mlrun.db.sqldb": {"*": Missing("MLRun's database", "mlrun.get_run_db(url)")},
    "mlrun.hub": {
        "get_hub_item": f"{_HUB}get_hub_item",
        "import_module": f"{_HUB}import_module",
    },
    "mlrun.hub.base": {
        "HubAsset": f"{_HUB}HubModule",
    },
    "mlrun.hub.module": {
        "HubModule": f"{_HUB}HubModule",
        "get_hub_module": f"{_HUB}get_hub_module",
    },
    "mlrun.hub.step": {
        "HubStep": f"{_HUB}HubStep",
        "get_hub_step": f"{_HUB}get_hub_step",
    },
    "mlrun.secrets": {
        "AzureVaultStore": _VAULT,
        "SecretsStore": f"{_OLD}secrets:SecretsStore",
        "get_secret_or_env": f"{_OLD}secrets:get_secret_or_env",
    },
}
