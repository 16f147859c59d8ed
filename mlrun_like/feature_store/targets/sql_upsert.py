"""Rows of a staging table into a table with keys: the newest of each key stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from mlrun_like.errors import ConflictError
from mlrun_like.feature_store.targets.sql_types import sql_type

__all__ = ["ROW", "add_columns", "forget_older", "newest", "replace_table", "table_for"]

ROW = "mlrun_like_row"
"""The column of a staging table that numbers its rows."""


def newest(stage: sa.Table, names: Sequence[str], keys: Sequence[str], time: str) -> sa.Select[Any]:
    """The staged rows; of those with one key the newest."""
    columns = [stage.c[name] for name in names]
    if not keys:
        return sa.select(*columns)
    order = [stage.c[time].desc()] if time else []
    number = sa.func.row_number().over(
        partition_by=[stage.c[key] for key in keys],
        order_by=[*_nulls_last(stage, time), *order, stage.c[ROW].desc()],
    )
    ranked = sa.select(*columns, number.label("mlrun_like_rank")).subquery()
    return sa.select(*(ranked.c[name] for name in names)).where(ranked.c.mlrun_like_rank == 1)


def _nulls_last(stage: sa.Table, time: str) -> list[Any]:
    return [sa.case((stage.c[time].is_(None), 1), else_=0)] if time else []


def forget_older(
    connection: sa.Connection,
    target: sa.Table,
    winners: sa.Select[Any],
    keys: Sequence[str],
    time: str,
) -> None:
    """Delete rows of the table that the winners replace."""
    new = winners.subquery()
    condition = [target.c[key] == new.c[key] for key in keys]
    if time:
        condition.append(sa.or_(target.c[time].is_(None), new.c[time] >= target.c[time]))
    found = sa.select(sa.literal(1)).select_from(new).where(*condition)
    connection.execute(sa.delete(target).where(sa.exists(found.correlate(target))))


def add_columns(connection: sa.Connection, table: sa.Table, known: set[str]) -> None:
    """Add the columns of a table that the database does not know."""
    quote = connection.dialect.identifier_preparer.quote
    for column in table.columns:
        if column.name not in known:
            kind = column.type.compile(connection.dialect)
            connection.exec_driver_sql(
                f"ALTER TABLE {quote(table.name)} ADD COLUMN {quote(column.name)} {kind}"
                .replace("%", "%%" if connection.dialect.paramstyle != "qmark" else "%")
            )  # fmt: skip


def table_for(
    name: str, schema: pa.Schema | None, dialect: str, options: Mapping[str, Any]
) -> sa.Table:
    """A table with these columns.

    Args:
        name: Its name.
        schema: Its columns.
        dialect: The kind of database.
        options: `keys`; `keyed`: whether they are its primary key; `numbered`: whether its rows
            are; `varchar_len` and `schema`, see SQLTarget.
    """
    columns: list[sa.Column[Any]] = []
    for one in schema or ():
        key = one.name in options["keys"]
        length = options["varchar_len"] if key or options["schema"] else 0
        kind = sql_type(one.type, dialect, length)
        primary = key and bool(options["keyed"])
        columns.append(sa.Column(one.name, kind, primary_key=primary, autoincrement=False))
    if options["numbered"] and options["keys"] and schema is not None:
        columns.append(sa.Column(ROW, sa.BigInteger()))
    return sa.Table(name, sa.MetaData(), *columns)


def replace_table(
    connection: sa.Connection, table: sa.Table, there: bool, replaced: bool, notes: dict[str, Any]
) -> dict[str, Any]:
    """See that a table has its columns, and no rows if they are replaced.

    Args:
        connection: In a transaction.
        table: The table with its columns.
        there: Whether it exists.
        replaced: Whether its rows go.
        notes: What is known of it: `made`, whether it was made here; `ours`, whether all its rows
            were written here.

    Returns:
        The notes afterwards.

    Raises:
        ConflictError: if it holds rows of somebody else that would go.
    """
    if there and not notes:
        first = connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first()
        notes = {"made": False, "ours": first is None}
    if there and replaced:
        if not notes["ours"]:
            raise ConflictError(
                f"table {table.name!r} holds rows that no feature set wrote; they are not replaced",
                fix="ingest with overwrite=False, or empty the table first",
            )
        if notes["made"]:
            connection.execute(sa.schema.DropTable(table))
            there = False
        else:
            connection.execute(sa.delete(table))
    if not there:
        table.create(connection)
        return {"made": True, "ours": True}
    known = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
    add_columns(connection, table, known)
    return {"made": notes["made"], "ours": notes["ours"]}
