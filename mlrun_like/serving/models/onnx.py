"""ONNXModelServer: ONNX models, computed by ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require
from mlrun_like.serving.models.columns import Columns
from mlrun_like.serving.models.framework import FrameworkModelServer

__all__ = ["ONNXModelServer"]

_TYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16",
    "tensor(int64)": "int64", "tensor(int32)": "int32", "tensor(int16)": "int16",
    "tensor(int8)": "int8", "tensor(uint8)": "uint8", "tensor(uint16)": "uint16",
    "tensor(uint32)": "uint32", "tensor(uint64)": "uint64", "tensor(bool)": "bool",
    "tensor(string)": "object",
}  # fmt: skip


class ONNXModelServer(FrameworkModelServer):
    """Serves `.onnx` files.

    A model with one input takes rows as lists; one with several takes rows as mappings, by the
    inputs' names. The answer is the model's first output, or those that the class argument
    `outputs` names: a text for one, a list of names for rows of mappings. `providers` chooses
    where it computes (default: CUDA if this machine has it, then the processor).
    """

    suffixes = (".onnx",)

    def open_model(self) -> Any:
        """A session of ONNX Runtime."""
        runtime = require("onnxruntime", extra="onnx", feature=type(self).__name__)
        path = self.file()
        present = runtime.get_available_providers()
        wanted = self.get_param("providers", None) or [
            name for name in ("CUDAExecutionProvider", "CPUExecutionProvider") if name in present
        ]
        try:
            session = runtime.InferenceSession(path, providers=list(wanted))
        except Exception as exc:  # the runtime has an exception of its own for each status
            raise InvalidArgumentError(
                f"model file {path.rpartition('/')[2]!r} is no ONNX model: {exc!s:.300}",
                where=self.model_path,
            ) from exc
        known = [item.name for item in session.get_outputs()]
        unknown = [name for name in self._wanted(known) if name not in known]
        if unknown:
            raise InvalidArgumentError(
                f"the model has no output {unknown[0]!r}",
                where=f"model {self.name!r}",
                fix=f"outputs: {', '.join(known)}",
            )
        return session

    def table(self, inputs: Any) -> Any:
        """An array for each input of the model."""
        takes = self.model.get_inputs()
        found = self.columns.table(inputs)
        if len(takes) == 1:
            return {takes[0].name: self._array(found, takes[0])}
        if not hasattr(found, "columns"):
            raise self.misfit(
                f"the model has {len(takes)} inputs, so rows must be mappings by their names"
            )
        missing = [item.name for item in takes if item.name not in found.columns]
        if missing:
            raise self.misfit(f"the rows have no {', '.join(missing)}")
        return {item.name: self._array(found[item.name], item) for item in takes}

    def infer(self, table: Any, request: Mapping[str, Any]) -> Any:
        """The first output, or those that were asked for."""
        known = [item.name for item in self.model.get_outputs()]
        wanted = self._wanted(known)
        try:
            found = self.model.run(wanted, table)
        except Exception as exc:  # the runtime has an exception of its own for each status
            if "InvalidArgument" not in type(exc).__name__:
                raise
            raise self.misfit(f"the model refused the rows: {exc!s:.300}") from exc
        if not isinstance(self.get_param("outputs", ""), (list, tuple)):
            return _plain(found[0])
        columns = [_plain(item) for item in found]
        return [dict(zip(wanted, row, strict=True)) for row in zip(*columns, strict=True)]

    @cached_property
    def columns(self) -> Columns:
        """The number of columns that a single input declares, else what was recorded."""
        takes = self.model.get_inputs()
        inputs = self.model_spec.spec.inputs if self.model_spec else []
        names = [str(item["name"]) for item in inputs if "name" in item]
        where = f"model {self.name!r}"
        if len(takes) > 1:
            return Columns(where=where)
        shape = takes[0].shape
        count = shape[1] if len(shape) == 2 and isinstance(shape[1], int) else None
        fits = bool(names) and count in (None, len(names))
        return Columns(names if fits else None, count, where)

    def _wanted(self, known: list[str]) -> list[str]:
        asked = self.get_param("outputs", "")
        if not asked:
            return known[:1]
        return [asked] if isinstance(asked, str) else [str(name) for name in asked]

    def _array(self, values: Any, item: Any) -> Any:
        array = numpy.asarray(values)
        kind = _TYPES.get(item.type, "")
        if kind != "object" and array.dtype.kind not in "biuf":
            raise self.misfit(f"input {item.name!r} of the model takes numbers")
        if kind:
            array = array.astype(kind)
        if array.ndim == 1 and len(item.shape) == 2:
            return array.reshape(-1, 1)
        return array


def _plain(output: Any) -> Any:
    tolist = getattr(output, "tolist", None)
    return output if tolist is None else tolist()
