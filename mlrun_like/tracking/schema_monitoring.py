"""Tables of monitoring: model endpoints, batches of what they saw, the quality of their windows."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, Index, Integer, LargeBinary, String, Table, Text

from mlrun_like.tracking.schema import metadata

__all__ = ["endpoint_quality", "model_endpoints", "series_batches"]

model_endpoints = Table(
    "model_endpoints",
    metadata,
    Column("project", String, primary_key=True),
    Column("uid", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("function", String, nullable=False),
    Column("model", String, nullable=False),
    # enabled or disabled; serving workers ask for it every few seconds
    Column("mode", String, nullable=False),
    # 1 node, 2 router, 3 leaf
    Column("type", Integer, nullable=False),
    Column("labels", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("updated", Double, nullable=False),
    # counted in the transaction that adds the batches
    Column("requests", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("dropped", BigInteger, nullable=False),
    Column("first_request", Double),
    Column("last_request", Double),
    Column("body", Text, nullable=False),
    Index("model_endpoints_by_name", "project", "name"),
    sqlite_with_rowid=False,
)

series_batches = Table(
    "series_batches",
    metadata,
    # what makes delivering a batch twice harmless
    Column("batch_id", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("endpoint", String, nullable=False),
    # events, labels or sketches
    Column("kind", String, nullable=False),
    Column("first", Double, nullable=False),
    Column("last", Double, nullable=False),
    # when the store got it
    Column("added", Double, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("summary", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("series_batches_by_time", "project", "endpoint", "kind", "last", "first"),
    Index("series_batches_by_added", "project", "endpoint", "kind", "added"),
)

endpoint_quality = Table(
    "endpoint_quality",
    metadata,
    Column("project", String, primary_key=True),
    Column("endpoint", String, primary_key=True),
    Column("first", Double, primary_key=True),
    Column("last", Double, primary_key=True),
    Column("computed", Double, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)
