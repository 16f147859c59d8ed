"""Training PyTorch models with MLRun's words: train, evaluate, callbacks.

train.py      train(...) and evaluate(...): one call, everything is logged
interface.py  PyTorchMLRunInterface: the loops, which call callbacks
callbacks.py  Callback, and those that log, write for TensorBoard, and keep checkpoints
handler.py    PyTorchModelHandler: saves and loads modules
"""

from __future__ import annotations

from mlrun_like.frameworks.pytorch.callbacks import (
    Callback,
    CheckpointCallback,
    MLRunLoggingCallback,
    TensorboardLoggingCallback,
)
from mlrun_like.frameworks.pytorch.handler import PyTorchModelHandler
from mlrun_like.frameworks.pytorch.interface import PyTorchMLRunInterface
from mlrun_like.frameworks.pytorch.train import evaluate, train
from mlrun_like.serving.models.pytorch import PyTorchModelServer

__all__ = [
    "Callback",
    "CheckpointCallback",
    "MLRunLoggingCallback",
    "PyTorchMLRunInterface",
    "PyTorchModelHandler",
    "PyTorchModelServer",
    "TensorboardLoggingCallback",
    "evaluate",
    "train",
]
