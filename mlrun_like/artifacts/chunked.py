"""Tables that do not fit into memory: a file or folder as chunks of rows or a lazy data set.

Loads pandas and pyarrow; imported on first use.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.dataset as pads

from mlrun_like.artifacts.formats import table_format
from mlrun_like.artifacts.ports import Item
from mlrun_like.errors import InvalidArgumentError

__all__ = ["ROWS", "frames_of", "lazy_dataset", "record_batches"]

ROWS = 50_000
"""Rows of a chunk."""

_LAZY = {"parquet": "parquet", "csv": "csv", "tsv": "csv", "feather": "feather", "jsonl": "json"}
_UNREADABLE = (pa.ArrowException, OSError, ValueError, TypeError)


def lazy_dataset(item: Item) -> Any:
    """The file or folder as a `pyarrow.dataset.Dataset`; folders `name=value` are columns.

    A remote one is copied to a temporary file first.

    Raises:
        InvalidArgumentError: if it is empty, of another format, or broken.
    """
    path = item.local()
    form = _form(item, path)
    if form not in _LAZY:
        raise InvalidArgumentError(
            f"a table in {form} cannot be read in chunks", fix=f"use one of: {', '.join(_LAZY)}"
        )
    kind: Any = _LAZY[form]
    if form == "tsv":
        options = pcsv.ParseOptions(delimiter="\t")
        kind = pads.CsvFileFormat(parse_options=options)
    elif form == "parquet":
        # by default all that is to come of the file is read ahead, and kept
        reading = pads.ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True)
        kind = pads.ParquetFileFormat(default_fragment_scan_options=reading)
    try:
        return pads.dataset(path, format=kind, partitioning="hive", ignore_prefixes=[".", "_"])
    except _UNREADABLE as exc:
        raise _broken(item, exc) from exc


def _form(item: Item, path: str) -> str:
    if not os.path.isdir(path):
        return table_format(path if Path(path).suffix else str(item.url), "")
    files = sorted(
        inner for inner in Path(path).rglob("*") if inner.is_file() and inner.name[0] not in "._"
    )
    forms = {table_format(str(inner), "") for inner in files}
    if len(forms) != 1:
        raise InvalidArgumentError(
            f"the folder mixes formats: {', '.join(sorted(forms))}"
            if forms
            else "the folder holds no data files",
            where=str(item.url),
        )
    return forms.pop()


def record_batches(item: Item, rows: int = ROWS) -> Any:
    """The rows as a `pyarrow.RecordBatchReader`; few batches are in memory at a time."""
    dataset = lazy_dataset(item)
    return pa.RecordBatchReader.from_batches(dataset.schema, _batches(item, dataset, rows))


def _batches(item: Item, dataset: Any, rows: int) -> Iterator[Any]:
    try:
        # reading ahead is what would fill the memory
        yield from dataset.to_batches(
            batch_size=rows, batch_readahead=1, fragment_readahead=1, use_threads=False
        )
    except _UNREADABLE as exc:
        raise _broken(item, exc) from exc


def frames_of(item: Item, rows: int = ROWS) -> Iterator[pd.DataFrame]:
    """The rows as pandas frames of at most so many rows, with a running index.

    Raises:
        InvalidArgumentError: if the table is of a format that cannot be read in chunks, or broken.
    """
    path = item.local()
    form = _form(item, path)
    if form in ("csv", "tsv", "jsonl") and not os.path.isdir(path):
        yield from _text_frames(item, path, form, rows)
        return
    start = 0
    dataset = lazy_dataset(item)
    for batch in _batches(item, dataset, rows):
        if batch.num_rows:
            frame = batch.to_pandas()
            frame.index = pd.RangeIndex(start, start + len(frame))
            start += len(frame)
            yield frame


def _text_frames(item: Item, path: str, form: str, rows: int) -> Iterator[pd.DataFrame]:
    try:
        if form == "jsonl":
            reader: Any = pd.read_json(path, lines=True, chunksize=rows)
        else:
            reader = pd.read_csv(path, sep="," if form == "csv" else "\t", chunksize=rows)
        with reader:
            yield from reader
    except (*_UNREADABLE, json.JSONDecodeError) as exc:
        raise _broken(item, exc) from exc


def _broken(item: Item, exc: Exception) -> InvalidArgumentError:
    reason = " ".join(str(exc).split())[:300] or type(exc).__name__
    return InvalidArgumentError(
        f"the table cannot be read in chunks: {reason}", where=str(item.url)
    )
