"""The warm server at the level of its protocol, with any function as its target."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlrun_like.configuration import environment_copy
from mlrun_like.runtimes.child import CANNOT_START, Request
from mlrun_like.runtimes.output import OutputPipe
from mlrun_like.runtimes.processes import Ending
from mlrun_like.runtimes.supervise import supervise
from mlrun_like.runtimes.warm_server import Warmth
from mlrun_like.runtimes.zygote_client import (
    WarmProcess,
    close_zygotes,
    start_warm,
    zygote_pids,
)

if TYPE_CHECKING:
    from tests.runtimes.conftest import Bench


@pytest.fixture(autouse=True)
def no_servers() -> None:
    close_zygotes()


def call(bench: Bench, warmth: Warmth, request: Request) -> tuple[Ending | str, str]:
    """One call to its end, with what it printed."""
    job = bench.job(bench.doc(""))
    output = OutputPipe(job)
    try:
        process = start_warm(warmth, request, output.write_end)
        if isinstance(process, str):
            return process, ""
        try:
            return supervise(process, output, job).ending, output.tail()
        finally:
            process.close()
    finally:
        output.close()


@pytest.mark.parametrize(
    ("target", "argument", "code"),
    [
        ("time:sleep", 0, 0),
        ("builtins:int", 7, 7),
        ("builtins:int", 256 + 7, 7),
        ("sys:exit", 3, 3),
        ("sys:exit", None, 0),
        ("sys:exit", "words", 1),
        ("os:_exit", 9, 9),
        ("builtins:int", "no number", 1),
        ("no_such_module:name", 0, CANNOT_START),
        ("time:no_such_name", 0, CANNOT_START),
    ],
)
def test_return_codes(bench: Bench, target: str, argument: object, code: int) -> None:
    warmth = Warmth({}, (), "time:sleep")
    ending, _ = call(bench, warmth, Request(argument, "/", target=target))
    assert ending == Ending(code)


def test_a_modules_import_that_ends_the_server_is_remembered(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "crashing.py").write_text("import os\nos._exit(9)\n")
    (tmp_path / "threading_one.py").write_text(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    for module, why in (("crashing", "return code 9"), ("threading_one", "started a thread")):
        warmth = Warmth({"PYTHONPATH": str(tmp_path)}, (module,), "time:sleep")
        request = Request(0, "/", target="time:sleep")
        first, _ = call(bench, warmth, request)
        assert isinstance(first, Ending)
        assert first.started is False
        assert why in first.reason
        second, _ = call(bench, warmth, request)
        assert isinstance(second, str)
        assert why in second


def test_a_failing_import_is_left_to_the_run(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "failing.py").write_text("raise SystemExit('no')\n")
    warmth = Warmth({"PYTHONPATH": str(tmp_path)}, ("failing", "missing"), "time:sleep")
    assert call(bench, warmth, Request(0, "/", target="time:sleep"))[0] == Ending(0)


def test_surroundings_of_a_call(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "look.py").write_text(
        "import os, signal, sys\n"
        "def look(argument):\n"
        "    print(argument, os.getcwd(), os.environ.get('B'), sys.path[0])\n"
        "    print(os.getsid(0) == os.getpid(), os.read(0, 1), end=' ')\n"
        "    print(int(signal.getsignal(signal.SIGCHLD)), signal.getsignal(signal.SIGINT))\n"
        "    print(sorted(int(fd) for fd in os.listdir('/proc/self/fd')))\n"
    )
    warmth = Warmth({"A": "1"}, (), "time:sleep")
    request = Request("x", str(tmp_path), target="look:look", env={**environment_copy(), "B": "2"})
    ending, text = call(bench, warmth, request)
    assert ending == Ending(0), text
    lines = text.splitlines()
    assert lines[0] == f"x {tmp_path} 2 {tmp_path}"
    assert lines[1].startswith("True b'' 0 <built-in function default_int_handler>")
    # Standard streams, the channel, and the listing itself: nothing of the server or other runs.
    assert len(eval(lines[2])) <= 5


def test_a_server_killed_before_it_started_the_call(bench: Bench) -> None:
    warmth = Warmth({}, (), "time:sleep")
    call(bench, warmth, Request(0, "/", target="time:sleep"))
    (pid,) = zygote_pids()
    os.kill(pid, signal.SIGSTOP)
    job = bench.job(bench.doc(""))
    output = OutputPipe(job)
    process = start_warm(warmth, Request(0, "/", target="time:sleep"), output.write_end)
    assert isinstance(process, WarmProcess)
    assert process.poll() is None
    os.kill(pid, signal.SIGKILL)
    ending = supervise(process, output, job).ending
    assert ending.started is False
    assert "SIGKILL" in ending.reason
    process.close()
    output.close()
    # It had been good before, so the next call gets a new server.
    assert call(bench, warmth, Request(0, "/", target="time:sleep"))[0] == Ending(0)


def test_closing_a_call_kills_it(bench: Bench) -> None:
    warmth = Warmth({}, (), "time:sleep")
    job = bench.job(bench.doc(""))
    output = OutputPipe(job)
    process = start_warm(warmth, Request(60, "/", target="time:sleep"), output.write_end)
    assert isinstance(process, WarmProcess)
    bench.wait_for(lambda: process.poll() is None and process._pid)
    pid = process._pid
    process.close()
    process.close()
    output.close()
    bench.wait_for(lambda: not Path(f"/proc/{pid}").exists())


def test_closing_servers_ends_their_calls_at_once(bench: Bench) -> None:
    warmth = Warmth({}, (), "time:sleep")
    job = bench.job(bench.doc(""))
    output = OutputPipe(job)
    process = start_warm(warmth, Request(60, "/", target="time:sleep"), output.write_end)
    assert isinstance(process, WarmProcess)
    bench.wait_for(lambda: process.poll() is None and process._pid)
    start = time.monotonic()
    close_zygotes()
    assert zygote_pids() == []
    ending = supervise(process, output, job).ending
    assert ending in (
        Ending(-9),
        Ending(None, True, "the warm server it was forked from was killed"),
    )
    assert time.monotonic() - start < 3
    process.close()
    output.close()
