"""The tracking stream: records of requests."""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import Any

import numpy
import pytest

from mlrun_like.errors import GraphError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.serving.models.pushing import Pusher
from mlrun_like.serving.models.tracking import COLUMNS, StreamContext
from mlrun_like.serving.server import GraphServer
from mlrun_like.streams import Record, open_stream


class Model(V2ModelServer):
    def load(self) -> None:
        self.labels = {"team": "fraud"}

    def predict(self, request: dict[str, Any]) -> Any:
        if request["inputs"] == [[0]]:
            raise ValueError("no row")
        time.sleep(request.get("sleep", 0))
        self.set_metric("rows", len(request["inputs"]))
        return numpy.asarray([row[0] * self.get_param("by", 1) for row in request["inputs"]])


class Custom(Model):
    def logged_results(
        self, request: dict[str, Any], response: dict[str, Any], op: str
    ) -> tuple[list[Any] | None, list[Any] | None]:
        return [[1]], [op]


def served(cls: type = Model, topology: str = "", **parameters: Any) -> GraphServer:
    graph = flow()
    graph.parameters = {"log_stream": "dummy://", **parameters}
    if topology:
        step: Any = graph.add_step(f"*{topology}", "vote", vote_type="regression")
        step.add_route("a", class_name=cls, by=2)
        step.add_route("b", class_name=cls, by=3)
        step.respond()
    else:
        graph.to(cls, "my:v2", by=2).respond()
    return graph.to_mock_server()


def records(server: GraphServer) -> list[Any]:
    stream: Any = vars(server.context)["stream"]
    assert isinstance(stream, StreamContext)
    found: list[Any] = stream.output_stream.event_list  # type: ignore[union-attr]
    json.dumps(found)
    return found


def test_a_record_of_a_request() -> None:
    server = served()
    server.context.worker_id = 3
    server.test("/v2/models/my/infer", body={"id": "q", "inputs": [[5, 6]], "sleep": 0.01})
    (record,) = records(server)
    assert record.pop("when").startswith("20") and record.pop("host")
    assert 10_000 <= record.pop("microsec") < 5_000_000
    assert record.pop("resp")["outputs"] == [10]
    assert record == {
        "class": "Model", "worker": 3, "model": "my", "version": "v2", "labels": {"team": "fraud"},
        "function_uri": server.context.function_uri, "op": "infer", "metrics": {"rows": 1},
        "request": {"id": "q", "inputs": [[5, 6]], "sleep": 0.01},
    }  # fmt: skip


def test_latency_above_a_second() -> None:
    server = served()
    server.test(body={"inputs": [[1]], "sleep": 1.01})
    assert 1_010_000 <= records(server)[0]["microsec"] < 3_000_000


def test_failures_are_recorded() -> None:
    server = served(log_stream_sample=1000, log_stream_batch=10)
    for inputs in ([[0]], [[1]], [[0]]):
        server.test(body={"inputs": inputs}, silent=True)
    assert [(record["error"], record["op"]) for record in records(server)] == [
        ("no row", "infer"), ("no row", "infer"),
    ]  # fmt: skip
    server.test(body={"x": 1}, silent=True)
    assert "no 'inputs'" in records(server)[2]["error"]
    server.context.verbose = True
    server.test(body={"inputs": [[0]]}, silent=True)
    assert "Traceback" in records(server)[3]["error"]


def test_samples() -> None:
    server = served(log_stream_sample=4)
    for n in range(9):
        server.test(body={"inputs": [[n + 1]]})
    assert [record["resp"]["outputs"][0] for record in records(server)] == [2, 10, 18]
    server = served(sampling_percentage=50)
    for _ in range(200):
        server.test(body={"inputs": [[1]]})
    assert 60 < len(records(server)) < 140


