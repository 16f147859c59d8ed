from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.maps import Extend, Filter, FlatMap, Flatten, ForEach, Map


async def add_one(body: int) -> int:
    await asyncio.sleep(0)
    return body + 1


@pytest.mark.parametrize("step", [Map, Filter, FlatMap, Extend, ForEach])
def test_functions_must_be_callable(step: Any) -> None:
    for value in (None, 5, "double"):
        with pytest.raises(TypeError, match="Expected a callable"):
            step(value)
    with pytest.raises(ValueError, match="cannot be used in conjunction with a coroutine"):
        step(add_one, long_running=True)
    with pytest.raises(TypeError, match="fn_select_outlets"):
        step(abs, fn_select_outlets=3)


def test_the_call_of_a_map_is_the_users_function_itself() -> None:
    function = lambda body: body + 1  # noqa: E731
    assert Map(function).do is function
    assert Filter(function).do is function
    assert asyncio.iscoroutinefunction(Map(add_one).do)


def test_a_long_running_step_blocks() -> None:
    assert Map(abs, long_running=True).blocking
    assert not Map(abs).blocking
    assert not Map.blocking


def test_the_context_is_passed_on_demand() -> None:
    def described(body: Any, context: Any) -> Any:
        return body, context

    assert Map(described, pass_context=True, context="server").do(1) == (1, "server")


def test_for_each_keeps_whatever_the_function_gives() -> None:
    seen: list[int] = []
    assert ForEach(seen.append).do(0) is True
    assert seen == [0]

    async def see(body: int) -> None:
        seen.append(body)

    assert asyncio.run(ForEach(see).do(5)) is True  # type: ignore[arg-type]
    assert seen == [0, 5]


def test_extend_adds_fields_to_the_body() -> None:
    def next_to(part: int) -> dict[str, int]:
        return {"b": part + 1}

    event = Event({"a": 1})
    assert Extend(next_to, input_path="a").do_event(event) is event
    assert event.body == {"a": 1, "b": 2}
    whole = Extend(lambda event: {"k": event.key}, full_event=True)
    assert whole.do_event(Event({"a": 1}, key="x")).body == {"a": 1, "k": "x"}


def test_extend_may_be_async() -> None:
    async def fields(body: dict[str, int]) -> dict[str, int]:
        return {"b": body["a"] + 1}

    assert asyncio.run(Extend(fields).do_event(Event({"a": 1}))).body == {"a": 1, "b": 2}


def test_flat_map_keeps_id_key_and_time() -> None:
    event = Event([1, 2], id="i", key="k", time=0)
    made = list(Flatten().process(event))
    assert [(e.body, e.id, e.key, e.time) for e in made] == [
        (1, "i", "k", event.time),
        (2, "i", "k", event.time),
    ]


def test_flat_map_puts_each_result_in_a_body_of_its_own() -> None:
    step = FlatMap(lambda part: [part, part + 1], input_path="a", result_path="r")
    event = Event({"a": 1})
    assert [e.body for e in step.process(event)] == [{"a": 1, "r": 1}, {"a": 1, "r": 2}]
    assert event.body == {"a": 1}


def test_flat_map_of_events_and_of_generators() -> None:
    step = FlatMap(lambda event: [event.with_body(n) for n in event.body], full_event=True)
    assert [e.body for e in step.process(Event([1, 2]))] == [1, 2]
    assert [e.body for e in FlatMap(lambda body: iter("ab")).process(Event(0))] == ["a", "b"]
    assert list(FlatMap(lambda body: []).process(Event(0))) == []


def test_flat_map_may_be_async() -> None:
    async def twice(body: int) -> list[int]:
        return [body, body]

    step: Any = FlatMap(twice)
    made = asyncio.run(step.process(Event(3)))
    assert [event.body for event in made] == [3, 3]


def test_flatten_never_takes_the_event() -> None:
    assert [e.body for e in Flatten(full_event=True, name="f").process(Event("ab"))] == ["a", "b"]
