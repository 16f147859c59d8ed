"""Ways of an event through a graph: branches, choices, errors, streams, what follows an answer."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from mlrun_like.errors import GraphError, InvalidArgumentError, StepError, StepTimeoutError
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import DROP, Event
from mlrun_like.serving.protocol import Step


def same(body: Any) -> Any:
    return body


async def same_later(body: Any) -> Any:
    await asyncio.sleep(0)
    return body


def inc(body: int) -> int:
    return body + 1


async def inc_later(body: int) -> int:
    await asyncio.sleep(0)
    return body + 1


class Even(Step):
    kind = "choice"

    def select_outlets(self, body: int) -> list[str]:
        return ["even" if body % 2 == 0 else "odd"]


class Positive(Step):
    kind = "filter"

    def do(self, body: int) -> bool:
        return body > 0


class Small(Step):
    kind = "maybe"

    def do(self, body: int) -> Any:
        return DROP if body > 100 else body


class Both(Step):
    """Waits for two branches of one event; gives the sum."""

    kind = "many"
    merges = True

    def __init__(self) -> None:
        self.seen: dict[Any, int] = {}

    def process(self, event: Event) -> list[Event]:
        if event.id in self.seen:
            return [event.with_body(self.seen.pop(event.id) + event.body)]
        self.seen[event.id] = event.body
        return []


@pytest.fixture(params=[inc, inc_later], ids=["plain", "async"])
def add(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_filter_choice_and_join(add: Any) -> None:
    graph = flow()
    chosen = graph.to(Positive, "positive").to(Small, "small").to(Even, "even?")
    chosen.to(lambda body: body * 10, "even")
    chosen.to(add, "odd")
    graph.add_step(add, "join", after=["even", "odd"]).to(same, "end").respond()
    with graph.to_mock_server() as server:
        assert [server.test(body=n) for n in (2, 3)] == [21, 5]
        assert server.test(body=-1) is None and server.test(body=1000) is None
        assert server.test(body=-1, get_body=False).status_code == 204
        assert list(server.stream([1, 2, -5, 3])) == [3, 21, None, 5]


def test_a_choice_must_name_followers() -> None:
    class Wrong(Step):
        kind = "choice"

        def select_outlets(self, body: Any) -> Any:
            return body

    graph = flow(engine="async")
    chosen = graph.to(Wrong, "wrong")
    chosen.to(same, "a").respond()
    chosen.to(same, "b")
    server = graph.to_mock_server()
    assert server.test(body=["a", "b"]) == ["a", "b"]
    assert server.test(body=[]) is None
    for body in (["c"], "c", [[1]], 5):
        with pytest.raises(StepError, match="answer one or several of the steps after it: a, b"):
            server.test(body=body)


def test_fan_out_and_merge(add: Any) -> None:
    graph = flow(engine="async")
    start = graph.to(same, "start")
    start.to(add, "left")
    start.to(lambda body: body * 100, "right")
    graph.add_step(Both, "both", after=["left", "right"]).to(same, "end").respond()
    with graph.to_mock_server() as server:
        assert [server.test(body=n) for n in range(3)] == [1, 102, 203]


def test_branches_never_swallow_an_error(add: Any) -> None:
    done: list[int] = []

    def fails(body: int) -> int:
        raise KeyError(body)

    graph = flow(engine="async")
    start = graph.to(same, "start")
    start.to(fails, "bad")
    start.to(add, "answer").respond()
    start.to(lambda body: done.append(body), "other")
    with graph.to_mock_server() as server:
        with pytest.raises(StepError, match="KeyError: 7") as caught:
            server.test(body=7)
        assert caught.value.step == "bad" and done == [7]


def test_parallel_branches_run_at_the_same_time() -> None:
    gate = asyncio.Event()

    async def waits(body: int) -> int:
        await asyncio.wait_for(gate.wait(), 5)
        return body

    async def opens(body: int) -> int:
        gate.set()
        return body

    graph = flow(engine="async")
    start = graph.to(same, "start")
    start.to(waits, "waits").respond()
    start.to(opens, "opens")
    with graph.to_mock_server() as server:
        assert server.test(body=1) == 1


def fails_on_odd(body: int) -> int:
    if body % 2:
        raise ValueError(f"{body} is odd")
    return body


async def fails_on_odd_later(body: int) -> int:
    return fails_on_odd(body)


@pytest.mark.parametrize("step", [fails_on_odd, fails_on_odd_later])
def test_an_error_handler_answers(step: Any) -> None:
    def report(event: Event) -> None:
        event.body = {"from": event.origin_state, "error": event.error, "body": event.body}

    graph = flow()
    failing = graph.to(same, "first").to(step, "risky")
    failing.error_handler("report", handler=report, full_event=True)
    failing.to(lambda body: body * 2, "last").respond()
    with graph.to_mock_server() as server:
        assert server.test(body=4) == 8
        assert server.test(body=3) == {
            "from": "risky", "error": {"risky": "ValueError: 3 is odd"}, "body": 3,
        }  # fmt: skip


@pytest.mark.parametrize("step", [fails_on_odd, fails_on_odd_later])
def test_an_error_handler_may_go_on(step: Any) -> None:
    graph = flow()
    failing = graph.to(step, "risky")
    failing.to(lambda body: body * 2, "last").respond()
    failing.error_handler("even", handler="(event + 1)", before="last")
    with graph.to_mock_server() as server:
        assert [server.test(body=n) for n in (3, 4)] == [8, 8]


def test_a_graph_level_handler_catches_the_rest() -> None:
    graph = flow()
    graph.to(fails_on_odd, "risky").to(same, "last").respond()
    graph.error_handler("rescue", handler="(-event)")
    with graph.to_mock_server() as server:
        assert [server.test(body=n) for n in (2, 3)] == [2, -3]
    graph = flow()
    graph.to(fails_on_odd, "risky").respond()
    graph.error_handler("rescue", handler=fails_on_odd)
    with pytest.raises(StepError) as caught:
        graph.to_mock_server().test(body=3)
    assert caught.value.step == "rescue"


def test_a_handler_declared_elsewhere_is_named() -> None:
    graph = flow()
    step = graph.to(fails_on_odd, "risky").error_handler("catch")
    assert step.name == "risky"
    graph.add_step(lambda body: "caught", "catch")
    assert graph.to_mock_server().test(body=1) == "caught"
    graph = flow()
    graph.to(same, "a").error_handler("missing")
    with pytest.raises(GraphError, match="its error handler 'missing' does not exist"):
        graph.to_mock_server()
    with pytest.raises(InvalidArgumentError, match="needs a class or a function"):
        graph["a"].error_handler()


def test_steps_after_the_answer_do_not_delay_or_fail_it(caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Event()

    async def slow(body: int) -> None:
        await asyncio.sleep(0.2)
        done.set()

    def fails(body: int) -> None:
        raise ValueError("late")

    graph = flow(engine="async")
    answer = graph.to(inc_later, "answer").respond()
    answer.to(slow, "slow")
    answer.to(fails, "fails")
    with graph.to_mock_server() as server:
        started = time.monotonic()
        assert server.test(body=1) == 2
        assert time.monotonic() - started < 0.15 and not done.is_set()
        server.wait_for_completion()
        assert done.is_set()
    assert "step 'fails' failed" in caplog.text


def test_nested_flows_are_inlined(add: Any) -> None:
    inner = flow()
    inner.to(add, "one").to(fails_on_odd, "two")
    graph = flow()
    graph.to(same, "start").to(inner, "inner").to(add, "end").respond()
    assert [step.name for step in graph.steps] == ["start", "inner/one", "inner/two", "end"]
    with graph.to_mock_server() as server:
        assert server.test(body=1) == 3
        with pytest.raises(StepError) as caught:
            server.test(body=2)
        assert caught.value.step == "inner/two"
    with pytest.raises(GraphError, match="the flow 'empty' has 0 ends"):
        graph.to(flow(), "empty")


def test_a_nested_flow_in_a_document() -> None:
    graph = Graph.from_yaml(
        """
        kind: flow
        engine: sync
        steps:
          start: {handler: "(event + 1)"}
          inner:
            kind: flow
            after: start
            steps:
              a: {handler: "(event * 2)"}
              b: {handler: "(event * 5)", after: a}
          end: {handler: "(event - 1)", after: inner/b}
        """
    )
    assert graph.to_mock_server().test(body=1) == 19
    assert Graph.from_dict(graph.to_dict()).to_mock_server().test(body=1) == 19


def test_held_events_leave_at_the_end(add: Any) -> None:
    class Pairs(Step):
        kind = "many"
        collects = True

        def __init__(self) -> None:
            self.held: list[Any] = []

        def process(self, event: Event) -> list[Event]:
            self.held.append(event.body)
            return [Event(self.held.pop(0) + self.held.pop(0))] if len(self.held) == 2 else []

        def flush(self) -> list[Event]:
            return [Event(body) for body in self.held]

    class Total(Step):
        ends = True

        def __init__(self) -> None:
            self.total = 0

        def do(self, body: int) -> int:
            self.total += body
            return body

        def result(self) -> int:
            return self.total

    graph = flow(engine="async")
    graph.to(Pairs, "pairs").to(add, "add").to(Total, "total")
    server = graph.to_mock_server()
    for number in (1, 2, 3):
        assert set(server.test(body=number)) == {"id"}
    assert server.wait_for_completion() == (1 + 2 + 1) + (3 + 1)
    assert server.wait_for_completion() == 8
    server.close()


def test_collecting_steps_cannot_answer() -> None:
    class Holds(Step):
        kind = "many"
        collects = True

        def process(self, event: Event) -> list[Event]:
            return []

    class Ends(Step):
        ends = True

        def do(self, body: Any) -> Any:
            return body

    graph = flow(engine="async")
    graph.to(Holds, "holds").to(same, "answer").respond()
    graph.to(Ends, "ends").to(same, "more")
    with pytest.raises(GraphError) as caught:
        graph.to_mock_server()
    assert "'answer' cannot respond: 'holds' before it mixes the events" in str(caught.value)
    assert "'ends' ends the flow, so 'more' cannot follow it" in str(caught.value)


def test_a_step_may_emit_by_the_clock(add: Any) -> None:
    class Later(Step):
        kind = "many"
        collects = True

        def connect(self, emit: Any) -> None:
            self.emit = emit

        def process(self, event: Event) -> list[Event]:
            threading.Timer(0.01, self.emit, [event]).start()
            return []

    seen: list[int] = []
    done = threading.Event()

    def note(body: int) -> None:
        seen.append(body)
        done.set()

    graph = flow(engine="async")
    graph.to(Later, "later").to(add, "add").to(note, "note")
    with graph.to_mock_server() as server:
        server.test(body=5)
        assert done.wait(5) and seen == [6]


def test_events_do_not_leak_between_concurrent_callers(add: Any) -> None:
    graph = flow()
    step: Any = graph
    for number in range(5):
        step = step.to(add, f"s{number}")
    step.respond()
    with graph.to_mock_server() as server:
        assert list(server.stream(range(500), max_in_flight=32)) == list(range(5, 505))


def test_a_failing_row_fails_alone(add: Any) -> None:
    graph = flow()
    graph.to(add, "add").to(fails_on_odd, "risky").respond()
    with graph.to_mock_server() as server:
        found = list(server.stream([1, 2, 3], errors="return"))
        assert (found[0], found[2]) == (2, 4) and isinstance(found[1], StepError)
        assert found[1].step == "risky"
        with pytest.raises(StepError, match="3 is odd"):
            list(server.stream([1, 2, 3]))


def naps(body: int) -> int:
    time.sleep(0.02)
    return body


def test_deadlines_stop_the_graph_between_and_inside_steps() -> None:
    async def sleeps(body: float) -> float:
        await asyncio.sleep(body)
        return body

    graph = flow()
    graph.to(sleeps, "sleeps").respond()

    async def ask(seconds: float, budget: float) -> Any:
        event = Event(seconds)
        event.deadline = time.monotonic() + budget
        return await server.run_async(event)

    with graph.to_mock_server() as server:
        assert asyncio.run(ask(0.0, 5)).body == 0.0
        late = asyncio.run(ask(5.0, 0.05))
        assert late.status_code == 504 and late.body["code"] == "timeout"
    graph = flow()
    graph.to(naps).to(same, "next").respond()
    event = Event(1)
    plan = graph.to_mock_server().plan
    event.deadline = time.monotonic() + 0.015
    with pytest.raises(StepTimeoutError, match="before step 'next'"):
        plan.run(event)


class Sum:
    """A router that adds what all its routes give."""

    def __init__(self, routes: Any) -> None:
        self.routes = routes

    def do_event(self, event: Event) -> Event:
        event.body = sum(
            route.run(event.with_body(event.body)).body for route in self.routes.values()
        )
        return event

    async def do_event_async(self, event: Event) -> Event:
        found = [
            await route.run_async(event.with_body(event.body)) for route in self.routes.values()
        ]
        event.body = sum(each.body for each in found)
        return event


def test_routers_inside_routers_and_flows(add: Any) -> None:
    graph = flow()
    router: Any = graph.to(same, "start").to("*Sum", "outer")
    router.add_route("one", handler=add)
    inner = router.add_route("inner", class_name="*Sum")
    inner.add_route("a", handler=add)
    inner.add_route("b", handler="(event * 10)")
    router.to(same, "end").respond()
    again = Graph.from_dict(graph.to_dict())
    for each in (graph, again):
        with each.to_mock_server() as server:
            assert server.test(body=2) == 3 + 3 + 20
            assert asyncio.run(server.run_async(Event(2))).body == 26
            assert list(server.step("outer").routes) == ["one", "inner"]


def test_filters_and_choices_may_see_the_event() -> None:
    class Post(Step):
        kind = "filter"

        def do(self, event: Event) -> bool:
            return event.method == "POST"

    class ByPath(Step):
        kind = "choice"

        def select_outlets(self, event: Event) -> str:
            return event.path.strip("/")

    class Keyed(Step):
        kind = "maybe"

        def do(self, event: Event) -> Any:
            return event if event.key is None else DROP

    graph = flow(engine="async")
    first = graph.to(Post, "post", full_event=True).to(Keyed, "keyed", full_event=True)
    choice = first.to(ByPath, "path", full_event=True)
    choice.to(inc, "up").respond()
    choice.to(same, "down")
    server = graph.to_mock_server()
    assert server.test("/up", body=1) == 2
    assert server.test("/up", body=1, method="PUT") is None
    event = Event(1, path="/up", key="k")
    assert server.run(event).status_code == 204


def test_an_error_handler_stands_in_for_its_step_before_a_merge() -> None:
    graph = flow()
    start = graph.to(same, "start")
    risky = start.to(fails_on_odd, "risky")
    risky.error_handler("fix", handler="(-1)", before="merge")
    start.to(inc, "inc")
    graph.add_step("Merge", "merge", after=["risky", "inc"])
    graph["risky"].on_error = "fix"
    graph["merge"].after_step("fix").respond()
    server = graph.to_mock_server()
    assert [sorted(server.test(body=n)) for n in (2, 3)] == [[2, 3], [-1, 4]]


def test_partials_are_functions() -> None:
    import functools

    async def add_later(body: int, number: int) -> int:
        return body + number

    graph = flow()
    graph.to(functools.partial(add_later, number=3), "three").to(
        functools.partial(max, 7), "seven"
    ).respond()
    with graph.to_mock_server() as server:
        assert [server.test(body=n) for n in (1, 9)] == [7, 12]


@pytest.mark.parametrize(
    "wrong", [{"errors": "retrun"}, {"max_in_flight": 0}, {"max_in_flight": "3"}]
)
def test_wrong_options_of_a_stream_are_refused(wrong: dict[str, Any]) -> None:
    graph = flow()
    graph.to(inc).respond()
    with pytest.raises(InvalidArgumentError, match=next(iter(wrong))):
        list(graph.to_mock_server().stream([1], **wrong))


def test_misspelt_ready_made_steps_are_recognised() -> None:
    for name in ("storey.Btch", "Btch", "*VotingEnsembel"):
        graph = flow()
        step: Any = graph.to(name, "x")
        if name.startswith("*"):
            step.add_route("m", handler=inc)
        with pytest.raises(GraphError, match=r"Did you mean '(Batch|VotingEnsemble)'"):
            graph.to_mock_server()
