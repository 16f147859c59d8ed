"""PyTorchModelHandler: modules of PyTorch, whole or as their state."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import cloudpickle

from mlrun_like.artifacts.models import load_model
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.core.handler import ModelHandler
from mlrun_like.registry import require

__all__ = ["PyTorchModelHandler"]

_CLASS = "model-class-name"
"""Label that names the class whose state a file holds (MLRun's)."""


class PyTorchModelHandler(ModelHandler):
    """A module of PyTorch, saved as `<name>.pt`.

    With `modules_map` or `custom_objects_map`, which say where its class is, the file holds the
    module's state (as in MLRun); without them the whole module, its class included if that is
    nobody's module, so that it can be served as it is.

    Args:
        model: The module.
        model_class: The class of a module whose state is loaded: the class, or its name in the
            maps; by default the logged one's.
        model_args: Arguments of that class.
        kwargs: Those of ModelHandler.
    """

    FRAMEWORK_NAME = "torch"
    SUFFIXES = (".pt", ".pth")

    def __init__(
        self,
        model: Any = None,
        *,
        model_class: Any = None,
        model_args: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(_inner(model), **kwargs)
        self.model_class, self.model_args = model_class, dict(model_args or {})

    def write(self, folder: str) -> str:
        """The module, or its state."""
        torch = require("torch", extra="torch", feature="saving a module")
        name = f"{self.model_name}.pt"
        path = os.path.join(folder, name)
        module = self._model
        if self.custom_objects:
            torch.save(module.state_dict(), path)
        else:
            torch.save(module, path, pickle_module=cloudpickle)
        return name

    def load(self, checkpoint: str | None = None) -> Any:
        """Load the module.

        Args:
            checkpoint: A file of CheckpointCallback: take the state from it.

        Raises:
            InvalidArgumentError: if a file holds a state and no class is known.
        """
        torch = require("torch", extra="torch", feature="loading a module")
        found = self.custom_objects.load()
        source: Any = self.model_path if self.record is not None else self._file
        loaded = load_model(source)
        if not isinstance(loaded, torch.nn.Module):
            state, loaded = loaded, self._class(found)(**self.model_args)
            loaded.load_state_dict(state)
        if checkpoint:
            kept = torch.load(checkpoint, map_location="cpu", weights_only=True)
            loaded.load_state_dict(kept["model"])
        self._model = loaded
        return loaded

    def _class(self, found: Mapping[str, Any]) -> Any:
        wanted = self.model_class
        if wanted is None and self.record is not None:
            wanted = self.record.metadata.labels.get(_CLASS)
        if callable(wanted):
            return wanted
        if wanted in found:
            return found[str(wanted)]
        raise InvalidArgumentError(
            f"the file holds the state of a module, and its class {wanted!r} is not known",
            fix="model_class=, or modules_map={'module': 'Class'}",
        )

    def own_labels(self) -> dict[str, str]:
        """The module's class."""
        return {_CLASS: type(self._model).__name__}

    def own_parameters(self) -> dict[str, Any]:
        """How many weights are trained."""
        return {"weights": sum(p.numel() for p in self._model.parameters())}


def _inner(model: Any) -> Any:
    """The module inside of one that spreads its work (DataParallel)."""
    return model.module if type(model).__name__.endswith("DataParallel") else model
