from __future__ import annotations

import asyncio
import copy
import threading
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, NotFoundError, StepError
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.server import GraphServer


def answer(*functions: Any, body: Any = 1, **options: Any) -> Any:
    return server_of(*functions).test(body=body, **options)


def server_of(*functions: Any) -> GraphServer:
    graph = flow()
    step: Any = graph
    for number, function in enumerate(functions):
        step = step.to(function, f"s{number}")
    step.respond()
    return graph.to_mock_server()


def test_handler_choice() -> None:
    class Both:
        def do(self, body: Any) -> str:
            return "do"

        def do_event(self, event: Event) -> Event:
            event.body = "do_event"
            return event

        def other(self, body: Any) -> str:
            return "other"

        def __call__(self, body: Any) -> str:
            return "call"

    class Called:
        def __call__(self, body: Any) -> str:
            return "call"

    assert answer(Both) == "do_event"
    assert answer(Called) == "call"
    assert answer(Called()) == "call"
    graph = flow()
    graph.to(Both, "b", handler="other").respond()
    assert graph.to_mock_server().test(body=1) == "other"


def test_a_class_is_created_once_with_context_and_name() -> None:
    made: list[Any] = []

    class Step:
        def __init__(self, context: Any, name: str, **rest: Any) -> None:
            made.append((context, name, rest))

        def post_init(self) -> None:
            made.append("post_init")

        def do(self, body: Any) -> Any:
            return made[0][0].get_param("limit")

    graph = flow(parameters={"limit": 7})
    graph.to(Step, "mine", extra=1).respond()
    server = graph.to_mock_server()
    assert [server.test(body=1), server.test(body=2)] == [7, 7]
    assert len(made) == 2 and made[0][1:] == ("mine", {"extra": 1}) and made[0][0].is_mock


def test_function_steps_take_arguments_and_context() -> None:
    def scale(body: int, context: Any, factor: int = 1) -> int:
        return body * factor + int(context.is_mock)

    graph = flow()
    graph.to(scale, factor=5).respond()
    assert graph.to_mock_server().test(body=2) == 11


def test_paths_choose_parts_of_the_body() -> None:
    graph = flow()
    graph.to(len, "n", input_path="req.items", result_path="out.count").respond()
    server = graph.to_mock_server()
    assert server.test(body={"req": {"items": [1, 2]}}) == {
        "req": {"items": [1, 2]},
        "out": {"count": 2},
    }
    with pytest.raises(StepError, match=r"nothing at 'req\.items'") as caught:
        server.test(body={"req": 3})
    assert isinstance(caught.value.__cause__, InvalidArgumentError)


def test_full_event_steps() -> None:
    def keep(event: Event) -> None:
        event.body = event.path

    graph = flow()
    graph.to(keep, full_event=True).respond()
    assert graph.to_mock_server().test("/a/b", body=1) == "/a/b"
    graph = flow()
    graph.to(lambda event: 5, "five", full_event=True).respond()
    with pytest.raises(StepError, match="must return it, not int"):
        graph.to_mock_server().test(body=1)


def test_the_query_of_a_path() -> None:
    def told(event: Event) -> None:
        event.body = [event.path, dict(event.query)]

    graph = flow()
    graph.to(told, full_event=True)
    server = graph.to_mock_server()
    assert server.test("/a?x=1&y=%20z", body=1) == ["/a", {"x": "1", "y": " z"}]
    assert server.test("/a", body=1) == ["/a", {}]


def test_a_failure_names_step_and_event() -> None:
    server = server_of(lambda body: body, lambda body: body["x"])
    with pytest.raises(StepError) as caught:
        server.test(body={}, event_id="e-7")
    error = caught.value
    assert (error.step, error.event_id) == ("s1", "e-7")
    assert "step 's1', event e-7" in str(error) and "KeyError: 'x'" in str(error)
    response = server.test(body={}, event_id="e-7", silent=True, get_body=False)
    assert response.status_code == 500
    assert response.body == {
        "error": "KeyError: 'x'", "code": "step", "step": "s1", "event_id": "e-7",
    }  # fmt: skip


def test_our_errors_decide_the_status() -> None:
    def missing(body: Any) -> Any:
        raise NotFoundError("no user 5", fix="create it")

    response = server_of(missing).test(body=1, silent=True, get_body=False)
    assert response.status_code == 404
    assert response.body["code"] == "not_found" and response.body["fix"] == "create it"


def test_a_step_can_decide_the_answer() -> None:
    server = server_of(lambda body: Response({"why": "teapot"}, 418))
    assert server.test(body=1, silent=True) == Response({"why": "teapot"}, 418)
    with pytest.raises(StepError, match="answered 418"):
        server.test(body=1)


def test_a_terminated_event_is_the_answer() -> None:
    def stop(event: Event) -> Event:
        event.body, event.terminated = "early", True
        return event

    graph = flow()
    graph.to(stop, full_event=True).to(lambda body: "late", "late").respond()
    assert graph.to_mock_server().test(body=1) == "early"


