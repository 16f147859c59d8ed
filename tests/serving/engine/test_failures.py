"""Which step an error belongs to, and what becomes of the event."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from mlrun_like.errors import GraphError, NotFoundError, StepError
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Step
from mlrun_like.serving.server import GraphServer


def same(body: Any) -> Any:
    return body


async def same_later(body: Any) -> Any:
    await asyncio.sleep(0)
    return body


def fails(body: Any) -> Any:
    raise KeyError(body)


def failed_in(server: GraphServer, body: Any = 1) -> StepError:
    with pytest.raises(StepError) as caught:
        server.test(body=body)
    told = asyncio.run(server.run_async(Event(body))).body
    assert told["step"] == caught.value.step
    return caught.value


class Pairs(Step):
    """Two events of one."""

    kind = "many"

    def process(self, event: Event) -> Iterator[Event]:
        for number in (1, 2):
            yield event.with_body(event.body * 10 + number)


class PairsLater(Pairs):
    async def process(self, event: Event) -> AsyncIterator[Event]:  # type: ignore[override]
        for number in (1, 2):
            await asyncio.sleep(0)
            yield event.with_body(event.body * 10 + number)


# Whose error -----------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [same, same_later])
def test_an_error_of_a_graph_called_in_a_step_is_that_steps(first: Any) -> None:
    def missing(body: Any) -> Any:
        raise NotFoundError("no such user", fix="create it")

    inner = flow()
    inner.to(first, "in").to(missing, "lookup").respond()
    with inner.to_mock_server() as called:

        def calls(body: Any) -> Any:
            return called.test(body=body, event_id="inner-7")

        graph = flow()
        graph.to(first, "one").to(calls, "calls").to(same, "lookup").respond()
        with graph.to_mock_server() as server:
            error = failed_in(server)
            assert error.step == "calls" and error.status == 404 and error.fix == "create it"
            assert error.event_id != "inner-7"
            assert "there: step 'lookup', event inner-7" in str(error)
            response = server.test(body=1, silent=True)
            assert response.body["code"] == "not_found"


def test_an_error_object_that_is_raised_again_and_again() -> None:
    error = ValueError("always the same one")

    def one(body: int) -> int:
        if body == 1:
            raise error
        return body

    def two(body: int) -> int:
        raise error

    graph = flow()
    graph.to(one, "one").to(two, "two").respond()
    with graph.to_mock_server() as server:
        for body, step in [(2, "two"), (1, "one"), (2, "two"), (1, "one")]:
            assert failed_in(server, body).step == step
        found = list(server.stream([2, 1, 2], errors="return"))
        assert [answer.step for answer in found] == ["two", "one", "two"]


@pytest.mark.parametrize("pairs", [Pairs, PairsLater])
def test_errors_behind_and_in_steps_that_make_several_events(pairs: type[Step]) -> None:
    seen: list[int] = []

    def odd_fails(body: int) -> int:
        seen.append(body)
        if body % 2:
            raise ValueError(body)
        return body

    graph = flow(engine="async")
    graph.to(pairs, "pairs").to(odd_fails, "odd").respond()
    with graph.to_mock_server() as server:
        assert failed_in(server, 3).step == "odd"
        assert seen == [31, 32] * 2  # the second one is not lost

    class Wrong(Step):
        kind = "many"

        def process(self, event: Event) -> Any:
            return [event.body]

    graph = flow(engine="async")
    graph.to(Wrong, "wrong").to(same, "next").respond()
    with graph.to_mock_server() as server:
        assert failed_in(server).step == "wrong"


def test_errors_of_generators_that_are_collected() -> None:
    class All(Step):
        gathers = True

        def collected(self, values: list[Any]) -> Any:
            return values

        def do(self, body: Any) -> Any:
            return body

    def breaks(body: int) -> Iterator[int]:
        yield body
        raise ValueError("in the middle")

    def odd_fails(body: int) -> int:
        if body % 2:
            raise ValueError(body)
        return body

    def count(body: int) -> Iterator[int]:
        yield from range(body)

    for source, failing in [(breaks, "source"), (count, "each")]:
        graph = flow()
        graph.to(source, "source").to(odd_fails, "each").to(All, "all").respond()
        with graph.to_mock_server() as server:
            assert failed_in(server, 2).step == failing
    graph = flow()
    graph.to(breaks, "source").to(same, "each").to(All, "all").respond()
    graph["source"].error_handler("catch", handler="(['caught', event])")
    with graph.to_mock_server() as server:
        assert server.test(body=2) == ["caught", 2]
        assert asyncio.run(server.run_async(Event(2))).body == ["caught", 2]


def test_first_events_from_many_threads_are_located() -> None:
    for _ in range(20):
        graph = flow()
        graph.to(Pairs, "pairs").to(fails, "fails").respond()
        graph["fails"].full_event = True
        server = graph.to_mock_server()
        steps: list[str] = []
        start = threading.Barrier(16)

        def call(server: GraphServer = server, steps: list[str] = steps) -> None:
            start.wait()  # noqa: B023
            with pytest.raises(StepError) as caught:
                server.test(body=1)
            steps.append(caught.value.step)

        threads = [threading.Thread(target=call) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert steps == ["fails"] * 16


def test_what_an_event_finds_wrong_in_the_graph_is_not_the_callers_fault() -> None:
    class Picks(Step):
        kind = "choice"

        def select_outlets(self, body: Any) -> str:
            return "nowhere"

    graph = flow()
    graph.to(Picks, "picks").to(same, "a").respond()
    response = graph.to_mock_server().test(body=1, silent=True)
    assert response.status_code == 500 and response.body["step"] == "picks"
    graph = flow(engine="async")
    start = graph.to(lambda body: threading.Lock(), "lock")
    start.to(same, "a").respond()
    start.to(same, "b")
    response = graph.to_mock_server().test(body=1, silent=True)
    assert response.status_code == 500 and response.body["step"] == "lock"
    assert "type lock cannot be copied for several branches" in response.body["error"]


# Handlers --------------------------------------------------------------------------------------


def caught(event: Event) -> Event:
    event.body = (event.origin_state, event.body)
    return event


@pytest.mark.parametrize("first", [same, same_later])
def test_the_graphs_handler_sees_the_body_that_failed(first: Any) -> None:
    graph = flow(engine="async")
    start = graph.to(first, "first").to(handler="(event + 1)", name="more")
    start.to(handler="(event * 2)", name="twice").to(fails, "fails")
    start.to(same, "answer").respond()
    graph.error_handler("catch", handler=caught, full_event=True)
    with graph.to_mock_server() as server:
        assert server.test(body=1) == ("fails", 4)
        assert asyncio.run(server.run_async(Event(1))).body == ("fails", 4)


@pytest.mark.parametrize("first", [same, same_later])
def test_the_graphs_handler_has_events_without_a_caller(first: Any) -> None:
    seen: list[Any] = []

    def note(event: Event) -> None:
        seen.append((event.origin_state, event.body))

    class Held(Step):
        kind = "many"
        collects = True

        def __init__(self) -> None:
            self.events: list[Event] = []

        def process(self, event: Event) -> list[Event]:
            self.events.append(event)
            return []

        def flush(self) -> list[Event]:
            return self.events

    graph = flow(engine="async")
    graph.to(first, "answer").respond().to(fails, "late")
    graph["answer"].to(Held, "held").to(fails, "last")
    graph.error_handler("note", handler=note, full_event=True)
    with graph.to_mock_server() as server:
        assert server.test(body=1) == 1
        server.wait_for_completion()
        assert seen == [("late", 1), ("last", 1)]


def test_choices_and_filters_are_handled_too() -> None:
    class Picks(Step):
        kind = "choice"

        def select_outlets(self, body: Any) -> Any:
            return body

    graph = flow()
    graph.to(Picks, "picks").to(same, "a").respond()
    graph["picks"].error_handler("catch", handler="(['caught', event])")
    with graph.to_mock_server() as server:
        assert server.test(body="a") == "a"
        assert server.test(body="b") == ["caught", "b"]


def loops() -> dict[str, Graph]:
    found = {}
    for name in ("itself", "earlier", "handlers", "back"):
        graph = flow()
        graph.to(same, "first").to(same, "second").to(fails, "fails").respond()
        found[name] = graph
    found["itself"]["fails"].error_handler("catch", handler=same, before="fails")
    found["earlier"]["fails"].error_handler("catch", handler=same, before="second")
    found["handlers"]["fails"].error_handler("one", handler=fails)
    found["handlers"]["one"].error_handler("two", handler=fails).on_error = "one"
    found["back"]["fails"].error_handler("catch", handler=same).to(fails, "x").on_error = "catch"
    return found


@pytest.mark.parametrize("name", loops())
def test_handlers_that_would_go_round_for_ever_are_refused(name: str) -> None:
    with pytest.raises(GraphError, match="would go round for ever: "):
        loops()[name].to_mock_server()


def test_the_handler_of_a_nested_flow() -> None:
    inner = flow()
    inner.to(fails, "fails").to(same, "last")
    inner.error_handler("catch", handler="(event + 100)", before="last")
    graph = flow()
    graph.to(inner, "inner").to(handler="(event * 2)", name="end").respond()
    assert graph["inner/last"].on_error == ""  # else it would go round
    with graph.to_mock_server() as server:
        assert server.test(body=1) == 202


# The end ---------------------------------------------------------------------------------------


def test_one_step_that_fails_at_the_end_does_not_cost_what_others_hold() -> None:
    done: list[str] = []

    class Holds(Step):
        kind = "many"
        collects = True

        def __init__(self, name: str, broken: str = "") -> None:
            self.name, self.broken = name, broken

        def process(self, event: Event) -> list[Event]:
            return []

        def flush(self) -> list[Event]:
            if self.broken == "flush":
                raise OSError("flush")
            return [Event(self.name)]

        def close(self) -> None:
            done.append(f"close {self.name}")
            if self.broken == "close":
                raise OSError("close")

    graph = flow(engine="async")
    start = graph.to(same, "start")
    for name, broken in [("a", "flush"), ("b", "close"), ("c", "")]:
        start.to(Holds, name, broken=broken).to(done.append, f"after {name}")
    server = graph.to_mock_server()
    with pytest.raises(OSError, match="flush") as caught:
        server.close()
    assert done == ["b", "c", "close a", "close b", "close c"]
    assert "OSError: close" in getattr(caught.value, "__notes__", ["OSError: close"])[0]
    server.close()


def test_a_graph_that_cannot_be_created_leaves_nothing_open() -> None:
    closed: list[str] = []

    class Opens(Step):
        def __init__(self, name: str) -> None:
            self.name = name
            if name == "broken":
                raise OSError("no disk")

        def do(self, body: Any) -> Any:
            return body

        def close(self) -> None:
            closed.append(self.name)

    graph = flow()
    graph.to(Opens, "one").to(Opens, "broken").to(Opens, "two").respond()
    with pytest.raises(GraphError, match="no disk"):
        graph.to_mock_server()
    assert closed == ["one", "two"]


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="mlrun_like.serving")
