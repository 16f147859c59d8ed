"""Rows in Parquet files: only the row groups and columns that a join needs are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from mlrun_like.errors import InvalidTypeError
from mlrun_like.feature_store.offline.handles import take_handles
from mlrun_like.feature_store.offline.parquet_files import Opening
from mlrun_like.feature_store.offline.parquet_shape import shaped
from mlrun_like.feature_store.offline.tables import RowFilter, SetTable, gather
from mlrun_like.feature_store.offline.times import instant

__all__ = ["ParquetTable"]

_Numbers = np.ndarray[Any, Any]
_BATCH = 256 << 20
"""Bytes of columns that are in memory at once while rows are taken from them."""
_SMALL = 200_000
"""Values up to which handing them to threads costs more than it saves."""
_MANY = 16
"""Files from which on each is read by one thread."""


class ParquetTable(SetTable):
    """Rows of a set in Parquet files, in the order of the files.

    Columns that older files do not have are null there; types that differ between files widen.

    Args:
        name: The feature set.
        paths: The files, in the order in which they were written.
        rows: Which rows count.
        opener: Opens a path for reading; None: files of this machine.
        schema: Types of the columns, as far as they are known; None: those of the files.
        folder: Where on this machine the paths are; None: as they stand.
    """

    def __init__(
        self,
        name: str,
        paths: Sequence[str],
        rows: RowFilter | None = None,
        *,
        opener: Callable[[str], BinaryIO] | None = None,
        schema: pa.Schema | None = None,
        folder: Path | None = None,
    ) -> None:
        super().__init__(name, rows)
        self._known = schema
        self._local = opener is None or folder is not None
        self._opening = Opening(self.where, folder, None if self._local else opener)
        kept = take_handles(self, len(paths)) if self._local else len(paths)
        self._files = [
            self._opening.open(path, keep=number < kept) for number, path in enumerate(paths)
        ]
        self._schema = self._unified()
        self._groups = [
            (number, group)
            for number, file in enumerate(self._files)
            for group in range(len(file.rows))
        ]

    def _unified(self) -> pa.Schema:
        schemas: list[pa.Schema] = []
        seen: set[tuple[int, tuple[str, ...]]] = set()
        for file in self._files:
            mark = (id(file.leaves), tuple(file.constants))
            if mark in seen:
                continue
            seen.add(mark)
            schema = file.schema
            for column in file.constants:
                if column not in schema.names:
                    schema = schema.append(pa.field(column, pa.string()))
            schemas.append(schema)
        if self._known is not None:
            # Columns of folders have no type in files: the target knows it.
            known = self._known.remove_metadata()
            apart = [pa.schema([f for f in s if f.name not in known.names]) for s in schemas]
            schemas = [known, *(one for one in apart if len(one))]
        if not schemas:
            return pa.schema([])
        try:
            return pa.unify_schemas(schemas, promote_options="permissive")
        except (pa.ArrowTypeError, pa.ArrowInvalid) as exc:
            raise InvalidTypeError(
                f"its files disagree about types: {exc}",
                where=self.where,
                fix="ingest it again with overwrite=True",
            ) from exc

    def schema(self) -> pa.Schema:
        return self._schema

    def files(self) -> list[str] | None:
        return [file.path for file in self._files] if self._local else None

    def constants(self) -> list[str]:
        stored = {name for file in self._files for name in file.schema.names}
        return sorted({name for file in self._files for name in file.constants} - stored)

    def file_rows(self) -> list[int]:
        return [sum(file.rows) for file in self._files]

    def size(self, columns: Sequence[str]) -> int:
        total = 0
        for number, group in self._groups:
            file = self._files[number]
            meta = file.meta.row_group(group)
            for column in columns:
                for index in file.leaves.get(column, ()):
                    # Dictionaries make stored columns smaller than they are in memory.
                    stored = meta.column(index).total_uncompressed_size
                    total += max(stored, 8 * file.rows[group])
        return total

    def narrow(self, column: str, low: int | None, high: int | None) -> None:
        kept = []
        for number, group in self._groups:
            first, last = self._limits(number, group, column)
            if high is not None and first is not None and first > high:
                continue
            if low is not None and last is not None and last < low:
                continue
            kept.append((number, group))
        self._groups = kept

    def _limits(self, number: int, group: int, column: str) -> tuple[int | None, int | None]:
        file = self._files[number]
        leaves = file.leaves.get(column, ())
        if len(leaves) == 1 and pa.types.is_timestamp(self._schema.field(column).type):
            found = file.meta.row_group(group).column(leaves[0]).statistics
            if found is not None and found.has_min_max:
                return instant(found.min, name=column), instant(found.max, name=column)
        return None, None

    def keys(self, columns: Sequence[str]) -> pa.Table:
        if self.filter.timed:
            self.require([self.filter.column])
            self.narrow(self.filter.column, self.filter.start, self.filter.end)
        return super().keys(columns)

    def _load(self, columns: Sequence[str]) -> pa.Table:
        return self._read(columns, self._groups)

    def _read(self, columns: Sequence[str], groups: Sequence[tuple[int, int]]) -> pa.Table:
        schema = pa.schema([self._schema.field(column) for column in columns])
        wanted: dict[int, list[int]] = {}
        for number, group in groups:
            wanted.setdefault(number, []).append(group)
        work = list(wanted.items())
        if len(work) < _MANY:
            parts = [self._part(columns, schema, *one, threads=True) for one in work]
        else:  # small files: a thread reads one after the other
            step = -(-len(work) // (4 * pa.cpu_count()))
            tasks = [work[start : start + step] for start in range(0, len(work), step)]

            def several(some: list[tuple[int, list[int]]]) -> list[pa.Table]:
                return [self._part(columns, schema, *one) for one in some]

            with ThreadPoolExecutor(pa.cpu_count()) as pool:
                parts = [part for found in pool.map(several, tasks) for part in found]
        return pa.concat_tables(parts) if parts else schema.empty_table()

    def _part(
        self,
        columns: Sequence[str],
        schema: pa.Schema,
        number: int,
        chosen: list[int],
        *,
        threads: bool = False,
    ) -> pa.Table:
        file = self._files[number]
        found = [column for column in columns if column in file.schema.names]
        rows = sum(file.rows[group] for group in chosen)
        reader = file.reader or self._opening.again(file)
        try:
            part = reader.read_row_groups(
                chosen, columns=found, use_threads=threads and rows * len(found) > _SMALL
            )
        finally:
            if file.reader is None:
                reader.close(force=True)
        return shaped(part, schema, rows, file.constants)

    def _values(self, columns: Sequence[str], rows: _Numbers) -> list[pa.ChunkedArray]:
        groups, rows = self._hit(rows)
        if not groups or not len(rows):
            return [
                pa.chunked_array([pa.nulls(len(rows), self._schema.field(one).type)])
                for one in columns
            ]
        counts = [self._files[number].rows[group] for number, group in groups]
        width = max(8.0, self.size(columns) / max(1, len(columns)) / max(1, sum(self.file_rows())))
        found: list[pa.ChunkedArray] = []
        step = max(2, int(_BATCH / max(1.0, width * sum(counts))))
        for start in range(0, len(columns), step):
            part = columns[start : start + step]
            if width * sum(counts) * len(part) <= 2 * _BATCH:
                table = self._read(part, groups)
                found += gather([table[column] for column in part], rows)
            else:
                found += self._piecewise(
                    part, groups, counts, rows, int(_BATCH / width / len(part))
                )
        return found

    def _piecewise(
        self,
        columns: Sequence[str],
        groups: Sequence[tuple[int, int]],
        counts: Sequence[int],
        rows: _Numbers,
        limit: int,
    ) -> list[pa.ChunkedArray]:
        """Values of rows, a few row groups in memory at a time."""
        pieces: list[list[pa.ChunkedArray]] = []
        places: list[_Numbers] = []
        first = number = 0
        while number < len(groups):
            last, size = number + 1, counts[number]
            while last < len(groups) and size + counts[last] <= limit:
                size += counts[last]
                last += 1
            here = np.flatnonzero((rows >= first) & (rows < first + size))
            if len(here):
                table = self._read(columns, groups[number:last])
                pieces.append(gather([table[column] for column in columns], rows[here] - first))
                places.append(here)
            first, number = first + size, last
        back = np.full(len(rows), -1)
        if places:
            order = np.concatenate(places)
            back[order] = np.arange(len(order))
        empty = [pa.chunked_array([], self._schema.field(column).type) for column in columns]
        whole = [
            pa.chunked_array([chunk for piece in pieces for chunk in piece[i].chunks], one.type)
            for i, one in enumerate(empty)
        ]
        return gather(whole, back)

    def _hit(self, rows: _Numbers) -> tuple[list[tuple[int, int]], _Numbers]:
        """The row groups that hold these rows, and the positions of the rows in them alone."""
        if len(self._groups) <= 1:
            return self._groups, rows
        sizes = np.array([self._files[number].rows[group] for number, group in self._groups])
        ends = np.cumsum(sizes)
        group = ends.searchsorted(rows, side="right")
        used = np.zeros(len(sizes) + 1, bool)
        used[group[rows >= 0]] = True
        if used[:-1].all():
            return self._groups, rows
        skipped = np.concatenate([[0], np.cumsum(np.where(used[:-1], 0, sizes))])
        moved = np.where(rows < 0, -1, rows - skipped[group])
        return [one for one, hit in zip(self._groups, used, strict=False) if hit], moved
