"""The engine "spark": both sides in one table, ordered by key and time; the last known row wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from mlrun_like import registry
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.offline.finishing import sort_columns
from mlrun_like.feature_store.offline.frames import arrow_column, pandas_frame
from mlrun_like.feature_store.offline.keys import agree
from mlrun_like.feature_store.offline.plan import Join, JoinPlan
from mlrun_like.feature_store.offline.spark_columns import key, micros
from mlrun_like.feature_store.offline.tables import SetTable

__all__ = ["SparkTable", "run_spark"]

_PLACE, _SEQ, _TIME, _SIDE, _SET = "__place", "__seq", "__time", "__side", "__set"
_ZONE = "spark.sql.session.timeZone"


def run_spark(plan: JoinPlan, *, session: Any = None) -> SparkTable:
    """Join with Spark.

    Args:
        plan: What is joined.
        session: The Spark session; None: the current one, or a new one.

    Raises:
        MissingDependencyError: without the package pyspark.
    """
    sql = registry.require("pyspark.sql", feature="the join engine 'spark'", extra="spark")
    session = session or sql.SparkSession.builder.getOrCreate()
    zone = session.conf.get(_ZONE)
    session.conf.set(_ZONE, "UTC")  # times without a zone are UTC; casts keep it
    try:
        return _Joining(sql, session, plan).joined()
    finally:
        session.conf.set(_ZONE, zone)


class _Joining:
    def __init__(self, sql: Any, session: Any, plan: JoinPlan) -> None:
        self.functions = registry.require(
            "pyspark.sql.functions", feature="the join engine 'spark'", extra="spark"
        )
        self.window = sql.Window
        self.session = session
        self.plan = plan
        self.order = [_PLACE]

    def joined(self) -> SparkTable:
        plan = self.plan
        if plan.rows is not None:
            names = list(plan.rows.columns)
            columns = {str(one): arrow_column(plan.rows, one, "entity rows") for one in names}
        else:
            assert plan.first is not None
            whole = plan.first.keys(list(plan.columns))
            columns = {new: whole[old] for old, new in plan.columns.items()}
        types = {name: column.type for name, column in columns.items()}
        size = len(next(iter(columns.values()))) if columns else 0
        frame = self._of_arrow(pa.table({**columns, _PLACE: pa.array(range(size), pa.int64())}))
        for number, join in enumerate(plan.joins):
            frame = self._add(frame, join, types, f"{_SEQ}{number}")
            schema = join.table.schema()
            types.update({new: schema.field(old).type for old, new in join.columns.items()})
        nulls_last = [self.functions.col(name).asc_nulls_last() for name in self.order]
        return SparkTable(frame.orderBy(*nulls_last).drop(*self.order), self.session, types)

    def _of_arrow(self, table: pa.Table) -> Any:
        plain = [_plain(one.type) for one in table.schema]
        table = table.cast(
            pa.schema([(name, kind) for name, kind in zip(table.column_names, plain, strict=True)])
        )
        if hasattr(self.session, "version") and int(self.session.version.split(".")[0]) >= 4:
            return self.session.createDataFrame(table)
        return self.session.createDataFrame(table.to_pandas())

    def _rows(self, table: SetTable, columns: Sequence[str]) -> Any:
        """The columns of a set, and `__seq`: the order in which its rows were written."""
        functions = self.functions
        schema = table.schema()
        files = table.files()
        table.require(columns)
        stamps = [one.type for one in schema if pa.types.is_timestamp(one.type)]
        plain = all(one.unit != "ns" for one in stamps)  # Spark does not read nanoseconds
        if not files or table.filter.columns() or table.constants() or not plain:
            stored = table.keys(columns)
            return self._of_arrow(
                stored.append_column(_SEQ, pa.array(range(stored.num_rows), pa.int64()))
            )
        place = functions.lit(0)
        for number, path in enumerate(files):
            name = functions.regexp_replace(functions.col("_metadata.file_path"), "^file:/+", "/")
            place = functions.when(name == path, functions.lit(number)).otherwise(place)
        seq = place.cast("long") * functions.lit(1 << 40) + functions.col("_metadata.row_index")
        read = self.session.read.option("mergeSchema", "true").parquet(*files)
        return read.select(*[functions.col(f"`{one}`") for one in columns], seq.alias(_SEQ))

    def _add(self, frame: Any, join: Join, types: Mapping[str, Any], seq: str) -> Any:
        functions = self.functions
        schema = join.table.schema()
        rows = self._rows(join.table, join.read())
        kinds = [
            agree(types[name], schema.field(other).type, name=other, where=join.table.where)
            for name, other in zip(join.left_keys, join.right_keys, strict=True)
        ]
        keys = [f"__k{number}" for number in range(len(kinds))]
        for name, mine, yours, kind in zip(
            keys, join.left_keys, join.right_keys, kinds, strict=True
        ):
            frame = frame.withColumn(name, key(functions, frame, mine, kind))
            rows = rows.withColumn(name, key(functions, rows, yours, kind))
        values = [functions.col(f"`{old}`").alias(new) for old, new in join.columns.items()]
        time = micros(functions, rows, join.right_time) if join.right_time else functions.lit(0)
        rows = rows.select(
            *keys,
            time.cast("long").alias(_TIME),
            functions.col(_SEQ).alias(seq),
            functions.struct(*values, time.cast("long").alias(_TIME)).alias(_SET),
            *[functions.col(f"`{one}`").alias(f"__r{n}") for n, one in enumerate(join.right_keys)],
        )
        if join.how == "asof":
            found = self._newest(frame, rows, join, keys, seq)
        elif join.how == "newest":
            known = rows.where(functions.col(_TIME).isNotNull())
            best = functions.max_by(_SET, functions.struct(_TIME, seq)).alias(_SET)
            found = frame.join(known.groupBy(*keys).agg(best), on=keys, how="left")
        else:
            found = self._related(frame, rows, join, keys, seq)
        fields = [functions.col(_SET)[new].alias(new) for new in join.columns.values()]
        kept = [functions.col(f"`{one}`") for one in found.columns if one not in (*keys, _SET)]
        return found.select(*kept, *fields)

    def _newest(self, frame: Any, rows: Any, join: Join, keys: list[str], seq: str) -> Any:
        functions, side = self.functions, _SIDE
        carried = [one for one in frame.columns if one not in keys]
        left = frame.select(
            *keys,
            micros(functions, frame, join.left_time).cast("long").alias(_TIME),
            functions.lit(None).cast("long").alias(seq),
            functions.lit(1).alias(side),
            functions.struct(*[functions.col(f"`{one}`") for one in carried]).alias("__left"),
        )
        known = rows.where(functions.col(_TIME).isNotNull()).select(
            *keys, _TIME, seq, functions.lit(0).alias(side), _SET
        )
        both = left.unionByName(known, allowMissingColumns=True)
        window = self.window.partitionBy(*keys).orderBy(_TIME, side, seq)
        window = window.rowsBetween(self.window.unboundedPreceding, self.window.currentRow)
        last = functions.last(_SET, ignorenulls=True).over(window)
        missing = functions.lit(False)
        for name in keys:
            missing = missing | functions.col(name).isNull()
        if join.ttl is not None:
            missing = missing | (functions.col(_TIME) - last[_TIME] > functions.lit(join.ttl))
        chosen = functions.when(~missing, last).alias(_SET)
        return (
            both.select("__left", side, chosen)
            .where(functions.col(side) == 1)
            .select("__left.*", _SET)
        )

    def _related(self, frame: Any, rows: Any, join: Join, keys: list[str], seq: str) -> Any:
        functions = self.functions
        stored = rows.withColumnsRenamed({name: f"{name}r" for name in keys}).drop(_TIME)
        condition = functions.lit(True)
        for name in keys:
            condition = condition & (functions.col(name) == functions.col(f"{name}r"))
        found = frame.join(stored, on=condition, how=join.how)
        for number, (name, other) in enumerate(zip(join.left_keys, join.right_keys, strict=True)):
            if name == other and join.how in ("right", "outer"):
                filled = functions.coalesce(
                    functions.col(f"`{name}`"), functions.col(f"__r{number}")
                )
                found = found.withColumn(name, filled)
        self.order = [seq, *self.order] if join.how == "right" else [*self.order, seq]
        extra = [f"{name}r" for name in keys] + [f"__r{n}" for n in range(len(keys))]
        return found.drop(*extra)


def _plain(kind: Any) -> Any:
    """Types that Spark knows."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if pa.types.is_null(kind):
        return pa.string()
    if kind == pa.uint64():
        return pa.decimal128(20, 0)
    if pa.types.is_unsigned_integer(kind):
        return pa.int64()
    return kind


