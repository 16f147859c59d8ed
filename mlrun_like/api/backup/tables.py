"""Rows of one table to a Parquet file, and back, a piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, LargeBinary, MetaData, Table, Text, exc, text

from mlrun_like.errors import IntegrityError, StoreUnavailableError
from mlrun_like.tracking.schema import VERSION_TABLE

__all__ = ["read_rows", "sequences", "set_sequences", "tables_of", "translated", "write_rows"]

_ROWS = 20_000
_LARGE_ROWS = 100  # of a table with documents or logs, of which each may have megabytes
_BYTES = 16 << 20
_TYPES: dict[type, Any] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bytes: pa.binary(),
    bool: pa.bool_(),
}


class _Digesting:
    """A file that counts and digests what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = sha256()
        self.size = 0
        self.closed = False

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self.digest.update(piece)
        self.size += len(piece)
        self._file.write(piece)
        return len(piece)

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self.closed = True

    def tell(self) -> int:
        return self.size

    def writable(self) -> bool:
        return True


def tables_of(connection: Connection) -> list[Table]:
    """The tables of a store as they are in the database, those first that others refer to."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if not _foreign(table.name)]


def write_rows(connection: Connection, table: Table, file: BinaryIO) -> dict[str, Any]:
    """Write all rows of a table; gives what the manifest says about the file."""
    columns = list(table.columns)
    kinds = [_kind(column) for column in columns]
    schema = pa.schema(
        [pa.field(column.name, _TYPES[kind]) for column, kind in zip(columns, kinds, strict=True)]
    )
    sink = _Digesting(file)
    count = 0
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for rows in _pieces(connection, table):
            arrays = [
                pa.array([_cast(row[place], kind) for row in rows], _TYPES[kind])
                for place, kind in enumerate(kinds)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            count += len(rows)
    return {"rows": count, "bytes": sink.size, "sha256": sink.digest.hexdigest()}


def _pieces(connection: Connection, table: Table) -> Iterator[list[Any]]:
    """All rows: many narrow ones at once, of documents and logs so many as memory should hold."""
    large = [
        place
        for place, column in enumerate(table.columns)
        if isinstance(column.type, (Text, LargeBinary))
    ]
    step = _LARGE_ROWS if large else _ROWS
    statement = table.select().execution_options(yield_per=step)
    waiting: list[Any] = []
    size = 0
    for rows in connection.execute(statement).partitions(step):
        for row in rows:
            waiting.append(row)
            size += sum(len(row[place] or "") for place in large)
            if size >= _BYTES or len(waiting) >= _ROWS:
                yield waiting
                waiting, size = [], 0
    if waiting:
        yield waiting


def read_rows(file: BinaryIO) -> Iterator[list[dict[str, Any]]]:
    """The rows of a file, a piece at a time."""
    opened = pq.ParquetFile(file)
    groups = [opened.metadata.row_group(n) for n in range(opened.metadata.num_row_groups)]
    widest = max((g.total_byte_size // max(1, g.num_rows) for g in groups), default=0)
    for batch in opened.iter_batches(max(1, min(_ROWS, _BYTES // (widest + 1)))):
        yield batch.to_pylist()


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Errors of the database as ours; its own would show the rows.

    Args:
        where: The database, without a password.

    Raises:
        IntegrityError: if rows do not fit.
        StoreUnavailableError: if it cannot be used.
    """
    try:
        yield
    except (exc.IntegrityError, exc.DataError, exc.ProgrammingError, exc.StatementError) as found:
        if isinstance(found, (exc.OperationalError, exc.InterfaceError)):
            raise StoreUnavailableError(
                f"the database cannot be used: {_first(found)}", where=where
            ) from None
        raise IntegrityError(
            f"rows of the copy do not fit into the tables: {_first(found)}", where=where
        ) from None


def _first(found: exc.StatementError) -> str:
    """What the driver says, without the values that follow."""
    lines = str(found.orig or "").splitlines()
    return lines[0] if lines else type(found).__name__


def sequences(connection: Connection) -> dict[str, int]:
    """Table -> the last number that was given to a row of it, of tables that number their rows.

    Numbers of removed rows must not come again: readers remember where they were.
    """
    if connection.dialect.name == "sqlite":
        if not connection.dialect.has_table(connection, "sqlite_sequence"):
            return {}
        rows = connection.execute(text("SELECT name, seq FROM sqlite_sequence")).all()
        return {str(name): int(last or 0) for name, last in rows}
    found = {}
    for table, column in _serials(connection):
        name = _sequence_name(connection, table, column)
        found[table] = int(
            connection.execute(
                text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {name}")
            ).scalar_one()
        )
    return found


def set_sequences(connection: Connection, wanted: dict[str, int]) -> None:
    """Let numbers of rows go on after those that were given."""
    if connection.dialect.name == "sqlite":
        for table, last in wanted.items():
            change = text("UPDATE sqlite_sequence SET seq = max(seq, :l) WHERE name = :n")
            if connection.execute(change, {"l": last, "n": table}).rowcount == 0 and last:
                has = connection.execute(
                    text("SELECT sql FROM sqlite_master WHERE name = :n"), {"n": table}
                ).scalar()
                if has and "AUTOINCREMENT" in str(has).upper():
                    connection.execute(
                        text("INSERT INTO sqlite_sequence (name, seq) VALUES (:n, :l)"),
                        {"l": last, "n": table},
                    )
        return
    for table, column in _serials(connection):
        name = _sequence_name(connection, table, column)
        most = connection.execute(
            text(f'SELECT coalesce(max("{column}"), 0) FROM "{table}"')
        ).scalar_one()
        last = max(int(most), wanted.get(table, 0))
        connection.execute(
            text("SELECT setval(CAST(:s AS regclass), :v, :c)"),
            {"s": name, "v": max(1, last), "c": last > 0},
        )


def _serials(connection: Connection) -> list[tuple[str, str]]:
    rows = connection.execute(
        text(
            "SELECT table_name, column_name FROM information_schema.columns "
            "WHERE table_schema = current_schema() AND (column_default LIKE 'nextval(%' "
            "OR is_identity = 'YES')"
        )
    ).all()
    return [(str(table), str(column)) for table, column in rows]


def _sequence_name(connection: Connection, table: str, column: str) -> str:
    found = connection.execute(
        text("SELECT pg_get_serial_sequence(:t, :c)"), {"t": f'"{table}"', "c": column}
    ).scalar_one()
    return str(found)


def _foreign(name: str) -> bool:
    return name == VERSION_TABLE or name.startswith("sqlite_")


def _kind(column: Any) -> type:
    try:
        kind = column.type.python_type
    except NotImplementedError:
        kind = str
    return kind if kind in _TYPES else str


def _cast(value: Any, kind: type) -> Any:
    if value is None or type(value) is kind:
        return value
    if kind is bytes:
        return bytes(value)
    return kind(value)
