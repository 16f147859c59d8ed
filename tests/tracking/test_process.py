"""Facts about processes."""

from __future__ import annotations

import os
import subprocess
import sys

from mlrun_like.tracking.process import process_alive, process_start_time


def test_this_process() -> None:
    started = process_start_time(os.getpid())
    assert started > 0
    assert process_alive(os.getpid()) and process_alive(os.getpid(), started)
    assert not process_alive(os.getpid(), started + 5), "the number belongs to another one"


def test_no_process() -> None:
    assert process_start_time(2**22 + 7) == 0.0
    assert not process_alive(2**22 + 7) and not process_alive(0) and not process_alive(-1)


def test_an_ended_process_is_not_alive_before_it_is_waited_for() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process_start_time(child.pid) > 0 and not process_alive(child.pid)
    child.communicate()
    assert process_start_time(child.pid) == 0.0
