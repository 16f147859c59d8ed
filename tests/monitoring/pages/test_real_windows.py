"""Pages over what the real controller and its default application have written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.artifacts.preview import statistics
from mlrun_like.monitoring.applications.controller import controller_pass
from mlrun_like.monitoring.applications.registering import enable
from mlrun_like.monitoring.applications.shipped.histogram_data_drift import (
    HistogramDataDriftApplication,
)
from mlrun_like.monitoring.clock import simulated
from mlrun_like.monitoring.dashboards.metrics import render
from mlrun_like.monitoring.pages.endpoint import endpoint_data
from mlrun_like.monitoring.pages.frame import View
from mlrun_like.monitoring.pages.show_endpoint import endpoint_page, feature_drift_page
from mlrun_like.tracking.connect import close_stores, open_store
from tests.drawing.pages import read
from tests.monitoring.applications.conftest import FEATURES, batch_of, training

MOMENT = 1_800_000_000.0


def test_the_default_application_is_shown() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({name: rng.normal(size=2000) for name in FEATURES})
    frame["income"] += 4
    frame["time"] = np.linspace(MOMENT - 3000, MOMENT - 300, len(frame))
    with simulated(MOMENT) as clock:
        store: Any = open_store()
        store.store_endpoint(
            {
                "metadata": {"project": "p", "uid": "u", "name": "m"},
                "spec": {
                    "function_name": "serve", "model": "m:v1", "feature_names": FEATURES,
                    "monitoring_mode": "enabled",
                },
                "status": {"feature_stats": statistics(training())},
            }
        )  # fmt: skip
        store.append_batches([batch_of("u", frame)])
        clock.advance(3600)
        late = frame.tail(1).assign(time=MOMENT + 3000)
        store.append_batches([batch_of("u", late)])
        application = HistogramDataDriftApplication(produce_json_artifact=True)
        enable("p", applications=["histogram-data-drift"])
        controller_pass("p", clock.now(), applications={"histogram-data-drift": application})
        data = endpoint_data(store, "p", "u")
        assert data["drift_result"].startswith("histogram-data-drift.")
        worst = data["features"][0]
        assert worst["name"] == "income" and worst["score"] > 0.7
        assert worst["expected_hist"]["edges"] == worst["actual_hist"]["edges"]
        assert worst["actual_hist"]["above"] > 0
        assert {one["name"] for one in data["features"]} == set(FEATURES)
        assert data["windows"]
        assert data["artifacts"][0]["key"] == "features_drift_results"
        page = read(endpoint_page(data, View()))
        assert "income" in page.content and "drift detected" in page.content
        assert len(feature_drift_page(data, View())) < 300_000
        assert b'result="general_drift"' in render("p")
    close_stores()
