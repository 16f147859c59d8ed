from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mlrun_like.errors import StepError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.observer import Observer
from mlrun_like.serving.server import GraphServer


class Log(Observer):
    def __init__(self) -> None:
        self.lines: list[Any] = []

    def begin(self, event: Event) -> None:
        self.lines.append(("begin", event.body))

    def before_step(self, event: Event, step: str, body: Any) -> Any:
        return body

    def after_step(
        self, event: Event, step: str, token: Any, body: Any, error: BaseException | None
    ) -> None:
        self.lines.append((step, token, body, type(error).__name__ if error else ""))

    def end(self, event: Event, response: Response | None, error: BaseException | None) -> None:
        status = response.status_code if response else None
        self.lines.append(("end", status, type(error).__name__ if error else ""))


def risky(body: int) -> int:
    if body == 3:
        raise ValueError(body)
    return body * 2


async def risky_later(body: int) -> int:
    return risky(body)


@pytest.mark.parametrize("function", [risky, risky_later])
def test_observers_see_every_step(function: Any) -> None:
    graph = flow()
    graph.to(name="plus", handler="(event + 1)").to(function, "risky").respond()
    log = Log()
    with graph.to_mock_server() as server:
        assert server.test(body=1) == 4 and not log.lines
        server.observe(log)
        assert server.test(body=1) == 4
        assert log.lines == [
            ("begin", 1), ("plus", 1, 2, ""), ("risky", 2, 4, ""), ("end", 200, ""),
        ]  # fmt: skip
        log.lines.clear()
        with pytest.raises(StepError) as caught:
            server.test(body=2)
        assert caught.value.step == "risky"
        assert log.lines[2:] == [("risky", 3, None, "ValueError"), ("end", None, "StepError")]
        log.lines.clear()
        assert asyncio.run(server.run_async(Event(2))).status_code == 500
        assert log.lines[-1] == ("end", None, "StepError")
        assert list(server.stream([1, 5])) == [4, 12]


def test_watching_whole_events_leaves_steps_alone() -> None:
    class Ends(Log):
        steps = False

    graph = flow()
    graph.to(risky, "risky").respond()
    log = Ends()
    server = graph.to_mock_server()
    server.observe(log)
    assert server.test(body=1) == 2
    assert log.lines == [("begin", 1), ("end", 200, "")]


def test_an_initializer_lets_observers_watch() -> None:
    graph, log = flow(), Log()
    graph.to(name="plus", handler="(event + 1)").respond()
    with GraphServer(graph, initializer=lambda server: server.observe(log)) as server:
        assert server.test(body=1) == 2
    assert log.lines == [("begin", 1), ("plus", 1, 2, ""), ("end", 200, "")]
