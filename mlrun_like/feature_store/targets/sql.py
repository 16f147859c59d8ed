"""SQLTarget: rows in a table of a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as pads
import sqlalchemy as sa

from mlrun_like.configuration import environment
from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.feature_store.targets.base import BaseStoreTarget
from mlrun_like.feature_store.targets.frames import check_columns
from mlrun_like.feature_store.targets.reading import expression, moment
from mlrun_like.feature_store.targets.sql_feeds import FEEDS, document_of, refused
from mlrun_like.feature_store.targets.sql_types import engine_of, table_from_rows
from mlrun_like.feature_store.targets.sql_writer import SqlWriter
from mlrun_like.feature_store.targets.state import schema_of
from mlrun_like.feature_store.targets.writing import TargetWriter, WriteJob

__all__ = ["SQLTarget"]

_PASSWORDS: dict[str, str] = {}  # addresses without passwords -> as they were given


class SQLTarget(BaseStoreTarget):
    """Rows in a table; with a primary key a row replaces the older one of its key.

    Args:
        name: Its name; by default `sql`.
        path: Not used.
        attributes: `db_path` and `table_name` may stand here.
        after_step: The step whose results are written.
        partitioned: Not used, as the next five.
        key_bucketing_number: See `partitioned`.
        partition_cols: See `partitioned`.
        time_partitioning_granularity: See `partitioned`.
        max_events: The most events a live service holds before it writes.
        flush_after_seconds: How long it holds them at most.
        storage_options: See `partitioned`.
        db_url: The database as SQLAlchemy names it; by default `MLRUN_SQL__URL`.
        table_name: The table.
        schema: Names and Python types of columns; by default those of the first rows.
        primary_key_column: The column of the primary key, or a list of columns.
        if_exists: `append`, `replace` (an ingestion overwrites) or `fail`.
        create_table: Whether a missing table is made.
        varchar_len: The length of texts in a table made with `schema`, and of texts in keys.
        parse_dates: Columns of texts that are read as times.
        columns: The columns to write, besides the key and the time; by default all.

    Raises:
        InvalidArgumentError: if an argument cannot be used.
    """

    kind = "sql"
    is_online = True
    is_offline = True

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str = "",
        path: Any = None,
        attributes: Mapping[str, Any] | None = None,
        after_step: str | None = None,
        partitioned: bool = False,
        key_bucketing_number: int | None = None,
        partition_cols: Sequence[str] | None = None,
        time_partitioning_granularity: str | None = None,
        max_events: int | None = None,
        flush_after_seconds: int | None = None,
        storage_options: Mapping[str, Any] | None = None,
        db_url: str | None = None,
        table_name: str | None = None,
        schema: Mapping[str, Any] | None = None,
        primary_key_column: str | Sequence[str] = "",
        if_exists: str = "append",
        create_table: bool = False,
        varchar_len: int = 50,
        parse_dates: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
    ) -> None:
        keys = [primary_key_column] if isinstance(primary_key_column, str) else primary_key_column
        if if_exists not in ("append", "replace", "fail"):
            raise InvalidArgumentError(
                f"if_exists={if_exists!r:.60} is not append, replace or fail",
                where="target class SQLTarget",
            )
        if isinstance(varchar_len, bool) or not isinstance(varchar_len, int) or varchar_len < 1:
            raise InvalidArgumentError(f"varchar_len={varchar_len!r:.60} is no length above 0")
        given = {
            "db_path": db_url, "table_name": table_name, "primary_key": [k for k in keys if k],
            "if_exists": if_exists, "create_table": create_table, "varchar_len": varchar_len,
            "parse_dates": list(parse_dates or ()),
        }  # fmt: skip
        merged = {**given, **dict(attributes or {})}
        if merged["db_path"]:
            _PASSWORDS[_open(str(merged["db_path"]))] = str(merged["db_path"])
        merged.update({name: value for name, value in given.items() if value and name in (
            "db_path", "table_name", "primary_key")})  # fmt: skip
        super().__init__(
            name, path, merged, after_step, columns or (list(schema) if schema else None),
            partitioned, key_bucketing_number, partition_cols, time_partitioning_granularity,
            max_events, flush_after_seconds, storage_options, schema,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        document = super().to_dict()
        url = document.get("attributes", {}).get("db_path")
        if url:  # passwords do not belong into documents
            document["attributes"] = {**document["attributes"], "db_path": _open(url)}
        return document

    @property
    def db_url(self) -> str:
        """The database; a password that a document lacks is the environment's, or this process's.

        Raises:
            InvalidArgumentError: if none is named.
        """
        url = self.attributes.get("db_path")
        other = environment("MLRUN_SQL__URL")
        if not url or (other and _open(other) == url):
            url = other
        url = _PASSWORDS.get(url, url) if url else url
        if not url:
            raise InvalidArgumentError(
                "the target does not name its database", where=f"target {self.name!r}",
                fix="SQLTarget(db_url='sqlite:////data/features.db', table_name='features')",
            )  # fmt: skip
        return str(url)

    @property
    def table_name(self) -> str:
        """The table."""
        name = self.attributes.get("table_name")
        if not name or not isinstance(name, str) or len(name) > 63 or "\0" in name:
            raise InvalidArgumentError(
                f"table_name={name!r:.80} is no name of a table", where=f"target {self.name!r}",
                fix="table_name='features', of at most 63 letters",
            )  # fmt: skip
        return name

    def get_target_templated_path(self) -> str:
        return f"{_open(self.db_url)}#{quote(self.table_name)}"

    def writer(self, job: WriteJob) -> TargetWriter:
        attributes = self.attributes
        engine = engine_of(self.db_url, writes=True)
        exists = attributes.get("if_exists")
        if exists == "fail":
            with refused(self.table_name), engine.connect() as connection:
                there = sa.inspect(connection).has_table(self.table_name)
                if there and not document_of(connection, self.table_name, job.feed)[1]:
                    raise ConflictError(
                        f"table {self.table_name!r} exists", where=f"target {self.name!r}",
                        fix="if_exists='append' or 'replace'",
                    )  # fmt: skip
        options = {
            "columns": self.columns, "keys": attributes.get("primary_key") or [],
            "create": bool(attributes.get("create_table")), "schema": self.schema,
            "varchar_len": attributes.get("varchar_len") or 50, "path": self.get_target_path(),
        }  # fmt: skip
        return SqlWriter(engine, self.table_name, job, options)

    # Reading ----------------------------------------------------------------------------------

    def as_arrow(
        self,
        columns: Sequence[str] | None = None,
        times: tuple[str, Any, Any] = ("", None, None),
        filters: Any = None,
    ) -> Any:
        engine = engine_of(self.db_url)
        try:
            with refused(f"table {self.table_name!r}"), engine.connect() as connection:
                inspector = sa.inspect(connection)
                if not inspector.has_table(self.table_name):
                    raise self.missing()
                document = {}
                if inspector.has_table(FEEDS.name):
                    document = document_of(connection, self.table_name, "")[1]
                table = sa.Table(self.table_name, sa.MetaData(), autoload_with=connection)
                names = [column.name for column in table.columns]
                wanted = list(columns) if columns is not None else names
                check_columns(wanted, names, f"table {self.table_name!r}")
                needed = list(dict.fromkeys([*wanted, *_used(times, filters)]))
                check_columns(needed, names, f"table {self.table_name!r}")
                query = sa.select(*(table.c[name] for name in needed))
                query = query.where(*_conditions(table, times))
                rows = connection.execute(query).fetchall()
        finally:
            engine.dispose()
        schema = schema_of(document["schema"]) if document.get("schema") else None
        found = _dated(table_from_rows(rows, needed, schema), self.attributes.get("parse_dates"))
        condition = expression(found.schema, times, filters, f"table {self.table_name!r}")
        metadata = found.schema.metadata
        made = pads.dataset(found).to_table(columns=wanted, filter=condition)
        return made.replace_schema_metadata(metadata)

    def exists(self) -> bool:
        engine = engine_of(self.db_url)
        try:
            with refused(f"table {self.table_name!r}"), engine.connect() as connection:
                return bool(sa.inspect(connection).has_table(self.table_name))
        finally:
            engine.dispose()

    def purge(self) -> None:
        engine = engine_of(self.db_url, writes=True)
        name = self.table_name
        try:
            with refused(f"table {name!r}"), engine.begin() as connection:
                inspector = sa.inspect(connection)
                known = inspector.has_table(FEEDS.name) and document_of(connection, name, "")[1]
                if not (known and known["ours"]):
                    if inspector.has_table(name):
                        raise ConflictError(
                            f"table {name!r} holds what no feature set wrote; it is not deleted",
                            fix="drop it yourself",
                        )
                    return
                table = sa.Table(name, sa.MetaData())
                if known["made"]:
                    connection.execute(sa.schema.DropTable(table, if_exists=True))
                else:
                    connection.execute(sa.delete(table))
                connection.execute(sa.delete(FEEDS).where(FEEDS.c.target == name))
        finally:
            engine.dispose()


def _open(url: str) -> str:
    """An address without its password.

    >>> _open("postgresql://me:secret@host/db")
    'postgresql://me@host/db'
    """
    try:
        return sa.make_url(url)._replace(password=None).render_as_string(hide_password=False)
    except sa.exc.ArgumentError as exc:
        raise InvalidArgumentError(
            "db_url is not the address of a database", fix="such as sqlite:////data/features.db"
        ) from exc


def _used(times: tuple[str, Any, Any], filters: Any) -> list[str]:
    names = [times[0]] if times[0] and (times[1] is not None or times[2] is not None) else []
    for one in filters or ():
        for item in [one] if one and isinstance(one[0], str) else one:
            names.append(item[0])
    return names


def _dated(table: pa.Table, names: Sequence[str] | None) -> pa.Table:
    for name in names or ():
        place = table.schema.get_field_index(name)
        if place >= 0 and "string" in str(table.schema.field(place).type):
            times = pd.to_datetime(table[place].to_pandas(), format="ISO8601")
            table = table.set_column(place, name, pa.Array.from_pandas(times))
    return table


def _conditions(table: sa.Table, times: tuple[str, Any, Any]) -> list[Any]:
    """What the database itself can leave out; the exact condition is applied to what it gives."""
    name, start, end = times
    if not name or not isinstance(table.c[name].type, sa.DateTime):
        return []
    aware = bool(getattr(table.c[name].type, "timezone", False))
    found = []
    for value, later in ((start, False), (end, True)):
        if value is None:
            continue
        bound = moment(value).floor("us") if not later else moment(value).ceil("us")
        plain = (bound if aware else bound.tz_localize(None)).to_pydatetime()
        found.append(table.c[name] <= plain if later else table.c[name] >= plain)
    return found
