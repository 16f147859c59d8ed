"""Ways back as they are declared, written, read, nested and drawn."""

from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.errors import GraphError, InvalidArgumentError
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.web.openapi import openapi_document
from tests.serving.engine.test_loops import Ask, Body, answer, loop, mend, tell, use

MODULE = "tests.serving.engine.test_loops"


def named(graph: Graph) -> dict[str, Any]:
    """The document of a graph of classes and functions of this module."""
    for step in graph.steps:
        for key in ("class_name", "handler"):
            value = getattr(step, key)
            if value and not isinstance(value, str):
                setattr(step, key, f"{MODULE}.{value.__name__}")
    return graph.to_dict()


def test_ways_back_must_be_allowed() -> None:
    graph = Graph()
    first = graph.to(use, "first")
    told = "cyclic graphs are not allowed, enable allow_cyclic"
    with pytest.raises(GraphError, match=told) as caught:
        first.to(use, "second", cycle_to=["first"])
    assert "flow(allow_cyclic=True)" in caught.value.fix and "set_topology(" in caught.value.fix
    with pytest.raises(GraphError, match="enable allow_cyclic"):
        first.cycle_to("first")
    assert first.cycle_to([]) is first


def test_a_way_back_leads_to_a_step_that_is_there() -> None:
    graph = Graph(allow_cyclic=True)
    with pytest.raises(GraphError, match=r"no step 'frist'\. Did you mean 'first'"):
        graph.to(use, "first").to(use, "second").cycle_to("frist")


def test_mistakes_of_ways_back_are_all_told() -> None:
    graph = Graph(allow_cyclic=True)
    graph.to(use, "first").to(use, "second")
    graph.add_step(use, name="aside", after="first").cycle_to("second")
    graph["first"].cycle_from = ["lost"]
    with pytest.raises(GraphError) as caught:
        graph.to_mock_server()
    assert "'aside' leads back to 'second', which does not come before it" in str(caught.value)
    assert "'lost' leads back to 'first', but does not exist" in str(caught.value)


def test_a_route_of_a_router_is_no_place_to_go_back_to() -> None:
    graph = Graph(allow_cyclic=True)
    router: Any = graph.to("*", "models")
    router.add_route("m1", handler=use)
    with pytest.raises(GraphError, match="no step 'm1'"):
        graph["models"].to(Ask, "ask").cycle_to("m1")


def test_no_way_leads_back_to_a_merge() -> None:
    graph = Graph(allow_cyclic=True)
    graph.to(use, "first").to("Merge", "join").to(Ask, "ask").to(use, "use").cycle_to("join")
    graph.add_step(tell, name="tell", after="ask").respond()
    with pytest.raises(GraphError, match="'join' merges branches, so no way can lead back to it"):
        graph.to_mock_server()


def test_a_mistake_in_a_way_back_adds_nothing() -> None:
    graph = Graph(allow_cyclic=True)
    with pytest.raises(GraphError, match="no step 'akk'"):
        graph.to(Ask, "ask").to(use, "use", cycle_to=["akk"])
    assert [step.name for step in graph.steps] == ["ask"]


def test_a_flow_that_is_put_in_may_lead_back() -> None:
    inner = Graph()
    inner.to(use, "first").to(use, "last")
    graph = Graph(allow_cyclic=True)
    graph.to(Ask, "ask", more="inner").to(inner, "inner", cycle_to=["ask"])
    graph.add_step(tell, name="tell", after="ask").respond()
    assert answer(graph, {})["used"] == [1, 1, 2, 2]


def test_a_step_before_a_loop_keeps_its_way_back() -> None:
    graph = loop()
    graph.add_step(mend, name="pre", before="ask")
    assert (graph["pre"].after, graph["ask"].earlier) == ([], ["pre"])
    assert answer(Graph.from_dict(named(graph)), {})["mended"] is True


@pytest.mark.parametrize("first", ["ask", "use"])
def test_a_loop_may_be_entered_anywhere(first: str) -> None:
    read = Graph.from_dict({**named(loop(stop=2)), "from_step": first})
    assert {step.name for step in read.steps} == {"ask", "use", "tell"}
    used = [0, 1] if first == "use" else [1]
    assert answer(read, {}) == {"asked": 2, "used": used, "told": True}
    assert answer(Graph.from_dict(read.to_dict()), {})["used"] == used


@pytest.mark.parametrize("most", ["5", -1, 0.5, True])
def test_how_often_is_a_whole_number(most: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="max_iterations must be a whole number from 1"):
        Graph(allow_cyclic=True, max_iterations=most)
    with pytest.raises(InvalidArgumentError, match="max_iterations must be a whole number from 1"):
        Graph(allow_cyclic=True).to(use, "use", max_iterations=most)
    graph = loop()
    graph["use"].max_iterations = most
    with pytest.raises(InvalidArgumentError, match="step 'use'"):
        graph.to_mock_server()


