from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import GraphError, InvalidArgumentError, MLRunLikeError
from mlrun_like.serving import V2ModelServer
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.definition.step import GraphStep, RouterStep
from mlrun_like.serving.event import Event
from mlrun_like.serving.models.voting import VotingEnsemble
from mlrun_like.serving.protocol import Step
from mlrun_like.serving.steps.maps import Map
from mlrun_like.serving.steps.merging import Merge


class Scale:
    def __init__(self, factor: int = 2) -> None:
        self.factor = factor

    def do(self, body: Any) -> Any:
        return body * self.factor


class Size(V2ModelServer):
    def load(self) -> None:
        self.model = len

    def predict(self, request: dict[str, Any]) -> list[int]:
        return [self.model(value) for value in request["inputs"]]


class Named:
    """An object with MLRun's form of a definition."""

    def __init__(self, word: str = "", name: str = "") -> None:
        self.word, self.name = word, name

    def to_dict(self) -> dict[str, Any]:
        return {
            "class_name": f"{__name__}.Named",
            "name": self.name,
            "class_args": {"word": self.word},
            "input_path": "a",
            "result_path": "b",
        }

    def do(self, body: Any) -> Any:
        return f"{self.name}:{self.word}{body}"


class Thing:
    def to_dict(self) -> dict[str, Any]:
        return {"color": "red"}

    def do(self, body: Any) -> Any:
        return body


def catch(event: Event) -> Event:
    event.body = {"caught": event.error}
    return event


def add(body: int, amount: int) -> int:
    return body + amount


def again(graph: Graph) -> Graph:
    """The graph after a trip through each form; all of them say the same."""
    document = graph.to_dict()
    for read in (
        Graph.from_dict(json.loads(json.dumps(document))),
        Graph.from_yaml(graph.to_yaml()),
        Graph.from_yaml(json.dumps(document)),
        Graph.from_dict(Graph.from_dict(document).to_dict()),
    ):
        assert read.to_dict() == document
    return read


def test_plain_steps() -> None:
    graph = flow(parameters={"limit": 3})
    graph.to(Scale, "scale", factor=3, input_path="x", result_path="y.z", graph_shape="box")
    graph.add_step(add, "more", after="scale", amount=4, input_path="y.z")
    graph.to(handler="(event)", name="expression", function="*").comment = "why"
    graph["more"].respond()
    graph["expression"].after_step("scale")
    made = again(graph)
    assert made.parameters == {"limit": 3} and made["scale"].shape == "box"
    assert made["expression"].comment == "why" and made["expression"].function == "*"
    assert made.to_mock_server().test(body={"x": 2}) == 10


def test_options() -> None:
    graph = flow()
    graph.to(Scale).options(
        timeout=2.5, retries=3, backoff=0.5, max_in_flight=4, blocking=True,
        batching={"max_rows": 8},
    )  # fmt: skip
    assert again(graph)["Scale"].call_options == graph["Scale"].call_options
    document = graph.to_dict()
    document["steps"]["Scale"]["options"]["timeout"] = -1
    with pytest.raises(GraphError, match="step 'Scale': timeout must be"):
        Graph.from_dict(document)
    document["steps"]["Scale"]["options"] = {"timeuot": 1}
    with pytest.raises(GraphError, match=r"no option 'timeuot'\. Did you mean 'timeout'"):
        Graph.from_dict(document)


def test_routers() -> None:
    graph = flow()
    router = graph.to("*", "models", input_path="in", result_path="out")
    assert isinstance(router, RouterStep)
    router.add_route("a", class_name=Size, model_path=".")
    router.add_route("b:v2", class_name=Size).options(retries=1)
    router.add_route("far", class_name="$remote", url="http://host/x")
    router.add_route("plain", handler=add, amount=1)
    router.respond()
    made = again(graph)
    found = made["models"]
    assert isinstance(found, RouterStep) and list(found.routes) == ["a", "b:v2", "far", "plain"]
    assert found.routes["b:v2"].call_options.retries == 1
    answer = made.to_mock_server().test("/v2/models/a/infer", {"in": {"inputs": ["abc"]}})
    assert answer["out"]["outputs"] == [3]


