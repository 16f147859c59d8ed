"""Where the events go that a step emits of itself: by the clock, and at the end of the flow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from mlrun_like.errors import StepError
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.batching import Batch


class Sized(Batch):
    """Small lists go one way, large ones another."""

    def select_outlets(self, body: list[int]) -> list[str]:
        if body == [13]:
            raise ValueError("bad luck")
        return ["small"] if sum(body) < 100 else ["large"]


def noting(seen: list[Any], name: str, *, later: bool) -> Callable[[Any], Any]:
    def note(body: Any) -> Any:
        seen.append((name, body))
        return body

    async def note_later(body: Any) -> Any:
        await asyncio.sleep(0)
        return note(body)

    return note_later if later else note


def sized(seen: list[Any], *, later: bool, **arguments: Any) -> Graph:
    graph = Graph(allow_cyclic=True)
    head = graph.to(noting(seen, "head", later=False), "head")
    batch = head.to(Sized, "batch", **arguments)
    batch.to(noting(seen, "small", later=later), "small")
    batch.to(noting(seen, "large", later=later), "large")
    batch.cycle_to("head")
    return graph


both = pytest.mark.parametrize("later", [False, True], ids=["plain", "async"])


def until(seen: list[Any], count: int) -> None:
    end = time.monotonic() + 5
    while len(seen) < count and time.monotonic() < end:
        time.sleep(0.01)


@both
def test_what_is_held_at_the_end_goes_only_where_it_is_sent(later: bool) -> None:
    seen: list[Any] = []
    with sized(seen, later=later, max_events=2).to_mock_server() as server:
        for body in (1, 2, 300):
            server.test(body=body)
    assert [each for each in seen if each[0] != "head"] == [("small", [1, 2]), ("large", [300])]
    assert seen.count(("head", [300])) == 0, "it went a way back that it was not sent"


@both
def test_what_the_clock_emits_goes_only_where_it_is_sent(later: bool) -> None:
    seen: list[Any] = []
    graph = sized(seen, later=later, flush_after_seconds=0.02)
    with graph.to_mock_server() as server:
        server.test(body=300)
        until(seen, 2)
    assert seen == [("head", 300), ("large", [300])]


@both
def test_an_emitter_sends_only_where_the_step_says(later: bool) -> None:
    seen: list[Any] = []
    with sized(seen, later=later).to_mock_server() as server:
        plan = server.plan
        found = plan.emitter("batch", is_async=plan.is_async)(Event([1]))
        if plan.is_async:
            server.background.wait(found)
    assert seen == [("small", [1])]


@both
def test_a_choice_that_fails_at_the_end_reaches_the_handler_of_the_graph(later: bool) -> None:
    seen: list[Any] = []
    graph = sized(seen, later=later)
    graph.error_handler("mend", handler=lambda event: seen.append(event.error), full_event=True)
    with graph.to_mock_server() as server:
        server.test(body=13)
    assert seen == [("head", 13), {"batch": "ValueError: bad luck"}]


@both
def test_what_the_clock_emits_has_an_end_of_its_rounds(later: bool) -> None:
    rounds: list[int] = []
    told: list[Any] = []

    def fresh(body: Any) -> int:
        rounds.append(1)
        return 1

    graph = Graph(allow_cyclic=True, max_iterations=3)
    step = graph.to(fresh, "head").to("storey.Batch", "batch", flush_after_seconds=0.02)
    step.to(noting([], "on", later=later), "on").cycle_to("head")
    graph.error_handler("tell", handler=lambda event: told.append(event.error), full_event=True)
    with graph.to_mock_server() as server:
        server.test(body=1)
        until(told, 1)
        time.sleep(0.1)
    assert len(rounds) == 3
    assert "Max iterations exceeded in step 'head'" in str(told)


def test_what_is_made_of_several_events_is_as_old_as_the_oldest() -> None:
    """An event that joins at each round does not let the others go round for ever."""
    graph = Graph(allow_cyclic=True, max_iterations=5)
    step = graph.to(abs, "head", input_path="n").to("storey.Batch", "batch", max_events=2)
    step.to(lambda body: {"n": 1}, "on").cycle_to("head")
    with graph.to_mock_server() as server:
        for _ in range(5):
            server.test(body={"n": 1})
        with pytest.raises(StepError, match="Max iterations exceeded in step 'head'"):
            server.test(body={"n": 1})
