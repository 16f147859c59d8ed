"""The thread that writes what is queued."""

from __future__ import annotations

import time

from mlrun_like.tracking.thread import FlushThread


def test_stopping_never_waits_for_a_wake_up_that_was_lost() -> None:
    slowest = 0.0
    for number in range(300):
        thread = FlushThread(lambda: False, 0.0, 0.0)
        thread.wake()
        if number % 3:
            time.sleep(0.0001 * (number % 7))
        start = time.monotonic()
        thread.stop(5.0)
        slowest = max(slowest, time.monotonic() - start)
    assert slowest < 4.0, "a stop was not noticed"
