"""Describes a data set on Spark: statistics of every column in few passes."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.description.overview import overview_page
from mlrun_like.monitoring.description.table import Column, Table
from mlrun_like.registry import require, resolve

__all__ = ["describe_spark"]

_NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal")
_TIMES = ("date", "timestamp", "timestamp_ntz")
_PERCENTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_TOP = 50
_EXACT = 100
_CORRELATED = 60
_ALIKE = 0.95


def describe_spark(
    context: ml.MLClientCtx,
    dataset: ml.DataItem,
    artifact_path: str = "",
    bins: int = 30,
    describe_extended: bool = True,
) -> None:
    """Describe a table with Spark.

    Logs the table `summary_stats` (a row for each column), and with `describe_extended` the page
    `report` and the results `n`, `nvar`, `total_missing`, and how many columns are NUM, DATE,
    CONST, CAT, UNIQUE and CORR (going with another one); REJECTED are CONST and CORR. Percentiles
    are approximate.

    Args:
        context: The run.
        dataset: A table that Spark reads: Parquet, CSV, JSON lines, a folder of them, ...
        artifact_path: Another folder for the artifacts; empty: the run's.
        bins: Bars of histograms.
        describe_extended: False: only counts, means, deviations, least and greatest values.

    Raises:
        InvalidArgumentError: if the table is empty.
        MissingDependencyError: if pyspark is not installed.
    """
    if isinstance(bins, bool) or not isinstance(bins, int) or not 1 <= bins <= 500:
        raise InvalidArgumentError(f"bins is {bins!r:.40}", fix="a number from 1 to 500")
    sql = require("pyspark.sql", extra="spark", feature="describe_spark")
    began = sql.SparkSession.getActiveSession() is None
    place = artifact_path or None
    session = sql.SparkSession.builder.appName("describe_spark").getOrCreate()
    try:
        frame = resolve("mlrun_like.artifacts.spark_reading:read_frame")(dataset)
        if not frame.columns or frame.isEmpty():
            raise InvalidArgumentError("the table is empty", where=str(dataset))
        if not describe_extended:
            said = [row.asDict() for row in frame.describe().collect()]
            summary = pd.DataFrame(said).set_index("summary").T
            summary.index.name = "column"
            context.log_dataset("summary_stats", df=summary.reset_index(), format="csv",
                                index=False, artifact_path=place)  # fmt: skip
            return
        work = _Describing(context, frame.cache(), bins)
        columns = work.columns()
        names, matrix = work.correlation(columns)
        frame.unpersist()
    finally:
        if began:
            session.stop()
    found = Table(dataset.key, work.rows, columns, correlation=(names, matrix))
    rejected = _alike(names, matrix)
    context.log_results(_results(found, work.facts, rejected))
    summary = _summary(found, work.facts)
    context.log_dataset("summary_stats", df=summary, format="csv", index=False, artifact_path=place)
    context.log_artifact("report", body=overview_page(found), format="html", artifact_path=place)


class _Describing:
    """The passes over a table: counts, numbers, bars, values."""

    def __init__(self, context: ml.MLClientCtx, frame: Any, bins: int) -> None:
        self._context, self._bins = context, bins
        self._f = require("pyspark.sql.functions", extra="spark", feature="describe_spark")
        # names with dots and quotes would need care everywhere: columns are numbered
        self._names = list(frame.columns)
        self._kinds = [kind.partition("(")[0] for _, kind in frame.dtypes]
        self._frame = frame.toDF(*(f"c{at}" for at in range(len(self._names))))
        self.rows = 0
        self.facts: dict[str, dict[str, Any]] = {}

    def _numeric(self) -> list[int]:
        return [at for at, kind in enumerate(self._kinds) if kind in _NUMBERS]

    def _number(self, at: int) -> Any:
        """The column as a finite double, else null."""
        f = self._f
        value = f.col(f"c{at}").cast("double")
        bad = f.isnan(value) | (f.abs(value) == f.lit(float("inf")))
        return f.when(~bad, value)

    def columns(self) -> list[Column]:
        """Everything of each column."""
        f, asked = self._f, []
        few = len(self._names) <= _EXACT
        for at, kind in enumerate(self._kinds):
            column = f.col(f"c{at}")
            there = column.isNotNull()
            if kind in ("float", "double"):
                there = there & ~f.isnan(column)
            asked.append(f.count(f.when(there, 1)).alias(f"count{at}"))
            plain = f.when(there, column.cast("string"))
            distinct = f.count_distinct(plain) if few else f.approx_count_distinct(plain)
            asked.append(distinct.alias(f"distinct{at}"))
            if kind in _TIMES:
                asked += [f.min(column).cast("string").alias(f"min{at}"),
                          f.max(column).cast("string").alias(f"max{at}")]  # fmt: skip
            elif kind in _NUMBERS:
                asked += self._of_number(at)
        said = self._frame.agg(f.count(f.lit(1)).alias("rows"), *asked).first().asDict()
        self.rows = int(said["rows"])
        self._context.logger.info("counted", rows=self.rows, columns=len(self._names))
        bars, spread = self._bars(said)
        self._context.logger.info("distributions are known")
        return [self._column(at, said, bars, spread) for at in range(len(self._names))]

    def _of_number(self, at: int) -> list[Any]:
        f, value = self._f, self._number(at)
        said = {
            "mean": f.mean(value), "std": f.stddev(value), "variance": f.variance(value),
            "min": f.min(value), "max": f.max(value), "skewness": f.skewness(value),
            "kurtosis": f.kurtosis(value), "sum": f.sum(value),
            "n_zeros": f.count(f.when(value == 0, 1)), "finite": f.count(value),
            "percentiles": f.percentile_approx(value, list(_PERCENTILES), 10_000),
        }  # fmt: skip
        return [one.alias(f"{name}{at}") for name, one in said.items()]

    def _bars(self, said: dict[str, Any]) -> tuple[dict[int, Counter[int]], dict[str, Any]]:
        """Rows in each bar of all numbers, and mean distances, in one pass."""
        f, parts, far = self._f, [], []
        for at in self._numeric():
            low, high = said[f"min{at}"], said[f"max{at}"]
            if low is None:
                continue
            value = self._number(at)
            far.append(f.avg(f.abs(value - f.lit(said[f"mean{at}"]))).alias(f"mad{at}"))
            if not math.isfinite(high - low) or high <= low:
                continue
            place = f.floor((value - f.lit(low)) * f.lit(self._bins / (high - low)))
            place = f.least(place, f.lit(self._bins - 1))
            parts.append(f.struct(f.lit(at).alias("c"), place.alias("b")))
        bars: dict[int, Counter[int]] = {}
        if parts:
            exploded = self._frame.select(f.explode(f.array(*parts)).alias("p")).select("p.*")
            for row in exploded.where("b is not null").groupBy("c", "b").count().collect():
                bars.setdefault(row["c"], Counter())[int(row["b"])] = row["count"]
        spread = self._frame.agg(*far).first().asDict() if far else {}
        return bars, spread

    def _values(self, at: int) -> list[tuple[str, int]]:
        """The most frequent values."""
        f = self._f
        column = f.col(f"c{at}").cast("string").alias("v")
        counted = self._frame.select(column).where("v is not null").groupBy("v").count()
        rows = counted.orderBy(f.desc("count"), "v").limit(_TOP).collect()
        return [(str(row["v"])[:200], int(row["count"])) for row in rows]

    def _column(
        self, at: int, said: dict[str, Any], bars: dict[int, Counter[int]], spread: dict[str, Any]
    ) -> Column:
        name, kind = self._names[at], self._kinds[at]
        count, distinct = int(said[f"count{at}"]), int(said[f"distinct{at}"])
        facts: dict[str, Any] = {"type": _type(kind, count, distinct)}
        self.facts[name] = facts
        missing = self.rows - count
        if not count:
            return Column(name, "empty", 0, missing, distinct=0)
        if kind in _TIMES:
            ends = {"min": said[f"min{at}"], "max": said[f"max{at}"]}
            return Column(name, "time", count, missing, 0, distinct, ends)
        if kind in _NUMBERS:
            finite = int(said[f"finite{at}"])
            keys = ("mean", "std", "variance", "min", "max", "skewness", "kurtosis", "sum")
            facts |= {key: said[f"{key}{at}"] for key in (*keys, "n_zeros")}
            facts["mad"] = spread.get(f"mad{at}")
            points = said[f"percentiles{at}"] or [None] * 5
            facts |= {f"{share:.0%}": one for share, one in zip(_PERCENTILES, points, strict=True)}
            known = {key: facts[key] for key in ("mean", "std", "min", "25%", "50%", "75%", "max")}
            known |= {"skew": facts["skewness"] or 0.0, "zeros": facts["n_zeros"]}
            edges, counts = self._edges(facts, bars.get(at))
            return Column(name, "number", count, missing, count - finite, distinct, known, (),
                          edges, counts)  # fmt: skip
        top = self._values(at)
        facts["value_counts"] = json.dumps(dict(top), ensure_ascii=False)
        rest = count - sum(one for _, one in top[:20])
        is_few = distinct <= _TOP or distinct <= 0.05 * count
        labels = [one for one, _ in top[:20]] + ["(others)"] * bool(rest)
        numbers = [one for _, one in top[:20]] + [rest] * bool(rest)
        word = "boolean" if kind == "boolean" else "category" if is_few else "text"
        return Column(name, word, count, missing, 0, distinct, {}, top,
                      labels if is_few else (), numbers if is_few else ())  # fmt: skip

    def _edges(
        self, facts: dict[str, Any], counted: Counter[int] | None
    ) -> tuple[list[float], list[int]]:
        low, high = facts["min"], facts["max"]
        if counted is None or low is None:
            return [], []
        step = (high - low) / self._bins
        edges = [low + at * step for at in range(self._bins)] + [high]
        return edges, [counted[at] for at in range(self._bins)]

    def correlation(self, columns: Iterable[Column]) -> tuple[list[str], Any]:
        """Pearson's r of numbers; rows with a missing one of a pair are left out."""
        f = self._f
        varied = {one.name for one in columns if one.kind == "number" and one.distinct > 1}
        chosen = [at for at in self._numeric() if self._names[at] in varied][:_CORRELATED]
        pairs = [(a, b) for a in chosen for b in chosen if a < b]
        if not pairs:
            return [self._names[at] for at in chosen], [[1.0] * len(chosen)] * len(chosen)
        asked = []
        for a, b in pairs:
            left, right = self._number(a), self._number(b)
            both = left.isNotNull() & right.isNotNull()
            one = f.corr(f.when(both, left), f.when(both, right))
            asked.append(one.alias(f"r{a}_{b}"))
        said = self._frame.agg(*asked).first().asDict()
        found = {(a, b): said[f"r{a}_{b}"] for a, b in pairs}
        found |= {(b, a): one for (a, b), one in found.items()}
        matrix = [[1.0 if a == b else _or_nan(found[a, b]) for b in chosen] for a in chosen]
        return [self._names[at] for at in chosen], matrix


