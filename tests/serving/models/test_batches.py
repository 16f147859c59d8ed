"""Micro-batching of a model server's predictions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mlrun_like.errors import GraphError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event, Response
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


class Streamed(Counted):
    closed = 0

    def predict(self, request: dict[str, Any]) -> Any:
        rows = request["inputs"]
        self.calls.append(len(rows))
        if "bad" in rows:
            raise ValueError("bad row")
        try:
            for tick in range(max(rows)):
                yield [tick if tick < row else None for row in rows]
        finally:
            type(self).closed += 1


class StreamedSlowly(Streamed):
    async def predict(self, request: dict[str, Any]) -> Any:
        for values in super().predict(request):
            await asyncio.sleep(0.001)
            yield values


@pytest.mark.parametrize("cls", [Streamed, StreamedSlowly])
def test_streams_share_calls(cls: type) -> None:
    async def read(response: Response) -> list[Any]:
        return [values async for values in response.body]

    async def main(server: GraphServer) -> list[Any]:
        answers = await ask(server, [{"inputs": [1]}, {"inputs": [2, 1]}, {"inputs": [3]}])
        return list(await asyncio.gather(*map(read, answers)))

    with served(cls) as server:
        got = asyncio.run(main(server))
        assert got == [[[0]], [[0, 0], [1, None]], [[0], [1], [2]]]
        assert model_of(server).calls == [2, 2]  # those with several rows come one turn later


def test_a_stream_of_several_rows_fails_and_ends_as_one() -> None:
    async def main(server: GraphServer) -> None:
        bad, good = await ask(server, [{"inputs": [5, "bad"]}, {"inputs": [9, 9]}])
        with pytest.raises(ValueError, match="bad row"):
            async for _ in bad.body:
                pass
        async for values in good.body:
            assert values == [0, 0]
            break
        before = Streamed.closed
        await good.body.aclose()
        for _ in range(100):
            await asyncio.sleep(0.01)
            if Streamed.closed > before:
                return
        raise AssertionError("the generator was not closed")

    with served(Streamed) as server:
        asyncio.run(main(server))


def test_no_rows_and_plain_callers_stream_too() -> None:
    with served(Streamed) as server:
        assert list(server.test(body={"inputs": [2]})) == [[0], [1]]
        (answer,) = asyncio.run(ask(server, [{"inputs": [], "parameters": {"x": 1}}]))
        assert answer.is_stream
