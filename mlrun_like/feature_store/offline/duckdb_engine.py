"""The engine "duckdb": rows are matched by DuckDB, on disk where memory does not suffice."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mlrun_like import registry
from mlrun_like.errors import EngineError
from mlrun_like.feature_store.offline.duckdb_sql import condition, key, time
from mlrun_like.feature_store.offline.keys import convert
from mlrun_like.feature_store.offline.local_engine import run_local
from mlrun_like.feature_store.offline.matching import Asking, Matcher
from mlrun_like.feature_store.offline.plan import Join, JoinPlan
from mlrun_like.feature_store.offline.tables import SetTable
from mlrun_like.feature_store.offline.times import instants

__all__ = ["DuckDBMatcher", "run_duckdb"]

_Numbers = np.ndarray[Any, Any]
_SHIFT = 1 << 40
"""Above the position of a row: equal times are ordered by what was written last."""


def run_duckdb(
    plan: JoinPlan, *, memory: int | None = None, threads: int | None = None
) -> pd.DataFrame:
    """Join with DuckDB.

    Args:
        plan: What is joined.
        memory: Bytes that DuckDB may take before it goes to disk; None: its own limit.
        threads: How many it uses; None: one per core.

    Returns:
        As `run_local`.

    Raises:
        MissingDependencyError: without the package duckdb.
        EngineError: if DuckDB fails.
    """
    with tempfile.TemporaryDirectory(prefix="mlrun-like-join-") as folder:
        matcher = DuckDBMatcher(folder, memory=memory, threads=threads)
        return run_local(plan, matcher)


class DuckDBMatcher(Matcher):
    """Matching by SQL.

    Args:
        folder: Where what does not fit into memory goes.
        memory: Bytes; None: DuckDB's own limit.
        threads: How many; None: one per core.
    """

    def __init__(self, folder: str, *, memory: int | None, threads: int | None) -> None:
        self._duckdb = registry.require(
            "duckdb", feature="the join engine 'duckdb'", extra="feature-store"
        )
        self._settings: dict[str, Any] = {
            "temp_directory": folder,
            "preserve_insertion_order": False,  # positions tell the order
            "TimeZone": "UTC",
        }
        if memory is not None:
            self._settings["memory_limit"] = f"{max(memory, 64 << 20)}B"
        if threads is not None:
            self._settings["threads"] = threads

    def newest(self, join: Join, asking: Asking) -> _Numbers:
        times, valid = asking.instants(join)
        left = self._left(join, asking, times, valid)
        size = len(asking.keys[0])
        same = _same(join)
        right = "select * from r where t is not null" if join.right_time else "select * from r"
        if times is None:
            keys = ", ".join(f"k{number}" for number in range(len(join.right_keys)))
            sql = (
                "select l.pos as mine, r.pos as yours from l "
                f"join (select {keys}, max_by(pos, o) pos from ({right}) group by all) r on {same}"
            )
        else:
            young = "" if join.ttl is None else f"where l.t - r.t <= {int(join.ttl)}"
            sql = (
                "select l.pos as mine, r.pos as yours "
                "from (select * from l where t is not null) l "
                f"asof join ({right}) r on {same} and l.o >= r.o {young}"
            )
        mine, yours = self._run(join, asking, left, sql)
        found = np.full(size, -1)
        found[mine] = yours
        return found

    def pairs(self, join: Join, asking: Asking) -> tuple[_Numbers, _Numbers]:
        left = self._left(join, asking, None, None)
        kind = "full" if join.how == "outer" else join.how
        sql = (
            "select coalesce(l.pos, -1) as mine, coalesce(r.pos, -1) as yours "
            f"from l {kind} join r on {_same(join)}"
        )
        mine, yours = self._run(join, asking, left, sql, all_rows=True)
        first, second = (yours, mine) if join.how == "right" else (mine, yours)
        last = np.iinfo(np.int64).max
        order = np.lexsort((np.where(second < 0, last, second), np.where(first < 0, last, first)))
        return mine[order], yours[order]

    def _left(
        self, join: Join, asking: Asking, times: _Numbers | None, valid: _Numbers | None
    ) -> pa.Table:
        kinds = self._kinds(join, asking)
        columns = {
            f"k{number}": _comparable(convert(values, kind))
            for number, (values, kind) in enumerate(zip(asking.keys, kinds, strict=True))
        }
        columns["pos"] = pa.array(np.arange(len(asking.keys[0])))
        if times is not None:
            columns["t"] = pa.array(times, mask=None if valid is None else ~valid)
        return pa.table(columns)

    @staticmethod
    def _kinds(join: Join, asking: Asking) -> list[Any]:
        join.table.require(join.right_keys)
        schema = join.table.schema()
        return asking.kinds(join, [schema.field(name).type for name in join.right_keys])

    def _run(
        self, join: Join, asking: Asking, left: pa.Table, sql: str, *, all_rows: bool = False
    ) -> tuple[_Numbers, _Numbers]:
        connection = self._duckdb.connect(config={})
        try:
            for name, value in self._settings.items():
                connection.execute(f"set {name} = {_literal(value)}")
            connection.register("left_rows", left)
            timed = "t" in left.column_names
            order = f", t::hugeint * {_SHIFT} + {_SHIFT - 1} as o" if timed else ""
            connection.execute(f"create temp view l as select *{order} from left_rows")
            rows = self._rows(connection, join, asking)
            if not all_rows:  # only keys that are asked for, before anything is sorted
                keys = ", ".join(f"k{number}" for number in range(len(join.right_keys)))
                rows = f"select * from ({rows}) semi join l using ({keys})"
            connection.execute(f"create temp view r as {rows}")
            found = connection.execute(sql).fetchnumpy()
        except self._duckdb.Error as exc:
            raise EngineError(
                f"DuckDB could not join {join.table.name!r}: {exc}",
                where=join.table.where,
                fix="give it more room by engine_args={'memory': ...}, or use engine='local'",
            ) from exc
        finally:
            connection.close()
        return found["mine"].astype(np.int64), found["yours"].astype(np.int64)

    def _rows(self, connection: Any, join: Join, asking: Asking) -> str:
        """SQL of the rows of the set: k0, k1, ..., pos, t, o."""
        table: SetTable = join.table
        files = table.files()
        kinds = self._kinds(join, asking)
        needed = {*join.right_keys, join.right_time, *table.filter.columns()}
        if not files or needed & set(table.constants()):
            return self._frame(connection, join, kinds)
        schema = table.schema()
        names = ", ".join(_literal(path) for path in files)
        starts = np.concatenate([[0], np.cumsum(table.file_rows())])[:-1]
        where = condition(table.filter, schema)
        place = (
            "file_row_number"
            if len(files) == 1
            else (f"file_row_number + ([{', '.join(map(str, starts))}])[file_index::bigint + 1]")
        )
        columns = [
            f"{key(name, schema.field(name).type, kind)} as k{number}"
            for number, (name, kind) in enumerate(zip(join.right_keys, kinds, strict=True))
        ]
        moment = (
            time(join.right_time, schema.field(join.right_time).type) if join.right_time else "0"
        )
        return (
            f"select *, t::hugeint * {_SHIFT} + pos as o from (select {', '.join(columns)}, "
            f"{place} as pos, {moment} as t "
            f"from read_parquet([{names}], union_by_name = true) {where})"
        )

    @staticmethod
    def _frame(connection: Any, join: Join, kinds: Sequence[Any]) -> str:
        wanted = [*join.right_keys, *([join.right_time] if join.right_time else [])]
        stored = join.table.keys(wanted)
        columns: dict[str, Any] = {
            f"k{number}": _comparable(convert(stored[name], kind))
            for number, (name, kind) in enumerate(zip(join.right_keys, kinds, strict=True))
        }
        size = stored.num_rows
        columns["pos"] = pa.array(np.arange(size))
        columns["t"] = pa.array(np.zeros(size, np.int64))
        if join.right_time:
            column = stored[join.right_time]
            times, valid = instants(column, name=join.right_time, where=join.table.where)
            columns["t"] = pa.array(times, mask=None if valid is None else ~valid)
        connection.register("right_rows", pa.table(columns))
        return f"select *, t::hugeint * {_SHIFT} + pos as o from right_rows"


def _same(join: Join) -> str:
    return " and ".join(f"l.k{number} = r.k{number}" for number in range(len(join.right_keys)))


def _comparable(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return values.cast(pa.int64()) if pa.types.is_timestamp(values.type) else values


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
