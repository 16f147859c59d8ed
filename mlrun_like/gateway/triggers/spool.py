"""Named events (alerts, drift, promotions) on their way to deployed functions.

Whoever posts one writes it down in the gateway's folder, whether a gateway runs or not; each
trigger goes on where it was.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from mlrun_like.errors import StoreUnavailableError
from mlrun_like.gateway.places import gateway_home
from mlrun_like.gateway.triggers.ledger import connect

__all__ = ["Posted", "Spool", "post_event"]

_KEPT = 7 * 86_400
"""Seconds that an event is kept for triggers that have not had it."""


class Posted(NamedTuple):
    """An event that was posted.

    Args:
        number: Its place; later ones have higher numbers.
        at: When, in seconds since 1970.
        name: Such as `drift`.
        project: It concerns; empty: all.
        data: More about it.
    """

    number: int
    at: float
    name: str
    project: str
    data: dict[str, Any]


class Spool:
    """The events in a gateway's folder."""

    def __init__(self, home: Path) -> None:
        self.path = home / "events.db"
        self._db = connect(self.path)
        self._told("SELECT 1")
        with self.writing() as db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS events (number INTEGER PRIMARY KEY AUTOINCREMENT,"
                " at REAL, name TEXT, project TEXT, reader TEXT, data TEXT)"
            )
            db.execute(
                "CREATE TABLE IF NOT EXISTS readers (name TEXT PRIMARY KEY, upto INT, state TEXT)"
            )

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction.

        Raises:
            StoreUnavailableError: if it cannot be written.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as exc:
            raise self._trouble(exc) from exc

    def _trouble(self, exc: Exception) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"the events of the gateway cannot be used: {exc}", where=str(self.path)
        )

    def _told(self, query: str, *values: Any) -> list[Any]:
        try:
            return self._db.execute(query, values).fetchall()
        except sqlite3.Error as exc:
            raise self._trouble(exc) from exc

    def post(self, name: str, data: Mapping[str, Any], project: str = "") -> None:
        """Write an event down, and forget old ones."""
        with self.writing() as db:
            self.add(db, name, data, project)
            db.execute("DELETE FROM events WHERE at < ?", (time.time() - _KEPT,))

    @staticmethod
    def add(
        db: sqlite3.Connection, name: str, data: Mapping[str, Any], project: str, reader: str = ""
    ) -> None:
        """Write an event down in a transaction; `reader`: for one trigger only."""
        text = orjson.dumps(dict(data), default=str, option=orjson.OPT_NON_STR_KEYS).decode()
        db.execute(
            "INSERT INTO events (at, name, project, reader, data) VALUES (?, ?, ?, ?, ?)",
            (time.time(), name, project, reader, text),
        )

    def join(self, reader: str) -> None:
        """Remember a reader; a new one begins with what is posted from now on."""
        with self.writing() as db:
            db.execute(
                "INSERT OR IGNORE INTO readers VALUES"
                " (?, (SELECT COALESCE(MAX(number), 0) FROM events), '')",
                (reader,),
            )

    def state(self, reader: str) -> str:
        """A text that was kept for a reader."""
        rows = self._told("SELECT state FROM readers WHERE name = ?", reader)
        return str(rows[0][0] or "") if rows else ""

    def after(self, reader: str, number: int, most: int) -> list[Posted]:
        """Events after a number."""
        rows = self._told(
            "SELECT number, at, name, project, data FROM events"
            " WHERE number > ? AND reader IN ('', ?) ORDER BY number LIMIT ?",
            *(number, reader, most),
        )
        return [
            Posted(number, at, name, project, orjson.loads(data))
            for number, at, name, project, data in rows
        ]

    def upto(self, reader: str) -> int:
        """The number up to which a reader is done."""
        rows = self._told("SELECT upto FROM readers WHERE name = ?", reader)
        return int(rows[0][0]) if rows else 0

    def done(self, reader: str, number: int) -> None:
        """A reader is done up to a number."""
        with self.writing() as db:
            db.execute("UPDATE readers SET upto = ? WHERE name = ?", (number, reader))

    def close(self) -> None:
        """Close it."""
        self._db.close()


def post_event(name: str, data: Mapping[str, Any] | None = None, project: str = "") -> bool:
    """Give a named event to the deployed functions that wait for it.

    Args:
        name: Such as `drift`.
        data: More about it, plain data.
        project: Only functions of this project; empty: of all.

    Returns:
        False: nothing was ever deployed here, so nobody waits.

    Raises:
        StoreUnavailableError: if it cannot be written down.
    """
    home = gateway_home()
    if not (home / "functions").is_dir() and not (home / "events.db").exists():
        return False
    spool = Spool(home)
    try:
        spool.post(name, data or {}, project)
    finally:
        spool.close()
    return True
