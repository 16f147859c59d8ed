"""What a project says of its monitoring: MLRun's calls, and the document that keeps it all."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    MissingFileError,
    NotFoundError,
)
from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.registering import list_applications, read_settings
from mlrun_like.monitoring.endpoints.records import get_or_create_model_endpoint
from mlrun_like.projects import MlrunProject, load_project
from mlrun_like.projects.monitoring_function import MonitoringFunction

DRIFT = """
from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase

class Rows(ModelMonitoringApplicationBase):
    def __init__(self, least=1):
        self.least = least
    def do_tracking(self, monitoring_context):
        return {"rows": len(monitoring_context.sample_df)}
"""


class Own(ModelMonitoringApplicationBase):
    """An application of this module."""

    def do_tracking(self, monitoring_context: Any) -> Any:
        """Nothing."""
        return []


def names(project: MlrunProject) -> list[str]:
    return [document["metadata"]["name"] for document in list_applications(project.name)]


@pytest.fixture
def drift(folder: Path) -> Path:
    path = folder / "drift.py"
    path.write_text(DRIFT, encoding="utf-8")
    return path


def alert(**more: Any) -> dict[str, Any]:
    return {
        "project": "demo",
        "name": "failed-runs",
        "summary": "{{entity}} failed",
        "severity": "high",
        "entities": {"kind": "job", "project": "demo", "ids": ["train"]},
        "trigger": {"events": ["failed"]},
        "criteria": {"count": 1},
        "reset_policy": "auto",
        "notifications": [{"notification": {"kind": "console", "name": "told"}}],
        **more,
    }


def test_enable_stores_settings_and_starts_nothing(project: MlrunProject) -> None:
    project.enable_model_monitoring()
    settings = read_settings("demo")
    assert settings.enabled and settings.base_period == 10
    assert names(project) == [
        "data-drift", "histogram-data-drift", "model-quality", "service-performance"
    ]  # fmt: skip
    project.update_model_monitoring_controller(base_period=30)
    assert read_settings("demo").base_period == 30


def test_a_short_period_is_warned_of(
    project: MlrunProject, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        project.enable_model_monitoring(base_period=1, deploy_histogram_data_drift_app=False)
    assert "verdicts are uncertain" in caplog.text and names(project) == []
    project.deploy_histogram_data_drift_app()
    assert names(project) == ["histogram-data-drift"]


@pytest.mark.parametrize("period", [0, -1, 2.5, "10", True, None])
def test_a_period_that_is_none_is_refused(project: MlrunProject, period: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="base_period"):
        project.enable_model_monitoring(base_period=period)


def test_what_needs_monitoring_says_how_to_enable_it(project: MlrunProject) -> None:
    for call in (
        project.update_model_monitoring_controller,
        project.deploy_histogram_data_drift_app,
    ):
        with pytest.raises(NotFoundError, match="enable_model_monitoring"):
            call()


def test_disable_takes_away_what_it_is_told_to(project: MlrunProject, drift: Path) -> None:
    project.enable_model_monitoring()
    for name in ("one", "two"):
        project.set_model_monitoring_function("drift.py", "Rows", name).deploy()
    with pytest.raises(InvalidArgumentError, match="delete_user_applications"):
        project.disable_model_monitoring(user_application_list=["one"])
    project.disable_model_monitoring(
        delete_user_applications=True, user_application_list=["one"], delete_resources=False
    )
    assert names(project) == ["two"] and read_settings("demo").enabled
    project.disable_model_monitoring(delete_user_applications=True)
    assert names(project) == [] and not read_settings("demo").enabled


def test_an_application_is_set_then_deployed(project: MlrunProject, drift: Path) -> None:
    function = project.set_model_monitoring_function(
        func="drift.py", application_class="Rows", name="myRows", least=3
    )
    assert function.name == "myrows" and names(project) == []
    status = project.deploy_function("myRows")
    assert status.state == "ready" and names(project) == ["myrows"]
    (found,) = project.list_model_monitoring_functions(
        labels=["mlrun__type=mlrun__model-monitoring-application"]
    )
    assert (found.name, found.status.state, found.kwargs) == ("myrows", "ready", {"least": 3})
    assert project.list_model_monitoring_functions(name="other") == []
    project.remove_model_monitoring_function("myRows")
    assert names(project) == ["myrows"], "removing from the document ends nothing"
    project.delete_model_monitoring_function("myrows")
    assert names(project) == []
    for call in (
        project.remove_model_monitoring_function,
        project.delete_model_monitoring_function,
    ):
        with pytest.raises(NotFoundError, match="myrows"):
            call("myrows")


def test_created_ones_are_not_part_of_the_project(project: MlrunProject) -> None:
    made = project.create_model_monitoring_function(
        application_class="DataDrift", name="drift", image="mlrun/mlrun"
    )
    assert isinstance(made, MonitoringFunction) and project.list_model_monitoring_functions() == []
    made.deploy()
    assert names(project) == ["drift"]


def test_a_class_of_the_program_is_kept_by_its_path(project: MlrunProject) -> None:
    made = project.set_model_monitoring_function(application_class=Own(), name="own")
    assert made.to_row()["application"].endswith(":Own")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({}, InvalidArgumentError),
        ({"func": "nowhere.py", "application_class": "X"}, MissingFileError),
        ({"func": 3}, InvalidArgumentError),
        (
            {"application_class": "DataDrift", "name": "model-monitoring-writer"},
            InvalidArgumentError,
        ),
        ({"application_class": "DataDrift", "name": "x" * 62}, InvalidArgumentError),
    ],
)
def test_what_cannot_be_called_is_refused(
    project: MlrunProject, given: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        project.set_model_monitoring_function(**given)


def test_endpoints_of_the_project(project: MlrunProject) -> None:
    made = get_or_create_model_endpoint("demo", "churn:v1", "serve")
    get_or_create_model_endpoint("other", "churn:v1", "serve")
    assert [one.metadata.uid for one in project.list_model_endpoints()] == [made.metadata.uid]
    assert project.list_model_endpoints(model="nobody") == []


def test_credentials_are_kept_and_not_overwritten(project: MlrunProject) -> None:
    project.set_model_monitoring_credentials(stream_path="kafka://a:9092", tsdb_connection="v3io")
    assert project.get_secret("STREAM_PATH") == "kafka://a:9092"
    project.set_model_monitoring_credentials(stream_path="kafka://a:9092")
    with pytest.raises(ConflictError, match="replace_creds"):
        project.set_model_monitoring_credentials(stream_path="kafka://b:9092")
    project.set_model_monitoring_credentials(stream_path="v3io", replace_creds=True)
    for word in ("stream_path", "tsdb_connection", "endpoint_store_connection"):
        with pytest.raises(InvalidArgumentError, match=word):
            given: dict[str, Any] = {word: "ftp://x"}
            project.set_model_monitoring_credentials(**given)


def test_alerts_with_mlruns_calls(project: MlrunProject) -> None:
    stored = project.store_alert_config(alert(project="elsewhere"))
    assert stored.project == "demo"
    assert [one.name for one in project.list_alerts_configs()] == ["failed-runs"]
    assert project.get_alert_config("failed-runs").severity == "high"
    project.reset_alert_config(alert_name="failed-runs")
    with pytest.raises(InvalidArgumentError, match="other"):
        project.delete_alert_config(alert_data=alert(), alert_name="other")
    for call in (project.delete_alert_config, project.reset_alert_config):
        with pytest.raises(InvalidArgumentError, match="at least one"):
            call()
    with pytest.raises(InvalidArgumentError, match="must be provided"):
        project.store_alert_config(None)
    project.delete_alert_config(alert_name="failed-runs")
    assert project.list_alerts_configs() == [] and project.spec.monitoring["alerts"] == []


def test_the_templates_of_the_system_are_there(project: MlrunProject) -> None:
    found = {template.template_name for template in project.list_alert_templates()}
    assert {"JobFailed", "DataDriftDetected", "DataDriftSuspected"} <= found
    assert project.get_alert_template("JobFailed").template_name == "JobFailed"


def test_alerts_of_results_are_made_by_name(project: MlrunProject) -> None:
    made = get_or_create_model_endpoint("demo", "churn:v1", "serve")
    arguments: dict[str, Any] = {
        "summary": "drift",
        "endpoints": [made],
        "events": "data-drift-detected",
        "notifications": alert()["notifications"],
    }
    full = f"{made.metadata.uid}.app.result.general_drift"
    (one,) = project.create_model_monitoring_alert_configs(
        "drift", result_names=[full], **arguments
    )
    assert one.name.startswith("drift--") and one.entities.ids == [full]
    with pytest.warns(UserWarning, match="no alert"):
        assert project.create_model_monitoring_alert_configs("drift", **arguments) == []


def test_the_document_keeps_everything_and_another_store_gets_it(
    project: MlrunProject, drift: Path, home: Path
) -> None:
    project.enable_model_monitoring(
        base_period=20, default_applications=["histogram-data-drift", "data-drift"]
    )
    project.set_model_monitoring_function("drift.py", "Rows", "rows", least=2)
    project.deploy_function("rows")
    project.store_alert_config(alert(actions=[{"kind": "rollback", "model": "churn"}]))
    project.save()
    written = yaml.safe_load((drift.parent / "project.yaml").read_text(encoding="utf-8"))
    assert written["spec"]["monitoring"]["base_period"] == 20

    with config.override(home=str(home.parent / f"{home.name}-other")):
        again = load_project(drift.parent)
        assert read_settings("demo").base_period == 20
        assert names(again) == ["data-drift", "histogram-data-drift", "rows"]
        (found,) = again.list_alerts_configs()
        assert found.name == "failed-runs" and found.actions[0]["model"] == "churn"
        assert again.to_dict() == project.to_dict()


def test_signatures_are_mlruns() -> None:
    of = {
        "enable_model_monitoring": "default_controller_image base_period image "
        "deploy_histogram_data_drift_app wait_for_deployment rebuild_images "
        "fetch_credentials_from_sys_config default_applications",
        "disable_model_monitoring": "delete_resources delete_stream_function "
        "delete_histogram_data_drift_app delete_user_applications user_application_list",
        "set_model_monitoring_function": "func application_class name image handler with_repo tag "
        "requirements requirements_file application_kwargs",
        "set_model_monitoring_credentials": "access_key endpoint_store_connection stream_path "
        "tsdb_connection replace_creds tsdb_profile_name stream_profile_name",
        "list_model_endpoints": "model function labels start end top_level uids",
    }
    for name, words in of.items():
        parameters = list(inspect.signature(getattr(MlrunProject, name)).parameters)[1:]
        assert parameters == words.split(), name