def test_batches_and_the_rest_at_the_end() -> None:
    server = served(log_stream_batch=3)
    for n in range(7):
        server.test(body={"inputs": [[n + 1]]})
    assert [len(record["values"]) for record in records(server)] == [3, 3]
    server.close()
    last = records(server)[2]
    assert last["headers"] == list(COLUMNS) and len(last["values"]) == 1
    row = dict(zip(last["headers"], last["values"][0], strict=True))
    assert row["resp"]["outputs"] == [14] and row["metrics"] == {"rows": 1}
    assert last["model"] == "my"


def test_results_of_ones_own() -> None:
    server = served(Custom)
    server.test(body={"id": 7, "inputs": [[5]]})
    (record,) = records(server)
    assert record["request"] == {"id": 7, "inputs": [[1]]} and record["resp"] == {
        "outputs": ["infer"]
    }


def test_an_ensemble_and_its_models() -> None:
    server = served(topology="VotingEnsemble")
    server.test("/v2/models/infer", body={"inputs": [[5, 6]]})
    found = {
        record["model"]: (record["class"], record["request"]["inputs"], record["resp"]["outputs"])
        for record in records(server)
    }
    assert found == {
        "a": ("Model", [[5, 6]], [10]),
        "b": ("Model", [[5, 6]], [15]),
        "vote": ("VotingEnsemble", [[5, 6]], [12.5]),
    }
    server.test("/v2/models/infer", body={"inputs": [[0]]}, silent=True)
    assert "route 'a' failed" in records(server)[-1]["error"]


def test_switched_off() -> None:
    server = served(enable_tracking=False)
    server.test(body={"inputs": [[1]]})
    assert records(server) == []
    server = served(log_stream="")
    assert server.test(body={"inputs": [[1]]})["outputs"] == [2]


@pytest.mark.parametrize(
    "parameters",
    [{"log_stream_sample": -1}, {"log_stream_batch": "3"}, {"log_stream_batch": True},
     {"sampling_percentage": 0}, {"sampling_percentage": 101}, {"log_stream": "nothing"},
     {"stream_args": {"shards": 0}}],
)  # fmt: skip
def test_parameters_that_cannot_be_used(parameters: dict[str, Any]) -> None:
    with pytest.raises(GraphError, match="steps could not be created"):
        served(**parameters)


def test_what_is_recorded_does_not_change_afterwards() -> None:
    server = served()
    body = {"inputs": [[1]]}
    event = Event(body)
    server.run(event)
    body["inputs"][0][0] = 99
    event.body["outputs"].append("more") if isinstance(event.body, dict) else None
    (record,) = records(server)
    assert record["request"]["inputs"] == [[1]] and record["resp"]["outputs"] == [2]


class Remote:
    """A stream elsewhere: slow, and broken for a while."""

    def __init__(self) -> None:
        self.found: list[Any] = []
        self.gate = threading.Event()
        self.broken = False

    def push(self, data: list[Any], partition_key: str = "") -> None:
        assert self.gate.wait(20)
        if self.broken:
            raise OSError("gone")
        self.found += data


def test_a_remote_stream_does_not_hold_up_requests(caplog: pytest.LogCaptureFixture) -> None:
    remote: Any = Remote()
    pusher = Pusher(remote, logging.getLogger("mlrun_like.serving"))
    for n in range(10_200):
        pusher.push({"n": n})
    assert 90 <= pusher.dropped <= 200 and "too many records wait" in caplog.text
    remote.gate.set()
    pusher.close()
    assert [json.loads(item)["n"] for item in remote.found[:3]] == [0, 1, 2]
    assert len(remote.found) == 10_200 - pusher.dropped
    remote.broken = True
    pusher.push({"n": 0})
    pusher.push({"bad": {1j: object()}})
    pusher.close()
    assert "gone" in caplog.text


def test_a_stream_that_others_read() -> None:
    stream = open_stream("memory://tracking-test")
    server = served(log_stream="memory://tracking-test")
    server.test(body={"inputs": [[2]]})
    with stream.consumer("monitoring") as consumer:
        (record,) = consumer.read(wait=0)
    assert isinstance(record, Record) and json.loads(record.body)["resp"]["outputs"] == [4]
