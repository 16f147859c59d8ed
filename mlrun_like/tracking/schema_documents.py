"""Tables of versioned definitions, and of the tags that their versions hold."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, String, Table, Text

from mlrun_like.tracking.schema import metadata

__all__ = ["document_tags", "documents"]

documents = Table(
    "documents",
    metadata,
    Column("kind", String, primary_key=True),
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    # hash of the content
    Column("uid", String, primary_key=True),
    Column("created", Double, nullable=False),
    Column("updated", Double, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

document_tags = Table(
    "document_tags",
    metadata,
    Column("kind", String, primary_key=True),
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("tag", String, primary_key=True),
    Column("uid", String, nullable=False),
    # 1: it never moves again
    Column("fixed", Integer, nullable=False),
    Index("document_tags_by_uid", "kind", "project", "name", "uid"),
    sqlite_with_rowid=False,
)
