"""Loops, threads and background work: servers called from everywhere, closed at any time."""

from __future__ import annotations

import asyncio
import gc
import linecache
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import StepError
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.engine.own_loop import OwnLoop
from mlrun_like.serving.event import Event
from mlrun_like.serving.protocol import Step
from mlrun_like.serving.server import GraphServer


def inc(body: int) -> int:
    return body + 1


async def inc_later(body: int) -> int:
    await asyncio.sleep(0)
    return body + 1


def chain(*functions: Any, **options: Any) -> GraphServer:
    graph = flow()
    step: Any = graph
    for number, function in enumerate(functions):
        step = step.to(function, f"s{number}").options(**options)
    step.respond()
    return graph.to_mock_server()


def in_threads(call: Callable[[int], Any], count: int = 16) -> list[Any]:
    """What calls at the same time give, by number; errors as they are."""
    found: list[Any] = [None] * count
    start = threading.Barrier(count)

    def run(number: int) -> None:
        start.wait()
        try:
            found[number] = call(number)
        except BaseException as exc:  # noqa: BLE001
            found[number] = exc

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return found


# The own loop ----------------------------------------------------------------------------------


def test_a_lone_caller_runs_the_loop_itself() -> None:
    names: list[str] = []

    async def where(body: int) -> int:
        await asyncio.sleep(0)
        names.append(threading.current_thread().name)
        return body

    with chain(where) as server:
        assert [server.test(body=n) for n in range(3)] == [0, 1, 2]
        assert names == ["MainThread"] * 3

        async def inside() -> Any:
            return server.test(body=4)

        assert asyncio.run(inside()) == 4
        assert server.test(body=5) == 5
    assert names[3:] == ["graph-loop"] * 2
    assert "graph-loop" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("left", ["task", "timer", "callback"])
def test_what_a_step_leaves_in_the_loop_goes_on(left: str) -> None:
    done = threading.Event()

    async def leaves(body: int) -> int:
        loop = asyncio.get_running_loop()
        if left == "task":

            async def later() -> None:
                await asyncio.sleep(0.01)
                done.set()

            loop.kept = loop.create_task(later())  # type: ignore[attr-defined]
        elif left == "timer":
            loop.call_later(0.01, done.set)
        else:
            loop.call_soon(loop.call_soon, loop.call_soon, done.set)
        return body

    with chain(leaves) as server:
        assert server.test(body=1) == 1
        assert done.wait(5)
        assert server.test(body=2) == 2


def test_every_thread_gets_its_answers() -> None:
    class Counts(Step):
        kind = "many"

        def __init__(self) -> None:
            self.count = 0

        def process(self, event: Event) -> list[Event]:
            seen = self.count
            time.sleep(0)
            self.count = seen + 1
            return [event]

    class CountsLater(Counts):
        async def process(self, event: Event) -> list[Event]:  # type: ignore[override]
            seen = self.count
            await asyncio.sleep(0)
            self.count = seen + 1
            return [event]

    for counts, function in [(Counts, inc), (CountsLater, inc_later), (Counts, inc_later)]:
        with chain(function, counts, function) as server:

            def call(number: int, server: GraphServer = server) -> list[int]:
                return [server.test(body=number * 100 + n) for n in range(50)]

            for number, found in enumerate(in_threads(call)):
                assert found == [number * 100 + n + 2 for n in range(50)]
            assert server.step("s1").count == 800


