"""Auto-logging of Keras 3, whatever computes it: `apply_mlrun(model)`."""

from __future__ import annotations

import os
from typing import Any

from mlrun_like.artifacts.models import load_model
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.core.handler import ModelHandler
from mlrun_like.frameworks.loop.lazy import subclass
from mlrun_like.frameworks.loop.logger import LoopLogger
from mlrun_like.frameworks.loop.tensorboard import TensorboardWriter
from mlrun_like.registry import require, resolve
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.session import get_or_create_ctx

__all__ = ["MLRunLoggingCallback", "TFKerasModelHandler", "apply_mlrun"]

_FORMATS = {"keras": "keras", "SavedModel": "keras", "h5": "h5"}
"""MLRun's words for formats. Keras 3 has no SavedModel to train on: `.keras` is its successor."""


class TFKerasModelHandler(ModelHandler):
    """A model of Keras, saved as `.keras` or `.h5`.

    Args:
        model: The model.
        model_format: `keras` (`SavedModel` means the same) or `h5`.
        kwargs: Those of ModelHandler.

    Raises:
        InvalidArgumentError: if there is no such format.
    """

    FRAMEWORK_NAME = "tensorflow.keras"
    SUFFIXES = (".keras", ".h5")

    def __init__(self, model: Any = None, *, model_format: str = "keras", **kwargs: Any) -> None:
        if model_format not in _FORMATS:
            raise InvalidArgumentError(
                f"model_format {model_format!r} is not one of: {', '.join(_FORMATS)}"
            )
        name = kwargs.pop("model_name", None) or getattr(model, "name", None)
        super().__init__(model, model_name=name, **kwargs)
        self.model_format = _FORMATS[model_format]

    def write(self, folder: str) -> str:
        """The model with its architecture and weights; `.keras` also holds the optimizer."""
        name = f"{self.model_name}.{self.model_format}"
        # h5 cannot read back losses and metrics that were given as texts
        options = {"include_optimizer": False} if self.model_format == "h5" else {}
        self._model.save(os.path.join(folder, name), **options)
        return name

    def load(self) -> Any:
        """Load the model; its own classes are those of the custom objects."""
        keras = require("keras", extra="keras", feature=type(self).__name__)
        with keras.saving.custom_object_scope(self.custom_objects.load()):
            source: Any = self.model_path if self.record is not None else self._file
            self._model = load_model(source)
        return self._model

    def own_labels(self) -> dict[str, str]:
        """The format."""
        return {"model-format": self.model_format}

    def own_parameters(self) -> dict[str, Any]:
        """Weights, optimizer and loss."""
        model = self._model
        found: dict[str, Any] = {}
        if getattr(model, "built", False):
            found["weights"] = int(model.count_params())
        optimizer = getattr(model, "optimizer", None)
        if optimizer is not None:
            found["optimizer"] = type(optimizer).__name__
        if isinstance(getattr(model, "loss", None), str):
            found["loss"] = model.loss
        return found


class _Reports:
    """What Keras calls while it trains and tests."""

    model: Any

    def __init__(
        self,
        context: MLClientCtx,
        handler: TFKerasModelHandler | None,
        writer: TensorboardWriter | None,
        testing: bool,
    ) -> None:
        super().__init__()
        self.context, self.handler, self.testing = context, handler, testing
        self.logger = LoopLogger(context, testing, writer)
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        """Record the parameters."""
        batch = (getattr(self, "params", None) or {}).get("batch_size")
        self.logger.log_parameters({**self.context.parameters, "batch_size": batch})

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """A first epoch that is not 0 goes on with an earlier training."""
        self.logger.epoch = epoch
        self._fresh()

    def on_test_begin(self, logs: Any = None) -> None:
        """Means of batches start again."""
        self._fresh("validation")
        self._fresh("evaluation")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Collect a batch."""
        self._batch("training", logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Collect a batch."""
        self._batch("evaluation" if self.testing else "validation", logs)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Record the epoch."""
        for loop in ("training", "validation"):
            self.logger.end_loop(loop, record=False)
        for name, value in (logs or {}).items():
            if name == "learning_rate":
                continue
            tested = name.startswith("val_")
            loop = "validation" if tested else "training"
            self.logger.log_value(loop, name[4:] if tested else name, float(value))
        rate = getattr(getattr(self.model, "optimizer", None), "learning_rate", None)
        if rate is not None:
            self.logger.log_changing("learning_rate", float(rate))
        self.logger.end_epoch()

    def on_test_end(self, logs: Any = None) -> None:
        """Record a test that is not part of a training."""
        if not self.testing:
            return
        self.logger.end_loop("evaluation", record=False)
        for name, value in (logs or {}).items():
            self.logger.log_value("evaluation", name, float(value))
        charts = self.logger.end()
        if self.handler is not None and self.handler.record is not None and self.logger.active:
            self.handler.update(metrics=self.logger.metrics, artifacts=charts)

    def on_train_end(self, logs: Any = None) -> None:
        """Draw the charts and log the model."""
        charts = self.logger.end()
        if self.handler is not None and self.logger.active:
            self.handler.log(metrics=self.logger.metrics, artifacts=charts)

    def _fresh(self, loop: str = "training") -> None:
        for key in [key for key in self._sums if key.startswith(loop)]:
            del self._sums[key], self._counts[key]

    def _batch(self, loop: str, logs: Any) -> None:
        """Keras tells means since the epoch began: the batch's own value is the difference."""
        for name, mean in (logs or {}).items():
            key = f"{loop}_{name}"
            count, total = self._counts.get(key, 0) + 1, self._sums.get(key, 0.0)
            value = float(mean) * count - total
            self._counts[key], self._sums[key] = count, total + value
            self.logger.log_batch(loop, name, value)


