from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time

import pytest

from mlrun_like.serving.engine.workers import Workers


def names(prefix: str) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(prefix)]


def gone(prefix: str) -> bool:
    for _ in range(500):
        gc.collect()
        if not names(prefix):
            return True
        time.sleep(0.01)
    return False


def test_threads_come_when_needed_and_are_used_again() -> None:
    pool = Workers(3, "few")
    assert names("few") == []
    for number in range(50):
        assert pool.submit(pow, number, 2).result() == number**2
        time.sleep(0)
    assert 1 <= len(names("few")) <= 3
    free = threading.Event()
    waiting = [pool.submit(free.wait, 10) for _ in range(10)]
    assert len(names("few")) == 3
    assert waiting[9].cancel() and waiting[8].cancel()
    free.set()
    assert all(future.result(10) for future in waiting[:8])
    pool.shutdown()
    with pytest.raises(RuntimeError, match="closed"):
        pool.submit(abs, 1)
    pool.shutdown()
    assert gone("few")


def test_errors_come_back_whatever_they_are() -> None:
    pool = Workers(1, "errors")

    def fails(error: BaseException) -> None:
        raise error

    for error in (ValueError("x"), SystemExit(3), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            pool.submit(fails, error).result()
    assert pool.submit(abs, -1).result() == 1


def test_they_end_with_the_pool_and_serve_event_loops() -> None:
    def use() -> int:
        pool = Workers(2, "loops")

        async def work() -> int:
            return await asyncio.get_running_loop().run_in_executor(pool, abs, -5)

        return asyncio.run(work())

    assert use() == 5
    assert gone("loops")


def test_a_call_that_hangs_does_not_keep_the_process() -> None:
    code = (
        "import threading\n"
        "from mlrun_like.serving.engine.workers import Workers\n"
        "pool = Workers(2, 'hangs')\n"
        "pool.submit(threading.Event().wait)\n"
        "print(pool.submit(abs, -3).result())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert done.stdout == "3\n" and done.stderr == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_has_threads_of_its_own() -> None:
    pool = Workers(1, "fork")
    assert pool.submit(abs, -1).result() == 1
    child = os.fork()
    if child == 0:
        os._exit(0 if pool.submit(abs, -2).result(10) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert pool.submit(abs, -3).result() == 3
