"""Bring a database to the current schema: automatic, under a lock, safe when many start at once.

A new database is made from the tables directly (Alembic takes half a second to import and is not
needed for that). An older one is migrated by Alembic in one transaction; a SQLite file is copied
first. A newer one is refused.
"""

from __future__ import annotations

import importlib
import os
import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError
from mlrun_like.tracking.schema import REVISIONS, VERSION_TABLE, metadata

__all__ = ["MIGRATIONS", "ensure_schema", "read_version"]

MIGRATIONS = Path(__file__).with_name("migrations")
_LOCK = 0x6D6C5F74  # the advisory lock's number: any constant of our own


def ensure_schema(
    engine: Engine,
    path: Path | None,
    *,
    revisions: Sequence[str] = REVISIONS,
    scripts: Path = MIGRATIONS,
) -> None:
    """Create or migrate the tables if they are not current.

    Args:
        engine: Connects to the database.
        path: The SQLite file; None for a server.
        revisions: Known schema versions, oldest first.
        scripts: Alembic's script folder.

    Raises:
        ConflictError: if a newer version of this package made the database.
    """
    if path is not None:
        _prepare_file(engine, path)
        if _version_in_file(engine) == revisions[-1]:
            return
    with engine.connect() as connection:
        version = read_version(connection)
    if _current(version, revisions, engine):
        return
    if path is not None:
        # without a write-ahead log, whoever copies the file would wait for the lock for ever
        _log_ahead(engine)
    with _locked(engine) as connection:
        # another process may have done it while this one waited for the lock
        version = read_version(connection)
        if _current(version, revisions, engine):
            return
        if version is None:
            metadata.create_all(connection, checkfirst=False)
            connection.execute(
                text(
                    f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, "
                    f"CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
                )
            )
            connection.execute(
                text(f"INSERT INTO {VERSION_TABLE} VALUES (:v)"), {"v": REVISIONS[-1]}
            )
            if revisions[-1] == REVISIONS[-1]:
                return
        elif path is not None:
            _back_up(path, version)
        # Alembic takes half a second to import, which only a migration shall pay
        upgrade = importlib.import_module("mlrun_like.tracking.upgrade").upgrade
        upgrade(connection, scripts, revisions[-1])


def read_version(connection: Connection) -> str | None:
    """The recorded schema version; None for an empty database."""
    if not connection.dialect.has_table(connection, VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return None if found is None else str(found)


def _version_in_file(engine: Engine) -> str | None:
    """What `read_version` gives, at a tenth of its cost: each process that is made for a run asks.

    None also if it cannot be read now.
    """
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        found = cursor.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()
        return str(found[0]) if found else None
    except sqlite3.Error:
        return None
    finally:
        connection.close()


def _current(version: str | None, revisions: Sequence[str], engine: Engine) -> bool:
    if version is None or version in revisions:
        return version == revisions[-1]
    raise ConflictError(
        f"the tracking store has schema version {version!r}, this package knows up to "
        f"{revisions[-1]!r}",
        where=engine.url.render_as_string(hide_password=True),
        fix='pip install --upgrade mlrun-like   (or set "dbpath" to another store)',
    )


@contextmanager
def _locked(engine: Engine) -> Iterator[Connection]:
    """A transaction that no other process of this package has at the same time."""
    with engine.connect().execution_options(begin="BEGIN EXCLUSIVE") as connection:
        if engine.dialect.name == "sqlite":
            # the first statement begins; the driver waits for the lock
            connection.execute(text("SELECT 1"))
        else:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _LOCK})
        yield connection
        connection.commit()


def _prepare_file(engine: Engine, path: Path) -> None:
    if path.is_file() and path.stat().st_size:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    _log_ahead(engine)


def _log_ahead(engine: Engine) -> None:
    """Let the file have a write-ahead log, which lets others read while one writes."""
    # SQLite does not wait for the lock that this change needs, so we do
    end = time.monotonic() + config.store_timeout
    while True:
        try:
            with engine.connect() as connection:
                connection.connection.cursor().execute("PRAGMA journal_mode=WAL")
            return
        except (DBAPIError, sqlite3.OperationalError) as exc:
            if "locked" not in str(exc) or time.monotonic() > end:
                raise
        time.sleep(random.uniform(0.002, 0.02))


def _back_up(path: Path, version: str) -> None:
    """Copy the file beside itself before migrating; done under the lock."""
    target = path.with_name(f"{path.name}.before-{version}-{time.strftime('%Y%m%d%H%M%S')}")
    unfinished = target.with_name(target.name + f".{os.getpid()}.tmp")
    source = sqlite3.connect(path)
    try:
        copy = sqlite3.connect(unfinished)
        try:
            source.backup(copy)
        finally:
            copy.close()
    finally:
        source.close()
    os.replace(unfinished, target)
