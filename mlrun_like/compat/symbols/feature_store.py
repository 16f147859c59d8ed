"""Rows of `mlrun.feature_store`, `mlrun.data_types` and `mlrun.features`."""

from __future__ import annotations

from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_FSTORE = "mlrun_like.feature_store"
_ADAPTED = "mlrun_like.compat.adapted.feature_store"
_DEFINED = f"{_FSTORE}.definitions"
_API = f"{_FSTORE}.ingestion.api"

_MERGERS = Missing(
    "joining the feature sets of a vector with one engine",
    'fstore.get_offline_features(vector, engine="local"), or "dask", "spark", "duckdb"',
)
_SERVER = Missing(
    "asking the MLRun service whether the user may do it",
    "the service of this product checks that by itself, see docs/access.md",
)

_GRAPH = Missing(
    "building the graph of an ingestion",
    "fset.ingest(source) does; fset.preview(source) tries the steps",
)
_REFERENCE = Missing(
    "a function that is only named", "fstore.RunConfig(function) takes functions, files and URIs"
)
_SPARK = Missing("the Spark part of an ingestion", "fset.ingest(frame, spark_context=spark)")
_PATHS = Missing("seeing that a target's path suits the engine", "fset.ingest checks it by itself")

ROWS: Rows = {
    "mlrun.data_types": {
        "BaseDataInfer": f"{_ADAPTED}.infer:BaseDataInfer",
        "DFDataInfer": f"{_ADAPTED}.infer:DFDataInfer",
        "InferOptions": f"{_FSTORE}.ingestion.infer_options:InferOptions",
        "ValueType": f"{_DEFINED}.value_types:ValueType",
        "get_infer_interface": f"{_ADAPTED}.infer:get_infer_interface",
        "is_spark_dataframe": "mlrun_like.artifacts.formats:is_spark_frame",
        "pd_schema_to_value_type": f"{_ADAPTED}.types:pd_schema_to_value_type",
        "python_type_to_value_type": f"{_ADAPTED}.types:python_type_to_value_type",
    },
    "mlrun.data_types.data_types": {
        "InferOptions": f"{_FSTORE}.ingestion.infer_options:InferOptions",
        "ValueType": f"{_DEFINED}.value_types:ValueType",
        "gbq_to_pandas_dtype": f"{_ADAPTED}.types:gbq_to_pandas_dtype",
        "pa_type_to_value_type": f"{_ADAPTED}.types:pa_type_to_value_type",
        "pd_schema_to_value_type": f"{_ADAPTED}.types:pd_schema_to_value_type",
        "python_type_to_value_type": f"{_ADAPTED}.types:python_type_to_value_type",
        "spark_to_value_type": f"{_ADAPTED}.types:spark_to_value_type",
    },
    "mlrun.data_types.infer": {
        "BaseDataInfer": f"{_ADAPTED}.infer:BaseDataInfer",
        "DFDataInfer": f"{_ADAPTED}.infer:DFDataInfer",
        "default_num_bins": f"{_ADAPTED}.infer:default_num_bins",
        "get_df_preview": f"{_ADAPTED}.infer:get_df_preview",
        "get_df_stats": f"{_ADAPTED}.infer:get_df_stats",
        "get_infer_interface": f"{_ADAPTED}.infer:get_infer_interface",
        "infer_schema_from_df": f"{_ADAPTED}.infer:infer_schema_from_df",
    },
    "mlrun.data_types.spark": {
        "*": Missing(
            "schema and statistics of a Spark frame", "fset.ingest(frame, spark_context=spark)"
        ),
    },
    "mlrun.data_types.to_pandas": {
        "spark_df_to_pandas": f"{_ADAPTED}.types:spark_df_to_pandas",
    },
    "mlrun.feature_store": {
        "Entity": f"{_DEFINED}.features:Entity",
        "Feature": f"{_DEFINED}.features:Feature",
        "FeatureSet": f"{_DEFINED}.feature_set:FeatureSet",
        "FeatureVector": f"{_DEFINED}.feature_vector:FeatureVector",
        "FixedWindowType": "mlrun_like.serving.steps.windows:FixedWindowType",
        "InferOptions": f"{_FSTORE}.ingestion.infer_options:InferOptions",
        "JoinGraph": f"{_DEFINED}.join_graph:JoinGraph",
        "OfflineVectorResponse": f"{_FSTORE}.offline.response:OfflineVectorResponse",
        "OnlineVectorService": f"{_FSTORE}.online.service:OnlineVectorService",
        "RunConfig": f"{_DEFINED}.run_config:RunConfig",
        "ValueType": f"{_DEFINED}.value_types:ValueType",
        "delete_feature_set": f"{_DEFINED}.records:delete_feature_set",
        "delete_feature_vector": f"{_DEFINED}.records:delete_feature_vector",
        "deploy_ingestion_service": f"{_ADAPTED}.jobs:deploy_ingestion_service",
        "deploy_ingestion_service_v2": f"{_API}:deploy_ingestion_service",
        "get_feature_set": f"{_DEFINED}.records:get_feature_set",
        "get_feature_vector": f"{_DEFINED}.records:get_feature_vector",
        "get_offline_features": f"{_FSTORE}.offline.api:get_offline_features",
        "get_online_feature_service": f"{_FSTORE}.online.api:get_online_feature_service",
        "infer_metadata": f"{_API}:infer_metadata",
        "ingest": f"{_ADAPTED}.jobs:ingest",
        "preview": f"{_API}:preview",
        "run_ingestion_job": f"{_ADAPTED}.jobs:run_ingestion_job",
        "run_ingestion_task": f"{_ADAPTED}.jobs:run_ingestion_job",
    },
    "mlrun.feature_store.api": {
        "FunctionReference": _REFERENCE,
        "init_featureset_graph": _GRAPH,
        "validate_target_paths_for_engine": _PATHS,
        "verify_feature_set_permissions": _SERVER,
        "write_spark_dataframe_with_options": _SPARK,
        "context_to_ingestion_params": f"{_ADAPTED}.jobs:context_to_ingestion_params",
        "norm_column_name": f"{_FSTORE}.ingestion.columns:clean_name",
        "set_task_params": f"{_ADAPTED}.jobs:set_task_params",
        "spark_transform_handler": Missing(
            "the handler of MLRun's own Spark ingestion job",
            "fset.ingest(source, run_config=fstore.RunConfig(kind='spark'))",
        ),
        "run_spark_graph": Missing(
            "the Spark part of an ingestion", "fset.ingest(frame, spark_context=spark)"
        ),
        "_infer_from_df": f"{_ADAPTED}.infer:infer_from_df",
        "_ingest": f"{_API}:ingest",
        "_preview": f"{_API}:preview",
        "_deploy_ingestion_service_v2": f"{_API}:deploy_ingestion_service",
        "_get_offline_features": f"{_FSTORE}.offline.api:get_offline_features",
        "_get_online_feature_service": f"{_FSTORE}.online.api:get_online_feature_service",
    },
    "mlrun.feature_store.common": {
        "FunctionReference": _REFERENCE,
        "enrich_function_from_dict": Missing(
            "laying a document over a function", "function.spec and function.metadata"
        ),
        "helpers": "mlrun.utils.helpers",
        "parse_versioned_object_uri": (
            "mlrun_like.compat.adapted.datastore.uris:parse_versioned_object_uri"
        ),
        "RunConfig": f"{_DEFINED}.run_config:RunConfig",
        "expected_message": f"{_ADAPTED}.names:expected_message",
        "feature_separator": f"{_ADAPTED}.names:feature_separator",
        "get_feature_set_by_uri": f"{_ADAPTED}.names:get_feature_set_by_uri",
        "get_feature_vector_by_uri": f"{_ADAPTED}.names:get_feature_vector_by_uri",
        "parse_feature_set_uri": f"{_ADAPTED}.names:parse_feature_set_uri",
        "parse_feature_string": f"{_ADAPTED}.names:parse_feature_string",
        "parse_project_name_from_feature_string": (
            f"{_ADAPTED}.names:parse_project_name_from_feature_string"
        ),
        "project_separator": f"{_ADAPTED}.names:project_separator",
        "verify_feature_set_exists": f"{_ADAPTED}.names:verify_feature_set_exists",
        "verify_feature_set_permissions": _SERVER,
        "verify_feature_vector_permissions": _SERVER,
    },
    "mlrun.feature_store.feature_set": {
        "EmitEveryEvent": "mlrun_like.serving.steps.windows_emission:EmitEveryEvent",
        "EmitPolicy": "mlrun_like.serving.steps.windows_emission:EmitPolicy",
        "FunctionReference": _REFERENCE,
        "previous_step": f"{_ADAPTED}.names:previous_step",
        "queue_class_names": f"{_ADAPTED}.names:queue_class_names",
        "verify_feature_set_permissions": _SERVER,
        "FeatureAggregation": f"{_ADAPTED}.parts:FeatureAggregation",
        "FeatureSet": f"{_DEFINED}.feature_set:FeatureSet",
        "FeatureSetSpec": f"{_DEFINED}.set_parts:FeatureSetSpec",
        "FeatureSetStatus": f"{_DEFINED}.set_parts:FeatureSetStatus",
        "SparkAggregateByKey": Missing(
            "aggregations of the Spark engine", "feature_set.add_aggregation(...)"
        ),
        "aggregates_step": f"{_DEFINED}.aggregations:AGGREGATES_STEP",
        "emit_policy_to_dict": f"{_ADAPTED}.parts:emit_policy_to_dict",
    },
    "mlrun.feature_store.feature_vector": {
        "FunctionReference": _REFERENCE,
        "get_merger": _MERGERS,
        "run_merge_job": _MERGERS,
        "verify_feature_vector_permissions": _SERVER,
        "FeatureVector": f"{_DEFINED}.feature_vector:FeatureVector",
        "FeatureVectorSpec": f"{_DEFINED}.vector_parts:FeatureVectorSpec",
        "FeatureVectorStatus": f"{_DEFINED}.vector_parts:FeatureVectorStatus",
        "FixedWindowType": "mlrun_like.serving.steps.windows:FixedWindowType",
    },
    "mlrun.feature_store.feature_vector_utils": {
        "JoinGraph": f"{_DEFINED}.join_graph:JoinGraph",
        "OfflineVectorResponse": f"{_FSTORE}.offline.response:OfflineVectorResponse",
        "OnlineVectorService": f"{_FSTORE}.online.service:OnlineVectorService",
    },
    "mlrun.feature_store.ingestion": {
        "context_to_ingestion_params": f"{_ADAPTED}.jobs:context_to_ingestion_params",
        "run_ingestion_job": f"{_ADAPTED}.jobs:run_ingestion_job",
        "*": Missing(
            "building the graph of an ingestion",
            "fset.ingest(source) does; fset.preview(source) tries the steps",
        ),
    },
    "mlrun.feature_store.retrieval": {"*": _MERGERS},
    "mlrun.feature_store.retrieval.base": {"*": _MERGERS},
    "mlrun.feature_store.retrieval.dask_merger": {"*": _MERGERS},
    "mlrun.feature_store.retrieval.job": {
        "RemoteVectorResponse": f"{_FSTORE}.offline.response:RemoteVectorResponse",
        "run_merge_job": _MERGERS,
        "*": _MERGERS,
    },
    "mlrun.feature_store.retrieval.local_merger": {"*": _MERGERS},
    "mlrun.feature_store.retrieval.spark_merger": {"*": _MERGERS},
    "mlrun.feature_store.retrieval.storey_merger": {"*": _MERGERS},
    "mlrun.feature_store.steps": {
        "DateExtractor": f"{_ADAPTED}.dates:DateExtractor",
        "DropFeatures": f"{_FSTORE}.steps.dropping:DropFeatures",
        "FeaturesetValidator": f"{_FSTORE}.steps.validating:FeaturesetValidator",
        "Imputer": f"{_FSTORE}.steps.imputing:Imputer",
        "MLRunStep": f"{_FSTORE}.steps.base:MLRunStep",
        "MapClass": "mlrun_like.serving.steps.map_class:MapClass",
        "MapValues": f"{_ADAPTED}.mapping:MapValues",
        "OneHotEncoder": f"{_FSTORE}.steps.encoding:OneHotEncoder",
        "SetEventMetadata": "mlrun_like.serving.steps.fields:SetEventMetadata",
        "get_engine": f"{_FSTORE}.steps.base:engine_of",
    },
    # older names of `mlrun.datastore`
    "mlrun.feature_store.sources": {
        "CSVSource": f"{_FSTORE}.sources.csv:CSVSource",
        "ParquetSource": f"{_FSTORE}.sources.parquet:ParquetSource",
    },
    "mlrun.feature_store.targets": {
        "CSVTarget": f"{_FSTORE}.targets.csv_target:CSVTarget",
        "NoSqlTarget": f"{_FSTORE}.targets.nosql:NoSqlTarget",
        "ParquetTarget": f"{_FSTORE}.targets.parquet:ParquetTarget",
        "TargetTypes": f"{_FSTORE}.targets.kinds:TargetTypes",
    },
    "mlrun.features": {
        "InferOptions": f"{_FSTORE}.ingestion.infer_options:InferOptions",
        "ValueType": f"{_DEFINED}.value_types:ValueType",
        "BasicTypeValidator": f"{_ADAPTED}.types:BasicTypeValidator",
        "ConvertTypeValidator": f"{_ADAPTED}.types:ConvertTypeValidator",
        "Entity": f"{_DEFINED}.features:Entity",
        "Feature": f"{_DEFINED}.features:Feature",
        "MinMaxLenValidator": f"{_DEFINED}.validators_limits:MinMaxLenValidator",
        "MinMaxValidator": f"{_DEFINED}.validators_limits:MinMaxValidator",
        "RangeTypeValidator": f"{_ADAPTED}.types:RangeTypeValidator",
        "RegexValidator": f"{_DEFINED}.validators:RegexValidator",
        "Validator": f"{_DEFINED}.validator:Validator",
        "type_validator": f"{_ADAPTED}.types:type_validator",
        "validator_kinds": f"{_DEFINED}.validators:VALIDATORS",
    },
}
