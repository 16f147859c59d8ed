"""Auto-logging of XGBoost: `apply_mlrun(model)`, with the metrics of each round."""

from __future__ import annotations

import json
import os
from typing import Any

from mlrun_like.frameworks.core.apply import Adapter, apply_to_tables
from mlrun_like.frameworks.core.metrics import Metric, MetricsLibrary
from mlrun_like.frameworks.core.plans import ArtifactsLibrary
from mlrun_like.frameworks.core.tabular import TabularHandler
from mlrun_like.frameworks.core.watching import plain
from mlrun_like.registry import require, resolve
from mlrun_like.runs.context import MLClientCtx

__all__ = [
    "Metric",
    "MetricsLibrary",
    "XGBoostArtifactsLibrary",
    "XGBoostModelHandler",
    "apply_mlrun",
]

XGBoostArtifactsLibrary = ArtifactsLibrary
"""The artifacts that can be made, by name (MLRun's word)."""


class XGBoostModelHandler(TabularHandler):
    """A model of XGBoost, saved as a pickle or in XGBoost's own formats, which run no code."""

    FRAMEWORK_NAME = "xgboost"
    FORMATS = ("pkl", "json", "ubj")
    SUFFIXES = (".pkl", ".json", ".ubj")

    def write(self, folder: str) -> str:
        """The model in its format."""
        if self.model_format == "pkl":
            return super().write(folder)
        name = f"{self.model_name}.{self.model_format}"
        booster = self._model
        with plain(booster):
            booster.save_model(os.path.join(folder, name))
        return name

    def read(self, path: str) -> Any:
        """The model in a file of XGBoost."""
        xgboost = require("xgboost", extra="xgboost", feature=type(self).__name__)
        booster = xgboost.Booster(model_file=path)
        kind = _kind(booster)
        if kind is None:
            return booster
        model = getattr(xgboost, kind)()
        model.load_model(path)
        return model

    def own_labels(self) -> dict[str, str]:
        """The format."""
        return {"model-format": self.model_format}


def _kind(booster: Any) -> str | None:
    objective = str(json.loads(booster.save_config())["learner"]["objective"]["name"])
    if objective.startswith("rank:"):
        return "XGBRanker"
    is_class = objective.startswith(("binary:", "multi:"))
    return "XGBClassifier" if is_class else "XGBRegressor"


def _series(model: Any) -> dict[str, list[float]]:
    """The metrics of each round, of the sets that `fit(eval_set=...)` was given."""
    found = vars(model).get("evals_result_") or {}
    return {
        f"{name}_{metric}".replace("@", "_"): [float(value) for value in values]
        for name, metrics in found.items()
        for metric, values in metrics.items()
        if len(values)
    }


_ADAPTER = Adapter(XGBoostModelHandler, "mlrun-xgboost", _series)


def apply_mlrun(  # noqa: PLR0913 - MLRun's signature
    model: Any = None,
    model_name: str = "model",
    tag: str = "",
    model_path: str | None = None,
    modules_map: Any = None,
    custom_objects_map: Any = None,
    custom_objects_directory: str | None = None,
    context: MLClientCtx | None = None,
    artifacts: Any = None,
    metrics: Any = None,
    x_test: Any = None,
    y_test: Any = None,
    sample_set: Any = None,
    y_columns: Any = None,
    feature_vector: str | None = None,
    feature_weights: list[float] | None = None,
    labels: dict[str, Any] | None = None,
    parameters: dict[str, Any] | None = None,
    extra_data: dict[str, Any] | None = None,
    auto_log: bool = True,
    **kwargs: Any,
) -> TabularHandler:
    """Log a model when it is trained, and its scores when it is tested.

    As for scikit-learn (`mlrun_like.frameworks.sklearn.apply_mlrun`); also, of `fit(eval_set=...)`,
    the metrics of each round as series `<set>_<metric>`, with a chart of each.

    Args:
        model: The model (with scikit-learn's methods); None: loaded from `model_path`.
        model_name: Its name in the store.
        tag: A tag besides `latest`.
        model_path: A logged model, to load or to test.
        modules_map: Modules to import before the model is loaded.
        custom_objects_map: Python files to import from before that.
        custom_objects_directory: The folder, or zip file, of those files.
        context: The run; None: the current one, or a new one.
        artifacts: Further artifacts.
        metrics: Further metrics.
        x_test: Rows to test with after training.
        y_test: Their true labels.
        sample_set: Rows to take inputs, outputs and statistics from.
        y_columns: Names of the label columns.
        feature_vector: URI of the feature vector.
        feature_weights: A weight for each input.
        labels: Labels of the model.
        parameters: Parameters to record with the model's own.
        extra_data: Further files, artifacts and values of the model.
        auto_log: Add the default artifacts and metrics.
        kwargs: `model_format` (pkl, json, ubj) and `model_handler_kwargs`.

    Raises:
        InvalidArgumentError: if an argument is unknown or does not fit.
    """
    given = {name: value for name, value in locals().items() if name not in _APART} | kwargs
    return apply_to_tables(_ADAPTER, model, model_name, context, given)


_APART = ("model", "model_name", "context", "kwargs")


def __getattr__(name: str) -> Any:
    if name == "XGBoostModelServer":
        return resolve("mlrun_like.serving.models.xgboost:XGBoostModelServer")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
