"""Makes a copy of the store from one snapshot, while others read and write."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, make_url, text

from mlrun_like import __version__
from mlrun_like.api.backup.tables import sequences, tables_of, translated, write_rows
from mlrun_like.api.backup.targets import FORMAT, MANIFEST, Place, file_digest, list_backups
from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.tracking.migrate import read_version
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["FOLDERS", "connected", "make_backup", "remove_old_backups"]

FOLDERS = ("artifacts", "code")
"""Folders of the home that a copy with artifacts holds."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
Tell = Callable[[float, float, str], None]


def make_backup(
    store: SqlStore | str,
    target: str,
    *,
    artifacts: bool = False,
    name: str = "",
    tell: Tell = lambda done, total, message: None,
) -> Document:
    """Copy a store, consistently, and say what was copied.

    Args:
        store: The store, or its URL.
        target: Folder or URL; the copy becomes a folder in it.
        artifacts: Whether the files of the home are copied too.
        name: The copy's name; empty: made from the time.
        tell: Gets how far it is.

    Raises:
        ConflictError: if there is a copy of that name.
        StoreUnavailableError: if the store or the target cannot be used.
    """
    name = name or time.strftime("mlrun-like-%Y%m%dT%H%M%SZ", time.gmtime())
    if not _NAME.fullmatch(name):
        raise InvalidArgumentError(f"{name!r} cannot be the name of a copy")
    place = Place(target).child(name)
    if place.child(MANIFEST).exists():
        raise ConflictError(f"there is a copy {name!r} already", where=target)
    if place.local is not None:
        place.local.mkdir(parents=True, exist_ok=True, mode=0o700)
        place.local.chmod(0o700)  # it holds hashes of passwords
    tables: dict[str, Any] = {}
    if isinstance(store, SqlStore):
        store.flush()
    with connected(store.url if isinstance(store, SqlStore) else store) as connection:
        version = read_version(connection)
        found = tables_of(connection)
        for number, table in enumerate(found):
            tell(number, len(found), f"table {table.name}")
            file = f"{table.name}.parquet"
            with place.child(file).open("wb") as opened:
                tables[str(table.name)] = {"file": file, **write_rows(connection, table, opened)}
        numbers = sequences(connection)
        kind = connection.dialect.name
    files = _copy_files(place, tell) if artifacts else {}
    manifest = {
        "format": FORMAT,
        "made": time.time(),
        "package": __version__,
        "schema": version,
        "database": kind,
        "tables": tables,
        "sequences": numbers,
        "files": files,
    }
    place.write_manifest(manifest)
    return {
        "target": place.url,
        "name": name,
        "schema": version,
        "tables": len(tables),
        "rows": sum(one["rows"] for one in tables.values()),
        "files": len(files),
        "bytes": sum(one["bytes"] for one in [*tables.values(), *files.values()]),
    }


def remove_old_backups(target: str, keep: int) -> int:
    """Remove all but the newest whole copies that have names made from the time; how many.

    Args:
        target: Folder or URL.
        keep: How many stay; 0: all.
    """
    made = [name for name in list_backups(target) if name.startswith("mlrun-like-")]
    old = made[:-keep] if keep else []
    for name in old:
        place = Place(target).child(name)
        # a copy whose removal is cut short is no copy
        place.child(MANIFEST).remove()
        place.remove()
    return len(old)


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A connection that sees the database as it was when it began."""
    parsed = make_url(url)
    options: dict[str, Any] = {}
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        options["isolation_level"] = "REPEATABLE READ"
    engine = create_engine(parsed, **options)
    where = parsed.render_as_string(hide_password=True)
    try:
        with translated(where), engine.connect() as connection:
            # the first statement fixes what is seen, in both databases
            if engine.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
                connection.execute(text("SELECT count(*) FROM sqlite_master"))
            else:
                connection.execute(text("SET TRANSACTION READ ONLY"))
                connection.execute(text("SELECT 1"))
            yield connection
    finally:
        engine.dispose()


def _copy_files(place: Place, tell: Tell) -> dict[str, Any]:
    """The snapshot is older than these files, so whatever its records name is there."""
    found: dict[str, Any] = {}
    for folder in FOLDERS:
        base = config.path(folder)
        for path in sorted(_files(base)):
            name = f"{folder}/{path.relative_to(base).as_posix()}"
            tell(len(found), 0, f"file {name}")
            try:
                source = path.open("rb")
            except FileNotFoundError:
                continue  # removed since
            with source, place.child(f"files/{name}").open("wb") as copy:
                while piece := source.read(1 << 20):
                    copy.write(piece)
                source.seek(0)
                digest, size = file_digest(source)
            found[name] = {"sha256": digest, "bytes": size}
    return found


def _files(base: Path) -> Iterator[Path]:
    for folder, _, names in os.walk(base):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path
