"""What is made beside a model: the test set and charts, with MLRun's names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.frameworks.core.curves import (
    CalibrationCurvePlan,
    ConfusionMatrixPlan,
    FeatureImportancePlan,
    ROCCurvePlan,
)
from mlrun_like.frameworks.core.plan import DatasetPlan, Plan
from mlrun_like.frameworks.core.problem import Problem, problem_of

__all__ = ["ArtifactsLibrary", "default_plans", "parse_plans"]

PARAMETER = "_artifacts"
"""A run's parameter that names artifacts (MLRun's word)."""


class ArtifactsLibrary:
    """The plans by the names that `artifacts=` and the parameter `_artifacts` use."""

    calibration_curve = CalibrationCurvePlan
    confusion_matrix = ConfusionMatrixPlan
    dataset = DatasetPlan
    feature_importance = FeatureImportancePlan
    roc_curve = ROCCurvePlan

    @classmethod
    def get_plans(
        cls,
        artifacts: Any = None,
        context: Any = None,
        include_default: bool = True,
        *,
        model: Any = None,
        y: Any = None,
        **others: Any,
    ) -> list[Plan]:
        """The artifacts that a run names in `_artifacts`, those given, and the default.

        Args:
            artifacts: As for `parse_plans`.
            context: The run.
            include_default: Add those that fit the model.
            model: The model.
            y: The true labels.
            others: MLRun's; not used.
        """
        del others
        from_run = (context.parameters if context is not None else {}).get(PARAMETER)
        found = [*parse_plans(from_run), *parse_plans(artifacts)]
        if include_default and model is not None:
            taken = {plan.key for plan in found}
            found += [p for p in default_plans(problem_of(model, y), model) if p.key not in taken]
        return found

    @classmethod
    def default(cls, model: Any, y: Any = None, **others: Any) -> list[Plan]:
        """The artifacts that fit a model.

        Args:
            model: The model.
            y: The true labels.
            others: MLRun's; not used.
        """
        del others
        return default_plans(problem_of(model, y), model)


def default_plans(problem: Problem, model: Any) -> list[Plan]:
    """The artifacts that fit a problem: MLRun's."""
    found: list[Plan] = [DatasetPlan("test")]
    if problem.single and problem.kind:
        found.append(FeatureImportancePlan())
    if problem.single and problem.kind == "classification":
        found += [ConfusionMatrixPlan(), ROCCurvePlan()]
        if problem.classes <= 2:
            found.append(CalibrationCurvePlan())
    proba = hasattr(model, "predict_proba")
    return [plan for plan in found if proba or not plan.need_probabilities]


def parse_plans(given: Any) -> list[Plan]:
    """Plans from what users write.

    Args:
        given: A list of plans or their names, or a mapping of names to the plans' arguments.

    >>> [plan.key for plan in parse_plans({"confusion_matrix": {"normalize": "true"}})]
    ['confusion-matrix']

    Raises:
        InvalidArgumentError: if there is no such plan, or it does not take an argument.
    """
    if given is None:
        return []
    if isinstance(given, Mapping):
        return [_plan(name, arguments) for name, arguments in given.items()]
    if isinstance(given, (list, tuple)):
        return [one if isinstance(one, Plan) else _plan(one, None) for one in given]
    raise InvalidArgumentError(
        f"artifacts must be a list or a mapping, not {given!r:.80}",
        fix='artifacts=["confusion_matrix"]',
    )


def _plan(name: Any, arguments: Any) -> Plan:
    known = [key for key in vars(ArtifactsLibrary) if not key.startswith(("_", "get"))]
    asked = str(name).replace("-", "_")
    if asked not in known:
        raise InvalidArgumentError(
            f"there is no artifact {name!r}.{nearest(asked, known)}",
            fix=f"use one of: {', '.join(known)}",
        )
    try:
        made = getattr(ArtifactsLibrary, asked)(**dict(arguments or {}))
    except TypeError as exc:
        raise InvalidArgumentError(f"artifact {name!r}: {exc}") from exc
    if not isinstance(made, Plan):
        raise InvalidArgumentError(f"{name!r} is no plan of an artifact")
    return made
