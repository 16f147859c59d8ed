"""Tables of the model registry: numbered versions with their stages, and the audit trail."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, String, Table, Text

from mlrun_like.tracking.schema import metadata

__all__ = ["model_events", "model_versions"]

_ID = BigInteger().with_variant(Integer(), "sqlite")

model_versions = Table(
    "model_versions",
    metadata,
    Column("project", String, primary_key=True),
    Column("key", String, primary_key=True),
    # of a deleted version: never given again
    Column("number", Integer, primary_key=True),
    Column("uid", String, nullable=False),
    Column("stage", String, nullable=False),
    Index("model_versions_by_uid", "project", "key", "uid", unique=True),
    sqlite_with_rowid=False,
)

model_events = Table(
    "model_events",
    metadata,
    Column("event_id", _ID, primary_key=True),
    Column("project", String, nullable=False),
    Column("key", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("uid", String, nullable=False),
    Column("action", String, nullable=False),
    Column("time", Double, nullable=False),
    Column("body", Text, nullable=False),
    Index("model_events_by_key", "project", "key", "event_id"),
    # rows are only ever added: an id is never used again
    sqlite_autoincrement=True,
)
