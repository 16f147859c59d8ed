from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlrun_like.errors import GraphError, InvalidArgumentError, NotFoundError
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import Event
from mlrun_like.serving.observe.journal import read_journal
from mlrun_like.serving.observe.recording import Recorder
from mlrun_like.serving.observe.replay import find_record, replay, step_functions
from mlrun_like.serving.protocol import Step
from mlrun_like.serving.web.request import HttpEvent

factor = 2


def to_array(body: Any) -> Any:
    return np.array(body["inputs"], dtype=float)


def scale(body: Any) -> Any:
    return {"outputs": (body * factor).tolist(), "timestamp": object().__hash__()}


class Keep(Step):
    kind = "filter"

    def do(self, body: Any) -> bool:
        return bool(len(body))


class Twice(Step):
    kind = "many"

    def process(self, event: Event) -> list[Event]:
        return [event, event.branch()]


def models() -> Graph:
    graph = flow()
    graph.to(to_array, "to_array").to(Keep, "keep").to(scale, "scale")
    return graph


def recorded(graph: Graph, folder: Path, *bodies: Any) -> list[dict[str, Any]]:
    recorder = Recorder(folder, steps=True)
    server = graph.to_mock_server(globals())
    server.observe(recorder)
    for number, body in enumerate(bodies):
        server.test(body=body, event_id=f"e{number}", silent=True)
    recorder.close()
    return list(read_journal(folder))


def test_the_whole_graph(tmp_path: Path) -> None:
    records = recorded(models(), tmp_path, {"inputs": [1, 2]}, {"wrong": 1}, {"inputs": []})
    found = list(replay(iter(records), models(), namespace=globals()))
    assert [item.same for item in found] == [True, True, True]
    assert [item.status for item in found] == [200, 500, 204]
    assert found[0].answer["outputs"] == [2, 4] and found[0].event_id == "e0"
    assert found[0].recorded_seconds == records[0]["seconds"]


def test_a_change_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = recorded(models(), tmp_path, {"inputs": [1, 2]}, {"inputs": "ab"})
    monkeypatch.setattr(f"{__name__}.factor", 3)
    one, two = replay(iter(records), models(), namespace=globals())
    assert one.differences == ("outputs[0]: 2.0 -> 3.0", "outputs[1]: 4.0 -> 6.0")
    assert two.same and not one.same


def test_one_step_with_its_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (record,) = recorded(models(), tmp_path, {"inputs": [1, 2]})
    for step in ("to_array", "keep", "scale"):
        (found,) = replay(record, models(), step=step, namespace=globals())
        assert found.same and found.step == step and found.status is None
    monkeypatch.setattr(f"{__name__}.factor", "x")
    (found,) = replay(record, models(), step="scale", namespace=globals())
    assert found.error is not None and found.answer is None
    assert found.differences == (f"error: none -> {type(found.error).__name__}",)


def test_steps_of_every_kind(tmp_path: Path) -> None:
    async def later(body: Any) -> Any:
        await asyncio.sleep(0)
        return body + 1

    def whole(event: Event) -> Event:
        event.body = [event.body, event.id]
        return event

    graph = flow()
    start = graph.to(later, "later").to(Twice, "twice").to(whole, "whole", full_event=True)
    start.respond()
    (record,) = recorded(graph, tmp_path, 5)
    assert len(record["steps"]) == 4
    for step, calls in (("later", 1), ("twice", 1), ("whole", 2)):
        found = list(replay(record, graph, step=step, namespace=globals()))
        assert [item.same for item in found] == [True] * calls, found
        assert [item.call for item in found] == list(range(calls))
    (found_whole,) = replay(record, graph)
    assert found_whole.same


def test_an_error_handler_sees_the_error_again(tmp_path: Path) -> None:
    def fail(body: Any) -> Any:
        raise ValueError("no")

    def told(event: Event) -> Event:
        event.body = {"failed": event.origin_state, "error": event.error}
        return event

    graph = flow()
    graph.to(fail, "fail").error_handler("told", handler=told, full_event=True)
    (record,) = recorded(graph, tmp_path, 1)
    (found,) = replay(record, graph, step="told")
    assert found.same and found.answer["failed"] == "fail"
    assert next(replay(record, graph)).same


def test_a_query_is_there_again(tmp_path: Path) -> None:
    def ask(event: Any) -> Any:
        event.body = event.query
        return event

    graph = flow()
    graph.to(ask, full_event=True)
    recorder = Recorder(tmp_path)
    server = graph.to_mock_server()
    server.observe(recorder)
    for query in (b"n=1&n=2&b=", b"api_key=secret"):
        assert server.run(HttpEvent.of("GET", "/a", query, [])).status_code == 200
    recorder.close()
    records = list(read_journal(tmp_path))
    assert [record["query"] for record in records] == ["n=1&n=2&b=", "api_key=***"]
    one, two = replay(iter(records), graph)
    assert one.same and one.answer == {"n": "2", "b": ""}
    assert two.differences == ("api_key: 'secret' -> '***'",), "secrets are not recorded"


def test_what_is_missing(tmp_path: Path) -> None:
    (record,) = recorded(models(), tmp_path, {"inputs": [1]})
    with pytest.raises(NotFoundError, match="Did you mean 'e0'"):
        find_record(tmp_path, "e00")
    assert find_record(tmp_path, "e0") == record
    with pytest.raises(GraphError, match="has no step 'skale'"):
        list(replay(record, models(), step="skale", namespace=globals()))
    del record["steps"]
    with pytest.raises(NotFoundError, match="no input of step 'scale' was recorded") as caught:
        list(replay(record, models(), step="scale", namespace=globals()))
    assert "steps=True" in caught.value.fix
    with pytest.raises(InvalidArgumentError, match="has no body"):
        list(replay({"id": "x"}, models(), namespace=globals()))
    opaque = {"id": "x", "body": {"$opaque": "pkg.Thing"}}
    with pytest.raises(InvalidArgumentError, match=r"pkg\.Thing was not recorded"):
        list(replay(opaque, models(), namespace=globals()))


def test_functions_for_breakpoints() -> None:
    names = [function.__name__ for function in step_functions(models(), globals())]
    assert names == ["to_array", "do", "scale"]
    assert step_functions(models(), globals(), "scale") == [scale]


def test_a_runner_calls_the_event(tmp_path: Path) -> None:
    (record,) = recorded(models(), tmp_path, {"inputs": [1]})
    called: list[Any] = []

    def runner(call: Any) -> Any:
        called.append(call)
        return call()

    assert next(replay(record, models(), namespace=globals(), runner=runner)).same
    assert len(called) == 1
