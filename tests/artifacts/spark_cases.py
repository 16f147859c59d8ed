"""What Spark's tables do, in a process of their own: `spark_cases.py HOME OUT` writes JSON.

One JVM serves all cases; `test_spark_frames` looks at what they gave.
"""

from __future__ import annotations

import datetime
import decimal
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame

import mlrun_like as ml
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.packers import unpack_input
from mlrun_like.errors import MLRunLikeError
from mlrun_like.runtimes.spark.session import session

CASES: dict[str, Callable[[Any, Any, Path], Any]] = {}


def case(function: Callable[[Any, Any, Path], Any]) -> Callable[[Any, Any, Path], Any]:
    CASES[function.__name__] = function
    return function


def described(artifact: Any) -> dict[str, Any]:
    frame = artifact.to_dataitem().as_df()
    spec = artifact.spec
    return {
        "rows": json.loads(frame.to_json(orient="records", date_format="iso")),
        "length": spec.length,
        "header": spec.header,
        "preview": len(spec.preview),
        "stats": sorted(spec.stats),
        "size": spec.size,
        "digest": len(spec.digest),
        "files": sorted(p.suffix for p in Path(spec.target_path).glob("part-*")),
    }


@case
def formats(spark: Any, context: Any, folder: Path) -> Any:
    frame = spark.createDataFrame([(1, 'é, "q"'), (2, None)], "n int, text string")
    return {
        form: described(context.log_dataset(f"as_{form}", frame.coalesce(1), format=form))
        for form in ("parquet", "csv", "jsonl")
    }


@case
def types(spark: Any, context: Any, folder: Path) -> Any:
    row = (
        1,
        decimal.Decimal("1.50"),
        datetime.datetime(2024, 1, 2, 3, 4, 5),
        datetime.date(2024, 1, 2),
        [1, 2],
        True,
        b"xy",
    )
    schema = (
        "`a b` long, price decimal(5,2), at timestamp, day date, list array<int>, ok boolean, "
        "raw binary"
    )
    frame = spark.createDataFrame([row, (None,) * 7], schema)
    artifact = context.log_dataset("types", frame, stats=False)
    fields = {row["name"]: row["type"] for row in artifact.spec.schema_["fields"]}
    frame = artifact.to_dataitem().as_df()
    return {"fields": fields, "rows": len(frame), "columns": list(frame.columns)}


@case
def empty(spark: Any, context: Any, folder: Path) -> Any:
    frame = spark.createDataFrame([], "a int, b string")
    return described(context.log_dataset("empty", frame))


@case
def large(spark: Any, context: Any, folder: Path) -> Any:
    frame = spark.range(12_000).repartition(3)
    plain = context.log_dataset("large", frame, preview=5)
    wanted = context.log_dataset("large_stats", frame, stats=True)
    return {
        "length": plain.spec.length,
        "preview": len(plain.spec.preview),
        "stats": plain.spec.stats,
        "wanted": wanted.spec.stats["id"]["max"],
        "files": len(list(Path(plain.spec.target_path).glob("part-*"))),
    }


@case
def again(spark: Any, context: Any, folder: Path) -> Any:
    context.log_dataset("again", spark.range(5))
    return described(context.log_dataset("again", spark.range(2)))


@case
def only_described(spark: Any, context: Any, folder: Path) -> Any:
    artifact = context.log_dataset(
        "elsewhere", spark.range(2), upload=False, target_path=str(folder / "no.parquet")
    )
    return {"header": artifact.spec.header, "there": (folder / "no.parquet").exists()}


@case
def other_store(spark: Any, context: Any, folder: Path) -> Any:
    artifact = context.log_dataset("kept", spark.range(3), target_path="memory://bucket/kept")
    return {"rows": len(artifact.to_dataitem().as_df()), "digest": len(artifact.spec.digest)}


@case
def refused(spark: Any, context: Any, folder: Path) -> Any:
    found = {}
    frame = spark.range(2)
    double = spark.sql("select 1 as a, 2 as a")
    for name, options in {
        "format": {"df": frame, "format": "feather"},
        "label": {"df": frame, "label_column": "none"},
        "twice": {"df": double},
        "partition": {"df": frame, "partition_by": "none"},
    }.items():
        try:
            context.log_dataset(name, **options)
        except MLRunLikeError as exc:
            found[name] = [type(exc).__name__, str(exc)]
    return found


@case
def inputs(spark: Any, context: Any, folder: Path) -> Any:
    table = pd.DataFrame({
        "n": [1, 2],
        "at": pd.to_datetime(["2024-01-02T03:04:05.123456789", "NaT"]).astype("datetime64[ns]"),
    })  # fmt: skip
    table.to_parquet(folder / "nanos.parquet")
    table["text"] = ['a "b", c', "two\nlines"]
    for name in ("plain.csv", "a {b}.csv"):
        table.to_csv(folder / name, index=False)
    table[["n"]].to_json(folder / "rows.jsonl", orient="records", lines=True)
    spark.range(4).write.parquet(str(folder / "parts"))
    (folder / "broken.parquet").write_bytes(b"PAR1 no table")
    found: dict[str, Any] = {}
    for name in ("nanos.parquet", "plain.csv", "a {b}.csv", "rows.jsonl", "parts"):
        frame = unpack_input(get_dataitem(folder / name), DataFrame)
        found[name] = [frame.count(), dict(frame.dtypes)]
    at = unpack_input(get_dataitem(folder / "nanos.parquet"), DataFrame).first()["at"]
    found["first"] = at.isoformat()
    for name in ("plain.csv", "a {b}.csv"):
        frame = unpack_input(get_dataitem(folder / name), DataFrame)
        found[name].append([row["text"] for row in frame.collect()])
    ml_item = get_dataitem("memory://spark/cases.csv")
    ml_item.put("x,y\n1,2\n")
    found["memory"] = unpack_input(ml_item, "pyspark.sql.DataFrame").count()
    for name in ("broken.parquet", "missing.parquet"):
        try:
            unpack_input(get_dataitem(folder / name), DataFrame)
        except MLRunLikeError as exc:
            found[name] = [type(exc).__name__, str(exc)]
    return found


def main(home: str, out: str) -> None:
    ml.config.home = home
    spark, results = session(), {}
    with ml.get_or_create_ctx("cases") as context:
        for name, run in CASES.items():
            folder = Path(home, name)
            folder.mkdir()
            try:
                results[name] = run(spark, context, folder)
            except Exception:  # noqa: BLE001 - the tests of this case show it
                results[name] = {"failed": traceback.format_exc()}
    Path(out).write_text(json.dumps(results, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
