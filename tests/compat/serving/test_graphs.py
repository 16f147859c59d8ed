"""Serving as MLRun's code has it: servers from specs, steps alone, errors, names of classes."""

# mypy: disable-error-code="import-not-found,misc"

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.compat.known import known_modules
from mlrun_like.compat.table import Missing, row_of
from mlrun_like.configuration import exchange_environment
from mlrun_like.errors import StateError


class Doubling:
    """A model that is found by its name in this module."""

    def __init__(self, context: Any = None, name: str = "") -> None:
        self.name = name

    def do(self, body: int) -> int:
        return body * 2


def triple(body: int) -> int:
    return body * 3


def test_every_public_name_is_there_or_explained(compat: ModuleType) -> None:
    for module, names in known_modules("mlrun").items():
        if not module.startswith("mlrun.serving"):
            continue
        for name in names:
            row = row_of(module, name)
            assert row is not None, f"{module}.{name}"
            if isinstance(row, Missing):
                assert row.purpose
            else:
                getattr(importlib.import_module(module), name)


def test_names_mean_what_the_calling_module_says(compat: ModuleType) -> None:
    import mlrun

    def inside() -> Any:
        function = mlrun.new_function("names", kind="serving")
        graph = function.set_topology("flow", engine="sync")
        graph.to("Doubling", "twice").to(name="thrice", handler="triple").respond()
        function.deploy(mock=True)
        return function.invoke("/", body=5), function.to_mock_server().test(body=5)

    assert inside() == (30, 30)


SCRIPT = """
import mlrun

class Adding:
    def __init__(self, number):
        self.number = number

    def do(self, body):
        return body + self.number

def main():
    function = mlrun.new_function("script", kind="serving")
    function.set_topology("flow", engine="sync").to("Adding", number=4).respond()
    print(function.to_mock_server().test(body=1))

main()
"""


