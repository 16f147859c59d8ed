"""The module's application against numbers that are worked out here, and on a served model."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlrun_like as ml
import mlrun_like.monitoring as mm
from mlrun_like.marketplace.importing import import_module
from mlrun_like.monitoring.applications.results import ResultStatusApp

START = 1_760_000_400.0  # a full hour


@cache
def module() -> Any:
    """The item's code."""
    return import_module("hub://histogram_data_drift")


def test_numbers_are_those_of_the_histograms() -> None:
    rng = np.random.default_rng(1)
    before, now = rng.normal(size=4000), rng.normal(0.8, 1.2, 1500)
    found = module().HistogramDataDriftApplication.evaluate(
        sample_data=pd.DataFrame({"x": now}), reference_data=pd.DataFrame({"x": before})
    )
    numbers = found.status.results["return"]
    named = {one["metric_name"]: one["metric_value"] for one in numbers if "metric_name" in one}
    [result] = [one for one in numbers if "result_name" in one]
    # twenty equal bins of training and one beyond each end
    edges = np.histogram(before, bins=20)[1]
    bins = np.concatenate([[-np.inf], edges, [np.inf]])
    bins[-2] = np.nextafter(bins[-2], np.inf)
    p = np.histogram(before, bins)[0] / len(before)
    q = np.histogram(now, bins)[0] / len(now)
    tvd = np.abs(p - q).sum() / 2
    hellinger = np.sqrt(1 - np.sqrt(p * q).sum())
    assert named["tvd_mean"] == pytest.approx(tvd, abs=1e-9)
    assert named["hellinger_mean"] == pytest.approx(hellinger, abs=1e-9)
    assert result["result_name"] == "general_drift"
    assert result["result_value"] == pytest.approx((tvd + hellinger) / 2, abs=1e-6)
    assert result["result_status"] == ResultStatusApp.no_detection.value


def test_the_status_by_thresholds_of_ones_own() -> None:
    app = module().HistogramDataDriftApplication
    before = pd.DataFrame({"x": np.random.default_rng(1).normal(size=1000)})
    for potential, detected, status in ((0.5, 0.7, 2), (0.5, 0.95, 1), (0.9, 0.95, 0)):
        found = app.evaluate(
            sample_data=before + 3, reference_data=before,
            class_arguments={"potential": potential, "detected": detected},
        ).status.results["return"]  # fmt: skip
        assert [one["result_status"] for one in found if "result_name" in one] == [status]
    with pytest.raises(module().InvalidThresholdValueError):
        app(potential=0.9, detected=0.2)
    with pytest.raises(module().InvalidMetricValueError):
        module().DataDriftClassifier().value_to_status(1.5)


def test_without_training_statistics_it_gives_nothing() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    found = module().HistogramDataDriftApplication.evaluate(sample_data=frame)
    assert found[0]["results"] == []


def first(inputs: list[list[float]]) -> list[float]:
    """A model that gives each row's first number."""
    return [row[0] for row in inputs]


def test_a_served_model_drifts() -> None:
    rng = np.random.default_rng(2)
    project = ml.get_or_create_project("drifting", save=False)
    training = pd.DataFrame({"x": rng.normal(size=1000), "y": rng.normal(size=1000)})
    project.log_model(
        "first", body=b"-", model_file="first.bin", training_set=training, label_column="y"
    )
    fn: Any = ml.new_function("serving", kind="serving", project="drifting")
    fn.set_topology("router")
    fn.add_model(
        "first", "store://models/drifting/first", class_name="FunctionModelServer", _predict=first
    )
    fn.set_tracking()
    arguments = {"produce_json_artifact": True, "produce_plotly_artifact": True}
    hub = "hub://histogram_data_drift"
    mm.register_application("drifting", "drift", hub, kwargs=arguments, period=10)
    with mm.simulated(START) as clock:
        server = fn.to_mock_server(track_models=True)
        for hour in range(2):
            for _ in range(10):
                rows = rng.normal(4 * hour, 1, (20, 1)).tolist()
                server.test("/v2/models/first/infer", {"inputs": rows})
                clock.advance(60)
        server.wait_for_completion()
        clock.advance(60)
        mm.controller_pass("drifting")
    store = ml.get_run_db()
    rows = store.list_results("drifting", name="general_drift")
    assert [row.status for row in rows] == [0, 2]
    keys = {one.key for one in project.list_artifacts()}
    assert {"features_drift_results", "drift_table_plot"} <= keys
    uri = "store://artifacts/drifting/features_drift_results"
    assert json.loads(ml.get_dataitem(uri).get())["x"] > 0.7
