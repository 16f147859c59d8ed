"""A copy becomes the store: all of it or nothing.

SQLite: a new file is filled beside the old one and takes its place in one step. PostgreSQL: one
transaction. Stopping at any moment leaves what was there.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, make_url, text

from mlrun_like.api.backup.checking import check_backup, file_of
from mlrun_like.api.backup.making import FOLDERS
from mlrun_like.api.backup.tables import read_rows, set_sequences, tables_of, translated
from mlrun_like.api.backup.targets import Place
from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, IntegrityError
from mlrun_like.tracking.migrate import MIGRATIONS, read_version
from mlrun_like.tracking.schema import HEAD, VERSION_TABLE, metadata
from mlrun_like.tracking.upgrade import upgrade
from mlrun_like.types import Document

__all__ = ["restore_backup"]

_VERSION = (
    f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, "
    f"CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
)


def restore_backup(source: str, url: str, *, force: bool = False) -> Document:
    """Put a copy into a database; nobody may use the store meanwhile.

    Args:
        source: Folder or URL of the copy.
        url: The database: `sqlite:///file` or `postgresql://…`.
        force: Whether a store that is there is replaced. A SQLite file is kept beside the new one.

    Raises:
        ConflictError: if there is a store already, or the copy is newer than this package.
        IntegrityError: if the copy is damaged.
        StoreUnavailableError: if the database cannot be used.
    """
    manifest = check_backup(source)
    place = Place(source)
    parsed = make_url(url)
    with translated(parsed.render_as_string(hide_password=True)):
        if parsed.get_backend_name() == "sqlite":
            kept = _into_file(place, manifest, Path(parsed.database or ""), force)
        else:
            kept = _into_server(place, manifest, parsed.set(drivername="postgresql+psycopg"), force)
    files = _files_back(place, manifest)
    return {
        "source": source,
        "schema": manifest["schema"],
        "rows": sum(one["rows"] for one in manifest["tables"].values()),
        "files": files,
        "kept": kept,
    }


def _into_file(place: Place, manifest: dict[str, Any], path: Path, force: bool) -> str:
    if path.exists() and path.stat().st_size and not force:
        raise _there(str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.restoring-{os.getpid()}")
    _remove_file(fresh)
    engine = create_engine(f"sqlite:///{fresh}")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            _fill(connection, place, manifest)
            connection.commit()
        with engine.connect() as connection:
            found = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
        if found != "ok":
            raise IntegrityError(f"the restored file is damaged: {found}", where=str(fresh))
    except BaseException:
        engine.dispose()
        _remove_file(fresh)
        raise
    engine.dispose()
    with open(fresh, "rb+") as file:
        os.fsync(file.fileno())
    if not path.exists() or not path.stat().st_size:
        os.replace(fresh, path)
        return ""
    kept = path.with_name(f"{path.name}.before-restore-{time.strftime('%Y%m%d%H%M%S')}")
    try:
        with _alone(path):
            os.link(path, kept)
            os.replace(fresh, path)
    except BaseException:
        _remove_file(fresh)
        raise
    return str(kept)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Nobody writes to a SQLite file, and all that was written is in it: its log is empty, so the
    file that takes its place does not meet the log of another."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=5, isolation_level=None)) as old:
            busy, *_ = old.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                raise sqlite3.OperationalError("it is in use")
            old.execute("BEGIN IMMEDIATE")
            yield
    except sqlite3.Error as exc:
        raise ConflictError(
            f"the store that is there cannot be replaced now: {exc}",
            where=str(path),
            fix="stop the service and whatever else uses it",
        ) from exc


def _into_server(place: Place, manifest: dict[str, Any], url: Any, force: bool) -> str:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            old = tables_of(connection)
            if read_version(connection) is not None:
                if not force and _has_rows(connection, [table.name for table in old]):
                    raise _there(url.render_as_string(hide_password=True))
                for table in reversed(old):
                    if table.name in metadata.tables or table.name in manifest["tables"]:
                        connection.execute(text(f'DROP TABLE "{table.name}" CASCADE'))
                connection.execute(text(f"DROP TABLE {VERSION_TABLE}"))
            _fill(connection, place, manifest)
            connection.commit()
    finally:
        engine.dispose()
    return ""


def _fill(connection: Connection, place: Place, manifest: dict[str, Any]) -> None:
    """The tables of the copy's own schema version, and its rows."""
    if manifest["schema"] == HEAD:  # the same tables at a tenth of the time
        metadata.create_all(connection, checkfirst=False)
        connection.execute(text(_VERSION))
        connection.execute(text(f"INSERT INTO {VERSION_TABLE} VALUES (:v)"), {"v": HEAD})
    else:
        upgrade(connection, MIGRATIONS, manifest["schema"])
    tables = {table.name: table for table in tables_of(connection)}
    unknown = set(manifest["tables"]) - set(tables)
    if unknown:
        raise IntegrityError(
            f"the copy has tables that its schema does not have: {', '.join(sorted(unknown))}",
            where=place.url,
        )
    for name, table in tables.items():
        told = manifest["tables"].get(name)
        if told is None:
            continue
        with file_of(place, told["file"]).open() as file:
            for rows in read_rows(file):
                connection.execute(table.insert(), rows)
    set_sequences(connection, manifest["sequences"])


def _has_rows(connection: Connection, names: list[str]) -> bool:
    return any(
        connection.execute(text(f'SELECT 1 FROM "{name}" LIMIT 1')).first() for name in names
    )


def _files_back(place: Place, manifest: dict[str, Any]) -> int:
    count = 0
    for name in manifest["files"]:
        if name.partition("/")[0] not in FOLDERS:
            raise IntegrityError(f"the copy holds {name!r}, which is no artifact", where=place.url)
        path = config.path(*name.split("/"))
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        with file_of(place, f"files/{name}").open() as source, open(fresh, "wb") as copy:
            while piece := source.read(1 << 20):
                copy.write(piece)
        os.replace(fresh, path)
        count += 1
    return count


def _there(where: str) -> ConflictError:
    return ConflictError(
        "there is a store already, and it is not empty",
        where=where,
        fix="restore into another one, or say --force to replace it",
    )


def _remove_file(path: Path) -> None:
    for ending in ("", "-wal", "-shm", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{path}{ending}")
