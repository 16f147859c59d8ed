"""Data sets as chunks of rows: frames of pandas, Dask and Spark, files, folders, lists."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.artifacts.chunked import frames_of
from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.formats import is_dask_frame, is_spark_frame, table_format
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.batch.sources import open_source
from mlrun_like.tracking.base import Store

__all__ = ["chunks_of", "without"]


def chunks_of(
    source: Any, rows: int, names: Sequence[str] = (), *, store: Store | None = None
) -> Iterator[pd.DataFrame]:
    """The rows of a data set, at most `rows` at a time.

    Args:
        source: A DataFrame of pandas, Dask or Spark, a DataItem, a path or URL, a list of rows or
            of dictionaries, a dictionary of columns, an array.
        rows: Rows of a chunk.
        names: The columns of lists and arrays, which have no names of their own.
        store: Where `store://` URIs are looked up; None: the configured one.

    Raises:
        InvalidArgumentError: if it is no data set.
    """
    if isinstance(source, str):
        source = get_dataitem(source, store=store)
    if isinstance(source, DataItem):
        yield from _of_item(source, rows)
    elif isinstance(source, pd.DataFrame):
        yield from _sliced(source, rows)
    elif is_dask_frame(source):
        for number in range(source.npartitions):
            yield from _sliced(source.get_partition(number).compute(), rows)
    elif is_spark_frame(source):
        found = source.toLocalIterator()
        while part := list(itertools.islice(found, rows)):
            yield pd.DataFrame([row.asDict() for row in part], columns=source.columns)
    elif isinstance(source, (list, dict, np.ndarray, pd.Series)):
        yield from _sliced(_small(source, names), rows)
    else:
        raise InvalidArgumentError(
            f"a {type(source).__name__} is no data set",
            fix="give a DataFrame, a URL or path, a list of rows, or an array",
        )


def _of_item(item: DataItem, rows: int) -> Iterator[pd.DataFrame]:
    path = item.local()
    if not item.isdir() and table_format(path, "") == "csv" and path.endswith(".csv"):
        # all rows decide what a column is: chunks must not have types of their own
        for chunk in open_source(path).chunks(rows):
            if chunk.table is not None:
                yield chunk.table.to_pandas()
        return
    yield from frames_of(item, rows)


def _sliced(frame: pd.DataFrame, rows: int) -> Iterator[pd.DataFrame]:
    for start in range(0, len(frame), rows):
        yield frame.iloc[start : start + rows]


def _small(source: Any, names: Sequence[str]) -> pd.DataFrame:
    if isinstance(source, pd.Series):
        return source.to_frame()
    try:
        nameless = isinstance(source, np.ndarray) or (
            isinstance(source, list) and bool(source) and not isinstance(source[0], dict)
        )
        return pd.DataFrame(source, columns=list(names) if nameless and names else None)
    except ValueError as exc:
        raise InvalidArgumentError(
            f"the data set is no table: {exc}", fix="rows of one length, and a name for each column"
        ) from exc


def without(frame: pd.DataFrame, columns: Any) -> pd.DataFrame:
    """The frame without some columns, by name or by number.

    Raises:
        InvalidArgumentError: if one is not there.
    """
    wanted = [columns] if isinstance(columns, (str, int)) else list(columns or ())
    names: list[Any] = []
    for one in wanted:
        if isinstance(one, int) and one not in frame.columns and 0 <= one < frame.shape[1]:
            names.append(frame.columns[one])
        elif one in frame.columns:
            names.append(one)
        else:
            raise InvalidArgumentError(
                f"drop_columns names {one!r}, which the data set has not",
                fix=f"columns: {', '.join(map(str, list(frame.columns)[:20]))}",
            )
    return frame.drop(columns=names) if names else frame
