"""Ready model steps for models that were logged with `context.log_model`."""

from __future__ import annotations

from typing import Any

import numpy
import pandas

from mlrun_like.artifacts.item import get_artifact
from mlrun_like.artifacts.models import load_model
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.models import V2ModelServer

__all__ = ["PickleModelServer", "SKLearnModelServer"]


class SKLearnModelServer(V2ModelServer):
    """Serves anything with `predict(rows)`: scikit-learn models and pipelines, XGBoost, LightGBM.

    Rows are lists in the order of the training columns, or mappings by column name. The class
    argument `trust=True` loads a model file that this store did not record itself.

        graph.to(SKLearnModelServer, "model", model_path="store://models/fraud/net:latest")
    """

    def load(self) -> None:
        """Load the model from `model_path`."""
        if not self.model_path:
            super().load()
        if self.model_path.startswith("store://"):
            self.use_record(get_artifact(self.model_path))
        self.model = load_model(self.model_path, trust=bool(self.get_param("trust", False)))

    def predict(self, request: dict[str, Any]) -> Any:
        """The model's predictions as a list.

        Raises:
            InvalidArgumentError: if the rows do not fit the model.
        """
        if not request["inputs"]:
            return []
        return numpy.asarray(self.model.predict(self._rows(request["inputs"])))

    def _rows(self, inputs: list[Any]) -> Any:
        columns = getattr(self.model, "feature_names_in_", None)
        names = None if columns is None else [str(name) for name in columns]
        if all(isinstance(row, dict) for row in inputs):
            frame = pandas.DataFrame(inputs)
            missing = [name for name in names or () if name not in frame.columns]
            if missing:
                raise self._misfit(f"the rows have no {', '.join(missing)}")
            return frame[names] if names else frame
        try:
            rows = numpy.asarray(inputs)
        except ValueError as exc:
            raise self._misfit("the rows differ in length") from exc
        if rows.dtype == object:
            raise self._misfit("a value is not a number or text")
        expected = getattr(self.model, "n_features_in_", None)
        if expected is not None and (rows.ndim != 2 or rows.shape[1] != expected):
            raise self._misfit(f"each row must have {expected} values; the shape is {rows.shape}")
        return rows if names is None else pandas.DataFrame(rows, columns=names)

    def _misfit(self, what: str) -> InvalidArgumentError:
        return InvalidArgumentError(
            what, where=f"model {self.name!r}", fix='send {"inputs": [[row 1], [row 2], ...]}'
        )


PickleModelServer = SKLearnModelServer
"""MLRun's second name for it."""
