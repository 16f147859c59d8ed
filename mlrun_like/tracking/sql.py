"""One database for one process: its connections, its transactions, its errors, and forks.

SQLite and PostgreSQL differ only here, in `sqlite.py` and in `migrate.py`:

    SQLite      see `sqlite.py`
    PostgreSQL  psycopg 3, time limits on connecting, locks and statements

A process holds one writing connection, guarded by a lock, and a small pool for reading. Before a
fork all connections are closed, because neither database allows a child to inherit one.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, StoreUnavailableError
from mlrun_like.registry import require
from mlrun_like.tracking import sqlite
from mlrun_like.tracking.migrate import ensure_schema
from mlrun_like.tracking.operations import Operation, apply, metric_rows
from mlrun_like.tracking.sink import Refusal, Sink
from mlrun_like.tracking.statements import statements
from mlrun_like.tracking.transaction import Transaction

__all__ = ["Database"]

_REMEMBERED = 10_000  # ids of runs and metric names
_RETRY = frozenset({"40001", "40P01"})  # serialization failure, deadlock
# no such table or schema, no right: somebody restores the database, which is no record's fault
_NOT_READY = frozenset({"42P01", "3F000", "42501"})
_TO_OPEN = "give the setting dbpath a folder, a store's own file, or a database that answers"


class Database(Sink):
    """Connections to one database.

    Args:
        url: `sqlite:///file` or `postgresql://user:password@host/name`.
    """

    def __init__(self, url: str) -> None:
        parsed = make_url(url)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        self.path = Path(parsed.database or "") if self.sqlite else None
        self.shown = parsed.render_as_string(hide_password=True)
        self.lock = threading.RLock()
        self.timeout = config.store_timeout
        self._url = parsed if self.sqlite else parsed.set(drivername="postgresql+psycopg")
        self._prepared = statements("sqlite" if self.sqlite else "postgresql")
        self._engine: Engine | None = None
        self._writer: Any = None
        self._memory: dict[Any, int] = {}
        self._inode = 0
        self._synchronous = ""
        self._gate = threading.Condition()
        self._readers = 0
        self._closed_gate = False

    def __repr__(self) -> str:
        return f"Database({self.shown!r})"

    # connections

    @property
    def engine(self) -> Engine:
        """The engine; made on first use. Connects to a database with a current schema only."""
        with self.lock:
            if self._engine is None:
                engine = self._create_engine()
                try:
                    self._prepare_schema(engine)
                except BaseException:
                    engine.dispose()
                    raise
                self._engine = engine
            return self._engine

    def _prepare_schema(self, engine: Engine) -> None:
        with self._translated("opened"):
            ensure_schema(engine, self.path)
        if self.path is not None:
            self._inode = self.path.stat().st_ino

    def _create_engine(self) -> Engine:
        if self.sqlite:
            engine = create_engine(self._url, connect_args={"timeout": self.timeout})
            event.listen(engine, "connect", sqlite.connected)
            event.listen(engine, "begin", sqlite.begun)
            return engine
        require("psycopg", extra="postgres", feature="a PostgreSQL tracking store")
        wait = max(1, int(self.timeout * 1000))
        given = self._url.query.get("options", "")
        settings = f"-c lock_timeout={wait} -c statement_timeout={wait} "
        settings += given if isinstance(given, str) else " ".join(given)
        arguments = {
            "options": settings,
            "connect_timeout": max(2, min(10, int(self.timeout))),
            "keepalives_idle": 10,
            "application_name": "mlrun_like",
        }
        return create_engine(self._url, connect_args=arguments, pool_pre_ping=True)

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection with one consistent view of the data.

        Raises:
            StoreUnavailableError: if the database cannot be reached.
        """
        with self._gate:
            self._gate.wait_for(lambda: not self._closed_gate)
            self._readers += 1
        try:
            with self._translated("read"):
                self.check_file()
                with self.engine.connect() as connection:
                    yield connection
        finally:
            with self._gate:
                self._readers -= 1
                self._gate.notify_all()

    @contextlib.contextmanager
    def write(self, *, durable: bool = True, timeout: float | None = None) -> Iterator[Transaction]:
        """A writing transaction, committed at the end of the block. The caller holds `lock`.

        Driver errors pass through; `unavailable` tells what they mean.

        Args:
            durable: Wait until the disk has it; else only a power cut can lose it.
            timeout: Seconds to wait for other writers; None: the setting `store_timeout`.
        """
        self.check_file()
        if self._writer is None:
            self._writer = self.engine.raw_connection()
            self._synchronous = ""
            if self.sqlite:
                # SQLite's own waiting sleeps up to 0.1 s a turn; `_begin` waits with shorter naps
                self._writer.driver_connection.execute("PRAGMA busy_timeout=0")
        connection = self._writer.driver_connection
        try:
            cursor = connection.cursor()
            if self.sqlite:
                wait = self.timeout if timeout is None else timeout
                self._synchronous = sqlite.begin(
                    connection, "FULL" if durable else "NORMAL", self._synchronous, wait
                )
            if len(self._memory) > _REMEMBERED:
                self._memory.clear()
            yield Transaction(cursor, self._prepared, self._memory)
            connection.commit()
            cursor.close()
        except BaseException as exc:
            self._memory.clear()
            with contextlib.suppress(Exception):  # the first error is the one that matters
                connection.rollback()
            if not isinstance(exc, Exception) or self.unavailable(exc):
                self.disconnect()
            raise

    def commit(
        self, batch: Sequence[Operation], *, durable: bool = True, timeout: float | None = None
    ) -> Sequence[Refusal]:
        """See Sink; one transaction."""
        with self.write(durable=durable, timeout=timeout) as tx:
            rows: list[tuple[Any, ...]] = []
            for operation in batch:
                if operation[0] == "metrics":  # those of many runs in one statement
                    rows += metric_rows(tx, operation[1])
                    continue
                if rows:
                    tx.many("insert_metric", rows)
                    rows = []
                apply(tx, operation)
            if rows:
                tx.many("insert_metric", rows)
        return ()

    def check_file(self) -> None:
        """Notice a deleted or replaced file: SQLite would go on writing into nothing."""
        if self.path is None or self._engine is None:
            return
        try:
            found = os.stat(self.path).st_ino
        except OSError:
            found = 0
        if found != self._inode:
            self.disconnect()
            raise StoreUnavailableError(
                "the tracking store's file was removed or replaced while in use",
                where=self.shown,
            )

    # errors

    def unavailable(self, exc: BaseException) -> bool:
        """Whether an error means that the database cannot be used now (else: bad data)."""
        if isinstance(exc, (StoreUnavailableError, ConflictError, OSError)):
            return True
        if isinstance(exc, DBAPIError):
            return exc.orig is not None and self.unavailable(exc.orig)
        if isinstance(exc, sqlite3.DatabaseError):
            return not isinstance(
                exc,
                (
                    sqlite3.IntegrityError,
                    sqlite3.DataError,
                    sqlite3.InterfaceError,
                    sqlite3.ProgrammingError,
                ),
            ) and "too big" not in str(exc)
        if getattr(exc, "sqlstate", None) in _NOT_READY:
            return True
        kinds = {cls.__name__ for cls in type(exc).__mro__ if cls.__module__.startswith("psycopg")}
        return bool(kinds & {"OperationalError", "InterfaceError", "InternalError"})

    def retry_at_once(self, exc: BaseException) -> bool:
        """Whether the same transaction may simply be tried again (PostgreSQL chose a victim)."""
        return getattr(exc, "sqlstate", None) in _RETRY

    @contextlib.contextmanager
    def _translated(self, verb: str) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error, OSError) as exc:
            if not self.unavailable(exc):
                raise
            raise self.error(exc, verb) from exc

    def error(self, exc: BaseException, verb: str = "written") -> StoreUnavailableError:
        """The error to show for a driver's error; never holds a password."""
        if isinstance(exc, StoreUnavailableError):
            return exc
        cause: BaseException
        cause = exc.orig if isinstance(exc, DBAPIError) and exc.orig is not None else exc
        text = str(cause).strip().splitlines()
        reason = text[0] if text else type(cause).__name__
        password = self._url.password
        if password:
            for form in (str(password), quote(str(password), safe="")):
                reason = reason.replace(form, "***")
        return StoreUnavailableError(
            f"the tracking store cannot be {verb}: {reason}", where=self.shown,
            fix=_TO_OPEN if verb == "opened" else "",
        )  # fmt: skip

    # ends and forks

    def disconnect(self) -> None:
        """Drop all connections; the next use connects anew."""
        with self.lock:
            writer, engine = self._writer, self._engine
            self._writer = self._engine = None
            self._memory.clear()
        _close(writer, engine)

    def before_fork(self) -> None:
        """Wait for this process's reads and writes to end, then close everything."""
        # In this order: a reader that has passed the gate may still want the lock for its engine.
        with self._gate:
            self._closed_gate = True
            self._gate.wait_for(lambda: self._readers == 0, timeout=self.timeout)
        self.lock.acquire()
        writer, self._writer = self._writer, None
        self._memory.clear()
        _close(writer, self._engine)  # without connections both sides may keep the engine

    def after_fork_in_parent(self) -> None:
        """Let the parent go on."""
        with self._gate:
            self._closed_gate = False
            self._gate.notify_all()
        self.lock.release()

    def after_fork_in_child(self) -> None:
        """Locks of threads that do not exist here are replaced."""
        self.lock = threading.RLock()
        self._gate = threading.Condition()
        self._closed_gate = False
        self._readers = 0


def _close(writer: Any, engine: Engine | None) -> None:
    """Close the writer's connection and those that the engine keeps."""
    for close in (getattr(writer, "invalidate", None), getattr(engine, "dispose", None)):
        with contextlib.suppress(Exception):  # a broken connection may refuse to close
            if close is not None:
                close()
