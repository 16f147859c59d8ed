"""What users give as a source, frames, sets and classes of their own; documents."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    MissingDependencyError,
    UnknownNameError,
)
from mlrun_like.feature_store.sources.base import Source
from mlrun_like.feature_store.sources.csv import CSVSource
from mlrun_like.feature_store.sources.custom import CustomSource
from mlrun_like.feature_store.sources.frames import DataFrameSource
from mlrun_like.feature_store.sources.kafka import KafkaSource
from mlrun_like.feature_store.sources.opening import get_source_from_dict, open_source
from mlrun_like.feature_store.sources.parquet import ParquetSource
from mlrun_like.feature_store.sources.sql import SQLSource
from mlrun_like.feature_store.sources.streams import HttpSource, StreamSource
from mlrun_like.feature_store.sources.times import column_micros, to_micros
from mlrun_like.feature_store.sources.typed_rows import TypedRows
from mlrun_like.feature_store.sources.warehouses import BigQuerySource, SnowflakeSource


class Numbers:
    """Rows of a user's class."""

    def __init__(self, count: int = 5, context: Any = None) -> None:
        self.count = count

    def __iter__(self) -> Iterator[dict[str, int]]:
        return ({"n": number} for number in range(self.count))


def test_what_is_a_source(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    frame.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "csv").mkdir()
    frame.to_csv(tmp_path / "csv" / "a.csv", index=False)
    kinds: dict[str, list[Any]] = {
        "parquet": [tmp_path / "a.parquet", str(tmp_path), get_dataitem(tmp_path / "a.parquet")],
        "csv": ["a.csv", "s3://bucket/a.csv.gz", str(tmp_path / "csv"), str(tmp_path / "*.csv")],
        "json": ["memory://a.jsonl"],
        "dataframe": [frame, pa.table({"a": [1]}), [frame], iter([frame]), [{"a": 1}]],
        "kafka": ["kafka://host:9092/topic"],
        "v3ioStream": ["redis://host/events"],
        "sqldb": ["sqlite:///a.db?table=t", "postgresql+psycopg://host/d?query=SELECT+1"],
        "featureset": ["store://feature-sets/p/n"],
    }
    for kind, values in kinds.items():
        for value in values:
            source = open_source(value)
            assert source.kind == kind, value
            assert open_source(source) is source
    for bad in (3, None, b"a.csv", "", "data", {"kind": "cvs"}, "ftpp://x/a.csv"):
        with pytest.raises((InvalidArgumentError, FileNotFoundError, UnknownNameError)):
            list(open_source(bad).chunks(1))


def test_frames_in_chunks() -> None:
    frame = pd.DataFrame({"a": range(10)}, index=pd.Index(list("abcdefghij"), name="k"))
    source = DataFrameSource(frame)
    chunks = list(source.chunks(4))
    assert [len(chunk.frame) for chunk in chunks] == [4, 4, 2]
    assert chunks[0].frame.columns.tolist() == ["k", "a"]
    assert [c.frame["a"].tolist() for c in source.chunks(4, after=chunks[0].position)] == [
        [4, 5, 6, 7],
        [8, 9],
    ]
    parts = DataFrameSource([frame[:3], frame[3:]])
    assert [len(c.frame) for c in parts.chunks(2, after=chunks[0].position)] == [2, 2, 2]
    again = DataFrameSource(lambda: iter([frame[:5], frame[5:]]), iterator=True)
    assert again.is_iterator()
    assert sum(len(c.frame) for c in again.chunks(3)) == sum(len(c.frame) for c in again.chunks(9))
    with pytest.raises(ConflictError, match="only 10 rows"):
        list(source.chunks(4, after='{"kind":"dataframe","rows":11}'))
    with pytest.raises(InvalidArgumentError, match="two columns 'a'"):
        list(open_source(pd.DataFrame([[1, 2]], columns=["a", "a"])).chunks(1))
    with pytest.raises(InvalidArgumentError, match="is no table"):
        list(open_source([frame, "x"]).chunks(100))
    with pytest.raises(InvalidArgumentError, match="another process"):
        get_source_from_dict(source.to_dict())


def test_frames_have_time_ranges_too() -> None:
    frame = pd.DataFrame({"t": pd.date_range("2024-01-01", periods=5, tz="Europe/Berlin"), "n": 1})
    source = DataFrameSource(frame, time_field="t").since("2024-01-02T23:00:00Z")
    assert len(source.to_dataframe()) == 2
    with pytest.raises(InvalidArgumentError, match="need the column of the event time"):
        DataFrameSource(frame).since("2024-01-01").to_dataframe()
    with pytest.raises(InvalidArgumentError, match="holds numbers"):
        DataFrameSource(frame, time_field="n").since("2024-01-01").to_dataframe()
    with pytest.raises(InvalidArgumentError, match="there is no column 'tt'"):
        DataFrameSource(frame, time_field="tt").since("2024-01-01").to_dataframe()


@pytest.mark.slow
def test_dask_frames_are_read_by_partition() -> None:
    dask = pytest.importorskip("dask.dataframe")
    frame = pd.DataFrame({"a": range(20)})
    source = open_source(dask.from_pandas(frame, npartitions=3))
    chunks = list(source.chunks(4))
    assert pd.concat([c.frame for c in chunks])["a"].tolist() == list(range(20))
    for number, chunk in enumerate(chunks):
        rest = list(source.chunks(4, after=chunk.position))
        assert [c.frame["a"].tolist() for c in rest] == [
            c.frame["a"].tolist() for c in chunks[number + 1 :]
        ]


