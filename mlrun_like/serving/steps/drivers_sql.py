"""Rows of existing tables in a SQL database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from mlrun_like.errors import InvalidArgumentError, NotFoundError, StoreUnavailableError
from mlrun_like.serving.steps.drivers import Change, Driver, Key, Row, key_parts

__all__ = ["SQLDriver"]


class SQLDriver(Driver):
    """Reads and writes rows of tables that exist; it cannot keep aggregates.

    Args:
        primary_key: The columns that make up the key, as a list, or as text with dots between.
        db_path: The database's URL, such as `sqlite:///shop.db` or `postgresql://host/db`.
        time_fields: Columns whose texts are read as times (ISO 8601).

    Raises:
        InvalidArgumentError: if the URL is wrong, or there is no key column.

    >>> SQLDriver("first.last", "sqlite://").primary_key
    ['first', 'last']
    """

    def __init__(
        self,
        primary_key: str | Sequence[str],
        db_path: str,
        time_fields: Sequence[str] | None = None,
    ) -> None:
        parts = primary_key.split(".") if isinstance(primary_key, str) else list(primary_key)
        if not parts or not all(isinstance(part, str) and part for part in parts):
            raise InvalidArgumentError(
                f"primary_key={primary_key!r:.80} names no columns", fix="such as primary_key='id'"
            )
        self.primary_key = parts
        self.time_fields = list(time_fields or [])
        try:
            self._url = sa.make_url(db_path)
        except (sa.exc.ArgumentError, TypeError, AttributeError) as exc:
            raise InvalidArgumentError(
                "db_path is not the URL of a database", fix="such as sqlite:///shop.db"
            ) from exc
        self._engine: sa.Engine | None = None
        self._tables: dict[str, sa.Table] = {}

    def supports_aggregations(self) -> bool:
        return False

    @contextmanager
    def _connection(self) -> Iterator[sa.Connection]:
        try:
            if self._engine is None:
                self._engine = sa.create_engine(self._url)
            with self._engine.begin() as connection:
                yield connection
        except (sa.exc.NoSuchModuleError, ModuleNotFoundError) as exc:
            raise InvalidArgumentError(
                f"no package for {self._url.drivername} databases is installed: {exc}"
            ) from exc
        except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as exc:
            raise StoreUnavailableError(
                f"the database cannot be used: {exc}", where=repr(self._url)
            ) from exc
        except sa.exc.SQLAlchemyError as exc:
            raise InvalidArgumentError(f"the database refused: {exc}") from exc

    def _table(self, connection: sa.Connection, path: str) -> sa.Table:
        name = path.rpartition("/")[2]
        found = self._tables.get(name)
        if found is None:
            try:
                found = sa.Table(name, sa.MetaData(), autoload_with=connection)
            except sa.exc.NoSuchTableError as exc:
                raise NotFoundError(
                    f"there is no table {name!r}", where=repr(self._url), fix="create it first"
                ) from exc
            missing = [part for part in self.primary_key if part not in found.c]
            if missing:
                raise InvalidArgumentError(
                    f"table {name!r} has no column {missing[0]!r}, which primary_key names",
                    fix=f"it has: {', '.join(found.c.keys())}",
                )
            self._tables[name] = found
        return found

    def _where(self, table: sa.Table, key: Key) -> sa.ColumnElement[bool]:
        return sa.and_(*(table.c[name] == part for name, part in self._named(key).items()))

    def _named(self, key: Key) -> dict[str, Any]:
        parts = key_parts(key)
        if len(parts) == 1 and len(self.primary_key) > 1 and isinstance(key, str):
            parts = key.split(".")  # as other drivers write keys of several parts
        if len(parts) != len(self.primary_key):
            raise InvalidArgumentError(
                f"key {key!r:.80} has {len(parts)} parts, but the table's key has "
                f"{len(self.primary_key)}: {', '.join(self.primary_key)}"
            )
        return dict(zip(self.primary_key, parts, strict=True))

    def load(self, table: str, key: Key, aggregates: bool = True) -> Row | None:
        with self._connection() as connection:
            source = self._table(connection, table)
            query = sa.select(source).where(self._where(source, key))
            found = connection.execute(query).mappings().first()
        if found is None:
            return None
        return Row({name: self._value(name, value) for name, value in found.items()})

    def _value(self, name: str, value: Any) -> Any:
        if name in self.time_fields and isinstance(value, str):
            return datetime.fromisoformat(value.replace("Z", "+00:00"))
        return value

    def save(self, table: str, changes: Sequence[Change], shared: bool = False) -> None:
        with self._connection() as connection:
            target = self._table(connection, table)
            for change in changes:
                key = self._named(change.key)
                values = {name: v for name, v in change.attributes.items() if name not in key}
                unknown = [name for name in values if name not in target.c]
                if unknown:
                    raise InvalidArgumentError(
                        f"table {target.name!r} has no column {unknown[0]!r}",
                        fix=f"name the columns to write; it has: {', '.join(target.c.keys())}",
                    )
                self._upsert(connection, target, key, values)

    def _upsert(
        self,
        connection: sa.Connection,
        target: sa.Table,
        key: Mapping[str, Any],
        values: Mapping[str, Any],
    ) -> None:
        where = sa.and_(*(target.c[name] == part for name, part in key.items()))
        if values:
            changed = connection.execute(sa.update(target).where(where).values(**values)).rowcount
        else:
            changed = len(connection.execute(sa.select(sa.literal(1)).where(where)).fetchall())
        if not changed:
            connection.execute(sa.insert(target).values(**key, **values))

    def save_schema(self, table: str, schema: Mapping[str, Any]) -> None:
        del table, schema  # there are no aggregates

    def close(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()
