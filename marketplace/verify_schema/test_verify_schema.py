"""VerifySchema in a graph that is served, and alone."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from functools import cache
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.marketplace.importing import import_module

EVENT = {"id": 1, "name": "ann", "active": True}


def graph_function(**arguments: Any) -> Any:
    """A serving function with the step alone."""
    fn: Any = ml.new_function("checked", kind="serving")
    graph = fn.set_topology("flow", engine="async")
    graph.to("hub://verify_schema", "check", **arguments).respond()
    return fn


def test_events_with_the_fields_pass_and_others_name_what_is_wrong() -> None:
    server = graph_function(schema=["id", "name", "active"]).to_mock_server()
    assert server.test("/", body=dict(EVENT)) == EVENT
    with pytest.raises(Exception, match=r"missing keys \{'active'\} in event: \{'id': 1"):
        server.test("/", body={"id": 1, "name": "ann"})
    with pytest.raises(Exception, match=r"unexpected keys \{'extra', 'more'\} in event"):
        server.test("/", body={**EVENT, "extra": 1, "more": 2})
    server.wait_for_completion()


def test_unexpected_keys_may_be_allowed() -> None:
    server = graph_function(schema=["id"], allow_unexpected_keys=True).to_mock_server()
    assert server.test("/", body=dict(EVENT)) == EVENT
    with pytest.raises(Exception, match="missing keys"):
        server.test("/", body={})


def test_a_caller_over_http_is_told() -> None:
    with ml.serving.serve(graph_function(schema=["id"])) as server:
        with urllib.request.urlopen(server.url, data=b'{"id": 3}') as answer:
            assert json.load(answer) == {"id": 3}
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(server.url, data=b'{"x": 3}')
        assert 400 <= caught.value.code < 500
        assert "missing keys {'id'}" in caught.value.read().decode()


@cache
def module() -> Any:
    """The item's code."""
    return import_module("hub://verify_schema")


def step(*args: Any, **arguments: Any) -> Any:
    """The step as an object."""
    return module().VerifySchema(*args, **arguments)


@pytest.mark.parametrize(
    ("schema", "event", "said"),
    [
        ({"id": "int"}, {"id": "7"}, "'id' is a str, not int"),
        ({"id": "int"}, {"id": True}, "'id' is a bool, not int"),
        ({"id": "int?"}, {"id": 1.5}, "'id' is a float, not int"),
        ({"user": {"name": "str"}}, {"user": {}}, "in 'user': missing keys {'name'}"),
        ({"user": {"name": "str"}}, {"user": [1]}, "in 'user': the event is a list"),
        (["id"], [{"id": 1}, {}], "row 1: missing keys"),
        (["id"], "text", "the event is a str, not a dictionary"),
        (["id"], None, "the event is a NoneType"),
        ([], {1: 2, "a": 3}, "unexpected keys {'a', 1}"),
    ],
)
def test_what_does_not_fit(schema: Any, event: Any, said: str) -> None:
    with pytest.raises(KeyError) as caught:
        step(schema).do(event)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("schema", "event"),
    [
        ({"x": "float", "note": "str?"}, {"x": 2}),
        ({"note": "str?"}, {"note": None}),
        ({"n": int, "l": "list", "d": "dict", "any": "any"}, {"n": 1, "l": [], "d": {}, "any": 0}),
        (["id"], [{"id": 1}, {"id": 2}]),
        ([], {}),
    ],
)
def test_what_fits(schema: Any, event: Any) -> None:
    assert step(schema).do(event) is event


def test_errors_are_short_however_large_the_event_is() -> None:
    with pytest.raises(KeyError) as caught:
        step([]).do({f"column_{i}": "x" * 1000 for i in range(20_000)})
    assert len(str(caught.value)) < 1200


@pytest.mark.parametrize("schema", ["id", 7, None, {"id": "integer"}])
def test_schemas_that_cannot_be_used(schema: Any) -> None:
    with pytest.raises(ml.errors.InvalidArgumentError, match=r"schema|unknown type"):
        step(schema)
