"""The store is brought to the schema of this package before anybody answers."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import create_engine, make_url
from sqlalchemy.exc import DBAPIError

from mlrun_like.api.options import ServiceOptions
from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError
from mlrun_like.registry import resolve
from mlrun_like.tracking.connect import close_stores, open_store, store_url
from mlrun_like.tracking.migrate import read_version
from mlrun_like.tracking.schema import HEAD, REVISIONS
from mlrun_like.tracking.store import SqlStore

__all__ = ["bring_up_to_date", "schema_of"]

_log = logging.getLogger(__name__)


@contextmanager
def bring_up_to_date(options: ServiceOptions, migrating: Callable[[], None]) -> Iterator[SqlStore]:
    """The store with the current schema; closed at the end, because processes follow.

    A SQLite file is copied beside itself before it is changed, a PostgreSQL database is copied to
    `service_backup_target`, or to the folder `service/before-migration` of the home.

    Args:
        options: Says which store.
        migrating: Called before anything is changed.

    Raises:
        ConflictError: if a newer version of this package made it.
        ConfigError: if it is another service.
        StoreUnavailableError: if it cannot be reached.
    """
    if (options.store or config.dbpath).startswith(("http:", "https:")):
        raise ConfigError(
            "a service cannot have another service as its store",
            where="setting 'dbpath'",
            fix="unset MLRUN_LIKE_DBPATH (that is for clients), or set it to a folder, "
            "sqlite:///file or postgresql://user:password@host/name",
        )
    url = store_url(options.store)
    version = schema_of(url)
    if version in REVISIONS and version != HEAD:
        _log.info("the store has schema %s; it is brought to %s", version, HEAD)
        migrating()
        if url.startswith("postgresql"):
            target = config.service_backup_target or config.path("service", "before-migration")
            make_backup = resolve("mlrun_like.api.backup.making:make_backup")  # loads pyarrow
            make_backup(url, str(target), name=_copy_name(version))
    store = open_store(options.store)
    if not isinstance(store, SqlStore):  # decided above
        raise ConfigError("the store is no database")
    try:
        _ = store.database.engine  # migrates
        yield store
    finally:
        close_stores()


def _copy_name(version: str) -> str:
    """A new one each time: after a way back the same change comes again, and hosts come at once."""
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return f"before-migration-{version}-{at}-{secrets.token_hex(2)}"


def schema_of(url: str) -> str | None:
    """The version of a store's schema; None: it is empty, or cannot be reached now."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    engine = create_engine(parsed)
    try:
        with engine.connect() as connection:
            return read_version(connection)
    except DBAPIError:
        return None
    finally:
        engine.dispose()
