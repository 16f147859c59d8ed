"""Tensors of the Open Inference Protocol (JSON form), to and from the rows that models see.

https://github.com/kserve/open-inference-protocol: `{"inputs": [{"name", "shape", "datatype",
"data"}]}`. One tensor is rows as they are; several are rows of mappings by tensor name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.codec import encode
from mlrun_like.serving.event import Event
from mlrun_like.serving.models.dialects import Dialect

__all__ = [
    "DATATYPES",
    "TensorDialect",
    "read_tensor",
    "rows_of",
    "tensors_of",
    "write_tensor",
]

DATATYPES: Mapping[str, str] = {
    "BOOL": "bool", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64",
    "INT8": "int8", "INT16": "int16", "INT32": "int32", "INT64": "int64", "FP16": "float16",
    "FP32": "float32", "FP64": "float64", "BYTES": "object",
}  # fmt: skip
"""Datatypes of the protocol and numpy's names of them."""

_NAMES = {kind: name for name, kind in DATATYPES.items()}
_FIX = (
    '{"inputs": [{"name": "x", "shape": [2, 3], "datatype": "FP32", "data": [1, 2, 3, 4, 5, 6]}]}'
)


class TensorDialect(Dialect):
    """Requests and answers as tensors.

    >>> tensor = {"name": "x", "shape": [2, 1], "datatype": "INT64", "data": [3, 4]}
    >>> TensorDialect().read({"inputs": [tensor]}, Event())
    {'inputs': [[3], [4]]}
    """

    def read(self, body: Any, event: Event) -> dict[str, Any]:
        """The request, its tensors as rows.

        Raises:
            InvalidArgumentError: naming the tensor that is wrong.
        """
        request = super().read(body, event)
        arrays = [read_tensor(item, number) for number, item in enumerate(request["inputs"])]
        names = [item["name"] for item in request["inputs"]]
        asked = request.pop("outputs", None)
        request["inputs"] = rows_of(names, arrays)
        if asked is not None:
            if not isinstance(asked, list) or not all(
                isinstance(item, dict) and isinstance(item.get("name"), str) for item in asked
            ):
                raise _wrong("'outputs' must be a list of {\"name\": ...}")
            request["requested_outputs"] = asked
        return request

    def write(self, answer: dict[str, Any], request: Mapping[str, Any], event: Event) -> Any:
        """The answer, its outputs as tensors.

        Raises:
            InvalidArgumentError: if an output was asked for that the model does not have.
        """
        tensors = tensors_of(answer.get("outputs"))
        asked = [item["name"] for item in request.get("requested_outputs") or ()]
        if asked:
            by_name = {tensor["name"]: tensor for tensor in tensors}
            unknown = [name for name in asked if name not in by_name]
            if unknown:
                raise InvalidArgumentError(
                    f"the model has no output {unknown[0]!r:.60}",
                    fix=f"outputs: {', '.join(by_name)}",
                )
            tensors = [by_name[name] for name in asked]
        return {**answer, "outputs": tensors}


def read_tensor(item: Any, number: int = 0) -> Any:
    """One tensor as an array of its shape.

    Raises:
        InvalidArgumentError: if it is malformed, or its data does not fit its shape or type.
    """
    if not isinstance(item, dict) or not isinstance(item.get("name"), str):
        raise _wrong(f"tensor {number} has no name")
    name, shape, kind = item["name"], item.get("shape"), item.get("datatype")
    where = f"tensor {name!r:.60}"
    if not isinstance(kind, str) or kind not in DATATYPES:
        raise _wrong(f"{where} has datatype {kind!r:.30}; known: {', '.join(DATATYPES)}")
    whole = isinstance(shape, list) and all(type(size) is int and size >= 0 for size in shape)
    if not isinstance(shape, list) or not whole:
        raise _wrong(f"{where} has shape {shape!r:.60}, not a list of sizes")
    if "data" not in item:
        raise _wrong(f"{where} has no data")
    data = item["data"]
    if not isinstance(data, list):
        data = [data]
    try:
        if kind == "BYTES":
            found = _texts(data, len(shape))
        else:
            found = numpy.asarray(data)
            if found.size and found.dtype.kind not in ("b" if kind == "BOOL" else "biuf"):
                raise ValueError(f"a value is not of type {kind}")
            found = _cast(found, DATATYPES[kind], kind)
    except (ValueError, TypeError, OverflowError) as exc:
        raise _wrong(f"{where}: {exc!s:.200}") from exc
    if found.size != math.prod(shape):
        raise _wrong(f"{where} has shape {shape}, but {found.size} values")
    return found.reshape(shape)


