"""Data sets as columns: frames, Arrow tables, mappings, Parquet files.

Of a Parquet file one column is in memory at a time (in each thread), whatever the file's size.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlrun_like.errors import InvalidArgumentError, MissingFileError
from mlrun_like.statistics.column_profile import DataProfile
from mlrun_like.statistics.columns import plain, unique_names
from mlrun_like.statistics.sketches import FeatureSketches

__all__ = ["Source", "source_of"]


class Source:
    """A data set by columns.

    Args:
        names: Its columns; of equal names the later ones have `.1`, `.2`.
        rows: How many rows it has.
    """

    def __init__(self, names: Sequence[Any], rows: int) -> None:
        self.names = unique_names(names)
        self.rows = rows
        self.places = {name: at for at, name in enumerate(self.names)}

    owned = False
    """Whether nobody else has the arrays of `column`: they may be sorted in place."""

    def column(self, name: str) -> Any:
        """A column's values; see `columns.plain`."""
        raise NotImplementedError


class _FrameSource(Source):
    def __init__(self, frame: pd.DataFrame) -> None:
        super().__init__(list(frame.columns), len(frame))
        self._frame = frame

    def column(self, name: str) -> Any:
        return plain(self._frame.iloc[:, self.places[name]])


class _ArrowSource(Source):
    def __init__(self, table: Any) -> None:
        super().__init__(table.schema.names, table.num_rows)
        self._table = table

    def column(self, name: str) -> Any:
        return plain(self._table.column(self.places[name]))


class _MappingSource(Source):
    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__(list(data), max((len(values) for values in data.values()), default=0))
        self._columns = list(data.values())

    def column(self, name: str) -> Any:
        return plain(self._columns[self.places[name]])


class _ParquetSource(Source):
    owned = True

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = [(path, _metadata(path)) for path in paths]
        schemas = [found.schema.to_arrow_schema() for _, found in self._files]
        for path, schema in zip(paths, schemas, strict=True):
            if schema.names != schemas[0].names:
                raise InvalidArgumentError(
                    f"{str(path)!r} has other columns than {str(paths[0])!r}\n"
                    "fix: give files with the same columns in the same order"
                )
        self._schema = schemas[0]
        super().__init__(self._schema.names, sum(found.num_rows for _, found in self._files))

    def column(self, name: str) -> Any:
        at = self.places[name]
        parts: list[Any] = []
        # numbers go straight to their place: a column is in memory once
        is_float = pa.types.is_floating(self._schema.types[at])
        whole = np.empty(self.rows) if is_float else None
        filled = 0
        for path, found in self._files:
            # a reader of its own: one that is shared is not safe in threads
            with pq.ParquetFile(path, metadata=found, pre_buffer=False) as file:
                for group in range(file.num_row_groups):
                    table = file.read_row_group(group, [self._schema.names[at]], use_threads=False)
                    if whole is None:
                        parts.append(table.column(0))
                        continue
                    for chunk in table.column(0).chunks:
                        whole[filled : filled + len(chunk)] = plain(chunk)
                        filled += len(chunk)
        if whole is not None:
            return whole
        chunks = [chunk for part in parts for chunk in part.chunks]
        return plain(pa.chunked_array(chunks, type=parts[0].type) if parts else pa.array([]))


def _metadata(path: Path) -> Any:
    try:
        return pq.read_metadata(path)
    except FileNotFoundError as exc:
        raise MissingFileError(
            f"there is no file {str(path)!r}\nfix: give the path of a Parquet file"
        ) from exc
    except (OSError, pa.ArrowInvalid) as exc:
        raise InvalidArgumentError(
            f"{str(path)!r} cannot be read as Parquet: {exc}\nfix: give a Parquet file"
        ) from exc


def source_of(data: Any) -> Source | DataProfile:
    """A data set to compare.

    Args:
        data: A DataFrame, an Arrow table, a mapping of columns, a path (or several, or a folder) of
            Parquet files, a `DataProfile`, `FeatureSketches`, or `feature_stats`: a mapping of
            mappings.

    Raises:
        InvalidArgumentError: if it is nothing of these.
        MissingFileError: if there is no such file.
    """
    if isinstance(data, (DataProfile, Source)):
        return data
    if isinstance(data, FeatureSketches):
        return data.profile()
    if isinstance(data, pd.DataFrame):
        return _FrameSource(data)
    if isinstance(data, (pa.Table, pa.RecordBatch)):
        return _ArrowSource(data)
    if isinstance(data, Mapping):
        if data and all(isinstance(known, Mapping) for known in data.values()):
            return DataProfile.from_stats(data)
        return _MappingSource(data)
    if isinstance(data, (str, os.PathLike)):
        path = Path(data)
        files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    elif isinstance(data, (list, tuple)) and all(isinstance(p, (str, os.PathLike)) for p in data):
        files = [Path(path) for path in data]
    else:
        raise InvalidArgumentError(
            f"a data set cannot be read from {type(data).__name__}\n"
            "fix: give a DataFrame, an Arrow table, a path of a Parquet file, or a profile"
        )
    if not files:
        raise InvalidArgumentError(f"no Parquet file in {data!r}\nfix: give paths of files")
    return _ParquetSource(files)
