"""Names of ready-made steps, MLRun's and storey's among them, and where their classes are."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["REGISTERED", "registered_path"]

REGISTERED: Mapping[str, str] = {
    # storey's steps: also found without "storey."
    "storey.Map": "mlrun_like.serving.steps.maps:Map",
    "storey.flow.Map": "mlrun_like.serving.steps.maps:Map",
    "storey.Filter": "mlrun_like.serving.steps.maps:Filter",
    "storey.flow.Filter": "mlrun_like.serving.steps.maps:Filter",
    "storey.FlatMap": "mlrun_like.serving.steps.maps:FlatMap",
    "storey.flow.FlatMap": "mlrun_like.serving.steps.maps:FlatMap",
    "storey.Flatten": "mlrun_like.serving.steps.maps:Flatten",
    "storey.steps.Flatten": "mlrun_like.serving.steps.maps:Flatten",
    "storey.Extend": "mlrun_like.serving.steps.maps:Extend",
    "storey.flow.Extend": "mlrun_like.serving.steps.maps:Extend",
    "storey.ForEach": "mlrun_like.serving.steps.maps:ForEach",
    "storey.steps.ForEach": "mlrun_like.serving.steps.maps:ForEach",
    "storey.MapClass": "mlrun_like.serving.steps.map_class:MapClass",
    "storey.flow.MapClass": "mlrun_like.serving.steps.map_class:MapClass",
    "storey.MapWithState": "mlrun_like.serving.steps.state:MapWithState",
    "storey.flow.MapWithState": "mlrun_like.serving.steps.state:MapWithState",
    "storey.Rename": "mlrun_like.serving.steps.fields:Rename",
    "storey.flow.Rename": "mlrun_like.serving.steps.fields:Rename",
    "storey.DropColumns": "mlrun_like.serving.steps.fields:DropColumns",
    "storey.flow.DropColumns": "mlrun_like.serving.steps.fields:DropColumns",
    "storey.ReifyMetadata": "mlrun_like.serving.steps.fields:ReifyMetadata",
    "storey.flow.ReifyMetadata": "mlrun_like.serving.steps.fields:ReifyMetadata",
    "storey.Partition": "mlrun_like.serving.steps.fields:Partition",
    "storey.steps.Partition": "mlrun_like.serving.steps.fields:Partition",
    "storey.Choice": "mlrun_like.serving.steps.choice:Choice",
    "storey.flow.Choice": "mlrun_like.serving.steps.choice:Choice",
    "ChoiceByField": "mlrun_like.serving.steps.choosing:ChoiceByField",
    "mlrun.serving.steps.ChoiceByField": "mlrun_like.serving.steps.choosing:ChoiceByField",
    "storey.Batch": "mlrun_like.serving.steps.batching:Batch",
    "storey.flow.Batch": "mlrun_like.serving.steps.batching:Batch",
    "storey.GroupByKey": "mlrun_like.serving.steps.batching:GroupByKey",
    "storey.flow.GroupByKey": "mlrun_like.serving.steps.batching:GroupByKey",
    "storey.SampleWindow": "mlrun_like.serving.steps.sampling:SampleWindow",
    "storey.steps.SampleWindow": "mlrun_like.serving.steps.sampling:SampleWindow",
    "storey.Reduce": "mlrun_like.serving.steps.ending:Reduce",
    "storey.flow.Reduce": "mlrun_like.serving.steps.ending:Reduce",
    "storey.Complete": "mlrun_like.serving.steps.ending:Complete",
    "storey.flow.Complete": "mlrun_like.serving.steps.ending:Complete",
    "storey.Recover": "mlrun_like.serving.steps.recovering:Recover",
    "storey.flow.Recover": "mlrun_like.serving.steps.recovering:Recover",
    "storey.Collector": "mlrun_like.serving.steps.collecting:Collector",
    "storey.steps.Collector": "mlrun_like.serving.steps.collecting:Collector",
    "storey.Assert": "mlrun_like.serving.steps.assertion:Assert",
    "storey.steps.Assert": "mlrun_like.serving.steps.assertion:Assert",
    "storey.ToDataFrame": "mlrun_like.serving.steps.frames:ToDataFrame",
    "storey.dataframe.ToDataFrame": "mlrun_like.serving.steps.frames:ToDataFrame",
    "storey.ReduceToDataFrame": "mlrun_like.serving.steps.frames:ReduceToDataFrame",
    "storey.dataframe.ReduceToDataFrame": "mlrun_like.serving.steps.frames:ReduceToDataFrame",
    "storey.AggregateByKey": "mlrun_like.serving.steps.aggregate:AggregateByKey",
    "storey.aggregations.AggregateByKey": "mlrun_like.serving.steps.aggregate:AggregateByKey",
    "storey.windowed_store.Window": "mlrun_like.serving.steps.windows_step:Window",
    "storey.QueryByKey": "mlrun_like.serving.steps.query:QueryByKey",
    "storey.aggregations.QueryByKey": "mlrun_like.serving.steps.query:QueryByKey",
    "storey.JoinWithTable": "mlrun_like.serving.steps.join:JoinWithTable",
    "storey.flow.JoinWithTable": "mlrun_like.serving.steps.join:JoinWithTable",
    "storey.JoinWithV3IOTable": "mlrun_like.serving.steps.join:JoinWithV3IOTable",
    "storey.flow.JoinWithV3IOTable": "mlrun_like.serving.steps.join:JoinWithV3IOTable",
    "storey.CSVTarget": "mlrun_like.serving.steps.targets_csv:CSVTarget",
    "storey.targets.CSVTarget": "mlrun_like.serving.steps.targets_csv:CSVTarget",
    "storey.ParquetTarget": "mlrun_like.serving.steps.targets_parquet:ParquetTarget",
    "storey.targets.ParquetTarget": "mlrun_like.serving.steps.targets_parquet:ParquetTarget",
    "storey.NoSqlTarget": "mlrun_like.serving.steps.targets_table:NoSqlTarget",
    "storey.targets.NoSqlTarget": "mlrun_like.serving.steps.targets_table:NoSqlTarget",
    "storey.StreamTarget": "mlrun_like.serving.steps.targets_stream:StreamTarget",
    "storey.targets.StreamTarget": "mlrun_like.serving.steps.targets_stream:StreamTarget",
    "storey.KafkaTarget": "mlrun_like.serving.steps.targets_stream:KafkaTarget",
    "storey.targets.KafkaTarget": "mlrun_like.serving.steps.targets_stream:KafkaTarget",
    "storey.TSDBTarget": "mlrun_like.serving.steps.targets_tsdb:TSDBTarget",
    "storey.targets.TSDBTarget": "mlrun_like.serving.steps.targets_tsdb:TSDBTarget",
    "Merge": "mlrun_like.serving.steps.merging:Merge",
    "mlrun.serving.Merge": "mlrun_like.serving.steps.merging:Merge",
    "mlrun.serving.merger.Merge": "mlrun_like.serving.steps.merging:Merge",
    "SetEventMetadata": "mlrun_like.serving.steps.fields:SetEventMetadata",
    "mlrun.feature_store.steps.SetEventMetadata": (
        "mlrun_like.serving.steps.fields:SetEventMetadata"
    ),
    "$queue": "mlrun_like.serving.queues.push:QueuePush",
    # models and routers
    "V2ModelServer": "mlrun_like.serving.models.server:V2ModelServer",
    "mlrun.serving.V2ModelServer": "mlrun_like.serving.models.server:V2ModelServer",
    "mlrun.serving.v2_serving.V2ModelServer": "mlrun_like.serving.models.server:V2ModelServer",
    "FunctionModelServer": "mlrun_like.serving.models.function:FunctionModelServer",
    "ModelRouter": "mlrun_like.serving.models.router:ModelRouter",
    "mlrun.serving.ModelRouter": "mlrun_like.serving.models.router:ModelRouter",
    "mlrun.serving.routers.ModelRouter": "mlrun_like.serving.models.router:ModelRouter",
    "ParallelRun": "mlrun_like.serving.models.parallel:ParallelRun",
    "mlrun.serving.ParallelRun": "mlrun_like.serving.models.parallel:ParallelRun",
    "mlrun.serving.routers.ParallelRun": "mlrun_like.serving.models.parallel:ParallelRun",
    "VotingEnsemble": "mlrun_like.serving.models.voting:VotingEnsemble",
    "mlrun.serving.VotingEnsemble": "mlrun_like.serving.models.voting:VotingEnsemble",
    "mlrun.serving.routers.VotingEnsemble": "mlrun_like.serving.models.voting:VotingEnsemble",
    "TrafficSplit": "mlrun_like.serving.models.splitting:TrafficSplit",
    "ShadowRouter": "mlrun_like.serving.models.shadowing:ShadowRouter",
    "SKLearnModelServer": "mlrun_like.serving.models.sklearn:SKLearnModelServer",
    "mlrun.frameworks.sklearn.SKLearnModelServer": (
        "mlrun_like.serving.models.sklearn:SKLearnModelServer"
    ),
    "mlrun.frameworks.sklearn.SklearnModelServer": (
        "mlrun_like.serving.models.sklearn:SKLearnModelServer"
    ),
    "PickleModelServer": "mlrun_like.serving.models.sklearn:PickleModelServer",
    "mlrun.frameworks.sklearn.PickleModelServer": (
        "mlrun_like.serving.models.sklearn:PickleModelServer"
    ),
    "XGBoostModelServer": "mlrun_like.serving.models.xgboost:XGBoostModelServer",
    "mlrun.frameworks.xgboost.XGBoostModelServer": (
        "mlrun_like.serving.models.xgboost:XGBoostModelServer"
    ),
    "LGBMModelServer": "mlrun_like.serving.models.lightgbm:LGBMModelServer",
    "mlrun.frameworks.lgbm.LGBMModelServer": "mlrun_like.serving.models.lightgbm:LGBMModelServer",
    "PyTorchModelServer": "mlrun_like.serving.models.pytorch:PyTorchModelServer",
    "mlrun.frameworks.pytorch.PyTorchModelServer": (
        "mlrun_like.serving.models.pytorch:PyTorchModelServer"
    ),
    "ONNXModelServer": "mlrun_like.serving.models.onnx:ONNXModelServer",
    "mlrun.frameworks.onnx.ONNXModelServer": "mlrun_like.serving.models.onnx:ONNXModelServer",
    "HuggingFaceModelServer": "mlrun_like.serving.models.huggingface:HuggingFaceModelServer",
    "mlrun.frameworks.huggingface.HuggingFaceModelServer": (
        "mlrun_like.serving.models.huggingface:HuggingFaceModelServer"
    ),
    "TFKerasModelServer": "mlrun_like.serving.models.tf_keras:TFKerasModelServer",
    "mlrun.frameworks.tf_keras.TFKerasModelServer": (
        "mlrun_like.serving.models.tf_keras:TFKerasModelServer"
    ),
    "MLFlowModelServer": "mlrun_like.serving.models.mlflow:MLFlowModelServer",
    # remote calls
    "$remote": "mlrun_like.serving.remote:RemoteStep",
    "RemoteStep": "mlrun_like.serving.remote:RemoteStep",
    "mlrun.serving.RemoteStep": "mlrun_like.serving.remote:RemoteStep",
    "mlrun.serving.remote.RemoteStep": "mlrun_like.serving.remote:RemoteStep",
    "BatchHttpRequests": "mlrun_like.serving.remote:BatchHttpRequests",
    "mlrun.serving.remote.BatchHttpRequests": "mlrun_like.serving.remote:BatchHttpRequests",
    "storey.SendToHttp": "mlrun_like.serving.remote:SendToHttp",
    "storey.flow.SendToHttp": "mlrun_like.serving.remote:SendToHttp",
}
"""Where each is, as "module:attribute", by the name that graphs use."""


def registered_path(name: str) -> str:
    """The "module:attribute" of a registered name, or an empty string."""
    return REGISTERED.get(name) or REGISTERED.get(f"storey.{name}") or ""
