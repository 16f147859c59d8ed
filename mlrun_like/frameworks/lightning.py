"""Auto-logging of PyTorch Lightning: a callback for `Trainer(callbacks=[...])`."""

from __future__ import annotations

import importlib.util
from typing import Any

from mlrun_like.frameworks.loop.lazy import subclass
from mlrun_like.frameworks.loop.logger import LoopLogger
from mlrun_like.frameworks.pytorch.handler import PyTorchModelHandler
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.session import get_or_create_ctx

__all__ = ["MLRunCallback", "apply_mlrun"]


class _Reports:
    """What Lightning calls."""

    def __init__(self, context: MLClientCtx, model_name: str | None, log_model: bool) -> None:
        super().__init__()
        self.context, self.model_name, self.log_model = context, model_name, log_model
        self.logger = LoopLogger(context)
        self.handler: PyTorchModelHandler | None = None

    def on_fit_start(self, trainer: Any, module: Any) -> None:
        """Record the parameters."""
        if trainer.is_global_zero:
            found = dict(getattr(module, "hparams", {}))
            self.logger.log_parameters({**self.context.parameters, **found})

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        """Record the epoch: what the module logged, and learning rates."""
        if not trainer.is_global_zero:
            return
        self.logger.epoch = int(trainer.current_epoch)
        self._record(trainer.callback_metrics, "training")
        for optimizer in trainer.optimizers[:1]:
            self.logger.log_changing("lr", float(optimizer.param_groups[0]["lr"]))
        self.context.commit()

    def on_test_epoch_end(self, trainer: Any, module: Any) -> None:
        """Record a test."""
        if trainer.is_global_zero:
            self._record(trainer.callback_metrics, "evaluation")
            self.context.commit()

    def on_fit_end(self, trainer: Any, module: Any) -> None:
        """Draw the charts and log the module."""
        if not trainer.is_global_zero:
            return
        charts = self.logger.end()
        if not self.log_model or not self.logger.active:
            return
        # the trainer holds data and processes: the module is logged without it
        before, module._trainer = getattr(module, "_trainer", None), None
        try:
            handler = PyTorchModelHandler(module, model_name=self.model_name, context=self.context)
            best = getattr(trainer.checkpoint_callback, "best_model_path", "")
            if best:
                handler.set_parameters({"best_checkpoint": best})
            handler.log(metrics=self.logger.metrics, artifacts=charts)
            self.handler = handler
        finally:
            module._trainer = before

    def _record(self, metrics: Any, usual: str) -> None:
        for name, value in dict(metrics).items():
            loop, metric = usual, name
            for prefix, meaning in _PREFIXES.items():
                if name.startswith((f"{prefix}_", f"{prefix}/")):
                    loop, metric = meaning, name[len(prefix) + 1 :]
            if (loop == "evaluation") == (usual == "evaluation"):
                self.logger.log_value(loop, metric, float(value))


_PREFIXES = {
    "train": "training",
    "val": "validation",
    "valid": "validation",
    "test": "evaluation",
}


def MLRunCallback(
    context: MLClientCtx | None = None, model_name: str | None = None, log_model: bool = True
) -> Any:
    """A callback of Lightning that puts a training on record.

    What the module logs becomes results and series by epoch: `train_loss` is `training_loss`,
    `val_loss` is `validation_loss`, `test_loss` is `evaluation_loss`. Checkpoints are Lightning's
    own (`ModelCheckpoint`, `trainer.fit(..., ckpt_path=)`).

    Args:
        context: The run; None: the current one, or a new one.
        model_name: The module's name in the store; by default its class's.
        log_model: Log the module at the end.

    Raises:
        MissingDependencyError: if Lightning is not installed.
    """
    context = context if context is not None else get_or_create_ctx("mlrun-lightning")
    whole = importlib.util.find_spec("lightning") is not None
    base = "lightning.pytorch:Callback" if whole else "pytorch_lightning:Callback"
    kind = subclass("MLRunCallback", _Reports, base, "lightning")
    return kind(context, model_name, log_model)


def apply_mlrun(
    trainer: Any,
    model_name: str | None = None,
    context: MLClientCtx | None = None,
    log_model: bool = True,
) -> Any:
    """Log what a Trainer of Lightning does; returns the callback that was added.

    Args:
        trainer: The Trainer.
        model_name: The module's name in the store; by default its class's.
        context: The run; None: the current one, or a new one.
        log_model: Log the module at the end.
    """
    added = MLRunCallback(context, model_name, log_model)
    trainer.callbacks.append(added)
    return added
