"""Rows as staged Parquet files: one that grows, or one for each folder."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.feature_store.targets.files import Files
from mlrun_like.feature_store.targets.layout import Part, Parts
from mlrun_like.feature_store.targets.partitions import Partitioning

__all__ = ["FolderParts", "ParquetFile", "ParquetParts"]

_ROWS = 131_072
_SAMPLE = 8_192
_UNIQUE = 0.95
_BYTES = 32 << 20
_HELD = 192 << 20
_SMALL = 4 << 20
"""Bytes of rows up to which a file is made in memory first."""
_MANY = 8
"""Files from which on threads write them."""


class ParquetFile:
    """A Parquet file that grows, one row group after the other.

    Args:
        files: Where.
        name: Its name.
        schema: Its columns.
        repeating: The columns with values that come again, which dictionaries make small; True:
            any may.
    """

    def __init__(
        self, files: Files, name: str, schema: pa.Schema, repeating: list[str] | bool = True
    ) -> None:
        self.name = name
        self.schema = schema
        self.rows = 0
        self._file: IO[bytes] = files.sink(name)
        try:
            self._writer = pq.ParquetWriter(self._file, schema, use_dictionary=repeating)
        except (pa.ArrowException, TypeError) as exc:
            self._file.close()
            raise InvalidArgumentError(f"Parquet cannot hold these columns: {exc!s:.300}") from exc

    def write(self, table: pa.Table) -> None:
        """Add rows of its schema.

        Raises:
            StoreUnavailableError: if there is no room, or the place cannot be reached.
        """
        try:
            self._writer.write_table(table)
        except pa.ArrowException as exc:
            raise InvalidArgumentError(f"Parquet cannot hold these rows: {exc!s:.300}") from exc
        except OSError as exc:
            raise StoreUnavailableError(f"rows cannot be written: {exc}", where=self.name) from exc
        self.rows += table.num_rows

    def close(self) -> None:
        """Write the end of the file."""
        try:
            self._writer.close()
        except OSError as exc:
            raise StoreUnavailableError(f"rows cannot be written: {exc}", where=self.name) from exc
        finally:
            self._file.close()


def _repeating(table: pa.Table) -> list[str] | bool:
    """The columns with values that come again; True: all, where Parquet names columns by paths."""
    if any(pa.types.is_nested(one.type) for one in table.schema):
        return True
    found = []
    for place, one in enumerate(table.schema):
        values = table[place].slice(0, _SAMPLE)
        known = pa.types.is_dictionary(one.type) or pa.types.is_null(one.type)
        if known or pc.count_distinct(values).as_py() <= _UNIQUE * len(values):
            found.append(one.name)
    return found


class ParquetParts(Parts):
    """One file, and a further one when columns change.

    Args:
        files: Where.
        folder: What the names of staged files start with.
    """

    def __init__(self, files: Files, folder: str) -> None:
        self._files, self._folder = files, folder
        self._open: ParquetFile | None = None
        self._held: list[pa.Table] = []
        self._held_rows = self._held_bytes = self._count = 0
        self._parts: list[Part] = []

    def add(self, table: pa.Table) -> None:
        if self._held and not self._held[0].schema.equals(table.schema):
            self._flush()
        self._held.append(table)
        self._held_rows += table.num_rows
        self._held_bytes += table.nbytes
        if self._held_rows >= _ROWS or self._held_bytes >= _BYTES:
            self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        table = self._held[0] if len(self._held) == 1 else pa.concat_tables(self._held)
        self._held, self._held_rows, self._held_bytes = [], 0, 0
        if self._open is not None and not table.schema.equals(self._open.schema):
            self._close()
        if self._open is None:
            self._count += 1
            name = f"{self._folder}-{self._count:04d}.staged"
            self._open = ParquetFile(self._files, name, table.schema, _repeating(table))
        self._open.write(table)

    def _close(self) -> None:
        one, self._open = self._open, None
        if one is not None:
            one.close()
            self._parts.append([one.name, "", one.rows])

    def end(self) -> list[Part]:
        self._flush()
        self._close()
        parts, self._parts = self._parts, []
        return parts

    def drop(self) -> None:
        self._held = []
        if self._open is not None:
            self._open.close()
            self._open = None


class FolderParts(Parts):
    """Files by folder: rows are held until a commit, or until they are many.

    Args:
        files: Where.
        folder: What the names of staged files start with.
        partitioning: Which folder a row belongs to.
    """

    def __init__(self, files: Files, folder: str, partitioning: Partitioning) -> None:
        self._files, self._folder, self._partitioning = files, folder, partitioning
        self._schema: pa.Schema = pa.schema([])
        self._repeating: list[str] | bool = True
        self._held: dict[str, list[pa.Table]] = {}
        self._bytes = self._count = 0
        self._parts: list[Part] = []

    def add(self, table: pa.Table) -> None:
        names = table.drop_columns(list(self._partitioning.columns)).schema
        if not names.equals(self._schema):
            self._schema = names
            self._repeating = _repeating(table)
        for folder, rows in self._partitioning.split(table):
            self._held.setdefault(folder, []).append(rows)
        self._bytes += table.nbytes
        if self._bytes >= _HELD:
            self._flush()

    def _flush(self) -> None:
        held, self._held, self._bytes = self._held, {}, 0
        work = []
        for folder, tables in held.items():
            for table in _same(tables):
                self._count += 1
                work.append((f"{self._folder}-{self._count:06d}.staged", folder, table))
        if len(work) < _MANY:
            self._parts += map(self._whole, work)
            return
        with ThreadPoolExecutor(pa.cpu_count()) as pool:
            self._parts += pool.map(self._whole, work)

    def _whole(self, one: tuple[str, str, pa.Table]) -> Part:
        """One staged file: made in memory, as a small file is written fastest in one go."""
        name, folder, table = one
        if table.nbytes > _SMALL:
            file = ParquetFile(self._files, name, table.schema, self._repeating)
            try:
                file.write(table)
            finally:
                file.close()
        else:
            made = pa.BufferOutputStream()
            try:
                pq.write_table(table, made, use_dictionary=self._repeating)
            except (pa.ArrowException, TypeError) as exc:
                raise InvalidArgumentError(
                    f"Parquet cannot hold these columns: {exc!s:.300}"
                ) from exc
            try:
                with self._files.sink(name) as sink:
                    sink.write(made.getvalue())
            except OSError as exc:
                raise StoreUnavailableError(f"rows cannot be written: {exc}", where=name) from exc
        return [name, folder, table.num_rows]

    def end(self) -> list[Part]:
        self._flush()
        parts, self._parts = self._parts, []
        return parts

    def drop(self) -> None:
        self._held = {}


def _same(tables: list[pa.Table]) -> list[pa.Table]:
    groups: list[list[pa.Table]] = []
    for table in tables:
        if groups and groups[-1][0].schema.equals(table.schema):
            groups[-1].append(table)
        else:
            groups.append([table])
    return [pa.concat_tables(group) for group in groups]
