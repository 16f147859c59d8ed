"""Stores what a SQL query gives as a data set, chunk by chunk, in a transaction that only reads."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

import mlrun_like as ml
from mlrun_like.artifacts.stores import redact
from mlrun_like.errors import (
    InvalidArgumentError,
    MissingDependencyError,
    MissingFileError,
    StoreUnavailableError,
)
from mlrun_like.feature_store.sources.typed_rows import TypedRows

__all__ = ["sql_to_dataset"]

_SHOWN = 5.0
"""Seconds between two lines that say how far it is."""
_READ_ONLY = {
    "postgresql": "SET TRANSACTION READ ONLY",
    "mysql": "SET TRANSACTION READ ONLY",
    "mariadb": "SET TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
    "sqlite": "PRAGMA query_only = ON",
}
_READS = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(select|with|values|table|show|from)\b", re.I | re.S
)


def sql_to_dataset(
    context: ml.MLClientCtx,
    sql_query: str,
    database_url: str = "",
    sql_params: Mapping[str, Any] | None = None,
    key: str = "query_result",
    chunksize: int = 50_000,
    max_rows: int = 0,
    url_secret: str = "DATABASE_URL",
) -> None:
    """Run a query and store its rows as a Parquet data set.

    Rows arrive in chunks, so memory holds one of them. The transaction only reads, as far as the
    database has a word for it (PostgreSQL, MySQL, MariaDB, Oracle, SQLite), and is rolled back.

    Args:
        context: The run.
        sql_query: A SELECT; values as `:name`.
        database_url: SQLAlchemy's address of the database; empty: the secret `url_secret` holds it.
            Use the secret where it has a password: parameters are recorded.
        sql_params: The values by name; they are bound, never written into the text.
        key: The artifact's key.
        chunksize: Rows of a chunk.
        max_rows: Fail if there are more; 0: no limit.
        url_secret: Name of the secret with the address.

    Raises:
        InvalidArgumentError: if it is no query, has a mistake, or lacks a value.
        StoreUnavailableError: if the database cannot be reached.
    """
    if not isinstance(sql_query, str) or not _READS.match(sql_query):
        raise InvalidArgumentError(
            f"{str(sql_query)!r:.80} is no query", where="sql_to_dataset", fix="SELECT ... FROM ..."
        )
    for name, value, least in (("chunksize", chunksize, 1), ("max_rows", max_rows, 0)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise InvalidArgumentError(f"{name} is {value!r:.40}, not a number from {least}")
    url = database_url or context.get_secret(url_secret) or ""
    if not url:
        raise InvalidArgumentError(
            "no database is named",
            where="sql_to_dataset",
            fix=f"database_url='sqlite:///shop.db', or the secret {url_secret}",
        )
    engine = _engine(str(url))
    context.logger.info(f"asking {engine.url.render_as_string(hide_password=True)}")
    with tempfile.TemporaryDirectory(prefix="sql-") as folder:
        parts = Path(folder) / "parts"
        parts.mkdir()
        rows, shown = 0, time.monotonic()
        try:
            for number, frame in enumerate(
                _chunks(context, engine, sql_query, sql_params, chunksize)
            ):
                rows += len(frame)
                if max_rows and rows > max_rows:
                    raise InvalidArgumentError(
                        f"the query gives more than {max_rows:,} rows",
                        where="sql_to_dataset: max_rows",
                        fix="raise max_rows, or narrow the query",
                    )
                table = pa.Table.from_pandas(_plain(frame), preserve_index=False)
                pq.write_table(table, parts / f"{number:06}.parquet")
                if time.monotonic() - shown > _SHOWN:
                    shown = time.monotonic()
                    context.logger.info(f"{rows:,} rows so far")
        finally:
            engine.dispose()
        file = Path(folder) / "all.parquet"
        columns = _join(sorted(parts.iterdir()), file)
        context.logger.info("read", rows=rows, columns=columns)
        context.log_results({"rows": rows, "columns": columns})
        context.log_dataset(key, df=None, local_path=str(file), format="parquet")


def _engine(url: str) -> sa.Engine:
    for short in ("postgresql://", "postgres://"):
        if url.startswith(short):
            url = "postgresql+psycopg://" + url.removeprefix(short)
    try:
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    except ModuleNotFoundError as exc:
        raise MissingDependencyError(
            f"this database needs the package {exc.name!r}", fix=f"pip install {exc.name}"
        ) from exc
    except (sa.exc.SQLAlchemyError, ValueError) as exc:
        raise InvalidArgumentError(
            f"{redact(url)!r:.200} is no address of a database", where="database_url",
            fix="postgresql://host/name, mysql+pymysql://host/name, sqlite:///file.db",
        ) from exc  # fmt: skip
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    if file and file != ":memory:" and not file.startswith("file:") and not Path(file).exists():
        raise MissingFileError(f"there is no database {file!r}", where="database_url")
    return engine


def _chunks(
    context: ml.MLClientCtx,
    engine: sa.Engine,
    query: str,
    values: Mapping[str, Any] | None,
    size: int,
) -> Iterator[pd.DataFrame]:
    typed = TypedRows()
    text = sa.text(query.rstrip().rstrip(";"))
    try:
        with engine.connect() as connection:
            read_only = _READ_ONLY.get(engine.dialect.name)
            if read_only:
                connection.exec_driver_sql(read_only)
            else:
                kind = engine.dialect.name
                context.logger.warning(f"{kind} is not told to read only; all is rolled back")
            result = connection.execution_options(stream_results=True, yield_per=size).execute(
                text, dict(values or {})
            )
            if not result.returns_rows:
                raise InvalidArgumentError("the statement gives no rows", where="sql_query")
            names = _unique(list(result.keys()))
            empty = True
            for rows in result.partitions(size):
                empty = False
                columns = [list(column) for column in zip(*rows, strict=True)]
                yield typed.columns(dict(zip(names, columns, strict=True)), len(rows))
            if empty:
                yield pd.DataFrame({name: pd.Series([], dtype="str") for name in names})
            connection.rollback()
    except sa.exc.DBAPIError as exc:
        said = " ".join(str(exc.orig).split())[:300]
        lost = exc.connection_invalidated or isinstance(exc, sa.exc.InterfaceError)
        if lost or (isinstance(exc, sa.exc.OperationalError) and engine.dialect.name != "sqlite"):
            raise StoreUnavailableError(
                f"the database says: {said}", where=engine.url.render_as_string(hide_password=True)
            ) from exc
        raise InvalidArgumentError(f"the database says: {said}", where="sql_query") from exc
    except sa.exc.SQLAlchemyError as exc:
        said = " ".join(str(exc).split())[:300]
        raise InvalidArgumentError(
            f"the query cannot be run: {said}",
            where="sql_query",
            fix="each :name of the query needs a value in sql_params",
        ) from exc


def _unique(names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in map(str, names):
        number, one = 2, name
        while one in found:
            one, number = f"{name}_{number}", number + 1
        found.append(one)
    return found


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of values without a type in common as text, bytes as they are."""
    for name in frame.columns:
        if frame[name].dtype == "object":
            kinds = {type(one) for one in frame[name] if one is not None}
            if kinds - {bytes, memoryview, bytearray}:
                frame[name] = frame[name].map(str, na_action="ignore")
            elif kinds:
                frame[name] = frame[name].map(bytes, na_action="ignore")
    return frame


