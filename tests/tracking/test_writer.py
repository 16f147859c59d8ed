"""The queue: speed in the caller, forks, kills, bad operations."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.tracking.base import MetricPoint, RunQuery
from mlrun_like.tracking.connect import close_stores, open_database
from mlrun_like.tracking.store import SqlStore

MakeRun = Callable[..., dict[str, Any]]

PROCESS = """
import sys, time
from mlrun_like.configuration import config
from mlrun_like.tracking.base import MetricPoint
from mlrun_like.tracking.connect import close_stores, open_database
url, home, uid, count, pause = sys.argv[1:]
config.home = home
store = open_database(url)
store.store_run({"metadata": {"project": "p", "uid": uid}, "status": {"state": "running"}})
print("ready", flush=True)
for step in range(int(count)):
    store.log_metrics("p", uid, 0, [MetricPoint("a", step * 0.5, step, time.time())])
    if float(pause):
        time.sleep(float(pause))
        print(step, time.time(), flush=True)
close_stores()
"""


@pytest.fixture
def url(sql_url: str) -> str:
    """Databases only: these tests look inside."""
    return sql_url


def child(url: str, home: Path, uid: str, count: int, pause: float = 0.0) -> subprocess.Popen[str]:
    """A process that logs metrics."""
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, url, str(home), uid, str(count), str(pause)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_caller_does_not_wait(sqlite_store: SqlStore, make_run: MakeRun) -> None:
    sqlite_store.store_run(make_run())
    took = []
    for step in range(5000):
        start = time.perf_counter()
        sqlite_store.log_metrics("p", "u1", 0, [MetricPoint("a", 1.0, step, 1.0)])
        took.append(time.perf_counter() - start)
    assert sorted(took)[len(took) // 2] < 20e-6
    assert len(sqlite_store.read_metrics("p", "u1")["a"]) == 5000


def test_what_another_thread_is_writing_is_waited_for(
    sqlite_store: SqlStore, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_store.store_run(make_run())
    writer, begun = sqlite_store.writer, threading.Event()
    commit = writer._commit

    def slowly(*args: Any, **kwargs: Any) -> None:
        begun.set()
        time.sleep(0.3)
        commit(*args, **kwargs)

    monkeypatch.setattr(writer, "_commit", slowly)
    sqlite_store.record_use("p", "u1", "store://artifacts/p/a", "read")
    assert begun.wait(10)  # the thread has taken the queue, and nothing is written yet
    assert len(sqlite_store.lineage("p", "u1")) == 1


def test_metrics_reach_the_disk_by_themselves(sqlite_store: SqlStore, make_run: MakeRun) -> None:
    sqlite_store.store_run(make_run())
    sqlite_store.log_metrics("p", "u1", 0, [MetricPoint("a", 1.0, 0, 1.0)])
    end = time.monotonic() + 5
    assert sqlite_store.database.path is not None
    other = sqlite3.connect(sqlite_store.database.path)
    while not other.execute("select count(*) from metrics").fetchone()[0]:
        assert time.monotonic() < end
        time.sleep(0.02)
    other.close()


@pytest.mark.slow
def test_sixteen_processes_share_one_store(url: str, home: Path) -> None:
    open_database(url)
    children = [child(url, home, f"u{n}", 2000) for n in range(16)]
    errors = [process.communicate(timeout=120)[1] for process in children]
    assert [process.returncode for process in children] == [0] * 16, errors
    assert "".join(errors) == ""
    store = open_database(url)
    for number in range(16):
        points = store.read_metrics("p", f"u{number}")["a"]
        assert [point.step for point in points] == list(range(2000))


@pytest.mark.slow
def test_kill_loses_at_most_a_second_and_corrupts_nothing(home: Path) -> None:
    path = home / "store.db"
    url = f"sqlite:///{path}"
    children = [child(url, home, f"u{n}", 100_000, 0.001) for n in range(3)]
    for process in children:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    time.sleep(1.5)
    for process in children:
        process.kill()
    killed = time.time()
    for process in children:
        process.communicate()
    connection = sqlite3.connect(path)
    assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    assert connection.execute("pragma foreign_key_check").fetchall() == []
    connection.close()
    store = open_database(url)
    for number in range(3):
        points = store.read_metrics("p", f"u{number}")["a"]
        assert [point.step for point in points] == list(range(len(points))), "a gap"
        assert killed - points[-1].time < 1.0
    states = [run["status"]["state"] for run in store.list_runs(RunQuery())]
    assert states == ["running"] * 3, "they named no process, so nobody can know"


def test_a_fork_with_an_open_database(url: str, make_run: MakeRun) -> None:
    store = open_database(url)
    store.store_run(make_run("parent"))
    store.log_metrics("p", "parent", 0, [MetricPoint("a", 1.0, 0, 1.0)])
    children = []
    for number in range(4):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                store.store_run(make_run(f"child{number}"))
                store.log_metrics("p", f"child{number}", 0, [MetricPoint("a", 1.0, 0, 1.0)])
                store.log_metrics("p", "parent", 0, [MetricPoint("a", 1.0, number + 1, 1.0)])
                close_stores()
                status = 0
            finally:
                os._exit(status)
        children.append(pid)
        store.store_run(make_run(f"between{number}"))
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
    assert len(store.list_runs(RunQuery())) == 9
    assert len(store.read_metrics("p", "parent")["a"]) == 5
    assert len(store.read_metrics("p", "child3")["a"]) == 1


def test_forks_that_close_while_others_open_lose_nothing(home: Path, make_run: MakeRun) -> None:
    """The last one to close puts the log back into the file; nobody may take that for a failure."""
    store = open_database(f"sqlite:///{home}/store.db")
    store.store_run(make_run("first"))
    children = []
    for number in range(60):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                store.store_run(make_run(f"child{number}"))
                close_stores()
                status = 0
            finally:
                os._exit(status)
        children.append(pid)
        store.store_run(make_run(f"between{number}"))
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 60
    assert not list(home.rglob("*.jsonl")), "the store was there all the time"
    assert len(store.list_runs(RunQuery())) == 121


def test_forks_while_threads_write(sqlite_store: SqlStore, make_run: MakeRun) -> None:
    stop = threading.Event()
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            step = 0
            while not stop.is_set():
                sqlite_store.store_run(make_run(f"t{number}", results={"step": step}))
                sqlite_store.list_runs(RunQuery(limit=3))
                step += 1
        except BaseException as exc:  # noqa: BLE001  (carried to the main thread)
            errors.append(exc)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(10):
            with warnings.catch_warnings():
                # the very thing that is tried here
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    sqlite_store.store_run(make_run(f"c{number}"))
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitpid(pid, 0)[1] == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert errors == []
    assert len(sqlite_store.list_runs(RunQuery())) == 12


def _log_some(url: str, home: str) -> None:
    config.home = home
    open_database(url).log_metrics("p", "u1", 0, [MetricPoint("a", 1.0, 0, 1.0)])


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_multiprocessing_child_flushes_at_its_end(url: str, home: Path, method: str) -> None:
    context = multiprocessing.get_context(method)
    process = context.Process(  # type: ignore[attr-defined]
        target=_flush_target(method), args=(url, str(home))
    )
    process.start()
    process.join(30)
    assert process.exitcode == 0
    assert len(open_database(url).read_metrics("p", "u1")["a"]) == 1


def _flush_target(method: str) -> Callable[[str, str], None]:
    # a spawned child cannot import this file, whose folder is no package
    return _log_some if method == "fork" else _RUN


class _Spawned:
    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("lambda url, home: exec(code, {'url': url, 'home': home})", {"code": _CODE})

    def __call__(self, url: str, home: str) -> None:
        raise AssertionError("never called here")


_CODE = """
from mlrun_like.configuration import config
from mlrun_like.tracking.base import MetricPoint
from mlrun_like.tracking.connect import open_database
config.home = home
open_database(url).log_metrics("p", "u1", 0, [MetricPoint("a", 1.0, 0, 1.0)])
"""
_RUN: Callable[[str, str], None] = _Spawned()


def test_the_end_of_a_process_flushes(home: Path) -> None:
    code = f"url = ''; home = {str(home)!r}\n{_CODE}\n"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert len(open_database().read_metrics("p", "u1")["a"]) == 1


_INTERRUPTED = """
import signal, sys, time
from mlrun_like.configuration import config
from mlrun_like.tracking.base import MetricPoint
from mlrun_like.tracking.connect import open_database
config.home = sys.argv[1]
store, written = open_database(), 0
run = {"metadata": {"project": "p", "uid": "u1"}, "status": {"state": "running"}}
store.store_run(run)

