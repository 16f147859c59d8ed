"""Callers that leave: what was started for them has ended when they are gone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from mlrun_like.errors import StepTimeoutError
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.server import GraphServer


class Watch:
    """Steps that wait, and tell when they begin and end."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []

    def step(self, name: str, slow_end: float = 0.0) -> Callable[[Any], Any]:
        async def waits(body: Any) -> Any:
            self.begun.append(name)
            try:
                await asyncio.sleep(30)
            finally:
                await asyncio.sleep(slow_end)
                self.ended.append(name)

        return waits


async def same_later(body: Any) -> Any:
    await asyncio.sleep(0)
    return body


async def leave(server: GraphServer, watch: Watch, count: int) -> None:
    """Ask, and leave once so many steps have begun."""
    task = asyncio.ensure_future(server.run_async(Event(1)))
    while len(watch.begun) < count:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(watch.ended) == sorted(watch.begun)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left


def branches(watch: Watch) -> Graph:
    graph = flow(engine="async")
    start = graph.to(same_later, "start")
    for name in ("a", "b", "c"):
        start.to(watch.step(name, 0.01), name)
    start.to(lambda body: body, "answer").respond()
    return graph


def test_leaving_ends_all_branches() -> None:
    watch = Watch()
    with branches(watch).to_mock_server() as server:
        asyncio.run(leave(server, watch, 3))
    assert sorted(watch.ended) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "options",
    [{"timeout": 20}, {"max_in_flight": 1}, {"retries": 3}, {"timeout": 20, "retries": 1}],
)
def test_leaving_ends_a_step_with_options(options: dict[str, Any]) -> None:
    watch = Watch()
    graph = flow()
    graph.to(watch.step("a", 0.01), "a").options(**options).respond()
    with graph.to_mock_server() as server:
        asyncio.run(leave(server, watch, 1))
        watch.begun.clear()
        watch.ended.clear()
        asyncio.run(leave(server, watch, 1))  # the place is free again


def test_leaving_with_a_deadline() -> None:
    watch = Watch()

    async def ask(server: GraphServer) -> None:
        event = Event(1)
        event.deadline = time.monotonic() + 60
        task = asyncio.ensure_future(server.run_async(event))
        while not watch.begun:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert watch.ended == ["a"]

    graph = flow()
    graph.to(watch.step("a", 0.01), "a").respond()
    with graph.to_mock_server() as server:
        asyncio.run(ask(server))


def test_a_failing_branch_waits_for_the_others() -> None:
    done: list[str] = []

    async def fails(body: Any) -> Any:
        raise ValueError("at once")

    async def slow(body: Any) -> Any:
        await asyncio.sleep(0.02)
        done.append("slow")
        return body

    graph = flow(engine="async")
    start = graph.to(same_later, "start")
    start.to(fails, "fails")
    start.to(slow, "slow").respond()
    with graph.to_mock_server() as server:
        response = asyncio.run(server.run_async(Event(1)))
        assert response.status_code == 500 and response.body["step"] == "fails"
        assert done == ["slow"]


def test_a_stream_ends_with_its_caller() -> None:
    ended: list[str] = []

    async def endless(body: int) -> AsyncIterator[int]:
        try:
            while True:
                await asyncio.sleep(0)
                yield body
        finally:
            await asyncio.sleep(0.005)
            ended.append("source")

    async def slow(body: int) -> int:
        try:
            await asyncio.sleep(30)
        finally:
            ended.append("step")
        return body

    graph = flow()
    graph.to(endless, "endless").to(slow, "slow").respond()

    async def ask(server: GraphServer) -> None:
        response = await server.run_async(Event(1))
        task = asyncio.ensure_future(anext(response.body))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == ["step", "source"]

    with graph.to_mock_server() as server:
        asyncio.run(ask(server))


def test_what_a_step_raises_after_its_time_is_nobodys_concern() -> None:
    async def stubborn(body: Any) -> Any:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            raise ValueError("too late to tell") from None

    graph = flow()
    graph.to(stubborn, "stubborn").options(timeout=0.01).respond()
    with graph.to_mock_server() as server:
        with pytest.raises(StepTimeoutError):
            server.test(body=1)

        async def ask(seconds: float) -> int:
            event = Event(1)
            event.deadline = time.monotonic() + seconds
            response = await server.run_async(event)
            await asyncio.sleep(0.02)  # an exception that nobody fetched would be logged
            return response.status_code

        assert asyncio.run(ask(60)) == 504
    graph["stubborn"].options(timeout=None)
    with graph.to_mock_server() as server:
        assert asyncio.run(ask(0.01)) == 504


def test_leaving_a_row_of_events_ends_those_under_way() -> None:
    watch = Watch()
    graph = flow()
    graph.to(watch.step("a", 0.01), "a").respond()

    async def ask(server: GraphServer) -> None:
        answers = server.stream_async(range(10), max_in_flight=4)
        task = asyncio.ensure_future(anext(answers))
        while len(watch.begun) < 4:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(watch.ended) == 4

    with graph.to_mock_server() as server:
        asyncio.run(ask(server))