def test_a_router_inside_a_router() -> None:
    graph = Graph()
    outer = graph.to("*", "outer")
    inner = RouterStep(graph, "", class_name=VotingEnsemble, class_args={"vote_type": "regression"})
    inner.add_route("x", class_name=Size)
    assert isinstance(outer, RouterStep)
    outer.add_route("both", inner)
    routes = again(graph)["outer"].to_dict()["routes"]
    assert routes["both"]["kind"] == "router" and list(routes["both"]["routes"]) == ["x"]


def test_the_graph_that_is_a_router() -> None:
    document = {
        "kind": "router",
        "class_name": "mlrun.serving.routers.VotingEnsemble",
        "class_args": {"vote_type": "regression"},
        "routes": {
            "m1": {"class_name": f"{__name__}.Size", "class_args": {"model_path": "."}},
            "m2": {"class_name": f"{__name__}.Size"},
        },
    }
    graph = again(Graph.from_dict(document))
    assert graph.kind == "router"
    answer = graph.to_mock_server().test("/v2/models/infer", {"inputs": ["ab", ""]})
    assert answer["outputs"] == [2.0, 0.0]


def test_queues() -> None:
    graph = Graph()
    queue = graph.to(Scale).to(
        ">>", "q", path="kafka://host/topic", shards=4, retention_in_hours=2,
        trigger_args={"x": 1}, group="readers", full_event=True,
    )  # fmt: skip
    queue.to(Scale, "reader", function="child")
    graph.add_step("$queue", "inside", after="reader", path="")
    made = again(graph)
    assert made["q"].class_args == {
        "path": "kafka://host/topic", "shards": 4, "retention_in_hours": 2,
        "trigger_args": {"x": 1}, "group": "readers",
    }  # fmt: skip
    assert made["q"].full_event and made["q"].kind == "queue"
    assert made["inside"].class_args == {"path": ""}


def test_error_handlers() -> None:
    graph = flow()
    first = graph.to("(event['x'])", "first")
    first.error_handler("own", handler=catch, full_event=True, before="last2")
    first.to(handler="(event / 0)", name="second").to(handler="(event)", name="last2").respond()
    graph.error_handler("all", handler=catch, full_event=True)
    made = again(graph)
    assert made.on_error == "all" and made["own"].kind == "error_step"
    assert made["first"].on_error == "own" and made["own"].before == ["last2"]


def test_error_handlers_work_after_the_trip() -> None:
    graph = flow()
    first = graph.to(name="first", handler="(event['x'])")
    last = first.to(name="last", handler="({'last': event})").respond()
    first.error_handler("own", handler=catch, full_event=True, before=last.name)
    assert again(graph).to_mock_server().test(body={}) == {
        "last": {"caught": {"first": "KeyError: 'x'"}}
    }


def test_nested_flows_are_written_step_by_step() -> None:
    inner = flow()
    inner.to(Scale, "one").to(Scale, "two", factor=5).respond()
    inner.error_handler("oops", handler=catch, full_event=True)
    graph = flow()
    graph.to(handler="(event + 1)", name="plus").to(inner, "in").to(handler="(event - 1)", name="m")
    made = again(graph)
    names = [step.name for step in made.steps]
    assert names == ["plus", "in/one", "in/two", "in/oops", "m"]
    assert made.to_mock_server().test(body=1) == 19


def test_nested_flows_of_documents() -> None:
    document: dict[str, Any] = {
        "kind": "root",
        "engine": "sync",
        "steps": {
            "a": {"handler": "(event + 1)"},
            "in": {
                "kind": "flow",
                "after": ["a"],
                "steps": {
                    "x": {"handler": "(event * 2)"},
                    "deep": {
                        "kind": "flow",
                        "after": "x",
                        "steps": {"y": {"handler": "(event * 3)"}},
                    },
                },
            },
            "b": {"handler": "(-event)", "after": ["in/deep/y"]},
        },
    }
    graph = again(Graph.from_dict(document))
    assert [step.name for step in graph.steps] == ["a", "in/x", "in/deep/y", "b"]
    assert graph.to_mock_server().test(body=1) == -12
    document["steps"]["b"]["after"] = ["in"]
    with pytest.raises(GraphError, match="comes after 'in', which does not exist"):
        Graph.from_dict(document).to_mock_server()


