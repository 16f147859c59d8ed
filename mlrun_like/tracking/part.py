"""What the parts of the SQL store share: the database, the writer, and a few query helpers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, func

from mlrun_like.tracking.sightings import Sightings
from mlrun_like.tracking.sql import Database
from mlrun_like.tracking.statements import statements
from mlrun_like.tracking.transacting import SqlWriter

__all__ = ["SqlPart", "chunks", "label_items", "matches", "prepared"]

T = TypeVar("T")


class SqlPart:
    """A part of the store over one database."""

    database: Database
    writer: SqlWriter
    sightings: Sightings


def prepared(connection: Connection, name: str, /, **params: Any) -> list[Any]:
    """The rows of a prepared statement on a reading connection."""
    statement = statements(connection.dialect.name)[name]
    return list(connection.exec_driver_sql(statement.sql, statement.values(params)).all())


def matches(column: Column[str], wanted: str) -> ColumnElement[bool]:
    """Equality, or with a leading `~` containment, case ignored."""
    if wanted.startswith("~"):
        return func.lower(column).contains(wanted[1:].lower(), autoescape=True)
    return column == wanted


def chunks(items: Sequence[T], size: int = 500) -> Iterator[Sequence[T]]:
    """Pieces of a sequence, short enough for the values of one statement."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def label_items(labels: Mapping[str, str | None]) -> list[tuple[str, str | None]]:
    """Labels with those first that select fewest: a value before mere existence."""
    return sorted(labels.items(), key=lambda item: item[1] is None)
