"""Model endpoints: documents, records, and what servers register."""

from __future__ import annotations

import time
from typing import Any

import pandas as pd
import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import (
    InvalidArgumentError,
    NotFoundError,
    SpecError,
    StoreUnavailableError,
)
from mlrun_like.functions.creators import new_function
from mlrun_like.monitoring.endpoints.document import (
    EndpointType,
    ModelEndpoint,
    endpoint_uid,
)
from mlrun_like.monitoring.endpoints.records import (
    delete_model_endpoint,
    get_model_endpoint,
    get_or_create_model_endpoint,
    list_model_endpoints,
    patch_model_endpoint,
    set_monitoring_mode,
    store_model_endpoint,
)
from mlrun_like.monitoring.endpoints.switch import switch_file
from mlrun_like.monitoring.recording.reading import read_events
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.serving.models.voting import VotingEnsemble
from mlrun_like.tracking.store import SqlStore


class Doubling(V2ModelServer):
    def load(self) -> None:
        self.model = 2

    def predict(self, request: dict[str, Any]) -> list[Any]:
        return [2 * row[0] for row in request["inputs"]]


def function(name: str = "serve", **models: Any) -> Any:
    made: Any = new_function(name, kind="serving", project="p")
    made.set_topology("router")
    for key, path in (models or {"m": "none"}).items():
        made.add_model(key, class_name=Doubling, model_path=path)
    return made


def test_uids_are_mlruns() -> None:
    # SHA-1 of "p_f_N/A_m_latest" and of "p_f_v2_m_1"
    assert endpoint_uid("p/f", "m:latest") == "5e96a59af566eb1d46fb1ec29311d341f0083b0c"
    assert endpoint_uid("p/f:v2", "m:1") != endpoint_uid("p/f", "m:1")
    for uri, model in (("", "m"), ("p/f", ""), ("p/f", ":v1")):
        with pytest.raises(InvalidArgumentError, match="needs a function and a model"):
            endpoint_uid(uri, model)


def test_records() -> None:
    made = get_or_create_model_endpoint("p", "iris:v1", "serve", values={"label_names": ["y"]})
    assert get_or_create_model_endpoint("p", "iris:v1", "serve") == made
    assert made.metadata.uid == endpoint_uid("p/serve", "iris:v1")
    assert made.spec.label_names == ["y"] and made.metadata.name == "iris"
    assert get_or_create_model_endpoint("p", "x").spec.function_name == "batch-infer"
    assert get_model_endpoint("p", made.metadata.uid) == get_model_endpoint("p", name="serve/iris")
    found = patch_model_endpoint("p", made.metadata.uid, {"drift_status": "no drift"})
    assert found.status.drift_status == "no drift"
    found = patch_model_endpoint("p", made.metadata.uid, {"metadata.labels.team": "a"})
    assert found.metadata.labels == {"team": "a"}
    assert [e.metadata.name for e in list_model_endpoints("p", labels=["team=a"])] == ["iris"]
    assert len(list_model_endpoints("p", labels={"team": None})) == 1
    assert list_model_endpoints("p", uids=[]) == [] and len(list_model_endpoints("p")) == 2
    assert delete_model_endpoint("p", made.metadata.uid)
    assert not delete_model_endpoint("p", made.metadata.uid)


def test_what_is_not_there() -> None:
    get_or_create_model_endpoint("p", "iris", "one")
    get_or_create_model_endpoint("p", "iris", "two")
    with pytest.raises(InvalidArgumentError, match="2 model endpoints are named 'iris'"):
        get_model_endpoint("p", name="iris")
    with pytest.raises(NotFoundError, match="Did you mean 'iris'"):
        get_model_endpoint("p", name="irs")
    with pytest.raises(InvalidArgumentError, match="which model endpoint"):
        get_model_endpoint("p")
    with pytest.raises(NotFoundError):
        get_model_endpoint("p", "nobody")
    uid = get_model_endpoint("p", name="one/iris").metadata.uid
    with pytest.raises(InvalidArgumentError, match=r"no field 'drift_stat'.*Did you mean"):
        patch_model_endpoint("p", uid, {"drift_stat": 1})
    with pytest.raises(SpecError):
        patch_model_endpoint("p", uid, {"spec.feature_names": 3})
    with pytest.raises(NotFoundError, match="no model endpoint matches"):
        set_monitoring_mode("p", "enabled", name="nobody")
    with pytest.raises(InvalidArgumentError, match="'maybe' is not one of"):
        set_monitoring_mode("p", "maybe")
    assert ModelEndpoint.from_dict({"metadata": {"uid": "a"}, "more": 1}).metadata.uid == "a"


