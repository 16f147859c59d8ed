"""Models in ONNX: logged, loaded, and made from models of other frameworks."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.core.handler import ModelHandler
from mlrun_like.frameworks.core.watching import plain
from mlrun_like.registry import require, resolve

__all__ = ["ONNXModelHandler", "convert"]


class ONNXModelHandler(ModelHandler):
    """A model in ONNX (`onnx.ModelProto`), saved as `<name>.onnx`; such files run no code."""

    FRAMEWORK_NAME = "onnx"
    SUFFIXES = (".onnx",)

    def write(self, folder: str) -> str:
        """The model's file."""
        name = f"{self.model_name}.onnx"
        with open(os.path.join(folder, name), "wb") as stream:
            stream.write(self._model.SerializeToString())
        return name

    def read(self, path: str) -> Any:
        """The model in a file."""
        return require("onnx", extra="onnx", feature=type(self).__name__).load(path)

    def own_labels(self) -> dict[str, str]:
        """The version of ONNX's format."""
        return {"onnx-ir-version": str(self._model.ir_version)}


def convert(
    handler: ModelHandler,
    model_name: str | None = None,
    sample: Any = None,
    log: bool = False,
    **options: Any,
) -> ONNXModelHandler:
    """A model of scikit-learn or PyTorch in ONNX.

    Args:
        handler: The model.
        model_name: The new model's name; by default `<name>_onnx`.
        sample: Rows that show the inputs; by default those that the model was logged with.
        log: Log it to the handler's run.
        options: Of the converter.

    Raises:
        InvalidArgumentError: if the framework is another one, or nothing shows the inputs.
        MissingDependencyError: if the converter is not installed.
    """
    makers = {"sklearn": _from_sklearn, "torch": _from_torch}
    maker = makers.get(handler.FRAMEWORK_NAME)
    if maker is None:
        raise InvalidArgumentError(
            f"models of {handler.FRAMEWORK_NAME!r} are not converted to ONNX here",
            fix=f"these are: {', '.join(makers)}",
        )
    made = ONNXModelHandler(
        maker(handler, sample, options),
        model_name=model_name or f"{handler.model_name}_onnx",
        context=handler.context,
    )
    made.inputs, made.outputs = handler.inputs, handler.outputs
    if log:
        made.log()
    return made


def _from_sklearn(handler: ModelHandler, sample: Any, options: dict[str, Any]) -> Any:
    converter = require("skl2onnx", extra="onnx", feature="to_onnx")
    count = getattr(handler.model, "n_features_in_", None)
    if sample is None and count is None:
        raise InvalidArgumentError("the model is not trained, so its inputs are not known")
    rows = numpy.zeros((1, int(count or 0))) if sample is None else numpy.asarray(sample)
    with plain(handler.model) as model:
        return converter.to_onnx(model, rows[:1].astype("float32"), **options)


def _from_torch(handler: ModelHandler, sample: Any, options: dict[str, Any]) -> Any:
    torch = require("torch", extra="torch", feature="to_onnx")
    onnx = require("onnx", extra="onnx", feature="to_onnx")
    if sample is None:
        raise InvalidArgumentError(
            "nothing shows the module's inputs", fix="to_onnx(sample=a batch of inputs)"
        )
    rows = sample if isinstance(sample, torch.Tensor) else torch.as_tensor(sample).float()
    buffer = io.BytesIO()
    module = handler.model.eval()
    torch.onnx.export(
        module,
        (rows,),
        buffer,
        **{
            "dynamo": False,
            "input_names": ["input"],
            "output_names": ["output"],
            "dynamic_axes": {"input": {0: "rows"}, "output": {0: "rows"}},
            **options,
        },
    )
    return onnx.load_model_from_string(buffer.getvalue())


def __getattr__(name: str) -> Any:
    if name == "ONNXModelServer":
        return resolve("mlrun_like.serving.models.onnx:ONNXModelServer")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
