"""Graphs cut into functions."""

from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.errors import GraphError
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.queues.split import Part, part_of, split


def three() -> Graph:
    graph = flow(parameters={"limit": 1})
    graph.to(abs, "a").to(">>", "q1", path="memory://q1", shards=2).to(abs, "b", function="f1")
    graph.add_step(">>", "q2", after="b", path="memory://q2", group="mine")
    graph.add_step(abs, "c", after="q2", function="f2")
    graph.add_step(abs, "d", after="c", function="f2")
    graph.add_step(">>", "end", after="d", path="memory://end")
    return graph


def names(part: Part) -> list[str]:
    return [step.name for step in part.graph.steps]


def test_each_function_gets_its_steps_its_queue_and_its_outputs() -> None:
    parts = split(three())
    assert list(parts) == ["", "f1", "f2"]
    assert [names(part) for part in parts.values()] == [["a", "q1"], ["b", "q2"], ["c", "d", "end"]]
    sources = [part.source.name if part.source else None for part in parts.values()]
    assert sources == [None, "q1", "q2"]
    assert [part.group for part in parts.values()] == ["", "f1-consumer-group", "mine"]
    assert parts["f1"].graph["b"].after == []
    assert parts["f1"].graph.parameters == {"limit": 1}


def test_queues_between_functions_carry_events_and_know_their_readers() -> None:
    parts = split(three())
    q1, q2, end = (parts[f].outputs[0].class_args for f in ("", "f1", "f2"))
    assert (q1["full_event"], q1["groups"], q1["shards"]) == (True, ["f1-consumer-group"], 2)
    assert (q2["full_event"], q2["groups"]) == (True, ["mine"])
    assert "groups" not in end
    assert not end.get("full_event")


def test_a_queue_may_ask_for_bodies_only() -> None:
    graph = flow()
    graph.to(">>", "q", path="memory://q").to(abs, function="f")
    graph["q"].class_args["full_event"] = False  # in documents: options
    assert split(graph)[""].outputs[0].class_args["full_event"] is False


def test_splitting_changes_nothing_in_the_graph() -> None:
    graph = three()
    before = graph.to_dict()
    split(graph)
    assert graph.to_dict() == before
    assert graph["b"].after == ["q1"]


def test_a_read_graph_splits_the_same_way() -> None:
    graph = Graph.from_yaml(three().to_yaml())
    assert [names(part) for part in split(graph).values()] == [
        ["a", "q1"], ["b", "q2"], ["c", "d", "end"],
    ]  # fmt: skip


def test_one_queue_several_readers() -> None:
    graph = flow()
    graph.to(">>", "q", path="memory://q")
    graph.add_step(abs, "one", after="q", function="f1")
    graph.add_step(abs, "two", after="q", function="f2")
    parts = split(graph)
    assert parts[""].outputs[0].class_args["groups"] == ["f1-consumer-group", "f2-consumer-group"]
    assert [names(parts[f]) for f in ("f1", "f2")] == [["one"], ["two"]]


def test_branches_routers_and_queues_within_a_function() -> None:
    graph = flow()
    graph.to(">>", "q", path="memory://q")
    graph.add_step(abs, "first", after="q", function="f")
    graph.add_step(">>", "inner", after="first", path="")
    graph.add_step(abs, "left", after="inner", function="f")
    graph.add_step(abs, "right", after="first", function="f")
    graph.add_step(">>", "out1", after="left", path="memory://out1")
    graph.add_step(">>", "out2", after="right", path="memory://out2")
    part = split(graph)["f"]
    assert names(part) == ["first", "inner", "left", "right", "out1", "out2"]
    assert [queue.name for queue in part.outputs] == ["out1", "out2"]


def test_only_the_function_that_callers_reach_answers() -> None:
    graph = flow()
    graph.to(abs, "a").respond().to(">>", "q", path="memory://q")
    graph.add_step(abs, "b", after="q", function="f")
    assert split(graph)[""].graph["a"].responder
    graph = flow()
    graph.to(">>", "q", path="memory://q").to(abs, "b", function="f").respond()
    assert not split(graph)["f"].graph["b"].responder


def test_error_handlers_go_where_their_steps_are() -> None:
    graph = three()
    graph.error_handler("catch", handler="builtins.repr")
    graph["d"].error_handler("own", handler="builtins.repr", function="f2")
    parts = split(graph)
    assert [("catch" in names(part), "own" in names(part)) for part in parts.values()] == [
        (True, False), (True, False), (True, True),
    ]  # fmt: skip
    assert all(part.graph.on_error == "catch" for part in parts.values())
    assert parts["f2"].graph["d"].on_error == "own"


def test_steps_of_every_function() -> None:
    graph = flow()
    graph.to(abs, "a", function="*").to(">>", "q", path="memory://q")
    graph.add_step(abs, "b", after="q", function="f")
    graph.add_step(abs, "c", after="b", function="*")
    parts = split(graph)
    assert names(parts[""]) == ["a", "q"]
    assert names(parts["f"]) == ["b", "c"]


def _follows_directly() -> Graph:
    graph = flow()
    graph.to(abs, "a").to(abs, "b", function="f")
    return graph


def _without_function() -> Graph:
    graph = flow()
    graph.to(">>", "q", path="memory://q").to(abs, "b")
    return graph


def _two_queues() -> Graph:
    graph = flow()
    graph.to(">>", "q1", path="memory://q1").to(abs, "a", function="f")
    graph.add_step(">>", "q2", path="memory://q2")
    graph.add_step(abs, "b", after="q2", function="f")
    return graph


def _foreign_handler() -> Graph:
    graph = three()
    graph["b"].error_handler("catch", handler="builtins.repr", function="f2")
    return graph


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (_follows_directly, "'b' of function 'f' follows 'a' of the graph's own function without"),
        (_without_function, "'b' must specify a function, because it follows the queue 'q'"),
        (_two_queues, "function 'f' reads several queues"),
        (_foreign_handler, "error handler 'catch' in another function"),
    ],
)
def test_mistakes_are_named(make: Any, text: str) -> None:
    with pytest.raises(GraphError) as info:
        split(make())
    assert text in str(info.value)


def test_an_unknown_function_lists_those_that_exist() -> None:
    with pytest.raises(GraphError, match="no function 'f3'") as info:
        part_of(three(), "f3")
    assert "functions: f1, f2" in str(info.value)
