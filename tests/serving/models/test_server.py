from __future__ import annotations

from typing import Any

import numpy
import pytest

from mlrun_like.errors import GraphError, InvalidArgumentError, StepError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.serving.server import GraphServer


class Doubler(V2ModelServer):
    def load(self) -> None:
        self.model = numpy.float64(self.get_param("factor", 2))

    def predict(self, request: dict[str, Any]) -> Any:
        return numpy.asarray(request["inputs"]) * self.model

    def op_reset(self, event: Event) -> Any:
        return {"reset": event.id}


def served(cls: type = Doubler, name: str = "m", **values: Any) -> GraphServer:
    graph = flow()
    graph.to(cls, name, **values).respond()
    return graph.to_mock_server()


def test_the_v2_answer() -> None:
    answer = served(name="m:v3").test("/infer", body={"id": "q", "inputs": [1, 2]})
    assert answer.pop("timestamp").endswith("+00:00")
    assert answer == {"id": "q", "model_name": "m", "outputs": [2.0, 4.0], "model_version": "v3"}


def test_operations() -> None:
    server = served()
    assert server.test("/", body={"inputs": [1]}, event_id="e")["id"] == "e"
    assert server.test("/v2/models/m/predict", body={"inputs": [1]})["outputs"] == [2.0]
    assert server.test("/", body={"operation": "reset"}, event_id="e") == {"reset": "e"}
    assert server.test("/")["name"] == "m"
    assert server.test("/ready", get_body=False).body == {"ready": True}
    assert server.test("/", body=b'{"inputs": [3]}', content_type="text/plain")["outputs"] == [6.0]


@pytest.mark.parametrize(
    ("path", "body", "method", "status"),
    [("/", {}, "POST", 400), ("/", {"inputs": 3}, "POST", 400), ("/", [1], "POST", 400),
     ("/", b"{bad", "POST", 400), ("/explain", {"inputs": [1]}, "POST", 400),
     ("/nothing", {"inputs": [1]}, "POST", 404), ("/infer", None, "GET", 405),
     ("/", None, "POST", 400), ("/", {"inputs": ["a"]}, "POST", 500)],
)  # fmt: skip
def test_failures(path: str, body: Any, method: str, status: int) -> None:
    response = served().test(path, body=body, method=method, silent=True, get_body=False)
    assert response.status_code == status


def test_hooks_run_in_order() -> None:
    class Hooked(Doubler):
        def preprocess(self, request: dict[str, Any], operation: str) -> dict[str, Any]:
            return {**request, "inputs": request["raw"]}

        def postprocess(self, response: dict[str, Any]) -> dict[str, Any]:
            return {"last": response["outputs"]}

    assert served(Hooked).test(body={"raw": [1]}) == {"last": [2.0]}


def test_parameters_and_paths() -> None:
    server = served(factor=5, input_path="req", result_path="res")
    answer = server.test(body={"req": {"inputs": [1]}})
    assert answer["req"] == {"inputs": [1]} and answer["res"]["outputs"] == [5.0]
    with pytest.raises(StepError, match="nothing at 'req'"):
        server.test(body={"inputs": [1]})


def test_a_given_model_is_not_loaded() -> None:
    assert served(model=3).test(body={"inputs": [1]})["outputs"] == [3]


def test_a_server_without_a_model_does_not_start() -> None:
    with pytest.raises(GraphError, match="V2ModelServer has no model to serve"):
        served(V2ModelServer)
    with pytest.raises(InvalidArgumentError, match="cannot predict"):
        V2ModelServer(model=1).predict({})
