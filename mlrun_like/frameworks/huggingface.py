"""Auto-logging of Hugging Face's Trainer: `apply_mlrun(trainer)`."""

from __future__ import annotations

import os
from typing import Any

from mlrun_like.artifacts.formats import executes
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.core.handler import ModelHandler
from mlrun_like.frameworks.loop.lazy import subclass
from mlrun_like.frameworks.loop.logger import LoopLogger
from mlrun_like.frameworks.loop.tensorboard import TensorboardWriter
from mlrun_like.registry import require, resolve
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.session import get_or_create_ctx

__all__ = ["HuggingFaceModelHandler", "MLRunCallback", "apply_mlrun"]

_TIMES = ("total_flos", "train_runtime", "eval_runtime", "epoch")
"""What the Trainer logs beside metrics."""


class HuggingFaceModelHandler(ModelHandler):
    """A model of transformers: a folder with its weights, and its tokenizer's files.

    Args:
        model: The model.
        tokenizer: Its tokenizer or processor.
        kwargs: Those of ModelHandler.
    """

    FRAMEWORK_NAME = "huggingface"

    def __init__(self, model: Any = None, *, tokenizer: Any = None, **kwargs: Any) -> None:
        super().__init__(model, **kwargs)
        self.tokenizer = tokenizer

    def write(self, folder: str) -> str:
        """The folder that `from_pretrained` reads."""
        inner = os.path.join(folder, self.model_name)
        self._model.save_pretrained(inner)
        if self.tokenizer is not None:
            self.tokenizer.save_pretrained(inner)
        return self.model_name

    def load(self, model_class: str = "AutoModel") -> Any:
        """Load the model.

        Args:
            model_class: The class of transformers; by default the one of the configuration.

        Raises:
            InvalidArgumentError: if a file of the folder could run code.
        """
        transformers = require("transformers", extra="huggingface", feature=type(self).__name__)
        folder = self._file
        risky = [name for name in os.listdir(folder) if executes(name)]
        if risky and self.record is None:
            raise InvalidArgumentError(f"{risky[0]!r} in the model's folder could run code")
        if model_class == "AutoModel":
            config = transformers.AutoConfig.from_pretrained(folder)
            model_class = (config.architectures or [model_class])[0]
        self._model = getattr(transformers, model_class).from_pretrained(folder)
        return self._model

    def own_labels(self) -> dict[str, str]:
        """The model's class."""
        return {"model-class-name": type(self._model).__name__}


class _Reports:
    """What the Trainer calls."""

    def __init__(
        self,
        context: MLClientCtx,
        handler: HuggingFaceModelHandler | None,
        writer: TensorboardWriter | None,
    ) -> None:
        super().__init__()
        self.context, self.handler = context, handler
        self.logger = LoopLogger(context, writer=writer)
        self.trained = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **others: Any) -> None:
        """Record the parameters."""
        self.trained = True
        names = ("learning_rate", "num_train_epochs", "per_device_train_batch_size", "seed")
        found = {name: getattr(args, name, None) for name in names}
        self.logger.log_parameters({**self.context.parameters, **found})

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **others: Any) -> None:
        """Record metrics at the step where they were computed."""
        if not state.is_world_process_zero:
            return
        self.logger.epoch = int(state.global_step)
        for name, value in (logs or {}).items():
            if name in _TIMES or name.endswith("_per_second"):
                continue
            if name == "train_loss" and "training_loss" in self.logger.metrics:
                self.context.log_result(name, float(value))  # the mean of all steps, at the end
            elif name == "learning_rate":
                self.logger.log_changing("lr", float(value))
            elif isinstance(value, (int, float)):
                loop, metric = _loop(name, self.trained)
                self.logger.log_value(loop, metric, float(value))
        self.context.commit()

    def on_train_end(
        self, args: Any, state: Any, control: Any, model: Any = None, **others: Any
    ) -> None:
        """Draw the charts and log the model."""
        if not state.is_world_process_zero:
            return
        charts = self.logger.end()
        self.trained = False
        if self.handler is None or not self.logger.active:
            return
        if model is not None:
            self.handler._model = model
        if state.best_model_checkpoint:
            self.handler.set_parameters({"best_checkpoint": state.best_model_checkpoint})
        self.handler.log(metrics=self.logger.metrics, artifacts=charts)


def _loop(name: str, training: bool) -> tuple[str, str]:
    for prefix in ("eval_", "test_"):
        if name.startswith(prefix):
            return ("validation" if training else "evaluation"), name[len(prefix) :]
    return "training", name.removeprefix("train_")


def MLRunCallback(
    context: MLClientCtx | None = None,
    model_handler: HuggingFaceModelHandler | None = None,
    tensorboard_directory: str | None = None,
) -> Any:
    """A callback of the Trainer that puts a training on record: `Trainer(callbacks=[...])`.

    Args:
        context: The run; None: the current one, or a new one.
        model_handler: The model to log at the end.
        tensorboard_directory: The folder of TensorBoard's files; None: they are not written (the
            Trainer has `report_to="tensorboard"`).

    Raises:
        MissingDependencyError: if transformers is not installed.
    """
    context = context if context is not None else get_or_create_ctx("mlrun-huggingface")
    writer = (
        TensorboardWriter.of_run(context, tensorboard_directory) if tensorboard_directory else None
    )
    kind = subclass("MLRunCallback", _Reports, "transformers:TrainerCallback", "huggingface")
    return kind(context, model_handler, writer)


def apply_mlrun(
    trainer: Any,
    model_name: str | None = None,
    tag: str = "",
    context: MLClientCtx | None = None,
    auto_log: bool = True,
    tensorboard_directory: str | None = None,
    **details: Any,
) -> HuggingFaceModelHandler:
    """Log what a Trainer does: series of its metrics by step, charts, model and tokenizer.

    Checkpoints are the Trainer's own (`save_strategy`, `train(resume_from_checkpoint=True)`).

    Args:
        trainer: The Trainer.
        model_name: The model's name in the store; by default its class's.
        tag: A tag besides `latest`.
        context: The run; None: the current one, or a new one.
        auto_log: Add the callback; False: only make the handler.
        tensorboard_directory: The folder of TensorBoard's files.
        details: `labels`, `parameters`, `extra_data`, `inputs`, `outputs` of the model.
    """
    context = context if context is not None else get_or_create_ctx("mlrun-huggingface")
    words = getattr(trainer, "processing_class", None) or getattr(trainer, "tokenizer", None)
    handler = HuggingFaceModelHandler(
        trainer.model, tokenizer=words, model_name=model_name, context=context
    )
    handler.take({**details, "tag": tag})
    if auto_log:
        trainer.add_callback(MLRunCallback(context, handler, tensorboard_directory))
    return handler


def __getattr__(name: str) -> Any:
    if name == "HuggingFaceModelServer":
        return resolve("mlrun_like.serving.models.huggingface:HuggingFaceModelServer")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
