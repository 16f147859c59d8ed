"""Columns between Arrow and databases: types, and values as drivers take them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.feature_store.targets.frames import plain

__all__ = ["engine_of", "rows_of", "sql_type", "table_from_rows"]

_UTC = datetime.timezone.utc


def engine_of(url: str, *, writes: bool = False) -> sa.Engine:
    """An engine whose transactions are whole, SQLite's too.

    Args:
        url: The database.
        writes: Whether transactions are to write: SQLite then takes its lock at their beginning.

    Raises:
        InvalidArgumentError: if the URL cannot be used.
        StoreUnavailableError: if the driver of the database is not installed.
    """
    try:
        found = sa.make_url(url)
        if found.drivername in ("postgres", "postgresql"):
            found = found.set(drivername="postgresql+psycopg")
        waits = {"timeout": 30} if found.drivername.startswith("sqlite") else {}
        engine = sa.create_engine(found, connect_args=waits)
    except sa.exc.ArgumentError as exc:
        raise InvalidArgumentError(
            "db_url is not the address of a database", fix="such as sqlite:////data/features.db"
        ) from exc
    except ModuleNotFoundError as exc:
        raise StoreUnavailableError(
            f"the driver {exc.name!r} of the database is not installed",
            fix=f"pip install {exc.name}",
        ) from exc
    if engine.dialect.name == "sqlite":

        @sa.event.listens_for(engine, "connect")
        def _plain(connection: Any, _: Any) -> None:
            connection.isolation_level = None  # the driver would begin and commit by itself

        @sa.event.listens_for(engine, "begin")
        def _begin(connection: Any) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def sql_type(kind: pa.DataType, dialect: str, varchar_len: int) -> sa.types.TypeEngine[Any]:
    """The type of a column; `varchar_len` 0: texts of any length."""
    types = pa.types
    if types.is_dictionary(kind):
        return sql_type(kind.value_type, dialect, varchar_len)
    if types.is_boolean(kind):
        return sa.Boolean()
    if types.is_uint64(kind):
        return sa.Numeric(20, 0) if dialect != "sqlite" else sa.Text()
    if types.is_integer(kind) or types.is_duration(kind):
        return sa.BigInteger()
    if types.is_floating(kind):
        return sa.Double()
    if types.is_timestamp(kind):
        return sa.DateTime(timezone=kind.tz is not None)
    if types.is_date(kind):
        return sa.Date()
    if types.is_decimal(kind) and dialect != "sqlite":
        return sa.Numeric(kind.precision, kind.scale)
    if "binary" in str(kind):
        return sa.LargeBinary()
    return sa.String(varchar_len) if varchar_len and "string" in str(kind) else sa.Text()


def rows_of(table: pa.Table, dialect: str) -> list[dict[str, Any]]:
    """Rows as drivers take them."""
    columns = {
        one.name: _values(table[n], one.type, dialect) for n, one in enumerate(plain(table).schema)
    }
    names = list(columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _values(column: Any, kind: pa.DataType, dialect: str) -> Any:
    types = pa.types
    if types.is_dictionary(column.type):
        column = column.cast(kind)
    if types.is_timestamp(kind):
        micros = column.cast(pa.timestamp("us", kind.tz), safe=False)
        values = micros.to_pylist()
        if kind.tz is None:
            return values
        utc = [None if item is None else item.astimezone(_UTC) for item in values]
        if dialect == "sqlite":
            return [None if item is None else item.replace(tzinfo=None) for item in utc]
        return utc
    if types.is_duration(kind):
        return column.cast(pa.int64()).to_pylist()
    if types.is_floating(kind):
        return [None if item is None or item != item else item for item in column.to_pylist()]
    if types.is_nested(kind):
        return [
            None if item is None else orjson.dumps(item, default=str).decode()
            for item in column.to_pylist()
        ]
    if (types.is_decimal(kind) or types.is_uint64(kind)) and dialect == "sqlite":
        return [None if item is None else str(item) for item in column.to_pylist()]
    return column.to_pylist()


def table_from_rows(
    rows: Sequence[Sequence[Any]], names: Sequence[str], schema: pa.Schema | None
) -> pa.Table:
    """What was read, with the types that were written; without a schema as the values are."""
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in names]
    made = {}
    for name, values in zip(names, columns, strict=True):
        if schema is None or name not in schema.names:
            made[name] = pa.Array.from_pandas(pd.Series(list(values)))
        else:
            made[name] = _array(values, schema.field(name).type)
    table = pa.table(made) if made else pa.table({})
    return table.replace_schema_metadata(schema.metadata if schema is not None else None)


def _array(values: Iterable[Any], kind: pa.DataType) -> pa.Array:
    types = pa.types
    if types.is_dictionary(kind):
        return _array(values, kind.value_type).dictionary_encode().cast(kind)
    if types.is_nested(kind):
        values = [None if item is None else orjson.loads(item) for item in values]
    elif types.is_timestamp(kind) and kind.tz is not None:
        aware = [
            item if item is None or item.tzinfo is not None else item.replace(tzinfo=_UTC)
            for item in values
        ]
        return pa.array(aware, pa.timestamp("us", kind.tz)).cast(kind)
    elif types.is_timestamp(kind):
        return pa.array(list(values), pa.timestamp("us")).cast(kind)
    elif types.is_duration(kind):
        return pa.array(list(values), pa.int64()).cast(kind)
    elif types.is_decimal(kind) or types.is_uint64(kind):
        texts = [None if item is None else str(item) for item in values]
        return pa.array(texts, pa.string()).cast(kind)
    return pa.array(list(values), kind)
