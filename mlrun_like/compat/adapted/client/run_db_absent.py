"""Calls of MLRun's client that need its service or a cluster, and what is nearest to them here."""

from __future__ import annotations

from collections.abc import Mapping

from mlrun_like.errors import MissingSymbolError

__all__ = ["ABSENT", "absent"]

_LOGIN = "`mlrun-like login` keeps a token; `mlrun-like service` has users and tokens"
_BUILD = "fn.deploy() or project.build_function(fn) builds here, and waits until it is done"
_DEPLOY = "fn.deploy() deploys and waits; `mlrun-like ps` shows what runs"
_REQUEST = "the other methods of get_run_db() and of its `store` answer without a request"
_PODS = "`mlrun-like get runs --state running` shows what runs; db.abort_run(uid, project) ends it"

ABSENT: Mapping[str, str] = {
    "api_call": _REQUEST,
    "create_schedule": 'fn.run(schedule="0 2 * * *") stores a schedule with what it is to run',
    "delete_runtime_resources": _PODS,
    "delete_secret_token": _LOGIN,
    "delete_secret_tokens": _LOGIN,
    "deploy_nuclio_function": _DEPLOY,
    "function_status": _DEPLOY,
    "get_api_path_prefix": _REQUEST,
    "get_base_api_url": "db.base_url is the store's address",
    "get_builder_status": _BUILD,
    "get_drift_over_time": "db.list_alert_activations(project, since=...) and "
    "db.list_model_endpoints(project) tell when and where something drifted",
    "get_nuclio_deploy_status": _DEPLOY,
    "get_secret_token": _LOGIN,
    "list_runtime_resources": _PODS,
    "list_secret_tokens": _LOGIN,
    "load_project": "mlrun.load_project(context, url, name) loads it here",
    "paginated_api_call": _REQUEST,
    "process_paginated_responses": _REQUEST,
    "refresh_smtp_configuration": "a mail is sent with the settings of that moment",
    "remote_builder": _BUILD,
    "set_run_retrying_status": "a run that is tried again records that itself",
    "start_function": "fn.run(...) starts the function's cluster, where its kind has one",
    "store_secret_token": _LOGIN,
    "store_secret_tokens": _LOGIN,
    "submit_job": "fn.run(task, schedule=...)",
    "submit_pipeline": "project.run(workflow_path=..., arguments=...)",
    "submit_workflow": "project.run(name, arguments=..., schedule=...)",
    "trigger_migrations": "a store brings its tables up to date when it is opened",
    "update_alert_activation": "an activation's deliveries are recorded when they are made",
    "verify_authorization": "a service checks each request; `mlrun-like service` has its users",
    "warn_on_s3_and_ecr_permissions_conflict": "credentials of a registry are its settings'",
}
"""Name -> what to use."""


def absent(name: str) -> MissingSymbolError:
    """The error of a call that is not there."""
    return MissingSymbolError(
        f"get_run_db() has no {name!r} here; it asked MLRun's service for something",
        fix=ABSENT.get(
            name, "a project (mlrun.get_or_create_project) or `mlrun-like --help` may have it"
        ),
    )
