"""Runs whose process was killed."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.tracking import reaper
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.documents import run_row
from mlrun_like.tracking.process import process_start_time
from mlrun_like.tracking.reaper import ABORTED, LOST, mark_lost
from mlrun_like.tracking.store import SqlStore

MakeRun = Callable[..., dict[str, Any]]
HERE = socket.gethostname()


@pytest.fixture
def store(sql_store: SqlStore) -> SqlStore:
    """Databases only: these tests look inside."""
    return sql_store


def ended_pid() -> int:
    """The number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    return child.pid


def test_lost_runs(store: SqlStore, make_run: MakeRun) -> None:
    mine, gone = os.getpid(), ended_pid()
    started = process_start_time(mine)
    rows = {
        "alive": ("running", HERE, mine, started),
        "reused": ("running", HERE, mine, started + 99),
        "killed": ("running", HERE, gone, 5.0),
        "aborting": ("aborting", HERE, gone, 5.0),
        "between-attempts": ("pending", HERE, gone, 5.0),
        "done": ("completed", HERE, gone, 5.0),
        "elsewhere": ("running", "other-host", gone, 5.0),
        "waiting": ("pending", "", 0, 0.0),
    }
    for uid, (state, host, pid, when) in rows.items():
        store.store_run(make_run(uid, state, host=host, pid=pid, pid_started=when), wait=False)
    store.writer.settle()
    assert sorted(mark_lost(store, "q")) == []
    assert sorted(mark_lost(store, "p")) == ["aborting", "killed", "reused"]
    status = store.read_run("p", "killed")["status"]
    assert (status["state"], status["error"]) == ("error", LOST)
    stopped = store.read_run("p", "aborting")["status"]
    assert (stopped["state"], stopped["error"]) == ("aborted", ABORTED), "somebody asked for it"
    assert mark_lost(store) == []
    with config.override(lost_after=0.05):
        time.sleep(0.1)
        assert sorted(mark_lost(store)) == ["between-attempts", "elsewhere"]


def test_a_reader_never_sees_a_killed_run_running(store: SqlStore, make_run: MakeRun) -> None:
    store.store_run(make_run("u1", host=HERE, pid=ended_pid(), pid_started=5.0))
    store.writer.reaped_at = -reaper._EVERY
    assert store.list_runs(RunQuery())[0]["status"]["state"] == "error"


def test_last_words_in_the_spool_come_first(sqlite_store: SqlStore, make_run: MakeRun) -> None:
    gone = ended_pid()
    sqlite_store.store_run(make_run("u1", host=HERE, pid=gone, pid_started=5.0))
    spool = sqlite_store.writer.spool
    spool._owner = f"{HERE}!{gone}!5.00!"
    spool.append([("run", run_row(make_run("u1", "completed", host=HERE, pid=gone)))])
    spool.forget_process()
    assert mark_lost(sqlite_store) == []
    assert sqlite_store.read_run("p", "u1")["status"]["state"] == "completed"


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
def test_another_machines_clock_does_not_matter(
    store: SqlStore, make_run: MakeRun, skew: float
) -> None:
    def beat(number: int) -> None:
        there = {"project": "p", "uid": "u1", "iter": 0, "time": time.time() + skew + number}
        store.writer.write(("beat", there))

    row = run_row(make_run("u1", host="other-host", pid=7, pid_started=5.0))
    store.writer.write(("run", {**row, "updated": time.time() + skew}))
    assert mark_lost(store) == [], "an hour behind or ahead is not silence"
    with config.override(lost_after=0.2):
        for number in range(5):
            time.sleep(0.1)
            beat(number)
            assert mark_lost(store) == [], "it lives"
        time.sleep(0.3)
        assert mark_lost(store) == ["u1"], "no new sign"
