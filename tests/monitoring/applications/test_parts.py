"""Results, base class, context, runner, registration, loading."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError, MissingFileError, NotFoundError
from mlrun_like.monitoring.applications.base import (
    ModelMonitoringApplicationBase,
    ModelMonitoringApplicationBaseV2,
)
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.definitions import load_applications, read_settings
from mlrun_like.monitoring.applications.registering import (
    DEFAULT_APPLICATIONS,
    disable,
    enable,
    get_application,
    list_applications,
    register_application,
    remove_application,
)
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationMetric,
    ModelMonitoringApplicationResult,
    ResultKindApp,
    ResultStatusApp,
    as_results,
)
from mlrun_like.monitoring.applications.runner import Runner
from mlrun_like.monitoring.applications.shipped.histogram_data_drift import (
    DataDriftClassifier,
    HistogramDataDriftApplication,
)
from mlrun_like.monitoring.applications.view import EndpointView, Window
from mlrun_like.monitoring.endpoints.document import ModelEndpoint

APPS = str(Path(__file__).with_name("apps.py"))


class Old(ModelMonitoringApplicationBase):
    """MLRun's older signature."""

    def do_tracking(  # type: ignore[override]  # noqa: PLR0913
        self,
        application_name: str,
        sample_df_stats: pd.DataFrame,
        feature_stats: pd.DataFrame,
        sample_df: pd.DataFrame,
        start_infer_time: pd.Timestamp,
        end_infer_time: pd.Timestamp,
        latest_request: pd.Timestamp,
        endpoint_id: str,
        output_stream_uri: str,
    ) -> Any:
        assert list(feature_stats["x"]) == [0.0, 0.5, 0.5, 0.0]
        assert list(sample_df_stats["x"]) == [0.0, 1.0, 0.0, 0.0]
        assert self.context.endpoint_id == endpoint_id == "u"  # type: ignore[attr-defined]
        assert end_infer_time - start_infer_time == pd.Timedelta(minutes=10)
        return {"rows": len(sample_df)}


class Positional(ModelMonitoringApplicationBase):
    """Made with arguments by position."""

    def __init__(self, first: int, second: str = "b") -> None:
        self.first, self.second = first, second

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
        return {"first": self.first}


def context() -> MonitoringApplicationContext:
    endpoint = ModelEndpoint()
    endpoint.metadata.uid, endpoint.metadata.name = "u", "m"
    endpoint.spec.feature_names, endpoint.spec.label_names = ["x"], ["y"]
    endpoint.status.feature_stats = {"x": {"count": 2, "hist": [[1, 1], [0, 1, 2]]}}
    endpoint.status.last_request = "2026-01-01T00:10:00+02:00"
    frame = pd.DataFrame({"x": [0.5, 0.7], "status": ["ok", "ok"]})
    window = Window(1.7e9, 1.7e9 + 600, 2, lambda: frame)
    return MonitoringApplicationContext("app", "p", EndpointView(endpoint), window)


@pytest.mark.parametrize("name", ["a", "_a", "a1_B"])
def test_names(name: str) -> None:
    assert ModelMonitoringApplicationMetric(name, 1).name == name


@pytest.mark.parametrize("name", ["", "1a", "a-b", "a b", "a\n", "é", None])
def test_wrong_names(name: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="a-zA-Z_"):
        ModelMonitoringApplicationMetric(name, 1)
    with pytest.raises(InvalidArgumentError, match="a-zA-Z_"):
        ModelMonitoringApplicationResult(
            name, 1, ResultKindApp.data_drift, ResultStatusApp.detected
        )


def test_results_as_plain_data() -> None:
    made = ModelMonitoringApplicationResult(
        "r", 0.5, ResultKindApp.mm_app_anomaly, ResultStatusApp.irrelevant, {"a": 1}
    )
    assert made.to_dict() == {
        "result_name": "r", "result_value": 0.5, "result_kind": 4, "result_status": -1,
        "result_extra_data": '{"a": 1}',
    }  # fmt: skip
    by_number = ModelMonitoringApplicationResult("r", 1, 0, "detected")  # type: ignore[arg-type]
    assert (by_number.kind, by_number.status) == (ResultKindApp(0), ResultStatusApp(2))
    with pytest.raises(InvalidArgumentError, match="ResultKindApp"):
        ModelMonitoringApplicationResult("r", 1, 9, ResultStatusApp.detected)  # type: ignore[arg-type]


