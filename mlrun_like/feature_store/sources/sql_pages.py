"""Pages of a table or query in an order that is the same when it is read again."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from mlrun_like.errors import ConflictError, InvalidArgumentError, nearest
from mlrun_like.feature_store.sources.times import TimeRange, as_datetime

__all__ = ["Page", "pages_of_query", "pages_of_table", "reflect"]

Page = tuple[list[str], list[Sequence[Any]], dict[str, Any]]
"""Column names, rows, and what a position behind them says."""
_DAY = timedelta(days=1)


def reflect(engine: sa.Engine, name: str) -> sa.Table:
    """A table or view as the database describes it; `schema.table` names its schema.

    Raises:
        InvalidArgumentError: if there is none; the message names near ones.
    """
    schema, _, plain = name.rpartition(".")
    for one_schema, table in ((None, name), (schema or None, plain)):
        try:
            return sa.Table(
                table, sa.MetaData(), schema=one_schema, autoload_with=engine, resolve_fks=False
            )
        except sa.exc.NoSuchTableError:
            continue
    names = [*sa.inspect(engine).get_table_names(), *sa.inspect(engine).get_view_names()]
    raise InvalidArgumentError(
        f"there is no table {name!r:.100}.{nearest(name, names)}",
        where=engine.url.render_as_string(hide_password=True),
        fix=f"tables: {', '.join(names[:20]) or 'none'}",
    )


def _columns(engine: sa.Engine, table: sa.Table) -> list[Any]:
    """The columns as they are read; SQLite's own texts and numbers instead of guesses."""
    if engine.dialect.name != "sqlite":
        return list(table.columns)
    raw = (sa.DateTime, sa.Date, sa.Time, sa.Numeric)
    return [
        sa.type_coerce(column, sa.types.NullType()).label(column.name)
        if isinstance(column.type, raw)
        else column
        for column in table.columns
    ]


def _key(engine: sa.Engine, table: sa.Table) -> list[Any]:
    """Expressions that no two rows share; none: the database knows none."""
    keys = [list(table.primary_key.columns)]
    if not keys[0]:
        keys = [
            [table.columns[name] for name in index["column_names"] if name in table.columns]
            for index in sa.inspect(engine).get_unique_constraints(table.name, table.schema)
        ]
        keys = [key for key in keys if key and not any(column.nullable for column in key)]
    found: list[Any] = keys[0] if keys else []
    if engine.dialect.name != "sqlite":
        return found
    if not found and table.name in sa.inspect(engine).get_table_names():
        return [sa.literal_column("rowid")]
    return [sa.type_coerce(column, sa.types.NullType()) for column in found]


def _behind(key: Sequence[Any], values: Sequence[Any]) -> Any:
    """The rows whose key comes after these values."""
    choices = []
    for place in range(len(key)):
        same = [key[n] == values[n] for n in range(place)]
        choices.append(sa.and_(*same, key[place] > values[place]))
    return sa.or_(*choices)


def _in_time(engine: sa.Engine, column: Any, span: TimeRange) -> list[Any]:
    """Conditions that keep at least the rows of a range; the rest is left to the reader."""
    if not isinstance(column.type, (sa.DateTime, sa.Date)):
        return []
    start = None if span.start is None else as_datetime(span.start)
    end = None if span.end is None else as_datetime(span.end)
    if engine.dialect.name == "sqlite":
        text = sa.type_coerce(column, sa.String())
        low = [] if start is None else [text >= (start - _DAY).date().isoformat()]
        return low if end is None else [*low, text < (end + 2 * _DAY).date().isoformat()]
    if isinstance(column.type, sa.Date):
        low = [] if start is None else [column >= start.date()]
        return low if end is None else [*low, column <= end.date()]
    zoned = bool(getattr(column.type, "timezone", False))
    plain = [t if t is None or zoned else t.replace(tzinfo=None) for t in (start, end)]
    low = [] if plain[0] is None else [column > plain[0]]
    return low if plain[1] is None else [*low, column <= plain[1]]


