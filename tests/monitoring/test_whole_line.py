"""The whole line with real parts: requests, windows, alerts, messages, actions, and the loop."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from mlrun_like.functions.creators import new_function
from mlrun_like.monitoring.actions.lineage import what_came_of
from mlrun_like.monitoring.alerts.configs import store_alert_config
from mlrun_like.monitoring.alerts.events import generate_event
from mlrun_like.monitoring.alerts.incidents import list_activations, time_line
from mlrun_like.monitoring.applications.registering import enable, register_application
from mlrun_like.monitoring.clock import SimulatedClock, simulated
from mlrun_like.monitoring.endpoints.records import get_model_endpoint
from mlrun_like.monitoring.recording.ground_truth import log_ground_truth
from mlrun_like.monitoring.recording.recorder import flush_recorders
from mlrun_like.monitoring.service import service_pass
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store

FLOWS = "tests.monitoring.actions.flows"


class Yes(V2ModelServer):
    def load(self) -> None:
        self.model = "yes"

    def predict(self, request: dict[str, Any]) -> list[Any]:
        return [1 for _ in request["inputs"]]


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps the key of each message."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.keys: list[str] = []


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        box = self.server
        assert isinstance(box, Receiver)
        json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        box.keys.append(str(self.headers["Idempotency-Key"]))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    box = Receiver()
    thread = threading.Thread(target=box.serve_forever)
    thread.start()
    yield box
    box.shutdown()
    thread.join()
    box.server_close()


@pytest.fixture
def clock() -> Iterator[SimulatedClock]:
    with simulated(1_800_000_000.0) as found:
        yield found


def alert(receiver: Receiver, events: list[str], entities: dict[str, Any]) -> dict[str, Any]:
    note = {"kind": "webhook", "name": "hook", "params": {"url": receiver.url}}
    action = {"kind": "pipeline", "pipeline": f"{FLOWS}:retrain", "where": "here", "name": "train"}
    return {
        "project": "shop",
        "name": "worse",
        "summary": "{{name}} of {{entity}}",
        "severity": "high",
        "entities": {"project": "shop", **entities},
        "trigger": {"events": events},
        "criteria": {"count": 1},
        "reset_policy": "auto",
        "notifications": [{"notification": note}],
        "actions": [action],
    }


def serve_requests(ids: list[str]) -> str:
    function: Any = new_function("serve", kind="serving", project="shop")
    function.set_topology("router")
    function.add_model("m", class_name=Yes, model_path="none")
    function.set_tracking()
    with function.to_mock_server(track_models=True) as server:
        for name in ids:
            server.test("/v2/models/m/infer", {"id": name, "inputs": [[1.0, 2.0]]})
        flush_recorders()
    return str(get_model_endpoint("shop", name="m").metadata.uid)


def test_late_labels_lead_to_a_message_and_a_retraining_once(
    clock: SimulatedClock, receiver: Receiver
) -> None:
    enable("shop", 10, deploy_histogram_data_drift_app=False)
    register_application("shop", "quality", "ModelQuality", kwargs={"least_rows": 10})
    entities = {"kind": "model-endpoint-result", "ids": ["*"]}
    events = ["model-performance-detected"]
    store_alert_config("worse", alert(receiver, events, entities), "shop")
    ids = [f"e{number}" for number in range(40)]
    uid = serve_requests(ids)
    clock.advance(1200)
    for _ in range(2):  # nobody knows yet what was right
        assert service_pass().errors == {}
        clock.advance(60)
    assert not receiver.keys and not list_activations("shop")

    log_ground_truth("shop", uid, dict.fromkeys(ids, 0))
    for _ in range(4):
        clock.advance(60)
        assert service_pass().errors == {}
    (incident,) = list_activations("shop")
    assert incident.entity_id == f"{uid}.quality.result.accuracy"
    assert len(receiver.keys) == 1
    (row,) = what_came_of("shop", str(incident.id))
    assert row["state"] == "completed"
    assert [run["name"] for run in row["runs"]] == ["retrain", "train"]
    kinds = [line["kind"] for line in time_line(incident.id, "shop")]
    assert kinds.count("action") == kinds.count("notification") == 1

    # the same labels again: the same window, the same numbers, nothing new to tell
    log_ground_truth("shop", uid, dict.fromkeys(ids, 0))
    clock.advance(60)
    done = service_pass(clean=True)
    assert done.windows.recomputed and done.errors == {}
    assert len(receiver.keys) == 1 and len(what_came_of("shop", str(incident.id))) == 1


def test_an_action_whose_run_raises_its_own_alert_stops(
    clock: SimulatedClock, receiver: Receiver
) -> None:
    """The retraining's own end is what the alert listens to."""
    entities = {"kind": "pipeline", "ids": ["*"]}
    given = alert(receiver, ["pipeline-completed"], entities)
    given["actions"][0]["cooldown"] = "1s"
    store_alert_config("worse", given, "shop")
    service_pass()
    event = {"entity": {"kind": "pipeline", "project": "shop", "ids": ["other"]}}
    generate_event("pipeline-completed", event, "shop")
    for _ in range(8):
        clock.advance(60)
        assert service_pass().errors == {}
    rows = open_store().list_runs(RunQuery(project="shop"))
    assert [row["metadata"]["name"] for row in rows].count("retrain") == 1
    said = [
        str(line["reason"])
        for one in list_activations("shop")
        for line in time_line(one.id, "shop")
        if line["kind"] == "action" and line.get("state") == "refused"
    ]
    assert any(reason.startswith("loop") for reason in said), said
