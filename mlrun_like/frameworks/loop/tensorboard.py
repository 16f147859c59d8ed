"""Writes for TensorBoard, with the writer of PyTorch or tensorboardX, whichever is installed."""

from __future__ import annotations

import importlib
import os
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import MissingDependencyError
from mlrun_like.runs.context import MLClientCtx

__all__ = ["TensorboardWriter", "tensorboard_folder"]

_WRITERS = ("torch.utils.tensorboard", "tensorboardX")


def tensorboard_folder(context: MLClientCtx, directory: str | None = None) -> str:
    """The folder of a run's TensorBoard files.

    Args:
        context: The run. Its parameter `tensorboard_dir` may name the folder.
        directory: The folder that holds those of all runs; by default one of the project, in the
            home folder.
    """
    base = directory or context.parameters.get("tensorboard_dir")
    if not base:
        base = str(config.path("tensorboard", context.project))
    return os.path.join(os.path.abspath(base), f"{context.name}-{context.uid}")


class TensorboardWriter:
    """A log folder of TensorBoard.

    Args:
        folder: The folder.

    Raises:
        MissingDependencyError: if no writer is installed.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._parameters: dict[str, Any] = {}
        self._last: dict[str, float] = {}
        self._writer = _writer()(folder)

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Add a point."""
        self._last[tag] = value
        self._writer.add_scalar(tag, value, step)

    def parameter(self, name: str, value: Any) -> None:
        """Note a parameter; the table of them is written at the end."""
        known = isinstance(value, (bool, int, float, str))
        self._parameters[name] = value if known else str(value)

    def histogram(self, tag: str, values: Any, step: int) -> None:
        """Add the distribution of weights."""
        self._writer.add_histogram(tag, values, step)

    def close(self) -> None:
        """Write the rest."""
        if self._parameters:
            rows = "".join(f"|{name}|{value}|\n" for name, value in self._parameters.items())
            self._writer.add_text("parameters", f"|parameter|value|\n|---|---|\n{rows}", 0)
        self._writer.close()

    @classmethod
    def of_run(
        cls, context: MLClientCtx, directory: str | None, demanded: bool = False
    ) -> TensorboardWriter | None:
        """The writer of a run, or None if none is installed and none was asked for.

        Args:
            context: The run.
            directory: Where the user wants it.
            demanded: Raise if no writer is installed.
        """
        if not context.is_logging_worker():
            return None
        try:
            return cls(tensorboard_folder(context, directory))
        except MissingDependencyError:
            if demanded or directory:
                raise
            return None


def _writer() -> Any:
    for name in _WRITERS:
        try:
            return importlib.import_module(name).SummaryWriter
        except ImportError:
            continue
    raise MissingDependencyError(
        "TensorBoard logs need a writer, and none is installed", fix="pip install tensorboardX"
    )