def test_a_class_may_have_arguments_of_these_names() -> None:
    class Limited:
        def __init__(self, max_iterations: int = 1, cycle_to: int = 0) -> None:
            self.most = max_iterations + cycle_to

        def do(self, body: Body) -> Body:
            return {"most": self.most}

    graph = Graph()
    graph.to(Limited, "limited", max_iterations=5, cycle_to=0).respond()
    assert answer(graph, {}) == {"most": 5}


def test_the_schema_of_who_answers_in_a_loop() -> None:
    class Told(Ask):
        def do(self, body: Body) -> Body:
            return super().do(body)

    graph = Graph(allow_cyclic=True)
    graph.to(Told, "ask", end="Complete").respond().to(use, "use").cycle_to("ask")
    document = openapi_document(graph, graph.to_mock_server().plan)
    content = document["paths"]["/"]["post"]["responses"]["200"]["content"]
    assert content["application/json"]["schema"]["type"] == "object"


def test_a_choice_beside_a_call_is_not_awaited() -> None:
    class Later(Ask):
        async def select_outlets(self, body: Body) -> list[str]:  # type: ignore[override]
            return ["use"]

    with pytest.raises(GraphError, match="select_outlets is async"):
        loop(Later).to_mock_server()


def test_queues_are_no_part_of_ways_back() -> None:
    graph = Graph(allow_cyclic=True)
    graph.to(use, "first").to(">>", "waiting", path="").cycle_to("first")
    with pytest.raises(GraphError, match="do not begin or end at queues"):
        graph.to_mock_server()


def test_streams_are_no_part_of_loops() -> None:
    def values(body: Body) -> Any:
        yield body

    graph = Graph(allow_cyclic=True)
    graph.to(Ask, "ask").to(values, "use").cycle_to("ask")
    graph.add_step(tell, name="tell", after="ask").respond()
    with pytest.raises(GraphError, match="'use' can be reached again by a way back, so values of"):
        graph.to_mock_server()


def test_a_written_loop_is_read() -> None:
    graph = loop(f"{MODULE}.Ask", f"{MODULE}.use", most=7, stop=3)
    graph["tell"].handler, graph["use"].max_iterations = f"{MODULE}.tell", 4
    written = graph.to_dict()
    assert (written["allow_cyclic"], written["max_iterations"]) == (True, 7)
    assert written["steps"]["ask"]["after"] == written["steps"]["ask"]["cycle_from"] == ["use"]
    read = Graph.from_yaml(graph.to_yaml())
    assert read.to_dict() == written
    assert answer(read, {})["asked"] == 3


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("cycle_from", 5, "cycle_from must be list"),
        ("cycle_from", [5], "cycle_from must hold names"),
        ("max_iterations", "many", "max_iterations must be int"),
    ],
)
def test_broken_documents_are_told(key: str, value: Any, says: str) -> None:
    with pytest.raises(GraphError, match=says):
        Graph.from_dict({"steps": {"a": {"handler": "builtins.abs", key: value}}})


def test_a_flow_with_a_loop_is_put_into_another() -> None:
    outer = Graph()
    outer.to(use, "before").to(loop(stop=3), "agent").to(use, "after").respond()
    found = answer(outer, {})
    assert (found["asked"], found["used"], found["told"]) == (3, [0, 1, 2, 3], True)


def test_a_loop_that_is_put_in_leaves_the_answer_of_the_outer_graph() -> None:
    outer = Graph()
    asking = outer.to(Ask, "first", more="aside", end="aside").respond()
    asking.to(use, "aside").to(loop(f"{MODULE}.Ask"), "agent")
    assert not outer.allow_cyclic, "its author allowed no ways back"
    assert answer(outer, {}) == {"asked": 1}
    assert answer(Graph.from_dict(named(outer)), {}) == {"asked": 1}
    with pytest.raises(GraphError, match="enable allow_cyclic"):
        outer["agent/tell"].cycle_to("first")


def test_who_answers_in_a_loop_that_is_put_in_does_so_when_it_chooses_to() -> None:
    inner = Graph(allow_cyclic=True)
    inner.to(Ask, "ask", end="Complete").respond().to(use, "use").cycle_to("ask")
    outer = Graph()
    outer.to(inner, "agent").respond()
    assert answer(outer, {}) == {"asked": 3, "used": [1, 2]}


def test_a_picture_shows_ways_back() -> None:
    picture = loop().plot()
    assert "n1 -. again .-> n0" in picture.mermaid and "n0 --> n1" in picture.mermaid
    assert 'class="edge back"' in picture.svg and "start → ask" in picture.svg