def test_without_a_responder() -> None:
    graph = flow(engine="async")
    graph.to(len)
    assert graph.to_mock_server().test(body=[1], event_id="x") == {"id": "x"}
    graph = flow(engine="sync")
    graph.to(len)
    assert graph.to_mock_server().test(body=[1]) == 1


def branching(log: list[Any]) -> Graph:
    def note(body: dict[str, int]) -> dict[str, int]:
        body["noted"] = 1
        log.append(copy.deepcopy(body))
        return body

    graph = flow()
    start = graph.to(lambda body: {"x": body}, "start")
    start.to(note, "note")
    start.to(lambda body: body, "answer").respond().to(note, "after")
    return graph


def test_branches_get_copies_and_the_responder_answers() -> None:
    log: list[Any] = []
    assert branching(log).to_mock_server().test(body=4) == {"x": 4}
    assert log == [{"x": 4, "noted": 1}] * 2


def test_async_steps_work_from_anywhere() -> None:
    async def later(body: int) -> int:
        await asyncio.sleep(0)
        return body + 1

    class Late:
        async def do_event(self, event: Event) -> Event:
            event.body *= 10
            return event

    server = server_of(later, lambda body: body, Late)
    assert server.test(body=1) == 20

    async def inside_a_loop() -> Any:
        return server.test(body=2)

    assert asyncio.run(inside_a_loop()) == 30
    assert asyncio.run(server.run_async(Event(3))).body == 40

    async def fails(body: int) -> int:
        raise KeyError(body)

    with server_of(later, fails) as failing, pytest.raises(StepError, match="step 's1'"):
        failing.test(body=1)
    server.close()
    server.close()


def test_blocking_steps_leave_the_loop_free() -> None:
    entered, free = threading.Event(), threading.Event()

    class Slow:
        blocking = True

        def do(self, body: Any) -> Any:
            entered.set()
            return free.wait(5) and threading.current_thread().name

    server = server_of(Slow)

    async def both() -> Any:
        task = asyncio.ensure_future(server.run_async(Event(1)))
        while not entered.is_set():
            await asyncio.sleep(0.001)
        free.set()
        return await task

    assert asyncio.run(both()).body.startswith("graph-step")
    server.close()


def test_every_caller_gets_its_own_answer() -> None:
    server = server_of(lambda body: body * 2, lambda body: body + 1)
    results: dict[int, int] = {}

    def call(number: int) -> None:
        for value in range(number * 100, number * 100 + 100):
            results[value] = server.test(body=value)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {value: value * 2 + 1 for value in range(800)}


@pytest.mark.parametrize(
    ("body", "kind", "seen"),
    [(b'{"a": 1}', "", {"a": 1}), ("plain", "", "plain"), (b"", "application/json", None),
     (b"\xff", "image/png", b"\xff"), (b"[1]", "application/vnd.x+json; charset=utf-8", [1])],
)  # fmt: skip
def test_bodies_are_decoded_by_type(body: Any, kind: str, seen: Any) -> None:
    assert answer(lambda body: body, body=body, content_type=kind) == seen


@pytest.mark.parametrize("body", [b"{bad", b"\xff\xfe", b"NaN", b"[" * 200_000, b"1" * 5000 + b"x"])
def test_bad_json_is_the_callers_fault(body: bytes) -> None:
    server = server_of(lambda body: body)
    with pytest.raises(InvalidArgumentError, match="not valid JSON"):
        server.test(body=body, content_type="application/json")
    response = server.test(body=body, content_type="application/json", silent=True, get_body=False)
    assert response.status_code == 400


def test_a_long_chain_does_not_exhaust_the_stack() -> None:
    graph = flow()
    step: Any = graph
    for number in range(3000):
        step = step.to(lambda body: body + 1, f"s{number}")
    step.respond()
    assert graph.to_mock_server().test(body=0) == 3000


@pytest.mark.parametrize("status", ["abc", 99, 1000, None, True, 200.5])
def test_a_status_that_is_none_is_the_servers_fault(status: Any) -> None:
    server = server_of(lambda body: Response("x", status_code=status))
    assert server.run(Event(1)).status_code == 500
    with pytest.raises(MLRunLikeError, match="a Response has the status"):
        server.test(body=1)


@pytest.mark.parametrize("status", ["200", None, 99, 1000, 200.5])
def test_a_status_that_is_none_is_the_steps_mistake(status: Any) -> None:
    server = server_of(lambda body: Response("x", status_code=status))
    answered = server.run(Event(1))
    assert answered.status_code == 500 and answered.body["step"] == "s0"
    assert "has the status" in answered.body["error"]
    assert asyncio.run(server.run_async(Event(1))).status_code == 500
    with pytest.raises(StepError, match="has the status"):
        server.test(body=1)


def test_a_forgotten_await_is_named() -> None:
    async def later(body: int) -> int:
        return body

    work = later(1)
    answered = server_of(lambda body: work, lambda body: body + 1).run(Event(1))
    work.close()
    assert answered.body["fix"].startswith("a step before it gave a coroutine")
