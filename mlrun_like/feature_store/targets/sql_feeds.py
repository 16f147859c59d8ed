"""How far feeds are in the tables of a database, in a table of that database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import orjson
import sqlalchemy as sa

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, StoreUnavailableError

__all__ = ["FEEDS", "METADATA", "document_of", "keep_document", "refused"]

METADATA = sa.MetaData()
FEEDS = sa.Table(
    "mlrun_like_feeds",
    METADATA,
    sa.Column("target", sa.String(255), primary_key=True),
    sa.Column("feed", sa.String(255), primary_key=True),
    sa.Column("position", sa.Text, nullable=False),
    sa.Column("document", sa.Text, nullable=False),
)
"""How far feeds are in the tables of this database; the feed `""` has a table's columns."""


@contextlib.contextmanager
def refused(where: str) -> Iterator[None]:
    """Errors of databases in this package's words."""
    try:
        yield
    except MLRunLikeError:
        raise
    except (sa.exc.IntegrityError, sa.exc.DataError, sa.exc.ProgrammingError) as exc:
        reason = str(exc.orig or exc).splitlines()[0]
        raise InvalidArgumentError(f"the database refuses: {reason:.300}", where=where) from exc
    except sa.exc.SQLAlchemyError as exc:
        reason = str(getattr(exc, "orig", None) or exc).splitlines()[0]
        raise StoreUnavailableError(
            f"the database cannot be used: {reason:.300}", where=where
        ) from exc


def document_of(connection: sa.Connection, target: str, feed: str) -> tuple[str, dict[str, Any]]:
    """Position and notes of a feed; nothing is known: empty."""
    query = sa.select(FEEDS.c.position, FEEDS.c.document)
    row = connection.execute(
        query.where(FEEDS.c.target == target, FEEDS.c.feed == feed)
    ).one_or_none()
    return (row[0], orjson.loads(row[1])) if row is not None else ("", {})


def keep_document(
    connection: sa.Connection, target: str, feed: str, position: str, document: dict[str, Any]
) -> None:
    """Keep position and notes of a feed."""
    where = (FEEDS.c.target == target, FEEDS.c.feed == feed)
    values = {"position": position, "document": orjson.dumps(document).decode()}
    done = connection.execute(sa.update(FEEDS).where(*where).values(**values))
    if not done.rowcount:
        connection.execute(sa.insert(FEEDS).values(target=target, feed=feed, **values))
