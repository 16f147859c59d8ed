"""A server for ONNX models, computed by ONNX Runtime."""

from __future__ import annotations

from typing import Any

from mlrun_like.serving import Event
from mlrun_like.serving.models.onnx import ONNXModelServer

__all__ = ["ONNXServer"]


class ONNXServer(ONNXModelServer):
    """Serves an `.onnx` file: rows in, the model's outputs out.

    A model with one input takes rows as lists; one with several takes rows as mappings, by the
    inputs' names. The operation `schema` says what the model takes and gives.

    Class arguments: `outputs` (the name of the output to give, or a list of names: then each row's
    answer is a mapping), `providers` (where it computes).
    """

    def op_schema(self, event: Event) -> dict[str, Any]:
        """The names, types and shapes of the model's inputs and outputs."""
        del event
        return {
            "inputs": [_told(one) for one in self.model.get_inputs()],
            "outputs": [_told(one) for one in self.model.get_outputs()],
        }


def _told(tensor: Any) -> dict[str, Any]:
    shape = [size if isinstance(size, int) else None for size in tensor.shape]
    return {"name": tensor.name, "type": tensor.type, "shape": shape}
