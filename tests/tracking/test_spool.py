"""A store that is away: the run goes on, nothing is lost, nothing comes twice."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlrun_like.configuration import config
from mlrun_like.errors import StoreUnavailableError
from mlrun_like.tracking.base import ArtifactQuery, MetricPoint, RunQuery
from mlrun_like.tracking.connect import close_stores, open_database
from mlrun_like.tracking.spool import Spool
from mlrun_like.tracking.store import SqlStore

MakeRun = Callable[..., dict[str, Any]]


@pytest.fixture
def url(sql_url: str) -> str:
    """Databases only: these tests look inside."""
    return sql_url


@pytest.fixture
def store(sql_store: SqlStore) -> SqlStore:
    """Databases only: these tests look inside."""
    return sql_store


def record(store: SqlStore, make_run: MakeRun, uid: str) -> None:
    """What a tracked run writes."""
    store.store_run(make_run(uid))
    store.log_metrics("p", uid, 0, [MetricPoint("a", float(s), s, 1.0) for s in range(10)])
    store.append_log("p", uid, b"text\xff")
    store.store_artifact({"metadata": {"key": "a", "project": "p", "tree": uid}}, wait=False)
    store.record_use("p", uid, "store://artifacts/p/a", "write")
    store.store_run(make_run(uid, "completed", results={"a": 1}))


def check(store: SqlStore, uid: str) -> None:
    """That all of it is there, once."""
    status = store.read_run("p", uid)["status"]
    assert (status["state"], status["results"]) == ("completed", {"a": 1})
    assert len(store.read_metrics("p", uid)["a"]) == 10
    assert store.read_log("p", uid) == b"text\xff"
    assert len(store.list_artifacts(ArtifactQuery(tree=uid))) == 1
    assert len(store.lineage("p", uid)) == 1


def settled(store: SqlStore) -> None:
    """Wait until the spool has been delivered."""
    end = time.monotonic() + 20
    while store.writer.spooling or store.writer.spool.pending():
        assert time.monotonic() < end, "the spool is not delivered"
        time.sleep(0.05)


@pytest.mark.slow
def test_postgresql_stops_and_starts_in_mid_run(
    postgres: Any, make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_database(postgres.new_database())
    record(store, make_run, "before")
    postgres.stop()
    try:
        record(store, make_run, "u1")
        record(store, make_run, "u2")
        with pytest.raises(StoreUnavailableError):
            store.list_runs(RunQuery())
        assert store.heartbeat("p", "u1") == ""
        warnings = [r for r in caplog.records if r.levelname == "WARNING"]
        assert len(warnings) == 1 and str(store.writer.spool.folder) in warnings[0].getMessage()
    finally:
        postgres.start()
    settled(store)
    for uid in ("before", "u1", "u2"):
        check(store, uid)
    record(store, make_run, "after")
    check(store, "after")


LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("begin exclusive")
print("locked", flush=True)
sys.stdin.readline()
connection.execute("rollback")
"""