def _or_nan(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _type(kind: str, count: int, distinct: int) -> str:
    if distinct <= 1:
        return "CONST"
    if kind in _NUMBERS:
        return "NUM"
    if kind in _TIMES:
        return "DATE"
    return "UNIQUE" if distinct == count else "CAT"


def _alike(names: list[str], matrix: Any) -> list[str]:
    """Columns that go with an earlier one."""
    return [
        name
        for at, name in enumerate(names)
        if any(abs(matrix[at][before]) >= _ALIKE for before in range(at))
    ]


def _results(found: Table, facts: dict[str, dict[str, Any]], alike: list[str]) -> dict[str, Any]:
    kinds = Counter("CORR" if name in alike else fact["type"] for name, fact in facts.items())
    said = {key: kinds[key] for key in ("NUM", "DATE", "CONST", "CAT", "UNIQUE", "CORR")}
    missing = sum(one.missing for one in found.columns)
    cells = found.rows * len(found.columns)
    return {"n": found.rows, "nvar": len(found.columns), "total_missing": missing / cells, **said,
            "REJECTED": said["CONST"] + said["CORR"]}  # fmt: skip


def _summary(found: Table, facts: dict[str, dict[str, Any]]) -> pd.DataFrame:
    rows = []
    for one in found.columns:
        fact = facts[one.name]
        row: dict[str, Any] = {
            "index": one.name, "count": one.count, "distinct_count": one.distinct,
            "p_unique": one.distinct / one.count if one.count else None,
            "is_unique": one.distinct == found.rows, "n_missing": one.missing,
            "p_missing": one.missing_share, "n_infinite": one.infinite,
            "p_infinite": one.infinite / one.rows if one.rows else 0.0,
            **one.statistics, **fact,
        }  # fmt: skip
        row = {key: value for key, value in row.items() if key not in ("skew", "zeros")}
        if fact.get("mean") is not None:
            row["range"] = fact["max"] - fact["min"]
            row["iqr"] = fact["75%"] - fact["25%"]
            row["cv"] = fact["std"] / fact["mean"] if fact["mean"] and fact["std"] else None
            row["p_zeros"] = fact["n_zeros"] / found.rows
        if one.top:
            row["top"], row["freq"] = one.top[0]
            row["mode"] = one.top[0][0]
        rows.append(row)
    return pd.DataFrame(rows)
