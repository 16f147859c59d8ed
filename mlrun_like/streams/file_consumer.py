"""Readers of streams in files: who reads which shard is in the file, under leases."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import orjson

from mlrun_like.errors import ConflictError, InvalidArgumentError, StoreUnavailableError
from mlrun_like.names import new_uid
from mlrun_like.streams.base import Consumer, Record

if TYPE_CHECKING:
    from mlrun_like.streams.file import FileStream

__all__ = ["FileConsumer"]

_PAUSE = 0.05
"""Seconds between two looks into the file while there is nothing to read."""


class FileConsumer(Consumer):
    """A member of a group of a stream in a file."""

    def __init__(
        self, stream: FileStream, group: str, name: str, shards: Iterable[int] | None
    ) -> None:
        self.name = name or new_uid()
        self._stream, self._group, self._session = stream, group, new_uid()
        self._closed = False
        count = stream.shards
        self.assigned = None if shards is None else sorted(set(shards))
        if self.assigned is not None and not all(0 <= n < count for n in self.assigned):
            raise InvalidArgumentError(
                f"shards {self.assigned} do not all exist: the stream has {count}",
                where=stream.url,
            )
        stream.create([group])
        with stream.writing() as database:
            self._leave(database, self.name)
            database.execute(
                "INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?)",
                (group, self.name, self._session, time.time() + stream.lease),
            )
            self._share(database)

    def read(self, max: int = 100, wait: float = 1.0) -> list[Record]:
        deadline = time.monotonic() + wait
        while True:
            with self._stream.writing() as database:
                self._renew(database)
                self._share(database)
                found = self._take(database, max)
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            time.sleep(min(_PAUSE, left))

    def _renew(self, database: sqlite3.Connection) -> None:
        now = time.time()
        done = 0
        if not self._closed:
            done = database.execute(
                "UPDATE members SET expires = ? WHERE grp = ? AND name = ? AND session = ?",
                (now + self._stream.lease, self._group, self.name, self._session),
            ).rowcount
        if not done:
            raise ConflictError(
                f"consumer {self.name!r} is closed, or another took its name",
                where=self._stream.url,
            )
        sql = "SELECT name FROM members WHERE grp = ? AND expires < ?"
        for (gone,) in database.execute(sql, (self._group, now)).fetchall():
            self._leave(database, gone)

    def _leave(self, database: sqlite3.Connection, name: str) -> None:
        """Give back what a member has."""
        who = (self._group, name)
        database.execute("DELETE FROM members WHERE grp = ? AND name = ?", who)
        database.execute("UPDATE groups SET owner = NULL WHERE name = ? AND owner = ?", who)
        database.execute("UPDATE taken SET member = NULL WHERE grp = ? AND member = ?", who)

    def _share(self, database: sqlite3.Connection) -> None:
        """Give back shards above this member's share, take free ones up to it."""
        owners = dict(
            database.execute("SELECT shard, owner FROM groups WHERE name = ?", (self._group,))
        )
        mine = sorted(shard for shard, owner in owners.items() if owner == self.name)
        free = sorted(shard for shard, owner in owners.items() if owner is None)
        if self.assigned is not None:
            wanted, give = [shard for shard in free if shard in self.assigned], []
        else:
            sql = "SELECT name FROM members WHERE grp = ? ORDER BY name"
            names = [name for (name,) in database.execute(sql, (self._group,))]
            base, extra = divmod(len(owners), len(names))
            share = base + (names.index(self.name) < extra)
            sql = "SELECT DISTINCT shard FROM taken WHERE grp = ? AND member = ?"
            busy = {shard for (shard,) in database.execute(sql, (self._group, self.name))}
            give = [shard for shard in mine[share:] if shard not in busy]
            wanted = free[: max(0, share - len(mine))]
        sql = "UPDATE groups SET owner = ? WHERE name = ? AND shard = ?"
        database.executemany(sql, [(None, self._group, shard) for shard in give])
        database.executemany(sql, [(self.name, self._group, shard) for shard in wanted])

    def _take(self, database: sqlite3.Connection, most: int) -> list[Record]:
        found: list[Record] = []
        sql = "SELECT shard, next FROM groups WHERE name = ? AND owner = ? ORDER BY shard"
        columns = "r.body, r.key, r.headers, r.number, r.shard, r.time"
        for shard, following in database.execute(sql, (self._group, self.name)).fetchall():
            again = database.execute(
                f"SELECT {columns}, t.deliveries + 1 FROM taken t JOIN records r ON "
                "r.shard = t.shard AND r.number = t.number WHERE t.grp = ? AND t.shard = ? AND "
                "t.member IS NULL ORDER BY t.number LIMIT ?",
                (self._group, shard, most - len(found)),
            ).fetchall()
            fresh = database.execute(
                f"SELECT {columns}, 1 FROM records r WHERE r.shard = ? AND r.number >= ? "
                "ORDER BY r.number LIMIT ?",
                (shard, following, most - len(found) - len(again)),
            ).fetchall()
            database.executemany(
                "INSERT OR REPLACE INTO taken VALUES (?, ?, ?, ?, ?)",
                [(self._group, shard, row[3], row[6], self.name) for row in (*again, *fresh)],
            )
            if fresh:
                database.execute(
                    "UPDATE groups SET next = ? WHERE name = ? AND shard = ?",
                    (fresh[-1][3] + 1, self._group, shard),
                )
            found += [_record(row) for row in (*again, *fresh)]
        return found

    def ack(self, records: Sequence[Record]) -> None:
        with self._stream.writing() as database:
            database.executemany(
                "DELETE FROM taken WHERE grp = ? AND shard = ? AND number = ?",
                [(self._group, record.shard, int(record.id)) for record in records],
            )
            self._stream.trim(database)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(StoreUnavailableError), self._stream.writing() as database:
            sql = "SELECT 1 FROM members WHERE grp = ? AND name = ? AND session = ?"
            if database.execute(sql, (self._group, self.name, self._session)).fetchone():
                self._leave(database, self.name)


def _record(row: tuple[bytes, str, bytes, int, int, float, int]) -> Record:
    body, key, headers, number, shard, stored, deliveries = row
    return Record(body, key, orjson.loads(headers), str(number), shard, stored, deliveries)
