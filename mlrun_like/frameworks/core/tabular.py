"""TabularHandler: models that learn from tables, with the facts that monitoring needs later."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar

import cloudpickle

from mlrun_like.artifacts.model import ModelArtifact
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.core.data import sample, to_frame
from mlrun_like.frameworks.core.handler import ModelHandler

__all__ = ["TabularHandler"]


class TabularHandler(ModelHandler):
    """A model with scikit-learn's methods.

    Args:
        model: As for ModelHandler, and so on.
        model_format: How the model is saved: `pkl`, or a format of the framework.
        kwargs: Further arguments of ModelHandler.

    Raises:
        InvalidArgumentError: if the framework has no such format.
    """

    FORMATS: ClassVar[tuple[str, ...]] = ("pkl",)

    def __init__(self, model: Any = None, *, model_format: str = "pkl", **kwargs: Any) -> None:
        if model_format not in self.FORMATS:
            raise InvalidArgumentError(
                f"model_format {model_format!r} is not one of: {', '.join(self.FORMATS)}"
            )
        super().__init__(model, **kwargs)
        self.model_format = model_format
        self.algorithm = ""
        self.sample_set: Any = None
        self.target_columns: list[str] = []
        self.feature_vector = ""
        self.feature_weights: list[float] | None = None

    def set_algorithm(self, algorithm: str) -> None:
        """Set the algorithm's name; by default the model's class."""
        self.algorithm = algorithm

    def set_sample_set(self, sample_set: Any) -> None:
        """Set the rows that inputs, outputs and statistics are taken from: a table or its URI."""
        self.sample_set = sample(to_frame(sample_set))

    def set_target_columns(self, target_columns: Sequence[Any] | str) -> None:
        """Set the names of the label columns in the sample set."""
        given = [target_columns] if isinstance(target_columns, str) else target_columns
        self.target_columns = [str(name) for name in given]

    def set_feature_vector(self, feature_vector: str) -> None:
        """Set the URI of the feature vector that the model was trained on."""
        self.feature_vector = feature_vector

    def set_feature_weights(self, feature_weights: Sequence[float]) -> None:
        """Set a weight for each input."""
        self.feature_weights = [float(weight) for weight in feature_weights]

    def write(self, folder: str) -> str:
        """Pickle the model, its own code included if it is nobody's module."""
        name = f"{self.model_name}.pkl"
        with open(os.path.join(folder, name), "wb") as stream:
            cloudpickle.dump(self._model, stream)
        return name

    def own_parameters(self) -> dict[str, Any]:
        """The model's own parameters: numbers, texts and switches."""
        ask = getattr(self._model, "get_params", None)
        found = ask(deep=False) if callable(ask) else {}
        return {
            str(name): value
            for name, value in found.items()
            if isinstance(value, (str, int, float, bool)) and value == value
        }

    def log(self, **more: Any) -> ModelArtifact:
        """Log the model; see ModelHandler.

        Args:
            more: Also `algorithm`, `sample_set`, `target_columns`, `feature_vector`,
                `feature_weights`.
        """
        for name in (
            "algorithm",
            "sample_set",
            "target_columns",
            "feature_vector",
            "feature_weights",
        ):
            value = more.pop(name, None)
            if value is not None:
                getattr(self, f"set_{name}")(value)
        return super().log(**more)

    def _details(self) -> dict[str, Any]:
        found = super()._details()
        if self.sample_set is not None:
            # the sample tells the inputs; given ones would be said twice
            present = [name for name in self.target_columns if name in self.sample_set.columns]
            found.update(inputs=None, training_set=self.sample_set, label_column=present or None)
        return {
            **found,
            "algorithm": self.algorithm or type(self._model).__name__,
            "feature_vector": self.feature_vector or None,
            "feature_weights": self.feature_weights,
        }
