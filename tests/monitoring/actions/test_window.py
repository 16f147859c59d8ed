"""The newest window of events with their truth, as the data of a retraining."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.manager import ArtifactManager
from mlrun_like.artifacts.paths import Producer
from mlrun_like.functions.creators import new_function
from mlrun_like.monitoring import clock as clocks
from mlrun_like.monitoring.actions.execute import execute
from mlrun_like.monitoring.actions.lineage import what_came_of
from mlrun_like.monitoring.endpoints.records import list_model_endpoints
from mlrun_like.monitoring.recording.recorder import flush_recorders
from mlrun_like.names import new_uid
from mlrun_like.tracking.connect import open_store

FLOWS = "tests.monitoring.actions.flows"
ACTION = {
    "kind": "pipeline",
    "pipeline": f"{FLOWS}:measure",
    "dataset": "table",
    "where": "here",
    "window": "10m",
    "cooldown": "0s",
    "limit": 100,
}


@pytest.fixture
def clock() -> Iterator[clocks.SimulatedClock]:
    with clocks.simulated(1_000_000.0) as found:
        yield found


@pytest.fixture
def endpoint(clock: clocks.SimulatedClock) -> Any:
    """Twenty requests, one a minute; the truth of every second one is known."""
    table = pd.DataFrame({"x": [-1.0, 1.0] * 10, "z": np.arange(20.0), "label": [0, 1] * 10})
    manager = ArtifactManager(open_store(), Producer("project", "shop", "shop", "shop", new_uid()))
    fitted = LogisticRegression().fit(table[["x", "z"]], table["label"])
    model = manager.log_model(
        "net", fitted, framework="sklearn", db_key="net", training_set=table, label_column="label"
    )
    made: Any = new_function("serve", project="shop", kind="serving")
    made.set_topology("router")
    made.add_model(
        "net",
        class_name="mlrun_like.serving.models.sklearn.SKLearnModelServer",
        model_path=model.uri,
    )
    made.set_tracking()
    server = made.to_mock_server(track_models=True)
    for number in range(20):
        clock.advance(60)
        body = {"id": f"e{number}", "inputs": [[float(number), 1.0]]}
        server.test("/v2/models/net/infer", body=body)
    labels = {f"e{number}": number % 3 for number in range(0, 20, 2)}
    server.test("/v2/models/net/feedback", body={"labels": labels})
    flush_recorders()
    (found,) = list_model_endpoints("shop")
    return found


def activation(endpoint: Any, number: int = 1) -> dict[str, Any]:
    entity = f"{endpoint.metadata.uid}.app.result.accuracy"
    return {
        "id": f"a{number}", "project": "shop", "name": "worse",
        "entity_kind": "model-endpoint-result", "entity_id": entity,
    }  # fmt: skip


def test_the_newest_labelled_rows_are_the_input(endpoint: Any) -> None:
    told = execute(ACTION, activation(endpoint))
    assert told["state"] == "completed", told["reason"]
    frame = get_dataitem(told["links"]["dataset"]).as_df()
    # the last ten minutes are e10 ... e19, of which the even ones are labelled
    assert frame.to_dict("list") == {
        "x": [10.0, 12.0, 14.0, 16.0, 18.0],
        "z": [1.0] * 5,
        "label": [1, 0, 2, 1, 0],
    }
    assert told["links"]["window"]["rows"] == told["links"]["window"]["labelled"] == 5
    assert told["links"]["window"]["endpoint"] == endpoint.metadata.uid
    (row,) = what_came_of("shop", "a1")
    assert any("net-window" in uri for uri in row["inputs"])
    (step,) = [run["uid"] for run in row["runs"] if run["name"] == "count"]
    assert open_store().read_run("shop", step)["status"]["results"]["rows"] == 5


def test_rows_without_truth_may_be_wanted_too(endpoint: Any) -> None:
    told = execute({**ACTION, "labelled": False}, activation(endpoint))
    assert (told["links"]["window"]["rows"], told["links"]["window"]["labelled"]) == (10, 5)


def test_the_endpoint_may_be_named(endpoint: Any) -> None:
    about = {**activation(endpoint), "entity_kind": "job", "entity_id": "train"}
    assert execute({**ACTION, "endpoint": "net"}, about)["state"] == "completed"
    told = execute(ACTION, {**about, "id": "a2"})
    assert told["state"] == "failed" and "no model endpoint" in told["reason"]
    told = execute({**ACTION, "endpoint": "nobody", "name": "n"}, {**about, "id": "a3"})
    assert told["state"] == "failed" and "nobody" in told["reason"]


def test_a_window_without_rows_starts_no_pipeline(
    endpoint: Any, clock: clocks.SimulatedClock
) -> None:
    clock.advance(3600)
    told = execute(ACTION, activation(endpoint))
    assert told["state"] == "failed" and "no labelled event" in told["reason"]