def test_objects_are_written_as_classes_with_arguments() -> None:
    graph = flow()
    graph.to(Named("w", name="n")).to(Merge(name="m", expected_num_events=1)).to(Map(str))
    graph.to(Size(name="sizes", model_path="."))
    document = again(graph).to_dict()["steps"]
    assert document["n"] == {
        "kind": "task", "class_name": f"{__name__}.Named", "class_args": {"word": "w"},
        "after": [], "input_path": "a", "result_path": "b",
    }  # fmt: skip
    assert document["m"]["class_args"] == {"expected_num_events": 1}
    assert document["Map"]["class_args"] == {"_fn": "builtins.str"}
    assert document["sizes"]["class_args"] == {"model_path": "."}


def test_an_object_that_says_nothing_of_its_making_cannot_be_written() -> None:
    graph = flow()
    graph.to(Thing(), "thing")
    assert graph.to_mock_server().test(body=1) == 1
    with pytest.raises(GraphError, match=r"step 'thing' holds .*Thing object.* no importable name"):
        graph.to_dict()


def test_a_given_name_goes_before_that_of_the_object() -> None:
    graph = flow()
    graph.to(Named("w", name="n"), "mine", input_path="x")
    assert graph["mine"].input_path == "x" and graph["mine"].result_path == "b"
    assert graph.to_mock_server().test(body={"x": 1})["b"] == "mine:w1"


def test_foreign_documents_keep_working() -> None:
    document = {
        "kind": "root",
        "engine": "sync",
        "final_step": None,
        "steps": {
            "s1": {
                "kind": "task", "class_name": f"{__name__}.Scale", "class_args": None,
                "after": None, "skip_context": True, "state": "x", "default_class": "",
            }
        },
    }  # fmt: skip
    assert Graph.from_dict(document).to_mock_server().test(body=2) == 4


def test_a_part_of_a_graph() -> None:
    steps: dict[str, Any] = {
        "a": {"handler": "(event + 1)"},
        "b": {"handler": "(event * 10)", "after": ["a"], "on_error": "oops"},
        "side": {"handler": "(event)", "after": ["a"]},
        "c": {"handler": "(event + 2)", "after": ["b"]},
        "oops": {"kind": "error_step", "handler": "(0)"},
    }
    document: dict[str, Any] = {"engine": "sync", "steps": steps}
    graph = Graph.from_dict({**document, "from_step": "b"})
    assert [step.name for step in graph.steps] == ["b", "c", "oops"]
    server = graph.to_mock_server()
    assert server.test(body=1) == 12 and server.test(body={}) == 0
    assert Graph.from_dict({**document, "final_step": "b"}).to_mock_server().test(body=1) == 20
    for key in ("from_step", "final_step"):
        with pytest.raises(GraphError, match=f"{key} 'sid' does not exist. Did you mean 'side'"):
            Graph.from_dict({**document, key: "sid"})


def test_steps_alone() -> None:
    graph = flow()
    step = graph.to(Scale, factor=3)
    assert yaml.safe_load(step.to_yaml()) == step.to_dict()


def test_steps_between_others() -> None:
    graph = flow()
    graph.to(handler="([*event, 1])", name="a").to(handler="([*event, 3])", name="c")
    spare = GraphStep(Graph(), "", handler="([*event, 2])")
    made = graph.insert_step("b", spare, before="c")
    assert made is graph["b"] and made.after == ["a"] and graph["c"].after == ["b"]
    graph.add_step(handler="([*event, 4])", name="d", after="$prev")
    assert graph["d"].after == ["b"]
    graph.remove_steps(["d"])
    assert again(graph).to_mock_server().test(body=[]) == [1, 2, 3]
    graph.add_step(handler="([*event, 0])", name="first", before="a")
    assert graph.to_mock_server().test(body=[]) == [0, 1, 2, 3]
    graph.remove_steps()
    assert not graph.steps


