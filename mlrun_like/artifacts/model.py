"""ModelArtifact: a folder with the model's file, its extra data and `model_spec.yaml`."""

from __future__ import annotations

import importlib
import io
import os
from collections.abc import Sequence
from numbers import Integral
from typing import Any

from mlrun_like.artifacts.base import Artifact
from mlrun_like.artifacts.formats import is_frame, suffix_of
from mlrun_like.artifacts.lazy import preview
from mlrun_like.artifacts.results import to_result
from mlrun_like.artifacts.stores import join_url, scheme_of
from mlrun_like.errors import InvalidArgumentError

__all__ = ["MODEL_SPEC", "ModelArtifact", "features"]

MODEL_SPEC = "model_spec.yaml"


class ModelArtifact(Artifact):
    """A trained model.

    Args:
        key: Its name.
        body: The model: bytes or text of its file, or any object, which is then pickled.
        format: The file's format, such as `onnx`.
        model_file: The file's name in the model's folder, or its path.
        metrics: What it achieved.
        target_path: Where it is or shall be.
        parameters: What it was trained with.
        inputs: Its features: names, or dicts with name and value_type.
        outputs: Its predictions, likewise.
        framework: Such as `sklearn`; for objects found from their class.
        algorithm: Such as `RandomForest`.
        feature_vector: URI of the feature vector it was trained on.
        feature_weights: Weight of each feature.
        extra_data: Further files: bytes, paths relative to `model_dir`, URLs or artifacts.
        model_dir: The folder on this machine that holds the file.
        kwargs: As for Artifact.

    >>> ModelArtifact("net", body=b"...", model_file="net.onnx").spec.model_file
    'net.onnx'
    """

    kind = "model"
    category = "models"

    def __init__(  # noqa: PLR0913
        self,
        key: str = "",
        body: Any = None,
        format: str = "",
        model_file: str = "",
        metrics: dict[str, Any] | None = None,
        target_path: str = "",
        parameters: dict[str, Any] | None = None,
        inputs: Sequence[Any] | None = None,
        outputs: Sequence[Any] | None = None,
        framework: str = "",
        algorithm: str = "",
        feature_vector: str = "",
        feature_weights: Sequence[float] | None = None,
        extra_data: dict[str, Any] | None = None,
        model_dir: str = "",
        **kwargs: Any,
    ) -> None:
        model_file, model_dir = os.fspath(model_file or ""), os.fspath(model_dir or "")
        if body is not None and not isinstance(body, (str, bytes, bytearray, memoryview)):
            framework = framework or _framework_of(body)
            body, model_file = _pickled(key, body, model_file), model_file or f"{key}.pkl"
            format = format or "pkl"
        if model_file and not model_dir and body is None and os.path.dirname(model_file):
            model_dir, model_file = os.path.split(model_file)
        kwargs["src_path"] = model_dir or kwargs.get("src_path", "")
        super().__init__(key, body, format=format, target_path=target_path, **kwargs)
        spec = self.doc.spec
        spec.model_file, spec.framework, spec.algorithm = model_file, framework, algorithm
        spec.format = spec.format or suffix_of(model_file)
        spec.metrics = _plain(metrics)
        spec.parameters = _plain(parameters)
        spec.inputs, spec.outputs = features(inputs), features(outputs)
        spec.feature_vector = feature_vector or ""
        spec.feature_weights = [float(weight) for weight in feature_weights or ()]
        self.extra: dict[str, Any] = dict(extra_data or {})

    @property
    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return True

    def suffix(self) -> str:
        """A model is a folder."""
        return "/"

    @property
    def model_path(self) -> str:
        """The URL of the model's file."""
        name = self.doc.spec.model_file
        if scheme_of(name) or name.startswith("/"):
            return name
        return join_url(self.doc.spec.target_path, name)

    def infer_from_df(
        self,
        df: Any,
        label_columns: Sequence[str] | str = (),
        with_stats: bool = True,
        num_bins: int | None = None,
    ) -> None:
        """Take inputs, outputs and feature statistics from the training data.

        Args:
            df: The training data.
            label_columns: The columns that are predicted.
            with_stats: Also compute statistics with histograms.
            num_bins: The bins of these; 20 by default.

        Raises:
            InvalidArgumentError: if a label column is absent, or `num_bins` is no such number.
        """
        if not is_frame(df):
            raise InvalidArgumentError(
                f"training_set of model {self.key!r} is a {type(df).__name__}",
                fix="give a DataFrame",
            )
        if num_bins is not None and not (isinstance(num_bins, Integral) and num_bins >= 0):
            raise InvalidArgumentError(
                f"num_bins={num_bins!r} is no number of bins", fix="num_bins=20, or leave it out"
            )
        labels = [label_columns] if isinstance(label_columns, str) else list(label_columns or ())
        spec = self.doc.spec
        spec.inputs, spec.outputs = preview().model_schema(df, labels)
        if with_stats:
            spec.feature_stats = preview().statistics(df, num_bins)


def features(given: Sequence[Any] | None) -> list[dict[str, Any]]:
    """Features as `{"name": ..., "value_type": ...}`, from names, dicts or objects."""
    found = []
    for one in given or ():
        if isinstance(one, str):
            found.append({"name": one})
        elif isinstance(one, dict):
            found.append(dict(one))
        elif hasattr(one, "to_dict"):
            found.append(dict(one.to_dict()))
        else:
            raise InvalidArgumentError(
                f"feature {one!r} is not a name or a dict",
                fix='inputs=[{"name": "age", "value_type": "int"}]',
            )
    return found


def _framework_of(body: Any) -> str:
    """The package of the object's class; a program's own `__main__` is no framework."""
    name = type(body).__module__.partition(".")[0]
    return "" if name.startswith("_") else name


def _plain(values: dict[str, Any] | None) -> dict[str, Any]:
    plain = to_result(dict(values or {}))
    return plain if isinstance(plain, dict) else {}


def _pickled(key: str, model: Any, model_file: str) -> bytes:
    if model_file and suffix_of(model_file) not in ("pkl", "pickle", "cloudpickle"):
        raise InvalidArgumentError(
            f"model {key!r} is an object, which cannot be written as {model_file!r}",
            fix=f'model_file="{key}.pkl" pickles it; other formats: give their bytes as body',
        )
    buffer = io.BytesIO()
    try:
        importlib.import_module("cloudpickle").dump(model, buffer)
    except Exception as exc:
        # pickling runs code of the object's own class, which may raise anything
        raise InvalidArgumentError(
            f"model {key!r} ({type(model).__name__}) cannot be pickled: {exc}",
            fix="save it with its framework and log that file with model_file=",
        ) from exc
    return buffer.getvalue()
