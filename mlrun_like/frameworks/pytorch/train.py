"""`train` and `evaluate`: a module is trained or tested in one call, and all of it is on record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mlrun_like.frameworks.pytorch.callbacks import Callback, CheckpointCallback
from mlrun_like.frameworks.pytorch.handler import PyTorchModelHandler
from mlrun_like.frameworks.pytorch.interface import PyTorchMLRunInterface
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.session import get_or_create_ctx

__all__ = ["evaluate", "train"]


def train(  # noqa: PLR0913 - MLRun's signature
    model: Any,
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
    callbacks_list: Sequence[Callback] | None = None,
    use_cuda: bool = True,
    use_horovod: bool | None = None,
    auto_log: bool = True,
    model_name: str | None = None,
    modules_map: Any = None,
    custom_objects_map: Any = None,
    custom_objects_directory: str | None = None,
    tensorboard_directory: str | None = None,
    mlrun_callback_kwargs: dict[str, Any] | None = None,
    tensorboard_callback_kwargs: dict[str, Any] | None = None,
    context: MLClientCtx | None = None,
    *,
    checkpoint_directory: str | None = None,
    checkpoint_every: int = 1,
    resume: bool = True,
) -> PyTorchModelHandler:
    """Train a module and log the training.

    The run gets results and series `training_<metric>` and `validation_<metric>` (one point per
    epoch), charts, and the module.

    Args:
        model: The module.
        training_set: Batches of inputs and true values: a DataLoader, or anything like it.
        loss_function: The loss: `(y_pred, y_true)` to a tensor.
        optimizer: The optimizer of the module's weights.
        validation_set: Batches to test with after each epoch.
        metric_functions: Functions `(y_pred, y_true)` to a number.
        scheduler: Changes the learning rate.
        scheduler_step_frequency: `epoch`, `batch`, a number of batches, or a share of an epoch.
        epochs: How many epochs; those before a checkpoint count.
        training_iterations: Batches of each epoch's training; None: all.
        validation_iterations: Batches of each validation; None: all.
        callbacks_list: Further callbacks.
        use_cuda: Compute on the GPU, if there is one.
        use_horovod: Not supported; must not be true.
        auto_log: Log to the run and for TensorBoard.
        model_name: The model's name in the store; by default its class's.
        modules_map: Where the class is; see PyTorchModelHandler.
        custom_objects_map: Files with the class.
        custom_objects_directory: The folder, or zip file, of those files.
        tensorboard_directory: The folder of TensorBoard's files.
        mlrun_callback_kwargs: Arguments of MLRunLoggingCallback.
        tensorboard_callback_kwargs: Arguments of TensorboardLoggingCallback.
        context: The run; None: the current one, or a new one.
        checkpoint_directory: Keep states of the training here.
        checkpoint_every: Epochs between two states.
        resume: Go on from the newest state in that folder.

    Returns:
        The handler; its `model_path` is the logged model's URI.

    Raises:
        InvalidArgumentError: if an argument does not fit.
        MissingDependencyError: if PyTorch is not installed.
    """
    context = context if context is not None else get_or_create_ctx("mlrun-pytorch")
    handler = PyTorchModelHandler(
        model,
        model_name=model_name,
        modules_map=modules_map,
        custom_objects_map=custom_objects_map,
        custom_objects_directory=custom_objects_directory,
        context=context,
    )
    interface = PyTorchMLRunInterface(model, context)
    callbacks = list(callbacks_list or ())
    if checkpoint_directory:
        callbacks.insert(
            0, CheckpointCallback(checkpoint_directory, checkpoint_every, resume=resume)
        )
    if auto_log:
        board = {"tensorboard_directory": tensorboard_directory}
        interface.add_auto_logging_callbacks(
            mlrun_callback_kwargs={"model_handler": handler, **(mlrun_callback_kwargs or {})},
            tensorboard_callback_kwargs={**board, **(tensorboard_callback_kwargs or {})},
        )
    interface.train(
        training_set,
        loss_function,
        optimizer,
        validation_set,
        metric_functions,
        scheduler,
        scheduler_step_frequency,
        epochs,
        training_iterations,
        validation_iterations,
        callbacks,
        use_cuda,
        use_horovod,
    )
    return handler


def evaluate(  # noqa: PLR0913 - MLRun's signature
    model_path: str,
    dataset: Any,
    model: Any = None,
    loss_function: Any = None,
    metric_functions: Sequence[Callable[..., Any]] | None = None,
    iterations: int | None = None,
    callbacks_list: Sequence[Callback] | None = None,
    use_cuda: bool = True,
    use_horovod: bool = False,
    auto_log: bool = True,
    model_name: str | None = None,
    modules_map: Any = None,
    custom_objects_map: Any = None,
    custom_objects_directory: str | None = None,
    mlrun_callback_kwargs: dict[str, Any] | None = None,
    context: MLClientCtx | None = None,
) -> tuple[PyTorchModelHandler, list[float]]:
    """Test a logged module; `evaluation_<metric>` is added to the run and to the model.

    Args:
        model_path: The model's URI.
        dataset: Batches of inputs and true values.
        model: The module; None: loaded from `model_path`.
        loss_function: The loss.
        metric_functions: Functions `(y_pred, y_true)` to a number.
        iterations: Batches to use; None: all.
        callbacks_list: Further callbacks.
        use_cuda: Compute on the GPU, if there is one.
        use_horovod: Not supported.
        auto_log: Log to the run and the model.
        model_name: The model's name.
        modules_map: Where the class is; by default what was logged.
        custom_objects_map: Files with the class.
        custom_objects_directory: The folder, or zip file, of those files.
        mlrun_callback_kwargs: Arguments of MLRunLoggingCallback.
        context: The run; None: the current one, or a new one.

    Returns:
        The handler, and the means of the loss and the metrics.
    """
    context = context if context is not None else get_or_create_ctx("mlrun-pytorch")
    handler = PyTorchModelHandler(
        model,
        model_path=model_path,
        model_name=model_name,
        modules_map=modules_map,
        custom_objects_map=custom_objects_map,
        custom_objects_directory=custom_objects_directory,
        context=context,
    )
    if model is None:
        handler.load()
    interface = PyTorchMLRunInterface(handler.model, context)
    if auto_log:
        interface.add_auto_logging_callbacks(
            mlrun_callback_kwargs={"model_handler": handler, **(mlrun_callback_kwargs or {})},
            add_tensorboard_logger=False,
        )
    found = interface.evaluate(
        dataset, loss_function, metric_functions, iterations, callbacks_list, use_cuda
    )
    return handler, found
