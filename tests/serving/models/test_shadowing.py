"""ShadowRouter: copies that change neither the answer nor its time."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from mlrun_like.errors import GraphError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.serving.models.shadowing import ShadowRouter, differs
from mlrun_like.serving.server import GraphServer


class Plus(V2ModelServer):
    gate = threading.Event()

    def load(self) -> None:
        pass

    def predict(self, request: dict[str, Any]) -> Any:
        add = self.get_param("add", 0)
        if add == "fail":
            raise ValueError("shadow down")
        if add == "hang":
            self.gate.wait(20)
            return [0]
        request["inputs"][:] = [value + add for value in request["inputs"]]
        return request["inputs"]


def served(routes: dict[str, Any], **values: Any) -> GraphServer:
    graph = flow()
    step: Any = graph.add_step("*ShadowRouter", "net", **values)
    for name, add in routes.items():
        step.add_route(name, class_name=Plus, add=add)
    step.respond()
    return graph.to_mock_server()


def router_of(server: GraphServer) -> ShadowRouter:
    found = server.plan.nodes["net"].bound.made
    assert isinstance(found, ShadowRouter)
    return found


def test_differences_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "mlrun_like.serving")
    server = served({"main": 1, "same": 1, "other": 2, "broken": "fail"})
    for path in ("/", "/v2/models/net/infer", "/v2/models/infer"):
        assert server.test(path, body={"inputs": [1, 2]})["outputs"] == [2, 3]
    assert router_of(server).wait(5)
    told = server.test("/v2/models/net/metrics")
    assert told["main"] == "main"
    got = {
        name: (shadow["calls"], shadow["differences"], shadow["failures"])
        for name, shadow in told["shadows"].items()
    }
    assert got == {"same": (3, 0, 0), "other": (3, 3, 0), "broken": (3, 3, 3)}
    assert "shadow 'other' of 'net' differs" in caplog.text and "shadow down" in caplog.text
    assert server.test("/v2/models/other/infer", body={"inputs": [1]})["outputs"] == [3]
    assert server.test("/v2/models")["models"] == ["main", "same", "other", "broken", "net"]
    assert server.test("/v2/models/net")["name"] == "main"
    assert router_of(server).report()["shadows"]["same"]["calls"] == 3, "only its own traffic"


def test_a_loop_is_not_held_up() -> None:
    Plus.gate.clear()

    async def main() -> Any:
        server = served({"main": 1, "slow": "hang", "other": 2})
        start = time.perf_counter()
        got = [await server.run_async(Event({"inputs": [1]})) for _ in range(3)]
        assert [response.body["outputs"] for response in got] == [[2]] * 3
        assert time.perf_counter() - start < 2
        for _ in range(200):
            await asyncio.sleep(0.01)
            if router_of(server).report()["shadows"]["other"]["differences"] == 3:
                break
        Plus.gate.set()
        return router_of(server).report()["shadows"]["other"]["calls"]

    assert asyncio.run(main()) == 3


def test_a_hanging_shadow_holds_up_nobody_and_copies_are_bounded() -> None:
    Plus.gate.clear()
    server = served({"main": 1, "slow": "hang"}, max_pending=3)
    start = time.perf_counter()
    for _ in range(20):
        assert server.test(body={"inputs": [1]})["outputs"] == [2]
    assert time.perf_counter() - start < 2
    assert router_of(server).report()["shadows"]["slow"]["dropped"] == 17
    assert not router_of(server).wait(0.01)
    Plus.gate.set()
    server.close()
    assert router_of(server).report()["shadows"]["slow"]["calls"] == 3


def test_samples_and_chosen_shadows() -> None:
    server = served({"a": 1, "b": 2, "c": 3}, main="b", shadows=["c"], sample=0.0)
    assert server.test(body={"inputs": [1]})["outputs"] == [3]
    assert list(router_of(server).report()["shadows"]) == ["c"]
    assert router_of(server).report()["shadows"]["c"]["calls"] == 0
    server = served({"a": 1, "b": 2}, sample=0.5)
    for _ in range(200):
        server.test(body={"inputs": [1]})
    router_of(server).wait(5)
    assert 50 < router_of(server).report()["shadows"]["b"]["calls"] < 150


def test_a_failing_answer_is_compared_too() -> None:
    server = served({"main": "fail", "also": "fail", "fine": 1})
    with pytest.raises(Exception, match="shadow down"):
        server.test(body={"inputs": [1]})
    router_of(server).wait(5)
    shadows = router_of(server).report()["shadows"]
    assert shadows["also"]["differences"] == 0 and shadows["fine"]["differences"] == 1


@pytest.mark.parametrize(
    ("values", "match"),
    [({"main": "x"}, "no route 'x'"), ({"shadows": ["x"]}, "no route 'x'"),
     ({"shadows": ["a"]}, "its own shadow"), ({"sample": 2}, "between 0 and 1"),
     ({"max_pending": 0}, "max_pending 0")],
)  # fmt: skip
def test_arguments_that_cannot_be_used(values: dict[str, Any], match: str) -> None:
    with pytest.raises(GraphError, match=match):
        served({"a": 1, "b": 2}, **values)


@pytest.mark.parametrize(
    ("left", "right", "differ"),
    [(1, 1.0, False), ([float("nan")], [float("nan")], False), ([1.0], [float("nan")], True),
     ({"a": [1.0]}, {"a": [1.0 + 1e-9]}, False), ({"a": 1}, {"b": 1}, True), ("a", "b", True),
     ([1], [1, 2], True), ([1], 1, True), (0.0, 1e-15, False), (0.0, 1e-3, True), (True, 1, False)],
)  # fmt: skip
def test_what_differs(left: Any, right: Any, differ: bool) -> None:
    assert differs(left, right) is differ


def counting(body: Any) -> Iterator[int]:
    yield from range(body)


async def counting_slowly(body: Any) -> AsyncIterator[int]:
    for number in range(body):
        yield number


async def breaking(body: Any) -> AsyncIterator[int]:
    yield 1
    raise ValueError("shadow down")


@pytest.mark.parametrize("main", [counting, counting_slowly])
def test_streams_of_shadows_are_read(main: Any) -> None:
    graph = flow()
    step: Any = graph.add_step("*ShadowRouter", "net")
    routes = {"main": main, "other": counting, "slow": counting_slowly, "bad": breaking}
    for name, handler in routes.items():
        step.add_route(name, handler=handler)
    step.add_route("value", handler=abs)
    step.respond()
    server = graph.to_mock_server()
    assert list(server.test(body=3)) == [0, 1, 2]
    assert router_of(server).wait(5)

    async def in_a_loop() -> list[int]:
        response = await server.run_async(Event(2))
        if isinstance(response.body, AsyncIterator):
            got = [value async for value in response.body]
        else:
            got = list(response.body)
        for _ in range(500):
            if all(told["calls"] == 2 for told in router_of(server).report()["shadows"].values()):
                break
            await asyncio.sleep(0.01)
        return got

    assert asyncio.run(in_a_loop()) == [0, 1]
    told = router_of(server).report()["shadows"]
    found = {n: (t["calls"], t["differences"], t["failures"]) for n, t in told.items()}
    same, other = (2, 0, 0), (2, 2, 0)
    assert found == {"other": same, "slow": same, "bad": (2, 2, 2), "value": other}


def test_a_stream_without_an_end_is_left() -> None:
    numbers = itertools.count()

    def endless(body: Any) -> Iterator[int]:
        yield from numbers

    graph = flow()
    step: Any = graph.add_step("*ShadowRouter", "net")
    step.add_route("main", handler=abs)
    step.add_route("other", handler=endless)
    step.respond()
    server = graph.to_mock_server()
    assert server.test(body=-3) == 3
    assert router_of(server).wait(5)
    told = router_of(server).report()["shadows"]["other"]
    assert (told["calls"], told["differences"], told["failures"]) == (1, 1, 0)
    assert next(numbers) == 10_000
