"""The writer of a database: also reads and writes in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from mlrun_like.errors import MLRunLikeError
from mlrun_like.tracking.spool import Spool
from mlrun_like.tracking.sql import Database
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.tracking.writer import Writer

__all__ = ["SqlWriter"]

T = TypeVar("T")
_VICTIM_TRIES = 20  # times that a deadlock's victim tries again


class SqlWriter(Writer):
    """Writes of one process to one database.

    Args:
        database: Where to.
        spool: Where to when the database is away.
    """

    def __init__(self, database: Database, spool: Spool) -> None:
        super().__init__(database, spool)
        self.database = database

    def transact(self, action: Callable[[Transaction], T]) -> T:
        """Run `action` in one transaction after everything queued, and return its result.

        Raises:
            StoreUnavailableError: if the store cannot be used.
        """
        with self.database.lock:
            self.ready()
            for attempt in range(1, _VICTIM_TRIES + 1):
                try:
                    with self.database.write() as tx:
                        return action(tx)
                except MLRunLikeError:
                    raise
                except Exception as exc:
                    if self.database.retry_at_once(exc) and attempt < _VICTIM_TRIES:
                        continue
                    if self.database.unavailable(exc):
                        raise self.database.error(exc) from exc
                    raise
        raise AssertionError("the loop above ends by return or raise")
