"""Copies of the store: whole, of one moment, and back again."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import create_engine, text

from mlrun_like.api.backup import restoring, tables
from mlrun_like.api.backup.checking import check_backup
from mlrun_like.api.backup.making import connected, make_backup, remove_old_backups
from mlrun_like.api.backup.restoring import restore_backup
from mlrun_like.api.backup.tables import tables_of
from mlrun_like.api.backup.targets import Place, list_backups
from mlrun_like.api.secrets.vault import secrets_of, set_secrets
from mlrun_like.errors import (
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    StoreUnavailableError,
)
from mlrun_like.tracking.base import MetricPoint
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.store import SqlStore
from mlrun_like.tracking.task_abilities import BackgroundTask
from tests.servers import Postgres, free_port

Rows = dict[str, list[tuple[Any, ...]]]


def fill(store: SqlStore, runs: int = 30) -> None:
    for number in range(runs):
        uid = f"u{number}"
        store.store_run(
            {
                "metadata": {"project": "p", "uid": uid, "name": "ü\u2028<>", "labels": {"a": "b"}},
                "spec": {"parameters": {"x": number}},
                "status": {"state": "completed", "start_time": "2026-01-01T00:00:00+00:00"},
            }
        )
        store.log_metrics("p", uid, 0, [MetricPoint("loss", float("inf"), 0, 1.5)])
        store.append_log("p", uid, b"\x00\xff log")
    store.store_task(BackgroundTask(f"t{runs}", "gc"))
    store.claim_leases(["x"], "me", 60)
    store.flush()


def rows_of(url: str) -> Rows:
    found: Rows = {}
    with connected(url) as connection:
        for table in tables_of(connection):
            rows = connection.execute(table.select()).all()
            found[str(table.name)] = sorted((tuple(map(_plain, row)) for row in rows), key=repr)
    return found


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


@pytest.fixture
def filled(home: Path) -> SqlStore:
    store = open_store()
    assert isinstance(store, SqlStore)
    fill(store)
    return store


def test_all_tables_come_back(filled: SqlStore, home: Path, tmp_path: Path) -> None:
    (home / "artifacts" / "p").mkdir(parents=True)
    (home / "artifacts" / "p" / "model.bin").write_bytes(b"\x00model")
    made = make_backup(filled, str(tmp_path / "copies"), artifacts=True)
    assert made["rows"] > 60 and made["files"] == 1
    before = rows_of(filled.url)
    check_backup(made["target"])
    shutil.rmtree(home / "artifacts")
    other = f"sqlite:///{tmp_path}/new/store.db"
    told = restore_backup(made["target"], other)
    assert told["files"] == 1 and told["kept"] == ""
    assert rows_of(other) == before
    assert (home / "artifacts" / "p" / "model.bin").read_bytes() == b"\x00model"
    again = open_store(other)
    assert again.read_log("p", "u3") == b"\x00\xff log"
    fill(again, 31)  # type: ignore[arg-type]
    close_stores()


def test_a_store_that_is_there_is_not_overwritten(filled: SqlStore, tmp_path: Path) -> None:
    made = make_backup(filled, str(tmp_path))
    before = rows_of(filled.url)
    with pytest.raises(ConflictError, match="not empty"):
        restore_backup(made["target"], filled.url)
    filled.store_task(BackgroundTask("later", "gc"))
    close_stores()
    told = restore_backup(made["target"], filled.url, force=True)
    assert rows_of(filled.url) == before
    kept = sqlite3.connect(told["kept"])
    assert kept.execute("SELECT count(*) FROM background_tasks").fetchone() == (2,)
    kept.close()


def test_a_store_in_use_is_not_replaced(filled: SqlStore, tmp_path: Path) -> None:
    made = make_backup(filled, str(tmp_path))
    assert filled.database.path is not None
    other = sqlite3.connect(filled.database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    before = rows_of(filled.url)
    with pytest.raises(ConflictError, match="cannot be replaced now"):
        restore_backup(made["target"], filled.url, force=True)
    other.close()
    assert rows_of(filled.url) == before
    assert not list(filled.database.path.parent.glob("*restor*"))


def test_what_is_written_meanwhile_is_in_it_whole_or_not_at_all(
    filled: SqlStore, tmp_path: Path
) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            filled.store_task(BackgroundTask(f"n{number}", "gc", state="succeeded"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            made = make_backup(filled, str(tmp_path), name=f"c{number}")
            target = f"sqlite:///{tmp_path}/r{number}.db"
            restore_backup(made["target"], target)
            rows = rows_of(target)["background_tasks"]
            found = {row[0] for row in rows} - {"t30"}
            assert found == {f"n{count}" for count in range(1, len(found) + 1)}
    finally:
        stop.set()
        writer.join()


def _spoil(place: Path) -> None:
    path = place / "runs.parquet"
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (_spoil, "other bytes"),
        (lambda place: (place / "runs.parquet").unlink(), "cannot be read"),
        (lambda place: (place / "runs.parquet").write_bytes(b""), "other bytes"),
        (lambda place: (place / "manifest.json").write_text("{}"), "manifest"),
        (lambda place: (place / "manifest.json").write_text("["), "manifest"),
    ],
)
def test_a_damaged_copy_is_told_and_changes_nothing(
    filled: SqlStore, tmp_path: Path, spoil: Any, error: str
) -> None:
    made = make_backup(filled, str(tmp_path))
    spoil(Path(made["target"]))
    with pytest.raises(IntegrityError, match=error):
        check_backup(made["target"])
    with pytest.raises(IntegrityError):
        restore_backup(made["target"], f"sqlite:///{tmp_path}/new.db")
    assert not (tmp_path / "new.db").exists()


def test_a_hostile_copy_leads_nowhere(filled: SqlStore, tmp_path: Path) -> None:
    made = make_backup(filled, str(tmp_path))
    place = Place(made["target"])
    manifest = place.manifest()
    for name in ("../../evil", "/etc/passwd", "artifacts/../../evil"):
        place.write_manifest({**manifest, "files": {name: {"sha256": "", "bytes": 0}}})
        with pytest.raises(IntegrityError):
            restore_backup(made["target"], f"sqlite:///{tmp_path}/new.db")
    place.write_manifest({**manifest, "schema": "9999"})
    with pytest.raises(ConflictError, match="9999"):
        check_backup(made["target"])
    with pytest.raises(InvalidArgumentError, match="no whole copy"):
        check_backup(str(tmp_path / "nothing"))


def _table(place: Place, name: str, table: pa.Table) -> dict[str, Any]:
    """A table of a copy, as an entry of the manifest."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    raw = sink.getvalue().to_pybytes()
    with place.child(name).open("wb") as file:
        file.write(raw)
    digest = sha256(raw).hexdigest()
    return {"file": name, "rows": table.num_rows, "bytes": len(raw), "sha256": digest}


