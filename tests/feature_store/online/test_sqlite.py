"""The SQLite store: processes that are killed, several at once, damaged files."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlrun_like.errors import IntegrityError, StoreUnavailableError
from mlrun_like.feature_store.online import open_online
from mlrun_like.feature_store.online.codec import decode_row, encode_row

WRITER = """
import sys
from mlrun_like.feature_store.online import open_online
from mlrun_like.feature_store.online.codec import encode_row
store = open_online(sys.argv[1])
for number in range(1, 1_000_000):
    blob = encode_row(number, {"v": number})
    rows = [(b"v1:%d" % key, blob, number) for key in range(50)]
    store.write(rows, position=("f", str(number)), states=[(b"w1:s", b"%d" % number)])
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_whole_writes(tmp_path: Path) -> None:
    path = f"{tmp_path}/online.db"
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for _ in range(20):
                process.stdout.readline()
            process.send_signal(signal.SIGKILL)
            told = [line for line in process.stdout.read().splitlines() if line]
        with open_online(path) as store:
            found = store.read([b"v1:%d" % key for key in range(50)])
            values = {decode_row(blob or b"")["v"] for blob in found}
            (state,) = store.read([b"w1:s"])
            assert values == {int(store.position("f"))} == {int(state or b"0")}
            assert int(store.position("f")) >= int(told[-1] if told else 20)
            store.purge(b"")


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    path = f"{tmp_path}/online.db"
    code = (
        "import sys\nfrom mlrun_like.feature_store.online import open_online\n"
        "from mlrun_like.feature_store.online.codec import encode_row\n"
        "store, me = open_online(sys.argv[1]), int(sys.argv[2])\n"
        "for n in range(50):\n"
        "  t = n * 3 + me\n"
        "  store.write([(b'v1:k', encode_row(t, {'v': t}), t)], position=(str(me), str(n)))\n"
    )
    many = [subprocess.Popen([sys.executable, "-c", code, path, str(n)]) for n in range(3)]
    assert [process.wait(120) for process in many] == [0, 0, 0]
    with open_online(path) as store:
        (blob,) = store.read([b"v1:k"])
        assert decode_row(blob or b"") == {"v": 149}
        assert [store.position(str(n)) for n in range(3)] == ["49"] * 3


def test_a_forked_process_has_connections_of_its_own(tmp_path: Path) -> None:
    store = open_online(f"{tmp_path}/online.db")
    store.write([(b"v1:f", encode_row(0, {}), 0)])
    child = os.fork()
    if child == 0:
        store.write([(b"v1:f", encode_row(1, {"child": 1}), 1)])
        os._exit(0 if store.read([b"v1:f"]) != [None] else 1)
    assert os.waitpid(child, 0)[1] == 0
    (blob,) = store.read([b"v1:f"])
    assert decode_row(blob or b"") == {"child": 1}
    store.close()


def test_files_that_are_no_store(tmp_path: Path) -> None:
    (tmp_path / "junk.db").write_bytes(b"not a database " * 100)
    store = open_online(f"{tmp_path}/junk.db", timeout=0.1)
    with pytest.raises(StoreUnavailableError, match=r"(?s)not a database.*junk\.db"):
        store.read([b"a"])
    store = open_online(f"{tmp_path}/junk.db/x.db")
    with pytest.raises(StoreUnavailableError):
        store.write([(b"a", b"b", 0)])


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "new.db")
    base.execute("PRAGMA user_version = 9")
    base.close()
    with pytest.raises(IntegrityError, match=r"version 9.*this is 1"):
        open_online(f"{tmp_path}/new.db").read([b"a"])


def test_a_locked_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "online.db"
    store = open_online(path, timeout=0.1)  # type: ignore[arg-type]
    store.write([(b"v1:a", encode_row(0, {"v": 1}), 0)])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match=r"(?s)locked.*smaller parts"):
        store.write([(b"v1:a", encode_row(1, {"v": 2}), 1)])
    assert store.read([b"v1:a"]) != [None]  # readers do not wait
    other.execute("ROLLBACK")
    other.close()
    store.write([(b"v1:a", encode_row(1, {"v": 2}), 1)])
    store.close()


def test_expired_rows_leave_the_file(tmp_path: Path) -> None:
    path = tmp_path / "online.db"
    now = time.time_ns() // 1000
    with open_online(f"{path}") as store:
        old = [(b"v1:%d" % n, encode_row(0, {}), now - 10_000_000) for n in range(100)]
        store.write(old, ttl_millis=1000)
        store.write([(b"v1:new", encode_row(0, {}), now)], ttl_millis=60_000)
    base = sqlite3.connect(path)
    assert base.execute("SELECT count(*) FROM rows").fetchone() == (1,)
    base.close()
