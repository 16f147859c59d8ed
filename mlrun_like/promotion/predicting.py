"""Any framework's model as a function of a table."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.artifacts.artifact import ModelArtifact
from mlrun_like.artifacts.models import load_model
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, nearest
from mlrun_like.registry import require, resolve
from mlrun_like.tracking.base import Store

__all__ = ["Predictor", "server_class"]

_SERVERS = {
    "xgboost": "mlrun_like.serving.models.xgboost:XGBoostModelServer",
    "lightgbm": "mlrun_like.serving.models.lightgbm:LGBMModelServer",
    "onnx": "mlrun_like.serving.models.onnx:ONNXModelServer",
    "torch": "mlrun_like.serving.models.pytorch:PyTorchModelServer",
    "pytorch": "mlrun_like.serving.models.pytorch:PyTorchModelServer",
    "mlflow": "mlrun_like.serving.models.mlflow:MLFlowModelServer",
    "keras": "mlrun_like.serving.models.tf_keras:TFKerasModelServer",
    "tensorflow": "mlrun_like.serving.models.tf_keras:TFKerasModelServer",
    "tensorflow.keras": "mlrun_like.serving.models.tf_keras:TFKerasModelServer",
}
_SHOWN = 10


def server_class(model: ModelArtifact) -> str:
    """The class that serves a model, by its framework.

    Raises:
        InvalidArgumentError: if its framework is none of those that can be served.
    """
    framework = model.spec.framework.lower().replace("tf.", "")
    if framework in ("", "sklearn", "scikit-learn"):
        return "mlrun_like.serving.models.sklearn.SKLearnModelServer"
    if framework not in _SERVERS:
        raise InvalidArgumentError(
            f"no class serves models of framework {framework!r}.{nearest(framework, _SERVERS)}",
            where=f"model {model.spec.db_key or model.key!r}",
            fix='router.add_route("v1", class_name=MyModel, model_path=uri)',
        )
    return _SERVERS[framework].replace(":", ".")


class _Onnx:
    """An ONNX model in memory, as something that predicts: its first output."""

    def __init__(self, proto: Any) -> None:
        runtime = require("onnxruntime", extra="onnx", feature="predictions of ONNX models")
        self._session = runtime.InferenceSession(
            proto.SerializeToString(), providers=["CPUExecutionProvider"]
        )

    def predict(self, table: Any) -> Any:
        """The first output for the rows, as 32-bit numbers."""
        name = self._session.get_inputs()[0].name
        return self._session.run(None, {name: np.asarray(table, dtype=np.float32)})[0]


class Predictor:
    """A logged model that takes tables.

    The columns are the model's recorded inputs, in their order; a model without recorded inputs
    gets all columns but `drop`.

    Args:
        model: The model's record.
        store: The tracking store; None: the configured one.
        drop: Columns that are no features, such as the label.
        loaded: The model itself, if it is loaded already.
        kwargs: Further arguments of its `predict`.

    Raises:
        InvalidArgumentError: if the model has no `predict` and no known framework.
    """

    def __init__(
        self,
        model: ModelArtifact,
        *,
        store: Store | None = None,
        drop: tuple[str, ...] = (),
        loaded: Any = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.where = f"model {model.spec.db_key or model.key!r}"
        self.inputs = [str(one["name"]) for one in model.spec.inputs if one.get("name")]
        self.outputs = [str(one["name"]) for one in model.spec.outputs if one.get("name")]
        self._drop = drop
        self._kwargs = kwargs or {}
        self._object = loaded
        self._server: Any = None
        framework = model.spec.framework.lower().replace("tf.", "")
        pickled = model.spec.format in ("pkl", "pickle", "joblib")
        if self._object is None and (not pickled or framework in ("torch", "pytorch")):
            self._server = self._serving(framework)
        if self._object is None and self._server is None:
            self._object = load_model(model, store=store)
            if hasattr(self._object, "SerializeToString"):
                self._object = _Onnx(self._object)
        if self._server is None and not hasattr(self._object, "predict"):
            raise InvalidArgumentError(
                f"a {type(self._object).__name__} has no method predict",
                where=self.where,
                fix=f"log it with framework= one of: {', '.join(_SERVERS)}",
            )

    def _serving(self, framework: str) -> Any:
        target = _SERVERS.get(framework)
        if target is None:
            return None
        server = resolve(target)(name="model", model_path=self.model.uri)
        server.load()
        return server

    def features(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The columns that the model takes.

        Raises:
            InvalidArgumentError: if one is not there.
        """
        names = self.inputs or self._own_names()
        if not names:
            return frame.drop(columns=[name for name in self._drop if name in frame.columns])
        absent = [name for name in names if name not in frame.columns]
        if absent:
            raise InvalidArgumentError(
                f"the data set has no column {', '.join(map(repr, absent[:_SHOWN]))}",
                where=self.where,
                fix=f"its columns: {', '.join(map(str, list(frame.columns)[:20]))}",
            )
        return frame[names]

    def _own_names(self) -> list[str]:
        found = getattr(self._object, "feature_names_in_", None)
        return [] if found is None else [str(name) for name in found]

    def predict(self, frame: pd.DataFrame) -> Any:
        """The predictions as an array, one item (or row) for each row.

        Raises:
            InvalidArgumentError: if the model refuses the rows, or gives another number of answers.
        """
        table = self.features(frame)
        with self._asked():
            if self._server is not None:
                columns = {str(name): table[name].tolist() for name in table.columns}
                said = self._server.predict({"inputs": columns, **self._kwargs})
            else:
                said = self._object.predict(self._fitting(table), **self._kwargs)
        found = np.asarray(said)
        if found.ndim == 0 or len(found) != len(frame):
            raise InvalidArgumentError(
                f"the model gave {len(found) if found.ndim else 1} predictions for {len(frame)} "
                "rows",
                where=self.where,
            )
        return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found

    @contextlib.contextmanager
    def _asked(self) -> Iterator[None]:
        """What the model raises is an error that names it."""
        try:
            yield
        except MLRunLikeError:
            raise
        except Exception as exc:
            # the model's library, or the user's own class, may raise anything
            raise InvalidArgumentError(
                f"the model cannot predict these rows: {type(exc).__name__}: {exc!s:.300}",
                where=self.where,
            ) from exc

    def _fitting(self, table: pd.DataFrame) -> Any:
        """A model that was fitted without names warns about a table that has some."""
        nameless = hasattr(self._object, "n_features_in_") and not self._own_names()
        return table.to_numpy() if nameless else table

    def scores(self, frame: pd.DataFrame, positive: Any) -> Any:
        """The score of the positive class: its probability, or what the model gives as a score.

        Raises:
            InvalidArgumentError: if the model refuses the rows.
        """
        table = self._fitting(self.features(frame)) if self._object is not None else None
        with self._asked():
            if hasattr(self._object, "predict_proba"):
                chances = np.asarray(self._object.predict_proba(table))
                known = list(getattr(self._object, "classes_", []))
                column = known.index(positive) if positive in known else chances.shape[1] - 1
                return chances[:, column]
            if hasattr(self._object, "decision_function"):
                return np.asarray(self._object.decision_function(table))
        return self.predict(frame)
