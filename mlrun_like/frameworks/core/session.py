"""A training session of a model of tables: what its `fit` and `predict` put on record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.errors import InvalidArgumentError, MissingDependencyError, MLRunLikeError
from mlrun_like.frameworks.core.charts import Line, Lines, chart
from mlrun_like.frameworks.core.data import joined
from mlrun_like.frameworks.core.metrics import Metric, MetricsLibrary
from mlrun_like.frameworks.core.plan import DatasetPlan, Facts, Plan
from mlrun_like.frameworks.core.plans import ArtifactsLibrary
from mlrun_like.frameworks.core.tabular import TabularHandler
from mlrun_like.frameworks.core.watching import plain
from mlrun_like.runs.context import MLClientCtx

__all__ = ["Session"]

_MISFIT = (ValueError, TypeError, IndexError, KeyError, AttributeError, ArithmeticError)
"""What scikit-learn raises for data that a score or chart cannot be made of."""


class Session:
    """Logs a model when it was trained, and its scores when it was tested.

    Args:
        handler: The model.
        context: The run.
        artifacts: What to make beside the model; see `parse_plans`.
        metrics: What to compute; see `parse_metrics`.
        x_test: Rows to test with after training.
        y_test: Their true labels.
        auto_log: Add the default artifacts and metrics.
        series: Gives the metrics per iteration of a trained model, by name.
    """

    def __init__(
        self,
        handler: TabularHandler,
        context: MLClientCtx,
        *,
        artifacts: Any = None,
        metrics: Any = None,
        x_test: Any = None,
        y_test: Any = None,
        auto_log: bool = True,
        series: Callable[[Any], Mapping[str, list[float]]] | None = None,
    ) -> None:
        self.handler, self.context = handler, context
        self.artifacts, self.metrics = artifacts, metrics
        self.x_test, self.y_test = x_test, y_test
        self.auto_log, self.series = auto_log, series
        self._busy = False
        self._made: dict[str, Artifact] = {}
        self._failures: list[MLRunLikeError] = []
        # a wrong name is told now, not after hours of training
        ArtifactsLibrary.get_plans(artifacts, context, False)
        MetricsLibrary.get_metrics(metrics, context, False)

    def called(self, method: str, call: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Call a method of the model; what is called inside of it is not looked at."""
        if self._busy or not self.context.is_logging_worker():
            return call(*args, **kwargs)
        self._busy = True
        try:
            result = call(*args, **kwargs)
            x = args[0] if args else kwargs.get("X")
            if method == "fit":
                self._fitted(x, args[1] if len(args) > 1 else kwargs.get("y"))
            elif method in ("predict", "predict_proba") and self._is_test(x):
                self._tested(x, {method: result})
            return result
        finally:
            self._busy = False

    def _is_test(self, x: Any) -> bool:
        """Whether the rows may be the ones that `y_test` belongs to."""
        if self.y_test is None or x is None or self.handler.record is None:
            return False
        return _rows(x) == _rows(self.y_test)

    def _fitted(self, x: Any, y: Any) -> None:
        handler = self.handler
        with plain(handler.model):
            facts = Facts(handler.model, x, y, y_columns=handler.target_columns)
            self._make("fit", facts, "")
            self._log_series()
            if self.x_test is not None:
                handler.set_metrics(self._score(self.x_test, {}, ""))
            if handler.sample_set is None and x is not None:
                rows, names = joined(x, y, handler.target_columns)
                handler.set_sample_set(rows)
                handler.set_target_columns(names)
            handler.log(artifacts=self._made, tag=handler.tag)
        self._end()

    def _tested(self, x: Any, answers: dict[str, Any]) -> None:
        with plain(self.handler.model):
            scores = self._score(x, answers, "evaluation")
            self.handler.set_metrics(scores)
            self.handler.update(artifacts=self._made)
        self._end()

    def _end(self) -> None:
        self.context.commit()
        failures, self._failures = self._failures, []
        if failures:
            raise failures[0]

    def _score(self, x: Any, answers: dict[str, Any], prefix: str) -> dict[str, float]:
        """Predict, make the artifacts of it, and record the scores."""
        model, y = self.handler.model, self.y_test
        metrics = MetricsLibrary.get_metrics(
            self.metrics, self.context, self.auto_log and y is not None, model=model, y=y
        )
        guesses = answers.get("predict")
        guesses = model.predict(x) if guesses is None else guesses
        shares = answers.get("predict_proba")
        if shares is None and hasattr(model, "predict_proba"):
            shares = model.predict_proba(x)
        facts = Facts(model, x, y, guesses, shares, self.handler.target_columns)
        self._make("predict", facts, f"{prefix}-" if prefix else "")
        found = {}
        for metric in metrics if y is not None else ():
            value = self._computed(metric, y, shares if metric.need_probabilities else guesses)
            if value is not None:
                found[f"{prefix}_{metric.name}" if prefix else metric.name] = value
        self.context.log_results(found)
        return found

    def _computed(self, metric: Metric, y: Any, answers: Any) -> float | None:
        if answers is None:
            text = f"metric {metric.name!r} needs probabilities, and the model has none"
        else:
            try:
                return metric(y, answers)
            except _MISFIT as exc:
                text = f"metric {metric.name!r} cannot be computed: {exc}"
        self.context.logger.warning(text)
        if metric.own:  # the model is logged first: hours of work are in it
            self._failures.append(InvalidArgumentError(text, where=self.context.uri))
        return None

    def _make(self, stage: str, facts: Facts, prefix: str) -> None:
        plans = ArtifactsLibrary.get_plans(
            self.artifacts, self.context, self.auto_log, model=facts.model, y=facts.y
        )
        for plan in plans:
            if _when(plan) != stage or (stage == "predict" and facts.y is None):
                continue
            if plan.need_probabilities and facts.probabilities is None:
                continue
            key = f"{prefix}{plan.key}"
            try:
                artifact = plan.make(facts, key)
            except (*_MISFIT, MissingDependencyError) as exc:
                self.context.logger.warning(f"artifact {key!r} cannot be made: {exc}")
                continue
            if artifact is not None:
                self._made[key] = self.context.log_artifact(artifact)

    def _log_series(self) -> None:
        """Metrics of each iteration that the model itself computed."""
        for name, values in (self.series(self.handler.model) if self.series else {}).items():
            for step, value in enumerate(values):
                self.context.log_metric(name, value, step)
            self.handler.set_metrics({name: values[-1]})
            key = f"{name}_plot"
            title = name.replace("_", " ").capitalize()
            try:
                drawing = chart(key, Lines({name: Line([], values)}, title, "Iterations", "Values"))
            except MissingDependencyError as exc:
                self.context.logger.warning(str(exc))
                continue
            self._made[key] = self.context.log_artifact(drawing)


def _rows(values: Any) -> int:
    shape = getattr(values, "shape", None)
    return int(shape[0]) if shape else len(values)


def _when(plan: Plan) -> str:
    if isinstance(plan, DatasetPlan) and plan.purpose == "train":
        return "fit"
    return plan.stage