def test_a_server_registers_its_models() -> None:
    made = function(m1="a", **{"m2:v3": "b"})
    made.set_tracking(sampling_percentage=50)
    with made.to_mock_server(track_models=True):
        one, two = list_model_endpoints("p")
    assert (one.spec.model, two.spec.model) == ("m1:latest", "m2:v3")
    spec = two.spec
    assert (spec.function_uri, spec.function_name, spec.model_class) == (
        "p/serve",
        "serve",
        "Doubling",
    )
    assert (spec.model_uri, spec.model_version, spec.sampling_percentage) == ("b", "v3", 50.0)
    assert spec.monitoring_mode == "enabled" and two.status.endpoint_type == EndpointType.NODE_EP
    assert two.metadata.uid == endpoint_uid("p/serve", "m2:v3")


def test_a_server_without_tracking_registers_nothing() -> None:
    with function().to_mock_server(track_models=True):
        assert list_model_endpoints("p") == []
    tracked = function()
    tracked.set_tracking()
    with tracked.to_mock_server():
        assert list_model_endpoints("p") == []
    tracked.set_tracking(enable_tracking=False)
    with tracked.to_mock_server(track_models=True):
        assert list_model_endpoints("p") == []


def test_links_come_from_the_logged_model() -> None:
    frame = pd.DataFrame({"age": [1.0, 2.0, 3.0], "city": ["a", "b", "a"], "y": [0, 1, 0]})

    def train(context: Any) -> None:
        context.log_model(
            "net", body=b"weights", model_file="net.bin", training_set=frame, label_column="y",
            algorithm="guessing", tag="best",
        )  # fmt: skip

    run = new_function("train", kind="local", project="p").run(handler=train, local=True)
    assert run.status.state == "completed"
    made = function(net="store://models/p/train_net:best")
    made.set_tracking()
    with made.to_mock_server(track_models=True) as server:
        answer = server.test("/v2/models/net/infer", {"inputs": [[1.0, "a"]]})
        assert answer["outputs"] == [2.0]
    endpoint = get_model_endpoint("p", name="net")
    assert endpoint.spec.feature_names == ["age", "city"] and endpoint.spec.label_names == ["y"]
    assert endpoint.spec.algorithm == "guessing" and endpoint.spec.model_uid
    assert endpoint.status.feature_stats["age"]["mean"] == 2.0
    events = read_events("p", endpoint.metadata.uid)
    assert events[["age", "city", "y"]].to_numpy().tolist() == [[1.0, "a", 2.0]]


def test_a_router_that_answers_itself() -> None:
    made: Any = new_function("serve", kind="serving", project="p")
    made.set_topology("router", VotingEnsemble, name="vote", vote_type="regression")
    for name in ("a", "b"):
        made.add_model(name, class_name=Doubling, model_path="none")
    made.set_tracking()
    with made.to_mock_server(track_models=True) as server:
        server.test("/v2/models/infer", {"inputs": [[1.0]]})
        found = {e.metadata.name: e for e in list_model_endpoints("p")}
    assert set(found) == {"a", "b", "vote"}
    router = found["vote"]
    assert router.status.endpoint_type == EndpointType.ROUTER
    assert router.status.children == ["a", "b"]
    assert router.status.children_uids == [found["a"].metadata.uid, found["b"].metadata.uid]
    assert found["a"].status.endpoint_type == EndpointType.LEAF_EP
    assert len(list_model_endpoints("p", top_level=True)) == 1
    requests = {name: get_model_endpoint("p", name=name).status.requests for name in found}
    assert requests == {"a": 1, "b": 1, "vote": 1}


def test_what_people_set_outlives_a_restart() -> None:
    made = function()
    made.set_tracking()
    made.to_mock_server(track_models=True).close()
    (endpoint,) = list_model_endpoints("p")
    patch_model_endpoint("p", endpoint.metadata.uid, {"metadata.labels.team": "a"})
    assert not switch_file().exists()
    set_monitoring_mode("p", "disabled", uid=endpoint.metadata.uid)
    assert switch_file().exists()
    made.to_mock_server(track_models=True).close()
    (endpoint,) = list_model_endpoints("p")
    assert endpoint.spec.monitoring_mode == "disabled"
    assert endpoint.metadata.labels == {"team": "a"}
    endpoint.spec.active = False
    store_model_endpoint(endpoint)
    assert not get_model_endpoint("p", name="m").spec.active


def test_a_store_that_is_away_does_not_stop_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    config.monitoring_poll_interval = 0.05

    def away(*_: Any) -> Any:
        raise StoreUnavailableError("away")

    monkeypatch.setattr(SqlStore, "read_endpoint", away)
    made = function()
    made.set_tracking()
    with made.to_mock_server(track_models=True) as server:
        assert server.test("/v2/models/m/infer", {"inputs": [[1]]})["outputs"] == [2]
        assert list_model_endpoints("p") == []
        monkeypatch.undo()
        for _ in range(400):  # the recorder's thread registers it
            if list_model_endpoints("p"):
                break
            server.test("/v2/models/m/infer", {"inputs": [[1]]})
            time.sleep(0.02)
    (endpoint,) = list_model_endpoints("p")
    assert endpoint.spec.model == "m:latest"
