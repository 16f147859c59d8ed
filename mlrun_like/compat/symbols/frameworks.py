"""Rows of `mlrun.frameworks`, `mlrun.mlutils` and `mlrun.track`."""

from __future__ import annotations

from mlrun_like.compat.table import Missing, Rows

__all__ = ["ROWS"]

_OURS = "mlrun_like.frameworks"
_OLD = "mlrun_like.compat.adapted.frameworks"
_DATA = {name: f"{_OLD}.tables:{name}" for name in ("get_sample", "get_splits", "save_test_set")}
_PLOTS = {
    name: f"{_OLD}.charts:{name}"
    for name in (
        *("confusion_matrix", "feature_importances", "gcf_clear", "learning_curves"),
        *("plot_importance", "plot_roc", "precision_recall_bin", "precision_recall_multi"),
        *("roc_bin", "roc_multi"),
    )
} | {name: f"{_OLD}.evaluation:{name}" for name in ("eval_class_model", "eval_model_v2")}
_MODELS = {
    "create_class": "mlrun_like.compat.adapted.helpers.finding:create_class",
    "create_function": "mlrun_like.compat.adapted.helpers.finding:create_function",
    "eval_class_model": f"{_OLD}.evaluation:eval_class_model",
    "eval_model_v2": f"{_OLD}.evaluation:eval_model_v2",
    "gen_sklearn_model": f"{_OLD}.estimators:gen_sklearn_model",
    "get_class_fit": f"{_OLD}.estimators:get_class_fit",
}
_SERVERS = "mlrun_like.serving.models"
_INSIDE = Missing(
    "building MLRun's own integrations of frameworks",
    "mlrun_like.frameworks.core.handler.ModelHandler is the base of handlers of models here",
)
_WRAPPING = Missing(
    "wrapping a model's methods, which apply_mlrun did",
    "apply_mlrun(model) watches the model here; there is no interface class to add",
)
_LOOPS = Missing(
    "watching a training loop",
    "mlrun_like.frameworks.pytorch has Callback, MLRunLoggingCallback and "
    "TensorboardLoggingCallback",
)
_ROUNDS = Missing(
    "watching the rounds of a training of LightGBM",
    "lgbm.apply_mlrun() watches every round",
)

