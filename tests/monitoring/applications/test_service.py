"""The service: one works at a time, and it comes and goes with those who serve."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from mlrun_like.configuration import config
from mlrun_like.monitoring import beside
from mlrun_like.monitoring.clock import simulated
from mlrun_like.monitoring.service import ServicePass, lease_name, run_forever, service_pass
from mlrun_like.tracking.connect import open_store

Make = Callable[..., str]
Put = Callable[..., pd.DataFrame]


def wait_for(condition: Callable[[], bool], seconds: float = 240) -> bool:
    """Whether a condition came true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_a_turn(make_endpoint: Make, put_events: Put) -> None:
    uid = make_endpoint()
    put_events(uid, 0, 600, 10)
    done = service_pass("", 2000, clean=True)
    assert (done.windows.windows, done.errors) == (3, {})
    assert done.busy
    # what is older than the settings say was removed in the same turn, by its own clock
    assert not service_pass("", 2000).busy


def test_one_of_two_works(make_endpoint: Make, put_events: Put) -> None:
    uid = make_endpoint()
    put_events(uid, 0, 600, 10)
    stop, told = threading.Event(), threading.Event()
    turns: list[str] = []

    def work(name: str) -> None:
        def tell(done: ServicePass) -> None:
            turns.append(name)
            told.set()

        run_forever("", 0.05, stop=stop, told=tell)

    first = threading.Thread(target=work, args=("first",))
    first.start()
    assert told.wait(30)
    second = threading.Thread(target=work, args=("second",))
    second.start()
    assert wait_for(lambda: len(turns) > 5)
    stop.set()
    first.join(30)
    second.join(30)
    assert set(turns) == {"first"}
    assert not open_store().read_leases(lease_name())


def test_it_ends_when_nobody_wants_it() -> None:
    assert not run_forever("", 0.05, wanted=lambda: False)


def test_nothing_is_started_unless_this_process_serves(home: Path) -> None:
    assert not beside.keep_alive()
    assert not beside.wanted_file().exists()
    assert not beside.is_wanted()


def test_nothing_is_started_if_it_is_off_or_time_is_simulated(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "_allowed", True)
    monkeypatch.setattr(beside, "_looked", -1e9)
    config.monitoring_service = False
    assert not beside.keep_alive()
    config.monitoring_service = True
    monkeypatch.setattr(beside, "_looked", -1e9)
    with simulated(0.0):
        assert not beside.keep_alive()
    assert not beside.wanted_file().exists()


def test_the_lock(home: Path) -> None:
    held = beside.hold_lock()
    assert held is not None
    assert beside.hold_lock() is None
    os.close(held)
    again = beside.hold_lock()
    assert again is not None
    os.close(again)


@pytest.mark.slow
def test_it_is_started_beside_a_server_and_comes_back_when_killed(
    home: Path, make_endpoint: Make, put_events: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "_allowed", True)
    config.monitoring_service = True
    monkeypatch.setenv("MLRUN_LIKE_MONITORING_SERVICE_INTERVAL", "0.2")
    store = open_store()
    started: list[int] = []

    def look() -> bool:
        monkeypatch.setattr(beside, "_looked", -1e9)
        if beside.keep_alive():
            started.append(beside._children[-1].pid)
        return bool(store.list_results("p"))

    # its window is long over, so the service finds it as soon as it works
    begin = time.time() - 7200
    put_events(make_endpoint("a"), begin, begin + 60, 10)
    try:
        assert wait_for(look), (home / beside.OUTPUT).read_text()
        for child in beside._children:
            os.kill(child.pid, signal.SIGKILL)
            child.wait(30)
        leases = store.read_leases()
        for name, (owner, _) in leases.items():
            store.release_leases([name], owner)
        put_events(make_endpoint("b"), begin, begin + 60, 10)
        assert wait_for(lambda: look() and bool(store.list_results("p", "uid-b")))
        assert len(started) == 2  # however often it was looked meanwhile
        # without a server it ends by itself
        for descriptor in beside._serving.values():
            os.close(descriptor)
        beside._serving.clear()
        assert not beside._children[-1].poll()
        os.utime(beside.wanted_file(), (begin, begin))
        assert beside._children[-1].wait(60) == 0
        assert not beside.is_wanted()
    finally:
        for child in beside._children:
            child.terminate()
            child.wait(30)
        beside._children.clear()
        for descriptor in beside._serving.values():
            os.close(descriptor)
        beside._serving.clear()


@pytest.mark.slow
def test_the_command_ends_on_sigterm(home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mlrun_like", "monitor", "run", "--interval", "0.1"],
        stdout=subprocess.PIPE, env={**os.environ, "MLRUN_LIKE_HOME": str(home)},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert b"watching" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()
