"""From what a user gives to a source."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.formats import is_dask_frame, is_frame, is_spark_frame, table_format
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.stores import scheme_of
from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.feature_store.sources.base import Source
from mlrun_like.registry import resolve

__all__ = ["KINDS", "get_source_from_dict", "open_source"]

_HERE = "mlrun_like.feature_store.sources"
KINDS: Mapping[str, str] = MappingProxyType(
    {
        "csv": f"{_HERE}.csv:CSVSource",
        "parquet": f"{_HERE}.parquet:ParquetSource",
        "json": f"{_HERE}.json_lines:JSONSource",
        "dataframe": f"{_HERE}.frames:DataFrameSource",
        "sqldb": f"{_HERE}.sql:SQLSource",
        "http": f"{_HERE}.streams:HttpSource",
        "v3ioStream": f"{_HERE}.streams:StreamSource",
        "kafka": f"{_HERE}.kafka:KafkaSource",
        "bigquery": f"{_HERE}.warehouses:BigQuerySource",
        "snowflake": f"{_HERE}.warehouses:SnowflakeSource",
        "custom": f"{_HERE}.custom:CustomSource",
        "featureset": f"{_HERE}.sets:FeatureSetSource",
    }
)
"""Kind in documents (MLRun's words) -> class."""

_STREAMS = ("redis", "rediss", "amqp", "amqps", "nats", "mqtt", "mqtts")


def open_source(value: Any) -> Source:
    """The source that a value means.

    Args:
        value: A source; a frame of pandas, Polars, Arrow, Dask or Spark; a list or iterator of
            frames; a path or URL (`.csv`, `.parquet` or a folder of them, `.jsonl`), also
            `store://`; a DataItem; a feature set; a database URL with `?table=NAME`
            (`sqlite:///x.db?table=t`); a stream's URL; a source's document.

    >>> import pandas as pd
    >>> open_source(pd.DataFrame({"a": [1]}))
    <DataFrameSource>
    >>> open_source("data/events.parquet")
    <ParquetSource 'data/events.parquet'>

    Raises:
        InvalidArgumentError: if it means none.
    """
    if isinstance(value, Source):
        return value
    if isinstance(value, Mapping):
        return get_source_from_dict(value)
    if is_spark_frame(value):
        return _made("clusters:SparkSource", value)
    if is_dask_frame(value):
        return _made("clusters:DaskSource", value)
    if isinstance(value, DataItem):
        return _of_url(value.url, value.artifact_url)
    if hasattr(value, "metadata") and hasattr(value, "spec") and hasattr(value.spec, "entities"):
        return _made("sets:FeatureSetSource", value)
    if isinstance(value, (str, os.PathLike)):
        return _of_url(os.fspath(value))
    if is_frame(value) or isinstance(value, (Iterable, Callable)):  # type: ignore[arg-type]
        if isinstance(value, (bytes, bytearray)):
            raise InvalidArgumentError("bytes are no source", fix="give a path, or a DataFrame")
        return _made("frames:DataFrameSource", value)
    raise InvalidArgumentError(
        f"a {type(value).__name__} is no source of rows",
        fix="give a DataFrame, a path or URL, or a source such as ParquetSource(path=...)",
    )


def get_source_from_dict(source: Mapping[str, Any]) -> Source:
    """The source that a document describes (MLRun's name).

    >>> get_source_from_dict({"kind": "csv", "path": "a.csv"})
    <CSVSource 'a.csv'>

    Raises:
        InvalidArgumentError: if its kind is unknown.
    """
    kind = str(source.get("kind") or "")
    if not kind and source.get("path"):
        return _of_url(str(source["path"]))
    if kind not in KINDS:
        raise InvalidArgumentError(
            f"unknown kind of source {kind!r:.60}.{nearest(kind, KINDS)}",
            fix=f"one of: {', '.join(sorted(KINDS))}",
        )
    made: Source = resolve(KINDS[kind]).from_dict(source)
    return made


def _of_url(url: str, artifact_url: str = "") -> Source:
    if not url.strip():
        raise InvalidArgumentError("an empty path is no source", fix='for example "data/a.csv"')
    scheme = scheme_of(url)
    if scheme == "store":
        if url.startswith("store://feature-sets/"):
            return _made("sets:FeatureSetSource", url)
        return _of_url(get_dataitem(url).url, url)
    if scheme == "kafka":
        return _made("kafka:KafkaSource", path=url)
    if scheme in _STREAMS:
        return _made("streams:StreamSource", path=url)
    database = scheme.partition("+")[0]
    if database in ("sqlite", "postgresql", "postgres", "mysql", "mssql", "oracle", "duckdb"):
        return _made("sql:source_of_url", url)
    path = artifact_url or url
    try:
        form = table_format(url)
    except InvalidArgumentError:
        form = _form_of_folder(url)
    if form in ("csv", "tsv"):
        attributes = {"reader_args": {"sep": "\t"}} if form == "tsv" else None
        return _made("csv:CSVSource", path=path, attributes=attributes)
    if form in ("json", "jsonl"):
        return _made("json_lines:JSONSource", path=path)
    if form == "parquet":
        return _made("parquet:ParquetSource", path=path)
    raise InvalidArgumentError(
        f"{form} files cannot be read in chunks", where=path, fix="give a frame, or use Parquet"
    )


def _form_of_folder(url: str) -> str:
    """Parquet, unless a folder has only CSV or JSON files."""
    last = url.rstrip("/").rpartition("/")[2]
    item = get_dataitem(url)
    if any(char in last for char in "*?["):
        return table_format(last.rstrip("*") or "x.parquet")
    if not item.isdir():
        raise InvalidArgumentError(
            f"the name {last!r} does not tell what kind of file it is",
            fix="use ParquetSource(path=...), CSVSource(path=...) or another source",
        )
    forms = set()
    for name, _ in item.store.walk(item.store.split(item.url)):
        with contextlib.suppress(InvalidArgumentError):
            forms.add(table_format(name))
    return forms.pop() if len(forms) == 1 else "parquet"


def _made(target: str, *arguments: Any, **named: Any) -> Source:
    source: Source = resolve(f"{_HERE}.{target}")(*arguments, **named)
    return source
