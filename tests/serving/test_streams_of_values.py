"""Steps that give their values one by one, and what follows them."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from mlrun_like.errors import GraphError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import DROP, Event
from mlrun_like.serving.protocol import Step


def same(body: Any) -> Any:
    return body


def inc(body: int) -> int:
    return body + 1


async def inc_later(body: int) -> int:
    await asyncio.sleep(0)
    return body + 1


class Small(Step):
    kind = "maybe"

    def do(self, body: int) -> Any:
        return DROP if body > 100 else body


@pytest.fixture(params=[inc, inc_later], ids=["plain", "async"])
def add(request: pytest.FixtureRequest) -> Any:
    return request.param


def chunks(body: int) -> Iterator[int]:
    yield from range(body)


async def chunks_later(body: int) -> AsyncIterator[int]:
    for number in range(body):
        await asyncio.sleep(0)
        yield number


def test_a_generator_step_streams_through_the_graph() -> None:
    graph = flow()
    graph.to(inc, "first").to(chunks, "chunks").to(inc, "each").to(Small, "small").respond()
    server = graph.to_mock_server()
    answer = server.test(body=2)
    assert inspect.isgenerator(answer) and list(answer) == [1, 2, 3]
    assert server.test(body=1, get_body=False).is_stream


def test_an_async_generator_streams_through_the_graph() -> None:
    graph = flow()
    graph.to(chunks_later, "chunks").to(inc_later, "each").respond()
    with graph.to_mock_server() as server:

        async def collect() -> list[int]:
            response = await server.run_async(Event(3))
            return [value async for value in response.body]

        assert asyncio.run(collect()) == [1, 2, 3]


def test_leaving_a_stream_closes_the_generator() -> None:
    closed: list[str] = []

    def endless(body: int) -> Iterator[int]:
        try:
            while True:
                yield body
        finally:
            closed.append("plain")

    async def endless_later(body: int) -> AsyncIterator[int]:
        try:
            while True:
                await asyncio.sleep(0)
                yield body
        finally:
            closed.append("async")

    graph = flow()
    graph.to(endless, "endless").to(inc, "each").respond()
    answer = graph.to_mock_server().test(body=1)
    assert next(answer) == 2
    answer.close()
    graph = flow()
    graph.to(endless_later, "endless").to(inc, "each").respond()

    async def leave(server: Any) -> None:
        response = await server.run_async(Event(1))
        assert await anext(response.body) == 2
        await response.body.aclose()

    with graph.to_mock_server() as server:
        asyncio.run(leave(server))
    assert closed == ["plain", "async"]


class Gather(Step):
    gathers = True

    def collected(self, values: list[int]) -> list[int]:
        return values

    def do(self, body: list[int]) -> list[int]:
        return body


@pytest.mark.parametrize("source", [chunks, chunks_later])
def test_a_collector_ends_a_stream(source: Any, add: Any) -> None:
    graph = flow()
    graph.to(source, "one").to(add, "each").to(Gather, "all").to(sum, "sum").to(
        add, "end"
    ).respond()
    with graph.to_mock_server() as server:
        assert server.test(body=3) == 7


def test_wrong_streams_are_refused() -> None:
    graph = flow(engine="async")
    first = graph.to(chunks, "one")
    first.to(chunks, "two").respond()
    first.to(same, "three")
    with pytest.raises(GraphError, match="only one step can follow"):
        graph.to_mock_server()
    graph = flow()
    graph.to(chunks, "one").to(same, "mid").to(chunks, "two")
    with pytest.raises(GraphError, match="Streaming on top of streaming"):
        graph.to_mock_server()
    graph = flow(engine="async")
    graph.to(chunks, "one").respond().to(same, "late")
    with pytest.raises(GraphError, match="nothing can follow it"):
        graph.to_mock_server()


def test_an_error_in_a_stream_comes_after_the_values_before_it() -> None:
    def breaks(body: int) -> Iterator[int]:
        yield body
        raise ValueError("mid-stream")

    graph = flow()
    graph.to(breaks, "breaks").to(inc, "each").respond()
    answer = graph.to_mock_server().test(body=1)
    assert next(answer) == 2
    with pytest.raises(ValueError, match="mid-stream"):
        next(answer)


def test_plain_callers_get_plain_iterators() -> None:
    graph = flow()
    graph.to(chunks_later, "chunks").to(inc_later, "each").respond()
    with graph.to_mock_server() as server:
        assert list(server.test(body=3)) == [1, 2, 3]
        assert [list(answer) for answer in server.stream([1, 2])] == [[1], [1, 2]]


def test_options_have_no_place_on_a_stream() -> None:
    graph = flow()
    graph.to(chunks, "chunks").options(timeout=1)
    with pytest.raises(GraphError, match="'chunks' gives a stream: timeout"):
        graph.to_mock_server()