def test_what_do_tracking_may_give() -> None:
    metric = ModelMonitoringApplicationMetric("m", 1)
    assert as_results(None, "a") == []
    assert as_results(metric, "a") == [metric]
    assert as_results([metric], "a") == [metric]
    assert as_results({"m": 1}, "a") == [metric]
    with pytest.raises(InvalidArgumentError, match="twice"):
        as_results([metric, metric], "a")


def test_the_older_signature() -> None:
    results, _ = Old().do(context())
    assert results == [ModelMonitoringApplicationMetric("rows", 2)]


def test_attributes_of_the_context() -> None:
    one = context()
    assert one.application_name == "app"
    assert one.project_name == "p"
    assert (one.endpoint_id, one.endpoint_name) == ("u", "m")
    assert str(one.start_infer_time) == "2023-11-14 22:13:20+00:00"
    assert str(one.latest_request) == "2025-12-31 22:10:00+00:00"
    assert (one.feature_names, one.label_names) == (["x"], ["y"])
    assert one.model_endpoint.metadata.uid == "u"
    assert one.feature_stats["x"]["hist"] == [[0, 1, 1, 0], [-1e20, 0, 1, 2, 1e20]]
    assert one.sample_df_stats["x"]["count"] == 2
    assert one.output_stream_uri == ""
    assert one.nuclio_logger is one.logger
    assert MonitoringApplicationContext.dict_to_histogram({}).empty


def test_artifacts_of_windows_do_not_overwrite_each_other(home: Path) -> None:
    first = context().log_artifact("note", "one", format="txt")
    again = context().log_artifact("note", "one", format="txt")
    other = context()
    other.window = other.window._replace(start=0.0)
    second = other.log_artifact("note", "two", format="txt")
    assert first.target_path == again.target_path != second.target_path
    assert first.metadata.tree == again.metadata.tree != second.metadata.tree
    assert first.metadata.labels["mlrun/endpoint-id"] == "u"


def test_versions_are_one_class() -> None:
    assert ModelMonitoringApplicationBaseV2 is ModelMonitoringApplicationBase
    with pytest.raises(TypeError):
        ModelMonitoringApplicationBase()  # type: ignore[abstract]


def test_the_runner() -> None:
    runner = Runner()
    names: set[str] = set()

    def fine() -> int:
        names.add(threading.current_thread().name)
        return 1

    def bad() -> int:
        raise SystemExit(3)

    try:
        assert runner.run("a", [fine, fine], 5).values == [1, 1]
        outcome = runner.run("a", [fine, bad, fine], 5)
        assert (outcome.values, "SystemExit: 3" in outcome.error) == ([1], True)
        assert runner.run("a", [fine], 5).values == [1]
        assert len(names) == 1
        slow = [lambda: time.sleep(0.02)] * 50
        assert 0 < len(runner.run("a", slow, 5, 0.05).values) < 50
        go_on = threading.Event()
        outcome = runner.run("a", [fine, go_on.wait], 0.05)
        assert (outcome.values, "longer than 0.05 s" in outcome.error) == ([1], True)
        assert runner.hanging("a") == ["a"]
        assert runner.run("b", [fine], 5).values == [1]  # others go on
        go_on.set()
        end = time.monotonic() + 10
        while runner.hanging() and time.monotonic() < end:
            time.sleep(0.01)
        assert not runner.hanging()
    finally:
        runner.close()


