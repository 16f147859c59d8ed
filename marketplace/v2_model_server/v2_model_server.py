"""A server for models of scikit-learn, and for whatever predicts as they do."""

from __future__ import annotations

from mlrun_like.serving.models.sklearn import SKLearnModelServer

__all__ = ["ClassifierModel"]


class ClassifierModel(SKLearnModelServer):
    """Serves a pickled model: rows in, one prediction for each out.

    Rows are lists in the order of the training columns, or mappings by column name.

    Class arguments: `method` (`predict`, `predict_proba`, `decision_function`, `transform`),
    `trust` (open a file that no run of this store recorded: opening a pickle can run code).
    """