def pages_of_table(
    engine: sa.Engine,
    table: sa.Table,
    size: int,
    limits: tuple[str | None, TimeRange],
    position: Mapping[str, Any],
) -> Iterator[Page]:
    """The rows of a table by its key; without one by all its columns.

    Args:
        engine: The database.
        table: The table.
        size: Rows of a page.
        limits: Time column and range.
        position: What an earlier page said.
    """
    columns, key = _columns(engine, table), _key(engine, table)
    names = [str(column.name) for column in table.columns]
    time_field, span = limits
    statement = sa.select(*columns)
    timed = table.columns.get(time_field or "")
    if span and timed is not None:
        statement = statement.where(*_in_time(engine, timed, span))
    if not key:
        order = [] if timed is None else [timed]
        order += [column for column in table.columns if _sortable(column.type)]
        yield from _in_one_go(engine, statement.order_by(*order), size, position)
        return
    at = [_from_json(value) for value in position.get("after", [])]
    if position and len(at) != len(key):
        raise _changed(engine, f"the key of table {table.name!r} is not the one any more")
    labels = [part.label(f"_key_{place}") for place, part in enumerate(key)]
    with engine.connect() as connection:
        while True:
            page = statement.add_columns(*labels).order_by(*key).limit(size)
            rows = connection.execute(page.where(_behind(key, at)) if at else page).all()
            connection.rollback()  # holds no locks while the rows are worked on
            if not rows:
                return
            at = list(rows[-1][len(names) :])
            after = {"after": [_to_json(value) for value in at]}
            yield names, [tuple(row)[: len(names)] for row in rows], after


def _sortable(kind: Any) -> bool:
    return not isinstance(kind, (sa.JSON, sa.LargeBinary, sa.types.NullType))


def pages_of_query(
    engine: sa.Engine,
    query: str,
    size: int,
    limits: tuple[str | None, TimeRange],
    position: Mapping[str, Any],
) -> Iterator[Page]:
    """The rows of a query, in its order; arguments as of `pages_of_table`."""
    time_field, span = limits
    plain = query.strip().rstrip(";")
    named: dict[str, Any] = {}
    if span and time_field:
        column = engine.dialect.identifier_preparer.quote(time_field)
        conditions = []
        for name, micros, mark, step in (
            ("mlrun_start", span.start, ">=", -_DAY),
            ("mlrun_end", span.end, "<", 2 * _DAY),
        ):
            if micros is not None:
                moment = (as_datetime(micros) + step).replace(tzinfo=None)
                text = engine.dialect.name == "sqlite"
                named[name] = moment.date().isoformat() if text else moment
                conditions.append(f"q.{column} {mark} :{name}")
        plain = f"SELECT * FROM ({_literal(plain)}\n) AS q WHERE {' AND '.join(conditions)}"
    else:
        plain = _literal(plain)
    yield from _in_one_go(engine, sa.text(plain).bindparams(**named), size, position)


def _literal(query: str) -> str:
    return query.replace("\\", "\\\\").replace(":", "\\:")


def _in_one_go(
    engine: sa.Engine, statement: Any, size: int, position: Mapping[str, Any]
) -> Iterator[Page]:
    """The rows of one statement; those before the position are passed over and compared."""
    skip = int(position.get("rows", 0))
    done = 0
    with (
        engine.connect().execution_options(stream_results=True, yield_per=size) as connection,
        closing(connection.execute(statement)) as result,
    ):
        names = [str(name) for name in result.keys()]  # noqa: SIM118 - no dictionary
        last: Any = None
        while done < skip:
            passed = result.fetchmany(min(size, skip - done))
            if not passed:
                break
            done, last = done + len(passed), passed[-1]
        if done < skip or (skip and _digest(last) != position.get("last")):
            raise _changed(engine, f"row {skip:,} is not the one any more that was read there")
        while rows := result.fetchmany(size):
            done += len(rows)
            after = {"rows": done, "last": _digest(rows[-1])}
            yield names, [tuple(row) for row in rows], after


def _changed(engine: sa.Engine, what: str) -> ConflictError:
    return ConflictError(
        what,
        where=engine.url.render_as_string(hide_password=True),
        fix="the table was changed: give it a primary key, or ingest again without resuming",
    )


def _digest(row: Any) -> str:
    return hashlib.blake2b(repr(tuple(row)).encode(), digest_size=8).hexdigest()


def _to_json(value: Any) -> Any:
    if isinstance(value, (str, bool, int, float)) or value is None:
        return value
    if isinstance(value, datetime):
        return {"time": value.isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, (bytes, memoryview)):
        return {"bytes": base64.b85encode(bytes(value)).decode()}
    if isinstance(value, (Decimal, UUID)):
        return {type(value).__name__.lower(): str(value)}
    raise InvalidArgumentError(
        f"a key of {type(value).__name__} cannot be a position", fix="use a query with ORDER BY"
    )


def _from_json(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, text),) = value.items()
    if kind == "time":
        found = datetime.fromisoformat(text)
        return found.astimezone(timezone.utc) if found.tzinfo else found
    if kind == "date":
        return date.fromisoformat(text)
    if kind == "bytes":
        return base64.b85decode(text)
    return Decimal(text) if kind == "decimal" else UUID(text)
