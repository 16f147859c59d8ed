from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.state import MapWithState
from mlrun_like.serving.steps.tables import Table
from mlrun_like.serving.stream_flow.context import Context


def bodies(step: MapWithState, *events: Event) -> list[Any]:
    return [made.body for event in events for made in step.process(event)]


def count(body: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    state["seen"] = state.get("seen", 0) + 1
    return {"body": body, "seen": state["seen"]}, state


def test_one_state_for_all_events() -> None:
    step = MapWithState(1000, lambda body, state: (state, body))
    assert bodies(step, *map(Event, range(4))) == [1000, 0, 1, 2]
    step.begin()
    assert bodies(step, Event(7)) == [1000]


def test_whole_events() -> None:
    def tagged(event: Event, state: int) -> tuple[Event, int]:
        event.body = [event.body, state]
        return event, state + 1

    step = MapWithState(0, tagged, full_event=True)
    assert bodies(step, Event("a"), Event("b")) == [["a", 0], ["b", 1]]


def test_paths() -> None:
    step = MapWithState(
        10, lambda part, state: (part + state, state), input_path="a", result_path="r"
    )
    assert bodies(step, Event({"a": 1})) == [{"a": 1, "r": 11}]


def test_a_state_for_each_key_in_a_dictionary() -> None:
    states: dict[Any, Any] = {"old": {"seen": 5}}
    step = MapWithState(states, count, group_by_key=True)
    keys = ["new", "old", "new", ["a", 1]]
    assert [b["seen"] for b in bodies(step, *(Event(0, key=key) for key in keys))] == [1, 6, 2, 1]
    assert states == {"old": {"seen": 6}, "new": {"seen": 2}, "a.1": {"seen": 1}}


def test_a_state_for_each_key_in_a_table() -> None:
    table = Table("states")
    table["tal"] = {"color": "blue"}

    def enrich(body: dict[str, Any], state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        body["color"] = state.get("color")
        state["counter"] = state.get("counter", 0) + 1
        return body, state

    step = MapWithState(table, enrich, group_by_key=True)
    made = bodies(step, *(Event({}, key=key) for key in ("tal", "dina", "tal")))
    assert made == [{"color": "blue"}, {"color": None}, {"color": "blue"}]
    assert (table["tal"], table["dina"]) == ({"color": "blue", "counter": 2}, {"counter": 1})


def test_a_table_is_found_in_the_context_by_its_url() -> None:
    table = Table("states")
    context = Context(initial_tables={"v3io:///box/states": table})
    step = MapWithState("v3io:///box/states", count, group_by_key=True, context=context)
    assert step.initial_state is table
    with pytest.raises(TypeError, match="but there is no context"):
        MapWithState("v3io:///box/states", count, group_by_key=True)


def test_text_may_be_a_state() -> None:
    assert bodies(MapWithState("a", lambda body, state: (state + body, state)), Event("b")) == [
        "ab"
    ]


def test_async_functions_are_awaited() -> None:
    async def add(body: int, state: int) -> tuple[int, int]:
        await asyncio.sleep(0)
        return body + state, state + 1

    async def count_async(body: Any, state: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return count(body, state)

    async def main() -> list[Any]:
        plain = MapWithState(0, add)
        by_key = MapWithState({}, count_async, group_by_key=True)
        found = [await plain.process(Event(n)) for n in (1, 1)]  # type: ignore[misc]
        found += [await by_key.process(Event(n, key="k")) for n in (1, 1)]  # type: ignore[misc]
        return [made.body for events in found for made in events]

    assert asyncio.run(main()) == [1, 2, {"body": 1, "seen": 1}, {"body": 1, "seen": 2}]


def test_a_state_that_can_be_closed_is_closed() -> None:
    class Closable:
        closed = 0

        def close(self) -> None:
            self.closed += 1

    state = Closable()
    MapWithState(state, lambda body, state: (body, state)).close()
    assert state.closed == 1
    MapWithState(5, lambda body, state: (body, state)).close()


def test_mistakes() -> None:
    with pytest.raises(TypeError, match="Expected a callable"):
        MapWithState(0, 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="cannot hold a state for each key"):
        MapWithState(0, count, group_by_key=True)