def interrupt(*_):
    global told
    told = True
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
for number in range(30):
    told = False
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0004)
        for point in range(20):
            step = number * 20 + point
            store.log_metrics("p", "u1", 0, [MetricPoint("a", 1.0, step, 1.0)])
            written += 1
        store.store_run(run)
        while not told:
            time.sleep(0.01)
    except KeyboardInterrupt:
        pass
print(written, len(store.read_metrics("p", "u1")["a"]))
"""


def test_ctrl_c_in_a_write_loses_nothing(home: Path) -> None:
    """A signal may come while the caller's own thread writes the queue.

    In a process of its own, since a signal may also come where Python itself holds a lock.
    """
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED, str(home)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    written, kept = map(int, done.stdout.split())
    assert kept >= written


def test_a_hard_deleted_run_elsewhere_does_not_break_metrics(
    url: str, make_run: MakeRun, home: Path
) -> None:
    """The id remembered for the run is stale then."""
    store = open_database(url)
    store.store_run(make_run("u1"))
    store.log_metrics("p", "u1", 0, [MetricPoint("a", 1.0, 0, 1.0)])
    store.flush()
    memory = dict(store.database._memory)
    store.set_run_state("p", "u1", 0, "completed", "")
    store.delete_runs(RunQuery(uid="u1"), hard=True)
    store.database._memory.update(memory)
    store.log_metrics("p", "u1", 0, [MetricPoint("a", 1.0, 1, 1.0)])
    store.flush()
    assert [point.step for point in store.read_metrics("p", "u1")["a"]] == [1]
    assert not store.writer.spool.rejected.exists()


def test_what_other_threads_queue_meanwhile_is_not_lost(make_run: MakeRun, home: Path) -> None:
    store, over = open_database(), threading.Event()
    store.store_run(make_run("u1"))

    def go_on() -> None:
        step = 0
        while not over.is_set():
            store.log_metrics("p", "u1", 0, [MetricPoint("a", 1.0, (step := step + 1), 1.0)])
            time.sleep(0.0002)

    threads = [threading.Thread(target=go_on) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        assert [store.unwritten() for _ in range(200)] == [""] * 200
    finally:
        over.set()
        for thread in threads:
            thread.join()