def _join(parts: Sequence[Path], target: Path) -> int:
    """All parts as one file, with types that hold all of them; the number of columns."""
    schemas = [pq.read_schema(part).remove_metadata() for part in parts]
    try:
        schema = pa.unify_schemas(schemas, promote_options="permissive")
    except pa.ArrowException:
        schema = _common(schemas)
    with pq.ParquetWriter(target, schema) as writer:
        for part in parts:
            table = pq.read_table(part).replace_schema_metadata(None)
            columns = [_cast(table.column(one.name), one.type) for one in schema]
            writer.write_table(pa.table(columns, schema=schema))
            part.unlink()
    return len(schema)


def _common(schemas: Sequence[pa.Schema]) -> pa.Schema:
    fields = []
    for name in schemas[0].names:
        kinds = [pa.schema([schema.field(name)]) for schema in schemas]
        try:
            fields.append(pa.unify_schemas(kinds, promote_options="permissive").field(0))
        except pa.ArrowException:
            fields.append(pa.field(name, pa.large_string()))
    return pa.schema(fields)


def _cast(column: Any, kind: pa.DataType) -> Any:
    if column.type == kind:
        return column
    try:
        return column.cast(kind)
    except pa.ArrowException:
        texts = [None if one is None else str(one) for one in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, kind)])
