"""Auto-logging of `lightgbm.train`, which has no model to watch before it is trained."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.errors import InvalidArgumentError, MissingDependencyError
from mlrun_like.frameworks.core.charts import Line, Lines, chart
from mlrun_like.frameworks.core.data import joined
from mlrun_like.frameworks.core.plan import DatasetPlan, Facts, Plan
from mlrun_like.frameworks.core.plans import ArtifactsLibrary
from mlrun_like.frameworks.core.tabular import TabularHandler
from mlrun_like.registry import require
from mlrun_like.runs.context import MLClientCtx, current_context
from mlrun_like.runs.session import get_or_create_ctx
from mlrun_like.specs.run import TERMINAL

__all__ = ["MLRunLoggingCallback", "watch_training"]

_MISFIT = (ValueError, TypeError, IndexError, KeyError, AttributeError, ArithmeticError)
_CLASSES = ("binary", "multiclass", "multiclassova", "softmax", "cross_entropy")

_sessions: list[tuple[MLClientCtx, Callable[[Any], TabularHandler]]] = []


class MLRunLoggingCallback:
    """A callback of `lightgbm.train` and `cv`: each round's metrics go to the run at once.

    Args:
        context: The run; None: the current one, or a new one.
    """

    order = 20
    before_iteration = False

    def __init__(self, context: MLClientCtx | None = None) -> None:
        self.context = context if context is not None else get_or_create_ctx("mlrun-lgbm")
        self.series: dict[str, list[float]] = {}

    def __call__(self, env: Any) -> None:
        """Record the metrics of a round."""
        if not self.context.is_logging_worker():
            return
        for name, metric, value, *_ in env.evaluation_result_list or ():
            key = f"{name}_{metric}".replace(" ", "_").replace("@", "_")
            self.series.setdefault(key, []).append(float(value))
            self.context.log_metric(key, value, env.iteration)


def watch_training(context: MLClientCtx, make: Callable[[Any], TabularHandler]) -> None:
    """Log what `lightgbm.train` does in this run from now on.

    Args:
        context: The run.
        make: Gives the handler of a trained booster.

    Raises:
        MissingDependencyError: if LightGBM is not installed.
    """
    lightgbm: Any = require("lightgbm", extra="lightgbm", feature="apply_mlrun")
    _sessions[:] = [one for one in _sessions if one[0].state not in TERMINAL]
    _sessions.append((context, make))
    if not hasattr(lightgbm.train, "__wrapped__"):
        lightgbm.train = _watched(lightgbm.train)


def _session() -> tuple[MLClientCtx, Callable[[Any], TabularHandler]] | None:
    """The present run's, else that of a program without one."""
    present = current_context()
    for context, make in reversed(_sessions):
        if present is None and context.state in TERMINAL:
            continue
        if present is None or (context.uid, context.iteration) == (present.uid, present.iteration):
            return context, make
    return None


def _watched(train: Any) -> Any:
    signature = inspect.signature(train)

    @functools.wraps(train)
    def call(*args: Any, **kwargs: Any) -> Any:
        session = _session()
        if session is None or not session[0].is_logging_worker():
            return train(*args, **kwargs)
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        reports = MLRunLoggingCallback(session[0])
        given.arguments["callbacks"] = [*(given.arguments.get("callbacks") or ()), reports]
        rows = _rows(given.arguments["train_set"])  # LightGBM lets go of them
        tests = _tests(given.arguments)
        booster = train(*given.args, **given.kwargs)
        _log(session, booster, reports, rows, tests)
        return booster

    return call


def _rows(data: Any) -> tuple[Any, Any]:
    found, label = getattr(data, "data", None), getattr(data, "label", None)
    usable = hasattr(found, "shape") or (isinstance(found, list) and label is not None)
    return (found, label) if usable else (None, None)


def _tests(arguments: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The sets to test with, by name; LightGBM's names for those that have none."""
    sets, names = arguments.get("valid_sets") or [], arguments.get("valid_names") or []
    sets = list(sets) if isinstance(sets, (list, tuple)) else [sets]
    names = [names] if isinstance(names, str) else list(names)
    found = {}
    for n, data in enumerate(sets):
        x, y = _rows(data)
        if data is not arguments["train_set"] and x is not None and y is not None:
            found[names[n] if n < len(names) else f"valid_{n}"] = (x, y)
    return found


def _log(
    session: tuple[MLClientCtx, Callable[[Any], TabularHandler]],
    booster: Any,
    reports: MLRunLoggingCallback,
    rows: tuple[Any, Any],
    tests: dict[str, tuple[Any, Any]],
) -> None:
    context, make = session
    handler = make(booster)
    made: dict[str, Artifact] = {}
    for name, values in reports.series.items():
        title = name.replace("_", " ").capitalize()
        lines = Lines({name: Line([], values)}, title, "Iterations", "Values")
        _add(context, made, f"{name}_plot", functools.partial(chart, drawing=lines))
    for name, (x, y) in tests.items():
        facts = _facts(booster, x, y, handler.target_columns)
        for plan in _plans(booster, name):
            key = plan.key if plan.key == name else f"{name}-{plan.key}"
            _add(context, made, key, functools.partial(plan.make, facts))
    if not tests:
        plan = ArtifactsLibrary.feature_importance()
        facts = Facts(booster, rows[0], rows[1])
        _add(context, made, plan.key, functools.partial(plan.make, facts))
    if handler.sample_set is None and rows[0] is not None:
        frame, names = joined(*rows, handler.target_columns)
        handler.set_sample_set(frame)
        handler.set_target_columns(names)
    metrics = {name: values[-1] for name, values in reports.series.items()}
    handler.log(metrics=metrics, artifacts=made, tag=handler.tag)
    booster.model_handler = handler
    context.commit()


def _add(
    context: MLClientCtx,
    made: dict[str, Artifact],
    key: str,
    make: Callable[..., Artifact | None],
) -> None:
    try:
        artifact = make(key=key)
    except (*_MISFIT, MissingDependencyError, InvalidArgumentError) as exc:
        context.logger.warning(f"artifact {key!r} cannot be made: {exc}")
        return
    if artifact is not None:
        made[key] = context.log_artifact(artifact)


def _objective(booster: Any) -> str:
    return str((booster.params or {}).get("objective", "regression"))


def _plans(booster: Any, name: str) -> list[Plan]:
    library = ArtifactsLibrary
    found: list[Plan] = [library.feature_importance()]
    if _objective(booster) in _CLASSES:
        found += [library.confusion_matrix(), library.roc_curve()]
    if _objective(booster) == "binary":
        found.append(library.calibration_curve())
    return [*found, DatasetPlan(name=name)]


def _facts(booster: Any, x: Any, y: Any, names: list[str]) -> Facts:
    """Predictions of a set: of classes, the most probable one."""
    answers = numpy.asarray(booster.predict(x))
    if _objective(booster) not in _CLASSES:
        return Facts(booster, x, y, answers, None, names)
    shares = answers if answers.ndim == 2 else numpy.column_stack([1 - answers, answers])
    return Facts(booster, x, y, shares.argmax(axis=1), shares, names)
