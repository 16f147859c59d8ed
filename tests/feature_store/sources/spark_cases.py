"""What Spark makes of sources; run as a program: FOLDER OUT."""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import pandas as pd

from mlrun_like.feature_store.sources.opening import open_source
from mlrun_like.feature_store.sources.parquet import ParquetSource

__all__ = ["main"]


def main(folder: str, out: str) -> None:
    """Write what was found as JSON."""
    warnings.simplefilter("ignore")
    from pyspark.sql import SparkSession

    spark: Any = SparkSession.builder.config("spark.sql.session.timeZone", "Asia/Tokyo")
    spark = spark.getOrCreate()
    frame = pd.DataFrame(
        {
            "k": ["a", None, "c", "d"],
            "t": pd.date_range("2024-01-01", periods=4, freq="h").as_unit("us"),
            "z": pd.date_range("2024-01-01", periods=4, freq="h", tz="UTC").as_unit("us"),
            "n": pd.array([1, None, 3, 4], dtype="Int64"),
        }
    )
    path = f"{folder}/a.parquet"
    frame.to_parquet(path)
    found: dict[str, Any] = {}
    for field in ("t", "z"):
        span = {"start_time": "2024-01-01T00:00:00Z", "end_time": "2024-01-01T02:00:00Z"}
        source = ParquetSource(path=path, time_field=field, **span)  # type: ignore[arg-type]
        rows = source.to_spark_df(spark, named_view=False, columns=["n"]).collect()
        found[field] = [row["n"] for row in rows]
    for name, condition in {
        "in": ("n", "in", [1, None]), "not in": ("n", "not in", [1]), "!=": ("n", "!=", 3),
        ">": ("n", ">", 1),
    }.items():  # fmt: skip
        source = ParquetSource(path=path, additional_filters=[condition])
        found[name] = [
            [row["n"] for row in source.to_spark_df(spark).collect()],
            [None if pd.isna(n) else int(n) for n in source.to_dataframe()["n"]],
        ]
    back = open_source(
        spark.createDataFrame([("a", 1, 1.5), (None, None, None)], "k string, n long, x double")
    )
    chunks = list(back.chunks(1))
    found["types"] = [[str(kind) for kind in chunk.frame.dtypes] for chunk in chunks]
    found["rest"] = sum(chunk.rows for chunk in back.chunks(5, after=chunks[0].position))
    moments = open_source(spark.read.parquet(path).select("z"))
    found["moments"] = next(iter(moments.chunks(4))).frame["z"].dt.hour.tolist()
    spark.stop()
    with open(out, "w") as stream:
        json.dump(found, stream)


if __name__ == "__main__":
    main(*sys.argv[1:])
