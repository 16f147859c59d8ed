"""Rows into a table of a database: positions are in the same transactions as rows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from mlrun_like.errors import ConflictError, InvalidArgumentError, NotFoundError, StateError
from mlrun_like.feature_store.targets.frames import conform, selected, table_of, unify
from mlrun_like.feature_store.targets.sql_feeds import (
    FEEDS,
    METADATA,
    document_of,
    keep_document,
    refused,
)
from mlrun_like.feature_store.targets.sql_types import rows_of
from mlrun_like.feature_store.targets.sql_upsert import (
    ROW,
    add_columns,
    forget_older,
    newest,
    replace_table,
    table_for,
)
from mlrun_like.feature_store.targets.state import schema_of, schema_text
from mlrun_like.feature_store.targets.writing import TargetWriter, WriteJob

__all__ = ["SqlWriter"]

_BATCH = 20_000
_HELD = 64 << 20


class SqlWriter(TargetWriter):
    """Writes a feed to a table.

    Args:
        engine: The database.
        table: The table's name.
        job: What is written.
        options: `columns`, `keys` (primary key: rows replace older ones of their key),
            `create`, `varchar_len`, `schema` (of a table to be made), `path`.

    Raises:
        NotFoundError: if there is no such table and none is to be made.
    """

    def __init__(
        self, engine: sa.Engine, table: str, job: WriteJob, options: dict[str, Any]
    ) -> None:
        self._engine, self._name, self._job, self._options = engine, table, job, options
        self._where = f"table {table!r}"
        self._keys: Sequence[str] = job.merge or options["keys"]
        digest = hashlib.sha256(f"{table}\0{job.feed}".encode("utf-8", "surrogatepass"))
        self._stage = f"mlrun_like_{digest.hexdigest()[:16]}"
        self._connection: sa.Connection | None = None
        self._schema: pa.Schema | None = None
        self._staged: sa.Table | None = None
        self._rows, self._newest = 0, ""
        self._broken = False
        self._held: list[pa.Table] = []
        self._held_bytes = 0
        self._known_schema: pa.Schema | None = None
        self._empty: pa.Schema | None = None
        self._asked = False
        with refused(self._where):
            METADATA.create_all(engine)
            with engine.begin() as connection:
                there = sa.inspect(connection).has_table(table)
                if not there and not options["create"]:
                    raise NotFoundError(
                        f"there is no table {table!r}", where=repr(engine.url),
                        fix="SQLTarget(..., create_table=True)",
                    )  # fmt: skip
                self._known, self._document = document_of(connection, table, job.feed)
                self._number = self._document.get("rows", 0)
                if self._document.get("schema"):
                    self._schema = schema_of(self._document["schema"])
                if not self._document.get("staged"):
                    connection.execute(sa.schema.DropTable(self._table(None), if_exists=True))

    def _table(self, schema: pa.Schema | None, name: str = "", keyed: bool = False) -> sa.Table:
        found = {**self._options, "keys": self._keys, "keyed": keyed, "numbered": not name}
        return table_for(name or self._stage, schema, self._engine.dialect.name, found)

    # Rows -------------------------------------------------------------------------------------

    def position(self) -> str:
        with refused(self._where), self._engine.connect() as connection:
            return document_of(connection, self._name, self._job.feed)[0]

    def write(self, frame: Any) -> None:
        job = self._job
        table = selected(table_of(frame, job), self._options["columns"], job)
        if ROW in table.schema.names:
            raise InvalidArgumentError(f"{ROW!r} cannot be the name of a column")
        for name in self._keys:
            if name not in table.schema.names:
                raise InvalidArgumentError(
                    f"the primary key {name!r} is no column", where=self._where
                )
            if table[name].null_count:
                raise InvalidArgumentError(
                    f"column {name!r} is the key and misses values", where=self._where
                )
        if not table.num_rows:
            # types of columns without values say nothing
            self._empty = table.schema
            return
        schema = unify(self._schema, table.schema, self._where)
        self._check_agrees(schema)
        self._schema = schema
        self._held.append(table)
        self._held_bytes += table.nbytes
        if self._held_bytes > _HELD:
            with refused(self._where):
                self._send()
        self._rows += table.num_rows
        if job.timestamp_key and table.num_rows:
            newest = pc.max(table.column(job.timestamp_key)).as_py()
            self._newest = max(self._newest, "" if newest is None else str(newest))

    def _there(self) -> pa.Schema | None:
        """The columns of the table's rows; None: nothing was written to it."""
        with refused(self._where), self._engine.connect() as connection:
            found = document_of(connection, self._name, "")[1].get("schema")
        return schema_of(found) if found else None

    def _check_agrees(self, schema: pa.Schema) -> None:
        if not self._asked:
            self._asked = True
            self._known_schema = None if self._job.overwrite else self._there()
        unify(self._known_schema, schema, self._where)

    def _send(self) -> None:
        """Put held rows into the staging table, in the open transaction."""
        held, self._held, self._held_bytes = self._held, [], 0
        if self._schema is None and self._empty is not None:
            known = self._there()
            if known is not None and set(known.names) == set(self._empty.names):
                self._schema = known
            elif known is None or self._job.overwrite:
                self._schema = self._empty
        if self._schema is None or (self._job.live and not held):
            return
        self._broken = True
        connection = self._begun()
        self._prepare(connection, self._schema)
        assert self._staged is not None
        for whole in held:
            table = conform(whole, self._schema)
            for offset in range(0, table.num_rows, _BATCH):
                rows = rows_of(table.slice(offset, _BATCH), self._engine.dialect.name)
                if self._keys:
                    for number, row in enumerate(rows, self._number + offset):
                        row[ROW] = number
                connection.execute(sa.insert(self._staged), rows)
            self._number += table.num_rows
        self._broken = False

    def _begun(self) -> sa.Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
            self._connection.begin()
        return self._connection

    def _prepare(self, connection: sa.Connection, schema: pa.Schema) -> None:
        """See that the staging table has these columns."""
        table = self._table(schema)
        if self._staged is not None and self._staged.c.keys() == table.c.keys():
            return
        inspector = sa.inspect(connection)
        if inspector.has_table(self._stage):
            known = {column["name"] for column in inspector.get_columns(self._stage)}
            add_columns(connection, table, known)
        else:
            table.create(connection)
        self._staged = table

    # Commits ----------------------------------------------------------------------------------

    def commit(self, position: str) -> None:
        self._check()
        with refused(self._where):
            self._send()
            connection = self._begun()
            document = {
                "rows": self._document.get("rows", 0) + self._rows,
                "newest": max(self._document.get("newest", ""), self._newest),
                "schema": schema_text(self._schema) if self._schema is not None else "",
                "staged": bool(self._staged is not None or self._document.get("staged")),
                "shown": self._document.get("shown", False),
            }
            if self._job.live:
                self._show(connection, document)
            self._keep(connection, position, document)
            connection.commit()
        self._known, self._document = position, document
        self._end()

    def _check(self) -> None:
        if self._broken:
            raise StateError(
                "rows could not be written; they cannot be committed", where=self._where,
                fix="abort, or open a new writer of the feed and write again from its position()",
            )  # fmt: skip

    def _keep(self, connection: sa.Connection, position: str, document: dict[str, Any]) -> None:
        found = document_of(connection, self._name, self._job.feed)[0]
        if found != self._known:
            raise ConflictError(
                f"feed {self._job.feed!r:.80} is being written by another process",
                where=self._where,
            )
        keep_document(connection, self._name, self._job.feed, position, document)

    def _end(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._rows, self._newest, self._staged = 0, "", None

    def finish(self) -> dict[str, Any]:
        self._check()
        if self._rows or self._held:
            raise StateError(
                "rows were written and not committed", where=self._where,
                fix="call commit(position) before finish()",
            )  # fmt: skip
        with refused(self._where):
            connection = self._begun()
            document = dict(self._document)
            if not document.get("shown") or document.get("staged"):
                if self._schema is not None:
                    self._prepare(connection, self._schema)
                    document["schema"] = schema_text(self._schema)
                self._show(connection, document)
                self._keep(connection, self._known, document)
            connection.commit()
        self._document = document
        self._end()
        self._engine.dispose()
        return {
            "size": None, "path": self._options["path"], "rows": document.get("rows", 0),
            "last_written": document.get("newest") or None, "run_id": self._job.run_id or None,
        }  # fmt: skip

    def _show(self, connection: sa.Connection, document: dict[str, Any]) -> None:
        """Move staged rows to the table, in this transaction."""
        inspector = sa.inspect(connection)
        schema = self._schema
        if schema is None or not inspector.has_table(self._stage):
            document.update(shown=True, staged=False)
            return
        stage = self._table(schema)
        replaced = self._job.overwrite and not document.get("shown")
        there = inspector.has_table(self._name)
        notes = document_of(connection, self._name, "")[1]
        whole = schema
        if notes.get("schema") and not replaced:
            whole = unify(schema_of(notes["schema"]), schema, self._where)
        target = self._table(whole, self._name, keyed=True)
        notes = replace_table(connection, target, there, replaced, notes)
        names = schema.names
        winners = newest(stage, names, self._keys, self._job.timestamp_key)
        if self._keys:
            forget_older(connection, target, winners, self._keys, self._job.timestamp_key)
            new = winners.subquery()
            same = sa.and_(*(target.c[key] == new.c[key] for key in self._keys))
            winners = sa.select(*(new.c[name] for name in names)).where(
                ~sa.exists(sa.select(sa.literal(1)).select_from(target).where(same))
            )
        connection.execute(sa.insert(target).from_select(names, winners))
        connection.execute(sa.schema.DropTable(stage))
        keep_document(connection, self._name, "", "", {**notes, "schema": schema_text(whole)})
        document.update(shown=True, staged=False)

    def abort(self) -> None:
        self.close()
        with refused(self._where), self._engine.begin() as connection:
            connection.execute(sa.schema.DropTable(self._table(None), if_exists=True))
            connection.execute(
                sa.delete(FEEDS).where(FEEDS.c.target == self._name, FEEDS.c.feed == self._job.feed)
            )
        self._engine.dispose()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.rollback()
            connection.close()
        self._rows, self._staged, self._held = 0, None, []
        self._engine.dispose()