def _cast(found: Any, kind: str, name: str) -> Any:
    """The array in another type; whole numbers must stay what they are."""
    if numpy.dtype(kind).kind in "iu" and found.size:
        if found.dtype.kind == "f" and not (found == numpy.floor(found)).all():
            raise ValueError(f"a value is not of type {name}")
        limits = numpy.iinfo(kind)
        if found.max() > limits.max or found.min() < limits.min:
            raise ValueError(f"a value is outside of {name}")
    return found.astype(kind)


def _texts(data: list[Any], depth: int) -> Any:
    flat: list[Any] = data
    for _ in range(depth - 1):
        if flat and all(isinstance(part, list) for part in flat):
            flat = [item for part in flat for item in part]
    if not all(isinstance(item, str) for item in flat):
        raise ValueError("a value is not a text")
    found = numpy.empty(len(flat), dtype=object)
    found[:] = flat
    return found


def rows_of(names: list[str], arrays: list[Any]) -> list[Any]:
    """Arrays as the rows of one request.

    Raises:
        InvalidArgumentError: if several arrays do not have the same number of rows.
    """
    if len(arrays) == 1:
        found: Any = arrays[0].tolist()
        return found if isinstance(found, list) else [found]
    lengths = {array.shape[0] if array.ndim else 1 for array in arrays}
    if len(lengths) > 1:
        raise _wrong(f"the tensors {', '.join(names)} differ in their first size")
    if len(set(names)) < len(names):
        raise _wrong(f"two tensors have one name: {', '.join(names)}")
    # a column of n rows is written as shape [n] or [n, 1]
    columns = [
        (array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array).tolist()
        for array in arrays
    ]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def tensors_of(outputs: Any) -> list[dict[str, Any]]:
    """Outputs of a model as tensors: one, or one per name of mappings."""
    return [write_tensor(name, values) for name, values in _named(outputs).items()]


def _named(outputs: Any) -> dict[str, Any]:
    if isinstance(outputs, Mapping) and outputs:
        return {str(name): values for name, values in outputs.items()}
    if isinstance(outputs, list) and outputs and all(isinstance(row, Mapping) for row in outputs):
        names = list(outputs[0])
        if all(list(row) == names for row in outputs):
            return {str(name): [row[name] for row in outputs] for name in names}
    return {"output-0": outputs}


def write_tensor(name: str, values: Any) -> dict[str, Any]:
    """Values as a tensor; those that are not of one shape become texts of JSON."""
    try:
        array = numpy.asarray(values)
    except ValueError:  # rows of different lengths
        array = numpy.asarray(None)
    if array.dtype.kind == "U":
        return {
            "name": name,
            "shape": list(array.shape),
            "datatype": "BYTES",
            "data": array.reshape(-1).tolist(),
        }
    datatype = _NAMES.get(array.dtype.name)
    if datatype is None or datatype == "BYTES":
        items = values if isinstance(values, (list, tuple)) else [values]
        return {
            "name": name,
            "shape": [len(items)],
            "datatype": "BYTES",
            "data": [item if isinstance(item, str) else encode(item).decode() for item in items],
            "parameters": {"content_type": "json"},
        }
    return {
        "name": name,
        "shape": list(array.shape),
        "datatype": datatype,
        "data": array.reshape(-1).tolist(),
    }


def _wrong(what: str) -> InvalidArgumentError:
    return InvalidArgumentError(what, fix=f"send {_FIX}")
