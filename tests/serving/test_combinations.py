"""Several abilities of graphs in one graph: what holds for each must hold for all together."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError, StepError
from mlrun_like.serving.batch.rows import Rows
from mlrun_like.serving.batch.run import run_batch
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.serving.observe.metrics import Metrics
from mlrun_like.serving.observe.recording import Recorder
from mlrun_like.serving.protocol import Step
from mlrun_like.serving.server import GraphServer

_WINDOWS = {"name": "v", "column": "v", "operations": ["sum", "count"], "windows": ["1h"]}


def same(body: Any) -> Any:
    return body


async def same_later(body: Any) -> Any:
    await asyncio.sleep(0)
    return body


def inc(body: int) -> int:
    return body + 1


def refuse_negative(body: Any) -> Any:
    if body["v"] < 0:
        raise ValueError("negative")
    return body


async def up_to(body: int) -> AsyncIterator[int]:
    for number in range(body):
        yield number


class Add:
    def __init__(self, x: int = 1) -> None:
        self.x = x

    def do(self, body: int) -> int:
        return body + self.x

    def less(self, body: int) -> int:
        return body - self.x


class Double(V2ModelServer):
    def load(self) -> None:
        self.model = 2

    def predict(self, request: dict[str, Any]) -> list[Any]:
        if "bad" in request["inputs"]:
            raise ValueError("a bad row")
        return [self.model * row for row in request["inputs"]]


class Flaky:
    """Fails the first times it is called."""

    def __init__(self, times: int) -> None:
        self.left = times

    def do(self, body: Any) -> Any:
        if self.left:
            self.left -= 1
            raise ConnectionError("not yet")
        return body


class ByParity(Step):
    kind = "choice"

    def select_outlets(self, body: int) -> str:
        return "odd" if body % 2 else "even"


class ByKey(Step):
    kind = "choice"

    def select_outlets(self, body: dict[str, Any]) -> str:
        return "windows" if body["k"] == "a" else "plain"


def router_graph() -> Graph:
    """Retries, then a router with batching and an ensemble, then an error handler."""
    graph = flow()
    flaky = graph.to(Flaky, "flaky", times=2).options(retries=2, backoff=0.001)
    router: Any = flaky.to("*", "router")
    router.add_route("double", class_name=Double).options(batching={"max_rows": 4})
    both = router.add_route("both", class_name="*VotingEnsemble", vote_type="regression")
    both.add_route("one", class_name=Double)
    both.add_route("two", class_name=Double)
    router.error_handler("sorry", handler="({'sorry': event['inputs']})")
    router.to("storey.Map", "outputs", _fn="(event['outputs'])").respond()
    return graph


def ask(path: str, *inputs: Any) -> Event:
    return Event({"inputs": list(inputs)}, path=f"/v2/models/{path}/infer")


def test_a_router_with_retries_batching_and_an_error_handler() -> None:
    graph = router_graph()
    for each in (graph, Graph.from_yaml(graph.to_yaml())):
        with each.to_mock_server() as server:
            events = [ask("double", 1, 2), ask("double", "bad"), ask("both", 3), ask("none", 4)]
            events += [ask("double", *range(n)) for n in range(12)]  # some above max_rows
            found = list(server.stream(events, max_in_flight=16))
            assert found[:4] == [[2, 4], {"sorry": ["bad"]}, [6.0], {"sorry": [4]}]
            assert found[4:] == [[2 * row for row in range(n)] for n in range(12)]


def test_a_model_that_batches_mistakes_and_empty_requests() -> None:
    graph = flow()
    graph.to(Double, "m", batching={"max_rows": 3}).respond()
    bodies = [{"inputs": [1, 2]}, {"inputs": ["bad"]}, {"inputs": []}, {"x": 1}, 5, {"inputs": 5}]
    with graph.to_mock_server() as server:
        found = list(server.stream(bodies, max_in_flight=8, errors="return"))
    assert [found[0]["outputs"], found[2]["outputs"]] == [[2, 4], []]
    assert [found[n].status for n in (1, 3, 4, 5)] == [500, 400, 400, 400]


@pytest.mark.parametrize("step", [same, same_later])
def test_a_branch_that_drops_leaves_other_callers_alone(step: Any) -> None:
    graph = flow()
    start = graph.to(step, "start")
    start.to("storey.Filter", "large", _fn="(event > 5)")
    start.to(step, "other")
    graph.add_step("Merge", "merge", after=["large", "other"]).to(step, "end").respond()
    with graph.to_mock_server() as server:
        assert [server.test(body=n) for n in (7, 1, 8, 2)] == [[7, 7], None, [8, 8], None]
        assert list(server.stream([1, 9, 2, 10], max_in_flight=3)) == [None, [9, 9], None, [10, 10]]


def windows_graph(table: str) -> Graph:
    graph = flow()
    checked = graph.to(refuse_negative, "check")
    checked.error_handler("fix", handler="({**event, 'v': 0, 'fixed': True})", before="which")
    which = checked.to(ByKey, "which")
    which.to("storey.AggregateByKey", "windows", aggregates=[_WINDOWS], key_field="k",
             table=f"memory://{table}")  # fmt: skip
    which.to("storey.Extend", "plain", _fn="({'plain': True})")
    graph.add_step(same, "end", after=["windows", "plain"]).respond()
    return graph


def test_windows_behind_a_choice_and_an_error_handler() -> None:
    rows = [{"k": "a", "v": 1}, {"k": "b", "v": 2}, {"k": "a", "v": -3}, {"k": "a", "v": 4}]
    with windows_graph("online").to_mock_server() as server:
        found = [server.test(body=dict(row)) for row in rows]
    assert found[0] == {"k": "a", "v": 1, "v_sum_1h": 1, "v_count_1h": 1}
    assert found[1] == {"k": "b", "v": 2, "plain": True}
    assert found[2] == {"k": "a", "v": 0, "fixed": True, "v_sum_1h": 1, "v_count_1h": 2}
    assert found[3] == {"k": "a", "v": 4, "v_sum_1h": 5, "v_count_1h": 3}
    with windows_graph("batch").to_mock_server() as server:  # the same rows at once
        result = run_batch(server, rows)
    assert list(result.answers) == found and result.failed == 0


def test_a_batch_of_an_ensemble_gives_the_answers_of_single_requests() -> None:
    graph = flow()
    router: Any = graph.to("*VotingEnsemble", "vote", vote_type="regression")
    router.add_route("one", class_name=Double)
    router.add_route("two", class_name=Double)
    router.respond()
    frame = pd.DataFrame({"x": [1.0, 2.5, -3.0]})
    with graph.to_mock_server() as server:
        online = [server.test(body={"inputs": [row]})["outputs"][0] for row in [[1.0], [2.5]]]
        result = run_batch(server, frame, rows=Rows("inputs"))
    assert list(result.frame["prediction"])[:2] == online


def everything() -> Graph:
    """One of each: options, nesting, choice, handlers, queue, comment, shape, parameters."""
    inner = flow()
    inner.to(inc, "up").to(Add, "two", x=2)
    inner.error_handler("inside", handler=same)
    graph = flow(parameters={"limit": 3})
    first = graph.to(same_later, "first")
    first.options(timeout=2.0, retries=1, backoff=0.01, max_in_flight=3)
    which = graph.add_step(inner, "inner", after="first").to("storey.ForEach", "look", fn=same)
    which = which.to(ByParity, "which")
    which.to(Add, "even", handler="less", x=5)
    which.to("storey.Map", "odd", _fn="(event * 100)")
    joined = graph.add_step(same, "join", after=["even", "odd"])
    joined.error_handler("again", class_name=Add, handler="less", before="end", x=3)
    end = joined.to(same, "end", graph_shape="cylinder").respond()
    end.comment = "the answer"
    end.to("$queue", "out", path="memory://combinations", shards=2)
    graph.error_handler("at last", handler=same)
    return graph


def test_everything_survives_yaml_and_json() -> None:
    graph = everything()
    again = [
        Graph.from_yaml(graph.to_yaml()),
        Graph.from_dict(json.loads(json.dumps(graph.to_dict()))),
    ]
    answers = []
    for each in (graph, *again):
        assert each.to_yaml() == graph.to_yaml()
        with each.to_mock_server() as server:
            answers.append([server.test(body=n) for n in range(4)])
            assert server.context.get_param("limit") == 3
    assert answers == [[300, -1, 500, 1]] * 3


def test_everything_is_in_the_picture(tmp_path: Path) -> None:
    graph = everything()
    picture = graph.plot(tmp_path / "graph.svg")
    drawn = "".join(ElementTree.parse(tmp_path / "graph.svg").getroot().itertext())
    for step in graph.steps:
        assert step.name in picture.mermaid and step.name in drawn


@pytest.mark.parametrize(
    "name", ["it's", 'say "no"', "two\nlines", "{}%s\\", "<script>x()</script>", "日本", "a: b #"]
)
def test_names_of_steps_are_only_names(name: str) -> None:
    graph = flow()
    graph.to(inc, name).to(same, "end").respond()
    again = Graph.from_yaml(graph.to_yaml())
    assert [step.name for step in again.steps] == [name, "end"]
    event = Event(1)
    event.deadline = time.monotonic() + 60
    with again.to_mock_server() as server:
        assert server.test(body=1) == 2 and server.run(event).body == 2
        with pytest.raises(StepError) as caught:
            server.test(body="x")
        assert caught.value.step == name
    assert "<script" not in again.plot().svg
    ElementTree.fromstring(again.plot().svg)


def branches_and_a_stream() -> Graph:
    graph = flow()
    start = graph.to(same_later, "start")
    risky = start.to("storey.Map", "risky", _fn="(10 // event)")
    risky.error_handler("zero", handler="(-1)")
    start.to(inc, "inc")
    merged = graph.add_step("Merge", "merge", after=["risky", "inc"])
    merged.to(sum, "sum").to(up_to, "count").to(same_later, "each").respond()
    return graph


def test_observers_see_branches_and_streams_and_change_nothing(tmp_path: Path) -> None:
    async def answers(server: GraphServer) -> list[Any]:
        async def one(body: int) -> Any:
            response = await server.run_async(Event(body))
            if not response.is_stream:
                return response.body
            return [value async for value in response.body]

        return await asyncio.gather(*(one(body) for body in (1, 5, 0, 10)))

    with branches_and_a_stream().to_mock_server() as server:
        plain = asyncio.run(answers(server))
    assert plain == [list(range(12)), list(range(8)), -1, list(range(12))]
    with branches_and_a_stream().to_mock_server() as server:
        server.observe(Metrics(), Recorder(tmp_path, steps=True))
        assert asyncio.run(answers(server)) == plain


@pytest.mark.parametrize("whole_time", [None, 0.1])
def test_a_caller_that_leaves_ends_all_branches(whole_time: float | None) -> None:
    ended: list[str] = []

    async def waits(event: Event) -> Event:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise
        return event

    graph = flow()
    start = graph.to(same_later, "start")
    start.to(waits, "a", full_event=True).respond()
    start.to(waits, "b", full_event=True)

    async def leave(server: GraphServer) -> None:
        event = Event(1)
        if whole_time is not None:
            event.deadline = time.monotonic() + whole_time
            assert (await server.run_async(event)).status_code == 504
        else:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(server.run_async(event), 0.1)
        await asyncio.sleep(0)

    with graph.to_mock_server() as server:
        asyncio.run(leave(server))
    assert ended == ["cancelled", "cancelled"]


class Teapot(Exception):
    status_code = 418


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidArgumentError("x"), 400), (Teapot("x"), 418), (TimeoutError("x"), 504),
        (asyncio.TimeoutError(), 504), (KeyError("x"), 500), (StopIteration(1), 500),
        (StopAsyncIteration(1), 500), (asyncio.CancelledError(), 500), (MemoryError(), 500),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_every_error_is_an_answer_of_its_caller(error: BaseException, status: int) -> None:
    def fails(body: Any) -> Any:
        raise error if body else ValueError("another")

    async def fails_later(body: Any) -> Any:
        raise error if body else ValueError("another")

    for step in (
        [fails_later] if isinstance(error, asyncio.CancelledError) else [fails, fails_later]
    ):
        graph = flow()
        graph.to(step, "step").to(same, "end").respond()
        with graph.to_mock_server() as server:
            answer = server.test(body=1, silent=True)
            assert isinstance(answer, Response) and answer.status_code == status
            assert server.test(body=0, silent=True).status_code == 500  # it still answers


def test_a_step_may_ask_its_own_server() -> None:
    class Count:
        def __init__(self, context: Any) -> None:
            self.context = context

        def do(self, body: int) -> int:
            return self.context.server.test(body=body - 1) + 1 if body else 0

        async def later(self, body: int) -> int:
            return (await self.context.server.run_async(Event(body - 1))).body + 1 if body else 0

    for handler in ("do", "later"):
        graph = flow()
        graph.to(Count, "count", handler=handler).respond()
        with graph.to_mock_server() as server:
            assert server.test(body=20) == 20


def test_servers_of_one_graph_share_nothing() -> None:
    graph = flow()
    graph.to("storey.MapWithState", "count", initial_state=0, fn=lambda _, n: (n, n + 1)).respond()
    with graph.to_mock_server() as one, graph.to_mock_server() as other:
        assert [one.test(body="x") for _ in range(3)] == [0, 1, 2]
        assert other.test(body="x") == 0


def test_state_behind_async_steps_counts_every_caller_once() -> None:
    graph = flow()
    counted = graph.to(same_later, "before").to(
        "storey.MapWithState", "count", initial_state=0, fn=lambda _, n: (n, n + 1)
    )
    counted.to(same_later, "after").respond()
    found: list[int] = []
    with graph.to_mock_server() as server:
        threads = [
            threading.Thread(target=lambda: found.extend(server.test(body=0) for _ in range(25)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == list(range(200))


def test_many_branches_at_once() -> None:
    graph = flow()
    start = graph.to(same_later, "start")
    names = [f"branch {n}" for n in range(200)]
    for name in names:
        start.to(same_later, name)
    graph.add_step("Merge", "merge", after=names).to(len, "count").respond()
    with graph.to_mock_server() as server:
        assert list(server.stream([1, 2, 3], max_in_flight=3)) == [200, 200, 200]
