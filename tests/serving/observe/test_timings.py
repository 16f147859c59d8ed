from __future__ import annotations

import time
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.observe.timings import Timings


def test_recent_requests_with_their_steps() -> None:
    timings = Timings(size=3)

    def slow(body: Any) -> Any:
        time.sleep(0.01)
        return 1 / body

    graph = flow()
    graph.to(lambda body: body, "first").to(slow, "slow")
    server = graph.to_mock_server()
    server.observe(timings)
    for number, body in enumerate((1, 2, 3, 0)):
        server.test("/a", body, event_id=f"e{number}", silent=True)
    newest, *others = timings.recent()
    assert [request.event_id for request in others] == ["e2", "e1"]
    assert (newest.event_id, newest.path, newest.status, newest.error) == (
        "e3", "/a", 500, "StepError",
    )  # fmt: skip
    assert abs(newest.time - time.time()) < 60
    first, last = newest.steps
    assert (first.step, first.error, last.step, last.error) == (
        "first", "", "slow", "ZeroDivisionError",
    )  # fmt: skip
    assert 0 <= first.start <= last.start and 0.01 <= last.seconds <= newest.seconds
    assert len(timings.recent(2)) == 2


def test_branches_are_in_one_request() -> None:
    timings = Timings()
    graph = flow()
    start = graph.to(lambda body: body, "start")
    start.to(lambda body: body, "left").respond()
    start.to(lambda body: body, "right")
    server = graph.to_mock_server()
    server.observe(timings)
    server.test(body=1)
    (request,) = timings.recent()
    assert {step.step for step in request.steps} == {"start", "left", "right"}


def test_size() -> None:
    with pytest.raises(InvalidArgumentError, match="size cannot be 0"):
        Timings(0)
