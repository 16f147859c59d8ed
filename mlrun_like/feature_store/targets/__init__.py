"""Targets: where the rows of feature sets go, transactionally, and how they are read from there.

writing.py        WriteJob, TargetWriter: write, commit with a position, finish or abort
base.py           BaseStoreTarget: MLRun's arguments; write_dataframe, as_df; arguments.py
kinds.py          kind_to_target, get_target_driver, get_offline_target, get_online_target
purging.py        purge: deletes what feature sets wrote and nothing else

Files, local or remote:

files.py          the files below a URL: streamed, moved, locked; file_errors.py
state.py          what such a target knows of itself; its journal
layout.py         Layout, Parts: how a kind keeps its rows; rolls a journal forward
staging.py        StagedWriter: stage, commit, show
file_target.py    what targets of files share
parquet.py        ParquetTarget; parquet_layout.py shows and merges, parquet_parts.py stages
partitions.py     folders by time, key and columns
merging.py        merge by key
reading.py        columns, times and filters, pushed down
csv_target.py     CSVTarget; csv_layout.py
delta.py          DeltaTarget; delta_layout.py; needs deltalake
window_log.py     WindowLog: what went into windows

Others:

sql.py            SQLTarget; sql_writer.py, sql_feeds.py, sql_upsert.py, sql_types.py
nosql.py          NoSqlTarget, RedisNoSqlTarget: writers of `online`
streams.py        StreamTarget, KafkaTarget; stream_writer.py
v3io.py           writers through v3io_frames; tsdb.py: TSDBTarget
frame_target.py   DFTarget; custom.py: CustomTarget; snowflake.py: SnowflakeTarget, for Spark
positions.py      positions for places that keep none
frames.py         frames and Arrow tables, with exact types
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlrun_like.feature_store.targets.base import BaseStoreTarget as BaseStoreTarget
    from mlrun_like.feature_store.targets.csv_target import CSVTarget as CSVTarget
    from mlrun_like.feature_store.targets.custom import CustomTarget as CustomTarget
    from mlrun_like.feature_store.targets.delta import DeltaTarget as DeltaTarget
    from mlrun_like.feature_store.targets.frame_target import DFTarget as DFTarget
    from mlrun_like.feature_store.targets.kinds import TargetTypes as TargetTypes
    from mlrun_like.feature_store.targets.kinds import get_offline_target as get_offline_target
    from mlrun_like.feature_store.targets.kinds import get_online_target as get_online_target
    from mlrun_like.feature_store.targets.kinds import get_target_driver as get_target_driver
    from mlrun_like.feature_store.targets.kinds import kind_to_target as kind_to_target
    from mlrun_like.feature_store.targets.nosql import NoSqlTarget as NoSqlTarget
    from mlrun_like.feature_store.targets.nosql import RedisNoSqlTarget as RedisNoSqlTarget
    from mlrun_like.feature_store.targets.parquet import ParquetTarget as ParquetTarget
    from mlrun_like.feature_store.targets.snowflake import SnowflakeTarget as SnowflakeTarget
    from mlrun_like.feature_store.targets.sql import SQLTarget as SQLTarget
    from mlrun_like.feature_store.targets.streams import KafkaTarget as KafkaTarget
    from mlrun_like.feature_store.targets.streams import StreamTarget as StreamTarget
    from mlrun_like.feature_store.targets.tsdb import TSDBTarget as TSDBTarget
    from mlrun_like.feature_store.targets.window_log import WindowLog as WindowLog
    from mlrun_like.feature_store.targets.writing import TargetWriter as TargetWriter
    from mlrun_like.feature_store.targets.writing import WriteJob as WriteJob

_MODULES = {
    "BaseStoreTarget": "base",
    "CSVTarget": "csv_target",
    "CustomTarget": "custom",
    "DFTarget": "frame_target",
    "DeltaTarget": "delta",
    "KafkaTarget": "streams",
    "NoSqlTarget": "nosql",
    "ParquetTarget": "parquet",
    "RedisNoSqlTarget": "nosql",
    "SQLTarget": "sql",
    "SnowflakeTarget": "snowflake",
    "StreamTarget": "streams",
    "TSDBTarget": "tsdb",
    "TargetTypes": "kinds",
    "TargetWriter": "writing",
    "WindowLog": "window_log",
    "WriteJob": "writing",
    "get_offline_target": "kinds",
    "get_online_target": "kinds",
    "get_target_driver": "kinds",
    "kind_to_target": "kinds",
}

__all__ = [
    "BaseStoreTarget",
    "CSVTarget",
    "CustomTarget",
    "DFTarget",
    "DeltaTarget",
    "KafkaTarget",
    "NoSqlTarget",
    "ParquetTarget",
    "RedisNoSqlTarget",
    "SQLTarget",
    "SnowflakeTarget",
    "StreamTarget",
    "TSDBTarget",
    "TargetTypes",
    "TargetWriter",
    "WindowLog",
    "WriteJob",
    "get_offline_target",
    "get_online_target",
    "get_target_driver",
    "kind_to_target",
]


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
