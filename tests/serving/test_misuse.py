"""What a user who gets it wrong is told: every mistake names the step, and says what to do."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import GraphError, InvalidArgumentError, MLRunLikeError
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.models import V2ModelServer


def inc(body: int) -> int:
    return body + 1


class Scale:
    def __init__(self, factor: int) -> None:
        self.factor = factor

    def do(self, body: int) -> int:
        return body * self.factor

    def both(self, body: int, other: int) -> int:
        return body + other


class Double(V2ModelServer):
    def load(self) -> None:
        self.model = 2

    def predict(self, request: dict[str, Any]) -> list[Any]:
        return [self.model * row for row in request["inputs"]]


def nothing() -> int:
    return 1


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"class_name": "nopackage.steps.Scale"}, "no module 'nopackage'"),
        ({"class_name": "collections.Countr"}, "'collections' has no 'Countr'.*'Counter'"),
        ({"class_name": "Scal"}, "no 'Scal' in the calling module. Did you mean 'Scale'"),
        ({"class_name": "math.pi"}, "float has no method do_event, do or __call__"),
        ({"class_name": "os.path"}, "module has no method"),
        ({"class_name": 5}, "int has no method"),
        ({"class_name": Scale}, "missing a required argument: 'factor'"),
        ({"class_name": Scale, "factor": 2, "fctor": 3}, "no argument 'fctor'.*'factor'"),
        ({"class_name": Scale, "factor": 2, "handler": "od"}, "no method 'od'"),
        ({"class_name": Scale, "factor": 2, "handler": "both"}, "required argument: 'other'"),
        ({"class_name": inc, "more": 1}, "no argument 'more'"),
        ({"class_name": nothing}, "called with the body.*too many positional"),
        ({"handler": "(event +"}, "is not an expression"),
        ({"name": "empty"}, "neither a class nor a function"),
        ({"class_name": "storey.Filter"}, "missing a required argument: 'fn'"),
        ({"class_name": "storey.Filter", "fn": 5}, "fn=5"),
        ({"class_name": "storey.Batch", "max_events": 0}, "max_events must be at least 1"),
        ({"class_name": "$queue", "name": "q"}, "queue without path="),
        ({"class_name": "*", "name": "r"}, "router without routes"),
    ],
)
def test_a_step_that_means_nothing(named: dict[str, Any], message: str) -> None:
    graph = flow()
    graph.add_step(**{"name": "wrong", **named})
    with pytest.raises(GraphError, match=message) as caught:
        graph.to_mock_server()
    assert repr({"name": "wrong", **named}["name"]) in str(caught.value)


def test_a_module_that_cannot_be_imported(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "broken_steps.py").write_text("raise RuntimeError('no disk')")
    monkeypatch.syspath_prepend(tmp_path)
    graph = flow()
    graph.to("broken_steps.Scale", "scale")
    with pytest.raises(
        GraphError, match=r"step 'scale': importing 'broken_steps' failed: .*no disk"
    ):
        graph.to_mock_server()
    sys.modules.pop("broken_steps", None)


def test_constructors_that_fail_are_all_named() -> None:
    class Fails:
        def __init__(self) -> None:
            raise OSError("no disk")

        def do(self, body: int) -> int:
            return body

    class FailsLater(Fails):
        def __init__(self) -> None:
            pass

        def post_init(self) -> None:
            raise RuntimeError("no network")

    graph = flow()
    graph.to(Fails, "one").to(FailsLater, "two").to(inc, "fine").respond()
    with pytest.raises(GraphError) as caught:
        graph.to_mock_server()
    assert "step 'one': OSError: no disk" in str(caught.value)
    assert "step 'two': RuntimeError: no network" in str(caught.value)


@pytest.mark.parametrize(
    ("router", "options", "message"),
    [
        ("TrafficSplit", {"weights": {"a": 0, "b": 0}}, "all weights are 0"),
        ("TrafficSplit", {"weights": {"a": -1}}, "weight of 'a' is -1"),
        ("TrafficSplit", {"weights": {"c": 1}}, "weight for 'c', but no such route"),
        ("TrafficSplit", {"sticky": "user"}, "sticky 'user' is not"),
        ("ShadowRouter", {"main": "c"}, "no route 'c'"),
        ("ShadowRouter", {"main": "a", "shadows": ["c"]}, "no route 'c'"),
        ("ShadowRouter", {"main": "a", "shadows": ["a"]}, "its own shadow"),
        ("VotingEnsemble", {"vote_type": "best"}, "vote_type 'best' is not one of"),
        ("VotingEnsemble", {"weights": {"c": 1}}, "weight for 'c', but no such route"),
        ("ParallelRun", {"executor_type": "gpu"}, "executor_type 'gpu' is not one of"),
    ],
)
def test_routers_say_which_option_is_wrong(
    router: str, options: dict[str, Any], message: str
) -> None:
    graph = flow()
    made: Any = graph.to(f"*{router}", "routes", **options)
    made.add_route("a", class_name=Double)
    made.add_route("b", class_name=Double)
    made.respond()
    with pytest.raises(GraphError, match=message):
        graph.to_mock_server()


def test_mistakes_of_functions() -> None:
    fn: Any = ml.new_function("wrong", kind="serving")
    with pytest.raises(GraphError, match="nothing to serve"):
        fn.to_mock_server()
    graph = fn.set_topology("flow")
    with pytest.raises(InvalidArgumentError, match="no router to add models to"):
        fn.add_model("m", class_name=Double, model_path="x")
    graph.to("*", "one")
    graph.add_step("*", "two")
    with pytest.raises(InvalidArgumentError, match=r"several routers \(one, two\)"):
        fn.add_model("m", class_name=Double, model_path="x")
    with pytest.raises(InvalidArgumentError, match="no router named 'three'"):
        fn.add_model("m", class_name=Double, model_path="x", router_step="three")
    with pytest.raises(MLRunLikeError, match="mlrun-like serve"):
        fn.deploy(target="nuclio")


@pytest.mark.parametrize(
    "text",
    [
        "", "- 1", "steps: []", "steps: {a: 5}", "steps: {a: {class_name: 5}}",
        "steps: {a: {handler: builtins.abs, after: {}}}", "steps: {a: {kind: flow}}",
        "steps: {a: {handler: builtins.abs, options: {retries: x}}}", "steps: {a: {kind: tsk}}",
        "!!python/object/apply:os.system ['true']", "{" * 300,
        "steps: {1: {handler: builtins.abs}}",
    ],
)  # fmt: skip
def test_documents_that_are_no_graphs(text: str) -> None:
    with pytest.raises(GraphError):
        Graph.from_yaml(text)
