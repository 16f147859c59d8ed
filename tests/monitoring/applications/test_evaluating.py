"""Applications on data and past windows, at once; bridges where they are installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError, MissingDependencyError
from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.evaluating import evaluate
from mlrun_like.monitoring.applications.loading import load_class
from mlrun_like.monitoring.applications.shipped.histogram_data_drift import (
    HistogramDataDriftApplication,
)

APPS = str(Path(__file__).with_name("apps.py"))


class Rows(ModelMonitoringApplicationBase):
    """Counts."""

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
        return {"rows": len(monitoring_context.sample_df)}


class Constant(ModelMonitoringApplicationBase):
    """Looks at nothing."""

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
        return {"one": 1}


class Endpoint(ModelMonitoringApplicationBase):
    """Looks at the endpoint."""

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
        return {"labels": len(monitoring_context.model_endpoint.metadata.labels)}


def test_on_a_table() -> None:
    rng = np.random.default_rng(1)
    reference = pd.DataFrame({"x": rng.normal(size=1000)})
    sample = pd.DataFrame({"x": rng.normal(size=300) + 9})
    [found] = HistogramDataDriftApplication.evaluate(
        sample_data=sample, reference_data=reference, run_local=True, image="mlrun/mlrun"
    )
    drift = next(one for one in found["results"] if one.get("result_name") == "general_drift")
    assert drift["result_status"] == 2


def test_on_past_windows(
    make_endpoint: Callable[..., str], put_events: Callable[..., pd.DataFrame]
) -> None:
    uid = make_endpoint("iris")
    put_events(uid, 0, 180)
    for endpoints in ("all", ["iris"], [("iris", uid)]):
        found = evaluate(
            Rows, endpoints=endpoints, start=0, end="1970-01-01T00:03:00", base_period=1,
            project="p",
        )  # fmt: skip
        assert [one["results"][0]["metric_value"] for one in found] == [60, 60, 60]
    [whole] = evaluate(Rows(), endpoints="all", start=0, end=180, project="p")
    assert whole["results"][0]["metric_value"] == 180


def test_a_table_by_its_path_and_a_class_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "sample.parquet"
    pd.DataFrame({"x": [1.0, 2.0]}).to_parquet(path)
    for given in (str(path), path):
        found = Rows.evaluate(func_path=__file__, sample_data=given, run_local=True)
        assert found.state() == found.status.state == "completed"
        assert found.status.results == {"return": {"metric_name": "rows", "metric_value": 2.0}}
    [found] = ModelMonitoringApplicationBase.evaluate(
        func_path=__file__, class_handler="Rows", sample_data=str(path)
    )
    assert found["results"][0]["metric_value"] == 2


def test_without_data_an_application_may_still_run() -> None:
    [found] = Constant.evaluate()
    assert found["results"] == [{"metric_name": "one", "metric_value": 1.0}]
    with pytest.raises(InvalidArgumentError, match="got no data"):
        Rows.evaluate()
    with pytest.raises(InvalidArgumentError, match="got no endpoint"):
        Endpoint.evaluate(sample_data=pd.DataFrame({"x": [1]}))


def test_results_of_windows_have_names(
    make_endpoint: Callable[..., str], put_events: Callable[..., pd.DataFrame]
) -> None:
    put_events(make_endpoint("iris"), 0, 60)
    found = evaluate(Rows, endpoints=["iris"], start=0, end=60, project="p")
    assert list(found.status.results) == [
        "iris_1970-01-01T00:00:00+00:00_1970-01-01T00:01:00+00:00"
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"endpoints": "all"},
        {"endpoints": [], "start": 0, "end": 1},
        {"endpoints": [1], "start": 0, "end": 1},
        {"endpoints": [("iris",)], "start": 0, "end": 1},
        {"endpoints": "all", "start": 0, "end": 1, "base_period": 0},
        {"endpoints": "all", "start": 0, "end": 1, "base_period": -1},
        {"start": 0, "end": 1},
        {"endpoints": "iris", "start": 0, "end": 1},
        {"endpoints": "all", "start": 1, "end": 1},
        {"endpoints": "all", "start": "x", "end": 1},
        {"sample": 1},
    ],
)
def test_wrong_arguments(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError):
        evaluate(Rows, **given)


def test_a_class_in_a_file() -> None:
    sample = pd.DataFrame({"x": [1.0]})
    [found] = evaluate(Rows, f"{APPS}:Once", sample_data=sample)
    assert found["results"][1] == {"metric_name": "rows", "metric_value": 1.0}


@pytest.mark.parametrize(
    ("name", "package", "kwargs"),
    [
        ("EvidentlyModelMonitoringApplicationBase", "evidently", {}),
        ("NannyMLDriftApplication", "nannyml", {"reference": "x"}),
    ],
)
def test_a_bridge_says_what_is_missing(name: str, package: str, kwargs: dict[str, Any]) -> None:
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed")

    class Mine(load_class(name, "", "here")):  # type: ignore[misc]
        def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
            return None

    with pytest.raises(MissingDependencyError, match=package):
        Mine(**kwargs)


def test_evidently(tmp_path: Path) -> None:
    if importlib.util.find_spec("evidently") is None:
        pytest.skip("evidently is not installed")
    reference = pd.DataFrame({"x": np.random.default_rng(1).normal(size=500)})

    class Mine(load_class("EvidentlyModelMonitoringApplicationBase", "", "here")):  # type: ignore[misc]
        def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
            presets = importlib.import_module("evidently.presets")
            made = self.run_report(
                [presets.DataDriftPreset()], monitoring_context.sample_df, reference
            )
            page = self.log_evidently_object(monitoring_context, made, "drift")
            return {"bytes": Path(page.target_path).stat().st_size}

    [found] = evaluate(Mine, sample_data=reference + 3)
    assert found["results"][0]["metric_value"] > 1000


def test_nannyml(tmp_path: Path) -> None:
    if importlib.util.find_spec("nannyml") is None:
        pytest.skip("nannyml is not installed")
    rng = np.random.default_rng(1)
    reference = pd.DataFrame({"x": rng.normal(size=3000)})
    reference.to_parquet(tmp_path / "reference.parquet")
    app = load_class("NannyMLDriftApplication", "", "here")
    [found] = evaluate(
        app, sample_data=reference[:300] + 3,
        class_arguments={"reference": str(tmp_path / "reference.parquet")},
    )  # fmt: skip
    assert found["results"][0]["result_status"] == 2