def test_a_step_before_several_takes_the_place_of_their_ways() -> None:
    graph = flow()
    graph.to(handler="([event])", name="a")
    graph.add_step(handler="(event + [1])", name="b", after="a")
    graph.add_step(handler="(event + [2])", name="c", after="a").respond()
    graph.add_step(handler="(event + [0])", name="mid", before=["b", "c"])
    assert graph["mid"].after == ["a"] and graph["b"].after == graph["c"].after == ["mid"]
    assert graph.to_mock_server().test(body=9) == [9, 0, 2]
    graph.add_step(handler="(event)", name="loop", after="c", before="c")
    with pytest.raises(GraphError, match="the steps form a loop"):
        graph.to_mock_server()
    with pytest.raises(GraphError, match="no step 'nowhere'"):
        graph.add_step(handler="(event)", name="x", before="nowhere")
    with pytest.raises(GraphError, match=r"'\$prev' is the step added last"):
        Graph().add_step(abs, after="$prev")


def test_a_step_that_takes_no_class_by_mistake() -> None:
    class Alone(Step):
        def do(self, body: Any) -> Any:
            return body

    graph = flow()
    graph.to(Alone)
    with pytest.raises(GraphError, match="no importable name"):
        graph.to_yaml()


BROKEN: list[tuple[Any, str]] = [
    (None, "a graph document is a mapping"),
    ([], "a graph document is a mapping"),
    ("steps", "a graph document is a mapping"),
    ({}, "a graph document is a mapping with 'steps'"),
    ({"steps": []}, "'steps': {name: {...}}"),
    ({"kind": "router", "steps": {}}, "'routes'"),
    ({"kind": "rooter", "steps": {}}, "graph kind 'rooter' is not one of"),
    ({"kind": ["flow"], "steps": {}}, "graph kind"),
    ({"steps": {}, "stps": 1}, "unknown key 'stps'. Did you mean 'steps'"),
    ({"steps": {}, 5: 1}, "unknown key 5"),
    ({"steps": {}, "parameters": [1]}, "parameters must be dict"),
    ({"steps": {"a": None}}, "step 'a' must be a name with a mapping"),
    ({"steps": {None: {}}}, "step None must be a name with a mapping"),
    ({"steps": {"a": {"kind": "tsk"}}}, "step 'a': kind 'tsk' is not one of"),
    ({"steps": {"a": {"kind": {}}}}, "step 'a': kind {} is not one of"),
    ({"steps": {"a": {"class_args": []}}}, "step 'a': class_args must be dict"),
    ({"steps": {"a": {"after": 3}}}, "step 'a': after must be list, not 3"),
    ({"steps": {"a": {"after": [3]}}}, "step 'a': after must hold names, not 3"),
    ({"steps": {"a": {"before": [None]}}}, "step 'a': before must hold names"),
    ({"steps": {"a": {"full_event": "yes"}}}, "full_event must be bool, not 'yes'"),
    ({"steps": {"a": {"class_name": 5}}}, "class_name must be str"),
    ({"steps": {"q": {"kind": "queue", "shards": "many"}}}, "shards must be int"),
    ({"steps": {"r": {"kind": "router", "routes": {"x": 5}}}}, "route 'x' must be a name with a"),
    ({"steps": {"r": {"kind": "router", "routes": {"x": {"kind": "queu"}}}}}, "kind 'queu'"),
    ({"steps": {"f": {"kind": "flow"}}}, "step 'f' is a flow without steps"),
    ({"steps": {"f": {"kind": "flow", "steps": {}}}}, "the flow 'f' has 0 ends"),
    ({"steps": {"f": {"kind": "flow", "steps": {"x": 1}}}}, "must be a name with a mapping"),
    ({"steps": {}, "engine": 5}, "engine must be str"),
    ({"steps": {}, "on_error": ["x"]}, "on_error must be str"),
    ({"kind": "router", "routes": {}, "class_args": 3}, "class_args must be dict"),
]