def test_names_in_a_script(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    starts = "import sys, runpy, mlrun_like.compat as c; c.install(quiet=True); "
    found = subprocess.run(
        [sys.executable, "-c", starts + "runpy.run_path(sys.argv[1], run_name='__main__')",
         str(tmp_path / "script.py")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (found.returncode, found.stdout.strip()) == (0, "5"), found.stderr


def test_nuclio_workers_answer_from_a_spec(compat: ModuleType) -> None:
    from mlrun.serving.server import GraphContext, MockEvent, v2_serving_init
    from mlrun.serving.states import RouterStep, TaskStep

    router = RouterStep()
    router.routes = {"m1": TaskStep("Doubled", class_args={"model_path": ""})}
    spec = {"graph": router.to_dict(), "function_uri": "default/f", "version": "v2"}
    before = exchange_environment({"SERVING_SPEC_ENV": json.dumps(spec)})
    try:
        context = GraphContext()
        v2_serving_init(context, {"Doubled": model_class()})
    finally:
        exchange_environment(before)
    answer = context.mlrun_handler(
        context, MockEvent('{"inputs": [4]}', path="/v2/models/m1/infer")
    )
    assert json.loads(answer.body)["outputs"] == [8]
    missing = context.mlrun_handler(context, MockEvent("{}", path="/v2/models/m7/infer"))
    assert missing.status_code == 400
    assert "m7" in missing.body


def model_class() -> Any:
    from mlrun.serving import V2ModelServer

    class Doubled(V2ModelServer):
        def load(self) -> None:
            self.model = 2

        def predict(self, request: dict[str, Any]) -> Any:
            return [value * self.model for value in request["inputs"]]

    return Doubled


def test_servers_are_made_in_steps(compat: ModuleType) -> None:
    from mlrun.serving import GraphServer, create_graph_server
    from mlrun.serving.states import RootFlowStep, RouterStep, TaskStep

    host = create_graph_server(graph=RouterStep(), parameters={"x": 1})
    with pytest.raises(StateError, match="before its steps"):
        host.test("/")
    host.graph.add_route("m", class_name=model_class(), model_path="")
    host.init_states(None, namespace=globals())
    host.init_object(globals())
    assert host.test("/v2/models/m/infer", {"inputs": [1]})["outputs"] == [2]
    assert host.context.get_param("x") == 1
    flow = RootFlowStep(engine="sync", steps={"a": TaskStep(handler="triple", name="a")})
    found = GraphServer.from_dict({"graph": flow.to_dict(), "function_uri": "p/f"})
    found.init_states(None, globals())
    found.init_object(globals())
    assert found.test(body=2) == 6
    assert "triple" in found.to_yaml()
    assert isinstance(found._server, GraphServer)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("MLRunNotFoundError", 404),
        ("MLRunConflictError", 409),
        ("MLRunUnprocessableEntityError", 422),
    ],
)
def test_errors_have_their_status(compat: ModuleType, name: str, status: int) -> None:
    import mlrun

    kind = getattr(mlrun.errors, name)

    def raising(body: Any) -> Any:
        raise kind("what it says")

    answer = failing(mlrun, raising)
    assert (answer.status_code, answer.body) == (status, f"{kind.__name__}: what it says")


def test_other_errors_are_the_callers(compat: ModuleType) -> None:
    import mlrun

    def raising(body: Any) -> Any:
        raise KeyError("x")

    answer = failing(mlrun, raising)
    assert (answer.status_code, answer.body) == (400, "KeyError: 'x'")
    assert answer.content_type == "text/plain"


def failing(mlrun: Any, handler: Any) -> Any:
    function = mlrun.new_function("errors", kind="serving")
    function.set_topology("flow", engine="sync").to(name="raise", handler=handler).respond()
    return function.to_mock_server().test("/", body=1, silent=True)


def test_responses_have_mlruns_arguments(compat: ModuleType) -> None:
    import mlrun

    response = mlrun.serving.server.Response
    made = response({"a": "b"}, "no", "text/x", 418)
    assert isinstance(made, response)
    assert (made.headers, made.body, made.content_type, made.status_code) == (
        {"a": "b"}, "no", "text/x", 418,
    )  # fmt: skip


def test_answers_of_a_server_are_reshaped(compat: ModuleType) -> None:
    import mlrun

    config = {
        "endpoints": {
            "POST:/p": {
                "path": "/p",
                "http_method": "POST",
                "output_body_mappings": {
                    "mappings": [{"source_path": "$.a", "destination_path": "b", "mandatory": True}]
                },
            }
        }
    }
    function = mlrun.new_function("shape", kind="serving")
    function.set_api_handler_config(config)
    graph = function.set_topology("flow", engine="sync")
    graph.to(name="same", handler=lambda body, x="": {**body, "x": x}).respond()
    server = function.to_mock_server()
    assert server.test("/p?x=1", {"a": 1, "c": 2}) == {"b": 1}
    with pytest.raises(RuntimeError, match=r"failed \(404\)"):
        server.test("/other", {"a": 1})
    with pytest.raises(RuntimeError, match=r"failed \(422\).*'b' not found"):
        server.test("/p", {"c": 2})
    server.http_trigger = False
    assert server.test("/p", {"a": 1}) == {"a": 1, "x": ""}


def test_a_response_of_a_step_is_given_whole(compat: ModuleType) -> None:
    import mlrun

    response = mlrun.serving.server.Response
    for full_event in (False, True):
        function = mlrun.new_function("whole", kind="serving")
        graph = function.set_topology("flow", engine="sync")
        graph.to(
            name="answer", handler=lambda given: response(body="ok"), full_event=full_event
        ).respond()
        found = function.to_mock_server().test("/", 1)
        assert (found.status_code, found.body) == (200, "ok")


def test_streams_exclude_other_triggers_and_jobs(compat: ModuleType) -> None:
    import mlrun

    function = mlrun.new_function("streams", kind="serving")
    function.set_topology("flow")
    function.add_trigger("k", {"kind": "kafka", "url": "kafka://h"})
    with pytest.raises(mlrun.errors.MLRunInvalidArgumentError, match="only supported with HTTP"):
        function.set_streaming()
    other = mlrun.new_function("streams", kind="serving")
    other.set_streaming()
    with pytest.raises(mlrun.errors.MLRunInvalidArgumentError, match="Cannot add non-HTTP"):
        other.add_trigger("k", {"kind": "kafka", "url": "kafka://h"})
    with pytest.raises(mlrun.errors.MLRunInvalidArgumentError, match="streaming is enabled"):
        other.to_job()


def test_v1_models(compat: ModuleType) -> None:
    import mlrun
    from mlrun.serving.v1_serving import MLModelServer

    class Summing(MLModelServer):
        def load(self) -> None:
            self.model = sum

        def predict(self, request: dict[str, Any]) -> Any:
            return [self.model(row) for row in request["instances"]]

    function = mlrun.new_function("v1", kind="serving")
    function.set_topology("router", protocol="v1")
    function.add_model("m", "/tmp", Summing)
    answer = function.to_mock_server().test("/v1/models/m/predict", {"instances": [[1, 2]]})
    assert 3 in next(value for value in answer.values() if isinstance(value, list))


def test_models_side_by_side(compat: ModuleType) -> None:
    import mlrun
    from mlrun.serving import Model, ModelSelector
    from mlrun.serving.states import ModelRunnerStep

    class Times(Model):
        def __init__(self, factor: int = 1, **options: Any) -> None:
            super().__init__(**options)
            self.factor = factor

        def predict(self, body: Any, **kwargs: Any) -> Any:
            if body["x"] < 0:
                raise ValueError("negative")
            return {"y": body["x"] * self.factor}

    class First(ModelSelector):
        def select(self, event: Any, available_models: Any) -> Any:
            return [available_models[0]] if event.body.get("one") else None

    step = ModelRunnerStep(name="runner", model_selector=First)
    step.add_model("m2", Times, "naive", factor=2)
    step.add_model("m3", Times(name="m3", factor=3), "thread_pool")
    with pytest.raises(mlrun.errors.MLRunInvalidArgumentError, match="already exists"):
        step.add_model("m2", Times, "naive")
    with pytest.raises(mlrun.errors.MLRunInvalidArgumentError, match="is invalid"):
        step.add_model("m4", Times, "gpu")
    function = mlrun.new_function("runner", kind="serving")
    function.set_topology("flow", engine="async").to(step).respond()
    server = function.to_mock_server()
    assert server.test(body={"x": 5}) == {"m2": {"y": 10}, "m3": {"y": 15}}
    assert server.test(body={"x": 5, "one": True}) == {"m2": {"y": 10}}
    with pytest.raises(RuntimeError, match="negative"):
        server.test(body={"x": -1})
    server.wait_for_completion()
    server.close()


def test_steps_of_ones_own_are_written(compat: ModuleType) -> None:
    from mlrun.serving.utils import StepToDict

    class Adding(StepToDict):
        def __init__(self, number: int = 0, name: str = "", **kwargs: Any) -> None:
            self.number, self.name, self.kwargs = number, name, kwargs

    document = Adding(3, more=4).to_dict()
    assert document["class_args"] == {"number": 3, "more": 4}
    assert document["name"] == "Adding"


def test_answers_are_reshaped(compat: ModuleType) -> None:
    from mlrun.serving.endpoint_mapping import APIHandlerConfig, BodyMappings
    from mlrun.serving.result_handler import ResultHandler

    mappings = BodyMappings()
    mappings.add_mapping("$.items[*].name", "names")
    mappings.add_mapping("$.best['it em'][0]", "best", mandatory=True)
    config = APIHandlerConfig()
    config.add_endpoint_handler("/models/{name}", "post", output_body_mappings=mappings)
    handler = ResultHandler(config)
    body = {"items": [{"name": "a"}, {"name": "b"}], "best": {"it em": [7]}}
    assert handler.apply("POST", "/models/m?x=1", body) == {"names": ["a", "b"], "best": 7}
    assert handler.apply("GET", "/models/m", body) is body
    assert handler.apply("nonsense", "/models/m", body) is body
    with pytest.raises(Exception, match="Mandatory field 'best' not found"):
        handler.apply("POST", "/models/m", {"items": []})
    with pytest.raises(Exception, match="not a dict"):
        handler.apply("POST", "/models/m", [1])
    with pytest.raises(ValueError, match="Invalid JSON path"):
        mappings.add_mapping("$.[", "x")
    with pytest.raises(ValueError, match="wildcard"):
        config.add_endpoint_handler("/a/*/b")
