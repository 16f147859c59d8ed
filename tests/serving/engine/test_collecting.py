"""What may be between a step that streams and the one that collects its values, or the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from mlrun_like.errors import GraphError
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Step
from mlrun_like.serving.server import GraphServer


def count(body: int) -> Iterator[int]:
    yield from range(body)


async def count_later(body: int) -> AsyncIterator[int]:
    for number in range(body):
        await asyncio.sleep(0)
        yield number


async def same_later(body: Any) -> Any:
    await asyncio.sleep(0)
    return body


def text(body: Any) -> str:
    return str(body)


class All(Step):
    gathers = True

    def collected(self, values: list[Any]) -> Any:
        return tuple(values)

    def do(self, body: Any) -> Any:
        return ("single", body)


class Copies(Step):
    """As many events as the body says."""

    kind = "many"

    def process(self, event: Event) -> list[Event]:
        return [event.with_body(f"{event.body}.{number}") for number in range(event.body)]


class Odd(Step):
    kind = "filter"

    def do(self, body: int) -> bool:
        return body % 2 == 1


class Picks(Step):
    kind = "choice"

    def select_outlets(self, body: int) -> str:
        return "odd" if body % 2 else "even"


def answers(server: GraphServer, body: Any) -> list[Any]:
    """The answer to a plain caller and to a loop, streams as lists."""

    async def ask() -> Any:
        found = (await server.run_async(Event(body))).body
        return [value async for value in found] if hasattr(found, "__aiter__") else found

    found = server.test(body=body)
    return [found if isinstance(found, tuple) else list(found), asyncio.run(ask())]


@pytest.fixture(params=[count, count_later], ids=["plain", "async"])
def source(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_steps_that_make_several_events_of_a_value(source: Any) -> None:
    graph = flow()
    graph.to(source, "count").to(Copies, "copies").to(same_later, "same").to(All, "all").respond()
    with graph.to_mock_server() as server:
        assert answers(server, 4) == [("1.0", "2.0", "2.1", "3.0", "3.1", "3.2")] * 2
    graph = flow()
    graph.to(source, "count").to(Copies, "copies").to(text, "text").respond()
    with graph.to_mock_server() as server:
        assert answers(server, 4) == [["1.0", "2.0", "2.1", "3.0", "3.1", "3.2"]] * 2
    graph = flow()
    graph.to(source, "count").to(Copies, "copies").respond()
    with graph.to_mock_server() as server:
        assert answers(server, 3) == [["1.0", "2.0", "2.1"]] * 2


def test_filters_and_steps_that_others_join(source: Any) -> None:
    graph = flow(engine="async")
    graph.to(source, "count").to(Odd, "odd").to(same_later, "meet").to(All, "all").respond()
    other = graph.to(handler="('other')", name="other")
    graph["meet"].after_step(other)
    graph["all"].responder = False
    seen: list[Any] = []
    graph["all"].to(seen.append, "note")
    with graph.to_mock_server() as server:
        server.test(body=5)
        server.wait_for_completion()
    assert set(seen) == {("single", "other"), (1, 3)} and len(seen) == 2


def forked(last: Any, streams: bool = False) -> Graph:
    graph = flow()
    picks = graph.to(count, "count").to(same_later, "row").to(abs, "number").to(Picks, "picks")
    picks.to(count if streams else same_later, "odd")
    picks.to(same_later, "even")
    graph.add_step(last, "last", after=["odd", "even"]).respond()
    return graph


def test_forks_before_the_answer_are_fine_but_not_before_a_collector() -> None:
    with forked(text).to_mock_server() as server:
        assert answers(server, 3) == [["0", "1", "2"]] * 2
    with pytest.raises(GraphError, match="'last' collects the values of 'count', so no fork"):
        forked(All).to_mock_server()
    with pytest.raises(GraphError, match="'odd' would stream for each value of 'count'"):
        forked(text, streams=True).to_mock_server()


def test_an_error_handler_between(source: Any) -> None:
    def fails_on_2(body: int) -> int:
        if body == 2:
            raise ValueError(body)
        return body

    graph = flow()
    risky = graph.to(source, "count").to(fails_on_2, "risky")
    risky.to(handler="(event * 10)", name="times").to(All, "all").respond()
    risky.error_handler("minus", handler="(-event)", before="times")
    with graph.to_mock_server() as server:
        assert answers(server, 4) == [(0, 10, -20, 30)] * 2
    graph = flow()
    risky = graph.to(source, "count").to(fails_on_2, "risky")
    risky.to(handler="(event * 10)", name="times").to(All, "all").respond()
    risky.error_handler("minus", handler="(-event)")
    with graph.to_mock_server() as server:
        assert answers(server, 4) == [(0, 10, -2, 30)] * 2
