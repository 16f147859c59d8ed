"""Operations, paths and hooks of V2ModelServer."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from mlrun_like.artifacts.model import ModelArtifact
from mlrun_like.errors import GraphError, InvalidArgumentError, MLRunLikeError, OverloadedError
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.serving.models.function import FunctionModelServer
from mlrun_like.serving.server import GraphServer


class Model(V2ModelServer):
    def load(self) -> None:
        self.model = self.get_param("multiplier", 1)

    def predict(self, request: dict[str, Any]) -> Any:
        return [value * self.model for value in request["inputs"]]

    def explain(self, request: dict[str, Any]) -> Any:
        return {"explained": request["inputs"][0]}

    def op_myop(self, event: Event) -> Any:
        return event.body


def served(cls: type = Model, name: str = "m", **values: Any) -> GraphServer:
    graph = flow()
    graph.to(cls, name, **values).respond()
    return graph.to_mock_server()


def made(cls: type[V2ModelServer] = Model, **values: Any) -> V2ModelServer:
    model = cls(GraphContext(), "m", **values)
    model.post_init()
    return model


def answer(server: GraphServer, path: str, **values: Any) -> tuple[int, Any]:
    response = server.test(path, silent=True, get_body=False, **values)
    return response.status_code, response.body


@pytest.mark.parametrize(
    ("path", "method", "status", "part"),
    [
        ("/v2/models", "GET", 200, {"models": ["m:3"]}),
        ("/v2/models/", "POST", 200, {"models": ["m:3"]}),
        ("/v2/models/m/versions/3/ready", "GET", 200, {"ready": True}),
        ("/v2/models/m:3/ready", "GET", 200, {"ready": True}),
        ("/v2/health/live", "GET", 200, {"live": True}),
        ("/v2/health/ready", "GET", 200, {"ready": True}),
        ("/v2/health", "GET", 200, {"version": "v2"}),
        ("/v2", "GET", 200, {"name": "Model", "version": "v2"}),
        ("/ping", "GET", 200, {"ready": True}),
        ("/v2/models/m", "GET", 200, {"name": "m", "version": "3", "versions": ["3"]}),
        ("/v2/models/m/metrics", "GET", 200, {"requests": 0, "failures": 0}),
        ("/v2/models/other", "GET", 404, {"fix": "models: m:3"}),
        ("/v2/models/m/versions/4", "GET", 404, {"code": "not_found"}),
        ("/v2/health/other", "GET", 404, {"code": "not_found"}),
    ],
)
def test_what_a_model_tells(path: str, method: str, status: int, part: dict[str, Any]) -> None:
    server = served(name="m:3")
    got = answer(server, path, method=method, body={} if method == "POST" else None)
    assert got[0] == status and part.items() <= got[1].items()


@pytest.mark.parametrize(
    "path",
    ["/", "", "/infer", "/predict", "/v2/models/m/infer", "/v2/models/m/predict/",
     "/v2/models/infer", "/any/prefix/infer", "/v2/models/m/versions/3/infer"],
)  # fmt: skip
def test_paths_of_a_step_in_a_flow(path: str) -> None:
    got = served(name="m:3", multiplier=2).test(path, body={"inputs": [1]})
    assert got["outputs"] == [2] and got["model_version"] == "3" and got["model_name"] == "m"


def test_operations_of_the_body_and_the_path() -> None:
    server = served(multiplier=3)
    assert server.test(body={"operation": "explain", "inputs": [5]})["outputs"] == {"explained": 5}
    assert "timestamp" not in server.test("/explain", body={"inputs": [5]})
    assert server.test("/predict", body={"operation": "explain", "inputs": [5]})["outputs"] == [15]
    assert server.test("/v2/models/m/myop", body={"a": 1}) == {"a": 1}
    code, body = answer(server, "/v2/models/m/myp", body={"a": 1})
    assert code == 404 and "Did you mean 'myop'" in body["error"] and "infer_dict" in body["fix"]
    assert answer(server, "/", body={"operation": ["infer"], "inputs": [1]})[0] == 400
    assert answer(server, "/infer", method="GET")[0] == 405


def test_an_id_of_null_is_no_id() -> None:
    server = served()
    assert server.test(body={"id": None, "inputs": []}, event_id="e")["id"] == "e"
    assert server.test(body={"id": 0, "inputs": []}, event_id="e")["id"] == 0


def recorded() -> ModelArtifact:
    columns = [{"name": "a", "value_type": "int"}, {"name": "b", "value_type": "float"}]
    return ModelArtifact("net", inputs=columns, outputs=["y"], parameters={"multiplier": 7})


def test_rows_by_name_in_the_recorded_order() -> None:
    class Ordered(V2ModelServer):
        def load(self) -> None:
            self.use_record(recorded())

        def predict(self, request: dict[str, Any]) -> Any:
            return request["inputs"]

    server = served(Ordered, warmup=False)
    got = server.test("/infer_dict", body={"inputs": [{"b": 2, "a": 1, "c": 0}]})
    assert got["outputs"] == [[1, 2]]
    assert server.test("/predict_dict", body={"inputs": {"b": 2, "a": 1}})["outputs"] == [1, 2]
    code, body = answer(server, "/infer_dict", body={"inputs": [{"a": 1, "b": 1}, {"a": 1}]})
    assert code == 400 and "row 1 has no b" in body["error"]
    for inputs in ([[1, 2]], 3, None, "x"):
        assert answer(server, "/infer_dict", body={"inputs": inputs})[0] == 400
    code, body = answer(served(), "/infer_dict", body={"inputs": [{"a": 1}]})
    assert code == 400 and "not recorded" in body["error"]
    told = server.test("/v2/models/m", method="GET")["inputs"]
    assert told[0] == {"name": "a", "value_type": "int", "datatype": "INT64", "shape": [-1]}


def test_recorded_parameters_give_way_to_given_ones() -> None:
    model = made()
    model.use_record(recorded())
    assert model.get_param("multiplier") == 7 and model.get_param("other", 1) == 1
    model = made(multiplier=2)
    model.use_record(recorded())
    assert model.get_param("multiplier") == 2


def test_hooks_that_forget_to_return() -> None:
    class Forgetful(Model):
        def preprocess(self, request: dict[str, Any], operation: str) -> Any:
            request["x"] = 1

    code, body = answer(served(Forgetful), "/", body={"inputs": [1]})
    assert code == 500 and "preprocess of Forgetful returned None" in body["error"]


def test_async_predictions_serve_plain_callers_too() -> None:
    class Awaited(Model):
        async def predict(self, request: dict[str, Any]) -> Any:
            await asyncio.sleep(0)
            return request["inputs"]

    model = made(Awaited)
    assert model.do_event(Event({"inputs": [1]})).body["outputs"] == [1]

    async def within() -> Any:
        asynchronous = await model.do_event_async(Event({"inputs": [2]}))
        return asynchronous.body["outputs"], model.do_event(Event({"inputs": [3]})).body["outputs"]

    assert asyncio.run(within()) == ([2], [3])


def test_generators_stream() -> None:
    class Words(Model):
        def predict(self, request: dict[str, Any]) -> Iterator[str]:
            yield from request["inputs"][0].split()

    class Later(Model):
        async def predict(self, request: dict[str, Any]) -> AsyncIterator[str]:
            for word in request["inputs"][0].split():
                yield word

    body = made(Words).do_event(Event({"inputs": ["a b"]})).body
    assert body.is_stream and list(body.body) == ["a", "b"]

    async def read() -> list[str]:
        event = await made(Later).do_event_async(Event({"inputs": ["c d"]}))
        return [word async for word in event.body.body]

    assert asyncio.run(read()) == ["c", "d"]


def test_a_do_event_of_ones_own_is_used_by_loops() -> None:
    class Own(Model):
        def do_event(self, event: Event, *args: Any, **kwargs: Any) -> Event:
            event.body = "own"
            return event

    assert asyncio.run(made(Own).do_event_async(Event())).body == "own"


def test_short_calls_stay_in_the_loop_and_long_ones_leave_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mlrun_like.serving.models.pace.SHORT", 0.5)  # a busy machine's pauses
    seen: list[str] = []

    class Where(Model):
        def predict(self, request: dict[str, Any]) -> Any:
            seen.append(threading.current_thread().name)
            time.sleep(request["inputs"][0])
            return request["inputs"]

    async def ask(model: V2ModelServer, *seconds: float) -> None:
        for value in seconds:
            await model.do_event_async(Event({"inputs": [value]}))

    main = threading.current_thread().name
    asyncio.run(ask(made(Where, warmup=[0.0]), 0.0, 0.0))
    assert seen[-2:] == [main, main], "warm-up measured it"
    asyncio.run(ask(made(Where), 0.0, 0.0, 0.6, 0.0))
    assert [name == main for name in seen[-4:]] == [False, True, True, False]


def test_metrics_count_failures() -> None:
    model = made()
    model.set_metric("drift", 0.5)
    model.do_event(Event({"inputs": [1]}))
    with pytest.raises(InvalidArgumentError):
        model.do_event(Event({"inputs": 1}))
    told = model.do_event(Event(path="/metrics", method="GET")).body
    assert told["requests"] == 2 and told["failures"] == 1 and told["metrics"] == {"drift": 0.5}
    assert 0 < told["seconds_mean"] <= told["seconds_max"] < 5


# Loading -----------------------------------------------------------------------------------------


class Slow(Model):
    gate = threading.Event()

    def load(self) -> None:
        assert self.gate.wait(20)
        super().load()


def test_loading_in_the_background() -> None:
    Slow.gate.clear()
    server = served(Slow, load_mode="async")
    assert answer(server, "/ready", method="GET") == (408, {"ready": False})
    assert answer(server, "/v2/health/ready", method="GET") == (503, {"ready": False})
    assert answer(server, "/v2/models/m", method="GET")[0] == 200
    code, body = answer(server, "/infer", body={"inputs": [1]})
    assert code == 503 and "not ready" in body["error"]
    model = made(Slow, load_mode="async")
    late = Event({"inputs": [1]})
    late.trigger = "stream"
    late.deadline = time.monotonic() + 0.05
    with pytest.raises(OverloadedError):
        model.do_event(late)
    threading.Timer(0.05, Slow.gate.set).start()
    patient = Event({"inputs": [1]})
    patient.trigger = "stream"
    assert model.do_event(patient).body["outputs"] == [1]


@pytest.mark.parametrize("error", [ValueError("broken file"), InvalidArgumentError("no such file")])
def test_loading_that_fails(error: Exception) -> None:
    class Broken(Model):
        def load(self) -> None:
            raise error

    with pytest.raises(GraphError, match=r"broken file|no such file"):
        served(Broken)
    model = made(Broken, load_mode="async")
    for _ in range(200):
        if model.error is not None:
            break
        time.sleep(0.01)
    with pytest.raises(MLRunLikeError, match=r"broken file|no such file") as caught:
        model.do_event(Event({"inputs": [1]}))
    assert model.ready is False and caught.value.status == (
        400 if isinstance(error, InvalidArgumentError) else 503
    )


@pytest.mark.parametrize(
    ("values", "match"),
    [({"protocol": "v3"}, "v3"), ({"load_mode": "later"}, "sync, async"),
     ({"warmup": {"inputs": 5}}, "warm-up")],
)  # fmt: skip
def test_arguments_that_cannot_be_used(values: dict[str, Any], match: str) -> None:
    with pytest.raises(GraphError, match=match):
        served(**values)
    with pytest.raises(InvalidArgumentError, match="no model_path"):
        made().get_model()


def test_protocol_v1_has_instances() -> None:
    class Old(Model):
        def predict(self, request: dict[str, Any]) -> Any:
            return request["instances"]

    server = served(Old, protocol="v1")
    assert server.test(body={"instances": [1]})["outputs"] == [1]
    code, body = answer(server, "/", body={"x": [1]})
    assert code == 400 and "no 'instances'" in body["error"]


# Functions ---------------------------------------------------------------------------------------


def double(inputs: list[int]) -> list[int]:
    return [2 * value for value in inputs]


async def later(inputs: list[int]) -> list[int]:
    await asyncio.sleep(0)
    return inputs


def test_functions_as_models() -> None:
    server = served(FunctionModelServer, predict=double)
    assert server.test("/v2/models/m/infer", body={"inputs": [1, 2]})["outputs"] == [2, 4]
    server = served(FunctionModelServer, predict=len, each=True)
    assert server.test(body={"inputs": ["ab", ""]})["outputs"] == [2, 0]
    server = served(FunctionModelServer, predict=later)
    assert server.test(body={"inputs": [1]})["outputs"] == [1]
    for values in ({"predict": 3}, {}, {"predict": later, "each": True}):
        with pytest.raises(GraphError, match=r"is not a function|plain function"):
            served(FunctionModelServer, **values)
