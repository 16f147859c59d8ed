"""XGBoostModelServer: models of XGBoost, in its own format or pickled."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require
from mlrun_like.serving.models.columns import Columns
from mlrun_like.serving.models.sklearn import SKLearnModelServer

__all__ = ["XGBoostModelServer"]

_KINDS = {"classifier": "XGBClassifier", "regressor": "XGBRegressor", "ranker": "XGBRanker"}


class XGBoostModelServer(SKLearnModelServer):
    """Serves `.json` and `.ubj` files of XGBoost, and pickled models.

    What a file predicts depends on how it is opened; the class argument `model_class` says it:
    `classifier` (labels), `regressor`, `ranker`, or `booster` (raw output: probabilities of a
    classifier). By default the objective decides: `binary:*` and `multi:*` are classifiers,
    `rank:*` rankers, all others regressors.
    """

    suffixes = (".json", ".ubj", ".pkl")

    def open_model(self) -> Any:
        """The model, by the kind of its file."""
        xgboost = require("xgboost", extra="xgboost", feature=type(self).__name__)
        path = self.safe_file()
        if not path:
            return super().open_model()
        kind = self.get_param("model_class", "")
        if kind not in ("", "booster", *_KINDS):
            raise InvalidArgumentError(
                f"model_class {kind!r:.60} is not one of: booster, {', '.join(_KINDS)}",
                where=f"model {self.name!r}",
            )
        try:
            booster = xgboost.Booster(model_file=path)
            if kind == "booster":
                return booster
            model = getattr(xgboost, _KINDS[kind or _kind(booster)])()
            model.load_model(path)
        except (xgboost.core.XGBoostError, ValueError, TypeError) as exc:
            raise InvalidArgumentError(
                f"model file {path.rpartition('/')[2]!r} is no XGBoost model: {exc!s:.200}",
                where=self.model_path,
            ) from exc
        return model

    def check_model(self) -> None:
        """A booster only predicts."""
        if not hasattr(self.model, "inplace_predict"):
            super().check_model()

    def infer(self, table: Any, request: Mapping[str, Any]) -> Any:
        """The predictions of the model or booster."""
        if hasattr(self.model, "inplace_predict"):
            xgboost = require("xgboost", extra="xgboost", feature=type(self).__name__)
            names = self.columns.names
            return self.model.predict(xgboost.DMatrix(numpy.asarray(table), feature_names=names))
        return super().infer(table, request)

    @cached_property
    def columns(self) -> Columns:
        """The names that the booster recorded, else how many columns there are."""
        booster = self.model if hasattr(self.model, "inplace_predict") else self.model.get_booster()
        names = booster.feature_names
        return Columns(names, booster.num_features(), f"model {self.name!r}")


def _kind(booster: Any) -> str:
    objective = str(_objective(booster.save_config()))
    if objective.startswith(("binary:", "multi:")):
        return "classifier"
    return "ranker" if objective.startswith("rank:") else "regressor"


def _objective(config: str) -> str:
    """The name of the objective in a booster's configuration."""
    return str(json.loads(config)["learner"]["objective"]["name"])