@pytest.mark.parametrize(("document", "message"), BROKEN, ids=range(len(BROKEN)))
def test_broken_documents_name_the_place(document: Any, message: str) -> None:
    with pytest.raises(GraphError) as caught:
        Graph.from_dict(document)
    assert message in str(caught.value) and "graph document" in str(caught.value)


def test_all_mistakes_are_named_at_once() -> None:
    document = {"steps": {"a": {"clas_name": 1, "after": 2}, "b": {"kind": "x"}}, "engin": 1}
    with pytest.raises(GraphError) as caught:
        Graph.from_dict(document)
    for part in ("clas_name", "after must be", "kind 'x'", "engin"):
        assert part in str(caught.value)


def nested(depth: int) -> dict[str, Any]:
    document: dict[str, Any] = {"handler": "(event)"}
    for _ in range(depth):
        document = {"kind": "flow", "steps": {"x": document}}
    return {"engine": "sync", "steps": {"x": document}}


def test_deep_documents() -> None:
    assert len(Graph.from_dict(nested(40)).steps) == 1
    with pytest.raises(GraphError, match="too deep"):
        Graph.from_dict(nested(5000))
    text = "{steps: {x: " + "{kind: flow, steps: {x: " * 3000 + "}}" * 3000 + "}}"
    with pytest.raises(GraphError):
        Graph.from_yaml(text)
    routes: dict[str, Any] = {"class_name": "x"}
    for _ in range(5000):
        routes = {"kind": "router", "routes": {"x": routes}}
    with pytest.raises(GraphError, match="too deep"):
        Graph.from_dict({"steps": {"x": routes}})


def test_large_documents() -> None:
    steps = {
        f"s{i}": {"handler": "(event)", "after": [f"s{i - 1}"] if i else []} for i in range(4000)
    }
    graph = Graph.from_dict({"engine": "sync", "steps": steps})
    assert len(graph.steps) == 4000 and graph.to_dict()["steps"].keys() == steps.keys()


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    for data in (b"\xff\xfe\x00", b"steps: {a: &x {after: *x}}", b"!!python/name:os.system ''"):
        path.write_bytes(data)
        with pytest.raises(GraphError):
            Graph.from_yaml(path)
    path.write_text("a: &a [x, x]\nb: &b [*a, *a]\nsteps: {s: {class_args: {v: *b}}}\n")
    with pytest.raises(GraphError, match="unknown key 'a'"):
        Graph.from_yaml(path)
    with pytest.raises(GraphError, match="cannot be read"):
        Graph.from_yaml(tmp_path)


def test_values_that_yaml_cannot_write() -> None:
    graph = flow()
    graph.to(Scale, factor=object())
    with pytest.raises(GraphError, match=r"step 'Scale'.*factor"):
        graph.to_yaml()
    graph = flow()
    graph.to(Scale, factor=(1, 2))
    assert Graph.from_yaml(graph.to_yaml())["Scale"].class_args == {"factor": [1, 2]}


_WORDS = st.sampled_from(["a", "b", "steps", "kind", "router", "flow", "queue", "after", "", "x/y"])
_KEYS = st.sampled_from(
    ["a", "b", "kind", "steps", "routes", "class_name", "class_args", "handler", "after", "before",
     "full_event", "on_error", "options", "path", "engine", "parameters", "responder"]
)  # fmt: skip
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(_KEYS, _VALUES, max_size=6), st.dictionaries(_KEYS, _VALUES, max_size=4))
def test_any_document_gives_a_graph_or_a_named_mistake(document: Any, steps: Any) -> None:
    for found in (document, {**document, "steps": steps, "kind": "flow"}):
        try:
            graph = Graph.from_dict(found)
            assert Graph.from_dict(graph.to_dict()).to_dict() == graph.to_dict()
            graph.to_mock_server()
        except MLRunLikeError as exc:
            assert isinstance(exc, InvalidArgumentError)
