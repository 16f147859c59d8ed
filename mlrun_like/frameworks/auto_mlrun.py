"""AutoMLRun: finds the framework of a model, and does what its own module does."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from mlrun_like.artifacts.models import get_model
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.core.handler import ModelHandler
from mlrun_like.registry import resolve
from mlrun_like.runs.context import MLClientCtx

__all__ = ["AutoMLRun", "framework_of"]

_HERE = "mlrun_like.frameworks"
_HANDLERS = MappingProxyType(
    {
        "sklearn": f"{_HERE}.sklearn:SKLearnModelHandler",
        "xgboost": f"{_HERE}.xgboost:XGBoostModelHandler",
        "lightgbm": f"{_HERE}.lgbm:LGBMModelHandler",
        "torch": f"{_HERE}.pytorch.handler:PyTorchModelHandler",
        "tensorflow.keras": f"{_HERE}.tf_keras:TFKerasModelHandler",
        "huggingface": f"{_HERE}.huggingface:HuggingFaceModelHandler",
        "onnx": f"{_HERE}.onnx:ONNXModelHandler",
    }
)
_APPLY = MappingProxyType(
    {
        "sklearn": f"{_HERE}.sklearn:apply_mlrun",
        "xgboost": f"{_HERE}.xgboost:apply_mlrun",
        "lightgbm": f"{_HERE}.lgbm:apply_mlrun",
        "tensorflow.keras": f"{_HERE}.tf_keras:apply_mlrun",
    }
)
_PACKAGES = MappingProxyType(
    {
        "keras": "tensorflow.keras",
        "tensorflow": "tensorflow.keras",
        "xgboost": "xgboost",
        "lightgbm": "lightgbm",
        "onnx": "onnx",
        "transformers": "huggingface",
        "sklearn": "sklearn",
        "torch": "torch",
    }
)
"""Package of a class -> framework."""
_SYNONYMS = MappingProxyType({"lgbm": "lightgbm", "pytorch": "torch", "keras": "tensorflow.keras"})


def framework_of(model: Any) -> str:
    """The framework of a model, from its class and the classes below it.

    Args:
        model: The model.

    >>> framework_of(3)
    Traceback (most recent call last):
    mlrun_like.errors.values.InvalidArgumentError: the framework of a 'int' is not known
      fix: framework= one of: sklearn, xgboost, lightgbm, torch, tensorflow.keras, huggingface, onnx

    Raises:
        InvalidArgumentError: if it is of none that is known.
    """
    for kind in type(model).__mro__:
        found = _PACKAGES.get(kind.__module__.partition(".")[0])
        if found is not None:
            return found
    raise InvalidArgumentError(
        f"the framework of a {type(model).__name__!r} is not known",
        fix=f"framework= one of: {', '.join(_HANDLERS)}",
    )


def _known(framework: str) -> str:
    framework = _SYNONYMS.get(framework, framework)
    if framework not in _HANDLERS:
        raise InvalidArgumentError(
            f"framework {framework!r} is not known", fix=f"use one of: {', '.join(_HANDLERS)}"
        )
    return framework


def _chosen(framework: str | None, model: Any, model_path: str | None) -> str:
    if framework:
        return _known(framework)
    if model is not None:
        return framework_of(model)
    if not model_path:
        raise InvalidArgumentError("give a model, or model_path=")
    record = get_model(model_path)[1]
    if record is None or not record.spec.framework:
        raise InvalidArgumentError(
            f"nothing says the framework of {model_path!r}", fix='framework="sklearn"'
        )
    return _known(record.spec.framework)


class AutoMLRun:
    """Loading and auto-logging for models of any framework (MLRun's class)."""

    @staticmethod
    def load_model(
        model_path: str,
        model_name: str | None = None,
        context: MLClientCtx | None = None,
        modules_map: Any = None,
        custom_objects_map: Any = None,
        custom_objects_directory: str | None = None,
        framework: str | None = None,
        **kwargs: Any,
    ) -> ModelHandler:
        """Load a logged model; it is in the handler's `model`.

        Args:
            model_path: The model's URI, folder or file.
            model_name: Its name.
            context: The run.
            modules_map: Modules to import before.
            custom_objects_map: Python files to import from before.
            custom_objects_directory: The folder, or zip file, of those files.
            framework: Its framework; by default what its record says.
            kwargs: Further arguments of the framework's handler.

        Raises:
            InvalidArgumentError: if the framework is not known.
        """
        kind = resolve(_HANDLERS[_chosen(framework, None, model_path)])
        handler: ModelHandler = kind(
            model_path=model_path,
            model_name=model_name,
            context=context,
            modules_map=modules_map,
            custom_objects_map=custom_objects_map,
            custom_objects_directory=custom_objects_directory,
            **kwargs,
        )
        handler.load()
        return handler

    @staticmethod
    def apply_mlrun(  # noqa: PLR0913 - MLRun's signature
        model: Any = None,
        model_name: str | None = None,
        tag: str = "",
        model_path: str | None = None,
        modules_map: Any = None,
        custom_objects_map: Any = None,
        custom_objects_directory: str | None = None,
        context: MLClientCtx | None = None,
        framework: str | None = None,
        auto_log: bool = True,
        **kwargs: Any,
    ) -> ModelHandler:
        """Log the training of a model, whatever its framework.

        Args:
            model: The model; None: loaded from `model_path`.
            model_name: Its name in the store.
            tag: A tag besides `latest`.
            model_path: A logged model.
            modules_map: Modules to import before it is loaded.
            custom_objects_map: Python files to import from before that.
            custom_objects_directory: The folder, or zip file, of those files.
            context: The run; None: the current one, or a new one.
            framework: Its framework; by default found from its class or record.
            auto_log: Add the default artifacts and metrics.
            kwargs: Further arguments of the framework's `apply_mlrun`.

        Raises:
            InvalidArgumentError: if the framework is not known, or has no `apply_mlrun`.
        """
        found = _chosen(framework, model, model_path)
        if found not in _APPLY:
            raise InvalidArgumentError(
                f"models of {found!r} are not trained by a method that can be watched",
                fix="mlrun_like.frameworks.pytorch.train(...), or the callback of the Trainer",
            )
        given = {} if model_name is None else {"model_name": model_name}
        handler: ModelHandler = resolve(_APPLY[found])(
            model=model,
            tag=tag,
            model_path=model_path,
            modules_map=modules_map,
            custom_objects_map=custom_objects_map,
            custom_objects_directory=custom_objects_directory,
            context=context,
            auto_log=auto_log,
            **given,
            **kwargs,
        )
        return handler
