"""PyTorchModelServer: modules, TorchScript and state dictionaries of PyTorch."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import cached_property
from pickle import UnpicklingError
from typing import Any

import numpy

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.registry import require
from mlrun_like.serving.models.columns import Columns
from mlrun_like.serving.models.framework import FrameworkModelServer

__all__ = ["PyTorchModelServer"]


class PyTorchModelServer(FrameworkModelServer):
    """Serves `.pt` and `.pth` files: a whole module, or the state of one.

    Class arguments: `model_class` ("module:Class" or a class) and `model_args` make the module
    whose state the file holds, which is safe to load; without them the file holds the whole
    module, which can run code and therefore must be one that this store recorded (or
    `trust=True`). `dtype` is the type of the input tensor (default `float32`), `device` where it
    computes (default `cpu`).
    """

    suffixes = (".pt", ".pth", ".pkl")

    def check_model(self) -> None:
        """Refuse what is no module, and put the module in evaluation mode."""
        torch = self._torch()
        if not isinstance(self.model, torch.nn.Module):
            raise InvalidArgumentError(
                f"the model is a {type(self.model).__name__}, not a module of PyTorch",
                where=f"model {self.name!r}",
                fix='model_class="package.module:Class" if the file holds a state dictionary',
            )
        self.model.to(self.get_param("device", "cpu")).eval()

    def open_model(self) -> Any:
        """A whole module, or one made of its class and the state in the file."""
        torch = self._torch()
        kind = self.get_param("model_class", None)
        if kind is None:
            return super().open_model()
        path = self.file()
        made = _class(kind)(**self.get_param("model_args", {}))
        try:
            made.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        except (RuntimeError, UnpicklingError, EOFError, TypeError) as exc:
            raise InvalidArgumentError(
                f"model file {path.rpartition('/')[2]!r} does not hold the state of {kind!r}: "
                f"{exc!s:.300}",
                where=self.model_path,
            ) from exc
        return made

    def table(self, inputs: Any) -> Any:
        """The rows as a tensor; mappings in the order of the recorded columns."""
        torch = self._torch()
        found = self.columns.table(inputs)
        array = numpy.asarray(found)
        if array.dtype.kind not in "biuf":
            raise self.misfit("a value is not a number")
        dtype = getattr(torch, str(self.get_param("dtype", "float32")), None)
        if not isinstance(dtype, torch.dtype):
            raise InvalidArgumentError(
                f"dtype {self.get_param('dtype')!r:.60} is no type of a tensor",
                where=f"model {self.name!r}",
                fix='dtype="float32" or "int64"',
            )
        if not array.flags.writeable:  # PyTorch has no tensors of such memory, and warns
            array = array.copy()
        return torch.as_tensor(array).to(device=self.get_param("device", "cpu"), dtype=dtype)

    def infer(self, table: Any, request: Mapping[str, Any]) -> Any:
        """The module's output for the tensor, as an array or a mapping of arrays."""
        try:
            with self._torch().inference_mode():
                return _array(self.model(table))
        except (RuntimeError, IndexError) as exc:
            # a shape that the layers do not take is a RuntimeError too
            if isinstance(exc, MLRunLikeError) or "shape" not in str(exc).lower():
                raise
            raise self.misfit(f"the model refused the rows: {exc!s:.300}") from exc

    @cached_property
    def columns(self) -> Columns:
        """The recorded names; rows as lists may have any shape that the module takes."""
        inputs = self.model_spec.spec.inputs if self.model_spec else []
        names = [str(item["name"]) for item in inputs if "name" in item]
        return Columns(names or None, None, f"model {self.name!r}")

    def _torch(self) -> Any:
        return require("torch", extra="torch", feature=type(self).__name__)


def _class(kind: Any) -> Any:
    if not isinstance(kind, str):
        return kind
    module, _, name = kind.replace(":", ".").rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as exc:
        raise InvalidArgumentError(
            f"model_class {kind!r} cannot be imported: {exc}", fix='"package.module:Class"'
        ) from exc


def _array(output: Any) -> Any:
    """A tensor as an array; of several outputs, one array each."""
    if isinstance(output, Mapping):
        return {str(key): _array(item).tolist() for key, item in output.items()}
    if isinstance(output, (tuple, list)):
        return {f"output_{n}": _array(item).tolist() for n, item in enumerate(output)}
    return output.detach().cpu().numpy()
