"""Callbacks of the PyTorch loops: a base with MLRun's hooks, and those that log."""

from __future__ import annotations

from typing import Any

from mlrun_like.frameworks.loop.checkpoints import Checkpoints
from mlrun_like.frameworks.loop.logger import LoopLogger
from mlrun_like.frameworks.loop.tensorboard import TensorboardWriter
from mlrun_like.frameworks.pytorch.handler import PyTorchModelHandler
from mlrun_like.registry import require
from mlrun_like.runs.context import MLClientCtx, current_context
from mlrun_like.runs.session import get_or_create_ctx

__all__ = [
    "Callback",
    "CheckpointCallback",
    "MLRunLoggingCallback",
    "TensorboardLoggingCallback",
    "metric_name",
]


def metric_name(metric: Any) -> str:
    """A loss's or metric's name: the function's, else the class's.

    >>> metric_name(len)
    'len'
    """
    return str(getattr(metric, "__name__", None) or type(metric).__name__)


class Callback:
    """What a loop calls; subclasses define the hooks they need.

    A hook that returns False (`on_train_end`, `on_validation_end`, `on_epoch_end`) ends the
    training. `objects` holds `model`, `training_set`, `validation_set`, `loss_function`,
    `optimizer`, `metric_functions`, `scheduler`.
    """

    def on_setup(self, objects: dict[str, Any]) -> None:
        """Before all: what the loop works with."""
        self.objects = objects

    def on_run_begin(self) -> int | None:
        """A run begins; the epochs that are over already may be returned."""

    def on_run_end(self) -> None:
        """A run is over."""

    def on_epoch_begin(self, epoch: int) -> None:
        """An epoch begins, counted from 0."""

    def on_epoch_end(self, epoch: int) -> bool | None:
        """An epoch is over."""

    def on_train_begin(self) -> None:
        """The training of an epoch begins."""

    def on_train_end(self) -> bool | None:
        """The training of an epoch is over."""

    def on_validation_begin(self) -> None:
        """A validation begins."""

    def on_validation_end(self, loss_value: Any, metric_values: list[Any]) -> bool | None:
        """A validation is over, with these means."""

    def on_train_batch_begin(self, batch: int, x: Any, y_true: Any) -> None:
        """A batch of the training begins."""

    def on_train_batch_end(self, batch: int, x: Any, y_true: Any, y_pred: Any) -> None:
        """A batch of the training is over."""

    def on_validation_batch_begin(self, batch: int, x: Any, y_true: Any) -> None:
        """A batch of a validation begins."""

    def on_validation_batch_end(self, batch: int, x: Any, y_true: Any, y_pred: Any) -> None:
        """A batch of a validation is over."""

    def on_train_loss_end(self, loss_value: Any) -> None:
        """The loss of a batch of the training."""

    def on_validation_loss_end(self, loss_value: Any) -> None:
        """The loss of a batch of a validation."""

    def on_train_metrics_end(self, metric_values: list[Any]) -> None:
        """The metrics of a batch of the training."""

    def on_validation_metrics_end(self, metric_values: list[Any]) -> None:
        """The metrics of a batch of a validation."""

    def on_backward_end(self) -> None:
        """Gradients are computed."""

    def on_optimizer_step_end(self) -> None:
        """Weights were changed."""

    def on_scheduler_step_end(self) -> None:
        """The scheduler made a step."""


