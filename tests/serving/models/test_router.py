"""ModelRouter: paths, versions, hooks, errors."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import GraphError, NotFoundError
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.engine.route import Route
from mlrun_like.serving.event import Event
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.serving.models.router import ModelRouter
from mlrun_like.serving.server import GraphServer


class Times(V2ModelServer):
    def load(self) -> None:
        pass

    def predict(self, request: dict[str, Any]) -> Any:
        return [self.get_param("by", 1) * value for value in request["inputs"]]

    def op_echo(self, event: Event) -> Any:
        return event.body


class Loading(Times):
    def post_init(self, mode: str = "sync", **values: Any) -> None:
        """Never loaded."""


MODELS = {"m1": 100, "m2": 200, "m3:v2": 300, "m3:v10": 400}


def served(cls: Any = "", models: dict[str, int] = MODELS, **values: Any) -> GraphServer:
    graph = flow()
    step: Any = graph.add_step("*" if not cls else "*ModelRouter", "models", **values)
    if cls:
        step.class_name = cls
    for name, by in models.items():
        step.add_route(name, class_name=Times, by=by)
    step.respond()
    return graph.to_mock_server()


def answer(server: GraphServer, path: str, **values: Any) -> tuple[int, Any]:
    response = server.test(path, silent=True, get_body=False, **values)
    return response.status_code, response.body


@pytest.mark.parametrize(
    ("path", "body", "outputs"),
    [
        ("/v2/models/m1/infer", {"inputs": [5]}, [500]),
        ("/v2/models/m2/predict", {"inputs": [5]}, [1000]),
        ("/v2/models/m3/versions/v2/infer", {"inputs": [5]}, [1500]),
        ("/v2/models/m3/infer", {"inputs": [5]}, [2000]),  # the newest version
        ("/v2/models/m3:v2/infer", {"inputs": [5]}, [1500]),
        ("/", {"inputs": [5]}, [500]),  # the first route
        ("", {"model": "m2", "inputs": [5]}, [1000]),
        ("/v2/models/infer", {"inputs": [5]}, [500]),
        ("/v2/models/m2", {"inputs": [5]}, [1000]),
    ],
)
def test_each_request_reaches_its_model(path: str, body: Any, outputs: Any) -> None:
    server = served()
    assert server.test(path, body=body)["outputs"] == outputs
    event = Event(dict(body), path=path)
    response = asyncio.run(server.run_async(event))
    assert response.body["outputs"] == outputs and event.path == (path or "/")


def test_what_a_router_tells() -> None:
    server = served()
    assert server.test("/v2/models/")["models"] == list(MODELS)
    assert server.test("/v2/models", body={"inputs": [1]}) == {"models": list(MODELS)}
    for path in ("/", "/v2/health", "/v2"):
        told = server.test(path)
        assert told["name"] == "ModelRouter" and told["version"] == "v2" and "extensions" in told
    assert server.test("/v2/health/live") == {"live": True}
    assert server.test("/v2/health/ready", get_body=False).body["ready"] is True
    told = server.test("/v2/models/m3/versions/v2")
    assert told["version"] == "v2" and told["versions"] == ["v2", "v10"]
    assert server.test("/v2/models/m1")["versions"] == []
    assert server.test("/v2/models/m1/ready", get_body=False).body == {"ready": True}
    assert answer(server, "/v2/health/other")[0] == 404


def test_a_model_that_is_not_ready() -> None:
    graph = flow()
    step: Any = graph.add_step("*", "models")
    step.add_route("slow", class_name=Loading)
    step.add_route("function", handler="(event)")
    step.respond()
    code, body = answer(graph.to_mock_server(), "/v2/health/ready")
    assert code == 503 and body["models"] == {"slow": False, "function": True}


@pytest.mark.parametrize(
    ("path", "body", "status", "part"),
    [
        ("/v2/models/m9/infer", {"inputs": [1]}, 404, "m9 doesn't exist"),
        ("/v2/models/m3/versions/v3/infer", {"inputs": [1]}, 404, "m3:v3"),
        ("/", {"model": "m9"}, 404, "m9"),
        ("/", {"model": 5}, 400, "must be names"),
        ("/", {"operation": [1], "inputs": [1]}, 400, "must be names"),
        ("/other/m1/infer", {"inputs": [1]}, 404, "illegal path prefix"),
        ("/v2/models/m1/nothing", {"inputs": [1]}, 404, "no operation"),
        ("/v2/models/m1/infer", {"x": 1}, 400, "no 'inputs'"),
        ("/v2/models/m1/infer", b"{bad", 400, "not valid JSON"),
        ("/v2/models/m1/infer", [1], 400, "not a mapping"),
    ],
)
def test_requests_that_are_wrong(path: str, body: Any, status: int, part: str) -> None:
    code, got = answer(served(), path, body=body)
    assert code == status and part in got["error"]
    if "m9" in part:
        assert got["fix"] == "available models: m1 | m2 | m3:v2 | m3:v10"


class Hooked(ModelRouter):
    def preprocess(self, event: Event) -> Event:
        if isinstance(event.body, dict) and "hidden" in event.body:
            event.body = event.body["hidden"]
        return event

    def postprocess(self, event: Event) -> Event:
        event.body = {"of": self.name, "got": event.body["outputs"]}
        return event

    def parse_event(self, event: Event) -> Any:
        return super().parse_event(event) if event.body != "three" else {"inputs": [3]}


def test_hooks() -> None:
    server = served(Hooked)
    assert server.test("/v2/models/m2/infer", body={"hidden": {"inputs": [1]}}) == {
        "of": "models", "got": [200],
    }  # fmt: skip
    got = server.run(Event("three", path="/v2/models/m1/infer", content_type="text/plain"))
    assert got.body["got"] == [300]


def test_a_do_event_of_ones_own_is_used_by_loops() -> None:
    class Own(ModelRouter):
        def do_event(self, event: Event, *args: Any, **kwargs: Any) -> Event:
            event.body = "own"
            return event

    assert asyncio.run(Own(GraphContext(), "r").do_event_async(Event())).body == "own"


def test_paths_into_the_body() -> None:
    server = served(input_path="a.b", result_path="out")
    got = server.test("/v2/models/m1/infer", body={"a": {"b": {"inputs": [1]}}})
    assert got["out"]["outputs"] == [100] and got["a"] == {"b": {"inputs": [1]}}
    assert answer(server, "/v2/models/m1/infer", body={"c": 1})[0] == 400
    with pytest.raises(GraphError, match="v3"):
        served(protocol="v3")


def test_prefixes_of_ones_own() -> None:
    server = served(url_prefix="api/models/", health_prefix="/up")
    assert server.test("/api/models/m1/infer", body={"inputs": [1]})["outputs"] == [100]
    assert server.test("/up/live") == {"live": True}
    assert answer(server, "/v2/models/m1/infer", body={"inputs": [1]})[0] == 404


class Size(Times):
    def predict(self, request: dict[str, Any]) -> Any:
        return [len(item.read()) for item in request["inputs"]]


def test_images_and_urls(tmp_path: Path) -> None:
    route = Route("size", None, None, None, True)
    model = Size(GraphContext(), "size")
    model.post_init()
    route = Route("size", model, model.do_event, model.do_event_async, True)
    router = ModelRouter(GraphContext(), "r", {"size": route})
    event = router.do_event(Event(b"\x89PNG", content_type="image/png"))
    assert event.body["outputs"] == [4]
    file = tmp_path / "a.bin"
    file.write_bytes(b"12345")
    code, body = answer(served(), "/", body={"data_url": str(file)})
    assert code == 400 and "may download" in body["error"]
    router = ModelRouter(GraphContext(), "r", {"size": route}, data_url=[f"{tmp_path}/"])
    assert router.do_event(Event({"data_url": str(file)})).body["outputs"] == [5]
    assert isinstance(router.parse_event(Event({"data_url": str(file)}))["inputs"][0], io.BytesIO)


def test_a_router_without_routes() -> None:
    with pytest.raises(NotFoundError, match="available models"):
        ModelRouter(GraphContext(), "r").do_event(Event({"inputs": [1]}))


def test_closing_a_router_closes_its_models() -> None:
    closed = []

    class Closing(Times):
        def close(self) -> None:
            closed.append(self.name)

    graph = flow()
    step: Any = graph.add_step("*", "models")
    step.add_route("a", class_name=Closing)
    step.respond()
    graph.to_mock_server().close()
    assert closed == ["a"]