ROWS: Rows = {
    "mlrun.frameworks": {
        "compare_db_runs": f"{_OURS}.parallel_coordinates:compare_db_runs",
        "compare_run_objects": f"{_OURS}.parallel_coordinates:compare_run_objects",
    },
    "mlrun.frameworks.parallel_coordinates": {
        "gen_pcp_plot": f"{_OURS}.parallel_coordinates:gen_pcp_plot",
        "*": Missing("drawing parallel coordinates", "gen_pcp_plot draws them from a table"),
    },
    "mlrun.frameworks._common": {
        "ModelHandler": f"{_OURS}.core.handler:ModelHandler",
        "ArtifactsLibrary": f"{_OURS}.core.plans:ArtifactsLibrary",
        "Plan": f"{_OURS}.core.plan:Plan",
        "*": _INSIDE,
    },
    "mlrun.frameworks._common.artifacts_library": {"*": _INSIDE},
    "mlrun.frameworks._common.mlrun_interface": {"*": _WRAPPING},
    "mlrun.frameworks._common.model_handler": {"*": _INSIDE},
    "mlrun.frameworks._common.plan": {"*": _INSIDE},
    "mlrun.frameworks._common.producer": {"*": _INSIDE},
    "mlrun.frameworks._common.utils": {"*": _INSIDE},
    "mlrun.frameworks._dl_common": {
        "DLModelHandler": f"{_OURS}.core.handler:ModelHandler",
        "*": _INSIDE,
    },
    "mlrun.frameworks._dl_common.loggers": {"Logger": _LOOPS, "*": _LOOPS},
    "mlrun.frameworks._dl_common.loggers.logger": {"Logger": _LOOPS, "*": _LOOPS},
    "mlrun.frameworks._dl_common.loggers.mlrun_logger": {"Logger": _LOOPS, "*": _LOOPS},
    "mlrun.frameworks._dl_common.loggers.tensorboard_logger": {"Logger": _LOOPS, "*": _LOOPS},
    "mlrun.frameworks._dl_common.model_handler": {"*": _INSIDE},
    "mlrun.frameworks._dl_common.utils": {"*": _INSIDE},
    "mlrun.frameworks._ml_common": {
        "MLArtifactsLibrary": f"{_OURS}.core.plans:ArtifactsLibrary",
        "MLModelHandler": f"{_OURS}.core.tabular:TabularHandler",
        "MLPlan": f"{_OURS}.core.plan:Plan",
        "MLPlotPlan": f"{_OURS}.core.plan:Plan",
        "PickleModelServer": f"{_SERVERS}.sklearn:SKLearnModelServer",
        "*": _INSIDE,
    },
    "mlrun.frameworks._ml_common.artifacts_library": {"*": _INSIDE},
    "mlrun.frameworks._ml_common.loggers": {"*": _INSIDE},
    "mlrun.frameworks._ml_common.loggers.logger": {"*": _INSIDE},
    "mlrun.frameworks._ml_common.loggers.mlrun_logger": {"*": _INSIDE},
    "mlrun.frameworks._ml_common.model_handler": {"*": _INSIDE},
    "mlrun.frameworks._ml_common.pkl_model_server": {"*": _INSIDE},
    "mlrun.frameworks._ml_common.plan": {"*": _INSIDE},
    "mlrun.frameworks._ml_common.plans": {
        "CalibrationCurvePlan": f"{_OURS}.core.curves:CalibrationCurvePlan",
        "ConfusionMatrixPlan": f"{_OURS}.core.curves:ConfusionMatrixPlan",
        "DatasetPlan": f"{_OURS}.core.plan:DatasetPlan",
        "FeatureImportancePlan": f"{_OURS}.core.curves:FeatureImportancePlan",
        "ROCCurvePlan": f"{_OURS}.core.curves:ROCCurvePlan",
    },
    **{
        f"mlrun.frameworks._ml_common.plans.{name}_plan": {"*": _INSIDE}
        for name in (
            *("calibration_curve", "confusion_matrix", "dataset", "feature_importance"),
            "roc_curve",
        )
    },
    "mlrun.frameworks._ml_common.producer": {"*": _INSIDE},
    "mlrun.frameworks._ml_common.utils": {"*": _INSIDE},
    "mlrun.frameworks.auto_mlrun": {"AutoMLRun": f"{_OURS}.auto_mlrun:AutoMLRun"},
    "mlrun.frameworks.auto_mlrun.auto_mlrun": {
        "get_framework_by_instance": f"{_OURS}.auto_mlrun:framework_of",
        "*": Missing("finding the framework of a model", "AutoMLRun.apply_mlrun(model) finds it"),
    },
    "mlrun.frameworks.huggingface": {
        "HuggingFaceModelServer": f"{_SERVERS}.huggingface:HuggingFaceModelServer",
        "apply_mlrun": f"{_OURS}.huggingface:apply_mlrun",
    },
    "mlrun.frameworks.lgbm": {
        "LGBMArtifactsLibrary": f"{_OURS}.lgbm:LGBMArtifactsLibrary",
        "LGBMModelHandler": f"{_OURS}.lgbm:LGBMModelHandler",
        "LGBMModelServer": f"{_SERVERS}.lightgbm:LGBMModelServer",
        "Metric": f"{_OURS}.core.metrics:Metric",
        "MetricsLibrary": f"{_OURS}.core.metrics:MetricsLibrary",
        "apply_mlrun": f"{_OURS}.lgbm:apply_mlrun",
        "LGBMBoosterMLRunInterface": _WRAPPING,
        "LGBMMLRunInterface": _WRAPPING,
        "LGBMModelMLRunInterface": _WRAPPING,
        "*": _INSIDE,
    },
    "mlrun.frameworks.lgbm.callbacks": {
        "MLRunLoggingCallback": f"{_OURS}.lgbm_training:MLRunLoggingCallback",
        "*": _ROUNDS,
    },
    "mlrun.frameworks.lgbm.callbacks.callback": {"*": _ROUNDS},
    "mlrun.frameworks.lgbm.callbacks.logging_callback": {"*": _ROUNDS},
    "mlrun.frameworks.lgbm.callbacks.mlrun_logging_callback": {"*": _ROUNDS},
    "mlrun.frameworks.lgbm.mlrun_interfaces": {"*": _WRAPPING},
    "mlrun.frameworks.lgbm.mlrun_interfaces.booster_mlrun_interface": {"*": _WRAPPING},
    "mlrun.frameworks.lgbm.mlrun_interfaces.mlrun_interface": {"*": _WRAPPING},
    "mlrun.frameworks.lgbm.mlrun_interfaces.model_mlrun_interface": {"*": _WRAPPING},
    "mlrun.frameworks.lgbm.model_handler": {"*": _WRAPPING},
    "mlrun.frameworks.lgbm.model_server": {"*": _INSIDE},
    "mlrun.frameworks.lgbm.utils": {"*": _INSIDE},
    "mlrun.frameworks.onnx": {
        "ONNXModelHandler": f"{_OURS}.onnx:ONNXModelHandler",
        "ONNXModelServer": f"{_SERVERS}.onnx:ONNXModelServer",
        "ONNXDataset": Missing("feeding batches to a model", "give ONNXModelServer the rows"),
    },
    "mlrun.frameworks.onnx.dataset": {
        "*": Missing("feeding batches to a model", "give ONNXModelServer the rows"),
    },
    "mlrun.frameworks.onnx.mlrun_interface": {"*": _WRAPPING},
    "mlrun.frameworks.onnx.model_server": {"*": _INSIDE},
    "mlrun.frameworks.pytorch": {
        "Callback": f"{_OURS}.pytorch.callbacks:Callback",
        "PyTorchMLRunInterface": f"{_OURS}.pytorch.interface:PyTorchMLRunInterface",
        "PyTorchModelHandler": f"{_OURS}.pytorch.handler:PyTorchModelHandler",
        "PyTorchModelServer": f"{_SERVERS}.pytorch:PyTorchModelServer",
        "evaluate": f"{_OURS}.pytorch.train:evaluate",
        "train": f"{_OURS}.pytorch.train:train",
        "CallbacksHandler": Missing(
            "calling several callbacks", "train(..., callbacks=[...]) calls them all"
        ),
        "*": _INSIDE,
    },
    "mlrun.frameworks.pytorch.callbacks": {
        "MLRunLoggingCallback": f"{_OURS}.pytorch.callbacks:MLRunLoggingCallback",
        "TensorboardLoggingCallback": f"{_OURS}.pytorch.callbacks:TensorboardLoggingCallback",
        "*": _LOOPS,
    },
    "mlrun.frameworks.pytorch.callbacks.callback": {"*": _LOOPS},
    "mlrun.frameworks.pytorch.callbacks.logging_callback": {"*": _LOOPS},
    "mlrun.frameworks.pytorch.callbacks.mlrun_logging_callback": {"*": _LOOPS},
    "mlrun.frameworks.pytorch.callbacks.tensorboard_logging_callback": {"*": _LOOPS},
    "mlrun.frameworks.pytorch.callbacks_handler": {"*": _LOOPS},
    "mlrun.frameworks.pytorch.mlrun_interface": {"*": _LOOPS},
    "mlrun.frameworks.pytorch.model_handler": {"*": _INSIDE},
    "mlrun.frameworks.pytorch.model_server": {"*": _INSIDE},
    "mlrun.frameworks.pytorch.utils": {"*": _INSIDE},
    "mlrun.frameworks.sklearn": {
        "Metric": f"{_OURS}.core.metrics:Metric",
        "MetricsLibrary": f"{_OURS}.core.metrics:MetricsLibrary",
        "PickleModelServer": f"{_SERVERS}.sklearn:SKLearnModelServer",
        "SKLearnArtifactsLibrary": f"{_OURS}.sklearn:SKLearnArtifactsLibrary",
        "SKLearnModelHandler": f"{_OURS}.sklearn:SKLearnModelHandler",
        "SKLearnModelServer": f"{_SERVERS}.sklearn:SKLearnModelServer",
        "SklearnModelServer": f"{_SERVERS}.sklearn:SKLearnModelServer",  # as tutorials spell it
        "apply_mlrun": f"{_OURS}.sklearn:apply_mlrun",
        "SKLearnMLRunInterface": _WRAPPING,
        "*": _INSIDE,
    },
    "mlrun.frameworks.sklearn.estimator": {"*": _INSIDE},
    "mlrun.frameworks.sklearn.metric": {"*": _INSIDE},
    "mlrun.frameworks.sklearn.metrics_library": {"*": _INSIDE},
    "mlrun.frameworks.sklearn.mlrun_interface": {"*": _WRAPPING},
    "mlrun.frameworks.sklearn.model_handler": {"*": _WRAPPING},
    "mlrun.frameworks.sklearn.utils": {"*": _INSIDE},
    "mlrun.frameworks.tf_keras": {
        "MLRunLoggingCallback": f"{_OURS}.tf_keras:MLRunLoggingCallback",
        "TFKerasModelHandler": f"{_OURS}.tf_keras:TFKerasModelHandler",
        "TFKerasModelServer": f"{_SERVERS}.tf_keras:TFKerasModelServer",
        "apply_mlrun": f"{_OURS}.tf_keras:apply_mlrun",
        "TFKerasMLRunInterface": _WRAPPING,
        "TensorboardLoggingCallback": Missing(
            "writing curves for TensorBoard", "apply_mlrun(model, tensorboard_directory=...) does"
        ),
        "*": _INSIDE,
    },
    "mlrun.frameworks.tf_keras.callbacks": {"*": _LOOPS},
    "mlrun.frameworks.tf_keras.callbacks.logging_callback": {"*": _LOOPS},
    "mlrun.frameworks.tf_keras.callbacks.mlrun_logging_callback": {"*": _LOOPS},
    "mlrun.frameworks.tf_keras.callbacks.tensorboard_logging_callback": {"*": _LOOPS},
    "mlrun.frameworks.tf_keras.mlrun_interface": {"*": _WRAPPING},
    "mlrun.frameworks.tf_keras.model_handler": {"*": _WRAPPING},
    "mlrun.frameworks.tf_keras.model_server": {"*": _INSIDE},
    "mlrun.frameworks.tf_keras.utils": {"*": _INSIDE},
    "mlrun.frameworks.xgboost": {
        "Metric": f"{_OURS}.core.metrics:Metric",
        "MetricsLibrary": f"{_OURS}.core.metrics:MetricsLibrary",
        "PickleModelServer": f"{_SERVERS}.sklearn:SKLearnModelServer",
        "XGBoostArtifactsLibrary": f"{_OURS}.xgboost:XGBoostArtifactsLibrary",
        "XGBoostModelHandler": f"{_OURS}.xgboost:XGBoostModelHandler",
        "XGBoostModelServer": f"{_SERVERS}.xgboost:XGBoostModelServer",
        "XGBModelServer": f"{_SERVERS}.xgboost:XGBoostModelServer",  # as its documentation says
        "apply_mlrun": f"{_OURS}.xgboost:apply_mlrun",
        "XGBModelMLRunInterface": _WRAPPING,
        "*": _INSIDE,
    },
    "mlrun.frameworks.xgboost.mlrun_interface": {"*": _WRAPPING},
    "mlrun.frameworks.xgboost.model_handler": {"*": _WRAPPING},
    "mlrun.frameworks.xgboost.utils": {"*": _INSIDE},
    "mlrun.mlutils": _DATA | _MODELS | _PLOTS,
    "mlrun.mlutils.data": _DATA,
    "mlrun.mlutils.models": _MODELS,
    "mlrun.mlutils.plots": _PLOTS,
    "mlrun.track": {
        "*": Missing(
            "taking over what other trackers record",
            "mlrun_like.frameworks.mlflow.MLFlowTracker; the group 'trackers' of the registry",
        ),
    },
    "mlrun.track.tracker": {"*": _INSIDE},
    "mlrun.track.tracker_manager": {"*": _INSIDE},
    "mlrun.track.trackers": {},
    "mlrun.track.trackers.mlflow_tracker": {
        "MLFlowTracker": f"{_OURS}.mlflow:MLFlowTracker",
        "*": _INSIDE,
    },
}
