"""Tables of monitoring applications: leases, cursors, windows, their numbers and statistics."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, String, Table, Text

from mlrun_like.tracking.schema import metadata

__all__ = [
    "monitor_cursors",
    "monitor_leases",
    "monitor_results",
    "monitor_stats",
    "monitor_windows",
]

monitor_leases = Table(
    "monitor_leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("owner", String, nullable=False),
    # by the clock of the store
    Column("until", Double, nullable=False),
    sqlite_with_rowid=False,
)

monitor_cursors = Table(
    "monitor_cursors",
    metadata,
    Column("project", String, primary_key=True),
    Column("endpoint", String, primary_key=True),
    Column("application", String, primary_key=True),
    # end of the last finished window: whoever moves it writes the window's numbers with it
    Column("done", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("retry_at", Double, nullable=False),
    Column("skipped", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("updated", Double, nullable=False),
    sqlite_with_rowid=False,
)

monitor_windows = Table(
    "monitor_windows",
    metadata,
    Column("project", String, primary_key=True),
    Column("endpoint", String, primary_key=True),
    Column("application", String, primary_key=True),
    Column("start", Double, primary_key=True),
    Column("end", Double, nullable=False),
    Column("state", String, nullable=False),
    Column("events", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    sqlite_with_rowid=False,
)

monitor_results = Table(
    "monitor_results",
    metadata,
    Column("project", String, primary_key=True),
    Column("endpoint", String, primary_key=True),
    Column("application", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("end", Double, primary_key=True),
    Column("start", Double, nullable=False),
    Column("type", String, nullable=False),
    # NULL: not a number
    Column("value", Double),
    Column("kind", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("extra", Text, nullable=False),
    Index("monitor_results_by_end", "project", "end"),
    sqlite_with_rowid=False,
)

monitor_stats = Table(
    "monitor_stats",
    metadata,
    Column("project", String, primary_key=True),
    Column("endpoint", String, primary_key=True),
    Column("application", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("time", Double, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)