class MLRunLoggingCallback(Callback):
    """Puts a training (or test) on record: parameters, series, results, charts, the model.

    Args:
        context: The run; None: the current one, or a new one.
        model_handler: The model to log at the end, or to add a test to.
        log_model_tag: A tag of the model besides `latest`.
        log_model_labels: Labels of the model.
        log_model_parameters: Parameters to record with it.
        log_model_extra_data: Further files, artifacts and values of it.
        static_hyperparameters: Further parameters of the run, by name.
        auto_log: Also record the run's parameters, batch size and learning rate.
    """

    def __init__(
        self,
        context: MLClientCtx | None = None,
        model_handler: PyTorchModelHandler | None = None,
        log_model_tag: str = "",
        log_model_labels: dict[str, Any] | None = None,
        log_model_parameters: dict[str, Any] | None = None,
        log_model_extra_data: dict[str, Any] | None = None,
        static_hyperparameters: dict[str, Any] | None = None,
        auto_log: bool = True,
    ) -> None:
        self.context = context if context is not None else get_or_create_ctx("mlrun-pytorch")
        self.handler = model_handler
        self.details = {
            "tag": log_model_tag,
            "labels": log_model_labels,
            "parameters": log_model_parameters,
            "extra_data": log_model_extra_data,
        }
        self.static = dict(static_hyperparameters or {})
        self.auto_log = auto_log
        self.writer: TensorboardWriter | None = None

    def on_run_begin(self) -> None:
        """Record the parameters."""
        found = self.objects
        self.testing = found.get("optimizer") is None
        self.logger = LoopLogger(self.context, self.testing, self.writer)
        self.loop = "evaluation" if self.testing else "validation"
        self.names = [metric_name(metric) for metric in found["metric_functions"]]
        self.loss = metric_name(found["loss_function"])
        values = dict(self.static)
        if self.auto_log:
            data = found.get("training_set") or found.get("validation_set")
            values = {"batch_size": getattr(data, "batch_size", None), **values}
            values = {**self.context.parameters, **values}
        self.logger.log_parameters(values)

    def on_epoch_begin(self, epoch: int) -> None:
        """Epochs before this one may belong to an earlier run."""
        self.logger.epoch = epoch

    def on_train_loss_end(self, loss_value: Any) -> None:
        """Collect the loss."""
        self.logger.log_batch("training", self.loss, loss_value)

    def on_validation_loss_end(self, loss_value: Any) -> None:
        """Collect the loss."""
        self.logger.log_batch(self.loop, self.loss, loss_value)

    def on_train_metrics_end(self, metric_values: list[Any]) -> None:
        """Collect the metrics."""
        for name, value in zip(self.names, metric_values, strict=True):
            self.logger.log_batch("training", name, value)

    def on_validation_metrics_end(self, metric_values: list[Any]) -> None:
        """Collect the metrics."""
        for name, value in zip(self.names, metric_values, strict=True):
            self.logger.log_batch(self.loop, name, value)

    def on_train_end(self) -> None:
        """Record the epoch's training."""
        self.logger.end_loop("training")
        groups = getattr(self.objects.get("optimizer"), "param_groups", None)
        if self.auto_log and groups:
            self.logger.log_changing("lr", float(groups[0]["lr"]))

    def on_validation_end(self, loss_value: Any, metric_values: list[Any]) -> None:
        """Record the epoch's validation."""
        self.logger.end_loop(self.loop)

    def on_epoch_end(self, epoch: int) -> None:
        """Write it down."""
        self.logger.end_epoch()

    def on_run_end(self) -> None:
        """Draw the charts and log the model."""
        charts = self.logger.end()
        if self.handler is None or not self.logger.active:
            return
        given = {name: value for name, value in self.details.items() if value}
        log = self.handler.update if self.testing else self.handler.log
        if not self.testing or self.handler.record is not None:
            log(metrics=self.logger.metrics, artifacts=charts, **given)
        self.context.commit()


class TensorboardLoggingCallback(Callback):
    """Writes for TensorBoard what the logging callback records, and the weights' distributions.

    Args:
        context: The run.
        tensorboard_directory: The folder; each run has one of its own in it.
        weights: Also write the distribution of each weight after each epoch.
        auto_log: Kept for MLRun's callers.
        demanded: Raise if no writer of TensorBoard's files is installed.
    """

    def __init__(
        self,
        context: MLClientCtx | None = None,
        tensorboard_directory: str | None = None,
        weights: bool = False,
        auto_log: bool = True,
        demanded: bool = False,
    ) -> None:
        self.context = context if context is not None else get_or_create_ctx("mlrun-pytorch")
        self.writer = TensorboardWriter.of_run(self.context, tensorboard_directory, demanded)
        self.weights = weights

    def on_epoch_end(self, epoch: int) -> None:
        """Write the weights."""
        if self.weights and self.writer is not None:
            for name, values in self.objects["model"].named_parameters():
                self.writer.histogram(name, values.detach().cpu().numpy(), epoch)


class CheckpointCallback(Callback):
    """Keeps the state of a training after epochs, and goes on from the newest.

    Of several ranks of a run, the one that logs writes; all go on.

    Args:
        directory: The folder of the states.
        every: Epochs between two states.
        keep: How many states are kept.
        resume: Go on from the newest state, if there is one.
    """

    def __init__(self, directory: str, every: int = 1, keep: int = 2, resume: bool = True) -> None:
        self.states = Checkpoints(directory, every, keep)
        self.resume = resume

    def on_run_begin(self) -> int | None:
        """Take over the newest state."""
        epoch, path = self.states.latest()
        if not self.resume or not path:
            return None
        torch = require("torch", extra="torch", feature="checkpoints")
        state = torch.load(path, map_location="cpu", weights_only=True)
        for name in ("model", "optimizer", "scheduler"):
            if state.get(name) is not None and self.objects.get(name) is not None:
                self.objects[name].load_state_dict(state[name])
        torch.set_rng_state(state["random"])
        return epoch

    def on_epoch_end(self, epoch: int) -> None:
        """Write the state."""
        context = current_context()
        if context is not None and not context.is_logging_worker():
            return  # another rank writes the same states
        if not self.states.due(epoch + 1):
            return
        torch = require("torch", extra="torch", feature="checkpoints")
        state: dict[str, Any] = {"random": torch.get_rng_state()}
        for name in ("model", "optimizer", "scheduler"):
            part: Any = self.objects.get(name)
            state[name] = part.state_dict() if hasattr(part, "state_dict") else None
        self.states.save(epoch + 1, lambda path: torch.save(state, path))
