"""Rows of `mlrun.datastore`."""

from __future__ import annotations

from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_OURS = "mlrun_like.artifacts"
_ADAPTED = "mlrun_like.compat.adapted.datastore"
_SOURCES = "mlrun_like.feature_store.sources"
_TARGETS = "mlrun_like.feature_store.targets"
_STEPS = "mlrun_like.serving.steps"
_KINDS = f"{_OURS}.profile_kinds"
_STREAMS = f"{_OURS}.profile_streams"

_SANITISE = Missing("hiding keys in options of file systems", "credentials never appear here")
_SPARK = Missing(
    "handing options to a Spark session", "fset.ingest(source, spark_context=spark) does"
)
_UDF = Missing(
    "hashing keys inside of Spark for online targets", "NoSqlTarget and RedisNoSqlTarget"
)
_FRAMES = Missing("a client of Iguazio's time series", "TSDBTarget writes them through v3io_frames")
_PROVIDER = Missing(
    "asking a language model by its URL inside of MLRun",
    "the serving step LLM proxy, or openai/transformers in a step of your own; see "
    "docs/serving-models.md",
)


_REMOTE = Missing(
    "the base of MLRun's stores and model providers",
    "mlrun_like.artifacts.stores.FileStore is the base of stores",
)
_BRICKS = Missing("a mend of fsspec's Databricks files", "dbfs:// URLs work without")
_SNOWFLAKE = Missing("options of Spark for Snowflake", "SnowflakeSource and SnowflakeTarget")
_SPLIT = Missing("container and path of a v3io URL", "mlrun.get_dataitem(url)")


def _store(name: str, example: str) -> Missing:
    return Missing(
        f"files of {name}", f"mlrun.get_dataitem({example!r}), or mlrun.store_manager.object(...)"
    )


