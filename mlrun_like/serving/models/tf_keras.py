"""TFKerasModelServer: models of Keras, whatever computes them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy

from mlrun_like.registry import require
from mlrun_like.serving.models.columns import Columns
from mlrun_like.serving.models.framework import FrameworkModelServer

__all__ = ["TFKerasModelServer"]


class TFKerasModelServer(FrameworkModelServer):
    """Serves `.keras` and `.h5` files; Keras computes with TensorFlow, PyTorch or JAX.

    Such files can hold code, so they must be ones that this store recorded (or `trust=True`).
    """

    suffixes = (".keras", ".h5")

    def load(self) -> None:
        """Load the model."""
        require("keras", extra="keras", feature=type(self).__name__)
        super().load()

    def infer(self, table: Any, request: Mapping[str, Any]) -> Any:
        """The model's output as an array."""
        keras = require("keras", extra="keras", feature=type(self).__name__)
        array = numpy.asarray(table)
        if array.dtype.kind not in "biuf":
            raise self.misfit("a value is not a number")
        found = self.model(array, training=False)
        return numpy.asarray(keras.ops.convert_to_numpy(found))

    @cached_property
    def columns(self) -> Columns:
        """The width of the model's input, if it is a table."""
        shape = getattr(self.model, "input_shape", None)
        count = shape[1] if isinstance(shape, tuple) and len(shape) == 2 else None
        return Columns(None, count, f"model {self.name!r}")
