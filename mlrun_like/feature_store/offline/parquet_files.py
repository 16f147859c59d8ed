"""The Parquet files of a set: opened once where possible, and never mixed with their successors."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from mlrun_like.errors import ConflictError, IntegrityError
from mlrun_like.feature_store.offline.parquet_shape import path_values

__all__ = ["Opening", "StoredFile"]


@dataclass(frozen=True)
class StoredFile:
    """What is known of a file.

    Args:
        path: Where it is on this machine, or as it was given.
        source: What opens it: the path, or its name below the folder.
        meta: Its `pyarrow.parquet.FileMetaData`.
        leaves: Which stored columns make up each column.
        schema: Its columns.
        rows: How many each row group has.
        constants: Columns that are in the path: `city=Rome/`.
        reader: The open `pyarrow.parquet.ParquetFile`; None: it is opened when it is read.
        identity: What tells whether it is still the same file then.
    """

    path: str
    source: str
    meta: Any
    leaves: dict[str, list[int]]
    schema: pa.Schema
    rows: list[int]
    constants: dict[str, str]
    reader: Any = None
    identity: tuple[int, ...] = ()


class Opening:
    """Opens the files of one set.

    Args:
        where: The set, for messages.
        folder: Where on this machine the paths are; None: as they stand.
        opener: Opens a path for reading; None: files of this machine.
    """

    def __init__(
        self, where: str, folder: Path | None, opener: Callable[[str], BinaryIO] | None
    ) -> None:
        self._where, self._opener = where, opener
        self._folder = "" if folder is None else str(folder)
        self._shapes: list[tuple[pa.Schema, dict[str, list[int]]]] = []

    def open(self, path: str, *, keep: bool) -> StoredFile:
        """Read what a file says of itself.

        Args:
            path: The file.
            keep: Whether it stays open.

        Raises:
            FileNotFoundError: if it is not there.
            IntegrityError: if it is no Parquet file.
        """
        whole = os.path.join(self._folder, path) if self._folder else path
        # taken first: a file that is replaced now is noticed when it is read
        identity = () if keep else _identity(whole)
        reader = self._reader(path, whole)
        meta = reader.metadata
        rows = [meta.row_group(number).num_rows for number in range(meta.num_row_groups)]
        schema, leaves = self._shape(reader.schema_arrow.remove_metadata(), meta)
        if not keep:
            reader.close(force=True)
            reader = None
        return StoredFile(
            whole, path, meta, leaves, schema, rows, path_values(path), reader, identity
        )

    def again(self, file: StoredFile) -> Any:
        """Open a file that was not kept open.

        Raises:
            ConflictError: if another process put other rows in its place since.
        """
        reader = None
        with contextlib.suppress(FileNotFoundError):
            reader = self._reader(file.source, file.path, file.meta)
            if _identity(file.path) == file.identity:
                return reader
        if reader is not None:
            reader.close(force=True)
        raise ConflictError(
            f"{file.path!r:.200} was replaced while the set was read",
            where=self._where,
            fix="read again; more open files (ulimit -n) let readers go on while others write",
        )

    def _reader(self, path: str, whole: str, meta: Any = None) -> Any:
        try:
            source: Any = pa.OSFile(whole, "rb") if self._opener is None else self._opener(path)
            return pq.ParquetFile(source, metadata=meta)
        except FileNotFoundError:
            raise
        except (pa.ArrowInvalid, OSError) as exc:
            raise IntegrityError(
                f"{path!r:.200} is no Parquet file: {exc!s:.200}",
                where=self._where,
                fix="ingest the feature set again with overwrite=True",
            ) from exc

    def _shape(self, schema: pa.Schema, meta: Any) -> tuple[pa.Schema, dict[str, list[int]]]:
        """The schema and its stored columns: one object for all files that are alike."""
        for known in self._shapes[-4:]:
            if known[0].equals(schema):
                return known
        leaves: dict[str, list[int]] = {}
        for index in range(meta.num_columns):
            path = meta.schema.column(index).path
            # a name may hold dots: the path does not say where its first part ends
            name = path if path in schema.names else _first(path, schema.names)
            leaves.setdefault(name, []).append(index)
        self._shapes.append((schema, leaves))
        return schema, leaves


def _first(path: str, names: Sequence[str]) -> str:
    """The column that a stored column is a part of."""
    return next((name for name in names if path.startswith(f"{name}.")), path)


def _identity(path: str) -> tuple[int, ...]:
    found = os.stat(path)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