@pytest.mark.parametrize(
    "change",
    [
        {"tables": [1]},
        {"tables": {"runs": 1}},
        {"tables": {"runs": {"file": 1, "rows": 1, "bytes": 1, "sha256": ""}}},
        {"tables": None},
        {"files": ["x"]},
        {"sequences": "x"},
        {"sequences": {"runs": "x"}},
        {"schema": ["0008"]},
    ],
)
def test_a_manifest_of_another_shape_is_damaged(
    filled: SqlStore, tmp_path: Path, change: dict[str, Any]
) -> None:
    made = make_backup(filled, str(tmp_path))
    place = Place(made["target"])
    place.write_manifest({**place.manifest(), **change})
    with pytest.raises(IntegrityError, match="manifest"):
        restore_backup(made["target"], f"sqlite:///{tmp_path}/new.db")


@pytest.mark.parametrize("twice", [False, True])
def test_rows_that_do_not_fit_are_told_without_what_is_in_them(
    filled: SqlStore, tmp_path: Path, twice: bool
) -> None:
    made = make_backup(filled, str(tmp_path))
    place = Place(made["target"])
    table = pq.read_table(Path(made["target"]) / "runs.parquet")
    table = pa.concat_tables([table, table]) if twice else table.select(["run_id", "body"])
    manifest = place.manifest()
    manifest["tables"]["runs"] = _table(place, "x.parquet", table)
    place.write_manifest(manifest)
    with pytest.raises(IntegrityError, match="do not fit") as told:
        restore_backup(made["target"], f"sqlite:///{tmp_path}/new.db")
    assert "parameters" not in str(told.value)
    assert told.value.__suppress_context__
    assert not list(tmp_path.glob("new.db*"))


def test_a_secret_is_in_no_copy(filled: SqlStore, home: Path, tmp_path: Path) -> None:
    set_secrets(filled, "p", {"TOKEN": "canary-7f3a"})
    made = make_backup(filled, str(tmp_path), artifacts=True)
    assert secrets_of(filled, "p")["TOKEN"] == "canary-7f3a"
    keys = [word for word in (home / "service.keys").read_text().split() if len(word) > 40]
    assert keys
    for path in Path(made["target"]).rglob("*"):
        raw = path.read_bytes() if path.is_file() else b""
        text = str(pq.read_table(path).to_pylist()) if path.suffix == ".parquet" else ""
        for word in ("canary-7f3a", *keys):
            assert word.encode() not in raw and word not in text, path


