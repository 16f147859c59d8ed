"""ParallelRun: merging, failures, time limits, processes."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from typing import Any

import pytest

from mlrun_like.errors import GraphError, InvalidArgumentError, StepError, StepTimeoutError
from mlrun_like.serving.context import GraphContext
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.engine.route import Route
from mlrun_like.serving.event import DROP, Event, Response
from mlrun_like.serving.models.parallel import ParallelRun
from mlrun_like.serving.models.parallel_options import ParallelRunnerModes
from mlrun_like.serving.protocol import Step
from mlrun_like.serving.server import GraphServer

EXECUTORS = [
    pytest.param(mode, marks=pytest.mark.slow) if mode == "process" else mode
    for mode in ParallelRunnerModes.all()
]


class Echo:
    def __init__(self, context: GraphContext, name: str = "", data: Any = None) -> None:
        self.name = name
        self.data = data or {}

    def do(self, body: Any) -> Any:
        return self.data


class Slow(Echo):
    def do(self, body: Any) -> Any:
        if isinstance(body, dict) and "sleep" in body:
            time.sleep(body["sleep"])
        return {self.name: os.getpid()}


class Failing(Echo):
    def do(self, body: Any) -> Any:
        if body.get("die"):
            os._exit(7)
        raise (ValueError if not body.get("mine") else InvalidArgumentError)("bad row")


def double(body: Any) -> Any:
    return {"mul": body["x"] * 2}


def served(routes: dict[str, Any], **values: Any) -> GraphServer:
    graph = flow()
    step: Any = graph.add_step("*ParallelRun", "all", **values)
    for name, cls in routes.items():
        if isinstance(cls, type):
            step.add_route(name, class_name=cls)
        elif callable(cls):
            step.add_route(name, handler=cls)
        else:
            step.add_route(name, class_name=Echo, data=cls)
    step.respond()
    return graph.to_mock_server()


@pytest.mark.parametrize("executor", EXECUTORS)
def test_results_are_merged(executor: str) -> None:
    routes = {"c1": {"a": 1, "b": 2}, "c2": {"c": 7}, "c3": double}
    with served(routes, extend_event=True, executor_type=executor) as server:
        for x in (8, 9):
            want = {"x": x, "a": 1, "b": 2, "c": 7, "mul": 2 * x}
            assert server.test(body={"x": x}) == want
            assert asyncio.run(server.run_async(Event({"x": x}))).body == want
    with served(routes, executor_type=executor) as server:
        assert server.test(body={"x": 1}) == {"a": 1, "b": 2, "c": 7, "mul": 2}


def test_the_order_of_routes_decides_which_value_stays() -> None:
    def late(body: Any) -> Any:
        time.sleep(0.03)
        return {"who": "late"}

    assert served({"a": late, "b": {"who": "b"}}).test(body={}) == {"who": "b"}
    assert served({"b": {"who": "b"}, "a": late}).test(body={}) == {"who": "late"}


def test_routes_run_at_once_and_cannot_see_each_others_bodies() -> None:
    barrier = threading.Barrier(3)

    def meet(body: Any) -> Any:
        barrier.wait(5)
        body["x"].append(1)
        return {str(threading.get_ident()): len(body["x"])}

    got = served({"a": meet, "b": meet, "c": meet}).test(body={"x": []})
    assert list(got.values()) == [1, 1, 1]


def test_async_routes_run_at_once() -> None:
    async def nap(body: Any) -> Any:
        await asyncio.sleep(0.05)
        return {}

    start = time.perf_counter()
    assert served({str(n): nap for n in range(20)}).test(body={}) == {}
    assert time.perf_counter() - start < 0.6


@pytest.mark.parametrize("loop", [False, True], ids=["threads", "loop"])
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_failing_route_is_named(executor: str, loop: bool) -> None:
    with served({"good": {"a": 1}, "bad": Failing}, executor_type=executor) as server:
        for body, status in (({}, 500), ({"mine": True}, 400)):
            event = Event(dict(body))
            got = asyncio.run(server.run_async(event)) if loop else server.run(event)
            assert got.status_code == status
            assert "route 'bad' failed" in got.body["error"] and "bad row" in got.body["error"]


def test_several_failures_are_told_together() -> None:
    server = served({"a": Failing, "b": {"x": 1}, "c": Failing})
    with pytest.raises(StepError, match=r"2 of 3 routes failed: a, c"):
        server.test(body={})


def test_what_to_do_with_failures(caplog: pytest.LogCaptureFixture) -> None:
    routes = {"good": {"a": 1}, "bad": Failing}
    assert served(routes, on_error="skip").test(body={}) == {"a": 1}
    assert "route 'bad' of 'all' failed" in caplog.text
    got = served(routes, on_error="collect").test(body={})
    assert got == {"a": 1, "errors": {"bad": "ValueError: bad row"}}
    with pytest.raises(StepError, match="route 'bad' failed"):
        served({"bad": Failing}, on_error="skip").test(body={})


@pytest.mark.parametrize("loop", [False, True], ids=["threads", "loop"])
@pytest.mark.parametrize("executor", ["thread", "array"])
def test_a_route_that_takes_too_long(executor: str, loop: bool) -> None:
    routes = {"quick": {"a": 1}, "slow": Slow}
    server = served(routes, executor_type=executor, timeout={"slow": 0.1}, on_error="collect")
    start = time.perf_counter()
    event = Event({"sleep": 1.0})
    step: Any = server.plan.nodes["all"].bound.made
    found = asyncio.run(step.do_event_async(event)) if loop else step.do_event(event)
    assert time.perf_counter() - start < 0.9
    assert (
        found.body["a"] == 1
        and "route 'slow' took longer than 0.1 s" in found.body["errors"]["slow"]
    )
    strict = served(routes, executor_type=executor, timeout=0.05)
    response = strict.run(Event({"sleep": 0.3}))
    assert response.status_code == 504 and "slow" in response.body["error"]
    with pytest.raises(StepTimeoutError):
        strict.plan.nodes["all"].bound.made.do_event(Event({"sleep": 0.3}))


def test_a_cancelled_request_cancels_its_routes() -> None:
    ended: list[str] = []

    async def forever(body: Any) -> Any:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("cancelled")

    async def main() -> None:
        server = served({"a": forever, "b": forever}, timeout=30)
        task = asyncio.ensure_future(server.run_async(Event({})))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert ended == ["cancelled", "cancelled"]


@pytest.mark.parametrize(
    ("values", "match"),
    [({"executor_type": "fork"}, "executor_type 'fork'"), ({"on_error": "hide"}, "on_error 'hide'"),
     ({"timeout": 0}, "timeout 0"), ({"timeout": {"x": 1}}, "timeout"),
     ({"timeout": "1"}, "timeout")],
)  # fmt: skip
def test_arguments_that_cannot_be_used(values: dict[str, Any], match: str) -> None:
    with pytest.raises(GraphError, match=match):
        served({"a": {}}, **values)


def test_results_that_cannot_be_merged() -> None:
    with pytest.raises(StepError, match="route 'a' gave a list"):
        served({"a": [1]}).test(body={})
    with pytest.raises(StepError, match="cannot be merged into"):
        served({"a": {}}, extend_event=True).test(body=[1])
    with pytest.raises(StepError, match="has no routes"):
        ParallelRun(GraphContext(), "p").do_event(Event({}))


def test_a_merger_of_ones_own_and_answers_with_a_status() -> None:
    class Listed(ParallelRun):
        def merger(self, body: dict[str, Any], results: dict[str, Any]) -> dict[str, Any]:
            return {"all": list(results.values())}

    def refuse(event: Event) -> Event:
        event.body = Response("no", 404)
        return event

    def created(event: Event) -> Event:
        event.body = Response({"new": 1}, 201)
        return event

    good = {"a": Route("a", None, created, None, True), "b": Route("b", None, len, None, False)}
    assert Listed(GraphContext(), "p", good).do_event(Event("xy")).body == {"all": [{"new": 1}, 2]}
    bad = ParallelRun(GraphContext(), "p", {"a": Route("a", None, refuse, None, True)})
    with pytest.raises(StepError, match="answered 404") as caught:
        bad.do_event(Event({}))
    assert caught.value.status == 404


# Processes ---------------------------------------------------------------------------------------


@pytest.mark.slow
def test_each_route_has_a_process_that_can_be_ended() -> None:
    server = served({"a": Slow, "b": Slow, "bad": Failing}, executor_type="process",
                    timeout=5, on_error="collect")  # fmt: skip
    with server:
        first = server.test(body={})
        assert len({first["a"], first["b"], os.getpid()}) == 3
        assert server.test(body={})["a"] == first["a"], "it stays"
        step: Any = server.plan.nodes["all"].bound.made
        step._timeouts["b"] = 0.2
        start = time.perf_counter()
        late = server.test(body={"sleep": 1.5})
        assert 1.4 < time.perf_counter() - start < 4
        assert "took longer" in late["errors"]["b"] and "a" in late
        step._timeouts["b"] = 20
        again = server.test(body={})
        assert again["b"] != first["b"] and again["a"] == first["a"]
        os.kill(again["a"], signal.SIGKILL)
        got = server.test(body={})
        assert "ended with exit code -9" in got["errors"]["a"] and got["b"] == again["b"]
        assert server.test(body={})["a"] not in (first["a"], again["a"])
        assert "exit code 7" in server.test(body={"die": True})["errors"]["bad"]
        assert "ValueError: bad row" in server.test(body={})["errors"]["bad"]
        pids = [process._process.pid for process in step._processes.values()]
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def later(body: Any) -> Any:
    await asyncio.sleep(0)
    return {"later": body["x"]}


class Maybe(Step):
    kind = "maybe"

    def do(self, body: Any) -> Any:
        return DROP if body["x"] else {"kept": 1}


@pytest.mark.parametrize("executor", EXECUTORS)
def test_async_routes_and_routes_that_drop(executor: str) -> None:
    with served({"a": later, "b": Maybe}, executor_type=executor) as server:
        assert server.test(body={"x": 1}) == {"later": 1}
        assert server.test(body={"x": 0}) == {"later": 0, "kept": 1}


class Unready(Echo):
    def __init__(self, name: str = "") -> None:
        if "worker" in str(threading.main_thread().name) or os.getppid() == int(
            os.environ.get("OWNER", "0")
        ):
            raise ValueError("no such file")
        super().__init__(GraphContext())


@pytest.mark.slow
def test_a_route_that_a_process_cannot_make(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OWNER", str(os.getpid()))
    with pytest.raises(GraphError, match="no such file"):
        served({"a": Unready}, executor_type="process")
    lock = threading.Lock()
    with pytest.raises(GraphError, match="cannot be sent to a process"):
        served({"a": lambda body: {"x": lock}}, executor_type="process")
    bare = ParallelRun(GraphContext(), "p", {"a": Route("a", None, len, None, False)},
                       executor_type="process")  # fmt: skip
    with pytest.raises(InvalidArgumentError, match="no definition"):
        bare.post_init()
