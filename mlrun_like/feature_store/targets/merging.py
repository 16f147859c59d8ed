"""Merge by key: of the rows with one key the newest stays, among equals the last written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlrun_like.feature_store.targets.reading import dataset
from mlrun_like.feature_store.targets.state import Site, State

__all__ = ["kept", "kept_rows"]


def kept(
    site: Site, states: Sequence[tuple[State, Sequence[str]]], keys: Sequence[str], time: str
) -> list[Any]:
    """Which rows of each file stay: an array of booleans for each, or None: all of them.

    Args:
        site: Where the files are.
        states: Files in the order of writing, with the state that describes them.
        keys: The columns of the key.
        time: The column of the event time; empty: the last written row stays.
    """
    columns = [*keys, *([time] if time and time not in keys else [])]
    tables: list[pa.Table] = []
    for state, names in states:
        if not names:
            continue
        found = dataset(site, state, names)
        tables += [
            one.to_table(schema=found.schema, columns=columns) for one in found.get_fragments()
        ]
    if not tables:
        return []
    whole = pa.concat_tables(tables, promote_options="permissive")
    mask = kept_rows(whole, keys, time)
    ends = np.cumsum([table.num_rows for table in tables])
    pieces = np.split(mask, ends[:-1])
    return [None if piece.all() else piece for piece in pieces]


def kept_rows(table: pa.Table, keys: Sequence[str], time: str) -> Any:
    """Which rows stay, as an array of booleans.

    >>> rows = pa.table({"k": [1, 2, 1], "t": [5, 6, 4]})
    >>> kept_rows(rows, ["k"], "t").tolist(), kept_rows(rows, ["k"], "").tolist()
    ([True, True, False], [False, True, True])
    """
    rows = table.num_rows
    codes = np.zeros(rows, dtype=np.int64)
    for name in keys:
        found, values = pd.factorize(_series(table.column(name)), use_na_sentinel=False)
        codes, _ = pd.factorize(codes * max(1, len(values)) + found)
    order = [np.arange(rows), codes]
    if time:
        order.insert(1, _instants(table.column(time)))
    ranked = np.lexsort(order)
    last = np.ones(rows, dtype=bool)
    ordered = codes[ranked]
    last[:-1] = ordered[1:] != ordered[:-1]
    mask = np.zeros(rows, dtype=bool)
    mask[ranked[last]] = True
    return mask


def _series(column: pa.ChunkedArray) -> Any:
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.null_count and (pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)):
        return column.to_pandas(types_mapper=pd.ArrowDtype)
    return column.to_pandas()


def _instants(column: pa.ChunkedArray) -> Any:
    kind = column.type
    lowest = np.iinfo(np.int64).min
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        instants = column.cast(pa.timestamp("us"), safe=False) if pa.types.is_date(kind) else column
        # finer than the unit of any: a coarser one is a multiple
        return instants.cast(pa.int64()).fill_null(lowest).to_numpy()
    found, _ = pd.factorize(_series(column), sort=True)
    return found.astype(np.int64)  # a missing one is -1: oldest