class SparkTable:
    """A joined table that Spark computes when it is asked for.

    Args:
        native: The Spark frame.
        session: Its session.
        types: Arrow types of the columns as they were.
    """

    def __init__(self, native: Any, session: Any, types: Mapping[str, Any]) -> None:
        self.native = native
        self._session = session
        self._types = dict(types)

    @property
    def columns(self) -> list[str]:
        return list(self.native.columns)

    def finished(self, names: Mapping[str, str], request: Any, *, label: str = "") -> SparkTable:
        """As `finishing.finished`, computed later; `query` is a condition in Spark's SQL."""
        kept = {old: new for old, new in names.items() if new not in set(request.drop)}
        found = self.native.select(*[self.native[f"`{old}`"].alias(kept[old]) for old in kept])
        if label and label in kept.values():
            found = found.na.drop(subset=[label])
        if request.query:
            try:
                found = found.where(request.query)
            except Exception as exc:  # Spark's errors have no base that all its versions share
                raise InvalidArgumentError(
                    f"the query {request.query!r} fails: {exc}",
                    where="get_offline_features",
                    fix="write it in Spark's SQL for engine='spark'",
                ) from exc
        if request.order:
            found = found.orderBy(*sort_columns(list(found.columns), request.order, None))
        types = {new: self._types[old] for old, new in kept.items() if old in self._types}
        return SparkTable(found, self._session, types)

    def to_pandas(self) -> pd.DataFrame:
        """Compute it."""
        zone = self._session.conf.get(_ZONE)
        self._session.conf.set(_ZONE, "UTC")
        try:
            if hasattr(self.native, "toArrow"):
                table = self.native.toArrow()
            else:
                table = pa.Table.from_pandas(self.native.toPandas(), preserve_index=False)
        finally:
            self._session.conf.set(_ZONE, zone)
        columns = {}
        for name in table.column_names:
            kind = self._types.get(name, table[name].type)
            kind = kind.value_type if pa.types.is_dictionary(kind) else kind
            columns[name] = table[name].cast(kind, safe=False)
        return pandas_frame(columns, table.num_rows)
