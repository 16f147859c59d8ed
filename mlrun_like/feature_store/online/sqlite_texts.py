"""The statements of the SQLite store."""

from __future__ import annotations

from collections.abc import Sequence

from mlrun_like.feature_store.online.store import NEVER

__all__ = [
    "CLEAN",
    "FEW",
    "POINTS",
    "POSITION",
    "PUT",
    "REPLACE",
    "SCHEMA",
    "VERSION",
    "gone_query",
    "grid_query",
    "show_query",
    "span",
    "under",
]

VERSION = 1
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS rows (
  key BLOB PRIMARY KEY, time INTEGER NOT NULL, expires INTEGER NOT NULL, value BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rows_expires ON rows (expires) WHERE expires < {NEVER};
CREATE TABLE IF NOT EXISTS positions (feed TEXT PRIMARY KEY, place TEXT NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""
_NEWER = """
ON CONFLICT (key) DO UPDATE
SET time = excluded.time, expires = excluded.expires, value = excluded.value
WHERE excluded.time >= rows.time
"""
PUT = f"INSERT INTO rows (key, time, expires, value) VALUES (?, ?, ?, ?) {_NEWER}"
REPLACE = "INSERT OR REPLACE INTO rows (key, time, expires, value) VALUES (?, ?, ?, ?)"
POSITION = "INSERT OR REPLACE INTO positions (feed, place) VALUES (?, ?)"
CLEAN = "DELETE FROM rows WHERE key IN (SELECT key FROM rows WHERE expires <= ? LIMIT ?)"
FEW = 16
"""Up to so many keys are looked up one by one in a single statement, which is the fastest."""


def _point_query(count: int) -> str:
    parts = [
        f"(SELECT value FROM rows WHERE key = ?{number} AND expires > ?{count + 1})"
        for number in range(1, count + 1)
    ]
    return f"SELECT {', '.join(parts)}"


POINTS = ["", *(_point_query(count) for count in range(1, FEW + 1))]


def grid_query(count: int) -> str:
    """Of a number of prefixes with each tail of a JSON array: what `OnlineStore.grid` gives.

    Values: the prefixes, the moment, the array.
    """
    parts = [
        f"(SELECT value FROM rows WHERE key = CAST(?{number} || e.value AS BLOB) "
        f"AND expires > ?{count + 1})"
        for number in range(1, count + 1)
    ]
    return f"SELECT {', '.join(parts)} FROM json_each(?{count + 2}) AS e"


def gone_query(prefix: bytes) -> str:
    """Remove the rows of a prefix that are not staged.

    Values: the span of the prefix, what is before staged keys.
    """
    return (
        f"DELETE FROM rows WHERE {under(prefix)} AND NOT EXISTS "
        "(SELECT 1 FROM rows AS s WHERE s.key = CAST(? || rows.key AS BLOB))"
    )


def show_query(staged: bytes, prefixes: Sequence[bytes]) -> str:
    """Copy staged rows over others, in place: under the prefixes whatever their times.

    Values: the length of what is before staged keys and 1, its span, the spans of the prefixes.
    """
    always = "".join(f" OR ({under(prefix).replace('key', 'rows.key')})" for prefix in prefixes)
    return (
        "INSERT INTO rows (key, time, expires, value) SELECT substr(key, ?), time, expires, value "
        f"FROM rows WHERE {under(staged)} {_NEWER.rstrip()}{always}"
    )


def under(prefix: bytes) -> str:
    """The condition that a key starts with a prefix; its values are `span(prefix)`."""
    return "key >= ? AND key < ?" if prefix.rstrip(b"\xff") else "key >= ? AND ? IS NULL"


def span(prefix: bytes) -> tuple[bytes, bytes | None]:
    """The first key of a prefix and the first behind it."""
    stem = prefix.rstrip(b"\xff")
    return prefix, stem[:-1] + bytes([stem[-1] + 1]) if stem else None
