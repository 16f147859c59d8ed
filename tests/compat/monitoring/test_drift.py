"""Statistics and the table of features that drifted, through the switch."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import pandas as pd


def _old(name: str) -> Any:
    return importlib.import_module(f"mlrun.{name}")


def test_rows_are_counted_in_the_bins_of_the_reference(compat: ModuleType) -> None:
    api = _old("model_monitoring.api")
    reference = api.get_sample_set_statistics({"x": [0.0, 1.0, 2.0, 4.0], "old": [1, 2, 3, 4]})
    rows = pd.DataFrame({"x": [3.9, 4.0, None], "new": 1})
    found = _old("model_monitoring.helpers").calculate_inputs_statistics(reference, rows)
    assert list(found) == ["x"]
    counts, edges = found["x"]["hist"]
    assert edges == reference["x"]["hist"][1]
    assert sum(counts) == counts[-1] == 2


def test_the_table_shows_every_judged_feature(compat: ModuleType) -> None:
    status = _old("common.schemas.model_monitoring.constants").ResultStatusApp
    stats = {name: {"mean": 1.0, "hist": [[1, 2, 1], [0, 1, 2, 3]]} for name in ("age", "<b>")}
    artifact = (
        _old("model_monitoring.features_drift_table")
        .FeaturesDriftTablePlot()
        .produce(
            sample_set_statistics=stats,
            inputs_statistics=stats | {"unjudged": {}},
            metrics={"age": {"tvd": 0.9}, "<b>": {"tvd": 0.1}, "tvd_mean": 0.5},
            drift_results={"age": (status.detected, 0.9), "<b>": (status.no_detection, 0.1)},
        )
    )
    page = artifact.get_body()
    assert artifact.metadata.key == "drift_table_plot"
    assert "age" in page
    assert "drift detected" in page
    assert "<b>" not in page
    assert "unjudged" not in page


def test_histograms_get_an_empty_bin_on_each_side_once(compat: ModuleType) -> None:
    helpers = _old("common.model_monitoring.helpers")
    stats = helpers.FeatureStats({"x": {"hist": [[3], [0.0, 1.0]]}, "name": {"count": 3}})
    helpers.pad_features_hist(stats)
    once = [list(part) for part in stats["x"]["hist"]]
    helpers.pad_features_hist(stats)
    assert stats["x"]["hist"] == once == [[0, 3, 0], [-1e20, 0.0, 1.0, 1e20]]
