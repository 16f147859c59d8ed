"""Dask and Spark give what the local engine gives."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from mlrun_like.feature_store.offline.local_engine import run_local
from mlrun_like.feature_store.offline.plan import Join, JoinPlan
from tests.feature_store.offline.cases import plain, stored


def _plan(folder: Path | None) -> JoinPlan:
    clicks = pa.table(
        {
            "user": pa.array([1, 2, 1, 1, None, 2, 3], pa.int64()),
            "t": pa.array([10, 10, 20, 20, 5, None, 7], pa.timestamp("us", "UTC")),
            "n": pa.array([1, 2, 3, 4, 5, 6, None], pa.int64()),
            "org": pa.array(["x", "y", "x", "z", "x", "y", "z"]),
        }
    )
    orgs = pa.table({"id": ["x", "z", "x", "w"], "size": [1.0, 2.0, 3.0, 4.0]})
    times = pa.array([15, 25, 20, 9, 30, None, 1000], pa.timestamp("us", "UTC"))
    users = pa.array([1.0, 1.0, 1.0, 2.0, None, 1.0, 3.0], pa.float64())
    rows = pa.table({"user": users, "at": times, "x": list("abcdefg")}).to_pandas()
    joins = (
        Join(
            stored("clicks", clicks, folder, 2), "asof", ("user",), ("user",),
            {"n": "n", "org": "org", "t": "t"}, "at", "t", 500,
        ),
        Join(stored("orgs", orgs, folder, 2), "newest", ("org",), ("id",), {"size": "newest"}),
        Join(stored("all", orgs, None), "left", ("org",), ("id",), {"size": "all"}),
    )  # fmt: skip
    return JoinPlan(rows, joins=joins)


def _outer(how: Any) -> JoinPlan:
    one = pa.table({"k": ["a", "b", "b", None], "v": [1, 2, 3, 4]})
    two = pa.table({"k": ["b", "c", "b", None], "w": [5, 6, 7, 8]})
    join = Join(stored("two", two, None), how, ("k",), ("k",), {"w": "w"})
    return JoinPlan(None, stored("one", one, None), {"k": "k", "v": "v"}, (join,))


def _same(found: pd.DataFrame, plan: JoinPlan) -> None:
    expected = run_local(plan)
    assert list(found.columns) == list(expected.columns)
    got = [[plain(value) for value in row] for row in found.values.tolist()]
    assert got == [[plain(value) for value in row] for row in expected.values.tolist()]


@pytest.mark.slow
@pytest.mark.parametrize("files", [False, True])
def test_dask_joins_like_the_local_engine(tmp_path: Path, files: bool) -> None:
    pytest.importorskip("dask.dataframe")
    from mlrun_like.feature_store.offline.dask_engine import run_dask

    folder = tmp_path if files else None
    found = run_dask(_plan(folder), npartitions=3)
    assert found.native.npartitions == 3
    _same(found.to_pandas(), _plan(folder))
    for how in ("inner", "left", "right", "outer"):
        _same(run_dask(_outer(how), npartitions=2).to_pandas(), _outer(how))


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    pytest.importorskip("pyspark")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pyspark.sql import SparkSession

        made = (
            SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "2")
            # a few rows: compiling costs more than it saves
            .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1")
            .config("spark.sql.codegen.wholeStage", "false")
            .config("spark.sql.session.timeZone", "Asia/Tokyo")
            .getOrCreate()
        )
        yield made
        made.stop()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_spark_joins_like_the_local_engine(tmp_path: Path, session: Any) -> None:
    from mlrun_like.feature_store.offline.spark_engine import run_spark

    found = run_spark(_plan(tmp_path), session=session)
    _same(found.to_pandas(), _plan(tmp_path))
    _same(run_spark(_outer("outer"), session=session).to_pandas(), _outer("outer"))
    assert session.conf.get("spark.sql.session.timeZone") == "Asia/Tokyo"
