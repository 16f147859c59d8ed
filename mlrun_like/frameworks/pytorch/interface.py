"""PyTorchMLRunInterface: the loops of training and testing, which call callbacks."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.pytorch.callbacks import (
    Callback,
    MLRunLoggingCallback,
    TensorboardLoggingCallback,
)
from mlrun_like.registry import require
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.session import get_or_create_ctx

__all__ = ["PyTorchMLRunInterface"]


class PyTorchMLRunInterface:
    """Trains, tests and asks a module.

    Args:
        model: The module.
        context: The run; None: the current one, or a new one.
    """

    DEFAULT_CONTEXT_NAME = "mlrun-pytorch"

    def __init__(self, model: Any, context: MLClientCtx | None = None) -> None:
        self.model = model
        self.context = (
            context if context is not None else get_or_create_ctx(self.DEFAULT_CONTEXT_NAME)
        )
        self.callbacks: list[Callback] = []

    def add_auto_logging_callbacks(
        self,
        add_mlrun_logger: bool = True,
        mlrun_callback_kwargs: dict[str, Any] | None = None,
        add_tensorboard_logger: bool = True,
        tensorboard_callback_kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Log the next training to the run and for TensorBoard.

        Args:
            add_mlrun_logger: Log to the run.
            mlrun_callback_kwargs: Arguments of MLRunLoggingCallback.
            add_tensorboard_logger: Write for TensorBoard, if a writer is installed.
            tensorboard_callback_kwargs: Arguments of TensorboardLoggingCallback.
        """
        report = MLRunLoggingCallback(self.context, **(mlrun_callback_kwargs or {}))
        if add_tensorboard_logger:
            board = TensorboardLoggingCallback(self.context, **(tensorboard_callback_kwargs or {}))
            report.writer = board.writer
            self.callbacks.append(board)
        if add_mlrun_logger:
            self.callbacks.append(report)

    def train(  # noqa: PLR0913 - MLRun's signature
        self,
        training_set: Any,
        loss_function: Any,
        optimizer: Any,
        validation_set: Any = None,
        metric_functions: Sequence[Callable[..., Any]] | None = None,
        scheduler: Any = None,
        scheduler_step_frequency: int | float | str = "epoch",
        epochs: int = 1,
        training_iterations: int | None = None,
        validation_iterations: int | None = None,
        callbacks: Sequence[Callback] | None = None,
        use_cuda: bool = True,
        use_horovod: bool | None = None,
    ) -> None:
        """Train the module; the arguments are those of `mlrun_like.frameworks.pytorch.train`.

        Raises:
            InvalidArgumentError: if an argument does not fit.
        """
        if use_horovod:
            raise InvalidArgumentError(
                "use_horovod is not supported",
                fix="run kind 'mpijob' and give a model in DistributedDataParallel",
            )
        if epochs < 0:
            raise InvalidArgumentError(f"epochs is {epochs}; it must be at least 0")
        batches = _length(training_set, training_iterations)
        step = _frequency(scheduler_step_frequency, batches)
        self._begin(
            callbacks,
            training_set=training_set,
            validation_set=validation_set,
            loss_function=loss_function,
            optimizer=optimizer,
            metric_functions=list(metric_functions or ()),
            scheduler=scheduler,
        )
        device = self._device(use_cuda)
        starts = self._call("on_run_begin")
        first = max((value for value in starts if isinstance(value, int)), default=0)
        for epoch in range(first, epochs):
            self._call("on_epoch_begin", epoch)
            self._call("on_train_begin")
            self._train(training_iterations, step, device)
            go_on = self._goes_on("on_train_end")
            if go_on and validation_set is not None:
                go_on = self._goes_on(
                    "on_validation_end", *self._test(validation_iterations, device)
                )
            # its results and states are written even if this was the last
            if not self._goes_on("on_epoch_end", epoch) or not go_on:
                break
        self._call("on_run_end")

    def evaluate(
        self,
        dataset: Any,
        loss_function: Any = None,
        metric_functions: Sequence[Callable[..., Any]] | None = None,
        iterations: int | None = None,
        callbacks: Sequence[Callback] | None = None,
        use_cuda: bool = True,
        use_horovod: bool | None = None,
    ) -> list[float]:
        """Test the module.

        Args:
            dataset: Batches of inputs and true values.
            loss_function: The loss; it may be left out.
            metric_functions: Functions `(y_pred, y_true)`.
            iterations: Batches to use; None: all.
            callbacks: Callbacks of this test.
            use_cuda: Compute on the GPU, if there is one.
            use_horovod: Kept for MLRun's callers.

        Returns:
            The means of the loss (if there is one) and of the metrics.
        """
        self._begin(
            callbacks,
            training_set=None,
            validation_set=dataset,
            loss_function=loss_function,
            optimizer=None,
            metric_functions=list(metric_functions or ()),
            scheduler=None,
        )
        device = self._device(use_cuda)
        self._call("on_run_begin")
        self._call("on_epoch_begin", 0)
        loss, metrics = self._test(iterations, device)
        self._call("on_validation_end", loss, metrics)
        self._call("on_run_end")
        return [loss, *metrics] if loss_function is not None else metrics

    def predict(self, inputs: Any, use_cuda: bool = True, batch_size: int = -1) -> list[Any]:
        """The module's answers, one per input.

        Args:
            inputs: Rows: a tensor, an array, or lists.
            use_cuda: Compute on the GPU, if there is one.
            batch_size: Rows computed together; -1: all.
        """
        torch = _torch()
        rows = inputs if isinstance(inputs, torch.Tensor) else torch.as_tensor(inputs)
        device = self._device(use_cuda)
        size = len(rows) if batch_size == -1 else batch_size
        found: list[Any] = []
        self.model.eval()
        with torch.inference_mode():
            for start in range(0, len(rows), max(size, 1)):
                found.extend(self.model(rows[start : start + size].to(device)).cpu().tolist())
        return found

    # -- inside ---------------------------------------------------------------------------

    def _begin(self, callbacks: Sequence[Callback] | None, **objects: Any) -> None:
        self.objects = {"model": self.model, **objects}
        self._active = [*(callbacks or ()), *self.callbacks]
        self._call("on_setup", self.objects)

    def _call(self, hook: str, *args: Any) -> list[Any]:
        return [getattr(callback, hook)(*args) for callback in self._active]

    def _goes_on(self, hook: str, *args: Any) -> bool:
        return all(answer is not False for answer in self._call(hook, *args))

    def _device(self, use_cuda: bool) -> Any:
        torch = _torch()
        if use_cuda and torch.cuda.is_available():
            self.model.to("cuda")
        first = next(iter(self.model.parameters()), None)
        return first.device if first is not None else torch.device("cpu")

    def _train(self, iterations: int | None, step: int, device: Any) -> None:
        found = self.objects
        optimizer, scheduler = found["optimizer"], found["scheduler"]
        self.model.train()
        done = 0
        for batch, (x, y_true) in enumerate(itertools.islice(found["training_set"], iterations)):
            x, y_true = _moved(x, device), _moved(y_true, device)
            self._call("on_train_batch_begin", batch, x, y_true)
            y_pred = self.model(x)
            loss = found["loss_function"](y_pred, y_true)
            self._call("on_train_loss_end", float(loss.detach()))
            self._call("on_train_metrics_end", self._metrics(y_pred.detach(), y_true))
            optimizer.zero_grad()
            loss.backward()
            self._call("on_backward_end")
            optimizer.step()
            self._call("on_optimizer_step_end")
            done = batch + 1
            if scheduler is not None and step and done % step == 0:
                self._schedule(scheduler)
            self._call("on_train_batch_end", batch, x, y_true, y_pred)
        if scheduler is not None and done and not step:
            self._schedule(scheduler)

    def _schedule(self, scheduler: Any) -> None:
        scheduler.step()
        self._call("on_scheduler_step_end")

    def _test(self, iterations: int | None, device: Any) -> tuple[float, list[float]]:
        found, losses, rows = self.objects, [], []
        self._call("on_validation_begin")
        self.model.eval()
        with _torch().inference_mode():
            for batch, (x, y_true) in enumerate(
                itertools.islice(found["validation_set"], iterations)
            ):
                x, y_true = _moved(x, device), _moved(y_true, device)
                self._call("on_validation_batch_begin", batch, x, y_true)
                y_pred = self.model(x)
                if found["loss_function"] is not None:
                    losses.append(float(found["loss_function"](y_pred, y_true)))
                    self._call("on_validation_loss_end", losses[-1])
                rows.append(self._metrics(y_pred, y_true))
                self._call("on_validation_metrics_end", rows[-1])
                self._call("on_validation_batch_end", batch, x, y_true, y_pred)
        means = [math.fsum(column) / len(column) for column in zip(*rows, strict=True)]
        return (math.fsum(losses) / len(losses) if losses else math.nan), means

    def _metrics(self, y_pred: Any, y_true: Any) -> list[float]:
        return [float(metric(y_pred, y_true)) for metric in self.objects["metric_functions"]]


def _torch() -> Any:
    return require("torch", extra="torch", feature="PyTorchMLRunInterface")


def _moved(value: Any, device: Any) -> Any:
    if isinstance(value, dict):
        return {key: _moved(item, device) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_moved(item, device) for item in value)
    return value.to(device) if hasattr(value, "to") else value


def _length(data: Any, iterations: int | None) -> int | None:
    count = len(data) if hasattr(data, "__len__") else None
    if iterations is None:
        return count
    return iterations if count is None else min(iterations, count)


def _frequency(given: int | float | str, batches: int | None) -> int:
    """Batches between two steps of the scheduler; 0: at the end of the epoch."""
    if given == "epoch":
        return 0
    if given == "batch":
        return 1
    if isinstance(given, float) and 0 < given < 1 and batches is not None:
        return max(1, int(batches * given))
    if isinstance(given, int) and not isinstance(given, bool) and given > 0:
        return given
    raise InvalidArgumentError(
        f"scheduler_step_frequency {given!r} is not usable",
        fix='"epoch", "batch", a number of batches, or a share of an epoch between 0 and 1',
    )
