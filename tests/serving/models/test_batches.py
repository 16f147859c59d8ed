"""Micro-batching of a model server's predictions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mlrun_like.errors import GraphError
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.graph import flow
from mlrun_like.serving.models import V2ModelServer
from mlrun_like.serving.server import GraphServer


class Counted(V2ModelServer):
    def load(self) -> None:
        self.calls: list[int] = []

    def predict(self, request: dict[str, Any]) -> Any:
        if "bad" in request["inputs"]:
            raise ValueError("bad row")
        self.calls.append(len(request["inputs"]))
        scale = request.get("parameters", {}).get("scale", 1)
        return [value * scale for value in request["inputs"]]


class Awaited(Counted):
    async def predict(self, request: dict[str, Any]) -> Any:
        await asyncio.sleep(0.001)
        return super().predict(request)


class Old(Counted):
    def predict(self, request: dict[str, Any]) -> Any:
        return super().predict({"inputs": request["instances"]})


def served(cls: type = Counted, batching: Any = True, **values: Any) -> GraphServer:
    graph = flow()
    graph.to(cls, "m", batching=batching, **values).respond()
    return graph.to_mock_server()


async def ask(server: GraphServer, bodies: list[Any]) -> list[Response]:
    return list(await asyncio.gather(*[server.run_async(Event(body)) for body in bodies]))


def model_of(server: GraphServer) -> Any:
    return server.plan.nodes["m"].bound.made


@pytest.mark.parametrize("cls", [Counted, Awaited])
def test_each_caller_gets_its_rows(cls: type) -> None:
    with served(cls, {"max_rows": 16}) as server:
        bodies = [{"id": n, "inputs": list(range(n, n + 1 + n % 3))} for n in range(100)]
        got = asyncio.run(ask(server, bodies))
        assert [answer.body["outputs"] for answer in got] == [body["inputs"] for body in bodies]
        assert [answer.body["id"] for answer in got] == list(range(100))
        calls = model_of(server).calls
        assert max(calls) <= 16 and len(calls) < 60 and sum(calls) == 199
        assert server.test(body={"inputs": [1]})["outputs"] == [1], "plain callers are not batched"


def test_a_bad_row_fails_alone() -> None:
    with served() as server:
        bodies = [{"inputs": ["bad" if n == 7 else n]} for n in range(20)]
        got = asyncio.run(ask(server, bodies))
        assert [answer.status_code for answer in got] == [500 if n == 7 else 200 for n in range(20)]
        assert model_of(server).counts.failures == 1


def test_requests_that_say_more_than_rows_are_predicted_alone() -> None:
    with served() as server:
        bodies = [{"inputs": [1], "parameters": {"scale": n}} for n in range(10)]
        got = asyncio.run(ask(server, bodies))
        assert [answer.body["outputs"] for answer in got] == [[n] for n in range(10)]


def test_protocol_v1() -> None:
    with served(Old, protocol="v1") as server:
        got = asyncio.run(ask(server, [{"instances": [n]} for n in range(10)]))
        assert [answer.body["outputs"] for answer in got] == [[n] for n in range(10)]


def test_options_that_cannot_be_used() -> None:
    with pytest.raises(GraphError, match="max_rows"):
        served(batching={"max_rows": 0})
