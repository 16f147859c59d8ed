"""CountApp over windows of a served model's real requests, and on tables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlrun_like as ml
import mlrun_like.monitoring as mm
from mlrun_like.marketplace.importing import import_module

START = 1_760_000_400.0  # a full hour


def first(inputs: list[list[float]]) -> list[float]:
    """A model that gives each row's first number, and refuses negative ones."""
    if inputs[0][0] < 0:
        raise ValueError("negative")
    return [row[0] for row in inputs]


def test_windows_of_a_served_model() -> None:
    fn: Any = ml.new_function("serving", kind="serving", project="counting")
    fn.set_topology("router")
    fn.add_model("first", ".", class_name="FunctionModelServer", _predict=first)
    fn.set_tracking()
    mm.register_application("counting", "count", "hub://count_events", period=10)
    with mm.simulated(START) as clock:
        server = fn.to_mock_server(track_models=True)
        for number in range(30):  # one a minute, the last ten refused
            body = {"inputs": [[float(number if number < 20 else -1)]]}
            if number < 20:
                server.test("/v2/models/first/infer", body)
            else:
                with pytest.raises(Exception, match="negative"):
                    server.test("/v2/models/first/infer", body)
            clock.advance(60)
        server.wait_for_completion()
        clock.advance(600)
        mm.controller_pass("counting")
    rows = ml.get_run_db().list_results("counting", name="count")
    assert [row.value for row in rows] == [10, 10, 0]


@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_tables(rows: int) -> None:
    app = import_module("hub://count_events").CountApp
    frame = pd.DataFrame({"x": np.arange(rows)})
    assert app.evaluate(sample_data=frame).status.results["return"] == {
        "metric_name": "count",
        "metric_value": float(rows),
    }


def test_without_data_the_message_says_what_to_give() -> None:
    with pytest.raises(ml.errors.InvalidArgumentError, match="sample_data="):
        import_module("hub://count_events").CountApp.evaluate()
