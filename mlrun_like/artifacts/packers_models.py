"""Packers of estimators in scikit-learn's manner: model artifacts with a pickled model file."""

from __future__ import annotations

from typing import Any

from mlrun_like.artifacts import pickles
from mlrun_like.artifacts.hints import ArtifactType
from mlrun_like.artifacts.models import get_model, load_model
from mlrun_like.artifacts.packer import Packer
from mlrun_like.artifacts.ports import Item, Packed

__all__ = ["PACKERS", "ModelPackager"]

_LIBRARIES = ("sklearn", "xgboost", "lightgbm")


class ModelPackager(Packer):
    """Anything that can fit and predict and derives from sklearn, xgboost or lightgbm: a model."""

    DEFAULT_PACKING_ARTIFACT_TYPE = ArtifactType.MODEL
    DEFAULT_UNPACKING_ARTIFACT_TYPE = ArtifactType.MODEL

    def is_type(self, kind: Any) -> bool:
        """By the class's methods and the modules of its bases."""
        return _library(kind) != "" and hasattr(kind, "fit") and hasattr(kind, "predict")

    def is_unpackable(
        self, data_item: Item, type_hint: Any, artifact_type: str | None = None
    ) -> bool:
        """Only logged models; other files go to the packer that refuses foreign pickles."""
        is_model = getattr(getattr(data_item, "meta", None), "kind", "") == "model"
        return is_model and super().is_unpackable(data_item, type_hint, artifact_type)

    def pack_model(
        self, obj: Any, key: str, pickle_module_name: str = "cloudpickle", **options: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Log a model; `framework` and `algorithm` are filled in, further options are those of
        `log_model`."""
        path = self.folder() / f"{key}.pkl"
        notes = pickles.dump(obj, path, pickle_module_name)
        arguments = {
            "framework": _library(type(obj)),
            "algorithm": type(obj).__name__,
            **options,
            "model_file": path.name,
            "model_dir": str(path.parent),
        }
        return Packed("log_model", key, arguments), notes

    def unpack_model(self, data_item: Item, **notes: Any) -> Any:
        """Open the model file."""
        if "pickle_module_name" not in notes:  # logged with log_model
            return load_model(data_item.meta, trust=pickles.is_trusting())
        path, _, _ = get_model(data_item.meta, trust=True)  # its bytes are verified below
        data = pickles.trusted_bytes(data_item, path, data_item.meta.spec.model_file)
        return pickles.load(data, notes, str(data_item.url))


def _library(kind: Any) -> str:
    """The first of the libraries that a class or one of its bases comes from."""
    for base in getattr(kind, "__mro__", ()):
        root = str(base.__module__).partition(".")[0]
        if root in _LIBRARIES:
            return root
    return ""


PACKERS: tuple[type[Packer], ...] = (ModelPackager,)