@pytest.mark.slow
def test_a_file_locked_by_another_process(home: Path, make_run: MakeRun) -> None:
    with config.override(store_timeout=0.3):
        store = open_database()
        record(store, make_run, "before")
        locker = subprocess.Popen(
            [sys.executable, "-c", LOCK, str(home / "store.db")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert locker.stdout is not None and locker.stdout.readline() == "locked\n"
        record(store, make_run, "u1")
        store.set_run_state("p", "u1", 0, "completed", "")
        assert store.writer.spooling
        with pytest.raises(StoreUnavailableError):
            store.delete_runs(RunQuery())
        locker.communicate("\n", timeout=10)
        settled(store)
    check(store, "before")
    check(store, "u1")


def test_a_removed_file(home: Path, make_run: MakeRun, caplog: pytest.LogCaptureFixture) -> None:
    store = open_database()
    store.store_run(make_run("u1"))
    for path in home.glob("store.db*"):
        path.unlink()
    store.store_run(make_run("u1", "completed"))
    assert "removed or replaced" in caplog.text
    store.writer._retry_at = 0.0
    assert store.read_run("p", "u1")["status"]["state"] == "completed"


def test_a_store_that_was_never_there(tmp_path: Path, make_run: MakeRun) -> None:
    folder = tmp_path / "mount"
    folder.write_text("in the way")
    store = open_database(f"sqlite:///{folder}/store.db")
    record(store, make_run, "u1")
    close_stores()
    folder.unlink()
    check(open_database(f"sqlite:///{folder}/store.db"), "u1")


def test_the_next_process_delivers(home: Path, make_run: MakeRun) -> None:
    """Killed while it spools; the last line is torn."""
    code = f"""
import os, shutil, signal
from mlrun_like.configuration import config
from mlrun_like.tracking.connect import open_database
from mlrun_like.tracking.base import MetricPoint
config.home = {str(home)!r}
open({str(home / "blocked")!r}, "w").close()
store = open_database("sqlite:///{home}/blocked/store.db")
for number in range(20):
    store.store_run({{"metadata": {{"project": "p", "uid": f"u{{number}}"}},
                     "status": {{"state": "completed"}}}})
    store.log_metrics("p", f"u{{number}}", 0, [MetricPoint("a", 1.0, 0, 1.0)])
store.flush()
file = store.writer.spool.waiting()[0]
with open(file, "ab") as handle:
    handle.write(b'["run",{{"project":"p","uid":"torn')
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], timeout=60, capture_output=True, text=True)
    assert done.returncode == -9, done.stderr
    os.unlink(home / "blocked")
    store = open_database(f"sqlite:///{home}/blocked/store.db")
    assert len(store.list_runs(RunQuery())) == 20
    assert len(store.read_metrics("p", "u19")["a"]) == 1
    assert store.writer.spool.pending() == 0 and not store.writer.spool.rejected.exists()


def test_a_file_is_adopted_by_one_only(home: Path) -> None:
    spool, others = Spool("x"), [Spool("x") for _ in range(4)]
    path = spool.append([("edge", {"a": 1})])
    assert spool.adopt() == [] and others[0].adopt() == [], "its owner lives"
    orphan = path.with_name(path.name.replace(f"!{os.getpid()}!", "!4194999!"))
    os.rename(path, orphan)
    assert sorted(len(other.adopt()) for other in others) == [0, 0, 0, 1]


def test_delivering_twice_changes_nothing(store: SqlStore, make_run: MakeRun) -> None:
    spool = store.writer.spool
    operations: list[Any] = []
    real = store.writer._commit

    def noting(batch: list[Any], *rest: Any) -> None:
        operations.extend(batch)
        real(batch, *rest)

    store.writer._commit = noting  # type: ignore[method-assign,assignment]
    record(store, make_run, "u1")
    store.flush()
    for _ in range(2):
        spool.append(
            json.loads(json.dumps(operations, default=lambda b: {"$bytes": ""}))[:0] or operations
        )
        store.writer.adopt()
        check(store, "u1")
    assert spool.pending() == 0


def test_a_full_disk_below_the_spool_too(
    home: Path, make_run: MakeRun, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither store nor spool: records stay in memory until one of them is back."""
    store = open_database()
    store.store_run(make_run("u0"))
    shutil.rmtree(home, ignore_errors=True)
    home.write_text("no folder")
    record(store, make_run, "u1")
    assert "stay in memory" in caplog.text
    home.unlink()
    home.mkdir()
    store.writer._retry_at = 0.0
    store.flush()
    check(store, "u1")


def test_a_read_only_file(home: Path, make_run: MakeRun) -> None:
    store = open_database()
    store.store_run(make_run("u1"))
    store.database.disconnect()
    connection = store.database.engine.raw_connection()
    store.database._writer = connection
    connection.driver_connection.execute("pragma query_only=on")  # type: ignore[union-attr]
    store.store_run(make_run("u1", "completed"))
    assert store.writer.spooling
    store.writer._retry_at = 0.0
    assert store.read_run("p", "u1")["status"]["state"] == "completed"


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    junk=st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.just(b'["run",{}]\n'),
            st.just(b'["nope",1]\n'),
            st.just(b"[]\n"),
            st.just(b"null\n"),
            st.just(b'["log",{"$bytes":"%"}]\n'),
        ),
        max_size=6,
    )
)
def test_a_damaged_file_never_blocks(home: Path, junk: list[bytes]) -> None:
    store = open_database()
    good = store.writer.spool.append(
        [
            (
                "edge",
                {"project": "p", "uid": "u", "artifact_uri": "x", "direction": "read", "time": 1.0},
            )
        ]
    )
    line = good.read_bytes()
    good.write_bytes(b"".join(junk) + b"\n" + line)
    store.writer.adopt()
    assert len(store.lineage("p", "u")) == 1
    assert store.writer.spool.pending() == 0


def test_other_stores_spools_are_left_alone(home: Path) -> None:
    one, two = Spool("one"), Spool("two")
    one.append([("edge", {})])
    assert two.waiting() == [] and len(one.waiting()) == 1


def test_two_spools_of_a_process_leave_each_other_alone(home: Path) -> None:
    """Else one would remove, as delivered, what the other has just put there."""
    one, two = Spool("x"), Spool("x")
    path = one.append([("edge", {"a": 1})])
    assert two.waiting() == [] and two.adopt() == [] and one.waiting() == [path]
    assert two.append([("edge", {"a": 2})]) != path
    one.close()
    (taken,) = two.adopt()
    assert list(two.read(taken)) == [[("edge", {"a": 1})]] and one.waiting() == []
    again = one.append([("edge", {"a": 3})])
    assert again not in (path, taken) and two.adopt() == [], "it is open again"
    del one
    gc.collect()
    assert len(two.adopt()) == 1, "nobody is left who could append to it"


@pytest.mark.slow
def test_a_database_that_is_being_restored_takes_records_later(
    sql_url: str, sql_store: SqlStore, make_run: MakeRun
) -> None:
    """Its tables are not there for a moment: no record is put aside for that."""
    store = sql_store
    record(store, make_run, "u1")
    store.flush()
    with store.database.write() as tx:
        tx.cursor.execute("ALTER TABLE runs RENAME TO runs_away")
    record(store, make_run, "u2")
    assert store.writer.spooling and not store.writer.spool.rejected.exists()
    with store.database.write() as tx:
        tx.cursor.execute("ALTER TABLE runs_away RENAME TO runs")
    store.writer._retry_at = 0.0
    settled(store)
    check(store, "u2")
    assert not store.writer.spool.rejected.exists()