def MLRunLoggingCallback(
    context: MLClientCtx | None = None,
    model_handler: TFKerasModelHandler | None = None,
    tensorboard_directory: str | None = None,
    testing: bool = False,
) -> Any:
    """A callback of Keras that puts a training on record; `apply_mlrun` adds it by itself.

    Args:
        context: The run; None: the current one, or a new one.
        model_handler: The model to log at the end.
        tensorboard_directory: The folder of TensorBoard's files.
        testing: For `evaluate`: the metrics are `evaluation_*`.

    Raises:
        MissingDependencyError: if Keras is not installed.
    """
    context = context if context is not None else get_or_create_ctx("mlrun-tf-keras")
    writer = None if testing else TensorboardWriter.of_run(context, tensorboard_directory)
    kind = subclass("MLRunLoggingCallback", _Reports, "keras.callbacks:Callback", "keras")
    return kind(context, model_handler, writer, testing)


def apply_mlrun(  # noqa: PLR0913 - MLRun's signature
    model: Any = None,
    model_name: str | None = None,
    tag: str = "",
    model_path: str | None = None,
    model_format: str = "SavedModel",
    save_traces: bool = False,
    modules_map: Any = None,
    custom_objects_map: Any = None,
    custom_objects_directory: str | None = None,
    context: MLClientCtx | None = None,
    auto_log: bool = True,
    tensorboard_directory: str | None = None,
    mlrun_callback_kwargs: dict[str, Any] | None = None,
    tensorboard_callback_kwargs: dict[str, Any] | None = None,
    use_horovod: bool | None = None,
    **kwargs: Any,
) -> TFKerasModelHandler:
    """Log the training of a Keras model.

    `model.fit` gives the run results and series `training_<metric>` and `validation_<metric>`,
    charts, and the model; `model.evaluate` gives `evaluation_<metric>`.

    Args:
        model: The model; None: loaded from `model_path`.
        model_name: Its name in the store; by default its own.
        tag: A tag besides `latest`.
        model_path: A logged model.
        model_format: `keras` (`SavedModel` means the same) or `h5`.
        save_traces: Kept for MLRun's callers.
        modules_map: Modules to import before the model is loaded.
        custom_objects_map: Python files with its classes.
        custom_objects_directory: The folder, or zip file, of those files.
        context: The run; None: the current one, or a new one.
        auto_log: Log the training; False: only make the handler.
        tensorboard_directory: The folder of TensorBoard's files.
        mlrun_callback_kwargs: `log_model_labels`, `log_model_parameters`, `log_model_extra_data`,
            `log_model_tag`.
        tensorboard_callback_kwargs: Kept for MLRun's callers.
        use_horovod: Not supported; must not be true.
        kwargs: `labels`, `parameters`, `extra_data` of the model.

    Raises:
        InvalidArgumentError: if an argument is unknown or not supported.
    """
    if use_horovod:
        raise InvalidArgumentError("use_horovod is not supported: Keras 3 distributes by itself")
    context = context if context is not None else get_or_create_ctx("mlrun-tf-keras")
    handler = TFKerasModelHandler(
        model,
        model_name=model_name,
        model_path=model_path,
        model_format=model_format,
        modules_map=modules_map,
        custom_objects_map=custom_objects_map,
        custom_objects_directory=custom_objects_directory,
        context=context,
    )
    model = handler.load() if model is None else model
    details = {k.replace("log_model_", ""): v for k, v in (mlrun_callback_kwargs or {}).items()}
    details.update(kwargs)
    handler.take({name: details.pop(name, None) for name in _DETAILS} | {"tag": tag or None})
    if details:
        raise InvalidArgumentError(f"apply_mlrun has no argument {sorted(details)[0]!r}")
    if auto_log:
        _add(model, "fit", lambda: MLRunLoggingCallback(context, handler, tensorboard_directory))
        _add(model, "evaluate", lambda: MLRunLoggingCallback(context, handler, testing=True))
    return handler


_DETAILS = ("labels", "parameters", "extra_data")


def _add(model: Any, method: str, make: Any) -> None:
    """Give each call of a method a callback. Saved models do not hold this: Keras writes its own
    configuration, not the object."""
    plain = getattr(type(model), method)

    def call(*args: Any, **kwargs: Any) -> Any:
        inner = kwargs.get("_use_cached_eval_dataset")  # a validation inside of a training
        given = kwargs.pop("callbacks", None)
        callbacks = list(given) if isinstance(given, (list, tuple)) else [given] if given else []
        if inner:
            return plain(model, *args, callbacks=given, **kwargs)
        return plain(model, *args, callbacks=[*callbacks, make()], **kwargs)

    object.__setattr__(model, method, call)


def __getattr__(name: str) -> Any:
    if name == "TFKerasModelServer":
        return resolve("mlrun_like.serving.models.tf_keras:TFKerasModelServer")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
