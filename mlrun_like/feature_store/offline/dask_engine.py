"""The engine "dask": entity rows in partitions, each joined by a task of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlrun_like import registry
from mlrun_like.feature_store.offline.finishing import sort_columns
from mlrun_like.feature_store.offline.frames import pandas_frame
from mlrun_like.feature_store.offline.pandas_engine import join_frames
from mlrun_like.feature_store.offline.parquet_table import ParquetTable
from mlrun_like.feature_store.offline.plan import Join, JoinPlan
from mlrun_like.feature_store.offline.tables import FrameTable, RowFilter, SetTable

__all__ = ["DaskTable", "run_dask"]

_ROWS = 1_000_000
"""Entity rows of one partition, unless the caller says how many partitions there are."""


def run_dask(
    plan: JoinPlan,
    *,
    dask_client: Any = None,
    dask_cluster_uri: str | None = None,
    npartitions: int | None = None,
) -> DaskTable:
    """Join with Dask: the rows so far are split, each set is read once and sent to their tasks.

    Args:
        plan: What is joined.
        dask_client: The cluster's client; None: Dask's current scheduler.
        dask_cluster_uri: A function of kind dask whose cluster is used instead.
        npartitions: Partitions of the entity rows; None: one per million rows.

    Raises:
        MissingDependencyError: without the package dask.
    """
    dask = registry.require("dask", feature="the join engine 'dask'", extra="dask")
    frames = registry.require("dask.dataframe", feature="the join engine 'dask'", extra="dask")
    if dask_client is None and dask_cluster_uri:
        load = registry.resolve("mlrun_like.functions.creators:import_function")
        dask_client = load(dask_cluster_uri).client
    join = dask.delayed(join_frames)
    rows = _first(plan)
    count = npartitions or max(1, -(-len(rows) // _ROWS))
    edges = np.linspace(0, len(rows), count + 1).astype(int)
    parts = [
        dask.delayed(rows.iloc[start:end].reset_index(drop=True)) for start, end in pairwise(edges)
    ]
    meta = rows.iloc[:0]
    for one in plan.joins:
        light = replace(one, table=FrameTable(one.table.name, one.table.schema().empty_table()))
        stored = _stored(dask, one)
        if one.how in ("right", "outer"):  # rows without partners are seen in all rows only
            parts = [dask.delayed(_together)(parts)]
        parts = [join(part, stored, light) for part in parts]
        empty = light.table.keys(one.read())
        meta = join_frames(meta, empty, light)
    return DaskTable(frames.from_delayed(parts, meta=meta, verify_meta=False), dask_client)


def _first(plan: JoinPlan) -> pd.DataFrame:
    if plan.rows is not None:
        return plan.rows
    assert plan.first is not None
    whole = plan.first.keys(list(plan.columns))
    return pandas_frame({new: whole[old] for old, new in plan.columns.items()}, whole.num_rows)


def _together(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True)


def _stored(dask: Any, join: Join) -> Any:
    table: SetTable = join.table
    files = table.files()
    if files is None:
        return dask.delayed(table.keys(join.read()))
    return dask.delayed(_read)(table.name, files, table.filter, table.schema(), join.read())


def _read(
    name: str, files: Sequence[str], rows: RowFilter, schema: pa.Schema, columns: Sequence[str]
) -> pa.Table:
    return ParquetTable(name, files, rows, schema=schema).keys(columns)


class DaskTable:
    """A joined table that Dask computes when it is asked for.

    Args:
        native: The Dask frame.
        client: The cluster's client; None: Dask's current scheduler.
    """

    def __init__(self, native: Any, client: Any = None) -> None:
        self.native = native
        self._client = client

    @property
    def columns(self) -> list[str]:
        return list(self.native.columns)

    def finished(self, names: Mapping[str, str], request: Any, *, label: str = "") -> DaskTable:
        """As `finishing.finished`, computed later."""
        kept = {old: new for old, new in names.items() if new not in set(request.drop)}
        found = self.native[list(kept)].rename(columns=kept)
        if label and label in kept.values():
            found = found.dropna(subset=[label])
        if request.query:
            found = found.query(request.query)
        if request.order:
            found = found.sort_values(sort_columns(list(found.columns), request.order, None))
        return DaskTable(found, self._client)

    def to_pandas(self) -> pd.DataFrame:
        """Compute it."""
        if self._client is not None:
            found: pd.DataFrame = self._client.compute(self.native).result()
        else:
            found = self.native.compute()
        return found.reset_index(drop=True)
