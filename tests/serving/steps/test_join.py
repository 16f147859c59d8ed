"""JoinWithTable: which attributes reach which bodies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving import flow
from mlrun_like.serving.event import DROP, Event
from mlrun_like.serving.steps.drivers import NoopDriver
from mlrun_like.serving.steps.drivers_file import FileDriver
from mlrun_like.serving.steps.join import JoinWithTable, JoinWithV3IOTable
from mlrun_like.serving.steps.tables import Table, open_table


@pytest.fixture
def table() -> Table:
    made = Table("test", NoopDriver())
    made["2"] = {"age": 2, "color": "blue"}
    made["3"] = {"age": 3, "color": "red"}
    return made


def test_left_join(table: Table) -> None:
    step = JoinWithTable(table, "col1")
    assert step.do({"col1": 2, "age": 9}) == {"col1": 2, "age": 2, "color": "blue"}
    assert step.do({"col1": 7}) == {"col1": 7}
    assert JoinWithTable(table, lambda body: body["a"]["b"]).do({"a": {"b": 3}})["age"] == 3


def test_inner_join_and_function(table: Table) -> None:
    def join(body: dict[str, Any], found: dict[str, Any]) -> Any:
        return None if found["age"] == 3 else {**body, "paint": found["color"]}

    step = JoinWithTable(table, "col1", inner_join=True, join_function=join)
    assert [step.do({"col1": number}) for number in range(4)] == [
        DROP,
        DROP,
        {"col1": 2, "paint": "blue"},
        DROP,
    ]
    plain = JoinWithTable(table, "col1", join_function=lambda body, found: found["color"])
    with pytest.raises(KeyError):
        plain.do({"col1": 7})


@pytest.mark.parametrize("attributes", [["color", "height"], "color, height"])
def test_attributes(table: Table, attributes: Any) -> None:
    assert JoinWithTable(table, "k", attributes).do({"k": "3"}) == {"k": "3", "color": "red"}
    assert JoinWithTable(table, "k", "*").do({"k": "3"})["age"] == 3


def test_full_event(table: Table) -> None:
    step = JoinWithTable(table, "col1", full_event=True)
    event = step.do(Event({"col1": 2}))
    assert event.body == {"col1": 2, "age": 2, "color": "blue"}
    by_key = JoinWithTable(table, lambda event: event.key, full_event=True)
    assert by_key.do(Event({}, key=3)).body == {"age": 3, "color": "red"}


def test_by_driver_and_path(tmp_path: Path) -> None:
    driver = FileDriver(str(tmp_path / "t.db"))
    table = Table("users", driver)
    table["ann"] = {"age": 31}
    table.flush()
    step = JoinWithV3IOTable(driver, lambda body: body["u"], lambda body, found: found, "users")
    assert step.do({"u": "ann"}) == {"age": 31}
    assert step.do({"u": "bob"}) is DROP
    step.close()
    assert step.do({"u": "ann"}) == {"age": 31}
    step.close()
    table.close()


def test_in_a_graph() -> None:
    open_table("memory://join-users")["ann"] = {"age": 31}
    graph = flow()
    graph.to(
        "storey.JoinWithTable", "join", table="memory://join-users", key_extractor="user",
        input_path="req", result_path="joined",
    ).respond()  # fmt: skip
    server = type(graph).from_yaml(graph.to_yaml()).to_mock_server()
    answer = server.test(body={"req": {"user": "ann"}})
    assert answer["joined"] == {"user": "ann", "age": 31}
    server.wait_for_completion()


def test_what_cannot_be_joined(table: Table) -> None:
    step = JoinWithTable(table, "k")
    bodies: list[Any] = [{}, [1], None, "text"]
    for body in bodies:
        with pytest.raises(InvalidArgumentError, match="the body has no 'k'"):
            step.do(body)
    with pytest.raises(TypeError, match="joined with dictionaries"):
        JoinWithTable(table, lambda body: 2).do([1])
    for key in (5, "", None):
        with pytest.raises(TypeError, match="callable or string"):
            JoinWithTable(table, key)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="join_function"):
        JoinWithTable(table, "k", join_function="f")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no context"):
        JoinWithTable("users", "k")
