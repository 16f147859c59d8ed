"""Names of ready-made steps, MLRun's and storey's among them, and where their classes are."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["REGISTERED", "registered_path"]

REGISTERED: Mapping[str, str] = {
    # steps
    "AggregateByKey": "mlrun_like.serving.steps.aggregate:AggregateByKey",
    "Assert": "mlrun_like.serving.steps.assertion:Assert",
    "Batch": "mlrun_like.serving.steps.batching:Batch",
    "CSVTarget": "mlrun_like.serving.steps.targets_csv:CSVTarget",
    "Choice": "mlrun_like.serving.steps.choice:Choice",
    "ChoiceByField": "mlrun_like.serving.steps.choosing:ChoiceByField",
    "Collector": "mlrun_like.serving.steps.collecting:Collector",
    "Complete": "mlrun_like.serving.steps.ending:Complete",
    "DropColumns": "mlrun_like.serving.steps.fields:DropColumns",
    "Extend": "mlrun_like.serving.steps.maps:Extend",
    "Filter": "mlrun_like.serving.steps.maps:Filter",
    "FlatMap": "mlrun_like.serving.steps.maps:FlatMap",
    "Flatten": "mlrun_like.serving.steps.maps:Flatten",
    "ForEach": "mlrun_like.serving.steps.maps:ForEach",
    "GroupByKey": "mlrun_like.serving.steps.batching:GroupByKey",
    "JoinWithTable": "mlrun_like.serving.steps.join:JoinWithTable",
    "JoinWithV3IOTable": "mlrun_like.serving.steps.join:JoinWithV3IOTable",
    "KafkaTarget": "mlrun_like.serving.steps.targets_stream:KafkaTarget",
    "Map": "mlrun_like.serving.steps.maps:Map",
    "MapClass": "mlrun_like.serving.steps.map_class:MapClass",
    "MapWithState": "mlrun_like.serving.steps.state:MapWithState",
    "Merge": "mlrun_like.serving.steps.merging:Merge",
    "NoSqlTarget": "mlrun_like.serving.steps.targets_table:NoSqlTarget",
    "ParquetTarget": "mlrun_like.serving.steps.targets_parquet:ParquetTarget",
    "Partition": "mlrun_like.serving.steps.fields:Partition",
    "QueryByKey": "mlrun_like.serving.steps.query:QueryByKey",
    "Recover": "mlrun_like.serving.steps.recovering:Recover",
    "Reduce": "mlrun_like.serving.steps.ending:Reduce",
    "ReduceToDataFrame": "mlrun_like.serving.steps.frames:ReduceToDataFrame",
    "ReifyMetadata": "mlrun_like.serving.steps.fields:ReifyMetadata",
    "Rename": "mlrun_like.serving.steps.fields:Rename",
    "SampleWindow": "mlrun_like.serving.steps.sampling:SampleWindow",
    "SetEventMetadata": "mlrun_like.serving.steps.fields:SetEventMetadata",
    "StreamTarget": "mlrun_like.serving.steps.targets_stream:StreamTarget",
    "TSDBTarget": "mlrun_like.serving.steps.targets_tsdb:TSDBTarget",
    "ToDataFrame": "mlrun_like.serving.steps.frames:ToDataFrame",
    "Window": "mlrun_like.serving.steps.windows_step:Window",
    # feature sets
    "Bucketise": "mlrun_like.feature_store.steps.numbers:Bucketise",
    "Calculate": "mlrun_like.feature_store.steps.calculating:Calculate",
    "DateExtractor": "mlrun_like.feature_store.steps.dates:DateExtractor",
    "DropFeatures": "mlrun_like.feature_store.steps.dropping:DropFeatures",
    "FeaturesetValidator": "mlrun_like.feature_store.steps.validating:FeaturesetValidator",
    "Imputer": "mlrun_like.feature_store.steps.imputing:Imputer",
    "MLRunStep": "mlrun_like.feature_store.steps.base:MLRunStep",
    "MapValues": "mlrun_like.feature_store.steps.map_values:MapValues",
    "OneHotEncoder": "mlrun_like.feature_store.steps.encoding:OneHotEncoder",
    "OnlineFeatures": "mlrun_like.feature_store.online.http:OnlineFeatures",
    "Ratio": "mlrun_like.feature_store.steps.numbers:Ratio",
    "ScaleValues": "mlrun_like.feature_store.steps.numbers:ScaleValues",
    "TextFeatures": "mlrun_like.feature_store.steps.text:TextFeatures",
    "TimeDifference": "mlrun_like.feature_store.steps.times:TimeDifference",
    "ToTimeZone": "mlrun_like.feature_store.steps.times:ToTimeZone",
    # data validation
    "ValidateData": "mlrun_like.monitoring.validation.graph_step:ValidateData",
    "ValidateRoute": "mlrun_like.monitoring.validation.graph_step:ValidateRoute",
    # models
    "EnrichmentModelRouter": "mlrun_like.serving.models.enrichment:EnrichmentModelRouter",
    "EnrichmentVotingEnsemble": "mlrun_like.serving.models.enrichment:EnrichmentVotingEnsemble",
    "FunctionModelServer": "mlrun_like.serving.models.function:FunctionModelServer",
    "HuggingFaceModelServer": "mlrun_like.serving.models.huggingface:HuggingFaceModelServer",
    "LGBMModelServer": "mlrun_like.serving.models.lightgbm:LGBMModelServer",
    "MLFlowModelServer": "mlrun_like.serving.models.mlflow:MLFlowModelServer",
    "ModelRouter": "mlrun_like.serving.models.router:ModelRouter",
    "ONNXModelServer": "mlrun_like.serving.models.onnx:ONNXModelServer",
    "ParallelRun": "mlrun_like.serving.models.parallel:ParallelRun",
    "PickleModelServer": "mlrun_like.serving.models.sklearn:PickleModelServer",
    "PyTorchModelServer": "mlrun_like.serving.models.pytorch:PyTorchModelServer",
    "SKLearnModelServer": "mlrun_like.serving.models.sklearn:SKLearnModelServer",
    "ShadowRouter": "mlrun_like.serving.models.shadowing:ShadowRouter",
    "SklearnModelServer": "mlrun_like.serving.models.sklearn:SKLearnModelServer",
    "TFKerasModelServer": "mlrun_like.serving.models.tf_keras:TFKerasModelServer",
    "TrafficSplit": "mlrun_like.serving.models.splitting:TrafficSplit",
    "V2ModelServer": "mlrun_like.serving.models.server:V2ModelServer",
    "VotingEnsemble": "mlrun_like.serving.models.voting:VotingEnsemble",
    "XGBoostModelServer": "mlrun_like.serving.models.xgboost:XGBoostModelServer",
    # remote
    "$remote": "mlrun_like.serving.remote:RemoteStep",
    "BatchHttpRequests": "mlrun_like.serving.remote:BatchHttpRequests",
    "RemoteStep": "mlrun_like.serving.remote:RemoteStep",
    "SendToHttp": "mlrun_like.serving.remote:SendToHttp",
    # queues
    "$queue": "mlrun_like.serving.queues.push:QueuePush",
}
"""Where each is, as "module:attribute", by the name that graphs use."""

_FOREIGN = ("storey.", "mlrun.")  # whatever module of theirs a graph names


def registered_path(name: str) -> str:
    """The "module:attribute" of a registered name, or an empty string.

    >>> registered_path("storey.steps.Flatten") == registered_path("Flatten") != ""
    True
    """
    return REGISTERED.get(name.rpartition(".")[2] if name.startswith(_FOREIGN) else name, "")
