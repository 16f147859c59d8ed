"""A store in an SQLite file: one table with all in its key, readers that never wait for writers."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path
from time import time_ns
from typing import Any, TypeVar

import orjson

from mlrun_like.errors import IntegrityError, StoreUnavailableError
from mlrun_like.feature_store.online.sqlite_texts import (
    CLEAN,
    FEW,
    POINTS,
    POSITION,
    PUT,
    REPLACE,
    SCHEMA,
    VERSION,
    gone_query,
    grid_query,
    show_query,
    span,
    under,
)
from mlrun_like.feature_store.online.store import NEVER, OnlineStore, Row, State

__all__ = ["SqliteStore"]

_T = TypeVar("_T")
_MANY = 500
"""Keys of one statement beyond; the statements of a read see the same moment."""
_CLEANED = 2000
"""Most expired rows that one write removes."""


class SqliteStore(OnlineStore):
    """Blobs in a file. Each thread reads through a connection of its own; writes come in turn.

    A crash of the process loses nothing that was written; a crash of the machine may lose the last
    writes, always together with their positions.

    Args:
        path: The file; it and its folder are made when they are not there.
        timeout: Seconds to wait while another process writes.
    """

    def __init__(self, path: str, timeout: float = 30.0) -> None:
        self.path = os.path.abspath(path)
        self.url = f"sqlite:///{self.path}"
        self._timeout = timeout
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._made = threading.Lock()
        _ALL.add(self)

    def forget(self) -> None:
        """In a forked process: its parent's connections are neither used nor closed."""
        self._local, self._all = threading.local(), []
        self._lock, self._made = threading.Lock(), threading.Lock()

    def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        count = len(keys)
        if not 0 < count <= FEW:
            return self._read_many(keys)
        try:
            execute = self._local.execute
        except AttributeError:
            self._connect()
            execute = self._local.execute
        try:
            found = execute(POINTS[count], (*keys, time_ns() // 1_000_000)).fetchone()
        except sqlite3.Error as exc:
            raise self._failed(exc) from exc
        return list(found)

    def grid(
        self, prefixes: Sequence[bytes], tails: Sequence[bytes]
    ) -> Sequence[Sequence[bytes | None]]:
        if not 0 < len(prefixes) <= FEW:
            return super().grid(prefixes, tails)
        try:
            listed = orjson.dumps([tail.decode() for tail in tails])
        except UnicodeDecodeError:  # a lone surrogate
            return super().grid(prefixes, tails)
        if b"\\u0000" in listed:  # which ends a text of JSON there
            return super().grid(prefixes, tails)
        values = (*prefixes, time_ns() // 1_000_000, listed.decode())
        text = grid_query(len(prefixes))
        found: list[tuple[bytes | None, ...]]
        found = self._query(lambda connection: connection.execute(text, values).fetchall())
        return found

    def _read_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        now = time_ns() // 1_000_000
        found: dict[bytes, bytes] = {}

        def work(connection: sqlite3.Connection) -> None:
            several = len(keys) > _MANY
            if several:
                connection.execute("BEGIN")
            try:
                for start in range(0, len(keys), _MANY):
                    part = keys[start : start + _MANY]
                    marks = ",".join("?" * len(part))
                    text = f"SELECT key, value FROM rows WHERE key IN ({marks}) AND expires > ?"
                    found.update(connection.execute(text, (*part, now)))
            finally:
                if several:
                    connection.execute("COMMIT")

        self._query(work)
        return [found.get(key) for key in keys]

    def write(
        self,
        rows: Sequence[Row],
        *,
        ttl_millis: int | None = None,
        position: tuple[str, str] | None = None,
        states: Sequence[State] = (),
    ) -> None:
        # in the order of keys each page of the file is touched once
        if ttl_millis is None:
            made = ((key, micros, NEVER, blob) for key, blob, micros in _sorted(rows))
        else:
            made = (
                (key, micros, min(micros // 1000 + ttl_millis, NEVER), blob)
                for key, blob, micros in _sorted(rows)
            )

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(PUT, made)
            if states:
                connection.executemany(REPLACE, [(k, 0, NEVER, blob) for k, blob in states])
            if position is not None:
                connection.execute(POSITION, position)
            if ttl_millis is not None:
                connection.execute(CLEAN, (time_ns() // 1_000_000, _CLEANED))

        self._change(work)

    def position(self, feed: str) -> str:
        text = "SELECT place FROM positions WHERE feed = ?"
        found = self._query(lambda connection: connection.execute(text, (feed,)).fetchone())
        return str(found[0]) if found else ""

    def delete(self, keys: Sequence[bytes]) -> None:
        self._change(
            lambda connection: connection.executemany(
                "DELETE FROM rows WHERE key = ?", [(key,) for key in keys]
            )
        )

    def purge(self, prefix: bytes) -> int:
        text = f"DELETE FROM rows WHERE {under(prefix)}"
        return self._change(lambda connection: connection.execute(text, span(prefix)).rowcount)

    def scan(self, prefix: bytes) -> Iterator[State]:
        text = (
            f"SELECT key, value FROM rows WHERE {under(prefix)} AND key > ? AND expires > ? "
            "ORDER BY key LIMIT 1000"
        )
        after = b""
        while True:  # in parts, so that no reader holds the file's log back
            values = (*span(prefix), after, time_ns() // 1_000_000)
            part = self._query(lambda connection, v=values: connection.execute(text, v).fetchall())  # type: ignore[misc]
            yield from part
            if len(part) < 1000:
                return
            after = part[-1][0]

    def swap(self, staged: bytes, prefixes: Sequence[bytes], position: tuple[str, str]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            for prefix in prefixes:
                connection.execute(gone_query(prefix), (*span(prefix), staged))
            spans = [limit for prefix in (staged, *prefixes) for limit in span(prefix)]
            connection.execute(show_query(staged, prefixes), (len(staged) + 1, *spans))
            connection.execute(f"DELETE FROM rows WHERE {under(staged)}", span(staged))
            connection.execute(POSITION, position)

        self._change(work)

    def close(self) -> None:
        with self._lock, self._made:
            for connection in self._all:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
            self._all.clear()
            self._local = threading.local()

    # ------------------------------------------------------------------------------------------

    def _change(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        try:
            with self._lock:
                connection = self._connect()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    done = work(connection)
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
                return done
        except sqlite3.Error as exc:
            raise self._failed(exc) from exc

    def _query(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        try:
            return work(self._connect())
        except sqlite3.Error as exc:
            raise self._failed(exc) from exc

    def _connect(self) -> sqlite3.Connection:
        """This thread's connection."""
        local = self._local
        known: sqlite3.Connection | None = getattr(local, "connection", None)
        if known is not None:
            return known
        try:
            Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            connection = self._opened()
        except (sqlite3.Error, OSError) as exc:
            raise self._failed(exc) from exc
        with self._made:
            self._all.append(connection)
        local.connection, local.execute = connection, connection.cursor().execute
        return connection

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=self._timeout, isolation_level=None, check_same_thread=False
        )
        try:
            deadline = time.monotonic() + self._timeout
            connection.execute("PRAGMA page_size = 8192")  # of a new file: fewer levels of pages
            while True:  # turning the log on does not wait for others who do the same
                try:
                    connection.execute("PRAGMA journal_mode = WAL")
                    break
                except sqlite3.OperationalError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.01)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA mmap_size = 268435456")
            connection.execute("PRAGMA cache_size = -16000")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise IntegrityError(
                    f"the file has version {version} of the online store, this is {VERSION}",
                    where=self.path,
                    fix="update the package",
                )
            if version < VERSION:
                connection.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
        except BaseException:
            connection.close()
            raise
        return connection

    def _failed(self, exc: Exception) -> StoreUnavailableError:
        busy = "locked" in str(exc)
        return StoreUnavailableError(
            f"the online store cannot be used: {exc}",
            where=self.path,
            fix=f"another process wrote for more than {self._timeout:g} s: write smaller parts"
            if busy
            else "check that the file is an online store, whole, and that the disk has room",
        )


def _sorted(rows: Sequence[Row]) -> Sequence[Row]:
    return sorted(rows, key=itemgetter(0)) if len(rows) > 1 else rows


_ALL: weakref.WeakSet[SqliteStore] = weakref.WeakSet()


def _forget_all() -> None:
    for store in list(_ALL):
        store.forget()


os.register_at_fork(after_in_child=_forget_all)