def test_registration_by_file_class_and_instance() -> None:
    register_application("p", "", f"{APPS}:Once", kwargs={"pause": 1.5}, period=0.5, retries=0)
    register_application("p", "", "HistogramDataDriftApplication")
    register_application("p", "mine", Positional(3, second="c"))
    register_application("p", "theirs", Positional, kwargs={"first": 1}, endpoints="fraud-*")
    found = {one.name: one for one in load_applications(read_settings("p"))}
    assert set(found) == {"once", "histogram-data-drift", "mine", "theirs"}
    once = found["once"]
    assert (once.period, once.retries, once.instance.pause) == (0.5, 0, 1.5)  # type: ignore[union-attr]
    mine = found["mine"].instance
    assert isinstance(mine, Positional)
    assert (mine.first, mine.second) == (3, "c")
    assert found["theirs"].watches("fraud-eu", "u1")
    assert not found["theirs"].watches("churn", "u1")
    assert get_application("p", "mine")["spec"]["class_args"] == {"first": 3, "second": "c"}
    assert remove_application("p", "mine")
    assert not remove_application("p", "mine")
    assert len(list_applications("p")) == 3


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "app.py"
    source = Path(APPS).read_text()
    file.write_text(source)
    register_application("p", "a", f"{file}:Once")
    file.write_text(source.replace("self.pause = pause", "self.pause = 9"))
    [one] = load_applications(read_settings("p"))
    assert one.instance.pause == 9  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("NoSuchApp", NotFoundError),
        ("no.such.module:App", NotFoundError),
        ("json:JSONDecoder", InvalidArgumentError),
        ("json:nothing", NotFoundError),
        ("/no/such/file.py", MissingFileError),
        (APPS, InvalidArgumentError),  # three classes, none named
        (f"{APPS}:Nothing", NotFoundError),
        (f"{APPS}:Path", InvalidArgumentError),
        ("db://p/nothing", NotFoundError),
    ],
)
def test_what_cannot_be_registered(target: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        register_application("p", "a", target)


def test_broken_files(tmp_path: Path) -> None:
    for text in ("1/0", "def", "\0", "raise SystemExit(1)"):
        file = tmp_path / "app.py"
        file.write_text(text)
        with pytest.raises((InvalidArgumentError, SystemExit)):
            register_application("p", "a", str(file))


@pytest.mark.parametrize(
    "options",
    [
        {"period": 0},
        {"period": -1},
        {"period": "10"},
        {"period": True},
        {"period": 1e9},
        {"timeout": 0},
        {"retries": -1},
        {"retries": 1.5},
        {"endpoints": [1]},
        {"endpoint": "x"},
    ],
)
def test_wrong_options(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        register_application("p", "a", f"{APPS}:Once", **options)


@pytest.mark.parametrize("name", ["a b", "1a", "-a", "a--b", "x" * 64, "model-monitoring-stream"])
def test_wrong_application_names(name: str) -> None:
    with pytest.raises(InvalidArgumentError):
        register_application("p", name, f"{APPS}:Once")


def test_arguments_that_are_no_plain_data() -> None:
    with pytest.raises(InvalidArgumentError, match="plain data"):
        register_application(
            "p", "a", HistogramDataDriftApplication(value_classifier=DataDriftClassifier())
        )

    class Local(Positional):
        pass

    with pytest.raises(InvalidArgumentError, match="another process"):
        register_application("p", "a", Local(1))


def registered() -> list[str]:
    return sorted(one["metadata"]["name"] for one in list_applications("p"))


def test_default_applications_unless_somebody_says_otherwise() -> None:
    found = {one.name: one.error for one in load_applications(read_settings("p"))}
    assert found == dict.fromkeys(DEFAULT_APPLICATIONS, "")
    register_application("p", "mine", Positional(3))
    assert [one.name for one in load_applications(read_settings("p"))] == ["mine"]
    enable("p", applications=["data-drift"])
    assert registered() == ["data-drift", "mine"]
    register_application("p", "data-drift", "DataDrift", kwargs={"least_rows": 5})
    enable("p")
    assert get_application("p", "data-drift")["spec"]["class_args"] == {"least_rows": 5}
    # what was removed does not come back, until it is disabled in between
    remove_application("p", "service-performance")
    enable("p", 30)
    assert registered() == ["data-drift", "histogram-data-drift", "mine", "model-quality"]
    disable("p", delete_histogram_data_drift_app=False)
    enable("p", deploy_histogram_data_drift_app=False)
    assert "service-performance" not in registered()
    disable("p")
    assert registered() == ["mine"]
    enable("p")
    assert registered() == ["data-drift", "histogram-data-drift", "mine", "model-quality",
                            "service-performance"]  # fmt: skip
    with pytest.raises(InvalidArgumentError, match="no default application"):
        enable("p", applications=["mine"])


def test_watched_or_not() -> None:
    assert read_settings("p").enabled
    made = enable("p", 0.5)
    assert (made.base_period, made.declared) == (0.5, True)
    assert registered() == sorted(DEFAULT_APPLICATIONS)
    made = disable("p")
    assert (made.enabled, made.base_period, list_applications("p")) == (False, 0.5, [])
    for period in (0, -1, "x", 1e9):
        with pytest.raises(InvalidArgumentError):
            enable("p", period)  # type: ignore[arg-type]
