"""Addresses of stores."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, InvalidArgumentError, StoreUnavailableError
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import close_stores, open_database, open_store, store_url


def test_forms(home: Path, tmp_path: Path) -> None:
    assert store_url() == f"sqlite:///{home / 'store.db'}"
    assert store_url(str(tmp_path)) == f"sqlite:///{tmp_path / 'store.db'}"
    assert store_url(str(tmp_path / "x.db")) == f"sqlite:///{tmp_path / 'x.db'}"
    assert store_url(f"sqlite:///{tmp_path}/y") == f"sqlite:///{tmp_path / 'y'}"
    assert store_url("postgres://u:p@h/d") == "postgresql://u:p@h/d"
    with config.override(dbpath=str(tmp_path / "folder")):
        assert store_url() == f"sqlite:///{tmp_path / 'folder' / 'store.db'}"


@pytest.mark.parametrize(
    "address, word",
    [
        ("http://u:secret@", "cannot be read"),
        ("https://u:secret@host:port", "cannot be read"),
        ("https://u:secret@host/a?b=secret", "cannot be read"),
        ("mysql://h/d", "mysql"),
        ("sqlite://", "no file"),
        ("sqlite:///:memory:", "no file"),
        ("://x", "kind ''"),
        ("postgresql://u:secret@h:port/d", "cannot be read"),
    ],
)
def test_wrong_addresses(address: str, word: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        store_url(address)
    assert word in str(caught.value) and "secret" not in str(caught.value)


def test_one_store_per_address(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    assert open_store(str(tmp_path / "store.db")) is store is not open_store()
    close_stores()
    assert open_store(str(tmp_path)) is not store


def test_a_password_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    with config.override(store_timeout=2.0):
        store = open_database("postgresql://me:topsecret@127.0.0.1:1/d")
        with pytest.raises(StoreUnavailableError) as caught:
            store.list_runs(RunQuery())
        store.append_log("p", "u", b"x")
        store.flush()
    shown = f"{caught.value} {store!r} {store.database!r} {caplog.text}"
    assert "topsecret" not in shown and "127.0.0.1" in shown
    assert "topsecret" not in "".join(map(str, store.writer.spool.folder.iterdir()))


def test_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"this is some other file" * 100)
    before = path.read_bytes()
    store = open_store(str(path))
    with pytest.raises(StoreUnavailableError, match="not a database") as caught:
        store.list_runs(RunQuery())
    assert "the setting dbpath" in caught.value.fix
    store.append_log("p", "u", b"x")
    store.close()
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused(home: Path) -> None:
    open_store().close()
    close_stores()
    with sqlite3.connect(home / "store.db") as connection:
        connection.execute("update mlrun_like_alembic set version_num='9999'")
    connection.close()
    with pytest.raises(ConflictError, match=r"9999.*\n.*\n.*pip install --upgrade"):
        open_store()


def test_opening_an_existing_file_is_fast(home: Path) -> None:
    open_store()
    took = []
    for _ in range(7):
        close_stores()
        start = time.perf_counter()
        open_store()
        took.append(time.perf_counter() - start)
    assert sorted(took)[1] < 0.05
