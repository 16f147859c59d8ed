"""Options of a step: time limits, retries, limits of concurrency, threads."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from mlrun_like.errors import (
    GraphError,
    InvalidArgumentError,
    NotFoundError,
    StepError,
    StepTimeoutError,
)
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.definition.options import StepOptions
from mlrun_like.serving.event import Event


def one(function: Any, **options: Any) -> Graph:
    graph = flow()
    graph.to(function, "only").options(**options).respond()
    return graph


class Flaky:
    """Fails until the last of `needed` calls."""

    def __init__(self, needed: int, error: Exception) -> None:
        self.needed, self.error, self.calls = needed, error, 0

    def plain(self, body: Any) -> Any:
        self.calls += 1
        if self.calls < self.needed:
            raise self.error
        return body

    async def later(self, body: Any) -> Any:
        return self.plain(body)


@pytest.mark.parametrize("method", ["plain", "later"])
def test_a_failing_call_is_repeated(method: str) -> None:
    flaky = Flaky(3, OSError("busy"))
    with one(getattr(flaky, method), retries=2, backoff=0.001).to_mock_server() as server:
        assert server.test(body=5) == 5 and flaky.calls == 3
    flaky = Flaky(3, OSError("busy"))
    with one(getattr(flaky, method), retries=1, backoff=0.001).to_mock_server() as server:
        with pytest.raises(StepError, match="busy"):
            server.test(body=5)
        assert flaky.calls == 2


@pytest.mark.parametrize("method", ["plain", "later"])
def test_the_callers_mistakes_are_not_repeated(method: str) -> None:
    flaky = Flaky(9, NotFoundError("no such row"))
    with one(getattr(flaky, method), retries=3, backoff=0.001).to_mock_server() as server:
        with pytest.raises(StepError, match="no such row") as caught:
            server.test(body=1)
        assert flaky.calls == 1 and caught.value.status == 404


def test_a_slow_step_is_given_up() -> None:
    free = threading.Event()

    def hangs(body: Any) -> Any:
        return free.wait(10)

    async def hangs_later(body: Any) -> Any:
        await asyncio.sleep(10)

    for function in (hangs, hangs_later):
        with one(function, timeout=0.02).to_mock_server() as server:
            started = time.monotonic()
            with pytest.raises(StepTimeoutError, match=r"'only' took longer than 0\.02 s"):
                server.test(body=1)
            assert time.monotonic() - started < 2
            response = asyncio.run(server.run_async(Event(1, id="e1")))
            assert response.status_code == 504
            assert response.body["step"] == "only" and response.body["event_id"] == "e1"
    free.set()


def test_a_timeout_of_the_step_itself_keeps_its_text() -> None:
    def raises(body: Any) -> Any:
        raise TimeoutError("the database did not answer")

    with one(raises, timeout=5).to_mock_server() as server:
        with pytest.raises(StepError, match="the database did not answer") as caught:
            server.test(body=1)
        assert caught.value.status == 504


@pytest.mark.parametrize("is_async", [False, True])
def test_at_most_so_many_calls_at_once(is_async: bool) -> None:
    running, most = 0, 0
    lock = threading.Lock()

    def enter() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)

    def leave() -> None:
        nonlocal running
        with lock:
            running -= 1

    def works(body: int) -> int:
        enter()
        time.sleep(0.005)
        leave()
        return body

    async def works_later(body: int) -> int:
        enter()
        await asyncio.sleep(0.005)
        leave()
        return body

    with one(works_later if is_async else works, max_in_flight=2).to_mock_server() as server:
        assert list(server.stream(range(12), max_in_flight=8)) == list(range(12))
    assert most == 2


def test_a_step_that_calls_something_slow_leaves_the_loop() -> None:
    names: list[str] = []

    def naps(body: int) -> int:
        names.append(threading.current_thread().name)
        time.sleep(0.001)
        return body

    def quick(body: int) -> int:
        names.append(threading.current_thread().name)
        return body

    graph = flow()
    graph.to(quick, "quick").to(naps, "naps").respond()
    with graph.to_mock_server() as server:
        assert asyncio.run(server.run_async(Event(1))).body == 1
    assert names[0] == "MainThread" and names[1].startswith("graph-step")
    names.clear()
    with one(naps, blocking=False).to_mock_server() as server:
        asyncio.run(server.run_async(Event(1)))
    assert names == ["MainThread"]


def test_an_async_step_that_blocks_the_loop_is_a_mistake() -> None:
    async def naps(body: int) -> int:
        time.sleep(1)
        return body

    with pytest.raises(GraphError, match=r"naps is async but calls time\.sleep"):
        one(naps).to_mock_server()


@pytest.mark.parametrize(
    "options",
    [{"timeout": 0}, {"timeout": "1"}, {"timeout": True}, {"retries": -1}, {"retries": 1.5},
     {"backoff": -1}, {"max_in_flight": 0}, {"blocking": "yes"}, {"batching": 3},
     {"time_out": 3}],
)  # fmt: skip
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgumentError, match="|".join([*options, "no option"])):
        one(abs, **options)


def test_options_travel_with_the_graph() -> None:
    graph = flow()
    graph.to("builtins.abs", "size").options(timeout=2, retries=1)
    document = graph.to_dict()
    assert document["steps"]["size"]["options"] == {"timeout": 2, "retries": 1}
    again = Graph.from_dict(document)
    assert again["size"].call_options == StepOptions(timeout=2, retries=1)
    with pytest.raises(GraphError, match="no option 'timeot'"):
        Graph.from_dict({"steps": {"a": {"handler": "builtins.abs", "options": {"timeot": 1}}}})


@pytest.mark.parametrize("whole", [False, True])
def test_bodies_of_callers_become_one_call(whole: bool) -> None:
    sizes: list[int] = []

    def double(rows: list[Any]) -> list[Any]:
        sizes.append(len(rows))
        for row in rows if whole else ():
            row.body = {"n": row.body["n"] * 2}
        return rows if whole else [row * 2 for row in rows]

    graph = flow()
    step = (
        graph.to(double, "double", full_event=whole)
        if whole
        else graph.to(double, "double", input_path="n", result_path="n")
    )
    step.options(batching={"max_rows": 8}).respond()

    async def ask(server: Any) -> list[Any]:
        events = [Event({"n": number}) for number in range(20)]
        return [each.body for each in await asyncio.gather(*map(server.run_async, events))]

    with graph.to_mock_server() as server:
        assert asyncio.run(ask(server)) == [{"n": number * 2} for number in range(20)]
        assert server.test(body={"n": 5}) == {"n": 10}
    assert max(sizes) <= 8 and len(sizes) < 21


def test_a_batched_generator_streams_to_each_caller() -> None:
    def count(rows: list[int]) -> Any:
        for tick in range(3):
            yield [row * 10 + tick for row in rows]

    async def ask(server: Any) -> list[Any]:
        answers = await asyncio.gather(*(server.run_async(Event(n)) for n in (1, 2)))
        found = []
        for answer in answers:
            found.append([value async for value in answer.body])
        return found

    graph = flow()
    graph.to(count, "count").options(batching=True).to(
        name="text", handler="(str(event))"
    ).respond()
    with graph.to_mock_server() as server:
        assert asyncio.run(ask(server)) == [["10", "11", "12"], ["20", "21", "22"]]


@pytest.mark.parametrize("method", ["plain", "later"])
@pytest.mark.parametrize("in_a_loop", [False, True])
def test_a_call_is_not_repeated_for_a_caller_that_has_stopped_waiting(
    method: str, in_a_loop: bool
) -> None:
    flaky = Flaky(100, OSError("down"))
    server = one(getattr(flaky, method), retries=50, backoff=0.05).to_mock_server()
    event = Event(1)
    event.deadline = time.monotonic() + 0.2
    start = time.monotonic()
    answer = asyncio.run(server.run_async(event)) if in_a_loop else server.run(event)
    assert time.monotonic() - start < 0.25
    assert answer.status_code == 504 and "OSError: down" in answer.body["error"]
    assert 2 <= flaky.calls <= 4
    flaky.needed = flaky.calls + 3
    assert server.test(body=2) == 2  # without a deadline


@pytest.mark.parametrize("in_a_loop", [False, True])
def test_the_deadline_does_not_count_for_steps_after_the_answer(in_a_loop: bool) -> None:
    flaky = Flaky(4, OSError("down"))
    graph = flow()
    graph.to(abs, "answer").respond().to(flaky.plain, "later").options(retries=5, backoff=0.01)
    server = graph.to_mock_server()
    event = Event(-1)
    event.deadline = time.monotonic() + 0.03

    async def main() -> Any:
        answer = await server.run_async(event)
        await asyncio.to_thread(server.wait_for_completion)
        return answer

    answer = asyncio.run(main()) if in_a_loop else server.run(event)
    assert answer.body == 1 and flaky.calls == 4