def test_a_class_of_the_users() -> None:
    source = CustomSource(class_name=f"{__name__}.Numbers", count=7)
    (first, *_) = source.chunks(3)
    assert [c.frame["n"].tolist() for c in source.chunks(3, after=first.position)] == [
        [3, 4, 5],
        [6],
    ]
    again = get_source_from_dict(source.to_dict())
    assert len(again.to_dataframe()) == 7
    assert len(CustomSource(Numbers, count=2).to_dataframe()) == 2
    with pytest.raises(InvalidArgumentError, match="cannot be imported"):
        CustomSource("no.such.Thing").to_dataframe()
    with pytest.raises(InvalidArgumentError, match="cannot be made with"):
        CustomSource(Numbers, size=2).to_dataframe()


@pytest.mark.parametrize(
    "source",
    [
        CSVSource("a", "a.csv", {"timestamp_unit": "s"}, "k", "0 * * * *", parse_dates=["t", 2]),
        ParquetSource(
            path="s3://b/a",
            time_field="t",
            start_time=datetime(2024, 1, 1, tzinfo=timezone.utc),
            additional_filters=[("a", "in", [1, None])],
        ),
        SQLSource(db_url="sqlite:///a.db", table_name="t", chunksize=5, parse_dates=["t"]),
        KafkaSource("h:9092", "t", partitions=[1], sasl_user="u", sasl_pass="p"),
        StreamSource(path="redis://h/e", group="g", workers=3),
        HttpSource(workers=2),
        BigQuerySource(table="a.b.c", gcp_project="p"),
        SnowflakeSource(query="SELECT 1", url="u", schema="s"),
    ],
)
def test_documents_give_the_same_source(source: Source) -> None:
    document = source.to_dict()
    again = get_source_from_dict(document)
    assert type(again) is type(source)
    assert again.to_dict() == document
    assert again.time_range == source.time_range
    assert again.additional_filters == source.additional_filters


def test_times() -> None:
    assert to_micros("2024-01-01") == to_micros(datetime(2024, 1, 1, tzinfo=timezone.utc))
    assert to_micros(np.datetime64("2024-01-01T00:00:00.000001")) % 10 == 1
    assert to_micros("9999-12-31T23:59:59Z") > to_micros("2300-01-01")  # beyond nanoseconds
    for bad in ("soon", 5, None, float("nan"), True):
        with pytest.raises(InvalidArgumentError, match="is no time"):
            to_micros(bad)
    with pytest.raises(InvalidArgumentError, match=r"start_time .* is after end_time"):
        ParquetSource(path="a", start_time="2024-01-02", end_time="2024-01-01")
    texts = pd.Series(["2024-01-01", "Jan 2 2024", None], dtype=object)
    assert column_micros(texts, "t")[1] - column_micros(texts, "t")[0] == 86_400_000_000
    with pytest.raises(InvalidArgumentError, match="'soon'"):
        column_micros(pd.Series(["2024-01-01", "soon"]), "t")


def test_types_of_values_are_kept() -> None:
    rows = TypedRows()
    moment = datetime(2024, 1, 1, 5, tzinfo=timezone.utc)
    first = rows.frame([{"i": 1, "s": "a", "b": True, "t": moment, "big": 2**70, "x": [1]}])
    assert [str(kind) for kind in first.dtypes] == [
        "int64", "str", "bool", "datetime64[us, UTC]", "object", "object",
    ]  # fmt: skip
    second = TypedRows(rows.kinds).frame([{"i": None}, {"i": 2**60 + 1}])
    assert second["i"].tolist() == [pd.NA, 2**60 + 1]
    assert [str(second[name].dtype) for name in ("s", "b", "t")] == [
        "str", "boolean", "datetime64[us, UTC]",
    ]  # fmt: skip


def test_warehouses_say_what_they_ask_and_need(monkeypatch: pytest.MonkeyPatch) -> None:
    table = BigQuerySource(table="a.b.c", time_field="t", start_time="2024-01-01")
    assert table.statement() == (
        "SELECT * FROM `a.b.c` WHERE TIMESTAMP(`t`) > TIMESTAMP '2024-01-01 00:00:00+00:00'"
    )
    assert BigQuerySource(query="SELECT 1").statement() == "SELECT 1"
    flake = SnowflakeSource(query="SELECT 1;", time_field="T", end_time="2024-01-01")
    assert flake.statement().startswith('SELECT * FROM (SELECT 1\n) AS q WHERE q."T" <= ')
    with pytest.raises(InvalidArgumentError, match="either table or query"):
        BigQuerySource(table="a", query="b")
    with pytest.raises(InvalidArgumentError, match="multiple of"):
        BigQuerySource(table="a", max_results_for_table=10, chunksize=3)
    monkeypatch.delenv("SNOWFLAKE_PASSWORD", raising=False)
    with pytest.raises(InvalidArgumentError, match="SNOWFLAKE_PASSWORD"):
        flake.to_dataframe()
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", "x")
    with pytest.raises(MissingDependencyError, match="snowflake"):
        flake.to_dataframe()
    with pytest.raises(MissingDependencyError, match="bigquery"):
        table.to_dataframe()
    monkeypatch.setenv("GCP_CREDENTIALS", "{}")
    with pytest.raises(InvalidArgumentError, match="GCP_CREDENTIALS"):
        table._credentials()
