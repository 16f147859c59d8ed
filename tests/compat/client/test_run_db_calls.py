"""Every call of MLRun's client is here, or says what is nearest to it."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import pytest

from mlrun_like.compat.adapted.client.run_db import RunDB
from mlrun_like.compat.adapted.client.run_db_absent import ABSENT
from mlrun_like.errors import MissingSymbolError

_TEXT = """
abort_run api_call connect create_feature_set create_feature_vector create_hub_source
create_model_endpoint create_project create_project_secrets create_schedule del_artifact
del_artifacts del_run del_runs delete_alert_config delete_api_gateway delete_artifacts_tags
delete_datastore_profile delete_feature_set delete_feature_vector delete_function
delete_hub_source delete_model_endpoint delete_model_monitoring_function
delete_model_monitoring_metrics delete_objects_tag delete_project delete_project_secrets
delete_runtime_resources delete_schedule delete_secret_token delete_secret_tokens
deploy_nuclio_function disable_model_monitoring enable_model_monitoring function_status
generate_event get_alert_activation get_alert_config get_alert_template get_api_gateway
get_api_path_prefix get_background_task get_base_api_url get_builder_status
get_datastore_profile get_drift_over_time get_feature_set get_feature_vector get_function
get_hub_asset get_hub_catalog get_hub_item get_hub_source get_log get_log_size
get_metrics_by_multiple_endpoints get_model_endpoint get_model_endpoint_monitoring_metrics
get_model_monitoring_url get_monitoring_function_summaries get_monitoring_function_summary
get_nuclio_deploy_status get_pipeline get_project get_project_background_task
get_project_summary get_schedule get_secret_token get_workflow_id invoke_schedule
list_alert_activations list_alert_templates list_alerts_configs list_api_gateways
list_artifact_tags list_artifacts list_datastore_profiles list_entities_v2 list_feature_sets
list_feature_vectors list_features_v2 list_functions list_hub_sources list_model_endpoints
list_pipelines list_project_background_tasks list_project_secret_keys list_project_secrets
list_projects list_runs list_runtime_resources list_schedules list_secret_tokens load_project
paginated_api_call paginated_list_alert_activations paginated_list_artifacts
paginated_list_functions paginated_list_runs patch_feature_set patch_feature_vector
patch_model_endpoint patch_project process_paginated_responses push_pipeline_notifications
push_run_notifications read_artifact read_run refresh_smtp_configuration remote_builder
reset_alert_config retry_pipeline set_model_monitoring_credentials set_run_notifications
set_run_retrying_status set_schedule_notifications start_function store_alert_config
store_alert_notifications store_api_gateway store_artifact store_datastore_profile
store_feature_set store_feature_vector store_function store_hub_source store_log store_project
store_run store_run_notifications store_secret_token store_secret_tokens submit_job
submit_pipeline submit_workflow tag_artifacts tag_objects terminate_pipeline trigger_migrations
update_alert_activation update_model_monitoring_controller update_run update_schedule
verify_authorization wait_for_background_task_to_reach_terminal_state
warn_on_s3_and_ecr_permissions_conflict watch_log
"""
CALLS = _TEXT.split()


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_there_or_names_the_nearest(compat: ModuleType, name: str) -> None:
    database = import_module("mlrun").get_run_db()
    if name in ABSENT:
        assert not hasattr(RunDB, name)
        with pytest.raises(MissingSymbolError, match=f"'{name}' here") as found:
            getattr(database, name)
        assert found.value.fix == ABSENT[name]
    else:
        assert callable(getattr(RunDB, name))


def test_nothing_is_said_to_be_absent_that_nobody_asks_for() -> None:
    assert set(ABSENT) <= set(CALLS)
    assert len(CALLS) == len(set(CALLS)) > 140
