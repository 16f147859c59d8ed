"""Charts that say how good a model of tables is."""

from __future__ import annotations

from typing import Any

import numpy

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.frameworks.core.charts import Bars, Heatmap, Line, Lines, chart
from mlrun_like.frameworks.core.data import labels_of, to_frame
from mlrun_like.frameworks.core.plan import Facts, Plan
from mlrun_like.registry import require

__all__ = [
    "CalibrationCurvePlan",
    "ConfusionMatrixPlan",
    "FeatureImportancePlan",
    "ROCCurvePlan",
    "importances",
]


class FeatureImportancePlan(Plan):
    """How much each feature counts: importances of trees, coefficients of linear models."""

    stage = "fit"
    key = "feature-importance"

    def make(self, facts: Facts, key: str) -> Artifact | None:
        """Bars, one per feature (and class, if the model has numbers for each)."""
        found = importances(facts.model)
        if found is None:
            return None
        names = _names(facts, found.shape[1])
        kinds = [str(c) for c in facts.classes] if len(found) > 1 else [""]
        kinds = kinds if len(kinds) == len(found) else [str(n) for n in range(len(found))]
        rows = {kind: row.tolist() for kind, row in zip(kinds, found, strict=True)}
        return chart(key, Bars(rows, names, "Feature importance"))


def _names(facts: Facts, count: int) -> list[str]:
    """Names of the features that the numbers belong to, also behind transforming steps."""
    steps = getattr(facts.model, "steps", None)
    if steps and len(steps) > 1:
        try:
            names = [str(name) for name in facts.model[:-1].get_feature_names_out()]
        except (AttributeError, ValueError, TypeError):  # a step that cannot say
            names = []
    else:
        names = [str(name) for name in to_frame(facts.x).columns] if facts.x is not None else []
    return names if len(names) == count else [f"f{n}" for n in range(count)]


def importances(model: Any) -> Any:
    """Importances as rows (one per class, or one), or None if the model has none."""
    steps = getattr(model, "steps", None)
    if steps:
        return importances(steps[-1][1])
    for name in ("feature_importances_", "coef_"):
        try:
            found = getattr(model, name, None)
        except AttributeError:  # xgboost: other boosters than trees
            found = None
        if found is not None:
            values = found.toarray() if hasattr(found, "toarray") else numpy.asarray(found)
            return numpy.atleast_2d(values.astype(float))
    if callable(getattr(model, "feature_importance", None)):
        return numpy.atleast_2d(numpy.asarray(model.feature_importance(), dtype=float))
    for name in ("best_estimator_", "estimator_"):
        if getattr(model, name, None) is not None:
            return importances(getattr(model, name))
    return _of_several(model)


def _of_several(model: Any) -> Any:
    """Those of a model made of models: one per class side by side, of others the mean."""
    inner = getattr(model, "estimators_", None)
    found = [importances(one) for one in inner] if isinstance(inner, list) else []
    if not found or any(rows is None or rows.shape != found[0].shape for rows in found):
        return None
    if len(found[0]) == 1 and hasattr(model, "label_binarizer_"):  # one model for each class
        return numpy.vstack(found)
    return numpy.mean(found, axis=0)


class ConfusionMatrixPlan(Plan):
    """How often each class was predicted for each class.

    Args:
        labels: The classes and their order; by default all.
        sample_weight: Weights of rows.
        normalize: `true`, `pred` or `all`: shares instead of counts.
    """

    key = "confusion-matrix"

    def __init__(
        self, labels: Any = None, sample_weight: Any = None, normalize: str | None = None
    ) -> None:
        super().__init__(labels=labels, sample_weight=sample_weight, normalize=normalize)

    def make(self, facts: Facts, key: str) -> Artifact | None:
        """A table in colours."""
        metrics = require("sklearn.metrics", extra="frameworks", feature=key)
        labels = self.options.get("labels", facts.classes)
        truth, guess = labels_of(facts.y), labels_of(facts.predictions)
        rows = metrics.confusion_matrix(truth, guess, **{**self.options, "labels": labels})
        names = [str(label) for label in labels]
        title = ("Confusion matrix", "Predicted value", "True value")
        return chart(key, Heatmap(rows, names, names, *title))


class ROCCurvePlan(Plan):
    """True positives against false positives, of each class, with the area below.

    Args:
        pos_label: Draw this class only.
        sample_weight: Weights of rows.
        drop_intermediate: Leave out points that change nothing.
        max_fpr: The area up to this share of false positives.
        other: MLRun's further arguments, which change nothing here.
    """

    key = "roc-curves"
    need_probabilities = True

    def __init__(
        self,
        pos_label: Any = None,
        sample_weight: Any = None,
        drop_intermediate: bool = True,
        max_fpr: float | None = None,
        **other: Any,
    ) -> None:
        super().__init__(sample_weight=sample_weight)
        self.pos_label, self.max_fpr, self.drop = pos_label, max_fpr, drop_intermediate

    def make(self, facts: Facts, key: str) -> Artifact | None:
        """One line per class."""
        metrics = require("sklearn.metrics", extra="frameworks", feature=key)
        truth, scores = labels_of(facts.y), numpy.asarray(facts.probabilities)
        lines = {}
        for n, label in enumerate(facts.classes):
            mark = (truth == label).astype(int)
            if self.pos_label not in (None, label) or mark.min() == mark.max():
                continue
            wrong, right, _ = metrics.roc_curve(
                mark, scores[:, n], drop_intermediate=self.drop, **self.options
            )
            area = metrics.roc_auc_score(mark, scores[:, n], max_fpr=self.max_fpr, **self.options)
            lines[f"{label} (AUC={area:.2f})"] = Line(wrong.tolist(), right.tolist())
        if not lines:
            return None
        lines["chance"] = Line([0.0, 1.0], [0.0, 1.0], dashed=True)
        titles = ("ROC curves", "False Positive Rate", "True Positive Rate")
        return chart(key, Lines(lines, *titles))


class CalibrationCurvePlan(Plan):
    """Whether predicted probabilities are as frequent as they say; for two classes.

    Args:
        n_bins: Groups of probabilities.
        strategy: `uniform` or `quantile`: groups of the same width or size.
        normalize: Kept for MLRun's callers: probabilities lie between 0 and 1 already.
    """

    key = "calibration-curve"
    need_probabilities = True

    def __init__(self, normalize: bool = False, n_bins: int = 5, strategy: str = "uniform") -> None:
        super().__init__(n_bins=n_bins, strategy=strategy)

    def make(self, facts: Facts, key: str) -> Artifact | None:
        """A line, and the diagonal where it should be."""
        module = require("sklearn.calibration", extra="frameworks", feature=key)
        scores, classes = numpy.asarray(facts.probabilities), facts.classes
        if len(classes) != 2:
            return None
        scores = scores[:, 1] if scores.ndim == 2 else scores
        mark = (labels_of(facts.y) == classes[1]).astype(int)
        true, said = module.calibration_curve(mark, scores, **self.options)
        lines = {
            type(facts.model).__name__: Line(said.tolist(), true.tolist(), dots=True),
            "perfect": Line([0.0, 1.0], [0.0, 1.0], dashed=True),
        }
        titles = ("Calibration curve", "Mean predicted probability", "Fraction of positives")
        return chart(key, Lines(lines, *titles))