def test_several_loops_at_once_share_the_limit_of_a_step() -> None:
    running = most = 0
    lock = threading.Lock()

    async def works(body: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        await asyncio.sleep(0.002)
        with lock:
            running -= 1
        return body

    with chain(works, max_in_flight=2) as server:

        def call(number: int) -> Any:
            if number % 2:
                return server.test(body=number)

            async def some() -> Any:
                found = await asyncio.gather(*[server.run_async(Event(number)) for _ in range(5)])
                return {response.body for response in found}.pop()

            return asyncio.run(some())

        assert in_threads(call) == list(range(16))
    assert most == 2


@pytest.mark.parametrize("function", [inc, inc_later])
def test_a_server_called_in_its_own_steps(function: Any) -> None:
    async def again(body: int) -> Any:
        return server.test(body=body - 1) + 1 if body else 0

    with chain(function, lambda body: body - 1, again) as server:
        assert server.test(body=4) == 4
        assert asyncio.run(server.run_async(Event(3))).body == 3
        assert in_threads(lambda number: server.test(body=number % 4)) == [0, 1, 2, 3] * 4


def test_two_servers_that_call_each_other() -> None:
    async def to_b(body: int) -> Any:
        return b.test(body=body - 1) + 1 if body else 0

    async def to_a(body: int) -> Any:
        return a.test(body=body - 1) + 1 if body else 0

    with chain(to_b) as a, chain(to_a) as b:
        assert a.test(body=5) == 5
        assert in_threads(lambda number: (a, b)[number % 2].test(body=number % 4)) == [
            0, 1, 2, 3,
        ] * 4  # fmt: skip


def test_an_exit_in_a_step_reaches_the_caller_and_nobody_else() -> None:
    async def leaves(body: int) -> int:
        await asyncio.sleep(0)
        if body == 1:
            sys.exit(3)
        return body

    graph = flow(engine="async")
    start = graph.to(inc_later, "start")
    start.to(leaves, "a").respond()
    start.to(leaves, "b")
    start.to(inc_later, "c")
    with graph.to_mock_server() as server:
        for _ in range(2):
            with pytest.raises(SystemExit) as caught:
                server.test(body=0)
            assert caught.value.code == 3
            assert server.test(body=5) == 6
        found = in_threads(lambda number: server.test(body=number % 2))
        assert [f if isinstance(f, int) else type(f) for f in found] == [SystemExit, 2] * 8
        assert server.test(body=7) == 8


def test_an_interrupted_caller_leaves_nothing_behind() -> None:
    ended: list[str] = []

    async def interrupted(body: int) -> int:
        try:
            raise KeyboardInterrupt
        finally:
            ended.append("step")

    async def waits(body: int) -> int:
        try:
            await asyncio.sleep(30)
        finally:
            ended.append("branch")
        return body

    graph = flow(engine="async")
    start = graph.to(inc_later, "start")
    start.to(inc_later, "answer").respond()
    start.to(waits, "waits")
    start.to(lambda body: interrupt(), "now")

    def interrupt() -> None:
        raise KeyboardInterrupt

    for server in (chain(interrupted), graph.to_mock_server()):
        started = time.monotonic()
        with server:
            for _ in range(2):
                with pytest.raises(KeyboardInterrupt):
                    server.test(body=1)
        assert time.monotonic() - started < 5
    assert ended[:2] == ["step"] * 2


# Background work -------------------------------------------------------------------------------


def test_the_end_waits_for_work_in_a_loop_of_another_thread() -> None:
    done: list[int] = []

    async def late(body: int) -> None:
        await asyncio.sleep(0.05)
        done.append(body)

    graph = flow(engine="async")
    graph.to(inc_later, "answer").respond().to(late, "late")
    with graph.to_mock_server() as server:

        async def ask() -> None:
            assert (await server.run_async(Event(1))).body == 2
            assert not done
            await asyncio.to_thread(server.wait_for_completion)
            assert done == [2]

        asyncio.run(ask())


def test_late_work_whose_loop_ends_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    async def late(body: int) -> None:
        await asyncio.sleep(30)

    graph = flow(engine="async")
    graph.to(inc_later, "answer").respond().to(late, "late")
    with graph.to_mock_server() as server:
        asyncio.run(server.run_async(Event(1, id="e-9")))
        server.wait_for_completion()
        assert "the steps after the answer were stopped" in caplog.text and "e-9" in caplog.text

        async def inside() -> Any:
            await server.run_async(Event(1))
            return server.wait_for_completion()  # cannot wait for the loop it is in

        assert asyncio.run(inside()) is None


class Later(Step):
    """Emits each event by a thread of its own."""

    kind = "many"
    collects = True

    def connect(self, emit: Any) -> None:
        self.emit = emit

    def process(self, event: Event) -> list[Event]:
        threading.Timer(0.002, self.emit, [event]).start()
        return []


@pytest.mark.parametrize("function", [inc, inc_later])
def test_the_clock_emits_while_a_loop_serves(function: Any) -> None:
    seen: list[int] = []
    loops: set[Any] = set()

    async def note(body: int) -> None:
        loops.add(asyncio.get_running_loop())
        seen.append(body)

    graph = flow(engine="async")
    graph.to(Later, "later").to(function, "inc").to(note, "note")

    async def serve() -> None:
        server.background.serve_on(asyncio.get_running_loop())
        for number in range(50):
            await server.run_async(Event(number))
        await asyncio.sleep(0.05)
        await asyncio.to_thread(server.background.wait_for_tasks)
        assert loops == {asyncio.get_running_loop()}

    with graph.to_mock_server() as server:
        asyncio.run(serve())
        assert sorted(seen) == list(range(1, 51))
        server.test(body=100)  # the loop that served is gone
        for _ in range(500):
            if len(seen) == 51:
                break
            time.sleep(0.01)
        assert seen[-1] == 101


# Closing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("callers", [1, 8])
def test_closing_while_events_are_under_way(callers: int) -> None:
    ended: list[int] = []
    entered = threading.Semaphore(0)

    async def hangs(body: int) -> int:
        try:
            entered.release()
            await asyncio.sleep(30)
        finally:
            ended.append(body)
        return body

    server = chain(hangs)

    def close() -> None:
        for _ in range(callers):
            entered.acquire()
        server.close()

    closing = threading.Thread(target=close)
    closing.start()
    started = time.monotonic()
    found = in_threads(lambda number: server.test(body=number), callers)
    closing.join()
    assert time.monotonic() - started < 10
    assert sorted(ended) == list(range(callers))
    for error in found:
        assert isinstance(error, StepError) and error.status == 503
        assert "closed while the event was under way" in str(error)
    assert "graph-loop" not in {thread.name for thread in threading.enumerate()}


def test_closing_inside_a_loop_and_twice() -> None:
    async def work() -> None:
        server = chain(inc_later)
        assert server.test(body=1) == 2
        server.close()
        server.close()

    asyncio.run(work())
    server = chain(inc_later)
    assert server.test(body=1) == 2

    async def close() -> None:
        server.close()

    asyncio.run(close())
    assert server.test(body=2) == 3  # a new loop
    server.close()


def test_two_callers_of_the_end_both_wait() -> None:
    class Slow(Step):
        kind = "many"
        collects = True

        def process(self, event: Event) -> list[Event]:
            return []

        def flush(self) -> list[Event]:
            time.sleep(0.05)
            return []

        def result(self) -> int:
            return 7

    graph = flow(engine="async")
    graph.to(Slow, "slow")
    with graph.to_mock_server() as server:
        assert in_threads(lambda number: server.wait_for_completion(), 4) == [7] * 4


def use_many() -> None:
    """Servers made, used, and closed or not: threads, files and code are as before."""

    def use(function: Any, close: bool) -> None:
        server = chain(function, inc)
        assert in_threads(lambda number: server.test(body=number), 3) == [2, 3, 4]
        if close:
            server.close()

    def held() -> tuple[int, int, int]:
        gc.collect()
        plans = sum(name.startswith("graph ") for name in linecache.cache)
        return threading.active_count(), len(os.listdir("/proc/self/fd")), plans

    use(inc_later, True)
    before = held()
    for close in (True, False):
        for _ in range(40):
            use(inc, close)
            use(inc_later, close)
        for _ in range(200):  # threads that were told to end are about to
            if all(now <= then for now, then in zip(held(), before, strict=True)):
                break
            time.sleep(0.02)
        else:
            assert held() == before


def test_servers_that_nobody_closes_and_many_that_are_closed() -> None:
    # in a process of its own: here threads and files of other tests come and go
    code = f"from {use_many.__module__} import use_many; use_many()"
    place = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_server_made_before_a_fork() -> None:
    def naps(body: int) -> int:
        time.sleep(0.001)
        return body

    async def ask(server: GraphServer) -> Any:
        return (await server.run_async(Event(10))).body

    with chain(inc_later, naps, inc, timeout=20) as server:
        assert server.test(body=0) == 2
        assert in_threads(lambda number: server.test(body=number), 4) == [2, 3, 4, 5]
        asyncio.run(ask(server))
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                found = [server.test(body=number) for number in range(3)]
                found += [asyncio.run(ask(server))]
                server.close()
                os.write(writing, repr(found).encode())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as answers:
            assert answers.read() == "[2, 3, 4, 12]"
        assert os.waitpid(child, 0)[1] == 0
        assert server.test(body=5) == 7  # the child has not taken our loop with it


def test_work_in_a_closed_loop_is_refused_or_done() -> None:
    async def answer() -> int:
        await asyncio.sleep(0.001)
        return 42

    loop = OwnLoop()

    def call(number: int) -> Any:
        if number % 4 == 3:
            time.sleep(0.001 * number)
            loop.close()
            return 42
        return max(loop.wait(answer()) for _ in range(20))

    for found in in_threads(call):
        assert found == 42 or (isinstance(found, StepError) and found.status == 503)
    loop.close()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="mlrun_like.serving")
