"""Feature sets, web servers, memory and warehouses (stand-ins of their clients) as sources."""

from __future__ import annotations

import http.server
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.artifacts.item import set_in_memory_item
from mlrun_like.errors import ConflictError, NotFoundError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.ingestion.api import ingest
from mlrun_like.feature_store.sources.opening import get_source_from_dict, open_source
from mlrun_like.feature_store.sources.sets import FeatureSetSource
from mlrun_like.feature_store.sources.streams import HttpSource
from mlrun_like.feature_store.sources.warehouses import BigQuerySource, SnowflakeSource

FRAME = pd.DataFrame(
    {
        "user": [f"u{n}" for n in range(30)],
        "at": pd.date_range("2024-03-01", periods=30, freq="h").as_unit("us"),
        "x": range(30),
    }
)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server of a folder with `a.csv` and `a.parquet`."""
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    FRAME.to_parquet(tmp_path / "a.parquet")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_files_of_web_servers(web: str, name: str) -> None:
    for source in (open_source(f"{web}/{name}"), HttpSource(path=f"{web}/{name}")):
        timed = source.with_defaults(time_field="at").since("2024-03-01T09:00:00Z")
        chunks = list(timed.chunks(8))
        assert pd.concat([c.frame for c in chunks])["x"].tolist() == list(range(10, 30))
        rest = pd.concat([c.frame for c in timed.chunks(5, after=chunks[0].position)])
        assert rest["x"].tolist() == list(range(int(chunks[0].frame["x"].max()) + 1, 30))


def test_files_in_memory() -> None:
    url = set_in_memory_item("rows.csv", FRAME.to_csv(index=False))
    assert len(open_source(url).to_dataframe()) == 30


def test_another_feature_set() -> None:
    first = FeatureSet("first", entities=["user"], timestamp_key="at")
    first.set_targets(["parquet"], with_defaults=False)
    with pytest.raises(NotFoundError, match="no offline target"):
        list(FeatureSetSource(first).chunks(5))
    ingest(first, FRAME, return_df=False)
    for given in (first, first.uri, FeatureSetSource("first").to_dict()):
        source = open_source(given)
        chunks = list(source.chunks(7))
        assert chunks[0].frame.columns.tolist() == ["user", "x", "at"]
        assert sum(len(chunk.frame) for chunk in chunks) == 30
        rest = source.chunks(100, after=chunks[1].position)
        assert sum(len(chunk.frame) for chunk in rest) == 16
    late = open_source(first).since("2024-03-01T20:00:00Z")
    assert len(late.to_dataframe()) == 9
    assert get_source_from_dict(late.to_dict()).start_time == "2024-03-01T20:00:00Z"
    second = FeatureSet("second", entities=["user"], timestamp_key="at")
    second.set_targets(["parquet"], with_defaults=False)
    ingest(second, first, return_df=False)
    assert second.to_dataframe().reset_index()["x"].tolist() == list(range(30))


class Answer:
    """What the warehouses' clients give: pages of a frame."""

    def __init__(self, start: int = 0) -> None:
        self.start = start

    def to_dataframe_iterable(self) -> Iterator[pd.DataFrame]:
        return (FRAME.iloc[n : n + 8] for n in range(self.start, 30, 8))

    def fetch_pandas_batches(self) -> Iterator[pd.DataFrame]:
        return self.to_dataframe_iterable()


def test_pages_of_warehouses(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class Client:
        def __init__(self, project: Any = None) -> None:
            asked.append(project)

        def query(self, text: str) -> Any:
            asked.append(text)
            return types.SimpleNamespace(result=lambda page_size, start_index: Answer(start_index))

    bigquery: Any = types.ModuleType("google.cloud.bigquery")
    bigquery.Client = Client
    monkeypatch.setitem(sys.modules, "google.cloud.bigquery", bigquery)
    monkeypatch.delenv("GCP_CREDENTIALS", raising=False)
    source = BigQuerySource(table="a.b.c", gcp_project="p", chunksize=6)
    chunks = list(source.chunks(100))
    assert max(chunk.rows for chunk in chunks) == 6 and asked == ["p", "SELECT * FROM `a.b.c`"]
    rest = pd.concat([c.frame for c in source.chunks(100, after=chunks[2].position)])
    assert rest["x"].tolist() == list(range(sum(c.rows for c in chunks[:3]), 30))

    class Connection:
        def __init__(self, **named: Any) -> None:
            asked.append(named)

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: Any) -> None:
            asked.append("closed")

        def cursor(self) -> Any:
            return types.SimpleNamespace(execute=lambda text: Answer())

    connector: Any = types.ModuleType("snowflake.connector")
    connector.connect = Connection
    monkeypatch.setitem(sys.modules, "snowflake.connector", connector)
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", "s3cret")
    flake = SnowflakeSource(
        query="SELECT 1", url="https://ab.eu.snowflakecomputing.com", db_schema="s"
    )
    chunks = list(flake.chunks(11))
    assert sum(chunk.rows for chunk in chunks) == 30 and asked[-1] == "closed"
    assert asked[-2]["account"] == "ab.eu" and asked[-2]["schema"] == "s"
    rest = pd.concat([c.frame for c in flake.chunks(11, after=chunks[1].position)])
    assert rest["x"].tolist() == list(range(16, 30))
    with pytest.raises(ConflictError, match="before the position"):
        list(flake.chunks(11, after='{"kind":"snowflake","rows":31}'))
    assert "s3cret" not in str(flake.to_dict())
