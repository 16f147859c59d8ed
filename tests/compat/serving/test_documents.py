"""Graphs as MLRun 1.12 writes them, and what a graph here cannot do."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.errors import GraphError, StepError


@pytest.fixture
def mlrun(compat: ModuleType) -> Any:
    """The old package."""
    import_module("mlrun.serving.states")
    return import_module("mlrun")


def fails(body: Any) -> Any:
    """A handler that does."""
    raise ValueError("too big")


class Asking:
    """A step that looks at the graph it is in."""

    def __init__(self, context: Any) -> None:
        self.context = context

    def do(self, body: Any) -> list[str]:
        return list(self.context.root.steps.keys())


def used(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "used": body.get("used", 0) + 1}


def told(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "told": True}


def _flow(mlrun: Any, **options: Any) -> tuple[Any, Any]:
    function = mlrun.new_function("served", kind="serving", project="demo")
    return function, function.set_topology("flow", **options)


def test_a_written_flow_is_read(mlrun: Any) -> None:
    document = {
        "kind": "root",
        "allow_cyclic": False,
        "max_iterations": None,
        "track_models": False,
        "model_endpoints_names": [],
        "shared_models": {},
        "steps": {"size": {"kind": "task", "handler": "builtins.abs", "cycle_from": []}},
    }
    server = mlrun.serving.GraphServer.from_dict({"graph": document})
    assert list(server.graph.steps.keys()) == ["size"]


def test_broken_shared_models_are_told(mlrun: Any) -> None:
    steps = {"a": {"kind": "task", "handler": "builtins.abs"}}
    document = {"kind": "root", "steps": steps, "shared_models": {"m": {}}}
    with pytest.raises(GraphError, match="no list of a class's name"):
        mlrun.serving.GraphServer.from_dict({"graph": document})


def test_an_agent_goes_round_until_it_has_an_answer(mlrun: Any) -> None:
    class Agent:
        def do(self, body: dict[str, Any]) -> dict[str, Any]:
            return {**body, "asked": body.get("asked", 0) + 1}

        def select_outlets(self, body: dict[str, Any]) -> list[str]:
            return ["tool"] if body["asked"] < 3 else ["final"]

    function, graph = _flow(mlrun, engine="async", allow_cyclic=True, max_iterations=5)
    agent = graph.to(Agent, name="agent")
    agent.to(handler="used", name="tool", cycle_to=["agent"], max_iterations=2)
    agent.to(handler="told", name="final").respond()
    assert (graph["agent"].cycle_from, graph["tool"].max_iterations) == (["tool"], 2)
    server = function.to_mock_server(namespace=globals())
    assert server.test(body={}) == {"asked": 3, "used": 2, "told": True}
    server.wait_for_completion()


def test_models_say_where_their_answers_go(mlrun: Any) -> None:
    class Count(mlrun.serving.Model):  # type: ignore[misc]
        def predict(self, body: Any, **kwargs: Any) -> Any:
            return {**body, "asked": body.get("asked", 0) + 1}

    class Outlets(mlrun.serving.ModelRunnerSelector):  # type: ignore[misc]
        def select_outlets(self, event: Any) -> Any:
            return ["tool"] if event["asked"] < 3 else ["final"]

    function, graph = _flow(mlrun, engine="async", allow_cyclic=True)
    runner = mlrun.serving.ModelRunnerStep(name="runner", model_runner_selector=Outlets())
    runner.add_model("one", model_class=Count, execution_mechanism="naive")
    agent = graph.to(runner)
    agent.to(handler="used", name="tool").cycle_to("runner")
    agent.to(handler="told", name="final").respond()
    server = function.to_mock_server(namespace=globals())
    assert server.test(body={}) == {"asked": 3, "used": 2, "told": True}
    server.wait_for_completion()


def test_ways_back_are_written_where_they_are_allowed(mlrun: Any) -> None:
    _, graph = _flow(mlrun, engine="async")
    first = graph.to(handler="abs", name="first")
    assert first.cycle_to([]) is first
    with pytest.raises(GraphError, match="cyclic graphs are not allowed, enable allow_cyclic"):
        first.to(handler="abs", name="again", cycle_to=["first"])
    assert first.to(handler="abs", name="after", cycle_to=None).class_args == {}
    root = mlrun.serving.states.RootFlowStep(allow_cyclic=True)
    assert (root.allow_cyclic, root.max_iterations) == (True, 100)


def test_steps_are_found_by_their_names(mlrun: Any) -> None:
    _, graph = _flow(mlrun)
    step = graph.to(handler="abs", name="size")
    assert graph.steps["size"] is step and "size" in graph.steps and "other" not in graph.steps
    assert dict(graph.steps.items()) == {"size": step} and graph.steps.get("other") is None
    assert graph.steps.values() == [step]
    with pytest.raises(KeyError):
        graph.steps["other"]


def test_a_step_sees_the_graph(mlrun: Any) -> None:
    function, graph = _flow(mlrun, engine="sync")
    graph.to("Asking", name="ask").to(handler="builtins.len", name="number")
    assert function.to_mock_server(namespace=globals()).test(body=1) == 2


@pytest.mark.parametrize("engine", ["sync", "async"])
def test_failing_calls_of_a_mock_server_have_their_status(mlrun: Any, engine: str) -> None:
    function, graph = _flow(mlrun, engine=engine)
    graph.to(handler="fails", name="fails").respond()
    server = function.to_mock_server(namespace=globals())
    with pytest.raises(RuntimeError, match=r"failed \(400\): ValueError: too big") as caught:
        server.test(body=1)
    assert isinstance(caught.value, StepError) and caught.value.step == "fails"
    assert server.test(body=1, silent=True).body == "ValueError: too big"
    server.wait_for_completion()


def test_steps_are_made_of_what_they_write(mlrun: Any) -> None:
    states = mlrun.serving.states
    task = states.TaskStep("Asking", class_args={"a": 1}, name="ask")
    assert states.TaskStep.from_dict(task.to_dict()).class_args == {"a": 1}
    router = states.RouterStep()
    router.add_route("m1", class_name="Asking")
    assert list(states.RouterStep.from_dict(router.to_dict()).routes) == ["m1"]
    queue = states.QueueStep("q", path="memory://q")
    assert states.QueueStep.from_dict(queue.to_dict()).path == "memory://q"


def test_models_that_fail_are_a_mistake_of_the_request(mlrun: Any) -> None:
    class Failing(mlrun.serving.Model):  # type: ignore[misc]
        def predict(self, body: Any, **kwargs: Any) -> Any:
            raise ValueError("too big")

    function, graph = _flow(mlrun, engine="async")
    runner = mlrun.serving.ModelRunnerStep(name="runner")
    runner.add_model("one", model_class=Failing, execution_mechanism="naive")
    graph.to(runner).respond()
    server = function.to_mock_server(namespace=globals())
    with pytest.raises(RuntimeError, match=r"failed \(400\): ModelRunnerError"):
        server.test(body={"n": 1})
    server.wait_for_completion()


def test_an_argument_named_as_mlruns_way_back(mlrun: Any) -> None:
    _, graph = _flow(mlrun)
    assert graph.to("Asking", name="ask", cycle_to=0).class_args == {"cycle_to": 0}
