from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import RunAbortedError, RunError, RunTimeoutError
from mlrun_like.runs.context import MLClientCtx

if TYPE_CHECKING:
    from tests.runs.conftest import Bench


@pytest.fixture(autouse=True)
def attentive(home: Path) -> Iterator[None]:
    """Heartbeats often enough for aborts to be noticed in a short test."""
    with config.override(heartbeat_interval=0.05):
        yield


def test_a_timeout_ends_a_sleep_in_the_main_thread(bench: Bench) -> None:
    swallowed: list[BaseException] = []

    def handler() -> None:
        while True:
            try:
                time.sleep(30)
            except Exception as exc:  # noqa: BLE001 - as careless code does
                swallowed.append(exc)

    before = signal.getsignal(signal.SIGALRM)
    begin = time.monotonic()
    with pytest.raises(RunTimeoutError, match=r"timeout of 0\.3 s"):
        bench.run(handler, timeout=0.3)
    assert time.monotonic() - begin < 5
    assert not swallowed
    assert bench.last().state() == "error"
    assert signal.getsignal(signal.SIGALRM) is before


def test_a_timeout_in_another_thread(bench: Bench) -> None:
    def handler() -> None:
        while True:
            try:
                time.sleep(0.01)
            except Exception:  # noqa: BLE001 - as careless code does
                continue

    thread, errors = bench.start(lambda: bench.run(handler, timeout=0.3))
    thread.join(10)
    assert [type(error) for error in errors] == [RunTimeoutError]


def test_an_interrupt_that_everything_swallows_is_seen_at_the_end(bench: Bench) -> None:
    def handler() -> str:
        try:
            time.sleep(30)
        except BaseException:  # noqa: BLE001 - the worst code
            return "fine"
        return "not reached"

    with pytest.raises(RunTimeoutError):
        bench.run(handler, timeout=0.2)


def test_a_finally_of_the_handler_runs(bench: Bench) -> None:
    def handler(context: MLClientCtx) -> None:
        try:
            time.sleep(30)
        finally:
            context.log_result("saved", 1)

    with pytest.raises(RunTimeoutError):
        bench.run(handler, timeout=0.2)
    assert bench.last().status.results == {"saved": 1}


def test_what_fails_while_a_timeout_unwinds_is_not_the_cause(bench: Bench) -> None:
    def handler() -> None:
        try:
            time.sleep(30)
        finally:
            raise OSError("the connection is closed already")

    with pytest.raises(RunTimeoutError):
        bench.run(handler, timeout=0.2)

    def unrelated() -> None:
        raise OSError("of its own")

    with pytest.raises(RunError, match="of its own"):
        bench.run(unrelated)


def test_abort_in_the_main_thread_and_in_another(bench: Bench) -> None:
    def handler() -> None:
        for _ in range(1000):
            time.sleep(0.01)

    def abort() -> None:
        bench.wait_for(lambda: bench.all(states=("running",)))
        assert bench.last().abort() == "aborted"

    thread, errors = bench.start(abort)
    with pytest.raises(RunAbortedError):
        bench.run(handler)
    thread.join()
    assert not errors

    thread, errors = bench.start(lambda: bench.run(handler))
    abort()
    thread.join()
    assert [type(error) for error in errors] == [RunAbortedError]
    assert [run.state() for run in bench.all()] == ["aborted", "aborted"]


def sleep_long() -> None:
    time.sleep(30)


def nested(bench: Bench, seen: list[str], inner_timeout: float | None = None) -> Any:
    """A handler that runs another run inside it."""

    def outer() -> str:
        try:
            bench.run(sleep_long, timeout=inner_timeout)
        except Exception as exc:  # noqa: BLE001 - as careless code does
            seen.append(type(exc).__name__)
        return "went on"

    return outer


@pytest.mark.parametrize("threaded", [False, True])
def test_a_timeout_of_the_outer_run_stops_the_inner_one_too(bench: Bench, threaded: bool) -> None:
    seen: list[str] = []
    outer = nested(bench, seen)
    if threaded:  # an asynchronous exception waits for the next line of Python
        outer = nested_short(bench, seen)
    _, errors = run_in(bench, threaded, lambda: bench.run(outer, timeout=0.3))
    assert [type(error) for error in errors] == [RunTimeoutError]
    assert seen == []
    states = {run.metadata.name: (run.state(), run.error) for run in bench.all()}
    assert states["outer"] == ("error", "the run exceeded its timeout of 0.3 s")
    inner = states.get("sleep-long") or states["sleep-short"]
    assert inner == ("aborted", "the run around this one was stopped")


def nested_short(bench: Bench, seen: list[str]) -> Any:
    def sleep_short() -> None:
        for _ in range(3000):
            time.sleep(0.01)

    def outer() -> None:
        try:
            bench.run(sleep_short)
        except Exception as exc:  # noqa: BLE001 - as careless code does
            seen.append(type(exc).__name__)

    return outer


def run_in(bench: Bench, threaded: bool, work: Any) -> tuple[None, list[BaseException]]:
    if threaded:
        thread, errors = bench.start(work)
        thread.join(20)
        return None, errors
    try:
        work()
    except Exception as exc:  # noqa: BLE001 - compared by the test
        return None, [exc]
    return None, []


def test_a_timeout_of_the_inner_run_leaves_the_outer_one_alone(bench: Bench) -> None:
    seen: list[str] = []
    run = bench.run(nested(bench, seen, inner_timeout=0.2), timeout=20)
    assert run.output("return") == "went on"
    assert seen == ["RunTimeoutError"]
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_an_inner_failure_is_an_error_in_the_outer_run(bench: Bench) -> None:
    def inner() -> None:
        raise ValueError("deep")

    def outer() -> None:
        bench.run(inner)

    with pytest.raises(RunError) as caught:
        bench.run(outer)
    assert caught.value.what == "run 'outer' failed: RunError: run 'inner' failed: ValueError: deep"
    assert "in inner" in str(caught.value)


def test_a_debugger_goes_on_after_an_interrupted_run_in_another_thread(bench: Bench) -> None:
    def handler() -> None:
        while True:
            time.sleep(0.01)

    run_in(bench, True, lambda: bench.run(handler, timeout=0.1))
    lines: list[int] = []

    def trace(frame: Any, event: str, arg: Any) -> Any:
        lines.append(frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        is_attentive()
    finally:
        sys.settrace(before)
    assert len(lines) >= 2


def is_attentive() -> bool:
    return bool(config.heartbeat_interval < 1)
