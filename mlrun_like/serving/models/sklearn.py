"""SKLearnModelServer: models of scikit-learn, and whatever predicts as they do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.models.framework import FrameworkModelServer

__all__ = ["PickleModelServer", "SKLearnModelServer"]

_METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform")


class SKLearnModelServer(FrameworkModelServer):
    """Serves anything with `predict(rows)`: scikit-learn models and pipelines, and pickles alike.

    Class arguments: `method` (`predict`, `predict_proba`, `decision_function`, `transform`),
    `trust` (open a file that this store did not record itself).

        graph.to(SKLearnModelServer, "model", model_path="store://models/fraud/net:latest")

    Raises:
        InvalidArgumentError: at loading, if the model has no such method.
    """

    def check_model(self) -> None:
        """Refuse a method that the model does not have."""
        name = self.get_param("method", "predict")
        if name not in _METHODS or not callable(getattr(self.model, name, None)):
            raise InvalidArgumentError(
                f"a {type(self.model).__name__} cannot {name!r:.60}",
                where=f"model {self.name!r}",
                fix=f"method= one of: {', '.join(m for m in _METHODS if hasattr(self.model, m))}",
            )

    def infer(self, table: Any, request: Mapping[str, Any]) -> Any:
        """The results of the chosen method as an array."""
        return numpy.asarray(getattr(self.model, self.get_param("method", "predict"))(table))


PickleModelServer = SKLearnModelServer
"""MLRun's second name for it."""
