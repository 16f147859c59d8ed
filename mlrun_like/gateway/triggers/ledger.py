"""What a trigger has seen, in a small database of its own that survives being killed."""

from __future__ import annotations

import contextlib
import hashlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from mlrun_like.errors import StoreUnavailableError

__all__ = ["Ledger", "connect"]


def connect(path: Path) -> sqlite3.Connection:
    """A database whose transactions are whole or not at all, whenever the process ends.

    Raises:
        StoreUnavailableError: if it cannot be opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # threads use it one after the other: each of its owners sees to that
        found = sqlite3.connect(path, timeout=10.0, isolation_level=None, check_same_thread=False)
        found.execute("PRAGMA journal_mode=WAL")
        found.execute("PRAGMA synchronous=NORMAL")
        return found
    except (OSError, sqlite3.Error) as exc:
        raise StoreUnavailableError(
            f"a trigger's ledger cannot be opened: {exc}", where=str(path)
        ) from exc


class Ledger:
    """Things that a trigger saw, by name: their mark, and whether they were worked on.

    Args:
        home: The gateway's folder.
        id: The trigger.
        source: What it looks at; a ledger of another source is begun anew.
    """

    def __init__(self, home: Path, id: str, source: str) -> None:
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", id)[:80]
        digest = hashlib.sha256(f"{id}\0{source}".encode()).hexdigest()[:12]
        self.path = home / "triggers" / f"{plain}-{digest}.db"
        self._db = connect(self.path)
        with self._writing() as db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS seen (name TEXT PRIMARY KEY, mark TEXT, done INT)"
            )
            db.execute("CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT)")

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as exc:
            raise StoreUnavailableError(
                f"a trigger's ledger cannot be written: {exc}", where=str(self.path)
            ) from exc

    def marks(self) -> dict[str, tuple[str, bool]]:
        """Name -> its mark, and whether it was worked on."""
        rows = self._db.execute("SELECT name, mark, done FROM seen")
        return {name: (mark, bool(done)) for name, mark, done in rows}

    def add(self, marks: dict[str, str], *, done: bool) -> None:
        """Note things, all or none."""
        with self._writing() as db:
            db.executemany(
                "INSERT OR REPLACE INTO seen VALUES (?, ?, ?)",
                [(name, mark, int(done)) for name, mark in marks.items()],
            )

    def finish(self, marks: dict[str, str]) -> None:
        """These were worked on, unless they have changed since."""
        with self._writing() as db:
            db.executemany(
                "UPDATE seen SET done = 1 WHERE name = ? AND mark = ?", list(marks.items())
            )

    def forget(self, names: list[str]) -> None:
        """These are not there any more."""
        with self._writing() as db:
            db.executemany("DELETE FROM seen WHERE name = ?", [(name,) for name in names])

    def fact(self, name: str) -> str:
        """A text that was kept; empty: none was."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def keep(self, name: str, value: str) -> None:
        """Keep a text."""
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def close(self) -> None:
        """Close it."""
        self._db.close()
