"""SQLSource: a table, view or query of any database that SQLAlchemy knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from mlrun_like.artifacts.stores import redact
from mlrun_like.configuration import config
from mlrun_like.errors import (
    InvalidArgumentError,
    MissingDependencyError,
    MissingFileError,
    StoreUnavailableError,
    nearest,
)
from mlrun_like.feature_store.sources.base import Source, SourceChunk, write_position
from mlrun_like.feature_store.sources.csv import parse_times
from mlrun_like.feature_store.sources.csv_schema import ZONE
from mlrun_like.feature_store.sources.sql_pages import pages_of_query, pages_of_table, reflect
from mlrun_like.feature_store.sources.typed_rows import TypedRows

__all__ = ["SQLSource", "source_of_url"]


class SQLSource(Source):
    """Rows of a table or view (by its key), or of a query (in its order).

    A table with a primary key may change while it is read: rows that were there are read once.
    What has no key is compared at the place where a reader goes on; it is an error if it changed.

    Args:
        name: Its name.
        chunksize: MLRun's rows per chunk; the most rows of a chunk here.
        key_field: The column, or columns, of the entity.
        time_field: The column of the event time; the time range is a condition of the SQL.
        schedule: When to ingest again, as cron.
        start_time: Only rows after this time.
        end_time: Only rows up to this time.
        db_url: SQLAlchemy's URL; by default setting `sql_url`.
        table_name: The table or view, also `schema.table`.
        spark_options: Options of Spark's JDBC reader.
        parse_dates: Columns of text that hold times.
        kwargs: `query`: a SELECT instead of a table.
    """

    kind: ClassVar[str] = "sqldb"

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str = "",
        chunksize: int | None = None,
        key_field: str | Sequence[str] | None = None,
        time_field: str | None = None,
        schedule: str | None = None,
        start_time: Any = None,
        end_time: Any = None,
        db_url: str | None = None,
        table_name: str | None = None,
        spark_options: dict[str, Any] | None = None,
        parse_dates: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        query = kwargs.pop("query", None)
        for unknown in kwargs:
            if unknown not in ("attributes", "path"):
                raise InvalidArgumentError(
                    f"SQLSource has no argument {unknown!r}."
                    f"{nearest(unknown, ['query', 'table_name', 'db_url', 'time_field'])}"
                )
        attributes = {
            "chunksize": chunksize,
            "spark_options": spark_options,
            "table_name": table_name,
            "query": query,
            "db_path": db_url,
            "parse_dates": list(parse_dates) if parse_dates else None,
            **(kwargs.get("attributes") or {}),
        }
        given = {key: value for key, value in attributes.items() if value is not None}
        super().__init__(name, None, given, key_field, time_field, schedule, start_time, end_time)
        if bool(given.get("table_name")) == bool(given.get("query")):
            raise InvalidArgumentError(
                "a SQLSource needs either table_name or query",
                fix='SQLSource(db_url="sqlite:///shop.db", table_name="orders")',
            )

    def describe(self) -> str:
        named = self.name or self.attributes.get("table_name") or self.attributes.get("query", "")
        return f"SQLSource {str(named)!r:.80}"

    @property
    def db_url(self) -> str:
        """The database's address; may hold a password.

        Raises:
            InvalidArgumentError: if neither the source nor the settings name one.
        """
        found = str(self.attributes.get("db_path") or config.sql_url or "")
        if not found:
            raise InvalidArgumentError(
                "the source names no database",
                where=self.describe(),
                fix='SQLSource(db_url="postgresql://host/shop", ...), or setting sql_url',
            )
        return found

    @contextmanager
    def _engine(self) -> Iterator[sa.Engine]:
        url = self.db_url
        for short in ("postgresql://", "postgres://"):
            if url.startswith(short):
                url = "postgresql+psycopg://" + url.removeprefix(short)
        shown = self.describe()
        try:
            engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        except ModuleNotFoundError as exc:
            raise MissingDependencyError(
                f"this database needs the package {exc.name!r}",
                where=shown,
                fix=f"pip install {exc.name}",
            ) from exc
        except sa.exc.SQLAlchemyError as exc:
            raise InvalidArgumentError(
                f"{redact(url)!r} is no address of a database: {exc!s:.150}", where=shown
            ) from exc
        file = engine.url.database if engine.dialect.name == "sqlite" else None
        if file and file != ":memory:" and not file.startswith("file:") and not Path(file).exists():
            raise MissingFileError(f"there is no database {file!r}", where=shown)
        try:
            yield engine
        except sa.exc.DBAPIError as exc:
            said = f"{str(exc.orig).strip()!s:.300}"
            if exc.connection_invalidated or isinstance(exc, sa.exc.OperationalError):
                raise StoreUnavailableError(f"the database says: {said}", where=shown) from exc
            raise InvalidArgumentError(f"the database says: {said}", where=shown) from exc
        except sa.exc.SQLAlchemyError as exc:
            raise InvalidArgumentError(f"cannot be read: {exc!s:.300}", where=shown) from exc
        finally:
            engine.dispose()

    def _read(self, size: int, position: dict[str, Any]) -> Iterator[SourceChunk]:
        size = min(size, int(self.attributes.get("chunksize") or size))
        limits = (self.time_field, self.time_range)
        table_name = self.attributes.get("table_name")
        known = dict(position.get("types", {}))
        dates = [*self.attributes.get("parse_dates", []), *filter(None, [self.time_field])]
        with self._engine() as engine:
            if table_name:
                table = reflect(engine, table_name)
                known = {**_nullable(table), **known}
                dates += _times(table) if engine.dialect.name == "sqlite" else []
                pages = pages_of_table(engine, table, size, limits, position)
            else:
                query = str(self.attributes["query"])
                pages = pages_of_query(engine, query, size, limits, position)
            typed = TypedRows(known)
            for names, rows, after in pages:
                values = [list(column) for column in zip(*rows, strict=True)]
                columns: dict[str, Any] = dict(zip(names, values, strict=True))
                frame = typed.columns(self._parsed(columns, dates), len(rows))
                place = write_position(self.kind, types=typed.kinds, **after)
                yield SourceChunk(frame, place, len(rows))

    def _parsed(self, columns: dict[str, Any], dates: Sequence[str]) -> dict[str, Any]:
        """Columns whose texts are times as times."""
        for name in dict.fromkeys(dates):
            if name not in columns:
                raise InvalidArgumentError(
                    f"there is no column {name!r}.{nearest(name, columns)}",
                    where=self.describe(),
                    fix=f"columns: {', '.join(list(columns)[:20])}",
                )
            values = columns[name]
            if any(isinstance(value, str) for value in values):
                texts = [None if value is None else str(value) for value in values]
                column = pa.chunked_array([pa.array(texts, pa.string())])
                zoned = bool(pc.any(pc.match_substring_regex(column, ZONE)).as_py())
                times = parse_times(column, name, (None, None, zoned), self.describe())
                columns[name] = times
        return columns

    def _spark_frame(self, session: Any) -> Any:
        options = self.attributes.get("spark_options")
        if not options:
            return session.createDataFrame(self.to_dataframe())
        table = self.attributes.get("table_name") or f"({self.attributes['query']}) q"
        return session.read.format("jdbc").options(dbtable=table, **options).load()


def _nullable(table: sa.Table) -> dict[str, str]:
    """Columns of whole numbers and true/false that may miss values."""
    kinds = {sa.Boolean: "bool?", sa.Integer: "int?"}
    return {
        str(column.name): kind
        for column in table.columns
        for of, kind in kinds.items()
        if column.nullable and isinstance(column.type, of)
    }


def _times(table: sa.Table) -> list[str]:
    return [str(c.name) for c in table.columns if isinstance(c.type, (sa.DateTime, sa.Date))]


def source_of_url(url: str) -> SQLSource:
    """A database's URL with `?table=NAME` (or `?query=SELECT...`, `?time_field=COLUMN`).

    >>> source_of_url("sqlite:///shop.db?table=orders").attributes["table_name"]
    'orders'
    """
    parts = urlsplit(url)
    named = dict(parse_qsl(parts.query))
    own = {name: named.pop(name, None) for name in ("table", "query", "time_field")}
    base = url.partition("?")[0]
    return SQLSource(
        db_url=f"{base}?{urlencode(named)}" if named else base,
        table_name=own["table"],
        query=own["query"],
        time_field=own["time_field"],
    )
