"""Storey's sources, as `steps.py` has its steps."""

from __future__ import annotations

from mlrun_like.compat.adapted.storey.steps import step_class
from mlrun_like.serving.stream_flow import emit_sources, frame_sources, sql_source

__all__ = [
    "AsyncEmitSource",
    "CSVSource",
    "DataframeSource",
    "ParquetSource",
    "SQLSource",
    "SyncEmitSource",
]

AsyncEmitSource = step_class(emit_sources.AsyncEmitSource, "sources")
CSVSource = step_class(frame_sources.CSVSource, "sources")
DataframeSource = step_class(frame_sources.DataframeSource, "sources")
ParquetSource = step_class(frame_sources.ParquetSource, "sources")
SQLSource = step_class(sql_source.SQLSource, "sources")
SyncEmitSource = step_class(emit_sources.SyncEmitSource, "sources")
