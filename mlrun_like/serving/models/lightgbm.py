"""LGBMModelServer: models of LightGBM, in its own text format or pickled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require
from mlrun_like.serving.models.columns import Columns
from mlrun_like.serving.models.sklearn import SKLearnModelServer

__all__ = ["LGBMModelServer"]


class LGBMModelServer(SKLearnModelServer):
    """Serves `.txt` files of LightGBM boosters, and pickled models.

    A booster gives raw predictions: probabilities for a classifier. The class argument
    `labels=True` gives class numbers instead: 1 from a probability of one half, or the most
    probable class.
    """

    suffixes = (".txt", ".pkl")

    def open_model(self) -> Any:
        """The model, by the kind of its file."""
        lightgbm = require("lightgbm", extra="lightgbm", feature=type(self).__name__)
        path = self.safe_file()
        if not path:
            return super().open_model()
        try:
            return lightgbm.Booster(model_file=path)
        except lightgbm.basic.LightGBMError as exc:
            raise InvalidArgumentError(
                f"model file {path.rpartition('/')[2]!r} is no LightGBM model: {exc!s:.200}",
                where=self.model_path,
            ) from exc

    def infer(self, table: Any, request: Mapping[str, Any]) -> Any:
        """The predictions of the model or booster."""
        if hasattr(self.model, "feature_names_in_"):
            return super().infer(table, request)
        found = numpy.asarray(self.model.predict(numpy.asarray(table)))
        if not self.get_param("labels", False):
            return found
        return found.argmax(axis=1) if found.ndim == 2 else (found >= 0.5).astype(int)

    @cached_property
    def columns(self) -> Columns:
        """The names that the booster recorded; rows as lists need not have them."""
        booster = getattr(self.model, "booster_", self.model)
        names = booster.feature_name()
        made_up = names == [f"Column_{n}" for n in range(len(names))]
        return Columns(None if made_up else names, len(names), f"model {self.name!r}")
