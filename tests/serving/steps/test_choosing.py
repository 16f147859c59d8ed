from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, StepError
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.steps.choosing import ChoiceByField


def sorted_by_kind() -> Graph:
    graph = flow()
    graph.to("ChoiceByField", "by", field_name="kind")
    graph.add_step(handler="({'cat': event['x']})", name="cat", after="by")
    graph.add_step(handler="({'dog': event['x']})", name="dog", after="by")
    graph.add_step(handler="(event)", name="end", after=["cat", "dog"]).respond()
    return graph


@pytest.mark.parametrize("name", ["ChoiceByField", "mlrun.serving.steps.ChoiceByField"])
def test_each_event_goes_where_its_field_says(name: str) -> None:
    graph = sorted_by_kind()
    graph["by"].class_name = name
    server = Graph.from_yaml(graph.to_yaml()).to_mock_server()
    for kind in ("cat", "dog"):
        assert server.test(body={"kind": kind, "x": 1}) == {kind: 1}
    assert server.test(body={"kind": ["dog"], "x": 2}) == {"dog": 2}
    with pytest.raises(StepError, match=r"named .*fish.*"):
        server.test(body={"kind": "fish", "x": 1})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"x": 1}, r"'kind' is not in the body \(keys \['x'\]\)"),
        ([1], r"'kind' is not in the body \(list\)"),
        ({"kind": None}, "it is None"),
        ({"kind": []}, "is empty"),
        ({"kind": ""}, "is empty"),
        ({"kind": 5}, "must be a text or a list of texts, not int"),
    ],
)
def test_bodies_that_say_nothing_of_use(body: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        ChoiceByField("kind").select_outlets(body)
    if body == {"kind": 5}:
        with pytest.raises(TypeError):
            ChoiceByField("kind").select_outlets(body)


def test_several_names() -> None:
    for names in (["a", "b"], ("a", "b")):
        assert ChoiceByField("to").select_outlets({"to": names}) == names
