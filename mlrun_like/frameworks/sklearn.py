"""Auto-logging of scikit-learn: `apply_mlrun(model)`, and models with the same methods."""

from __future__ import annotations

from typing import Any

from mlrun_like.frameworks.core.apply import Adapter, apply_to_tables
from mlrun_like.frameworks.core.metrics import Metric, MetricsLibrary
from mlrun_like.frameworks.core.plans import ArtifactsLibrary
from mlrun_like.frameworks.core.tabular import TabularHandler
from mlrun_like.registry import resolve
from mlrun_like.runs.context import MLClientCtx

__all__ = [
    "Metric",
    "MetricsLibrary",
    "SKLearnArtifactsLibrary",
    "SKLearnModelHandler",
    "apply_mlrun",
]

SKLearnArtifactsLibrary = ArtifactsLibrary
"""The artifacts that can be made, by name (MLRun's word)."""


class SKLearnModelHandler(TabularHandler):
    """A model of scikit-learn, saved as a pickle."""

    FRAMEWORK_NAME = "sklearn"


_ADAPTER = Adapter(SKLearnModelHandler, "mlrun-sklearn")


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

    After `model.fit` the run has the model (with inputs, outputs and statistics of the training
    data), scores and charts of the test set. If the model was logged before (`model_path`),
    `model.predict` of the test set adds `evaluation_*` scores to it. Pickles and copies of the
    model know nothing of this.

    Args:
        model: The model; None: loaded from `model_path`.
        model_name: Its name in the store.
        tag: A tag besides `latest`.
        model_path: A logged model, to load or to test.
        modules_map: Modules to import before the model is loaded.
        custom_objects_map: Python files to import from before that.
        custom_objects_directory: The folder, or zip file, of those files.
        context: The run; None: the current one, or a new one.
        artifacts: Further artifacts: names or plans of SKLearnArtifactsLibrary, or a mapping of
            names to their arguments. Also the run's parameter `_artifacts`.
        metrics: Further metrics: functions, names in `sklearn.metrics`, import paths, pairs of
            one and its arguments, or a mapping of names to them. Also `_metrics`.
        x_test: Rows to test with after training.
        y_test: Their true labels.
        sample_set: Rows to take inputs, outputs and statistics from; by default the training set.
        y_columns: Names of the label columns.
        feature_vector: URI of the feature vector.
        feature_weights: A weight for each input.
        labels: Labels of the model.
        parameters: Parameters to record with the model's own.
        extra_data: Further files, artifacts and values of the model.
        auto_log: Add the default artifacts and metrics.
        kwargs: `model_handler_kwargs`: arguments of the handler.

    Returns:
        The handler: `handler.model_path` is the logged model's URI after `fit`.

    Raises:
        InvalidArgumentError: if an argument is unknown or does not fit.

    >>> from mlrun_like.runs.session import get_or_create_ctx
    >>> from sklearn.linear_model import LinearRegression
    >>> x, y = [[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]
    >>> model = LinearRegression()
    >>> with get_or_create_ctx("train") as context:
    ...     _ = apply_mlrun(model, context=context, x_test=x, y_test=y).set_tag("v1")
    ...     _ = model.fit(x, y)
    >>> round(context.results["r2_score"], 3)
    1.0
    """
    given = {name: value for name, value in locals().items() if name not in _APART} | kwargs
    return apply_to_tables(_ADAPTER, model, model_name, context, given)


_APART = ("model", "model_name", "context", "kwargs")


def __getattr__(name: str) -> Any:
    if name in ("SKLearnModelServer", "SklearnModelServer"):
        return resolve("mlrun_like.serving.models.sklearn:SKLearnModelServer")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