ROWS: Rows = {
    "mlrun.datastore": {
        "DatabricksFileBugFixed": _BRICKS,
        "DatabricksFileSystemDisableCache": _BRICKS,
        "get_in_memory_items": f"{_ADAPTED}.memory:get_in_memory_items",
        "get_stream_pusher": "mlrun_like.streams.opening:get_stream_pusher",
        "set_in_memory_item": f"{_ADAPTED}.memory:set_in_memory_item",
        "store_manager": f"{_ADAPTED}.stores:store_manager",
    },
    "mlrun.datastore.alibaba_oss": {
        "make_datastore_schema_sanitizer": _SANITISE,
        "OSSStore": _store("Alibaba's OSS", "oss://bucket/x.csv"),
    },
    "mlrun.datastore.azure_blob": {
        "make_datastore_schema_sanitizer": _SANITISE,
        "AzureBlobStore": _store("Azure", "az://container/x.csv"),
    },
    "mlrun.datastore.base": {
        "DataItem": f"{_OURS}.data:DataItem",
        "DataStore": f"{_ADAPTED}.stores:DataStore",
        "FileStats": f"{_OURS}.stores:FileStats",
        "BaseRemoteClient": _REMOTE,
        "HttpStore": f"{_OURS}.web:WebStore",
        "is_jupyter": f"{_ADAPTED}.stores:is_jupyter",
        "basic_auth_header": f"{_ADAPTED}.urls:basic_auth_header",
        "make_datastore_schema_sanitizer": _SANITISE,
    },
    "mlrun.datastore.datastore": {
        "BaseRemoteClient": _REMOTE,
        "HuggingFaceProvider": _PROVIDER,
        "OpenAIProvider": _PROVIDER,
        "StoreManager": f"{_ADAPTED}.stores:StoreManager",
        "V3ioStore": _store("Iguazio's platform", "v3io:///projects/x.csv"),
        "get_local_file_schema": (
            "mlrun_like.compat.adapted.artifacts.records:get_local_file_schema"
        ),
        "in_memory_store": f"{_ADAPTED}.memory:in_memory_store",
        "schema_to_model_provider": _PROVIDER,
        "schema_to_store": f"{_ADAPTED}.stores:schema_to_store",
        "uri_to_ipython": f"{_ADAPTED}.stores:uri_to_ipython",
    },
    "mlrun.datastore.datastore_profile": {
        "ConfigProfile": f"{_KINDS}:ConfigProfile",
        "_DATASTORE_TYPE_TO_PROFILE_CLASS": f"{_KINDS}:PROFILE_KINDS",
        "DatastoreProfile": f"{_OURS}.profiles:DatastoreProfile",
        "DatastoreProfile2Json": f"{_ADAPTED}.profile_texts:DatastoreProfile2Json",
        "DatastoreProfileAzureBlob": f"{_KINDS}:DatastoreProfileAzureBlob",
        "DatastoreProfileBasic": f"{_KINDS}:DatastoreProfileBasic",
        "DatastoreProfileDBFS": f"{_KINDS}:DatastoreProfileDBFS",
        "DatastoreProfileGCS": f"{_KINDS}:DatastoreProfileGCS",
        "DatastoreProfileHdfs": f"{_KINDS}:DatastoreProfileHdfs",
        "DatastoreProfileKafkaSource": f"{_STREAMS}:DatastoreProfileKafkaSource",
        "DatastoreProfileKafkaStream": f"{_STREAMS}:DatastoreProfileKafkaStream",
        "DatastoreProfileKafkaTarget": f"{_STREAMS}:DatastoreProfileKafkaTarget",
        "DatastoreProfilePostgreSQL": f"{_OURS}.profile_databases:DatastoreProfilePostgreSQL",
        "DatastoreProfileRabbitMQ": f"{_STREAMS}:DatastoreProfileRabbitMQ",
        "DatastoreProfileRedis": f"{_OURS}.profile_databases:DatastoreProfileRedis",
        "DatastoreProfileS3": f"{_KINDS}:DatastoreProfileS3",
        "DatastoreProfileTDEngine": f"{_OURS}.profile_databases:DatastoreProfileTDEngine",
        "DatastoreProfileV3io": f"{_KINDS}:DatastoreProfileV3io",
        "HuggingFaceProfile": f"{_OURS}.profile_models:HuggingFaceProfile",
        "OpenAIProfile": f"{_OURS}.profile_models:OpenAIProfile",
        "TemporaryClientDatastoreProfiles": f"{_OURS}.profiles:TemporaryClientDatastoreProfiles",
        "datastore_profile_read": f"{_OURS}.profiles:datastore_profile_read",
        "register_temporary_client_datastore_profile": (
            f"{_OURS}.profiles:register_temporary_client_datastore_profile"
        ),
        "remove_temporary_client_datastore_profile": (
            f"{_OURS}.profiles:remove_temporary_client_datastore_profile"
        ),
    },
    "mlrun.datastore.dbfs_store": {
        "make_datastore_schema_sanitizer": _SANITISE,
        "DBFSStore": _store("Databricks", "dbfs:///x.csv"),
        "DatabricksFileBugFixed": _BRICKS,
        "DatabricksFileSystemDisableCache": _BRICKS,
    },
    "mlrun.datastore.filestore": {"FileStore": f"{_ADAPTED}.stores:DataStore"},
    "mlrun.datastore.google_cloud_storage": {
        "make_datastore_schema_sanitizer": _SANITISE,
        "GoogleCloudStorageStore": _store("Google Cloud Storage", "gs://bucket/x.csv"),
    },
    "mlrun.datastore.hdfs": {"HdfsStore": _store("Hadoop", "webhdfs://host:50070/x.csv")},
    "mlrun.datastore.inmem": {"InMemoryStore": f"{_ADAPTED}.memory:InMemoryStore"},
    "mlrun.datastore.model_provider.huggingface_provider": {"*": _PROVIDER},
    "mlrun.datastore.model_provider.mock_model_provider": {
        "MockModelProvider": "mlrun_like.compat.adapted.serving.providers:MockModelProvider",
        "*": _PROVIDER,
    },
    "mlrun.datastore.model_provider.model_provider": {
        "ModelProvider": "mlrun_like.compat.adapted.serving.providers:ModelProvider",
        "InvokeResponseFormat": _PROVIDER,
        "UsageResponseKeys": _PROVIDER,
        "*": _PROVIDER,
    },
    "mlrun.datastore.model_provider.openai_provider": {"*": _PROVIDER},
    "mlrun.datastore.redis": {
        "RedisStore": Missing(
            "files in Redis", "memory:// or a file; feature sets: RedisNoSqlTarget"
        ),
    },
    "mlrun.datastore.remote_client": {
        "BaseRemoteClient": _REMOTE,
    },
    "mlrun.datastore.s3": {
        "make_datastore_schema_sanitizer": _SANITISE,
        "DataStore": f"{_ADAPTED}.stores:DataStore",
        "S3Store": f"{_ADAPTED}.s3:S3Store",
    },
    "mlrun.datastore.snowflake_utils": {"*": _SPARK},
    "mlrun.datastore.sources": {
        "BaseSourceDriver": f"{_SOURCES}.base:Source",
        "BigQuerySource": f"{_SOURCES}.warehouses:BigQuerySource",
        "CSVSource": f"{_SOURCES}.csv:CSVSource",
        "CustomSource": f"{_SOURCES}.custom:CustomSource",
        "DataFrameSource": f"{_SOURCES}.frames:DataFrameSource",
        "HttpSource": f"{_SOURCES}.streams:HttpSource",
        "KafkaSource": f"{_SOURCES}.kafka:KafkaSource",
        "OnlineSource": f"{_SOURCES}.streams:OnlineSource",
        "ParquetSource": f"{_SOURCES}.parquet:ParquetSource",
        "SQLSource": f"{_SOURCES}.sql:SQLSource",
        "SnowflakeSource": f"{_SOURCES}.warehouses:SnowflakeSource",
        "StreamSource": f"{_SOURCES}.streams:StreamSource",
        "get_source_from_dict": f"{_SOURCES}.opening:get_source_from_dict",
        "get_source_step": Missing(
            "the first step of an ingestion's flow", "fset.ingest(source), or source.chunks()"
        ),
        "is_explicit_ack_supported": Missing(
            "asking what a Nuclio version can", "triggers acknowledge by themselves here"
        ),
        "load_spark_dataframe_with_options": _SPARK,
        "get_snowflake_spark_options": _SNOWFLAKE,
        "spark_session_update_hadoop_options": _SPARK,
        "split_path": _SPLIT,
        "source_kind_to_driver": f"{_ADAPTED}.defaults:source_kind_to_driver",
    },
    "mlrun.datastore.spark_udf": {"*": _UDF},
    "mlrun.datastore.spark_utils": {"*": _SPARK},
    "mlrun.datastore.store_resources": {
        "ResourceCache": f"{_ADAPTED}.uris:ResourceCache",
        "get_store_resource": f"{_ADAPTED}.uris:get_store_resource",
        "get_store_uri": f"{_ADAPTED}.uris:get_store_uri",
        "is_store_uri": f"{_ADAPTED}.uris:is_store_uri",
        "parse_store_uri": f"{_ADAPTED}.uris:parse_store_uri",
        "parse_versioned_object_uri": f"{_ADAPTED}.uris:parse_versioned_object_uri",
    },
    "mlrun.datastore.storeytargets": {
        "CSVStoreyTarget": f"{_STEPS}.targets_csv:CSVTarget",
        "KafkaStoreyTarget": f"{_ADAPTED}.storey_targets:KafkaStoreyTarget",
        "NoSqlStoreyTarget": f"{_STEPS}.targets_table:NoSqlTarget",
        "ParquetStoreyTarget": f"{_STEPS}.targets_parquet:ParquetTarget",
        "RedisNoSqlStoreyTarget": f"{_STEPS}.targets_table:NoSqlTarget",
        "StoreyTargetUtils": Missing(
            "resolving paths of targets", "targets take ds:// URLs by themselves"
        ),
        "StreamStoreyTarget": f"{_ADAPTED}.storey_targets:StreamStoreyTarget",
        "TSDBStoreyTarget": f"{_STEPS}.targets_tsdb:TSDBTarget",
        "TimescaleDBStoreyTarget": Missing(
            "writing MLRun's monitoring rows to TimescaleDB",
            "SQLTarget writes feature sets to PostgreSQL; monitoring keeps its own rows",
        ),
        "V3ioDriver": "mlrun_like.compat.adapted.storey.tables:V3ioDriver",
        "get_url_and_storage_options": f"{_ADAPTED}.storey_targets:get_url_and_storage_options",
    },
    "mlrun.datastore.targets": {
        "BaseStoreTarget": f"{_TARGETS}.base:BaseStoreTarget",
        "CSVTarget": f"{_TARGETS}.csv_target:CSVTarget",
        "CustomTarget": f"{_TARGETS}.custom:CustomTarget",
        "DFTarget": f"{_TARGETS}.frame_target:DFTarget",
        "KafkaTarget": f"{_TARGETS}.streams:KafkaTarget",
        "NoSqlBaseTarget": f"{_TARGETS}.nosql:NoSqlTarget",
        "NoSqlTarget": f"{_TARGETS}.nosql:NoSqlTarget",
        "ParquetTarget": f"{_TARGETS}.parquet:ParquetTarget",
        "RedisNoSqlTarget": f"{_TARGETS}.nosql:RedisNoSqlTarget",
        "SQLTarget": f"{_TARGETS}.sql:SQLTarget",
        "SnowflakeTarget": f"{_TARGETS}.snowflake:SnowflakeTarget",
        "StreamTarget": f"{_TARGETS}.streams:StreamTarget",
        "TSDBTarget": f"{_TARGETS}.tsdb:TSDBTarget",
        "TargetTypes": f"{_TARGETS}.kinds:TargetTypes",
        "add_target_steps": Missing(
            "adding writers to an ingestion's flow", "fset.ingest(source, targets=[...])"
        ),
        "default_target_names": f"{_ADAPTED}.defaults:default_target_names",
        "generate_path_with_chunk": f"{_ADAPTED}.defaults:generate_path_with_chunk",
        "generate_target_run_id": f"{_ADAPTED}.defaults:generate_target_run_id",
        "get_default_prefix_for_source": f"{_ADAPTED}.defaults:get_default_prefix_for_target",
        "get_default_prefix_for_target": f"{_ADAPTED}.defaults:get_default_prefix_for_target",
        "get_default_targets": f"{_ADAPTED}.defaults:get_default_targets",
        "get_frames_client": _FRAMES,
        "get_snowflake_password": _SNOWFLAKE,
        "get_snowflake_spark_options": _SNOWFLAKE,
        "spark_session_update_hadoop_options": _SPARK,
        "split_path": _SPLIT,
        "get_offline_target": f"{_TARGETS}.kinds:get_offline_target",
        "get_online_target": f"{_TARGETS}.kinds:get_online_target",
        "get_target_driver": f"{_TARGETS}.kinds:get_target_driver",
        "kind_to_driver": f"{_ADAPTED}.defaults:kind_to_driver",
        "offline_lookup_order": f"{_ADAPTED}.defaults:offline_lookup_order",
        "online_lookup_order": f"{_ADAPTED}.defaults:online_lookup_order",
        "update_targets_run_id_for_ingest": f"{_ADAPTED}.defaults:update_targets_run_id_for_ingest",
        "validate_target_list": f"{_TARGETS}.kinds:validate_target_list",
        "validate_target_paths_for_engine": Missing(
            "seeing that a target's path suits the engine", "fset.ingest checks it by itself"
        ),
        "validate_target_placement": f"{_ADAPTED}.defaults:validate_target_placement",
        "write_spark_dataframe_with_options": _SPARK,
    },
    "mlrun.datastore.utils": {
        "KafkaParameters": f"{_ADAPTED}.urls:KafkaParameters",
        "accepts_param": f"{_ADAPTED}.urls:accepts_param",
        "filter_df_generator": f"{_ADAPTED}.filters:filter_df_generator",
        "filter_df_start_end_time": f"{_ADAPTED}.filters:filter_df_start_end_time",
        "get_kafka_brokers_from_dict": f"{_ADAPTED}.urls:get_kafka_brokers_from_dict",
        "parse_kafka_url": f"{_ADAPTED}.urls:parse_kafka_url",
        "parse_s3_bucket_and_key": f"{_ADAPTED}.urls:parse_s3_bucket_and_key",
        "parse_url": f"{_ADAPTED}.urls:parse_url",
        "select_columns_from_df": f"{_ADAPTED}.filters:select_columns_from_df",
        "select_columns_generator": f"{_ADAPTED}.filters:select_columns_generator",
        "transform_list_filters_to_tuple": f"{_ADAPTED}.filters:transform_list_filters_to_tuple",
        "upload_tarball": f"{_ADAPTED}.urls:upload_tarball",
        "validate_additional_filters": f"{_ADAPTED}.filters:validate_additional_filters",
    },
    "mlrun.datastore.v3io": {
        "V3IO_DEFAULT_UPLOAD_CHUNK_SIZE": Missing(
            "the size of parts that are sent to Iguazio's platform", "parts are sent by v3iofs"
        ),
        "V3IO_LOCAL_ROOT": Missing(
            "the folder where Iguazio's platform is mounted", "the setting v3io_root"
        ),
        "V3ioStore": _store("Iguazio's platform", "v3io:///projects/x.csv"),
        "split_path": _SPLIT,
    },
    "mlrun.datastore.vectorstore": {
        "VectorStoreCollection": Missing(
            "a LangChain vector store whose documents are noted on their artifacts",
            "the vector store itself, with artifact.to_langchain_documents()",
        ),
        "find_existing_attribute": Missing("finding a vector store's name", ""),
    },
    "mlrun.datastore.wasbfs": {
        "WasbFS": Missing("wasb:// URLs with fsspec", "wasb:// URLs are read with adlfs"),
    },
    "mlrun.datastore.wasbfs.fs": {
        "WasbFS": Missing("wasb:// URLs with fsspec", "wasb:// URLs are read with adlfs"),
    },
}
