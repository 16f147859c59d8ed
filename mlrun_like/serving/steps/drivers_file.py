"""Tables in one file on this machine, by SQLite: for a laptop, and for one server."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.serving.steps.aggregate_plain import merge_plain
from mlrun_like.serving.steps.drivers import Change, Driver, Key, Row, key_text
from mlrun_like.serving.steps.drivers_text import (
    from_text,
    state_from_text,
    state_to_text,
    to_text,
)

__all__ = ["FileDriver"]

_TABLES = """
create table if not exists attributes
  (tbl text, key text, name text, value text, primary key (tbl, key, name)) without rowid;
create table if not exists features
  (tbl text, key text, name text, period real, head integer, primary key (tbl, key, name))
  without rowid;
create table if not exists buckets
  (tbl text, key text, name text, bucket integer, body text,
   primary key (tbl, key, name, bucket)) without rowid;
create table if not exists schemas (tbl text primary key, body text) without rowid;
"""


class FileDriver(Driver):
    """Keeps tables in a file; several processes may use it at the same time.

    Args:
        path: The file; it and its folders are made.
        timeout: Seconds to wait for another process that is writing.

    >>> import tempfile
    >>> driver = FileDriver(tempfile.mkdtemp() + "/tables.db")
    >>> driver.save("users", [Change("ann", {"age": 31})])
    >>> driver.load("users", "ann").attributes
    {'age': 31}
    >>> driver.close()
    """

    def __init__(self, path: str, timeout: float = 30.0) -> None:
        if not isinstance(path, (str, os.PathLike)) or not os.fspath(path):
            raise InvalidArgumentError(
                f"path={path!r:.80} is no file name", fix="such as FileDriver('tables.db')"
            )
        self.path = os.path.expanduser(os.fspath(path))
        self.timeout = timeout
        self._connection: sqlite3.Connection | None = None

    @contextmanager
    def _open(self, write: bool = False) -> Iterator[sqlite3.Connection]:
        try:
            if self._connection is None:
                self._connection = self._connect()
            connection = self._connection
            if not write:
                yield connection
                return
            connection.execute("begin immediate")
            try:
                yield connection
                connection.execute("commit")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("rollback")
                raise
        except sqlite3.DatabaseError as exc:
            raise StoreUnavailableError(
                f"the tables in {self.path!r} cannot be used: {exc}",
                fix="check that the file is a table file, its folder can be written, and the "
                "disk has room",
            ) from exc

    def _connect(self) -> sqlite3.Connection:
        folder = os.path.dirname(self.path)
        try:
            if folder:
                os.makedirs(folder, exist_ok=True)
        except OSError as exc:
            raise StoreUnavailableError(f"{folder!r} cannot be made: {exc.strerror}") from exc
        connection = sqlite3.connect(
            self.path, self.timeout, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("pragma journal_mode=wal")
            connection.execute("pragma synchronous=normal")
            connection.executescript(_TABLES)
        except BaseException:
            connection.close()
            raise
        return connection

    def load(self, table: str, key: Key, aggregates: bool = True) -> Row | None:
        place = (table, key_text(key))
        with self._open() as db:
            found = db.execute("select name, value from attributes where tbl=? and key=?", place)
            row = Row({name: from_text(value) for name, value in found.fetchall()})
            if aggregates:
                found = db.execute(
                    "select name, period, head from features where tbl=? and key=?", place
                )
                for name, period, head in found.fetchall():
                    row.aggregates[name] = {"period": period, "head": head, "buckets": {}}
            if row.aggregates:
                found = db.execute(
                    "select name, bucket, body from buckets where tbl=? and key=?", place
                )
                for name, bucket, body in found.fetchall():
                    row.aggregates[name]["buckets"][bucket] = state_from_text(body)
        return row if row.attributes or row.aggregates else None

    def save(self, table: str, changes: Sequence[Change], shared: bool = False) -> None:
        with self._open(write=True) as db:
            for change in changes:
                key = key_text(change.key)
                db.executemany(
                    "insert into attributes values (?,?,?,?) "
                    "on conflict do update set value=excluded.value",
                    [(table, key, name, to_text(v)) for name, v in change.attributes.items()],
                )
                for name, taken in change.aggregates.items():
                    self._save_feature(db, (table, key, name), taken, shared)

    def _save_feature(
        self,
        db: sqlite3.Connection,
        place: tuple[str, str, str],
        taken: Mapping[str, Any],
        shared: bool,
    ) -> None:
        db.execute(
            "insert into features values (?,?,?,?,?) on conflict do update set "
            "period=excluded.period, head=max(coalesce(head, excluded.head), excluded.head)",
            (*place, taken["period"], taken["head"]),
        )
        where = "tbl=? and key=? and name=? and bucket=?"
        rows = []
        for bucket, numbers in taken["buckets"].items():
            if shared:
                old = db.execute(
                    f"select body from buckets where {where}", (*place, bucket)
                ).fetchone()
                numbers = merge_plain(old and state_from_text(old[0]), numbers)
            rows.append((*place, bucket, state_to_text(numbers)))
        db.executemany(
            "insert into buckets values (?,?,?,?,?) on conflict do update set body=excluded.body",
            rows,
        )
        db.executemany(
            f"delete from buckets where {where}", [(*place, bucket) for bucket in taken["dropped"]]
        )

    def load_schema(self, table: str) -> dict[str, Any] | None:
        with self._open() as db:
            found = db.execute("select body from schemas where tbl=?", (table,)).fetchone()
        schema: dict[str, Any] | None = state_from_text(found[0]) if found else None
        return schema

    def save_schema(self, table: str, schema: Mapping[str, Any]) -> None:
        with self._open(write=True) as db:
            db.execute(
                "insert into schemas values (?,?) on conflict do update set body=excluded.body",
                (table, state_to_text(schema)),
            )

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
