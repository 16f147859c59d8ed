from __future__ import annotations

import logging
import os
import sys
import threading

import pytest

from mlrun_like.serving.engine import clock
from mlrun_like.serving.engine.clock import call_later


def test_calls_come_in_the_order_of_their_times() -> None:
    seen: list[int] = []
    done = threading.Event()
    call_later(0.03, done.set)
    call_later(0.02, lambda: seen.append(2))
    call_later(0.01, lambda: seen.append(1))
    assert done.wait(5) and seen == [1, 2]


def test_a_cancelled_call_does_not_come() -> None:
    seen: list[int] = []
    done = threading.Event()
    call_later(0.01, lambda: seen.append(1)).cancel()
    call_later(0.02, done.set)
    assert done.wait(5) and not seen


def test_a_failing_call_does_not_stop_the_clock(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> None:
        raise ValueError("clockwork")

    done = threading.Event()
    with caplog.at_level(logging.ERROR):
        call_later(0.0, fails)
        call_later(0.01, done.set)
        assert done.wait(5)
    assert "clockwork" in caplog.text


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_its_own_clock() -> None:
    call_later(0.0, lambda: None)
    child = os.fork()
    if child == 0:
        done = threading.Event()
        call_later(0.0, done.set)
        os._exit(0 if done.wait(5) else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_cancelled_timers_are_forgotten() -> None:
    kept = call_later(3600, int)
    for _ in range(20_000):
        call_later(3600, int).cancel()
    assert len(clock._clock._due) < 3000
    kept.cancel()


def test_an_exit_in_a_timed_action_does_not_stop_the_clock(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done = threading.Event()
    call_later(0, sys.exit)
    call_later(0.001, done.set)
    assert done.wait(5) and "a timed action of a graph failed" in caplog.text