def test_no_more_is_held_than_memory_has(
    filled: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        filled.append_log("p", f"long{number}", bytes([number]) * 10_000)
    monkeypatch.setattr(tables, "_BYTES", 50_000)
    made = make_backup(filled, str(tmp_path))
    groups = pq.ParquetFile(Path(made["target"]) / "logs.parquet").metadata
    most = max(groups.row_group(n).num_rows for n in range(groups.num_row_groups))
    assert groups.num_row_groups > 6 and most <= 40
    restore_backup(made["target"], f"sqlite:///{tmp_path}/new.db")
    assert rows_of(f"sqlite:///{tmp_path}/new.db") == rows_of(filled.url)


def test_a_database_that_is_away_is_told(filled: SqlStore, tmp_path: Path) -> None:
    made = make_backup(filled, str(tmp_path))
    url = f"postgresql://u:s3cret@127.0.0.1:{free_port()}/x"
    acts: list[Callable[[], object]] = [
        partial(restore_backup, made["target"], url),
        partial(make_backup, url, "memory://x"),
    ]
    for act in acts:
        with pytest.raises(StoreUnavailableError) as told:
            act()
        assert "s3cret" not in str(told.value)


def test_stopped_half_way_nothing_has_changed(
    filled: SqlStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_backup(filled, str(tmp_path))
    before = rows_of(filled.url)
    close_stores()

    def fails(*arguments: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(restoring, "set_sequences", fails)
    with pytest.raises(KeyboardInterrupt):
        restore_backup(made["target"], filled.url, force=True)
    assert rows_of(filled.url) == before


_KILLED = """
import os, sys
from mlrun_like.api.backup import restoring, tables
place = sys.argv[3]
def die(*arguments):
    os.kill(os.getpid(), 9)
if place == "fill":
    restoring.set_sequences = die
elif place == "link":
    os.replace = die
restoring.restore_backup(sys.argv[1], sys.argv[2], force=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("place", ["fill", "link"])
def test_killed_half_way_nothing_has_changed(filled: SqlStore, tmp_path: Path, place: str) -> None:
    made = make_backup(filled, str(tmp_path))
    before = rows_of(filled.url)
    close_stores()
    command = [sys.executable, "-c", _KILLED, made["target"], filled.url, place]
    assert subprocess.run(command, check=False).returncode == -9
    assert rows_of(filled.url) == before


def test_a_copy_that_was_cut_short_is_none(filled: SqlStore, tmp_path: Path) -> None:
    def tell(done: float, total: float, message: str) -> None:
        if done > 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_backup(filled, str(tmp_path), name="half", tell=tell)
    assert list_backups(str(tmp_path)) == []


def test_old_copies_go(filled: SqlStore, tmp_path: Path) -> None:
    for number in range(4):
        make_backup(filled, str(tmp_path), name=f"mlrun-like-2026010{number}")
    make_backup(filled, str(tmp_path), name="mine")
    assert remove_old_backups(str(tmp_path), 2) == 2
    assert list_backups(str(tmp_path)) == ["mine", "mlrun-like-20260102", "mlrun-like-20260103"]
    with pytest.raises(ConflictError, match="already"):
        make_backup(filled, str(tmp_path), name="mine")
    with pytest.raises(InvalidArgumentError):
        make_backup(filled, str(tmp_path), name="../x")


def test_any_file_system(filled: SqlStore, tmp_path: Path) -> None:
    made = make_backup(filled, "memory://copies")
    restore_backup(made["target"], f"sqlite:///{tmp_path}/new.db")
    assert rows_of(f"sqlite:///{tmp_path}/new.db") == rows_of(filled.url)


@pytest.mark.slow
def test_from_one_database_to_the_other_and_back(
    filled: SqlStore, tmp_path: Path, postgres: Postgres
) -> None:
    url = postgres.new_database()
    made = make_backup(filled, str(tmp_path / "a"))
    before = rows_of(filled.url)
    restore_backup(made["target"], url)
    assert rows_of(url) == before
    moved = open_store(url)
    with pytest.raises(ConflictError, match="not empty"):
        restore_backup(made["target"], url)
    fill(moved, 40)  # type: ignore[arg-type]
    changed = rows_of(url)
    assert len(changed["runs"]) == 40
    back = make_backup(moved, str(tmp_path / "b"))  # type: ignore[arg-type]
    close_stores()
    restore_backup(back["target"], f"sqlite:///{tmp_path}/back.db")
    assert rows_of(f"sqlite:///{tmp_path}/back.db") == changed
    restore_backup(made["target"], url, force=True)
    assert rows_of(url) == before
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        found = connection.execute(text("SELECT count(*) FROM runs")).scalar()
    engine.dispose()
    assert found == 30
    assert os.path.isdir(made["target"])
