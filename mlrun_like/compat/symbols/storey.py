"""Rows of storey: its steps, sources, targets and tables are those of our graphs."""

from __future__ import annotations

from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_STEPS = "mlrun_like.serving.steps"
_FLOW = "mlrun_like.serving.stream_flow"
_ADAPTED = "mlrun_like.compat.adapted.storey"

_DTYPES = {
    "EmissionType": f"{_STEPS}.windows_emission:EmissionType",
    "EmitAfterDelay": f"{_STEPS}.windows_emission:EmitAfterDelay",
    "EmitAfterMaxEvent": f"{_STEPS}.windows_emission:EmitAfterMaxEvent",
    "EmitAfterPeriod": f"{_STEPS}.windows_emission:EmitAfterPeriod",
    "EmitAfterWindow": f"{_STEPS}.windows_emission:EmitAfterWindow",
    "EmitEveryEvent": f"{_STEPS}.windows_emission:EmitEveryEvent",
    "EmitPolicy": f"{_STEPS}.windows_emission:EmitPolicy",
    "Event": f"{_ADAPTED}.event:Event",
    "FieldAggregator": f"{_STEPS}.aggregate_field:FieldAggregator",
    "FixedWindow": f"{_STEPS}.windows:FixedWindow",
    "FixedWindowType": f"{_STEPS}.windows:FixedWindowType",
    "FixedWindows": f"{_STEPS}.windows:FixedWindows",
    "LateDataHandling": f"{_STEPS}.windows_emission:LateDataHandling",
    "SlidingWindow": f"{_STEPS}.windows:SlidingWindow",
    "SlidingWindows": f"{_STEPS}.windows:SlidingWindows",
    "StreamChunk": f"{_FLOW}.results:StreamChunk",
    "StreamCompletion": f"{_FLOW}.results:StreamCompletion",
    "WindowBase": f"{_STEPS}.windows:WindowBase",
    "WindowsBase": f"{_STEPS}.windows:WindowsBase",
    "parse_duration": f"{_STEPS}.windows:parse_duration",
}
_STEP_ROWS = {
    "Assert": f"{_ADAPTED}.steps:Assert",
    "AggregateByKey": f"{_ADAPTED}.steps:AggregateByKey",
    "Batch": f"{_ADAPTED}.steps:Batch",
    "Choice": f"{_ADAPTED}.steps:Choice",
    "Collector": f"{_ADAPTED}.steps:Collector",
    "Complete": f"{_ADAPTED}.steps:Complete",
    "DropColumns": f"{_ADAPTED}.steps:DropColumns",
    "EmitPeriod": f"{_STEPS}.sampling:EmitPeriod",
    "Extend": f"{_ADAPTED}.steps:Extend",
    "Filter": f"{_ADAPTED}.steps:Filter",
    "FlatMap": f"{_ADAPTED}.steps:FlatMap",
    "Flatten": f"{_ADAPTED}.steps:Flatten",
    "Flow": f"{_ADAPTED}.flow:Flow",
    "ForEach": f"{_ADAPTED}.steps:ForEach",
    "HttpRequest": "mlrun_like.serving.remote:HttpRequest",
    "HttpResponse": "mlrun_like.serving.remote:HttpResponse",
    "JoinWithTable": f"{_ADAPTED}.steps:JoinWithTable",
    "JoinWithV3IOTable": f"{_ADAPTED}.steps:JoinWithV3IOTable",
    "Map": f"{_ADAPTED}.steps:Map",
    "MapClass": f"{_ADAPTED}.steps:MapClass",
    "MapWithState": f"{_ADAPTED}.steps:MapWithState",
    "Partition": f"{_ADAPTED}.steps:Partition",
    "Partitioned": f"{_STEPS}.fields:Partitioned",
    "QueryByKey": f"{_ADAPTED}.steps:QueryByKey",
    "Recover": f"{_ADAPTED}.steps:Recover",
    "Reduce": f"{_ADAPTED}.steps:Reduce",
    "ReduceToDataFrame": f"{_ADAPTED}.steps:ReduceToDataFrame",
    "ReifyMetadata": f"{_ADAPTED}.steps:ReifyMetadata",
    "Rename": f"{_ADAPTED}.steps:Rename",
    "SampleWindow": f"{_ADAPTED}.steps:SampleWindow",
    "SendToHttp": f"{_ADAPTED}.http:SendToHttp",
    "ToDataFrame": f"{_ADAPTED}.steps:ToDataFrame",
    "Context": f"{_FLOW}.context:Context",
    "build_flow": f"{_FLOW}.build:build_flow",
    "Table": f"{_ADAPTED}.tables:Table",
}
_SOURCES = {
    "AsyncAwaitableResult": f"{_FLOW}.results:AsyncAwaitableResult",
    "AsyncEmitSource": f"{_ADAPTED}.sources:AsyncEmitSource",
    "AsyncFlowController": f"{_FLOW}.controller:AsyncFlowController",
    "AwaitableResult": f"{_FLOW}.results:AwaitableResult",
    "CSVSource": f"{_ADAPTED}.sources:CSVSource",
    "DataframeSource": f"{_ADAPTED}.sources:DataframeSource",
    "FlowAwaiter": f"{_FLOW}.controller:FlowAwaiter",
    "FlowController": f"{_FLOW}.controller:FlowController",
    "ParquetSource": f"{_ADAPTED}.sources:ParquetSource",
    "SQLSource": f"{_ADAPTED}.sources:SQLSource",
    "SyncEmitSource": f"{_ADAPTED}.sources:SyncEmitSource",
}
_TARGETS = {
    "CSVTarget": f"{_ADAPTED}.steps:CSVTarget",
    "KafkaTarget": f"{_ADAPTED}.steps:KafkaTarget",
    "NoSqlTarget": f"{_ADAPTED}.targets:NoSqlTarget",
    "ParquetTarget": f"{_ADAPTED}.targets:ParquetTarget",
    "StreamTarget": f"{_ADAPTED}.steps:StreamTarget",
    "TSDBTarget": f"{_ADAPTED}.targets:TSDBTarget",
}
_DRIVERS = {
    "Driver": f"{_ADAPTED}.drivers:Driver",
    "NoopDriver": f"{_STEPS}.drivers:NoopDriver",
    "SQLDriver": f"{_STEPS}.drivers_sql:SQLDriver",
    "RedisDriver": f"{_STEPS}.drivers_redis:RedisDriver",
}
_WINDOWED = {
    "Window": f"{_STEPS}.windows_step:Window",
    "WindowBucket": f"{_STEPS}.windows_step:WindowBucket",
    "WindowedStore": f"{_STEPS}.windows_step:WindowedStore",
    "WindowedStoreElement": f"{_STEPS}.windows_step:WindowedStoreElement",
}
_CONCURRENT = {
    "ConcurrentExecution": f"{_ADAPTED}.steps:ConcurrentExecution",
    "ParallelExecution": f"{_ADAPTED}.steps:ParallelExecution",
    "ParallelExecutionMechanisms": f"{_STEPS}.mechanisms:ParallelExecutionMechanisms",
    "ParallelExecutionRunnable": f"{_STEPS}.runnables:ParallelExecutionRunnable",
    "RunnableExecutor": f"{_STEPS}.runnable_executor:RunnableExecutor",
    "_Batching": f"{_ADAPTED}.flow:Batching",
    "_ConcurrentJobExecution": f"{_ADAPTED}.flow:ConcurrentJobExecution",
    "_StreamingStepMixin": f"{_ADAPTED}.flow:StreamingStep",
    "_is_generator": f"{_ADAPTED}.flow:is_generator",
    "is_batched_event": f"{_STEPS}.parallel_execution:is_batched",
}
_FAILURES = {
    "FlowError": "mlrun_like.errors:GraphError",
    "RedisError": "mlrun_like.errors:StoreUnavailableError",
    "StoreyMissingDependencyError": "mlrun_like.errors:MissingDependencyError",
    "StreamingError": "mlrun_like.errors:GraphError",
    "V3ioError": "mlrun_like.errors:StoreUnavailableError",
}
_HELPERS = {
    "bucketPerWindow": f"{_ADAPTED}.helpers:BUCKETS_PER_WINDOW",
    "event_fields_to_serialize": f"{_ADAPTED}.helpers:EVENT_FIELDS",
    "find_filters": f"{_ADAPTED}.helpers:find_filters",
    "find_partitions": f"{_ADAPTED}.helpers:find_partitions",
    "get_in": f"{_ADAPTED}.helpers:get_in",
    "get_one_unit_of_duration": f"{_ADAPTED}.helpers:get_one_unit_of_duration",
    "get_remaining_path": f"{_ADAPTED}.helpers:get_remaining_path",
    "hash_list": f"{_ADAPTED}.helpers:hash_list",
    "known_driver_schemes": f"{_ADAPTED}.helpers:KNOWN_DRIVER_SCHEMES",
    "parse_duration": f"{_STEPS}.windows:parse_duration",
    "schema_file_name": f"{_ADAPTED}.helpers:SCHEMA_FILE",
    "serialize_event_marker": f"{_ADAPTED}.helpers:EVENT_MARKER",
    "sort_windows_and_convert_to_millis": (
        f"{_ADAPTED}.helpers:sort_windows_and_convert_to_millis"
    ),
    "stringify_key": f"{_ADAPTED}.helpers:stringify_key",
    "unpack_event_if_wrapped": f"{_ADAPTED}.helpers:unpack_event_if_wrapped",
    "update_in": f"{_ADAPTED}.helpers:update_in",
    "url_to_file_system": f"{_ADAPTED}.helpers:url_to_file_system",
    "wrap_event_for_serialization": f"{_ADAPTED}.helpers:wrap_event_for_serialization",
    "_dict_to_emit_policy": f"{_ADAPTED}.helpers:emit_policy",
}
_QUEUES = {
    "AsyncQueue": f"{_ADAPTED}.queues:AsyncQueue",
    "SimpleAsyncQueue": f"{_ADAPTED}.queues:SimpleAsyncQueue",
}
_BLOB = Missing("reading and writing arrays in the platform's key-value format")
_CLASSES = Missing(
    "values inside of storey's tables", "AggregateByKey and Table have the public way"
)
_TIMESCALE = Missing(
    "writing rows to TimescaleDB", "SQLTarget of mlrun.feature_store writes to PostgreSQL"
)
_METRICS = Missing(
    "sending metrics of a flow to an OpenTelemetry collector",
    "mlrun_like.serving.observe records metrics and traces of graphs, also for OpenTelemetry",
)
_TABLE: dict[str, str | Missing] = {
    "AggregatedStoreElement": _CLASSES,
    "AggregationBuckets": _CLASSES,
    "AggregationValue": _CLASSES,
    "CountValue": _CLASSES,
    "FirstValue": _CLASSES,
    "LastValue": _CLASSES,
    "MaxValue": _CLASSES,
    "MinValue": _CLASSES,
    "ReadOnlyAggregatedStoreElement": _CLASSES,
    "ReadOnlyAggregationBuckets": f"{_ADAPTED}.buckets:ReadOnlyAggregationBuckets",
    "SqrValue": _CLASSES,
    "SumValue": _CLASSES,
    "VirtualAggregation": _CLASSES,
    "VirtualAggregationBuckets": _CLASSES,
}
_INSIDE = Missing("the inside of storey", "AggregateByKey and Table have the public way")
_OTHERS: dict[str, str | Missing] = {
    **dict.fromkeys(
        (
            "MeterProvider",
            "OTLPMetricExporter",
            "PeriodicExportingMetricReader",
            "aggregate",
            "frames",
            "get_all_raw_aggregates",
            "get_all_raw_aggregates_with_hidden",
            "get_implied_aggregates",
            "get_virtual_aggregation_func",
            "get_window_optimal_period_millis",
            "get_window_optimal_size_millis",
            "is_aggregation_name",
            "is_raw_aggregate",
            "utils",
        ),
        _INSIDE,
    ),
    "FlowControllerBase": f"{_FLOW}.controller:FlowAwaiter",
    "NeedsRedisAccess": Missing("connecting to Redis", "RedisDriver(redis_url=...)"),
    "NeedsV3ioAccess": f"{_ADAPTED}.tables:NeedsV3ioAccess",
    "OTelMetricsExporter": _METRICS,
    "TimescaleDBTarget": _TIMESCALE,
    "WithUUID": Missing("making ids of events", "events of a flow have ids"),
    "_termination_obj": f"{_ADAPTED}.flow:TERMINATION",
    "convert_array_tlv": _BLOB,
    "extract_array_tlv": _BLOB,
    "V3ioDriver": f"{_ADAPTED}.tables:V3ioDriver",
}
_ALL: dict[str, str | Missing] = {
    **_DTYPES,
    **_STEP_ROWS,
    **_SOURCES,
    **_TARGETS,
    **_DRIVERS,
    **_CONCURRENT,
    **_FAILURES,
    **_HELPERS,
    **_QUEUES,
    **_WINDOWED,
    **_TABLE,
    **_OTHERS,
}
_MODULES = (
    "aggregation_utils aggregations dataframe drivers dtypes flow otel_metrics_exporter queue "
    "redis_driver sources sql_driver steps steps.assertion steps.collector steps.flatten "
    "steps.foreach steps.partition steps.sample table targets timescaledb_target transformations "
    "utils windowed_store"
)

ROWS: Rows = {
    "storey": _ALL,
    **{f"storey.{module}": _ALL for module in _MODULES.split()},
}
"""All modules have all names: where storey had one changed from version to version."""
