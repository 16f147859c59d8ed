"""Joins, random and fixed, and the same joins done row by row in plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mlrun_like.feature_store.offline.duckdb_engine import run_duckdb
from mlrun_like.feature_store.offline.local_engine import run_local
from mlrun_like.feature_store.offline.pandas_engine import run_pandas
from mlrun_like.feature_store.offline.parquet_table import ParquetTable
from mlrun_like.feature_store.offline.plan import Join, JoinPlan
from mlrun_like.feature_store.offline.tables import FrameTable, SetTable

__all__ = ["ENGINES", "asof", "naive", "plain", "same", "stored"]

ENGINES: dict[str, Callable[[JoinPlan], pd.DataFrame]] = {
    "local": run_local,
    "duckdb": run_duckdb,
    "pandas": run_pandas,
}
Row = Mapping[str, Any]


def stored(name: str, table: pa.Table, folder: Path | None, files: int = 1) -> SetTable:
    """A table in memory, or in Parquet files with small row groups."""
    if folder is None:
        return FrameTable(name, table)
    paths = []
    step = max(1, -(-table.num_rows // files))
    for number in range(files):
        path = folder / f"{name}-{number}.parquet"
        pq.write_table(table.slice(number * step, step), path, row_group_size=3)
        paths.append(str(path))
    return ParquetTable(name, paths)


def asof(
    rows: pd.DataFrame, table: SetTable, *, ttl: int | None = None, keys: Sequence[str] = ("k",)
) -> JoinPlan:
    names = tuple(keys)
    features = [name for name in table.schema().names if name not in (*names, "t")]
    how: Any = "asof" if "t" in rows.columns else "newest"
    join = Join(table, how, names, names, {one: one for one in features}, "t", "t", ttl)
    return JoinPlan(rows, joins=(join,))


def plain(value: Any) -> Any:
    """A value as plain Python; all that is missing is None."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    if hasattr(value, "item"):
        value = value.item()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _micros(value: Any) -> int | None:
    if plain(value) is None:
        return None
    if isinstance(value, int):
        return value
    stamp = pd.Timestamp(value)
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
    return int(stamp.as_unit("us").asm8.astype("int64"))


def naive(
    rows: pd.DataFrame, table: pa.Table, *, ttl: int | None = None, keys: Sequence[str] = ("k",)
) -> list[list[Any]]:
    """The features of each row, found by looking at all rows of the set."""
    known: list[Row] = table.to_pylist()
    features = [name for name in table.column_names if name not in (*keys, "t")]
    result = []
    for row in rows.to_dict("records"):
        best: tuple[int, Row] | None = None
        key = [plain(row[name]) for name in keys]
        at = _micros(row["t"]) if "t" in row else None
        for one in known:
            then = _micros(one["t"])
            if None in key or then is None or key != [plain(one[name]) for name in keys]:
                continue
            if "t" in row and (at is None or then > at or (ttl is not None and at - then > ttl)):
                continue
            if best is None or then >= best[0]:
                best = (then, one)
        result.append([plain(best[1][name]) if best else None for name in features])
    return result


def same(plan: JoinPlan, expected: list[list[Any]], features: Sequence[str], engine: str) -> None:
    before = None if plan.rows is None else plan.rows.copy(deep=True)
    found = ENGINES[engine](plan)
    got = [[plain(value) for value in row] for row in found[list(features)].values.tolist()]
    assert got == expected, engine
    if before is not None and plan.rows is not None:
        pd.testing.assert_frame_equal(plan.rows, before)
        pd.testing.assert_frame_equal(found[list(before.columns)], before)
