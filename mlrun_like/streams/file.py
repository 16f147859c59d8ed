"""Streams in a file that the processes of one machine share: a SQLite database each.

What a member of a group read is its own until it acknowledges, closes, or has not been heard of for
`lease` seconds; its shards then go to others, with what it left.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

import orjson

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.streams.base import Record, Stream, shard_of
from mlrun_like.streams.file_consumer import FileConsumer

__all__ = ["FileStream"]

_TABLES = """
CREATE TABLE IF NOT EXISTS shards (shard INTEGER PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS records (
    shard INTEGER, number INTEGER, body BLOB, key TEXT, headers BLOB, time REAL,
    PRIMARY KEY (shard, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS groups (
    name TEXT, shard INTEGER, next INTEGER, owner TEXT, PRIMARY KEY (name, shard));
CREATE TABLE IF NOT EXISTS members (
    grp TEXT, name TEXT, session TEXT, expires REAL, PRIMARY KEY (grp, name));
CREATE TABLE IF NOT EXISTS taken (
    grp TEXT, shard INTEGER, number INTEGER, deliveries INTEGER, member TEXT,
    PRIMARY KEY (grp, shard, number));
"""


class FileStream(Stream):
    """A stream in a file of this machine.

    Args:
        url: `file:///folder/name`; the file is `/folder/name.stream`.
        shards: Number of shards if it is made.
        max_length: How many records of a shard are kept although every group has them.
        retention_in_hours: How long they are kept; with both, what passes one of them goes.
        timeout: Seconds to wait while another process writes.
        lease: Seconds after which a member that was not heard of counts as gone.
    """

    in_memory = False

    def __init__(
        self,
        url: str,
        *,
        shards: int | None = None,
        max_length: int | None = None,
        retention_in_hours: float | None = None,
        timeout: float | None = None,
        lease: float | None = None,
    ) -> None:
        self.url = url
        place = unquote(url.partition("://")[2])
        if not place.startswith("/") or not place.strip("/") or "\0" in place:
            raise InvalidArgumentError(
                f"{url!r:.200} names no file", fix="file:///folder/name, an absolute path"
            )
        self.name = place.rstrip("/").rpartition("/")[2]
        self.path = Path(f"{place.rstrip('/')}.stream")
        self.lease = lease or 30.0
        self._wanted = shards or 1
        self._keep, self._hours = max_length, retention_in_hours
        self._timeout = timeout or 30.0
        self._lock = threading.RLock()
        self._database: sqlite3.Connection | None = None

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is alone in writing; the stream is made if it is not there.

        Raises:
            StoreUnavailableError: if the file cannot be used.
        """
        with self._lock:
            try:
                database = self._opened()
                database.execute("BEGIN IMMEDIATE")
                try:
                    yield database
                    database.execute("COMMIT")
                except BaseException:
                    database.execute("ROLLBACK")
                    raise
            except (sqlite3.Error, OSError) as exc:
                raise StoreUnavailableError(
                    f"the stream {self.name!r} cannot be used: {exc}", where=str(self.path)
                ) from exc

    def _opened(self) -> sqlite3.Connection:
        if self._database is not None and not self.path.exists():
            self.close()  # another process has deleted it
        if self._database is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            made = sqlite3.connect(
                self.path, timeout=self._timeout, isolation_level=None, check_same_thread=False
            )
            try:
                made.execute("PRAGMA journal_mode=WAL")
                made.executescript(_TABLES)
                rows = [(shard,) for shard in range(self._wanted)]
                made.execute("BEGIN IMMEDIATE")
                if made.execute("SELECT 1 FROM shards").fetchone() is None:
                    made.executemany("INSERT INTO shards VALUES (?, 0)", rows)
                made.execute("COMMIT")
            except BaseException:
                made.close()
                raise
            self._database = made
        return self._database

    @property
    def shards(self) -> int:
        with self.writing() as database:
            found: int = database.execute("SELECT count(*) FROM shards").fetchone()[0]
            return found

    def push_records(self, records: Sequence[Record]) -> None:
        with self.writing() as database:
            following = dict(database.execute("SELECT shard, next FROM shards"))
            turn, count = sum(following.values()), len(following)
            rows = []
            for record in records:
                turn += 1
                shard = shard_of(record.key, count) if record.key else turn % count
                headers = orjson.dumps(dict(record.headers))
                rows.append((shard, following[shard], record.body, record.key, headers))
                following[shard] += 1
            database.executemany(
                "INSERT INTO records VALUES (?, ?, ?, ?, ?, (julianday('now')-2440587.5)*86400)",
                rows,
            )
            database.executemany(
                "UPDATE shards SET next = ? WHERE shard = ?", [(n, s) for s, n in following.items()]
            )
            self.trim(database)

    def trim(self, database: sqlite3.Connection) -> None:
        """Forget records that every group has acknowledged, or that nobody waits for."""
        nobody = database.execute("SELECT 1 FROM groups").fetchone() is None
        if nobody and self._keep is None and self._hours is None:
            return
        kept = ["number < (SELECT s.next FROM shards s WHERE s.shard = records.shard)"]
        kept += [
            f"number < coalesce((SELECT min({column}) FROM {table} t WHERE t.shard = "
            "records.shard), number + 1)"
            for column, table in (("t.next", "groups"), ("t.number", "taken"))
        ]
        values: list[float] = []
        if self._keep is not None:
            kept.append("number < (SELECT s.next - ? FROM shards s WHERE s.shard = records.shard)")
            values.append(self._keep)
        if self._hours is not None:
            kept.append("time < (julianday('now')-2440587.5)*86400 - ?")
            values.append(self._hours * 3600)
        database.execute(f"DELETE FROM records WHERE {' AND '.join(kept)}", values)

    def consumer(
        self, group: str, name: str = "", shards: Iterable[int] | None = None
    ) -> FileConsumer:
        return FileConsumer(self, group, name, shards)

    def depth(self, group: str) -> int:
        with self.writing() as database:
            waiting: int = database.execute(
                "SELECT count(*) FROM records r LEFT JOIN groups g ON g.name = ? AND "
                "g.shard = r.shard WHERE r.number >= coalesce(g.next, 0)",
                (group,),
            ).fetchone()[0]
            sql = "SELECT count(*) FROM taken WHERE grp = ?"
            out: int = database.execute(sql, (group,)).fetchone()[0]
            return waiting + out

    def create(self, groups: Iterable[str] = (), *, newest: bool = False) -> None:
        """See `Stream`.

        Args:
            groups: Names of groups.
            newest: New groups begin with what comes from now on, not with the oldest record.
        """
        with self.writing() as database:
            for group in groups:
                _make_group(database, group, newest)

    def delete(self) -> None:
        with self._lock:
            self.close()
            for end in ("", "-wal", "-shm"):
                Path(f"{self.path}{end}").unlink(missing_ok=True)

    def close(self) -> None:
        with self._lock:
            database, self._database = self._database, None
            if database is not None:
                database.close()


def _make_group(database: sqlite3.Connection, group: str, newest: bool) -> None:
    """A group that begins at the oldest record, or after the newest, if there is none so named."""
    oldest = "coalesce((SELECT min(r.number) FROM records r WHERE r.shard = s.shard), s.next)"
    database.execute(
        f"INSERT OR IGNORE INTO groups SELECT ?, s.shard, {'s.next' if newest else oldest}, NULL "
        "FROM shards s",
        (group,),
    )
