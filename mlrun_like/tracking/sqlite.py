"""What SQLite needs: transactions that we begin ourselves, and waiting for other processes.

WAL, foreign keys on, and `BEGIN IMMEDIATE` with our own short, jittered waits, for those of SQLite
grow to 100 ms, which starves some of many writers.
"""

from __future__ import annotations

import random
import sqlite3
import time
from typing import Any

from sqlalchemy import Connection

__all__ = ["begin", "begun", "connected"]


def connected(connection: Any, _record: object) -> None:
    """A new connection: transactions are begun by us, not by the driver."""
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")


def begun(connection: Connection) -> None:
    """A transaction of SQLAlchemy's begins."""
    connection.exec_driver_sql(str(connection.get_execution_options().get("begin", "BEGIN")))


def begin(connection: sqlite3.Connection, synchronous: str, now: str, timeout: float) -> str:
    """Begin a writing transaction, waiting while other processes are in the way.

    Args:
        connection: Where; its own waiting is switched off.
        synchronous: "FULL", to have the disk hold it when it is committed, or "NORMAL".
        now: What the connection has of that; empty if it is new.
        timeout: Seconds to wait.

    Returns:
        What the connection has now.

    Raises:
        sqlite3.OperationalError: if others are still in the way after `timeout`, or the file fails.
    """
    end = time.monotonic() + timeout
    pause = 0.0005
    while True:
        try:
            # A new connection reads the schema for this, so it waits, too, while another process
            # closes its last connection and puts the log back into the file.
            if synchronous != now:
                connection.execute(f"PRAGMA synchronous={synchronous}")
                now = synchronous
            connection.execute("BEGIN IMMEDIATE")
            return now
        except sqlite3.OperationalError as exc:
            if not _in_the_way(exc) or time.monotonic() > end:
                raise
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * 1.5, 0.008)


def _in_the_way(exc: sqlite3.OperationalError) -> bool:
    """Whether another process writes, opens, closes or recovers."""
    return "locked" in str(exc) or "locking protocol" in str(exc)
