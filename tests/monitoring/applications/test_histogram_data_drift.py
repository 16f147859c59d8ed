"""MLRun's default application: names, thresholds, numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.distances import (
    HellingerDistance,
    HistogramDistanceMetric,
    KullbackLeiblerDivergence,
    TotalVarianceDistance,
)
from mlrun_like.monitoring.applications.histograms import (
    ReferenceHistograms,
    padded,
    statistics_of,
)
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationMetric,
    ModelMonitoringApplicationResult,
    ModelMonitoringApplicationStats,
    ResultKindApp,
    ResultStatusApp,
)
from mlrun_like.monitoring.applications.shipped.histogram_data_drift import (
    DataDriftClassifier,
    HistogramDataDriftApplication,
    InvalidMetricValueError,
    InvalidThresholdValueError,
)
from mlrun_like.monitoring.applications.view import EndpointView, Window
from mlrun_like.monitoring.endpoints.document import ModelEndpoint
from mlrun_like.runs.logger import Logger

STATS = {
    "f1": {"count": 100, "hist": [[0, 0, 0, 30, 70, 0], [-10, -5, 0, 5, 10, 15, 20]]},
    "f2": {"count": 100, "hist": [[0, 45, 5, 15, 35, 0], [66, 67, 68, 69, 70, 71, 72]]},
    "name": {"count": 100, "unique": 2, "top": "a", "freq": 60},
}


def context_of(frame: pd.DataFrame, stats: dict[str, Any]) -> MonitoringApplicationContext:
    endpoint = ModelEndpoint()
    endpoint.metadata.uid, endpoint.metadata.name = "u", "m"
    endpoint.status.feature_stats = stats
    window = Window(0, 600, len(frame), lambda: frame)
    return MonitoringApplicationContext(
        "app", "p", EndpointView(endpoint), window, logger=Logger("error")
    )


@pytest.mark.parametrize(("low", "high"), [(0.4, 0.2), (0.0, 0.5), (0.7, 1.0), (-1, 2), (0.5, 0.5)])
def test_thresholds_that_do_not_fit(low: float, high: float) -> None:
    with pytest.raises(InvalidThresholdValueError):
        DataDriftClassifier(potential=low, detected=high)


@pytest.mark.parametrize("value", [-1e-9, 1.0000001, float("nan"), float("inf")])
def test_a_distance_out_of_range(value: float) -> None:
    with pytest.raises(InvalidMetricValueError):
        DataDriftClassifier().value_to_status(value)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (0, "no_detection"),
        (0.2, "no_detection"),
        (0.5, "potential_detection"),
        (0.69, "potential_detection"),
        (0.7, "detected"),
        (1, "detected"),
    ],
)
def test_status(value: float, status: str) -> None:
    assert DataDriftClassifier().value_to_status(value) is ResultStatusApp[status]


def test_distances_by_hand() -> None:
    t, u = np.array([0.5, 0.5, 0.0]), np.array([0.25, 0.25, 0.5])
    assert TotalVarianceDistance(distrib_t=t, distrib_u=u).compute() == pytest.approx(0.5)
    overlap = 2 * np.sqrt(0.125)
    assert HellingerDistance(t, u).compute() == pytest.approx(np.sqrt(1 - overlap))
    there = np.log(2)
    back = 0.5 * np.log(0.5) + 0.5 * np.log(0.5 / 1e-4)
    assert KullbackLeiblerDivergence(t, u).compute() == pytest.approx(there + back)
    apart = KullbackLeiblerDivergence(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    assert apart.compute() == pytest.approx(2 * np.log(1e4))


def test_results_metrics_and_statistics() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"f1": rng.uniform(-10, 0, 50), "f2": rng.uniform(66, 67, 50)})
    found = HistogramDataDriftApplication().do_tracking(context_of(frame, STATS))
    assert [one.name for one in found] == [
        "hellinger_mean", "kld_mean", "tvd_mean", "general_drift", "current_stats",
        "drift_measures",
    ]  # fmt: skip
    by_name = {one.name: one for one in found}
    drift = by_name["general_drift"]
    assert isinstance(drift, ModelMonitoringApplicationResult)
    assert drift.kind is ResultKindApp.data_drift
    assert drift.status is ResultStatusApp.detected
    metrics = [one for one in found if isinstance(one, ModelMonitoringApplicationMetric)]
    means = {one.name: one.value for one in metrics}
    assert drift.value == pytest.approx((means["hellinger_mean"] + means["tvd_mean"]) / 2)
    measures = by_name["drift_measures"]
    assert isinstance(measures, ModelMonitoringApplicationStats)
    assert set(measures.document()) == {"f1", "f2", *means}
    current = by_name["current_stats"]
    assert isinstance(current, ModelMonitoringApplicationStats)
    assert current.document()["f1"]["count"] == 50


def test_numbers_are_those_of_numpy_and_pandas() -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"f1": rng.normal(5, 9, 500), "f2": rng.normal(69, 2, 500)})
    frame.loc[3, "f1"] = np.nan
    frame.loc[4, "f1"] = 20.0  # the last edge belongs to the last bin
    stats = padded(STATS)
    found = statistics_of(frame, ReferenceHistograms(stats))
    for name in ("f1", "f2"):
        values = frame[name].dropna()
        edges = STATS[name]["hist"][1]  # type: ignore[index]
        inner, _ = np.histogram(values, bins=edges)
        below, above = (values < edges[0]).sum(), (values > edges[-1]).sum()
        assert found[name]["hist"][0] == [below, *inner, above]
        described = values.describe()
        for key in ("count", "mean", "std", "min", "25%", "50%", "75%", "max"):
            assert found[name][key] == pytest.approx(described[key], rel=1e-12)


def test_the_quick_way_counts_the_same() -> None:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"f1": rng.normal(5, 9, 300), "f2": rng.normal(69, 2, 300)})
    frame.loc[:4, "f2"] = np.nan
    answered = rng.random(300) > 0.1
    reference = ReferenceHistograms(padded(STATS))
    places = reference.places(frame, answered)
    for low, high in ((0, 300), (10, 20), (5, 5)):
        slow = reference.counts(frame.iloc[low:high][answered[low:high]])
        quick = places.counts(low, high)
        assert {name: list(one) for name, one in quick.items()} == {
            name: list(one) for name, one in slow.items()
        }


def test_missing_features_are_named_and_nothing_fails() -> None:
    frame = pd.DataFrame({"f1": [1.0, 2.0]})
    found = HistogramDataDriftApplication().do_tracking(context_of(frame, STATS))
    drift = next(one for one in found if one.name == "general_drift")
    assert isinstance(drift, ModelMonitoringApplicationResult)
    assert drift.extra_data["missing_features"] == ["f2"]
    nothing = HistogramDataDriftApplication().do_tracking(
        context_of(pd.DataFrame({"x": [1]}), STATS)
    )
    assert nothing == []


def test_without_statistics_it_gives_nothing() -> None:
    frame = pd.DataFrame({"f1": [1.0]})
    assert HistogramDataDriftApplication().do_tracking(context_of(frame, {})) == []


def test_a_metric_of_ones_own() -> None:
    class Largest(HistogramDistanceMetric, metric_name="largest"):
        def compute(self) -> Any:
            assert self.distrib_t.ndim == 1
            return np.abs(self.distrib_t - self.distrib_u).max()

    class Mine(HistogramDataDriftApplication):
        metrics = [*HistogramDataDriftApplication.metrics, Largest]  # noqa: RUF012 - as MLRun

    frame = pd.DataFrame({"f1": [1.0, 2.0], "f2": [69.0, 69.0]})
    found = Mine().do_tracking(context_of(frame, STATS))
    assert "largest_mean" in [one.name for one in found]


def test_the_table_of_metrics_per_feature() -> None:
    frame = pd.DataFrame({"f1": [1.0, 2.0], "f2": [69.0, 69.0]})
    app = HistogramDataDriftApplication()
    table = app._compute_metrics_per_feature(monitoring_context=context_of(frame, STATS))
    assert set(table.columns) == {metric.NAME for metric in app.metrics}
    assert list(table.index) == ["f1", "f2"]


def test_artifacts(home: Any) -> None:
    frame = pd.DataFrame({"f1": [1.0, 2.0] * 20, "f2": [69.0, 66.5] * 20})
    context = context_of(frame, STATS)
    app = HistogramDataDriftApplication(produce_json_artifact=True, produce_plotly_artifact=True)
    app.do_tracking(context)
    assert [one.key for one in context.logged] == ["features_drift_results", "drift_table_plot"]
    page = context.logged[1]
    assert page.metadata.labels["mlrun/app-name"] == "app"
