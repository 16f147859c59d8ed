"""Sources: where the rows of feature sets come from, in chunks that can be gone on with.

base.py            Source, SourceChunk, positions; converting.py: to_dataframe, to_dask, Spark
opening.py         open_source(value), documents as sources
times.py           instants, time ranges
filters.py         additional_filters
arrow.py           Arrow tables as frames with the same types in every chunk
rechunking.py      batches as tables of one size
files.py           files of paths and patterns, and how far each was read
frames.py          DataFrameSource
csv.py             CSVSource; csv_schema.py, csv_values.py: types of columns from all rows
parquet.py         ParquetSource; parquet_schema.py: what footers say
json_lines.py      JSONSource
sql.py             SQLSource; sql_pages.py: pages of a table or query in a stable order
typed_rows.py      rows of Python values as frames
streams.py         StreamSource, HttpSource; stream_reading.py: records by position
kafka.py           KafkaSource
warehouses.py      BigQuerySource, SnowflakeSource
sets.py            FeatureSetSource
clusters.py        DaskSource, SparkSource
custom.py          CustomSource
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlrun_like.feature_store.sources.base import Source as Source
    from mlrun_like.feature_store.sources.base import SourceChunk as SourceChunk
    from mlrun_like.feature_store.sources.clusters import DaskSource as DaskSource
    from mlrun_like.feature_store.sources.clusters import SparkSource as SparkSource
    from mlrun_like.feature_store.sources.csv import CSVSource as CSVSource
    from mlrun_like.feature_store.sources.custom import CustomSource as CustomSource
    from mlrun_like.feature_store.sources.frames import DataFrameSource as DataFrameSource
    from mlrun_like.feature_store.sources.json_lines import JSONSource as JSONSource
    from mlrun_like.feature_store.sources.kafka import KafkaSource as KafkaSource
    from mlrun_like.feature_store.sources.opening import (
        get_source_from_dict as get_source_from_dict,
    )
    from mlrun_like.feature_store.sources.opening import open_source as open_source
    from mlrun_like.feature_store.sources.parquet import ParquetSource as ParquetSource
    from mlrun_like.feature_store.sources.sets import FeatureSetSource as FeatureSetSource
    from mlrun_like.feature_store.sources.sql import SQLSource as SQLSource
    from mlrun_like.feature_store.sources.streams import HttpSource as HttpSource
    from mlrun_like.feature_store.sources.streams import StreamSource as StreamSource
    from mlrun_like.feature_store.sources.warehouses import BigQuerySource as BigQuerySource
    from mlrun_like.feature_store.sources.warehouses import SnowflakeSource as SnowflakeSource

_MODULES = {
    "BigQuerySource": "warehouses",
    "CSVSource": "csv",
    "CustomSource": "custom",
    "DaskSource": "clusters",
    "DataFrameSource": "frames",
    "FeatureSetSource": "sets",
    "HttpSource": "streams",
    "JSONSource": "json_lines",
    "KafkaSource": "kafka",
    "ParquetSource": "parquet",
    "SQLSource": "sql",
    "SnowflakeSource": "warehouses",
    "Source": "base",
    "SourceChunk": "base",
    "SparkSource": "clusters",
    "StreamSource": "streams",
    "get_source_from_dict": "opening",
    "open_source": "opening",
}

__all__ = [
    "BigQuerySource",
    "CSVSource",
    "CustomSource",
    "DaskSource",
    "DataFrameSource",
    "FeatureSetSource",
    "HttpSource",
    "JSONSource",
    "KafkaSource",
    "ParquetSource",
    "SQLSource",
    "SnowflakeSource",
    "Source",
    "SourceChunk",
    "SparkSource",
    "StreamSource",
    "get_source_from_dict",
    "open_source",
]


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
